"""What the README shows must run as it stands."""

import re
from pathlib import Path

import pytest

README = Path(__file__).parents[1] / "README.md"
SNIPPETS = re.findall(r"^```python\n(.*?)^```", README.read_text(encoding="utf-8"), re.M | re.S)


def test_there_are_snippets():
    assert len(SNIPPETS) >= 3


def tried(snippet):
    """A case; a whole comparison takes a while."""
    marks = pytest.mark.slow if "invlab.compare" in snippet else ()
    return pytest.param(snippet, marks=marks, id=snippet.splitlines()[-1][:40])


@pytest.mark.slow
@pytest.mark.parametrize("snippet", map(tried, SNIPPETS))
def test_snippet_runs(snippet, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # one of them writes a file
    exec(compile(snippet, str(README), "exec"), {})
    out = capsys.readouterr().out
    assert out.strip()
    assert "FAIL" not in out
