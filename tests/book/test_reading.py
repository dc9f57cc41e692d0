"""The limits of a page: what a reader can take in, on a screen and on a phone."""

import json
import re
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
from built import HTML, NOT_BUILT, ROOT, html_of, page_names

pytestmark = pytest.mark.skipif(not HTML.exists(), reason=NOT_BUILT)

WIDE, PHONE = 1400, 375
NOTEBOOKS = sorted((ROOT / "chapters").glob("ch*.ipynb"))
MOST = {"lines of code": 220, "lines of a cell": 30, "words": 2600, "seconds": 90}
MOST_BYTES = 5_000_000
HIDDEN = re.compile("(hide|remove)-(cell|input)")

# What is too wide for the page, with everything unfolded; the copies of formulas for screen
# readers, which are not seen, are taken out.
MEASURE = """
const done = arguments[0], page = document.documentElement;
const all = (selector, root = document) => [...root.querySelectorAll(selector)];
Promise.resolve(window.MathJax?.startup?.promise).then(() => setTimeout(() => {
  const article = document.querySelector("article");
  const over = page.scrollWidth - page.clientWidth;
  all("details").forEach(e => e.open = true);
  all(".toggle-hidden").forEach(e => e.classList.remove("toggle-hidden"));
  all("mjx-assistive-mml").forEach(e => e.remove());
  const cut = slack => e => {
    const box = e.getBoundingClientRect();
    for (let p = e.parentElement; box.width && p; p = p === article ? null : p.parentElement) {
      const clips = p === article || getComputedStyle(p).overflowX !== "visible";
      if (clips && p.clientWidth && box.right > p.getBoundingClientRect().left + p.clientWidth
          + slack) return true;
    }
    return false;
  };
  const ids = all("[id]").map(e => e.id);
  done({
    over,
    tables: all("table", article).filter(cut(2)).length,
    formulas: all("mjx-container[display=true] mjx-math", article).filter(cut(4)).length,
    images: all("img").filter(e => !e.alt.trim() || /[.](png|svg|jpe?g)$/i.test(e.alt)).length,
    repeated: ids.filter((id, k) => ids.indexOf(id) !== k),
    nameless: all("input:not([type=hidden]), select, textarea").filter(e =>
      !(e.getAttribute("aria-label") || e.title || e.labels?.length)).length,
    described: !!document.querySelector("meta[name=description]")?.content.trim(),
    icon: !!document.querySelector("link[rel~=icon]"),
    files: [...performance.getEntriesByType("resource").map(e => e.name),
            ...all("img[src], script[src]").map(e => e.src)],
  });
}, 300));
"""


def words(text: str) -> int:
    """Words of Markdown; a formula in a line is one, displayed ones and code are none."""
    text = re.sub(r"(?ms)^(`{3,})(?!\{(?!code|math)).*?^\1\s*$", "", text)
    text = re.sub(r"(?s)\$\$.*?\$\$", "", text)
    text = re.sub(r"(?m)^[:`]{3,}.*$|^:[\w-]+:.*$|^\([\w-]+\)=$", "", text)
    text = re.sub(r"\$[^$]+\$", "formula", text)
    text = re.sub(r"\{[\w:]+\}`([^`<]*)[^`]*`|!?\[([^\]]*)\]\([^)]*\)", r"\1\2", text)
    return sum(any(letter.isalnum() for letter in word) for word in text.split())


def size(path: Path) -> dict[str, int]:
    """What a reader of a notebook sees, solutions folded."""
    notebook = json.loads(path.read_text(encoding="utf-8"))
    found = dict.fromkeys(MOST, 0)
    found["seconds"] = notebook["metadata"]["invlab"]["seconds"]
    folded = False
    for cell in notebook["cells"]:
        text = "".join(cell["source"])
        if cell["cell_type"] == "markdown":
            folded = folded or "{solution-start}" in text
            found["words"] += 0 if folded else words(text)
            folded = folded and "{solution-end}" not in text
        elif not folded and not HIDDEN.search(" ".join(cell["metadata"].get("tags", []))):
            length = sum(bool(line.strip()) for line in text.splitlines())
            found["lines of code"] += length
            found["lines of a cell"] = max(found["lines of a cell"], length)
    return found


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_chapter_is_short(path):
    found = size(path)
    assert not {what: found[what] for what in MOST if found[what] > MOST[what]}


@pytest.fixture(scope="module")
def root():
    """The built book behind an address of this machine: some scripts want one."""

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=HTML))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def measured(browser, address: str, width: int) -> dict:
    """What a page measures in a window of this width.

    Once in some hundreds of pages Chromium settles no promise of a page, and does so when asked
    again; a page that never settles fails twice.
    """
    from selenium.common.exceptions import TimeoutException

    view = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": False}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", view)
    try:
        browser.get(address)
        try:
            return browser.execute_async_script(MEASURE)
        except TimeoutException:
            browser.get(address)
            return browser.execute_async_script(MEASURE)
    finally:
        browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


@pytest.mark.parametrize("name", page_names())
def test_nothing_is_cut_off_and_everything_has_a_name(browser, root, name):
    found = measured(browser, f"{root}/{name}.html", WIDE)
    assert found["over"] <= 1, "the page is wider than the window"
    assert found["tables"] == 0, "tables that are cut off"
    assert found["formulas"] == 0, "formulas that are cut off"
    assert found["images"] == 0, "images without a description"
    assert found["repeated"] == [], "ids that stand twice"
    assert found["nameless"] == 0, "inputs without a name"
    assert found["described"], "no description for links and searches"
    assert found["icon"], "no icon"
    own = [urlsplit(url).path for url in found["files"] if url.startswith(root)]
    files = {html_of(name), *(HTML / unquote(path).lstrip("/") for path in own)}
    weight = sum(path.stat().st_size for path in files if path.is_file())
    assert weight <= MOST_BYTES, f"{weight / 1e6:.1f} MB"


@pytest.mark.parametrize("name", page_names())
def test_a_phone_does_not_scroll_sideways(browser, root, name):
    assert measured(browser, f"{root}/{name}.html", PHONE)["over"] <= 1


AXE = """
const done = arguments[0], rules = {type: "tag", values: ["wcag2a", "wcag2aa"]};
axe.run("article", {runOnly: rules, resultTypes: ["violations"]}).then(found => done(
  found.violations.map(v => [v.id, v.nodes.length, v.nodes[0].html.slice(0, 120)])));
"""


# What Sphinx makes of docstrings and of a bibliography is not ours, and a thousand rows of one
# table are like a few.
LOOKED_AT = [
    name
    for name in page_names()
    if not name.startswith("api/") and name not in ("ledger_rows", "bibliography")
]


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("name", LOOKED_AT)
def test_the_page_can_be_used_by_everybody(browser, root, name, theme):
    axe = pytest.importorskip("axe_core_python")
    script = Path(axe.__file__).with_name("axe.min.js").read_text(encoding="utf-8")
    browser.get(f"{root}/{name}.html")
    browser.execute_script(f"document.documentElement.dataset.theme = '{theme}'")
    browser.execute_script(script)
    assert browser.execute_async_script(AXE) == []
