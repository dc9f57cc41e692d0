"""Records of benchmark runs: what was printed, when, on which processor, by which versions.

A script whose last lines are ``keep_record(main)`` takes ``--record FILE.json`` beside its own
options. The page "Beside other tools" is made from these files.
"""

from __future__ import annotations

import argparse
import contextlib
import datetime
import importlib.metadata
import io
import json
import os
import platform
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, TextIO

# Module to distribution, of all that is compared; those that a run imported are recorded.
PACKAGES = {
    "torch": "torch",
    "numpy": "numpy",
    "scipy": "scipy",
    "jax": "jax",
    "optimistix": "optimistix",
    "jaxopt": "jaxopt",
    "optax": "optax",
    "exponax": "exponax",
    "phi": "phiflow",
    "phiml": "phiml",
    "meent": "meent",
    "sbi": "sbi",
    "zuko": "zuko",
    "FrEIA": "FrEIA",
    "bayes_opt": "bayesian-optimization",
    "distributed": "distributed",
}
NUMBER = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?$")


class _Tee(io.TextIOBase):
    """Writes on, and remembers."""

    def __init__(self, stream: TextIO) -> None:
        self.stream, self.kept = stream, io.StringIO()

    def write(self, text: str) -> int:
        self.kept.write(text)
        return self.stream.write(text)

    def flush(self) -> None:
        self.stream.flush()


def keep_record(main: Callable[[], object]) -> None:
    """Run a script's ``main``, and write its record where ``--record FILE.json`` asks for one."""
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    parser.add_argument("--record", type=Path)
    options, rest = parser.parse_known_args(sys.argv[1:])
    script, sys.argv = Path(sys.argv[0]).name, [sys.argv[0], *rest]
    if options.record is None:
        main()
        return
    tee = _Tee(sys.stdout)
    with contextlib.redirect_stdout(tee):
        main()
    record = described(" ".join(["benchmarks/" + script, *rest]), tee.kept.getvalue().splitlines())
    options.record.parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps(record, indent=1, ensure_ascii=False) + "\n"
    options.record.write_text(text, encoding="utf-8")


def described(command: str, lines: list[str]) -> dict[str, Any]:
    """The record of what a command has printed."""
    return {
        "command": command,
        "date": datetime.date.today().isoformat(),
        "machine": f"{processor()}, {os.cpu_count()} cores, {platform.system()}",
        "threads": os.environ.get("OMP_NUM_THREADS", "all"),
        "python": platform.python_version(),
        "versions": {
            name: importlib.metadata.version(name)
            for module, name in PACKAGES.items()
            if module in sys.modules
        },
        "rows": [row for line in lines if (row := parsed(line))],
        "printed": lines,
    }


def processor() -> str:
    """The name that the processor gives itself; never that of the machine."""
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:
        return platform.machine()
    found = re.search(r"model name\s*:\s*(.+)", text)
    return found[1].strip() if found else platform.machine()


def parsed(line: str) -> dict[str, Any] | None:
    """``NAME key=value ...`` as a row; None for a line of another kind."""
    name, _, rest = line.partition(" ")
    pairs = [word.split("=", 1) for word in rest.split() if "=" in word]
    if not name.isidentifier() or not re.match(r"\S+=\S", rest):
        return None
    return {"name": name} | {key: _value(text) for key, text in pairs if key and text}


def _value(text: str) -> float | int | str:
    if text.isdigit():
        return int(text)
    return float(text) if NUMBER.match(text) else text
