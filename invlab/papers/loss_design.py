"""Loss design on y = x²: Rivera, Pardo and Alberdi (ICCS 2020), Figures 2 to 13.

What the paper leaves open (width, optimiser, batches, epochs, initial weights) is chosen here
once. "Normalised" networks see x divided by 33; "literal" ones rescale y alone, as the paper
does. Scores are in original units: y from 0 to 1089, x from −33 to 33.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Literal

import torch
from torch import Tensor

from invlab import losses, runtime
from invlab.benchmark import Cell, Record
from invlab.losses import Norm
from invlab.methods.base import InverseNetwork
from invlab.methods.direct import Direct
from invlab.methods.encoder_decoder import EncoderDecoder
from invlab.methods.tandem import Tandem
from invlab.metrics import rmse
from invlab.report import Claim
from invlab.surrogate import Surrogate, fit_surrogate
from invlab.task import Pairs, Targets
from invlab.tasks.square import Square, branch_scores

__all__ = [
    "SEEDS",
    "THREE_POINTS",
    "cells",
    "fit_forward",
    "fit_inverse",
    "fit_reduced",
    "forward_scores",
    "inverse_scores",
]

Loss = Literal["direct", "effect", "encoder_decoder", "two_step"]
Scaling = Literal["normalised", "literal"]

SEEDS = (0, 1, 2, 3, 4)
NORMS: tuple[Norm, Norm] = ("l1", "l2")
# The two ends are forced if the network is to cover the interval; the middle point is our choice.
THREE_POINTS = [-33.0, 1.0, 33.0]
# Chosen on seeds 10 to 17, where it beat batches of 100; the records use seeds 0 to 4.
BATCH = 50
# The second-difference penalty that the paper could have used; λ chosen on seeds 10 to 12.
SECOND_DIFFERENCE: dict[str, Any] = {
    "smooth": 1e-4,
    "order": 2,
    "step": 0.5 / 33,
    "points": 200,
}
TEST_SEED = 1
TEST_POINTS = 2000


def fit_inverse(
    loss: Loss,
    norm: Norm,
    *,
    seeds: Sequence[int],
    scaling: Scaling = "normalised",
    epochs: int = 300,
    batch_size: int | None = BATCH,
    data: Pairs | None = None,
) -> InverseNetwork:
    """Train an inverse of y = x² with one of the paper's four losses (Figures 2 to 7).

    Args:
        loss: ``"direct"`` is equation (3), ``"effect"`` (11), ``"encoder_decoder"`` (12) and
            ``"two_step"`` (13) with (14).
        norm: ``"l1"`` or ``"l2"``.
        seeds: trained together, one member each.
        scaling: what the networks see of x.
        epochs, batch_size: of each training.
        data: the 1000-point grid if not given.
    """
    task = Square()
    x_scaler, y_scaler = task.scalers() if scaling == "normalised" else task.literal_scalers()
    methods: dict[str, Callable[..., InverseNetwork]] = {
        "direct": Direct,
        "effect": partial(Direct, misfit="effect"),
        "encoder_decoder": EncoderDecoder,
        "two_step": Tandem,
    }
    method = methods[loss](
        norm=norm, x_scaler=x_scaler, y_scaler=y_scaler, epochs=epochs, batch_size=batch_size
    )
    return method.fit(task, task.grid() if data is None else data, seed=list(seeds))


def inverse_scores(model: InverseNetwork) -> dict[str, Tensor]:
    """Scores of an inverse on 2000 random targets, one number a member.

    Besides :func:`~invlab.tasks.square.branch_scores`: the loss (3) on the grid in original
    units, ``inverse_l1`` and ``inverse_l2``; and where there is a surrogate, ``surrogate_rmse_y``,
    the error it believes in, and ``forward_rmse``, its own error.
    """
    task = Square()
    targets, grid = task.targets(TEST_POINTS, seed=TEST_SEED), task.grid()
    x_hat = model.invert(targets.y)
    scores = branch_scores(x_hat, targets.y)
    for norm in NORMS:
        answers = model.invert(grid.y).double()
        scores[f"inverse_{norm}"] = losses.inverse_misfit(answers, grid.x.double(), norm)
    if model.surrogate is not None:
        with torch.no_grad():
            scores["surrogate_rmse_y"] = rmse(model.surrogate(x_hat), targets.y)
        scores |= forward_scores(model.surrogate)
    return scores


def fit_forward(
    norm: Norm,
    *,
    seeds: Sequence[int],
    derivatives: bool = False,
    unit: Literal["matching", "literal"] = "matching",
    difference: float | None = None,
    steps: int = 1200,
) -> Surrogate:
    """Fit f̂ to three points, without derivatives (Figure 8) or with them (Figures 9, 10).

    Args:
        norm: ``"l1"`` or ``"l2"``.
        seeds: trained together.
        derivatives: whether the Hermite loss (16) is used.
        unit: of the derivative term: scaled y over scaled x (``"matching"``), or scaled y over
            x itself (``"literal"``, the paper's), which weighs it 33 times less, 33² for l2.
        difference: step ε of the paper's difference quotient, in the unit of x; exact
            derivatives by autograd if not given.
        steps: full-batch steps.
    """
    task = Square()
    x_scaler, y_scaler = task.scalers()
    data = task.at(THREE_POINTS)
    power = 1 if norm == "l1" else 2
    differentiate = None
    if difference is not None:
        differentiate = partial(losses.finite_difference, step=difference / task.half_width)
    return fit_surrogate(
        data,
        seeds=list(seeds),
        norm=norm,
        x_scaler=x_scaler,
        y_scaler=y_scaler,
        derivatives=task.derivative(data.x) if derivatives else None,
        derivative_weight=1.0 if unit == "matching" else task.half_width**-power,
        differentiate=differentiate,
        epochs=steps,
        batch_size=None,
    )


def forward_scores(surrogate: Surrogate) -> dict[str, Tensor]:
    """Errors of f̂ against x² on 6601 points, in the unit of y, one number a member.

    ``forward_rmse`` over all, ``near_rmse`` within 1 of the three points, ``far_rmse`` more than
    5 away from each, ``zero_rmse`` for ``|x| < 5``, ``at_points`` the largest at the three, and
    ``slope`` the largest error of the derivative there.
    """
    task = Square()
    dense = task.grid(6601)
    points = task.at(THREE_POINTS)
    distance = (dense.x - points.x.T).abs().amin(1)
    with torch.no_grad():
        copied = surrogate(dense.x)
        at_points = (surrogate(points.x) - points.y).abs().amax((-2, -1))

    def error(rows: Tensor) -> Tensor:
        return rmse(copied[:, rows], dense.y[rows])

    gap = losses.jacobian(surrogate, points.x).detach() - task.derivative(points.x)
    return {
        "forward_rmse": error(distance >= 0),
        "near_rmse": error(distance <= 1),
        "far_rmse": error(distance > 5),
        "zero_rmse": error(dense.x[:, 0].abs() < 5),
        "at_points": at_points,
        "slope": gap.abs().amax((-3, -2, -1)),
    }


def fit_reduced(
    norm: Norm,
    *,
    seeds: Sequence[int],
    scaling: Scaling = "literal",
    smooth: float = 0.0,
    order: Literal[1, 2] = 1,
    step: float = 1e-3,
    points: int = 1000,
    epochs: int = 100,
) -> EncoderDecoder:
    """Encoder–decoder from three pairs and 1000 values of y (Figures 11 to 13).

    Args:
        norm: ``"l1"`` or ``"l2"``.
        seeds: trained together.
        scaling: ``"literal"``, the paper's, or ``"normalised"``.
        smooth, order, step, points: the smoothness term of equation (17), in units of y/1089
            and x/33, averaged over equidistant points.
        epochs: of twenty batches of 50 targets each.
    """
    task = Square()
    x_scaler, y_scaler = task.scalers() if scaling == "normalised" else task.literal_scalers()
    data = task.at(THREE_POINTS)
    y = torch.linspace(0, task.half_width**2, 1000, device=runtime.device())[:, None]
    method = EncoderDecoder(
        norm=norm,
        smooth=smooth,
        smooth_order=order,
        smooth_step=step,
        smooth_points=points,
        x_scaler=x_scaler,
        y_scaler=y_scaler,
        epochs=epochs,
        batch_size=BATCH,
    )
    return method.fit(task, data, seed=list(seeds), targets=Targets(y))


def cells() -> list[Cell]:
    """All that is recorded of the paper; a tenth of the epochs in the quick preset."""
    return [*_inverse_cells(), *_forward_cells(), *_reduced_cells()]


def _inverse_cells() -> list[Cell]:
    variants: dict[str, dict[str, Any]] = {
        "direct": {"loss": "direct"},
        "effect": {"loss": "effect"},
        "encoder_decoder": {"loss": "encoder_decoder"},
        "two_step": {"loss": "two_step"},
        "literal_encoder_decoder": {
            "loss": "encoder_decoder",
            "scaling": "literal",
            "epochs": 100,
        },
        "literal_two_step": {"loss": "two_step", "scaling": "literal", "epochs": 100},
        "split_direct": {"loss": "direct", "split": 0.2},
    }
    return _cells(variants, fit_inverse, _inverse, "epochs")


def _inverse(options: dict[str, Any], norm: Norm, seeds: Sequence[int]) -> dict[str, Any]:
    options = dict(options)
    task = Square()
    if "split" in options:
        shuffle = runtime.generator(0, "split")
        options["data"], _ = task.grid().split(options.pop("split"), generator=shuffle)
    model = fit_inverse(norm=norm, seeds=seeds, **options)
    y = torch.linspace(0, task.half_width**2, 101, device=runtime.device())[:, None]
    curves = {"y": _rounded(y[:, 0]), "x_hat": _rounded(model.invert(y)[..., 0])}
    if model.surrogate is not None:
        curves |= _forward_curve(model.surrogate)
    return {"scores": _listed(inverse_scores(model)), "curves": curves}


def _forward_cells() -> list[Cell]:
    variants: dict[str, dict[str, Any]] = {
        "plain": {},
        "hermite": {"derivatives": True},
        "hermite_difference": {"derivatives": True, "difference": 0.1},
        "hermite_literal": {"derivatives": True, "unit": "literal"},
        "hermite_literal_difference": {
            "derivatives": True,
            "unit": "literal",
            "difference": 1e-3,
        },
    }
    return _cells(variants, fit_forward, _forward, "steps")


def _forward(options: dict[str, Any], norm: Norm, seeds: Sequence[int]) -> dict[str, Any]:
    surrogate = fit_forward(norm, seeds=seeds, **options)
    curves = _forward_curve(surrogate) | _term_curves(surrogate.history.terms)
    scores = forward_scores(surrogate) | _drops(surrogate.history.terms)
    return {"scores": _listed(scores), "curves": curves}


def _reduced_cells() -> list[Cell]:
    variants: dict[str, dict[str, Any]] = {
        "reduced": {},
        "smooth": {"smooth": 0.01},
        "normalised_reduced": {"scaling": "normalised"},
        "normalised_smooth": {"scaling": "normalised", "smooth": 0.01},
        "second_difference": SECOND_DIFFERENCE,
        "normalised_second_difference": {**SECOND_DIFFERENCE, "scaling": "normalised"},
    }
    return _cells(variants, fit_reduced, _reduced, "epochs")


def _reduced(options: dict[str, Any], norm: Norm, seeds: Sequence[int]) -> dict[str, Any]:
    model = fit_reduced(norm, seeds=seeds, **options)
    assert model.surrogate is not None
    terms = model.history["joint"].terms
    scores = inverse_scores(model) | {f"last_{name}": term[-1] for name, term in terms.items()}
    return {
        "scores": _listed(scores),
        "curves": _forward_curve(model.surrogate) | _term_curves(terms),
    }


def _cells(
    variants: dict[str, dict[str, Any]],
    fit: Callable[..., Any],
    compute: Callable[[dict[str, Any], Norm, Sequence[int]], dict[str, Any]],
    length: str,
) -> list[Cell]:
    """A cell for each variant and norm; ``length`` names the option that the preset shrinks.

    The recorded settings hold the defaults of ``fit`` too: a changed default makes a new record.
    """
    defaults = {name: p.default for name, p in inspect.signature(fit).parameters.items()}
    defaults = {
        name: value for name, value in defaults.items() if value is not inspect.Parameter.empty
    }
    made = []
    for name, options in variants.items():
        full = options.get(length, defaults[length])
        options = {**options, length: runtime.by_preset(quick=max(1, full // 10), full=full)}
        for norm in NORMS:
            settings = {**defaults, **options, "norm": norm}
            made.append(
                Cell(f"loss_design/{name}/{norm}", settings, partial(compute, options, norm))
            )
    return made


def _drops(terms: dict[str, Tensor]) -> dict[str, Tensor]:
    """How many times smaller each term is at the end than at the beginning, up to 10¹²."""
    return {
        f"drop_{name}": (term[0] / term[-1].clamp_min(1e-30)).clamp_max(1e12)
        for name, term in terms.items()
    }


def _forward_curve(surrogate: Surrogate) -> dict[str, Any]:
    x = Square().grid(201).x
    with torch.no_grad():
        return {"x": _rounded(x[:, 0]), "f_hat": _rounded(surrogate(x)[..., 0])}


def _term_curves(terms: dict[str, Tensor]) -> dict[str, Any]:
    """Every term at up to 60 epochs."""
    length = len(next(iter(terms.values())))
    shown = torch.linspace(0, length - 1, min(60, length)).round().long()
    return {"epoch": shown.tolist()} | {
        f"term_{name}": _rounded(term[shown].T) for name, term in terms.items()
    }


def _listed(scores: dict[str, Tensor]) -> dict[str, list[float]]:
    return {name: _rounded(values) for name, values in scores.items()}


def _rounded(values: Tensor) -> Any:
    """Nested lists of numbers with six significant digits."""
    if values.ndim > 1:
        return [_rounded(row) for row in values]
    return [float(f"{value:.6g}") for value in values.tolist()]


def _score(name: str) -> Callable[[Record], list[float]]:
    return lambda record: record["scores"][name]


def _both(name: str) -> tuple[str, str]:
    return (f"loss_design/{name}/l1", f"loss_design/{name}/l2")


PAPER = "Rivera et al. 2020"
# Closed forms on the symmetric grid of 1000 points: the mean of |x| and of x².
DIRECT_L1 = 33 * 500 / 999
DIRECT_L2 = 33**2 / 3 * 1001 / 999

CLAIMS = [
    Claim(
        "loss_design/direct_l1/loss",
        f"{PAPER}, Theorem 1 and Fig. 2",
        ("loss_design/direct/l1",),
        _score("inverse_l1"),
        lambda ours: abs(ours / DIRECT_L1 - 1) < 0.005,
        f"within 0.5 % of the closed-form minimum {DIRECT_L1:.4f}",
        paper=None,
    ),
    Claim(
        "loss_design/direct_l1/inside",
        f"{PAPER}, Theorem 1 and Fig. 2",
        ("loss_design/direct/l1",),
        _score("inside"),
        lambda ours: ours >= 0.99,
        "at least 99 % of the answers between −√y and √y",
    ),
    Claim(
        "loss_design/direct_l2/loss",
        f"{PAPER}, Theorem 1 and Fig. 2",
        ("loss_design/direct/l2",),
        _score("inverse_l2"),
        lambda ours: abs(ours / DIRECT_L2 - 1) < 0.005,
        f"within 0.5 % of the closed-form minimum {DIRECT_L2:.3f}",
    ),
    Claim(
        "loss_design/effect/rmse_y",
        f"{PAPER}, Fig. 3",
        _both("effect"),
        _score("rmse_y"),
        lambda ours: ours <= 0.6,
        "the figure shows answers on the diagonal; at most 0.6 of 1089, worst norm and seed",
        worst=True,
    ),
    Claim(
        "loss_design/encoder_decoder/rmse_y",
        f"{PAPER}, Figs. 4 and 5",
        _both("encoder_decoder"),
        _score("rmse_y"),
        lambda ours: ours <= 3,
        "the figures show one exact branch; at most 3 of 1089, worst norm and seed",
        worst=True,
    ),
    Claim(
        "loss_design/two_step/rmse_y",
        f"{PAPER}, Figs. 6 and 7",
        _both("two_step"),
        _score("rmse_y"),
        lambda ours: ours <= 1,
        "the figures show one exact branch; at most 1 of 1089, worst norm and seed",
        worst=True,
    ),
    Claim(
        "loss_design/literal_two_step/collapsed",
        f"{PAPER}, Figs. 6 and 7, x not rescaled",
        _both("literal_two_step"),
        lambda record: [float(error > 100) for error in record["scores"]["rmse_y"]],
        lambda ours: ours >= 0.5,
        "share of runs with an error above 100: the recipe read literally misses the figure",
    ),
    Claim(
        "loss_design/plain/near_rmse",
        f"{PAPER}, Fig. 8",
        _both("plain"),
        _score("near_rmse"),
        lambda ours: ours >= 5,
        "the figure shows poor values beside the three points; at least 5 within 1 of them",
    ),
    Claim(
        "loss_design/hermite/near_rmse",
        f"{PAPER}, Fig. 9",
        _both("hermite"),
        _score("near_rmse"),
        lambda ours: ours <= 1,
        "the figure shows a better fit beside the three points; at most 1 within 1 of them",
    ),
    Claim(
        "loss_design/reduced/true_rmse_y",
        f"{PAPER}, Fig. 11",
        _both("reduced"),
        _score("rmse_y"),
        lambda ours: ours >= 100,
        "the figure shows a useless inverse; a mean error of at least 100",
    ),
    Claim(
        "loss_design/smooth/near_zero_rmse",
        f"{PAPER}, Fig. 12",
        ("loss_design/smooth/l2",),
        _score("zero_rmse"),
        lambda ours: ours <= 150,
        "the figure shows f̂ better around 0; at most 150 for |x| < 5",
    ),
]
