"""What the book's pages need beside Jupyter Book: the address, descriptions, hints on words.

The address of the repository stands in pyproject.toml alone. As long as it is the placeholder, no
button and no link leads there: the name could be a stranger's.
"""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any

from docutils import nodes
from pybtex.database import Entry
from pybtex.plugin import register_plugin
from pybtex.richtext import Text
from pybtex.style.formatting.unsrt import Style as UnsrtStyle
from pybtex.style.labels import BaseLabelStyle
from pybtex.style.sorting.author_year_title import SortingStyle
from repo_url import ROOT, is_placeholder, site
from repo_url import current as address
from sphinx.application import Sphinx
from sphinx.config import Config
from sphinx.environment import BuildEnvironment

__all__ = ["authors", "setup", "to_plain_notebooks"]

# Ids that sphinx-exercise gives to each of its boxes.
REPEATED = {"exercise-content", "solution-content"}
# What stays with the formula before or after it.
OPENING, CLOSING = "([“‘", ",.;:!?)]”’"


def configure(app: Sphinx, config: Config) -> None:
    """Give the theme its buttons and the pages their address, once there is one."""
    # Jupyter Book reads no path relative to the book
    config.html_search_scorer = str(ROOT / "assets" / "search_scorer.js")
    url = address()
    if is_placeholder(url):
        return
    config.html_baseurl = config.ogp_site_url = site(url)
    config.ogp_image = f"{site(url)}_static/preview.png"
    config.html_theme_options |= {
        "repository_url": url,
        "repository_branch": "main",
        "use_repository_button": True,
        "use_issues_button": True,
        "launch_buttons": {"colab_url": "https://colab.research.google.com"},
    }


def to_plain_notebooks(buttons: Any) -> None:
    """Let the buttons that open or download a notebook lead to colab/ and not to chapters/.

    Args:
        buttons: the theme's, nested; changed in place.
    """
    for button in buttons:
        to_plain_notebooks(button.get("buttons", []))
        if "colab.research.google.com" in button.get("url", ""):
            button["url"] = button["url"].replace("/chapters/", "/colab/")


def buttons_of_page(
    app: Sphinx, page: str, template: str, context: dict[str, Any], doctree: Any
) -> None:
    """A page's buttons, see :func:`to_plain_notebooks`."""
    to_plain_notebooks(context.get("header_buttons", []))


def drop_repeated_ids(app: Sphinx, doctree: nodes.document, page: str) -> None:
    """Ids are for one element of a page each."""
    for node in doctree.findall(nodes.Element):
        node["ids"] = [name for name in node.get("ids", []) if name not in REPEATED]


def explain_terms(app: Sphinx, doctree: nodes.document, page: str) -> None:
    """Show a word's entry of the glossary where the pointer rests on it."""
    meanings = _meanings(app.env)
    for link in doctree.findall(nodes.reference):
        word = link.get("refuri", "").partition("#term-")[2]
        if word in meanings:
            link["reftitle"] = meanings[word]


def _meanings(env: BuildEnvironment) -> dict[str, str]:
    """Anchor of a term to the text of its entry; made once."""
    if not hasattr(env, "book_meanings"):
        found: dict[str, str] = {}
        for item in env.get_doctree("glossary").findall(nodes.definition_list_item):
            terms = [node for node in item.children if isinstance(node, nodes.term)]
            text = item.children[-1].astext().replace("\n", " ")
            anchors = [name for term in terms for name in term["ids"]]
            found |= {anchor.removeprefix("term-"): text for anchor in anchors}
        env.book_meanings = found  # type: ignore[attr-defined]
    return env.book_meanings  # type: ignore[attr-defined]


def forget_meanings(app: Sphinx, env: BuildEnvironment, docnames: list[str]) -> None:
    """The glossary may have changed since the last build."""
    if hasattr(env, "book_meanings"):
        del env.book_meanings


def keep_punctuation(app: Sphinx, doctree: nodes.document, page: str) -> None:
    """Let no line end between a formula and its comma, or between a bracket and a formula."""
    for formula in list(doctree.findall(nodes.math)):
        parent, before, after = formula.parent, "", ""
        if not isinstance(parent, nodes.TextElement):
            continue
        at = parent.index(formula)
        if at and isinstance(text := parent[at - 1], nodes.Text):
            before = text[len(text.rstrip(OPENING)) :]
            parent[at - 1] = nodes.Text(text.removesuffix(before))
        if at + 1 < len(parent) and isinstance(text := parent[at + 1], nodes.Text):
            after = text[: len(text) - len(text.lstrip(CLOSING))]
            parent[at + 1] = nodes.Text(text.removeprefix(after))
        if before or after:
            whole = nodes.inline(classes=["whole"])
            parent[at] = whole
            whole += [nodes.Text(before), formula, nodes.Text(after)]


class AuthorYearLabels(BaseLabelStyle):
    """Labels of the bibliography as the text cites: "Ren et al., 2020"."""

    def format_labels(self, sorted_entries: Iterable[Entry]) -> Iterator[str]:
        """A label each; pybtex's own name for it."""
        entries = list(sorted_entries)
        labels = [f"{authors(entry)}, {entry.fields.get('year', 'n.d.')}" for entry in entries]
        seen: Counter[str] = Counter()
        for label in labels:
            seen[label] += 1
            yield label + (chr(96 + seen[label]) if labels.count(label) > 1 else "")


class AuthorYearStyle(UnsrtStyle):
    """The plain style, in the order of authors and years."""

    default_label_style = "author_year_in_words"
    default_sorting_style = "author_year_without_accents"


class AuthorYearOrder(SortingStyle):
    """Authors, years and titles, with ä beside a: not after z, nor where LaTeX's brace sorts."""

    def sorting_key(self, entry: Entry) -> tuple[str, ...]:
        """What an entry is sorted by; pybtex's own name for it."""
        return tuple(map(without_accents, super().sorting_key(entry)))


def without_accents(text: str) -> str:
    """The letters of a text in BibTeX's notation or in Unicode, each without its accents."""
    letters = unicodedata.normalize("NFKD", str(Text.from_latex(text)))
    return "".join(letter for letter in letters if not unicodedata.combining(letter))


def authors(entry: Entry) -> str:
    """Who wrote a work, as texts name them: one, two, or the first and others."""
    people = entry.persons.get("author", [])
    names = [
        str(Text.from_latex(" ".join(person.prelast_names + person.last_names)))
        for person in people
    ]
    if not names:
        return str(entry.fields.get("organization", entry.key))
    if names[-1] == "others":
        return f"{names[0]} et al."
    return " and ".join(names) if len(names) < 3 else f"{names[0]} et al."


def setup(app: Sphinx) -> dict[str, Any]:
    """Register everything above with Sphinx."""
    if not is_placeholder(address()):
        app.setup_extension("sphinx_sitemap")
    # before the theme reads its options
    app.connect("config-inited", configure, priority=100)
    # after sphinx-exercise has made its boxes
    app.connect("doctree-resolved", drop_repeated_ids, priority=900)
    register_plugin("pybtex.style.labels", "author_year_in_words", AuthorYearLabels)
    register_plugin("pybtex.style.formatting", "author_year_in_words", AuthorYearStyle)
    register_plugin("pybtex.style.sorting", "author_year_without_accents", AuthorYearOrder)
    app.connect("env-before-read-docs", forget_meanings)
    app.connect("doctree-resolved", explain_terms)
    app.connect("doctree-resolved", keep_punctuation)
    # after the theme has made its buttons
    app.connect("html-page-context", buttons_of_page, priority=900)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
