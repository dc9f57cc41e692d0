"""The book's own extension of Sphinx: the address, the buttons, hints on words."""

import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

pytest.importorskip("sphinx")
ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tools"))

import site_extension  # noqa: E402
from docutils import nodes  # noqa: E402
from pybtex.database import Entry, Person  # noqa: E402


@pytest.fixture
def config():
    return SimpleNamespace(html_baseurl="", ogp_site_url="", ogp_image="", html_theme_options={})


def test_no_account_has_an_underscore():
    assert site_extension.is_placeholder("https://github.com/not_set/invlab")
    assert not site_extension.is_placeholder("https://github.com/ann-b/inv_lab")


def test_a_placeholder_gives_no_button_and_no_address(monkeypatch, config):
    monkeypatch.setattr(site_extension, "address", lambda: "https://github.com/not_set/invlab")
    site_extension.configure(None, config)
    assert config.html_theme_options == {}
    assert config.html_baseurl == ""


def test_an_address_gives_all_of_them(monkeypatch, config):
    monkeypatch.setattr(site_extension, "address", lambda: "https://github.com/ann/lab")
    site_extension.configure(None, config)
    assert config.html_baseurl == "https://ann.github.io/lab/"
    assert config.html_theme_options["use_repository_button"]
    assert config.html_theme_options["launch_buttons"]["colab_url"]


def test_buttons_open_the_plain_notebooks():
    start = "https://colab.research.google.com/github/a/b/blob/main"
    other = "https://github.com/a/b/tree/main/chapters/x.py"
    buttons = [{"buttons": [{"url": f"{start}/chapters/x.ipynb"}, {"url": other}]}, {"text": "a"}]
    site_extension.to_plain_notebooks(buttons)
    assert [one["url"] for one in buttons[0]["buttons"]] == [f"{start}/colab/x.ipynb", other]


def test_ids_that_repeat_are_dropped_and_others_stay():
    box = nodes.section(ids=["exercise-content"])
    box += nodes.paragraph(ids=["own"])
    site_extension.drop_repeated_ids(None, box, "a")
    assert box["ids"] == []
    assert box[0]["ids"] == ["own"]


def test_a_word_is_explained_where_it_links_to_the_glossary():
    entry = nodes.definition_list_item()
    entry += nodes.term("epoch", "epoch", ids=["term-epoch"])
    entry += nodes.definition("", nodes.paragraph("", "One pass\nover the data."))
    glossary = nodes.section("", nodes.definition_list("", entry))
    environment = SimpleNamespace(get_doctree=lambda _: glossary)
    page = nodes.paragraph("", "", nodes.reference("", "epoch", refuri="glossary.html#term-epoch"))
    page += nodes.reference("", "other", refuri="other.html")
    site_extension.explain_terms(SimpleNamespace(env=environment), page, "a")
    assert page[0]["reftitle"] == "One pass over the data."
    assert "reftitle" not in page[1]


def test_works_are_labelled_as_the_text_cites_them():
    def work(year, *names):
        return Entry("misc", {"year": year}, {"author": [Person(name) for name in names]})

    works = [
        work("2020", "Ren, S", "Padilla, W", "Malof, J"),
        work("1994", "Bishop, C"),
        work("1999", "Hansen, P", "van der Vorst, H"),
        work("1994", "Bishop, C"),
    ]
    assert list(site_extension.AuthorYearLabels().format_labels(works)) == [
        "Ren et al., 2020",
        "Bishop, 1994a",
        "Hansen and van der Vorst, 1999",
        "Bishop, 1994b",
    ]


def test_accents_and_others_are_written_as_texts_write_them():
    people = [Person(r"S{\"a}ilynoja, T")]
    assert site_extension.authors(Entry("misc", persons={"author": people})) == "Säilynoja"
    people = [Person("Chen, M"), Person("others")]
    assert site_extension.authors(Entry("misc", persons={"author": people})) == "Chen et al."


@pytest.mark.parametrize("name", [r"S{\"a}ilynoja, T", "Säilynoja, T"])
def test_works_are_sorted_by_letters_without_their_accents(name):
    people = [Person("Zhang, L"), Person(name), Person("Stone, C"), Person("Ren, S")]
    works = [Entry("misc", persons={"author": [person]}) for person in people]
    order = site_extension.AuthorYearOrder().sort(works)
    assert [work.persons["author"][0].last_names[0][0] for work in order] == ["R", "S", "S", "Z"]
    assert order[1] is works[1]


def test_a_formula_keeps_its_bracket_and_its_comma_on_the_line():
    x, y = nodes.math("x", "x"), nodes.math("y", "y")
    text = nodes.paragraph("", "", nodes.Text("so ("), x, nodes.Text("), and "), y)
    site_extension.keep_punctuation(None, text, "a")
    assert text.astext() == "so (x), and y"
    assert [type(part) for part in text] == [nodes.Text, nodes.inline, nodes.Text, nodes.math]
    assert text[1].astext() == "(x),"
    assert text[1]["classes"] == ["whole"]
