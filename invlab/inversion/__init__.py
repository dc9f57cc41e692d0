"""From targets to ranked answers in one call, with their errors and how far to trust them.

``invert`` (this file) checks the call and lays it out; ``constraints`` and ``measurement`` say what
an answer has to meet and what was measured; ``choice`` takes the method, ``answering`` asks it,
``rounds`` spends a budget of dear simulations instead, and ``answers`` is what comes back.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from invlab import runtime
from invlab.comparison.candidates import draws_given_y
from invlab.inversion.answering import Answering
from invlab.inversion.answers import Answers, Mode, length_of
from invlab.inversion.choice import fitted, require_method
from invlab.inversion.constraints import constrained, keep_allowed
from invlab.inversion.request import Asked, as_simulated, asked, by_pattern
from invlab.inversion.rounds import in_rounds
from invlab.methods.sampler import Sampler
from invlab.metrics import noise_floor
from invlab.metrics.effects import require_gradient, warn_of_noise
from invlab.pairs import EmptyPart, require_pairs
from invlab.simulators.counted import Counted
from invlab.simulators.numpy_functions import without_failed_rows
from invlab.task import Pairs, Targets, Task, without_held_out
from invlab.trust import ErrorBound, Reachability
from invlab.trust.belief import fitting_surrogate, warn_of_replicates
from invlab.validation import require_count, require_flag, require_share

__all__ = ["Answers", "Mode", "invert"]

# Share of the pairs that calibrates bound and test, the least of them that can, and the most that
# are taken: by 2000 the coverage is within 1.3 points of its level (95 %), and more cost searches
# and simulations.
HELD_OUT, FEWEST, MOST = 0.3, 20, 2000
# Share of the draws on an edge from which on it is said, and what counts as on it, in widths.
CUT_OFF, ROUNDING = 0.2, 1e-6
# Said of draws, whose table has their mean.
OF_DRAWS = (
    "Unknowns are the mean ± spread of the draws; error and bound are the first draw's. How near "
    "the draws come to the posterior hangs on the pairs and was not tested here: compare tests "
    "their calibration, and a search says whether far smaller errors are possible."
)
# Spreads of two numbers of y that are said to differ.
UNEVEN = 1e3
# Said of targets that seem out of reach where nothing is known of their error.
MEASURED = " If y was measured with an error, give sigma=."
# Said of the answers of a search to data with an error.
NO_POSTERIOR = (
    "The spread of a search's answers does not say how sure an unknown is; a sampler such as "
    "method='mixture_density' draws from the posterior, and invlab.trust.undetermined names what "
    "the data leave free."
)
# Held-out pairs whose unknowns are simulated again, to say what the truth would be off by.
FLOOR_PAIRS = 50
# Share of reachable targets that the test leaves alone.
RELIABLE = 0.95
# Below this share of the variance of y an answer explains its target.
EXPLAINED = 1e-6

# What is said where the errors were seen, and where nothing could be tested.
KNOWN = "Every answer was simulated, so that its error is known and is its own bound."
NO_TEST = "No test of reachability and no bound"


def invert(
    task: Task | Pairs,
    y: Any,
    *,
    method: Any = "auto",
    n: int = 10,
    budget: Any = None,
    sigma: Any = None,
    bounds: Any = None,
    feasible: Any = None,
    level: float = 0.9,
    c: Any = None,
    data: Pairs | None = None,
    pairs: int = 2000,
    simulate: bool = True,
    calls: int | None = None,
    seed: int = 0,
) -> Answers:
    """Answer targets: choose and fit a method, refine its guesses, rank them, and bound the error.

    Args:
        task: with a simulator; or pairs alone, and then nothing is simulated.
        y: targets, ``(B, *dy)``, or a single one, ``dy``; tensors, arrays or lists. NaN marks a
            number that was not measured.
        method: ``"auto"``, which takes the best of a small :func:`invlab.compare`; a name; or an
            object, fitted or not. What is fitted here is a copy that ends with the call: to keep a
            fitted method, make it by ``get_method(...).fit(task, pairs)``, ``save`` it, and give
            it here.
        n: answers a target.
        budget: of that comparison; 30 processor seconds if not given. No other method has one.
        sigma: standard deviation of the measurement error, beside the simulator's own noise: a
            number, or one for each of y, the same for all targets; infinite where a number was not
            measured. To weigh numbers of y, give smaller ones to those that count. Differences
            then count in units of it; samplers are trained on pairs with this error, and their
            draws are ranked and not refined.
        bounds: a smaller box for the unknowns: a Box, ``scipy.optimize.Bounds``, pairs
            ``(low, high)``, or such pairs by the labels of the task. An unknown whose value is
            known is none: put it into the simulator.
        feasible: what answers have to meet: a function of unknowns ``(N, dx)`` to a mask ``(N,)``,
            a ``scipy.optimize.LinearConstraint``, or a list of these.
        level: share of targets that the bound is to hold for.
        c: contexts, ``(B, dc)``, where the task has one.
        data: pairs that exist already; else ``pairs`` of them are simulated.
        pairs: how many.
        simulate: whether answers are simulated, refined and ranked by what they cause. Without it
            the simulator makes the pairs and calibrates the bound, and no more.
        calls: for a dear simulator: all that may be spent, in rounds of search, simulation and
            fit; where targets miss different numbers, each kind takes an equal part of it.
            The rounds start from ``data`` where that is given; ``method``, ``pairs`` and
            ``simulate`` are then not looked at, and there is no bound beside the errors that were
            seen.
        seed: of everything random.

    Returns:
        :class:`Answers`, best first; printed, they are a table.

    Raises:
        TypeError, ValueError: targets, limits or options that do not fit, by name; a method that
            cannot do what is asked, with those that can.

    Warns:
        UserWarning: equal unknowns give different y, though the task says ``noisy=False``.

    Example:
        >>> import invlab
        >>> task = invlab.get_task("square")  # y = x²
        >>> answer = invlab.invert(task, [[25.0]], method="lm", n=10, pairs=100)
        >>> tuple(answer.x.shape), round(float(answer.error[0, 0]), 6)
        ((1, 10, 1), 0.0)
        >>> sorted(round(float(mode.x), 3) for mode in answer.modes())  # both roots
        [-5.0, 5.0]
    """
    task, data = _read(task, data)
    level = require_share("level", level)
    n = require_count("n", n)
    simulate, pairs = require_flag("simulate", simulate), require_count("pairs", pairs)
    if calls is None:
        require_method(method, task, weighed=sigma is not None, budget=budget)
    elif not task.has_simulator:
        raise ValueError(f"calls: {task.name} has no simulator to spend {calls} simulations on")
    else:
        calls = require_count("calls", calls)
    narrow = copy.copy(constrained(task, _worded(bounds), feasible))
    counter = Counted(narrow.simulator)
    if task.has_simulator:
        narrow.simulator = counter
    if data is not None:
        data = as_simulated(narrow, data, y)
        narrow.note_shape(data.y[0])
        warn_of_replicates(task, data)
    request = asked(narrow, y, c, sigma, n=n, level=level, seed=seed)
    if calls is not None:
        # asking for the shape of y may have taken one
        left = calls - counter.rows
        known = None if data is None else keep_allowed(narrow, narrow.usable(data))
        found = by_pattern(request, lambda part: in_rounds(part, left // part.parts, known))
    else:
        brought = data is not None
        if data is None:
            draws = runtime.generator(seed, task.name, "invert")
            data = narrow.sample(pairs, generator=draws, dtype=torch.float64)
        data = narrow.usable(data)
        fixed = None if task.has_simulator else _fixed(data.x)
        data = keep_allowed(narrow, data)
        if simulate and task.has_simulator:
            warn_of_noise(narrow, data)
            require_gradient(narrow, data.x, data.c)
        limited = bounds is not None or feasible is not None
        spec = _Spec(method, budget, simulate and task.has_simulator, data, brought, limited, fixed)
        with without_failed_rows():  # what fails has been said of the pairs
            found = by_pattern(request, spec.answer)
    notes = (*found.notes, *_of_fewer(found, request, simulations=calls is not None))
    return replace(found, calls=counter.rows, notes=notes)


def _read(task: Any, data: Any) -> tuple[Task, Pairs | None]:
    """The task, one around pairs where there is no other; and the pairs, if there are some."""
    if isinstance(task, Pairs):
        if data is not None:
            raise ValueError("data: expected none beside pairs, got Pairs twice; join them first")
        data = task
    if data is not None:
        require_pairs("data", data)
        data = data.to(runtime.device())
    if isinstance(task, Pairs):
        task = Task.from_pairs(data, name="pairs")
    if not isinstance(task, Task):
        raise TypeError(f"invert: expected a Task or Pairs, got {type(task).__name__}")
    if data is None and not task.has_simulator:
        raise ValueError(
            f"invert: {task.name} was made from pairs and has no simulator; give the pairs too, "
            "as data=pairs"
        )
    return task, data


@dataclass
class _Spec:
    """How to answer; the name of the method is settled by the first part that is answered.

    ``brought`` says that the data came from the caller, so that a method that came fitted may have
    learned from all of them; ``limited``, that the answers have to meet bounds or conditions;
    ``fixed``, see :class:`Answering`.
    """

    method: Any
    budget: Any
    simulate: bool
    data: Pairs
    brought: bool
    limited: bool
    fixed: Tensor | None = None

    def answer(self, part: Asked) -> Answers:
        """The answers to targets in which the same numbers were measured."""
        measurement = part.measurement
        task = measurement.task(part.task)
        data = measurement.pairs(self.data)
        learned, held = _parts(task, data, part.seed)
        task = without_held_out(task, learned)
        if self.brought and getattr(self.method, "facts", None) and task.has_simulator:
            held = _fresh(task, len(held), part.seed)
        method, name = fitted(
            self.method, task, learned, measurement, n=part.n, budget=self.budget,
            simulate=self.simulate, seed=part.seed,
        )  # fmt: skip
        if isinstance(self.method, str):
            self.method = name
        surrogate = fitting_surrogate(None, learned)
        # draws that carry the error of a measurement are a posterior, and stay one
        uncertain = measurement.sigma is not None or task.noisy
        posterior = uncertain and draws_given_y(method, name)
        answering = Answering(
            task, method, learned, surrogate, part.n, self.simulate,
            self.simulate and not posterior, self.fixed,
        )  # fmt: skip
        x, error = answering.ranked(part.y, part.c)
        held = measurement.with_error(held, part.seed)
        trust = _trust(answering, part, x, error, held, limited=self.limited)
        if measurement.sigma is None:
            trust["notes"] = (*trust["notes"], *_of_units(learned))
        if uncertain and self.simulate:
            trust["notes"] = (*trust["notes"], _of_the_truth(task, held, measurement.error_unit))
        if uncertain and not posterior:
            trust["notes"] = (*trust["notes"], NO_POSTERIOR)
        if posterior:
            said = [OF_DRAWS] if part.n > 1 else []
            trust["notes"] = (*trust["notes"], *said, *_at_an_edge(task, method, learned, x))
        return Answers(
            x=x,
            error=error,
            believed=answering.believed(x, part.y, part.c),
            spread=x.std(1, correction=0),
            calls=0,
            method=name,
            level=part.level,
            posterior=posterior,
            labels=task.labels,
            units=task.units,
            x_length=length_of(learned.x, task.box if task.has_simulator else None),
            error_unit=measurement.error_unit,
            **trust,
        )


def _worded(bounds: Any) -> Any:
    """Limits by labels with these as words, as a task has them; other limits as they are."""
    if not isinstance(bounds, Mapping):
        return bounds
    return {str(label): edges for label, edges in bounds.items()}


def _fixed(x: Tensor) -> Tensor:
    """The value of each unknown ``(N, dx)`` that never varies, NaN for the others: ``(dx,)``.

    Without a simulator nothing is known of other values.
    """
    low = x.double().amin(0)
    return torch.where(low == x.double().amax(0), low, torch.nan)


def _of_fewer(found: Answers, request: Asked, *, simulations: bool) -> list[str]:
    """What is to be said where targets get fewer answers than were asked for."""
    came = found.x.shape[1]
    if came >= request.n:
        return []
    what = "simulations" if simulations else f"guesses of {found.method}"
    # contexts and kinds of targets have simulations of their own
    alike = request.c is None and bool((request.y.isfinite() == request.y[:1].isfinite()).all())
    where = "" if alike else " for the target that has fewest, and all get as many"
    return [f"n = {request.n} were asked for, there are {came} {what}{where}."]


def _trust(
    answering: Answering, part: Asked, x: Tensor, error: Tensor, held: Pairs, *, limited: bool
) -> dict[str, Any]:
    """Bound and reachability of each target, and what has to be said about them."""
    task, y, c = answering.task, part.y, part.c
    nothing = torch.full((len(y),), torch.nan, dtype=torch.float64, device=y.device)
    if len(held) < FEWEST:
        what = "No test of reachability" if answering.known else NO_TEST
        note = f"{what}: {len(held)} held-out pairs are too few, it takes {FEWEST}."
        reachable = torch.ones(len(y), dtype=torch.bool, device=y.device)
        bound = error[:, 0] if answering.known else nothing
        said = (note, KNOWN) if answering.known else (note,)
        return {"bound": bound, "reachable": reachable, "p_value": nothing, "notes": said}
    test = Reachability.calibrate(
        task, held, answering.learned, surrogate=answering.surrogate, level=1 - RELIABLE
    )
    p_value = test.p_value(y, c)
    reachable = p_value > test.level
    notes = []
    if answering.known:
        reachable = reachable | (error[:, 0] <= EXPLAINED * _variance(answering.learned))
        bound = error[:, 0].clone()
        notes.append(KNOWN)
    elif task.has_simulator:
        calibrated = ErrorBound.calibrate(
            task, lambda y, c: answering(y, c)[:, 0], held, answering.learned,
            surrogate=answering.surrogate, level=part.level,
        )  # fmt: skip
        bound = calibrated(x[:, 0], y, c)
        notes.append(calibrated.note)
    else:
        bound = nothing
        notes.append("No bound: it takes a simulation for each held-out pair.")
    flagged = int((~reachable).sum())
    if flagged:
        source = "this simulator and prior" + (", within these bounds and conditions" * limited)
        measured = "" if part.measurement.sigma is not None else MEASURED
        notes.append(
            f"{flagged} of {len(y)} targets could hardly come from {source} "
            f"(p at most {test.level:.2g}); they get no bound.{measured}"
        )
    bound = torch.where(reachable, bound, torch.nan)
    return {"bound": bound, "reachable": reachable, "p_value": p_value, "notes": tuple(notes)}


def _fresh(task: Task, n: int, seed: int) -> Pairs:
    """Pairs that nobody has learned from, for a method that came fitted with pairs."""
    draws = runtime.generator(seed, task.name, "invert", "held out")
    fresh = task.sample(n, generator=draws, dtype=torch.float64)
    return keep_allowed(task, task.usable(fresh))


def _of_units(learned: Pairs) -> list[str]:
    """What is to be said of y whose numbers differ in spread by powers of ten."""
    spread = learned.y.double().flatten(1).std(0)
    spread = spread[spread > 0]
    if len(spread) < 2 or spread.max() < UNEVEN * spread.min():
        return []
    ratio = float(spread.max() / spread.min())
    return [
        f"The numbers of y differ in spread by a factor of {ratio:.0e}, and errors count them as "
        "they are, so that the small ones hardly matter; give sigma=, one for each."
    ]


def _of_the_truth(task: Task, held: Pairs, unit: str) -> str:
    """What the errors are to be compared with where observations have an error."""
    few = held[:FLOOR_PAIRS]
    found = noise_floor(task, Targets(few.y, few.c, few.x), replicates=1)
    floor = float(found[found.isfinite()].mean())  # a replicate may fail
    return (
        f"Observations have an error: the truth itself is off by {floor:.2g} {unit} in the mean; "
        "answers that are off by less cannot be told from it."
    )


def _at_an_edge(task: Task, method: Any, learned: Pairs, x: Tensor) -> list[str]:
    """What is to be said of targets whose draws ``(B, n, dx)`` were cut off.

    Samplers hold their draws in the range of the unknowns that they learned from.
    """
    real = ~task.integer.to(x.device)
    low, high = learned.x.to(x).amin(0), learned.x.to(x).amax(0)
    if isinstance(method, Sampler):  # a part of the pairs may have been its validation
        low, high = method.low.to(x), method.high.to(x)
    slack = ROUNDING * (high - low)
    real = real & (low < high)  # what never varies is on its edge, and nothing was cut off
    cut = ((x <= low + slack) | (x >= high - slack))[..., real].any(-1)
    many = int((cut.double().mean(1) > CUT_OFF).sum())
    if not many:
        return []
    return [
        f"Of {many} of {len(x)} targets more than {CUT_OFF:.0%} of the draws lie on an edge of "
        "what was learned from, where they were cut off: their spread says too little."
    ]


def _variance(data: Pairs) -> float:
    return float(data.y.double().flatten(1).var(0, correction=0).mean())


def _parts(task: Task, data: Pairs, seed: int) -> tuple[Pairs, Pairs]:
    """What methods learn from, and what nothing is fitted to: of equal rows one, but by law."""
    if len(data) < 4:
        raise ValueError(f"invert: expected at least 4 pairs with a valid y, got {len(data)}")
    share = min(HELD_OUT, MOST / len(data))
    draws = runtime.generator(seed, "invert", "parts")
    try:
        learned, held = data.split(share, generator=draws, together=not task.repeats)
    except EmptyPart as error:
        raise ValueError(
            f"invert: expected pairs to learn from and others to judge the answers by, got "
            f"{len(data)}{error.reason}; give pairs that differ"
        ) from None
    return learned, held if task.repeats else held.distinct()
