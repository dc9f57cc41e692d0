"""Put hand-made bugs in one at a time, and demand that the tests named beside each fail.

python tools/mutants.py                  # all bugs of tests/mutants.toml
python tools/mutants.py --only NAME      # one of them; may be given several times
python tools/mutants.py --list           # their names, and what a reader would get wrong

A table of tests/mutants.toml is a bug:

    [conformal-rank]
    file = "invlab/trust/conformal.py"
    was = "level * (len(scores) + 1)"    # exact text that stands once in the file
    becomes = "level * len(scores)"
    tests = ["tests/trust/test_conformal.py::test_the_quantile_is_the_one_of_n_plus_one"]
    why = "A bound at 90 % holds for fewer than 90 % of the targets."

A test is a node id of pytest, or a file with ``-k EXPRESSION`` behind it. The files that git
tracks are copied once into a temporary folder, and only the copy is changed. There the tests run
once on the code as it is, and have to pass. Then each bug is put in alone: it is killed if its
tests fail, and has survived if they pass. Tests that do not even begin, as after a syntax error,
say nothing about the bug and count as no verdict.

The exit status is 0 if every bug was killed, else 1.
"""

from __future__ import annotations

import argparse
import os
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Mutant", "main", "read"]

ROOT = Path(__file__).resolve().parent.parent
LISTED = Path("tests/mutants.toml")
# Seconds after which the tests of one bug have hung.
LIMIT = 600
# What pytest's exit status says about the bug; any other means that no test was decided.
VERDICTS = {0: "SURVIVED", 1: "killed"}
NO_VERDICT, ELSEWHERE = "NO VERDICT", "DOES NOT APPLY"


@dataclass(frozen=True)
class Mutant:
    """One bug.

    Attributes:
        name: of its table.
        file: where it is put in, from the root of the project.
        was: the exact text that it replaces, which stands once in the file.
        becomes: what stands there instead.
        tests: those of which one has to fail, see above.
        why: what a reader would get wrong, in a sentence.
    """

    name: str
    file: str
    was: str
    becomes: str
    tests: tuple[str, ...]
    why: str

    def text(self, root: Path) -> str | None:
        """The file with the bug in it; None where it does not apply."""
        path = root / self.file
        text = path.read_text(encoding="utf-8") if path.is_file() else ""
        return text.replace(self.was, self.becomes) if text.count(self.was) == 1 else None


def read(root: Path) -> list[Mutant]:
    """The bugs that are listed in a project.

    Raises:
        TypeError: a table with another key, or without one of them.
    """
    tables = tomllib.loads((root / LISTED).read_text(encoding="utf-8"))
    return [
        Mutant(name, **{**table, "tests": tuple(table.get("tests", ()))})
        for name, table in tables.items()
    ]


def copied(root: Path, folder: Path) -> None:
    """Copy what git tracks, as it stands in the working tree."""
    names = subprocess.run(
        ["git", "ls-files", "-z"], cwd=root, check=True, capture_output=True, text=True
    ).stdout
    for name in names.split("\0"):
        if name and (root / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(root / name, folder / name)


def commands(tests: Sequence[str]) -> Iterator[list[str]]:
    """Arguments of pytest: all node ids together, and each file with ``-k`` alone."""
    parts = [shlex.split(test) for test in tests]
    together = [part[0] for part in parts if len(part) == 1]
    if together:
        yield list(dict.fromkeys(together))
    yield from (part for part in parts if len(part) > 1)


def passed(folder: Path, tests: Sequence[str]) -> tuple[int, str]:
    """The first exit status of pytest that is not 0, with what it printed; else 0."""
    environment = os.environ | {
        "PYTHONPATH": str(folder),
        # a bug may be as long as what it replaces, and its bytecode then passes for the file's
        "PYTHONDONTWRITEBYTECODE": "1",
        # plugins that are installed take longer to load than most of the tests, and none needs one
        "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
    }
    environment.setdefault("INVLAB_PROGRESS", "off")
    for arguments in commands(tests):
        command = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider"]
        try:
            done = subprocess.run(
                [*command, *arguments], cwd=folder, env=environment,
                capture_output=True, text=True, timeout=LIMIT,
            )  # fmt: skip
        except subprocess.TimeoutExpired:
            return -1, f"no end after {LIMIT} s"
        if done.returncode:
            return done.returncode, done.stdout + done.stderr
    return 0, ""


def verdict(mutant: Mutant, folder: Path) -> tuple[str, str]:
    """What became of a bug, and where there is none, why."""
    changed = mutant.text(folder)
    if changed is None:
        return ELSEWHERE, f"expected once in {mutant.file}: {mutant.was}"
    path = folder / mutant.file
    before = path.read_text(encoding="utf-8")
    path.write_text(changed, encoding="utf-8")
    try:
        status, output = passed(folder, mutant.tests)
    finally:
        path.write_text(before, encoding="utf-8")
    found = VERDICTS.get(status, NO_VERDICT)
    return found, output[-2000:] if found == NO_VERDICT else ""


def tried(mutants: Sequence[Mutant], folder: Path) -> int:
    """Try all bugs on a copy, a line each; the number of those that were killed."""
    killed = 0
    for place, mutant in enumerate(mutants, 1):
        print(f"[{place}/{len(mutants)}] {mutant.name}: ", end="", flush=True)
        begin = time.monotonic()
        found, more = verdict(mutant, folder)
        print(f"{found} ({time.monotonic() - begin:.0f} s)", flush=True)
        killed += found == VERDICTS[1]
        if more:
            print(more)
        elif found == VERDICTS[0]:
            print(f"  {mutant.why} None of these tests sees it: {', '.join(mutant.tests)}")
    return killed


def chosen(root: Path, names: Sequence[str]) -> list[Mutant]:
    """The bugs of these names, or all.

    Raises:
        SystemExit: a name that is none.
    """
    mutants = read(root)
    unknown = set(names) - {mutant.name for mutant in mutants}
    if unknown:
        raise SystemExit(f"no such bug in {LISTED}: {', '.join(sorted(unknown))}")
    return [mutant for mutant in mutants if not names or mutant.name in names]


def main(arguments: Sequence[str] | None = None, root: Path = ROOT) -> int:
    """Try the bugs of a project.

    Args:
        arguments: of the command line.
        root: of the project, which git tracks.

    Returns:
        The exit status.
    """
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--only", metavar="NAME", action="append", default=[], help="this bug")
    parser.add_argument("--list", action="store_true", help="name the bugs and try none")
    options = parser.parse_args(arguments)
    mutants = chosen(root, options.only)
    if options.list:
        for mutant in mutants:
            print(f"{mutant.name}: {mutant.why}")
        return 0
    begin = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="mutants-") as name:
        folder = Path(name)
        copied(root, folder)
        tests = list(dict.fromkeys(test for mutant in mutants for test in mutant.tests))
        print(f"{len(tests)} tests without a bug: ", end="", flush=True)
        status, output = passed(folder, tests)
        print("failed" if status else "passed", f"({time.monotonic() - begin:.0f} s)", flush=True)
        if status:
            print(output[-4000:])
            return 1
        killed = tried(mutants, folder)
    minutes = (time.monotonic() - begin) / 60
    print(f"{killed} of {len(mutants)} bugs killed in {minutes:.1f} minutes")
    return int(killed < len(mutants))


if __name__ == "__main__":
    sys.exit(main())
