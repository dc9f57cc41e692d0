"""The page "How cost grows": exponents and costs of the recorded study, and their figure."""

from __future__ import annotations

import re
from typing import Any

from beside_other_tools import missing, read
from log_lines import Panel, figure

from invbook import load_records

Curve = dict[str, list[float]]

HEAD = """
# How cost grows

How many pairs, targets or draws can you afford? Each line of the tables is a method; a cell is the
exponent $p$ of its processor seconds, cost ∼ size$^p$, over the upper half of the sizes, and then
the exponent of its peak memory. $p = 1$ means in proportion, $p = 0$ that the size does not matter
there. *From* is the smallest size from which the cost lies on that straight line, within a factor
of 1.5: below it something else than the size decides. Trainings took two epochs and searches a few
rounds, since it is the cost of one that grows; one size grew at a time, from 3000 pairs, four
unknowns, eight numbers of y, 100 targets of ten draws and 256 problems. Each point was measured in
a process of its own.

**In short.** Answers of most methods cost in proportion to targets and draws once there are enough
of them. Answers of `joint`, `pool`, `neural_adjoint` and `nearest`, and all minimisations, still
grow more slowly than in proportion at the largest sizes here. Below these sizes the call itself
decides, so ask for many together.
Searches on the simulator need the whole Jacobian for Levenberg–Marquardt, and a mixture density
writes a triangular matrix for each Gaussian: both grow with the square of the unknowns, which is
their work.
"""
CREWS = {
    "two_workers_generate": "`generate`, a simulator that waits",
    "two_workers_maxwell": "`generate`, Maxwell's equations",
    "two_workers_compare": "`compare`",
    "two_workers_experiments": "experiments with their records",
}
WORDS = {
    "pairs": "pairs",
    "unknowns": "unknowns",
    "numbers": "numbers of y",
    "targets": "targets",
    "draws": "draws a target",
    "problems": "problems at once",
}
SECTIONS = {
    "fit": "A fit, two epochs",
    "answer": "Answers",
    "solve": "Minimisations, thirty iterations",
}
SHOWN = ("fit/pairs", "answer/targets", "answer/draws", "solve/problems")
COMMAND = "python -m invbook bench scaling --preset full"


def growth_page(note: str) -> str:
    """The whole page."""
    records = scaling_records()
    if not records:
        return f"{note}\n{HEAD}\nNot recorded yet; `{COMMAND}` records it.\n"
    parts = [note, HEAD]
    parts.append(
        "```{image} assets/how_cost_grows.svg\n"
        ":alt: Four panels of processor seconds on logarithmic axes: fits against pairs, answers "
        "against targets and against draws, minimisations against problems. The lines are flat at "
        "small sizes and bend upwards; most of the last three panels end up rising in proportion."
        "\n```\n"
    )
    parts += [table(what, heading, records) for what, heading in SECTIONS.items()]
    parts.append(costs(records))
    parts.append(source(records))
    parts.append(past_one_machine())
    return "\n".join(parts)


def growth_figure(note: str) -> str:
    """Seconds of fits, answers and minimisations, a line a method."""
    records = scaling_records()
    panels = []
    for key in SHOWN:
        what, axis = key.split("/")
        curves = {name: record["curves"].get(key) for name, record in records.items()}
        lines = {
            label(name): (curve["sizes"], curve["seconds"])
            for name, curve in curves.items()
            if curve is not None
        }
        if lines:
            panels.append(Panel(SECTIONS[what], WORDS[axis], "processor seconds", lines))
    return f"{note}\n{figure(panels)}"


def scaling_records() -> dict[str, dict[str, Any]]:
    """The records of the study by method, in the order of their files."""
    found = load_records()
    keys = sorted(key for key in found if key.startswith("scaling/"))
    return {key.removeprefix("scaling/"): found[key] for key in keys}


def label(name: str) -> str:
    return name.replace("minimize_", "minimize ")


def table(what: str, heading: str, records: dict[str, dict[str, Any]]) -> str:
    """Exponents of one kind of work, a method a line and a size a column."""
    axes = [
        axis
        for axis in WORDS
        if any(f"{what}/{axis}/seconds" in record["scores"] for record in records.values())
    ]
    lines = [["method", *(WORDS[axis] for axis in axes)], ["---"] * (len(axes) + 1)]
    for name, record in records.items():
        if any(key.startswith(f"{what}/") for key in record["scores"]):
            lines.append([f"`{label(name)}`", *(cell(record, f"{what}/{axis}") for axis in axes)])
    return f"## {heading}\n\n{markdown(lines)}\n"


def cell(record: dict[str, Any], key: str) -> str:
    """Such as ``1.02; 0.98, from 1000``: seconds, memory, and where the line of seconds begins."""
    scores = record["scores"]
    if f"{key}/seconds" not in scores:
        return "–"
    seconds, memory = (scores[f"{key}/{unit}"][0] for unit in ("seconds", "megabytes"))
    start = scores[f"{key}/seconds/from"][0]
    return f"{seconds:.2f}; {memory:.2f}, from {start:,}".replace("-0.00", "0.00")


def costs(records: dict[str, dict[str, Any]]) -> str:
    """What the largest size of each panel took."""
    lines = [["method", "what", "size", "CPU s", "peak, MB"], ["---"] * 5]
    for name, record in records.items():
        for key in SHOWN:
            curve: Curve | None = record["curves"].get(key)
            if curve is not None:
                what, axis = key.split("/")
                size = f"{curve['sizes'][-1]:,} {WORDS[axis]}"
                spent = f"{curve['seconds'][-1]:.2g}", f"{curve['megabytes'][-1]:.0f}"
                lines.append([f"`{label(name)}`", what, size, *spent])
    return f"## What the largest took\n\n{markdown(lines)}\n"


def past_one_machine() -> str:
    """What two Dask workers gained, and how far that carries, from the recorded benchmark."""
    record = read("two_workers")
    if record is None:
        return f"\n## Past one machine\n\n{missing('two_workers')}\n"
    rows = {row["name"]: row for row in record["rows"]}
    lines = [["work", "here", "1 worker", "2 workers", "2, one killed"], ["---"] * 5]
    for name, what in CREWS.items():
        spent = (rows[name][key] for key in ("alone", "peer", "ours", "killed"))
        lines.append([what, *(f"{seconds:.1f} s" for seconds in spent)])
    printed = "\n".join(record["printed"])
    empty = float(re.findall(r"does nothing: ([\d.]+) ms", printed)[0]) / 1000
    sent = int(re.findall(r"a shard of spectra: (\d+) bytes", printed)[0])
    return (
        "\n## Past one machine\n\nSeconds on the wall, of work that is cut into runs or shards and "
        "handed to Dask workers (`scheduler=`). All crews, the one that lost a worker too, gave "
        f"the numbers of a single process.\n\n{markdown(lines)}\n\nOn paper: a run that does "
        f"nothing takes {1000 * empty:.1f} ms, so that one scheduler hands out some "
        f"{1 / empty:.0f} runs a second. Runs of a second keep about that many workers busy, runs "
        f"of a minute {60 / empty:,.0f}; shorter ones are better put together. A shard of ten "
        f"spectra is {sent / 1e6:.1f} MB: a network of 100 MB/s carries {1e8 / sent:.0f} of them a "
        "second. Until then the time falls with the workers as far as the pieces allow: a "
        "comparison waits for its slowest method.\n\nRecorded by "
        f"`{record['command']}` on {record['date']}, {record['machine']}.\n"
    )


def markdown(lines: list[list[str]]) -> str:
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def source(records: dict[str, dict[str, Any]]) -> str:
    dates = sorted({record["date"] for record in records.values()})
    minutes = sum(record["cpu_seconds"] for record in records.values()) / 60
    return (
        f"\nRecorded by `{COMMAND}`, {minutes:.0f} CPU minutes on {', '.join(dates)}, one thread, "
        f"torch {next(iter(records.values()))['versions']['torch']}.\n"
    )
