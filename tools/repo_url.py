"""Write the repository's address into every file that repeats it.

python tools/repo_url.py https://github.com/me/invlab

The address stands in pyproject.toml, [project.urls]; tests/test_repository_url.py holds the
other files to it. Until there is one it is a placeholder with an underscore, which no account has.
The notebooks in colab/ are written anew afterwards, by tools/plain_notebooks.py.
"""

from __future__ import annotations

import re
import sys
import tomllib
from pathlib import Path

from notebooks import ROOT, write_whole

# The files that may repeat the address, pyproject.toml last: when a run is interrupted, the
# old address is still known and the run can be repeated.
FILES = (
    "_config.yml",
    "*.md",
    "CITATION.cff",
    "invlab/**/*.py",
    ".github/**/*.yml",
    "pyproject.toml",
)
ADDRESS = re.compile(r"https://github\.com/(?P<owner>[A-Za-z0-9_-]+)/(?P<name>[A-Za-z0-9_.-]+)")


def current() -> str:
    """The address in pyproject.toml."""
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    return str(tomllib.loads(text)["project"]["urls"]["Repository"])


def is_placeholder(url: str) -> bool:
    """Whether an address is still to be set: no name of an account has an underscore."""
    return "_" in url.split("/")[3]


def site(url: str) -> str:
    """Where the built book is read; nothing as long as the address is a placeholder."""
    return "" if is_placeholder(url) else f"https://{forms(url)[1]}/"


def forms(url: str) -> tuple[str, str]:
    """What an address looks like in the files: the repository (also on Colab), the pages."""
    match = ADDRESS.fullmatch(url)
    if match is None:
        raise SystemExit(f"expected https://github.com/OWNER/NAME, got {url!r}")
    owner, name = match["owner"], match["name"]
    return f"/{owner}/{name}", f"{owner}.github.io/{name}"


def replace(text: str, old: str, new: str) -> str:
    """Replace the old address by the new one in each of its forms."""
    (old_path, old_pages), (new_path, new_pages) = forms(old), forms(new)
    # Not when the old name is only the beginning of a longer one.
    end = r"(?![A-Za-z0-9_-])"
    text = re.sub(
        rf"(github(?:usercontent)?(?:\.com)?){re.escape(old_path)}{end}", rf"\g<1>{new_path}", text
    )
    return re.sub(re.escape(old_pages) + end, new_pages, text)


def files() -> list[Path]:
    """Every file that may repeat the address."""
    return [path for pattern in FILES for path in sorted(ROOT.glob(pattern))]


def main() -> int:
    """Change the address everywhere and name the files that changed."""
    if len(sys.argv) != 2:
        raise SystemExit("usage: make repo-url URL=https://github.com/OWNER/NAME")
    old, new = current(), sys.argv[1].removesuffix("/").removesuffix(".git")
    for path in files():
        before = path.read_text(encoding="utf-8")
        after = replace(before, old, new)
        if after != before:
            write_whole(path, after)
            print(path.relative_to(ROOT))
    return 0


if __name__ == "__main__":
    sys.exit(main())
