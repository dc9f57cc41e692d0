"""MyST Markdown → Markdown that Colab, JupyterLab and Kaggle show: no roles, no directives.

Links lead to the book's pages, citations are text, equations and figures have their numbers,
admonitions are quotations, and what is folded on the page stands in <details>.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

__all__ = ["Book", "plain"]

ROLE = re.compile(r"\{([\w:-]+)\}`([^`]+)`")
TITLED = re.compile(r"(.*?)\s*<([^<>]+)>", re.DOTALL)
EQUATION = re.compile(r"\$\$(.*?)\$\$[ \t]*\(([\w-]+)\)", re.DOTALL)
FENCE = re.compile(r"(?P<mark>:{3,}|`{3,})\{(?P<kind>[\w:-]+)\}[ ]*(?P<title>.*)")
OPTION = re.compile(r":([\w-]+):\s*(.*)")
KINDS = {"note": "Note", "tip": "Tip", "warning": "Warning", "prf:proof": "Proof"}


@dataclass(frozen=True)
class Book:
    """What the text of one page refers to.

    Attributes:
        site: address of the built book, with a slash at its end; empty where it has none yet, and
            words then lead nowhere.
        titles: of the pages, by name such as ``"chapters/ch01_two_answers"``.
        numbers: of equations, figures, theorems and exercises, by label.
        works: key to ("Ren et al.", "2020").
    """

    site: str
    titles: Mapping[str, str]
    numbers: Mapping[str, str] = field(default_factory=dict)
    works: Mapping[str, tuple[str, str]] = field(default_factory=dict)


def plain(text: str, book: Book, page: str) -> str:
    """One Markdown cell of a page.

    Raises:
        ValueError: a role or directive that has no plain form yet; add it here.
    """
    text = re.sub(r"(?m)^\([\w-]+\)=\n", "", text)
    text = EQUATION.sub(lambda m: f"$${m[1].rstrip()} \\tag{{{book.numbers[m[2]]}}}\n$$", text)
    lines = _directives(text.splitlines(), book)
    text = ROLE.sub(lambda m: _role(m[1], m[2], book, page), "\n".join(lines))
    return re.sub(r"\n{3,}", "\n\n", text).strip("\n")


def _directives(lines: list[str], book: Book) -> list[str]:
    """The lines with each directive in its plain form; those inside of others come first."""
    made: list[str] = []
    at = 0
    while at < len(lines):
        match = FENCE.fullmatch(lines[at].strip())
        if match is None:
            made.append(lines[at])
            at += 1
            continue
        end = at + 1
        while end < len(lines) and lines[end].strip() != match["mark"]:
            end += 1
        options, body = _options(lines[at + 1 : end])
        body = _directives(body, book)
        made += _directive(match["kind"], match["title"], options, body, book)
        at = end + 1
    return made


def _options(lines: list[str]) -> tuple[dict[str, str], list[str]]:
    options: dict[str, str] = {}
    for k, line in enumerate(lines):
        match = OPTION.fullmatch(line.strip())
        if match is None:
            return options, lines[k:]
        options[match[1]] = match[2]
    return options, []


def _directive(
    kind: str, title: str, options: Mapping[str, str], body: list[str], book: Book
) -> list[str]:
    if kind == "exercise-start":
        return [f"### Exercise {book.numbers[options['label']]}: {title}", "", *body]
    if kind in ("exercise-end", "solution-end", "solution-start"):
        return body
    if kind == "prf:theorem":
        return _quoted(f"Theorem {book.numbers[options['label']]} ({title})", body)
    if kind not in ("admonition", *KINDS):
        raise ValueError(f"{kind}: has no plain form yet; add it to tools/plain_markdown.py")
    title = title or KINDS[kind]
    if "dropdown" in options.get("class", ""):
        return folded(title, body)
    return _quoted(title, body)


def folded(title: str, body: list[str]) -> list[str]:
    """Lines that a click opens."""
    return ["<details>", f"<summary>{title}</summary>", "", *body, "", "</details>"]


def _quoted(title: str, body: list[str]) -> list[str]:
    return ["", f"> **{title}**", ">", *(f"> {line}".rstrip() for line in body), ""]


def _role(kind: str, text: str, book: Book, page: str) -> str:
    if kind not in ROLES:
        raise ValueError(f"{kind}: has no plain form yet; add it to tools/plain_markdown.py")
    match = TITLED.fullmatch(text)
    words, target = (match[1], match[2]) if match else ("", text)
    return ROLES[kind](words, target, book, page)


def _page(words: str, target: str, book: Book, page: str) -> str:
    name = "/".join(part for part in target.split("/") if part != "..")
    if "/" in page and not target.startswith(".."):
        name = f"{page.rpartition('/')[0]}/{name}"
    return _linked(words or f"*{book.titles[name]}*", f"{name}.html", book)


def _term(words: str, target: str, book: Book, page: str) -> str:
    anchor = re.sub(r"[^\w]+", "-", target.strip()).strip("-")
    return _linked(words or target, f"glossary.html#term-{anchor}", book)


def _linked(words: str, place: str, book: Book) -> str:
    return f"[{words}]({book.site}{place})" if book.site else words


def _cited(target: str, book: Book) -> list[tuple[str, str]]:
    return [book.works[key.strip()] for key in target.split(",")]


def _in_text(words: str, target: str, book: Book, page: str) -> str:
    return ", ".join(f"{who} ({year})" for who, year in _cited(target, book))


def _in_brackets(words: str, target: str, book: Book, page: str) -> str:
    return "(" + "; ".join(f"{who}, {year}" for who, year in _cited(target, book)) + ")"


def _code(words: str, target: str, book: Book, page: str) -> str:
    short = target.removeprefix("~")
    return f"`{short.rpartition('.')[2] if target.startswith('~') else short}`"


def _numbered(form: str) -> Callable[[str, str, Book, str], str]:
    return lambda words, target, book, page: form.format(book.numbers[target])


ROLES: dict[str, Callable[[str, str, Book, str], str]] = {
    "doc": _page,
    "term": _term,
    "cite:t": _in_text,
    "cite:p": _in_brackets,
    "eq": _numbered("({})"),
    "numref": _numbered("Fig. {}"),
    "prf:ref": _numbered("Theorem {}"),
    "ref": _numbered("{}"),
    "class": _code,
    "func": _code,
    "meth": _code,
    "mod": _code,
    "attr": _code,
    "data": _code,
}
