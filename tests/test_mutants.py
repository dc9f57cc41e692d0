"""The hand-made bugs: each applies, names tests that exist, and is tried on a copy alone."""

import ast
import functools
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tools"))

import mutants  # noqa: E402

LISTED = mutants.read(ROOT)
each_mutant = pytest.mark.parametrize("mutant", LISTED, ids=lambda mutant: mutant.name)


@functools.cache
def functions_of(file):
    tree = ast.parse((ROOT / file).read_text(encoding="utf-8"))
    return {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}


@each_mutant
def test_a_bug_applies_once_and_leaves_code_that_python_reads(mutant):
    changed = mutant.text(ROOT)
    assert changed is not None, f"{mutant.file} does not hold once: {mutant.was}"
    assert changed != (ROOT / mutant.file).read_text(encoding="utf-8")
    compile(changed, mutant.file, "exec")


@each_mutant
def test_the_tests_beside_a_bug_exist_and_its_harm_is_said(mutant):
    assert mutant.tests
    for test in mutant.tests:
        file, _, name = shlex.split(test)[0].partition("::")
        assert not name or name.partition("[")[0] in functions_of(file), test
    assert mutant.why.endswith(".")


def test_no_two_bugs_are_the_same():
    changes = {(mutant.file, mutant.was, mutant.becomes) for mutant in LISTED}
    assert len(changes) == len(LISTED) >= 32


# A project of one file, two tests and four bugs

CODE = "def double(x):\n    return 2 * x\n\n\ndef half(x):\n    return x / 2\n"
TESTS = """
from toy import double


def test_double():
    assert double(3) == 6


def test_nothing():
    assert double
"""
SEEN = ("2 * x", "3 * x", '"test_toy.py::test_double"')
UNSEEN = ("2 * x", "9 * x", '"test_toy.py::test_nothing", "test_toy.py -k nothing"')
BROKEN = ("2 * x", "2 *", '"test_toy.py"')
ELSEWHERE = ("5 * x", "4 * x", '"test_toy.py"')


@pytest.fixture
def project(tmp_path, monkeypatch):
    """Makes a project with some bugs."""
    # a commit hook of this project names its own repository
    for name in ("GIT_DIR", "GIT_INDEX_FILE", "GIT_WORK_TREE"):
        monkeypatch.delenv(name, raising=False)

    def make(**bugs):
        table = '[{}]\nfile = "toy.py"\nwas = "{}"\nbecomes = "{}"\ntests = [{}]\nwhy = "Harm."\n'
        (tmp_path / "tests").mkdir()
        (tmp_path / mutants.LISTED).write_text(
            "".join(table.format(name, *bug) for name, bug in bugs.items())
        )
        (tmp_path / "toy.py").write_text(CODE)
        (tmp_path / "test_toy.py").write_text(TESTS)
        for command in (["init", "-q"], ["add", "."]):
            subprocess.run(["git", *command], cwd=tmp_path, check=True)
        (tmp_path / "not_tracked.py").write_text("")
        return tmp_path

    return make


@pytest.mark.slow
def test_a_bug_is_killed_survives_or_says_why_there_is_no_verdict(project, capsys):
    root = project(seen=SEEN, unseen=UNSEEN, broken=BROKEN, elsewhere=ELSEWHERE)
    assert mutants.main([], root) == 1
    lines = capsys.readouterr().out
    assert "[1/4] seen: killed" in lines
    assert "[2/4] unseen: SURVIVED" in lines
    assert "Harm. None of these tests sees it: test_toy.py::test_nothing, test_toy.py -k" in lines
    assert "[3/4] broken: NO VERDICT" in lines
    assert "SyntaxError" in lines
    assert "[4/4] elsewhere: DOES NOT APPLY" in lines
    assert "1 of 4 bugs killed" in lines
    # the working tree was never touched
    assert (root / "toy.py").read_text() == CODE


def test_one_bug_may_be_tried_alone_and_all_be_listed(project, capsys):
    root = project(seen=SEEN, unseen=UNSEEN)
    assert mutants.main(["--only", "seen"], root) == 0
    assert "1 of 1 bugs killed" in capsys.readouterr().out
    assert mutants.main(["--list"], root) == 0
    assert capsys.readouterr().out == "seen: Harm.\nunseen: Harm.\n"
    with pytest.raises(SystemExit, match=r"no such bug in tests.mutants.toml: sene"):
        mutants.main(["--only", "sene"], root)


def test_tests_that_fail_without_a_bug_decide_nothing(project, capsys):
    root = project(seen=SEEN)
    (root / "test_toy.py").write_text(TESTS.replace("== 6", "== 7"))
    assert mutants.main([], root) == 1
    lines = capsys.readouterr().out
    assert "1 tests without a bug: failed" in lines
    assert "killed" not in lines


def test_what_git_does_not_track_is_not_copied(project, tmp_path_factory):
    folder = tmp_path_factory.mktemp("copy")
    mutants.copied(project(seen=SEEN), folder)
    assert {path.name for path in folder.iterdir()} == {"tests", "toy.py", "test_toy.py"}
