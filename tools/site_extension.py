"""What the book's pages need beside Jupyter Book: the address, descriptions, hints on words.

The address of the repository stands in pyproject.toml alone. As long as it is the placeholder, no
button and no link leads there: the name could be a stranger's.
"""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment

__all__ = ["is_placeholder", "setup", "to_plain_notebooks"]

ROOT = Path(__file__).resolve().parent.parent
# Ids that sphinx-exercise gives to each of its boxes.
REPEATED = {"exercise-content", "solution-content"}


def address() -> str:
    """The repository's, from pyproject.toml."""
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    return str(tomllib.loads(text)["project"]["urls"]["Repository"])


def is_placeholder(url: str) -> bool:
    """Whether an address is still to be set: no name of an account has an underscore."""
    return "_" in url.split("/")[3]


def set_address(app: Sphinx) -> None:
    """Give the theme its buttons and the page its address, once there is one."""
    url = address()
    if is_placeholder(url):
        return
    owner, name = url.split("/")[-2:]
    site = f"https://{owner}.github.io/{name}/"
    app.config.html_baseurl = app.config.ogp_site_url = site
    app.config.ogp_image = f"{site}_static/preview.png"
    app.config.html_theme_options |= {
        "repository_url": url,
        "repository_branch": "main",
        "use_repository_button": True,
        "use_issues_button": True,
        "launch_buttons": {"colab_url": "https://colab.research.google.com"},
    }
    app.setup_extension("sphinx_sitemap")


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
        found = {}
        for item in env.get_doctree("glossary").findall(nodes.definition_list_item):
            terms = [node for node in item.children if isinstance(node, nodes.term)]
            text = item.children[-1].astext().replace("\n", " ")
            anchors = [name for term in terms for name in term["ids"]]
            found |= {anchor.removeprefix("term-"): text for anchor in anchors}
        env.book_meanings = found  # type: ignore[attr-defined]
    return env.book_meanings  # type: ignore[attr-defined,no-any-return]


def forget_meanings(app: Sphinx, env: BuildEnvironment, docnames: list[str]) -> None:
    """The glossary may have changed since the last build."""
    if hasattr(env, "book_meanings"):
        del env.book_meanings


def setup(app: Sphinx) -> dict[str, Any]:
    """Register everything above with Sphinx."""
    set_address(app)
    # after sphinx-exercise has made its boxes
    app.connect("doctree-resolved", drop_repeated_ids, priority=900)
    app.connect("env-before-read-docs", forget_meanings)
    app.connect("doctree-resolved", explain_terms)
    # after the theme has made its buttons
    app.connect("html-page-context", buttons_of_page, priority=900)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
