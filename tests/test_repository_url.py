"""The repository's address stands in pyproject.toml; every file that repeats it agrees."""

import re
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tools"))

import repo_url  # noqa: E402

ON_GITHUB = re.compile(
    r"(?<!\.)github(?:usercontent)?(?:\.com)?/([A-Za-z0-9_-]+/[A-Za-z0-9_.-]*[A-Za-z0-9_-])"
)
ON_PAGES = re.compile(r"([A-Za-z0-9_-]+)\.github\.io/([A-Za-z0-9_.-]*[A-Za-z0-9_-])")

# Addresses of other projects that our files may name.
OTHERS = {"googlecolab/backend-info"}


def project() -> str:
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    url = tomllib.loads(text)["project"]["urls"]["Repository"]
    return url.removeprefix("https://github.com/")


def addresses(text: str) -> set[str]:
    repositories = {name.removesuffix(".git") for name in ON_GITHUB.findall(text)}
    return repositories | {"/".join(pair) for pair in ON_PAGES.findall(text)}


def test_files_hold_only_the_address_of_the_project():
    found = {path: addresses(path.read_text(encoding="utf-8")) for path in repo_url.files()}
    allowed = OTHERS | {project()}
    other = {str(path.relative_to(ROOT)): some - allowed for path, some in found.items()}
    assert len(other) > 60
    assert not {path: some for path, some in other.items() if some}


def test_replace_changes_each_form():
    old, new = "https://github.com/not_set/invlab", "https://github.com/ann/lab-2"
    text = (
        "git+https://github.com/not_set/invlab and https://not_set.github.io/invlab/ and "
        "https://colab.research.google.com/github/not_set/invlab/blob/main/x.ipynb"
    )
    changed = repo_url.replace(text, old, new)
    assert addresses(changed) == {"ann/lab-2"}
    assert "https://ann.github.io/lab-2/" in changed
    assert repo_url.replace(changed, new, old) == text


def test_replace_leaves_longer_names_alone():
    text = "https://github.com/not_set/invlab-data"
    assert (
        repo_url.replace(text, "https://github.com/not_set/invlab", "https://github.com/a/b")
        == text
    )


@pytest.mark.parametrize(
    "url", ["github.com/a/b", "https://gitlab.com/a/b", "https://github.com/a"]
)
def test_a_wrong_address_is_refused(url):
    with pytest.raises(SystemExit, match="expected https://github.com/OWNER/NAME"):
        repo_url.forms(url)
