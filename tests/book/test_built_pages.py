"""Every page of the table of contents was built, and its buttons lead somewhere."""

import re

import pytest
from built import HTML, NOT_BUILT, ROOT, chapter_names, html_of, page_names

pytestmark = pytest.mark.skipif(not HTML.exists(), reason=NOT_BUILT)

COLAB = re.compile(
    r'href="https://colab\.research\.google\.com/github/[^/]+/[^/]+/blob/main/([^"]+)"'
)


def article(name: str) -> str:
    """The text of a page between its navigation, without tags."""
    html = html_of(name).read_text(encoding="utf-8")
    main = html[html.index("<article") : html.rindex("</article>")]
    return re.sub(r"<[^>]+>", " ", main)


@pytest.mark.parametrize("name", page_names())
def test_page_is_built_and_has_text(name):
    assert html_of(name).exists(), f"{name} is in _toc.yml but was not built"
    assert len(article(name).split()) > 50


@pytest.mark.parametrize("name", chapter_names())
def test_colab_button_points_to_a_notebook(name):
    targets = COLAB.findall(html_of(name).read_text(encoding="utf-8"))
    assert targets == [f"{name}.ipynb"] * len(targets)
    assert targets, "no Colab button"
    assert (ROOT / targets[0]).exists()


@pytest.mark.parametrize("name", page_names())
def test_local_links_lead_to_files(name):
    html = html_of(name).read_text(encoding="utf-8")
    links = re.findall(r'(?:href|src)="([^"#?:]+)(?:[#?][^"]*)?"', html)
    missing = {link for link in links if not (html_of(name).parent / link).exists()}
    assert not missing


def test_search_index_is_built():
    assert (HTML / "searchindex.js").stat().st_size > 1000


@pytest.mark.parametrize("name", chapter_names())
def test_tables_in_outputs_are_tables(name):
    # Markdown without table support shows the bars instead
    text = html_of(name).read_text(encoding="utf-8")
    assert not re.search(r"<p>\| ", text)
