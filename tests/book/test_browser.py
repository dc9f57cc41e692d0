"""Headless Chromium opens pages from disk: maths, figures, no error, no network."""

import json

import pytest
from built import HTML, NOT_BUILT, chapter_names, html_of, page_names

pytest.importorskip("selenium")

pytestmark = pytest.mark.skipif(not HTML.exists(), reason=NOT_BUILT)

# Waits for MathJax, and loads the images that the page would load on scrolling.
SETTLE = """
const done = arguments[0];
const images = [...document.querySelectorAll('article img')];
images.forEach(image => { image.loading = 'eager'; });
const loaded = images.map(image => image.decode().catch(() => null));
const maths = window.MathJax?.startup?.promise ?? Promise.resolve();
Promise.all([maths, ...loaded]).then(() => done(true));
"""
UNRENDERED = """
return [...document.querySelectorAll('article .math')]
  .filter(node => !node.querySelector('mjx-container')).map(node => node.textContent);
"""
MATHS_ERRORS = """
return [...document.querySelectorAll('mjx-merror, [data-mml-node="merror"]')]
  .map(node => node.textContent);
"""
RAW_TEX = """
const copy = document.querySelector('article').cloneNode(true);
copy.querySelectorAll('pre, code, script, style, mjx-container').forEach(node => node.remove());
return ['\\\\(', '\\\\[', '$$'].filter(mark => copy.textContent.includes(mark));
"""
BROKEN_IMAGES = """
return [...document.querySelectorAll('article img')]
  .filter(image => image.naturalWidth === 0).map(image => image.src.slice(0, 100));
"""
# The theme's second search bar would be a second visible field; see _config.yml.
SEARCH_FIELDS = """
return [...document.querySelectorAll('input[type="search"], .search-button-field')]
  .filter(field => field.offsetParent !== null).length;
"""
TOC_ENTRIES = "return document.querySelectorAll('.bd-sidebar-primary .bd-links a').length"
WIDE = """
return document.documentElement.scrollWidth - document.documentElement.clientWidth;
"""


def network_events(browser) -> list[dict]:
    """What Chromium said about the requests of the page since the last call."""
    entries = [json.loads(entry["message"])["message"] for entry in browser.get_log("performance")]
    return [entry for entry in entries if entry["method"].startswith("Network.")]


def requests_and_failures(events: list[dict]) -> tuple[set[str], set[str]]:
    """The addresses a page asked for, and those that failed."""
    asked, failed = {}, set()
    for event in events:
        request = event["params"].get("requestId")
        if event["method"] == "Network.requestWillBeSent":
            asked[request] = event["params"]["request"]["url"]
        if event["method"] == "Network.loadingFailed" and not event["params"].get("canceled"):
            failed.add(asked.get(request, request))
    return set(asked.values()), failed


LEDGER = ["reproduction_ledger", "ledger_rows"]


@pytest.fixture(scope="module", params=[page_names()[0], *chapter_names(), *LEDGER])
def opened(request, browser):
    """A page after it has settled, with what it logged and asked for."""
    browser.get_log("browser")
    network_events(browser)
    browser.get(html_of(request.param).as_uri())
    browser.execute_async_script(SETTLE)
    console = browser.get_log("browser")
    return browser, console, *requests_and_failures(network_events(browser))


def test_page_in_browser(opened):
    browser, console, asked, failed = opened
    severe = [entry["message"] for entry in console if entry["level"] == "SEVERE"]
    assert not severe, "console errors"
    assert not failed, "requests that failed"
    remote = {url for url in asked if not url.startswith(("file:", "data:", "blob:", "chrome"))}
    assert not remote, "the page must not need a network"
    assert browser.execute_script(UNRENDERED) == [], "maths that was not rendered"
    assert browser.execute_script(MATHS_ERRORS) == [], "maths that MathJax could not read"
    assert browser.execute_script(RAW_TEX) == [], "raw TeX in the text"
    assert browser.execute_script(BROKEN_IMAGES) == [], "images that did not load"
    assert browser.execute_script(SEARCH_FIELDS) == 1, "one search field"
    assert browser.execute_script(TOC_ENTRIES) >= len(page_names()) - 1
    assert browser.execute_script(WIDE) <= 1, "the page is wider than the window"


@pytest.mark.parametrize("name", chapter_names())
def test_chapter_shows_maths_and_figures(browser, name):
    browser.get(html_of(name).as_uri())
    browser.execute_async_script(SETTLE)
    assert browser.execute_script("return document.querySelectorAll('mjx-container').length")
    assert browser.execute_script("return document.querySelectorAll('article img').length")
