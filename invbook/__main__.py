"""The command line of the book: ``python -m invbook papers | bench | report | verify | ...``."""

from __future__ import annotations

import argparse
import json
import math
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import invbook
from invlab.runtime import any_encoding, environment

if TYPE_CHECKING:
    from invlab.runs.audit import Finding
    from invlab.runs.records import Record, Run

__all__ = ["main"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit status."""
    any_encoding()
    parser = argparse.ArgumentParser(prog="python -m invbook", description=invbook.__doc__)
    commands = parser.add_subparsers(required=True)

    names = commands.add_parser("papers", help="print the names of the papers")
    names.set_defaults(run=_papers)

    bench = commands.add_parser("bench", help="run a paper's experiments and record them; resumes")
    bench.add_argument("paper", help="such as loss_design")
    bench.add_argument("--preset", choices=["quick", "full"], help="overrides INVLAB_PRESET")
    bench.add_argument("--only", default="", help="only runs whose id contains this")
    bench.add_argument(
        "--folder", type=Path, help="of the records (default: results, or results-quick)"
    )
    where = bench.add_mutually_exclusive_group()
    where.add_argument("--jobs", type=int, default=1, help="processes here (default 1)")
    where.add_argument("--scheduler", metavar="ADDRESS", help="of a Dask cluster: tcp://HOST:PORT")
    only = bench.add_mutually_exclusive_group()
    only.add_argument("--list", action="store_true", help="print the ids of the runs, run none")
    only.add_argument("--missing", action="store_true", help="print those without a record")
    bench.set_defaults(run=_bench)

    report = commands.add_parser("report", help="our numbers beside the papers'")
    report.add_argument("--json", action="store_true", help="a JSON list, a row a number")
    report.add_argument("--check", action="store_true", help="exit 1 unless all records are good")
    report.add_argument("--folder", type=Path, help="of the records (default: results)")
    report.set_defaults(run=_report)

    verify = commands.add_parser("verify", help="make a sample of cheap records again, and compare")
    verify.add_argument(
        "--minutes", type=float, default=10.0, help="CPU minutes that it may take (default 10)"
    )
    verify.add_argument("--jobs", type=int, default=1, help="processes here (default 1)")
    verify.add_argument("--folder", type=Path, help="of the records (default: results)")
    verify.set_defaults(run=_verify)

    _add_metamaterial(commands)

    options = parser.parse_args(arguments)
    # commands choose the preset, and whoever calls this from Python keeps theirs
    with environment("INVLAB_PRESET", os.environ.get("INVLAB_PRESET", "quick")):
        try:
            return options.run(options)
        except (ValueError, OSError) as error:
            print(f"invbook: {error}", file=sys.stderr)
            return 2


def _add_metamaterial(commands: Any) -> None:
    parser = commands.add_parser(
        "metamaterial", help="simulate D4 with Maxwell's equations, and train its network"
    )
    actions = parser.add_subparsers(required=True)
    generate = actions.add_parser("generate", help="Maxwell spectra in shards; resumes")
    train = actions.add_parser("train", help="the network that stands in for the solver")
    for action in (generate, train):
        action.add_argument("--n", type=int, default=10_000, help="geometries (default 10000)")
        action.add_argument("--orders", type=int, default=6, help="M of the solver (default 6)")
        action.add_argument("--loss", type=float, default=0.05, help="tan δ (default 0.05)")
        action.add_argument("--below", type=Path, help="folder of the data")
    generate.add_argument("--seed", type=int, default=0, help="of the geometries; 1 is for tests")
    where = generate.add_mutually_exclusive_group()
    where.add_argument("--jobs", type=int, default=1, help="processes here (default 1)")
    where.add_argument("--scheduler", metavar="ADDRESS", help="of a Dask cluster: tcp://HOST:PORT")
    generate.set_defaults(run=_generate)
    train.add_argument("--members", type=int, default=5, help="networks (default 5)")
    train.add_argument("--width", type=int, default=256, help="of their layers (default 256)")
    train.add_argument("--epochs", type=int, default=200, help="passes over the data")
    train.add_argument("--held-out", type=int, default=1000, help="fresh spectra for the card")
    train.add_argument("--out", type=Path, help="the file (default: the one of the package)")
    train.set_defaults(run=_train)


def _papers(options: argparse.Namespace) -> int:
    from invbook import papers

    print(*papers.list_papers(), sep="\n")
    return 0


def _bench(options: argparse.Namespace) -> int:
    from invbook import costs
    from invbook.results import load_records
    from invlab.runs.records import FailedRuns, missing, run
    from invlab.validation import require_count

    if options.preset:
        os.environ["INVLAB_PRESET"] = options.preset
    require_count("--jobs", options.jobs)
    chosen = _chosen(options.paper, options.only)
    if options.list:
        print(*(run.id for run in chosen), sep="\n")
        return 0
    folder = options.folder or _folder()
    if folder.exists() and not folder.is_dir():
        raise ValueError(f"--folder: expected a folder, got the file {folder}")
    there = load_records(folder)
    _require_preset(folder, there, chosen)
    left = missing(chosen, seeds=(), folder=folder)
    if options.missing:
        print(*(run.id for run in left), sep="\n")
        return 0
    before = there if options.folder is None else load_records(_folder()) | there
    if left:
        print(costs.said(left, before, options.jobs), flush=True)
    chosen = costs.longest_first(chosen, before)
    try:
        records = run(
            chosen,
            seeds=(),  # each has its own
            folder=folder,
            jobs=options.jobs,
            scheduler=options.scheduler,
        )
    except FailedRuns as error:
        print(f"invbook: {error}", file=sys.stderr)
        return 1
    except ImportError as error:
        if error.name != "distributed":
            raise
        print(f"invbook: {error}", file=sys.stderr)
        return 2
    seconds = sum(record["cpu_seconds"] for record in records)
    print(f"{len(records)} records in {folder}; they took {seconds / 60:.1f} CPU minutes to make")
    return 0


def _folder() -> Path:
    """Where records go if nobody says: quick ones never stand among the full ones."""
    from invbook.results import results_folder
    from invlab.runtime import preset

    if preset() == "quick":
        return Path("results-quick")
    try:
        return results_folder()
    except FileNotFoundError:  # these are the first
        return Path(os.environ.get("INVLAB_RESULTS") or "results")


def _require_folder(folder: Path | None) -> None:
    """A wrong name is not taken for a folder without records."""
    if folder is not None and not folder.is_dir():
        raise ValueError(f"--folder: expected a folder of records, and {folder} is none")


def _require_preset(folder: Path, records: Mapping[str, Record], runs: Sequence[Run]) -> None:
    """Records of one preset are not made over those of another."""
    from invlab.runtime import preset

    planned = {run.id for run in runs}
    for name, record in records.items():
        if name in planned and record.get("preset", preset()) != preset():
            raise ValueError(
                f"--folder: {folder} has {record['preset']} records, such as {name}, and "
                f"{preset()} ones are to be made; choose another folder, or --preset "
                f"{record['preset']}"
            )


def _chosen(paper: str, only: str) -> list[Run]:
    """The runs of a paper whose id contains a text.

    Raises:
        ValueError: none does.
    """
    from invbook import papers

    runs = papers.plan(paper)
    chosen = [run for run in runs if only in run.id]
    if not chosen:
        some = ", ".join(run.id for run in runs[:: max(1, len(runs) // 4)])
        raise ValueError(f"--only: no run of {paper} contains {only!r}; there are, say, {some}")
    return chosen


def _report(options: argparse.Namespace) -> int:
    from invbook import ledger, papers

    _require_folder(options.folder)
    rows = ledger.rows(papers.claims(), options.folder)
    if options.json:
        print(json.dumps(rows, indent=1))  # of ASCII alone, for consoles of any encoding
    else:
        columns = {key: key for key in ("id", "kind", "paper", "ours", "low", "high", "verdict")}
        print(ledger.table(rows, columns))
    found = _audit(options.folder)
    for finding in found:
        print(f"{finding.state}: {finding.id}: {finding.why}", file=sys.stderr)
    return 1 if options.check and found else 0


def _verify(options: argparse.Namespace) -> int:
    import tempfile

    from invbook import papers, verify
    from invbook.results import load_records, results_folder
    from invlab.runs.audit import audit
    from invlab.runs.records import FailedRuns, run

    if not 0 < options.minutes < math.inf:
        raise ValueError(f"--minutes: expected a number above 0, got {options.minutes}")
    os.environ["INVLAB_PRESET"] = "full"
    _require_folder(options.folder)
    folder = options.folder or results_folder()
    records = load_records(folder)
    runs = {run.id: run for paper in papers.list_papers() for run in papers.plan(paper)}
    good = [f.id for f in audit(runs.values(), seeds=(), folder=folder) if f.state == "good"]
    chosen = verify.sample([runs[name] for name in good], records, 60 * options.minutes)
    print(f"{len(chosen)} of {len(good)} records are made again", flush=True)
    with tempfile.TemporaryDirectory() as place:
        try:
            made = run(chosen, seeds=(), folder=place, jobs=options.jobs)
        except FailedRuns as error:
            print(f"invbook: {error}", file=sys.stderr)
            return 1
    beyond = 0
    for now in made:
        found = verify.compare(records[now["id"]], now)
        off = [difference for difference in found if not difference.allowed]
        same = sum(difference.recorded == difference.now for difference in found)
        beyond += len(off) > verify.MOST_OFF * len(found)
        print(f"{now['id']}: {same} of {len(found)} numbers the same, {len(off)} too far off")
        for one in off[:3]:
            print(f"    {one.name}: {one.recorded:g} was recorded, now {one.now:g}")
    print(f"{len(made) - beyond} of {len(made)} records come again within their tolerances")
    return 1 if beyond or not made else 0


def _audit(folder: Path | None) -> list[Finding]:
    """What is the matter with the full records, a finding a record; nothing of the good ones."""
    from invbook import papers
    from invbook.results import results_folder
    from invlab.runs.audit import audit

    os.environ["INVLAB_PRESET"] = "full"
    runs = [run for paper in papers.list_papers() for run in papers.plan(paper)]
    found = audit(runs, seeds=(), folder=results_folder() if folder is None else folder)
    return [finding for finding in found if finding.state != "good"]


def _generate(options: argparse.Namespace) -> int:
    from invbook.papers.metamaterial import production

    solver = {"orders": options.orders, "loss": options.loss}
    below = options.below or production.DATA
    pairs = production.simulations(
        options.n,
        options.seed,
        **solver,
        below=below,
        jobs=options.jobs,
        scheduler=options.scheduler,
    )
    folder = production.folder_of(options.seed, **solver, below=below)
    print(f"{len(pairs)} spectra in {folder}")
    return 0


def _train(options: argparse.Namespace) -> int:
    from invbook.papers.metamaterial import production
    from invlab.validation import require_count

    for name in ("n", "held_out", "members", "width", "epochs"):
        require_count(f"--{name.replace('_', '-')}", getattr(options, name))
    path = options.out or production.NEURAL
    if path.suffix != ".safetensors" or path.is_dir():
        raise ValueError(f"--out: expected a file that ends in .safetensors, got {path}")
    solver = {"orders": options.orders, "loss": options.loss}
    below = options.below or production.DATA
    card = production.train_simulator(
        production.simulations(options.n, **solver, below=below),
        production.simulations(options.held_out, production.HELD_OUT_SEED, **solver, below=below),
        seeds=range(options.members),
        width=options.width,
        epochs=options.epochs,
        path=path,
        how={"solver": solver},
    )
    print(json.dumps(card, indent=1, ensure_ascii=False))
    return 0


if __name__ == "__main__":
    sys.exit(main())
