"""The command line: ``invlab check`` and ``generate``, also as ``python -m invlab``."""

from __future__ import annotations

import argparse
import importlib
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import invlab
from invlab.runtime import any_encoding

__all__ = ["main"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit status."""
    any_encoding()
    parser = argparse.ArgumentParser(prog="invlab", description=invlab.__doc__)
    commands = parser.add_subparsers(required=True)

    check = commands.add_parser("check", help="run the task contract on any task")
    check.add_argument("task", metavar="MODULE:TASK", help="where the task stands")
    check.set_defaults(run=_check)

    generate = commands.add_parser("generate", help="simulate pairs into a folder; resumes")
    generate.add_argument("task", metavar="MODULE:TASK", help="where the task stands")
    generate.add_argument("--n", type=int, required=True, help="number of pairs")
    generate.add_argument("--folder", type=Path, required=True, help="of the pairs")
    generate.add_argument("--seed", type=int, default=0, help="of the draws (default 0)")
    generate.add_argument("--shard", type=int, help="pairs in a file (default 100)")
    where = generate.add_mutually_exclusive_group()
    where.add_argument("--jobs", type=int, default=1, help="processes here (default 1)")
    where.add_argument("--scheduler", metavar="ADDRESS", help="of a Dask cluster: tcp://HOST:PORT")
    generate.set_defaults(run=_generate)

    options = parser.parse_args(arguments)
    try:
        return options.run(options)
    except (ValueError, FileNotFoundError, ConnectionError, RuntimeError) as error:
        print(f"invlab: {error}", file=sys.stderr)
        return 2
    except ImportError as error:
        if error.name != "distributed":
            raise
        print(f"invlab: {error}", file=sys.stderr)
        return 2


def _check(options: argparse.Namespace) -> int:
    verdicts = invlab.check_task(_task(options))
    print(verdicts)
    return 0 if verdicts.passed else 1


def _generate(options: argparse.Namespace) -> int:
    pairs = invlab.generate(
        _task(options),
        options.n,
        folder=options.folder,
        jobs=options.jobs,
        scheduler=options.scheduler,
        seed=options.seed,
        shard=options.shard,
    )
    print(f"{len(pairs)} pairs in {options.folder}")
    return 0


def _task(options: argparse.Namespace) -> Any:
    """The task that ``MODULE:TASK`` names: an object, or a class that needs no arguments."""
    module, _, name = options.task.partition(":")
    if not name:
        raise ValueError(f"expected MODULE:TASK, got {options.task!r}")
    sys.path.insert(0, os.getcwd())
    try:
        task = getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError) as error:
        raise ValueError(f"{options.task}: {error}") from error
    task = task() if isinstance(task, type) else task
    if not isinstance(task, invlab.Task):
        raise ValueError(f"{options.task}: expected an invlab.Task, got {type(task).__name__}")
    return task


if __name__ == "__main__":
    sys.exit(main())
