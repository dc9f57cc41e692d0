"""Every page of the table of contents was built, and its buttons lead somewhere."""

import re

import pytest
from built import HTML, NOT_BUILT, chapter_names, html_of, page_names
from repo_url import current as address
from repo_url import is_placeholder

pytestmark = pytest.mark.skipif(not HTML.exists(), reason=NOT_BUILT)


def article(name: str) -> str:
    """The text of a page between its navigation, without tags."""
    html = html_of(name).read_text(encoding="utf-8")
    main = html[html.index("<article") : html.rindex("</article>")]
    return re.sub(r"<[^>]+>", " ", main)


@pytest.mark.parametrize("name", page_names())
def test_page_is_built_and_has_text(name):
    assert html_of(name).exists(), f"{name} is in _toc.yml but was not built"
    assert len(article(name).split()) > 50


@pytest.mark.parametrize("name", page_names())
def test_buttons_lead_to_the_book_and_not_to_a_stranger(name):
    text = html_of(name).read_text(encoding="utf-8")
    opened = re.findall(r'href="https://colab\.research\.google\.com/github/([^"]+)"', text)
    if is_placeholder(address()):
        assert opened == []
        assert "executablebooks/jupyter-book" not in text
    elif name.startswith("chapters/"):
        owner, repository = address().split("/")[-2:]
        notebook = name.replace("chapters/", "colab/")
        assert set(opened) == {f"{owner}/{repository}/blob/main/{notebook}.ipynb"}


def test_searches_put_chapters_first():
    assert "PLACES" in (HTML / "_static" / "language_data.js").read_text(encoding="utf-8")


def test_there_is_a_page_for_addresses_that_lead_nowhere():
    assert (HTML / "404.html").exists()


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
