"""What came out of a comparison: rows, advice, a picture and a page."""

from __future__ import annotations

import html
import io
import json
import math
from base64 import b64encode
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from invlab.comparison.advice import Advice, Facts, advise, ranked
from invlab.comparison.plan import Plan
from invlab.comparison.table import Row
from invlab.files import write_whole
from invlab.plots import pyplot

__all__ = ["Comparison"]

STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem }
table { border-collapse: collapse; display: block; overflow-x: auto }
th, td { padding: .3rem .7rem; border-bottom: 1px solid #8884; text-align: right }
th:first-child, td:first-child { text-align: left }
@media (prefers-color-scheme: dark) { body { background: #181818; color: #eee } }
"""


# What the columns of the second table of a page are.
MORE = (
    "low_T and high_T: 95 % interval of r_T. median_T: half of the targets have a smaller error. "
    "refined_T: r_T after a local search on the simulator. valid: share of guesses that can be "
    "simulated; in_box: share inside the box of the unknowns. coverage: share of true unknowns "
    "inside the central 90 % of the draws; coverage_p, calibration_p and joint_p: tests of "
    "calibration, near zero where the draws are no posterior. log_density: of the true unknowns, "
    "in nats. calls: simulations in all, the training pairs included."
)
# What the columns of the printed table are.
LEGEND = (
    "geo_T: geometric mean of the error of the best of T guesses, in units of the variance of y, "
    "which the\nadvice goes by; what is below the floor (or 1e-9) counts as the floor. r_T: its "
    "mean over the targets that\nhave a valid answer, in the same unit; failed_T: the share that "
    "has none; fit_s, answer_s: processor\nseconds to train, and a target; answer_calls: "
    "simulations a target. result.rows has more."
)


class Comparison:
    """The result of :func:`invlab.compare`; printed, it is the table, best first, and the advice.

    Attributes:
        rows: a dictionary a method: ``method``, and by T ``r_T`` (mean error of the best of T over
            the variance of y), ``low_T`` and ``high_T`` (its 95 % interval over the seeds, or
            over the targets where there is one seed; None of a single target), ``geo_T``,
            ``median_T``, ``refined_T`` (after a local search on the simulator, of the first 10
            guesses at most; None where a budget does not pay for it), ``failed_T`` (share of
            targets without a valid answer, which are in no ``r_T``; those of a seed in which the
            method raised an error are among them; ``failed`` at the largest T), ``valid`` and
            ``in_box`` (shares of the guesses), ``coverage`` (of central 90 % intervals),
            ``coverage_p`` (p-value that these cover so often), ``calibration_p`` and ``joint_p``
            (p-values that the draws are calibrated, in single unknowns and in all together), of
            these the smallest of the seeds, ``log_density`` (of the true
            unknowns, in nats), ``fit_s`` (processor seconds of a training), ``answer_s`` (a
            target), ``calls`` (simulations of a seed, the pairs included), ``answer_calls`` (a
            target), ``note``.
            None where something does not apply.
        sentences: the advice as data, a rule each.
        plan: sizes: pairs, targets, guesses, seeds.
    """

    def __init__(self, rows: list[Row], facts: Facts, plan: Plan) -> None:
        self.rows, self.facts, self.plan = rows, facts, plan
        self.sentences: list[Advice] = advise(facts)

    @property
    def advice(self) -> str:
        """The advice in words, a sentence a line."""
        return "\n".join(sentence.text for sentence in self.sentences)

    def best(self, T: int | None = None) -> str:
        """Name of the method with the lowest geometric mean error at T guesses.

        Raises:
            ValueError: T was not compared, or no method gave an answer.
        """
        order = self.order(T)
        if not order:
            raise ValueError("best: no method gave an answer; see the notes of the rows")
        return order[0]

    def order(self, T: int | None = None) -> list[str]:
        """All methods with a score, the best of T guesses first; without prior and exact answers.

        A method that was asked for fewer guesses counts with what those reached.

        Raises:
            ValueError: T was not compared.
        """
        count = self.plan.guesses[0] if T is None else T
        if count not in self.plan.guesses:
            raise ValueError(f"expected T among {self.plan.guesses}, got {T}")
        return ranked(self.facts, count)

    def __str__(self) -> str:
        return f"{self._head()}\n\n{self._table()}\n\n{LEGEND}\n\n{self.advice}"

    __repr__ = __str__

    def plot(self) -> Any:
        """A figure of the error over the number of guesses, a line a method (needs matplotlib)."""
        plt = pyplot()
        figure, ax = plt.subplots(figsize=(7, 4), layout="constrained")
        markers = "os^Dv<>pPX*hd"
        for k, row in enumerate(self.rows):
            there = [n for n in self.plan.guesses if row[f"geo_{n}"] is not None]
            values = [row[f"geo_{n}"] for n in there]
            if there:
                ax.plot(there, values, marker=markers[k % len(markers)], label=row["method"])
        ax.set(xscale="log", yscale="log", xlabel="guesses a target, T")
        ax.set_ylabel("error of the best of T\n(variance of y, geometric mean)")
        ax.legend(fontsize="small", ncols=2)
        return figure

    def to_html(self, path: str | Path) -> Path:
        """Write one file that opens without a network: table, figure and advice.

        Raises:
            ValueError: the name does not end in ``.html``.
        """
        path = Path(path)
        if path.suffix.lower() not in (".html", ".htm"):
            raise ValueError(f"{path}: expected a name that ends in .html")
        write_whole(path, self._page().encode())
        return path

    def save(self, folder: str | Path) -> Path:
        """Write ``comparison.json`` into a folder: rows, advice and sizes."""
        path = Path(folder) / "comparison.json"
        content = {
            "rows": self.rows,
            "advice": [vars(sentence) for sentence in self.sentences],
            "plan": vars(self.plan),
        }
        write_whole(path, (json.dumps(content, indent=1, ensure_ascii=False) + "\n").encode())
        return path

    def _head(self) -> str:
        plan = self.plan
        return (
            f"{plan.n} pairs, {plan.targets} targets, {plan.seeds} seeds; errors in units of the "
            f"variance of y, judged by the {self.facts.judged_by}"
            + ("; the budget in simulations pays for no refinement" if plan.unpaid else "")
        )

    def _columns(self) -> dict[str, str]:
        first, last = self.plan.guesses[0], self.plan.guesses[-1]
        keys = [f"{kind}_{n}" for kind in ("geo", "r") for n in self.plan.guesses]
        failed = dict.fromkeys((f"failed_{first}", f"failed_{last}"))
        keys = [*keys, *failed, "fit_s", "answer_s", "answer_calls", "note"]
        return {"method": "method"} | {key: key for key in keys}

    def _more_columns(self) -> dict[str, str]:
        """What a page has room for beside the table that is printed."""
        keys = [f"{kind}_{n}" for n in self.plan.guesses for kind in ("low", "high", "median")]
        keys += [f"refined_{n}" for n in self.plan.guesses]
        keys += ["valid", "in_box", "coverage", "coverage_p", "calibration_p", "joint_p"]
        return {"method": "method"} | {key: key for key in (*keys, "log_density", "calls")}

    def _cells(self, columns: Mapping[str, str] | None = None) -> list[list[str]]:
        columns = self._columns() if columns is None else columns
        return [list(columns.values())] + [
            [_shown(row.get(key)) for key in columns] for row in self._best_first()
        ]

    def _best_first(self) -> list[Row]:
        """The rows as they are shown: by the error of the fewest guesses, those without it last."""
        key = f"geo_{self.plan.guesses[0]}"
        return sorted(self.rows, key=lambda row: math.inf if row[key] is None else row[key])

    def _table(self) -> str:
        cells = self._cells()
        widths = [max(len(line[k]) for line in cells) for k in range(len(cells[0]))]
        lines = ["  ".join(_aligned(line, widths)).rstrip() for line in cells]
        return "\n".join(lines)

    def _page(self) -> str:
        advice = "".join(f"<p>{html.escape(sentence.text)}</p>" for sentence in self.sentences)
        return (
            f"<!doctype html><html lang='en'><meta charset='utf-8'><title>Comparison</title>"
            f"<meta name='viewport' content='width=device-width'><style>{STYLE}</style>"
            f"<h1>Which method</h1><p>{html.escape(self._head())}</p>{advice}{self._picture()}"
            f"{_as_html(self._cells())}<h2>Intervals, refinement, calibration</h2>"
            f"<p>{html.escape(MORE)}</p>{_as_html(self._cells(self._more_columns()))}</html>\n"
        )

    def _picture(self) -> str:
        try:
            figure = self.plot()
        except ImportError:
            return ""
        content = io.BytesIO()
        try:
            figure.savefig(content, format="png", dpi=120, facecolor="white")
        finally:
            pyplot().close(figure)
        text = "Error of the best of T guesses over T, a line a method."
        data = b64encode(content.getvalue()).decode()
        return f"<img alt='{text}' src='data:image/png;base64,{data}'>"


def _as_html(cells: Sequence[Sequence[str]]) -> str:
    head = "".join(f"<th>{html.escape(name)}</th>" for name in cells[0])
    body = "".join(
        "<tr>" + "".join(f"<td>{html.escape(cell)}</td>" for cell in line) + "</tr>"
        for line in cells[1:]
    )
    return f"<table><tr>{head}</tr>{body}</table>"


def _shown(value: Any) -> str:
    if value is None:
        return "–"
    if isinstance(value, float):
        return f"{value:.2g}"
    return str(value)


def _aligned(line: Sequence[str], widths: Sequence[int]) -> list[str]:
    first, last = line[0].ljust(widths[0]), line[-1]
    middle = [cell.rjust(width) for cell, width in zip(line[1:-1], widths[1:-1], strict=True)]
    return [first, *middle, last]
