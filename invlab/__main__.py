"""The command line: ``invlab check``, also as ``python -m invlab``."""

from __future__ import annotations

import argparse
import importlib
import os
import sys
from collections.abc import Sequence

import invlab

__all__ = ["main"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit status."""
    parser = argparse.ArgumentParser(prog="invlab", description=invlab.__doc__)
    commands = parser.add_subparsers(required=True)

    check = commands.add_parser("check", help="run the task contract on any task")
    check.add_argument("task", metavar="MODULE:TASK", help="where the task stands")
    check.set_defaults(run=_check)

    options = parser.parse_args(arguments)
    try:
        return options.run(options)
    except (ValueError, FileNotFoundError, ConnectionError) as error:
        print(f"invlab: {error}", file=sys.stderr)
        return 2


def _check(options: argparse.Namespace) -> int:
    module, _, name = options.task.partition(":")
    if not name:
        raise ValueError(f"check: expected MODULE:TASK, got {options.task!r}")
    sys.path.insert(0, os.getcwd())
    try:
        task = getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError) as error:
        raise ValueError(f"check: {options.task}: {error}") from error
    verdicts = invlab.check_task(task() if isinstance(task, type) else task)
    print(verdicts)
    return 0 if verdicts.passed else 1


if __name__ == "__main__":
    sys.exit(main())
