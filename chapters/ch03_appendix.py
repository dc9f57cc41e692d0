# ---
# jupyter:
#   jupytext:
#     formats: ipynb,py:percent
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Appendix to chapter 3: derivatives that go wrong, and all figures
#
# This page completes {doc}`ch03_three_points`. It has Figures 8 to 13 of the paper that the chapter leaves out, three ways in which a derivative in a loss goes wrong, and all recorded numbers. It takes about a minute.

# %%
import torch

import invlab
from invlab import losses, runtime

torch.set_num_threads(1)  # fastest for small networks
seeds = runtime.by_preset(quick=[0, 1, 2], full=[0, 1, 2, 3, 4])
epochs = runtime.by_preset(quick=40, full=100)

task = invlab.get_task("square")
three = task.at([-33.0, 1.0, 33.0])
dense = task.grid(1001).x
targets = task.targets(300, seed=7)
x_scaler, y_scaler = task.scalers()

# %% tags=["hide-cell"]
from functools import partial

import matplotlib.pyplot as plt
from IPython.display import Markdown

from invbook import check, figures, ledger, load_records
from invbook.figures import loss_design as pictures
from invbook.papers import loss_design

figures.use_style()

# %% [markdown]
# ## Figures 8 to 10: both norms


# %%
def fitted(norm, **options):
    return invlab.fit_surrogate(
        three,
        seeds=seeds,
        norm=norm,
        x_scaler=x_scaler,
        y_scaler=y_scaler,
        epochs=1200,
        batch_size=None,  # all three points in each step
        **options,
    )


slopes = task.derivative(three.x)
plain = {norm: fitted(norm) for norm in ("l1", "l2")}
hermite = {norm: fitted(norm, derivatives=slopes) for norm in plain}

# %% mystnb={"figure": {"name": "fig-plain", "caption": "Surrogates fitted to three points, l1 (left) and l2 (right), one line a seed. Figure 8 of the paper."}, "image": {"alt": "Two panels with the parabola and three red points on it. The surrogates pass through the points but run far above the parabola between them, close to straight lines, each seed differently."}} tags=["hide-input"]
pictures.surrogates(plain, x=dense, points=three)
plt.show()

# %% mystnb={"figure": {"name": "fig-hermite", "caption": "The same, with derivatives at the three points. Figure 9 of the paper."}, "image": {"alt": "Two panels with the parabola, three red points and the surrogates, which now leave each point along its tangent, follow the parabola for a while, and then depart from it with visible kinks; some dip below zero."}} tags=["hide-input"]
pictures.surrogates(hermite, x=dense, points=three)
plt.show()

# %% mystnb={"figure": {"name": "fig-hermite-terms", "caption": "Terms of the Hermite loss over training, median over seeds: values (loss F), derivatives (loss DER) and their sum. Figure 10 of the paper."}, "image": {"alt": "Two panels with logarithmic axes. In both, the value term, the derivative term and their sum fall by several orders of magnitude over 1200 epochs, for l2 much further than for l1."}} tags=["hide-input"]
names = {"F": "loss F", "DER": "loss DER", "total": "total loss"}
fig, axes = plt.subplots(1, 2)
for ax, norm in zip(axes, hermite):
    figures.loss_terms(ax, hermite[norm].history.terms, names=names)
    ax.set_title(f"Hermite, {norm}")
plt.show()

# %% tags=["hide-input"]
for norm in plain:
    without = loss_design.forward_scores(plain[norm])
    with_slopes = loss_design.forward_scores(hermite[norm])
    check(f"{norm}: error at the points", without["at_points"], "<=", 5)
    check(f"{norm}: error overall", without["forward_rmse"], ">=", 70)
    check(
        f"{norm}: error near the points, with slopes over without",
        with_slopes["near_rmse"] / without["near_rmse"],
        "<=",
        0.25,
    )
    for name, term in hermite[norm].history.terms.items():
        check(
            f"{norm}: first over last value of term {name}",
            term[0] / term[-1].clamp_min(1e-30),
            ">=",
            30,
        )

# %% [markdown]
# ## Three ways to get a derivative wrong
#
# **The unit.** A derivative has the unit of $y$ over the unit of $x$. The paper rescales $y$ and says nothing of $x$. Read literally, its derivative term then weighs 33 times less ($\ell_1$) or $33^2 = 1089$ times less ($\ell_2$) than in matching units, and is half ignored.

# %%
by_unit = {
    "matching": hermite["l1"],
    "literal": fitted("l1", derivatives=slopes, derivative_weight=1 / 33),
}
worst = {}
for unit, surrogate in by_unit.items():
    slope = losses.jacobian(surrogate, three.x)
    worst[unit] = (slope - slopes).abs().max().item()

# %% tags=["hide-input"]
check("matching units: largest error of a slope", worst["matching"], "<", 2)
check(
    "largest error of a slope, literal units over matching",
    worst["literal"] / worst["matching"],
    ">",
    5,
)

# %% [markdown]
# **The step.** The quotient in {eq}`eq-hermite` of the chapter is the paper's. Too large a step $\varepsilon$ blurs. Too small a step drowns in round-off, and float32, the short number format in which networks are trained, drowns early. Here is the slope of $x^2$ at $x = 33$, as a quotient:

# %%
steps = torch.logspace(-9, 0, 28, dtype=torch.float64)
quotient_error = {}
for dtype in (torch.float32, torch.float64):
    point, h = torch.tensor(33.0, dtype=dtype), steps.to(dtype)
    quotient = ((point + h).square() - point.square()) / h
    quotient_error[dtype] = (quotient.double() / 66 - 1).abs()

# %% mystnb={"figure": {"name": "fig-step", "caption": "Relative error of the difference quotient of x² at 33: truncation on the right, round-off on the left."}, "image": {"alt": "Two curves over the step on logarithmic axes. Both fall with the step along one straight line; the float32 curve turns up below a step of about one hundredth, the float64 curve only below one in ten million."}} tags=["hide-input"]
fig, ax = plt.subplots(figsize=(5, 3.2))
for (dtype, error), dash in zip(quotient_error.items(), ("-", "--")):
    name = str(dtype).removeprefix("torch.")
    ax.loglog(steps, error.clamp_min(1e-12), dash, label=name)
ax.set(xlabel="step ε", ylabel="relative error of the slope")
ax.legend()
plt.show()

# %% tags=["hide-input"]
single, double = quotient_error.values()
check(
    "float32, step of at most 2·10⁻⁶: largest relative error",
    single[steps < 2e-6].max(),
    ">",
    0.5,
)
check(
    "float64, step near 10⁻⁶: relative error",
    double[(steps > 5e-7) & (steps < 2e-6)],
    "<",
    1e-4,
)

# %% [markdown]
# **The kink.** A ReLU network can hide a kink between $x$ and $x + \varepsilon$. The quotient is then matched, and the slope is not.
#
# Derivatives by autograd have none of the last two faults, and are what `invlab.losses.hermite` uses unless told otherwise. When $x$ has many components, the full matrix of derivatives $J$, the Jacobian, is expensive, and a random direction $v$ does: `losses.directional_derivative` gives $J v$ at the cost of one pass however long $x$ is, to be compared with what your solver gives for $J v$.

# %%
surrogate = hermite["l2"]
v = torch.full_like(three.x, 0.5)
along = losses.directional_derivative(surrogate, three.x, v)
full = losses.jacobian(surrogate, three.x) @ v[..., None]

# %% tags=["hide-input"]
check(
    "J v by one pass equals J times v",
    torch.allclose(along, full, rtol=1e-3, atol=1e-3),
)

# %% [markdown]
# ## Figures 12 and 13, and the second difference
#
# The encoder–decoder from three pairs, with a penalty on the first and on the second difference. The chapter shows the surrogates of both beside what each penalty wants.

# %%
penalties = {
    "first": dict(smooth=0.01),
    "second": loss_design.SECOND_DIFFERENCE,
}
smoothed = {}
for name, penalty in penalties.items():
    smoothed[name] = loss_design.fit_reduced(
        "l2", seeds=seeds, epochs=epochs, **penalty
    )
for option, value in penalties["second"].items():
    print(f"{option}: {value:.3g}")

# %% mystnb={"figure": {"name": "fig-smooth-terms", "caption": "Terms of the loss with a penalty on the first difference: values (loss F), effect (loss FI) and smoothness (loss REG). Figure 13 of the paper."}, "image": {"alt": "Loss terms over epochs on a logarithmic axis. The smoothness term is the largest at the end, nearly constant, and the value and effect terms lie below it."}} tags=["hide-input"]
fig, ax = plt.subplots(figsize=(5, 3.2))
names = {
    "F": "loss F",
    "FI": "loss FI",
    "REG": "loss REG",
    "total": "total loss",
}
terms = smoothed["first"].history["joint"].terms
figures.loss_terms(ax, terms, names=names)
plt.show()

# %% tags=["hide-input"]
last = {name: term[-1] for name, term in terms.items()}
for name in ("F", "FI"):
    check(
        f"first difference: last value of REG over that of {name}",
        last["REG"] / last[name],
        ">",
        1,
    )

# %% mystnb={"figure": {"name": "fig-second", "caption": "With a penalty on the second difference instead (l2)."}, "image": {"alt": "Left: surrogates pass through the three points and bend smoothly between them, nearer to the parabola than straight lines. Right: re-simulated y closer to the diagonal than with the first difference."}} tags=["hide-input"]
pictures.three_pairs(smoothed["second"], x=dense, points=three, y=targets.y)
plt.show()

# %% tags=["hide-input"]
scores = {
    name: loss_design.inverse_scores(m) for name, m in smoothed.items()
}
check(
    "second difference: error at the three points",
    scores["second"]["at_points"],
    "<=",
    10,
)
check(
    "error of f̂ around zero, second difference over first (means)",
    scores["second"]["zero_rmse"].mean()
    / scores["first"]["zero_rmse"].mean(),
    "<",
    1,
)

# %% [markdown]
# With $\ell_1$ the first-difference penalty hardly helps. Every curve that only falls and then only rises between the points has the same mean absolute slope, so this penalty does not choose between them. The table below shows it.
#
# ## The recorded runs
#
# Made by `python -m invbook bench loss_design --preset full`. The paper gives no numbers for Figures 8 to 13. All errors are in the unit of $y$ (0 to 1089), the mean over both norms (or the named one) and five seeds with a 95 % interval. "Near" is within 1 of the three points, "around zero" is $\lvert x\rvert < 5$, and "true" and "believed" are errors of the inverse by the simulator and by $\hat f$.

# %% tags=["hide-input"]
records = load_records()
lines = [
    ("8", "plain fit, near", "plain", "near_rmse"),
    ("8", "plain fit, overall", "plain", "forward_rmse"),
    ("9", "Hermite, near", "hermite", "near_rmse"),
    ("9", "Hermite, overall", "hermite", "forward_rmse"),
    ("9", "literal units, near", "hermite_literal", "near_rmse"),
    (
        "9",
        "literal units, ε = 0.001, near",
        "hermite_literal_difference",
        "near_rmse",
    ),
    ("9", "ε = 0.1, near", "hermite_difference", "near_rmse"),
    ("11", "three pairs, believed", "reduced", "surrogate_rmse_y"),
    ("11", "three pairs, true", "reduced", "rmse_y"),
    ("11", "the same, x scaled, true", "normalised_reduced", "rmse_y"),
    ("11", "three pairs, around zero", "reduced", "zero_rmse", "l2"),
    ("11", "three pairs, around zero", "reduced", "zero_rmse", "l1"),
    ("12", "first difference, around zero", "smooth", "zero_rmse", "l2"),
    ("12", "first difference, around zero", "smooth", "zero_rmse", "l1"),
    ("12", "first difference, true", "smooth", "rmse_y", "l2"),
    (
        "12",
        "first difference, x scaled, around zero",
        "normalised_smooth",
        "zero_rmse",
        "l2",
    ),
    (
        "–",
        "second difference, around zero",
        "second_difference",
        "zero_rmse",
        "l2",
    ),
    ("–", "second difference, true", "second_difference", "rmse_y", "l2"),
    (
        "–",
        "second difference, x scaled, around zero",
        "normalised_second_difference",
        "zero_rmse",
        "l2",
    ),
]
rows = [
    {
        "figure": figure,
        "what": what,
        "norm": norm[0] if norm else "both",
        "ours": pictures.interval(
            records, name, score, norms=norm or ("l1", "l2")
        ),
    }
    for figure, what, name, score, *norm in lines
]
columns = {
    "figure": "figure",
    "what": "what",
    "norm": "norm",
    "ours": "our error [95 %]",
}
first = records["loss_design/plain/l1"]
seeds_of_record = ", ".join(map(str, first["seeds"]))
print(
    f"recorded on {first['date']} ({first['device']}), seeds {seeds_of_record}"
)
Markdown(ledger.table(rows, columns))

# %% tags=["hide-input"]
recorded = partial(pictures.recorded, records)
near = recorded("hermite", "near_rmse").mean(1)
near_plain = recorded("plain", "near_rmse").mean(1)
for norm, ratio in zip(("l1", "l2"), near / near_plain):
    check(
        f"recorded, {norm}: error near the points, Hermite over plain (means)",
        ratio,
        "<=",
        0.2,
    )
smooth = recorded("smooth", "zero_rmse").mean(1)
check(
    "recorded: first difference, l1 over l2: error of f̂ around zero (means)",
    smooth[0] / smooth[1],
    ">",
    1.5,
)
second = recorded("normalised_second_difference", "zero_rmse", ["l2"])
check(
    "recorded, x scaled, l2: error around zero, second over first difference (means)",
    second.mean()
    / recorded("normalised_smooth", "zero_rmse", ["l2"]).mean(),
    "<",
    0.75,
)

# %% [markdown]
# Back to {doc}`ch03_three_points`, or on to {doc}`../parts/many_guesses`.
