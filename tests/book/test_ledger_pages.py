"""The ledger fits its screens; the page of all rows sorts and filters, by keyboard too."""

import json

import pytest
from built import HTML, NOT_BUILT, ROOT, html_of

keys = pytest.importorskip("selenium.webdriver.common.keys", reason="selenium is not installed")
wait = pytest.importorskip("selenium.webdriver.support.wait", reason="selenium is not installed")

pytestmark = pytest.mark.skipif(not HTML.exists(), reason=NOT_BUILT)

PAGES = ["reproduction_ledger", "ledger_rows"]
MEGABYTE = 2**20
TALL = 9500

WIDE = "return document.documentElement.scrollWidth - document.documentElement.clientWidth;"
HEIGHT = "return document.querySelector('article').getBoundingClientRect().height;"
# How far each table that can be seen is wider than the box that it may scroll in.
OVERFLOW = """
return [...document.querySelectorAll('article table')].filter(table => table.offsetParent)
  .map(table => table.getBoundingClientRect().width - table.parentElement.clientWidth);
"""
ROWS = "return [...document.querySelectorAll('#ledger-rows tbody tr')]"
VISIBLE = f"{ROWS}.filter(row => !row.hidden)"
NUMBERS = f"{ROWS}.map(row => row.cells[COLUMN].dataset.value ?? null);"
SORTED = """
return [...document.querySelectorAll('#ledger-rows th')].map(th => th.getAttribute('aria-sort'));
"""
COUNT = "return document.querySelector('#ledger-filters output').textContent;"
# Contrast of text and what lies behind it, of the elements that a selector finds first.
CONTRAST = """
const parts = colour => colour.match(/[\\d.]+/g).map(Number);
const light = ([r, g, b]) => [r, g, b].map(v => v / 255)
  .map(v => v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
  .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
function behind(node) {
  for (; node; node = node.parentElement) {
    const found = parts(getComputedStyle(node).backgroundColor);
    if (found.length === 3 || found[3] > 0) return found;
  }
  return [255, 255, 255];
}
document.documentElement.dataset.theme = arguments[1];
const node = document.querySelector(arguments[0]);
const [a, b] = [light(parts(getComputedStyle(node).color)), light(behind(node))];
return (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
"""
COLUMNS = {"row": 0, "paper": 2, "ours": 3, "verdict": 6}


@pytest.fixture
def at_width(browser):
    """Opens a page in a window of a width; the window is as it was afterwards."""

    def opened(name, width=1400, query=""):
        metrics = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": False}
        browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
        browser.get(html_of(name).as_uri() + query)
        if name == "ledger_rows":  # its script makes the rows
            wait.WebDriverWait(browser, 600).until(
                lambda page: page.find_elements("css selector", "#ledger-rows th button")
            )
        return browser

    yield opened
    browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


@pytest.fixture(scope="module")
def in_json():
    """The rows that the page is made from."""
    return json.loads((ROOT / "assets" / "ledger.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("name", PAGES)
@pytest.mark.parametrize("width", [375, 1400])
def test_no_page_scrolls_sideways(at_width, name, width):
    assert at_width(name, width).execute_script(WIDE) <= 1


def test_the_ledger_has_under_ten_screens_and_no_table_beyond_its_text(at_width):
    page = at_width("reproduction_ledger")
    assert 1000 < page.execute_script(HEIGHT) < TALL
    widths = page.execute_script(OVERFLOW)
    assert len(widths) > 5
    assert max(widths) <= 1


def test_all_rows_are_on_their_page(at_width, in_json):
    html = html_of("ledger_rows").read_text(encoding="utf-8")
    assert html.count("<tr data-study=") == len(in_json) > 1000  # without the script
    assert len(html.encode()) < 5 * MEGABYTE
    page = at_width("ledger_rows")
    assert len(page.execute_script(ROWS)) == len(in_json)
    assert page.execute_script(COUNT) == f"{len(in_json)} of {len(in_json)} rows"


@pytest.mark.parametrize("name", ["ledger.json", "ledger.csv"])
def test_the_files_lie_beside_the_page(name):
    assert f'href="_static/{name}"' in html_of("ledger_rows").read_text(encoding="utf-8")
    built, own = HTML / "_static" / name, ROOT / "assets" / name
    assert built.read_bytes() == own.read_bytes()


def press(page, column):
    """Sort by a column as somebody does who has no mouse."""
    buttons = page.find_elements("css selector", "#ledger-rows th button")
    buttons[column].send_keys(keys.Keys.ENTER)


@pytest.mark.parametrize("column", [COLUMNS["paper"], COLUMNS["ours"]])
def test_numbers_are_sorted_both_ways_and_missing_ones_last(at_width, column, in_json):
    page = at_width("ledger_rows")
    for direction in ("ascending", "descending"):
        press(page, column)
        state = page.execute_script(SORTED)
        assert state[column] == direction
        assert sum(value is not None for value in state) == 1
        values = page.execute_script(NUMBERS.replace("COLUMN", str(column)))
        there = [float(value) for value in values if value is not None]
        assert values[len(there) :] == [None] * (len(in_json) - len(there))
        assert there == sorted(there, reverse=direction == "descending")
        assert len(set(there)) > 20


def test_text_is_sorted_and_another_column_takes_over(at_width, in_json):
    page = at_width("ledger_rows")
    press(page, COLUMNS["ours"])
    press(page, COLUMNS["row"])
    state = page.execute_script(SORTED)
    assert state[COLUMNS["row"]] == "ascending"
    assert state[COLUMNS["ours"]] is None
    shown = page.execute_script(f"{ROWS}.map(row => row.cells[0].textContent.toLowerCase());")
    assert shown == sorted(shown)
    assert len(shown) == len(in_json)


def choose(page, label, value):
    """Choose from the list of a label."""
    script = """
    const label = [...document.querySelectorAll('#ledger-filters label')]
      .find(label => label.textContent.startsWith(arguments[0]));
    const field = label.querySelector('select');
    field.value = arguments[1];
    field.dispatchEvent(new Event('input', { bubbles: true }));
    return field.value;
    """
    assert page.execute_script(script, label, value) == value


@pytest.mark.parametrize(
    ("label", "key", "value"),
    [
        ("paper", "study", "loss_design"),
        ("kind", "kind", "reproduction"),
        ("verdict", "verdict", "not reproduced"),
    ],
)
def test_rows_are_filtered_by_what_they_have(at_width, in_json, label, key, value):
    page = at_width("ledger_rows")
    choose(page, label, value)
    expected = [row["id"] for row in in_json if row[key] == value]
    assert 0 < len(expected) < len(in_json)
    shown = f"{VISIBLE}.map(row => row.querySelector('code').textContent);"
    assert page.execute_script(shown) == expected
    assert page.execute_script(COUNT) == f"{len(expected)} of {len(in_json)} rows"
    choose(page, label, "")
    assert len(page.execute_script(VISIBLE)) == len(in_json)


def test_rows_are_filtered_by_words_and_choices_together(at_width, in_json):
    page = at_width("ledger_rows")
    field = page.find_element("css selector", "#ledger-filters input")
    field.send_keys("Sine TANDEM")
    choose(page, "kind", "improvement")
    expected = [
        row["id"]
        for row in in_json
        if row["kind"] == "improvement" and {"sine", "tandem"} <= set(row["id"].split("/"))
    ]
    assert expected
    shown = page.execute_script(f"{VISIBLE}.map(row => row.querySelector('code').textContent);")
    assert shown == expected


def test_a_link_names_the_paper(at_width):
    page = at_width("ledger_rows", query="?study=joint_optimization")
    studies = page.execute_script(f"return [...new Set({VISIBLE[7:]}.map(r => r.dataset.study))];")
    assert studies == ["joint_optimization"]
    html = html_of("reproduction_ledger").read_text(encoding="utf-8")
    assert 'href="ledger_rows.html?study=joint_optimization"' in html


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize(
    ("name", "selector"),
    [
        ("ledger_rows", "#ledger-rows td"),
        ("ledger_rows", "#ledger-rows td code"),
        ("ledger_rows", "#ledger-rows th button"),
        ("ledger_rows", "#ledger-filters select"),
        ("ledger_rows", "#ledger-filters input"),
        ("reproduction_ledger", ".ledger td .mark"),
        ("reproduction_ledger", ".ledger p"),
    ],
)
def test_text_stands_out_in_both_themes(at_width, name, selector, theme):
    assert at_width(name).execute_script(CONTRAST, selector, theme) > 4.5
