"""The page "Beside other tools": what the recorded benchmarks say, a section a subject.

The words are written here; every number comes from ``benchmarks/records``. A subject without a
record keeps its words and says which command would make its table.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from notebooks import ROOT

RECORDS = ROOT / "benchmarks" / "records"
# Ratios nearer to one than this are within what a busy machine varies.
LEVEL = 1.2

HEAD = """
# Beside other tools

Where this library is ahead of what you would otherwise take, where it is behind, and by how much.
Each table comes from recorded runs of the scripts in `benchmarks/`; both sides of a line were
measured in one run, on one thread, and have to agree on the answer. Compiled rivals are timed after
their compilation, which a line names where it was measured. *Level* means a ratio between
{low:.2f} and {high:.2f}, about what a busy machine varies.

How to make a record anew, in an environment with the rivals: the README of `benchmarks/`.
"""


@dataclass(frozen=True)
class Subject:
    """A section of the page.

    Attributes:
        heading: of the section.
        records: names of the files, without ``.json``.
        lines: name of a recorded row to what is done and by whom else; may hold its keys in braces.
            Rows without an entry stay out.
        text: which tool to take when, below the table.
        quantity: the heading of what is compared.
    """

    heading: str
    records: tuple[str, ...]
    lines: dict[str, tuple[str, str]]
    text: str
    quantity: str = "time"


METHOD = "{method}, {unknowns} unknowns, {rows} rows"
SUBJECTS = (
    Subject(
        "Many minimisations at once",
        ("minimize",),
        {
            "minimize_optimistix": (METHOD, "optimistix, compiled"),
            "minimize_jaxopt": (METHOD, "jaxopt, compiled"),
            "minimize_optax": (METHOD, "optax, compiled"),
            "minimize_torch_loop": (METHOD, "a loop around `torch.optim.Adam`"),
            "minimize": ("bfgs on a simulator, billiards, 256 rows", "a loop over SciPy's BFGS"),
        },
        "Take `invlab.minimize` where the function is a simulator in torch, where each row needs "
        "a verdict of its own, or where one call has to be quick: nothing is compiled, and beside "
        "a loop over SciPy a whole batch costs little more than a row. Take `optimistix` (or "
        "`jaxopt` for least squares) where the function is cheap, written in jax and minimised "
        "many times in one shape: after the compilation it is far ahead on a few hundred rows. "
        "Take `optax` in a compiled loop for a fixed number of first-order steps. With some "
        "thousand rows optimistix is overtaken, while jaxopt and optax stay ahead on a cheap "
        "function.",
    ),
    Subject(
        "Joint optimisation",
        ("joint",),
        {
            "joint_wave_packet": (
                "64 wave packets together, one network",
                "SciPy's BFGS, each alone",
            ),
            "joint_scipy": ("64 billiard shots together, one network", "SciPy's BFGS, each alone"),
            "joint": (
                "64 billiard shots together, until as many are solved",
                "restarts of the batched BFGS",
            ),
        },
        "Joint optimisation costs a training, a few times what one BFGS a problem takes (the paper "
        "reports three to six times), and solves more of them. On the wave packets, whose signal "
        "costs little, it is more than ten times: nearly all of that is the convolutional network, "
        "which alone takes more than ten times as long as BFGS. Restarts from draws of the "
        "prior solve as many in less time, where there is a prior to draw from and a loss that "
        "tells when an answer is right; part III of the book says when they are not enough. "
        "(The {doc}`reproduction_ledger` has other ratios of the same kind: there the answers are "
        "refined by SciPy too, on other seeds and on another processor.)",
    ),
    Subject(
        "Inverse models",
        ("inverse_models",),
        {"inverse_models": ("where the best of ours is least ahead: {unit}, {task}", "best peer")},
        "Take `sbi` where you need amortised posteriors with embedding networks, sequential "
        "rounds on one observation or its diagnostics; take `zuko` or `FrEIA` where you build a "
        "flow of your own. Take this library where several models, a search and a look-up have to "
        "answer the same targets and be judged by the simulator. For few, exact answers rather "
        "than a posterior, take the neural adjoint: with one guess no sampler of ours comes near "
        "its re-simulated error (chapter 11).",
        quantity="score",
    ),
    Subject(
        "Simulators",
        ("kuramoto_sivashinsky", "navier_stokes", "metamaterial"),
        {
            "kuramoto_sivashinsky": (
                "Kuramoto–Sivashinsky, gradient through 50 steps, {rows} rows",
                "exponax, compiled",
            ),
            "kuramoto_sivashinsky_phiflow": (
                "Kuramoto–Sivashinsky, gradient through 50 steps, {rows} rows",
                "PhiFlow's operators on torch",
            ),
            "navier_stokes_jax": (
                "Navier–Stokes, a step with its gradient, {flows} flows",
                "PhiFlow on jax, compiled",
            ),
            "navier_stokes_torch": (
                "Navier–Stokes, a step with its gradient, {flows} flows",
                "PhiFlow on torch",
            ),
            "frequency": ("Maxwell, one frequency of a batch", "meent"),
            "spectrum": ("Maxwell, a spectrum of 300 frequencies", "meent"),
        },
        "The simulators here are for inverse problems: small, batched, in torch, with exact "
        "gradients, and no faster than they need to be for anything else. Take `exponax` for "
        "other stiff equations, other dimensions and for all that is jax; take `PhiFlow` for "
        "fluids with free geometry, particles and several backends; take `meent` or another "
        "Fourier modal code where the cell has no mirror planes or the shape is free.",
    ),
    Subject(
        "Error bounds",
        ("trust",),
        {"trust": ("bound of the re-simulated error at its level", "one bound for all answers")},
        "Split conformal prediction is a few lines anywhere, and gives one bound for all answers. "
        "Take `ErrorBound` where answers differ in how far they are off: it keeps the same promise "
        "with bounds that follow the answer. For intervals of an ordinary regression take `MAPIE` "
        "or `crepes`, which know more kinds of them.",
        quantity="size of the bound",
    ),
    Subject(
        "Expensive simulators",
        ("dear_simulator",),
        {
            "dear_prior_draws": ("200 simulations for five targets", "draws from the prior"),
            "dear_differential_evolution": (
                "200 simulations for five targets",
                "SciPy's differential evolution, a target at a time",
            ),
            "dear_bayesian_optimization": (
                "200 simulations for five targets",
                "`bayesian-optimization`, a target at a time",
            ),
        },
        "Take `invert(calls=N)` where several targets share one simulator: what one target's "
        "rounds have simulated teaches the others. Ours and the draws from the prior share the 200 "
        "simulations among the five targets; the other two work on one target at a time with 40 "
        "each, far fewer than differential evolution is made for. (The tasks are the sine, the "
        "robot arm and the throw, which are smooth and without noise, as suits a fitted network; "
        "the numbers are geometric means.) For a single target with a handful of unknowns "
        "and fewer than a hundred simulations, Bayesian optimisation is the usual choice.",
        quantity="error of the best answer, over the variance of y",
    ),
)


def beside_page(note: str) -> str:
    """The whole page."""
    head = HEAD.format(low=1 / LEVEL, high=LEVEL)
    return note + "\n" + head + "".join(section(subject) for subject in SUBJECTS)


def section(subject: Subject) -> str:
    """Heading, how often we are ahead, the table, what to take, and where it comes from."""
    found = {name: read(name) for name in subject.records}
    recorded = {name: record for name, record in found.items() if record is not None}
    rows = [row for record in recorded.values() for row in lines(subject, record["rows"])]
    parts = [f"\n## {subject.heading}\n"]
    if rows:
        parts += [summary(rows) + "\n", markdown(subject.quantity, rows) + "\n"]
    parts += [printed + "\n" for r in recorded.values() if (printed := printed_table(r["printed"]))]
    parts.append(subject.text + "\n")
    parts += [source(record) + "\n" for record in recorded.values()]
    parts += [missing(name) + "\n" for name, record in found.items() if record is None]
    return "\n".join(parts)


def read(name: str) -> dict[str, Any] | None:
    """A record, or None where there is none."""
    path = RECORDS / f"{name}.json"
    if not path.exists():
        return None
    record: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return record


def lines(subject: Subject, rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """The rows that the subject names, each with what it is and who the peer is."""
    made = []
    for row in rows:
        if row["name"] in subject.lines:
            what, peer = (text.format(**row) for text in subject.lines[row["name"]])
            made.append({**row, "what": what, "peer_name": peer})
    return made


def verdict(ratio: float) -> str:
    """Where we stand; a ratio is the peer's cost or error over ours."""
    if ratio > LEVEL:
        return f"ahead {factor(ratio)} times"
    return "level" if ratio * LEVEL > 1 else f"behind {factor(1 / ratio)} times"


def factor(ratio: float) -> str:
    return f"{ratio:.1f}" if ratio < 10 else f"{float(f'{ratio:.2g}'):.0f}"


def summary(rows: Sequence[dict[str, Any]]) -> str:
    """How often ahead, level and behind, and how far at most."""
    ahead = [row["ratio"] for row in rows if row["ratio"] > LEVEL]
    behind = [1 / row["ratio"] for row in rows if row["ratio"] * LEVEL <= 1]
    level = len(rows) - len(ahead) - len(behind)
    parts = [
        f"ahead in {len(ahead)}, by {factor(max(ahead))} times at most" if ahead else "",
        f"level in {level}" if level else "",
        f"behind in {len(behind)}, by {factor(max(behind))} times at most" if behind else "",
    ]
    of = f"Of {len(rows)} lines" if len(rows) > 1 else "The only line"
    return f"{of}: " + "; ".join(part for part in parts if part) + "."


def markdown(quantity: str, rows: Sequence[dict[str, Any]]) -> str:
    """The table of a subject, the lines in which we are ahead most first."""
    header = ["what", "beside", f"our {quantity}", "theirs", "unit", "we are"]
    cells = [
        [
            row["what"],
            row["peer_name"],
            f"{row['ours']:.3g}",
            f"{row['peer']:.3g}",
            UNITS.get(row["unit"], row["unit"]),
            verdict(row["ratio"]) + compilation(row),
        ]
        for row in sorted(rows, key=lambda row: -row["ratio"])
    ]
    table = [header, ["---"] * len(header), *cells]
    return "\n".join("| " + " | ".join(line) + " |" for line in table)


UNITS = {
    "cpu_s": "CPU s",
    "cpu_us_a_row": "CPU µs a row",
    "constant_bound": "the constant bound",
    "r": "variance of y",
}


def compilation(row: dict[str, Any]) -> str:
    """What the peer's first call takes, where a line says it, such as ``0.1/1.4`` or ``1.4``."""
    theirs = str(row.get("first_call_s", "")).rpartition("/")[2]
    shown = bool(theirs) and "compiled" in row["peer_name"]
    return f" (its first call: {float(theirs):.2g} s)" if shown else ""


def printed_table(printed: Sequence[str]) -> str:
    """A table that a script prints as columns below ``task method ...``, as Markdown."""
    heads = [k for k, line in enumerate(printed) if line.split()[:2] == ["task", "method"]]
    if not heads:
        return ""
    header, rows = printed[heads[-1]].split(), []
    for line in printed[heads[-1] + 1 :]:
        words, numbers = line.split(), len(header) - 2
        if len(words) < len(header) or not all(map(is_number, words[-numbers:])):
            break
        # a method may have a name of several words
        rows.append([words[0], " ".join(words[1:-numbers]), *words[-numbers:]])
    table = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in table)


def is_number(word: str) -> bool:
    """Whether a cell of a printed table is a number, or stands for none."""
    try:
        float(word)
    except ValueError:
        return word in ("–", "-")
    return True


def source(record: dict[str, Any]) -> str:
    """Command, date, machine and versions of a record."""
    versions = ", ".join(f"{name} {version}" for name, version in record["versions"].items())
    return (
        f"Recorded by `{record['command']}` on {record['date']}, {record['machine']}, "
        f"Python {record['python']}, {versions}."
    )


def missing(name: str) -> str:
    command = f"benchmarks/{name}.py --record benchmarks/records/{name}.json"
    return f"Not recorded yet; `{command}` records it."
