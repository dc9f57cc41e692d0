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
# # Appendix to chapter 5: what counts as a guess
#
# What {doc}`ch05_counting_guesses` leaves out: the estimator checked by hand, what the published code does with guesses that cannot be simulated, the $T$ of the paper's Table 3, means and medians over targets, how often an interval holds the mean, and the recorded numbers.

# %%
import itertools
import math

import torch
from scipy.special import comb

import invlab
from invbook.papers import neural_adjoint
from invlab import metrics, runtime

torch.set_num_threads(1)
tasks = {name: invlab.get_task(name) for name in neural_adjoint.TASKS}
throw = tasks["ballistics"]

# %% tags=["hide-input"]
import matplotlib.pyplot as plt
from IPython.display import Markdown

from invbook import check, figures, ledger
from invbook.figures.recorded_errors import points, power_of_ten, written

figures.use_style()
names = {"ballistics": "D1 throw", "sine": "D2 sine", "robot_arm": "D3 arm"}

# %% [markdown]
# ## All subsets, by hand
#
# The weights of {eq}`eq-subsets` give the mean over all subsets of $T$ errors. Six errors have few enough subsets to go through.


# %%
def weights(N):
    """Row T - 1 has the weights of the sorted errors in the mean for T."""
    i, size = torch.arange(1, N + 1), torch.arange(1, N + 1)[:, None]
    return torch.as_tensor(comb(N - i, size - 1) / comb(N, size))


stream = runtime.generator(0, "six errors")
six = torch.rand(4, 6, generator=stream, dtype=torch.float64)
smallest = [
    [six[:, list(subset)].amin(1) for subset in subsets]
    for subsets in (
        itertools.combinations(range(6), T) for T in range(1, 7)
    )
]
by_hand = torch.stack([torch.stack(each).mean(0) for each in smallest], 1)
by_weights = six.sort(1).values @ weights(6).T

# %% tags=["hide-input"]
check(
    "difference of the weighted sum from the mean over all subsets",
    (by_hand - by_weights).abs(),
    "<",
    1e-12,
)
check(
    "difference from invlab.r_T with exchangeable=True",
    (by_weights.mean(0) - invlab.r_T(six, exchangeable=True)).abs(),
    "<",
    1e-12,
)

# %% [markdown]
# ## Guesses that cannot be simulated, in the published code
#
# The published code takes the invalid guesses out of each draw's list and closes the gap, filling up the end with the mean. This looks harmless, but the list runs over *targets*. After the gap each error stands at the place of another target. Two draws for four targets show what that does:

# %%
inf = math.inf
honest = torch.tensor([[1.0, 4.0], [inf, 9.0], [100.0, inf], [1.0, 1.0]])


def closed_up(errors):
    """Each draw without its invalid guesses, the rest moved up."""
    columns = []
    for draw in errors.T:
        kept = draw[draw.isfinite()]
        gap = kept.mean().expand(len(draw) - len(kept))
        columns.append(torch.cat([kept, gap]))
    return torch.stack(columns, 1)


both = torch.cat([honest, closed_up(honest)], 1)
print("           as it is   closed up")
for k, (a, b, c, d) in enumerate(both.tolist(), start=1):
    print(f"target {k} {a:5.0f} {b:5.0f} {c:5.0f} {d:5.0f}")
r_honest = float(honest.amin(1).mean())
r_closed = float(closed_up(honest).amin(1).mean())
print(f"best of 2, mean: {r_honest:.0f} honest, {r_closed:.0f} closed up")

# %% [markdown]
# The third target is hard: its best guess is off by 100. After closing up, both its guesses are those of the easy fourth target, and the minimum over the row picks them. *A minimum over errors of different targets is too small.* And $r_1$ is a mean over the guesses that happened to be valid.
#
# On the throw, let two guessers draw from normal laws without looking at $y$. One is as wide as the prior, so that one ball in about 700 starts underground. The other is careless: twice as wide, and one guess in eleven is invalid.

# %%
aimed = throw.targets(200, seed=0, dtype=torch.float64).y.cpu()
noise = torch.randn(200, 200, 4, generator=runtime.generator(0, "careless"))
middle = torch.tensor([0.0, 1.5, 0.785, 15.0])
widths = torch.tensor([0.5, 0.5, 0.36, 3.9])

share, r_true, r_closed_up = {}, {}, {}
for kind, factor in {"few": 1, "many": 2}.items():
    thrown = (middle + factor * noise * widths).double()
    e = invlab.resimulation_error(throw, thrown, aimed)
    share[kind] = float(e.isinf().double().mean())
    r_true[kind] = invlab.r_T(e, exchangeable=False)
    r_closed_up[kind] = invlab.r_T(closed_up(e), exchangeable=False)

# %% mystnb={"figure": {"name": "fig-invalid", "caption": "The same guesses for the throw, scored in two ways: an invalid guess counts as infinite (the curve begins where every target has a valid one), or the gap is closed up. Few invalid guesses (left), many (right)."}, "image": {"alt": "Two panels with two falling curves each. Left, with few invalid guesses, the closed-up curve falls below the other as T grows. Right, with many, the closed-up curve stays far above the other and hardly falls."}} tags=["hide-input"]
fig, axes = plt.subplots(1, 2, sharey=True)
for ax, kind in zip(axes, share):
    curves = {"invalid = infinite": r_true[kind]}
    curves["closed up"] = r_closed_up[kind]
    figures.error_curves(ax, curves)
    ax.set_title(f"{kind} invalid: {share[kind]:.1%}")
    ax.label_outer()
axes[0].legend(fontsize=8)
plt.show()

# %% tags=["hide-input"]
check(
    "closed up, the hard target has disappeared: largest of its errors",
    closed_up(honest).amin(1).max(),
    "<",
    100,
)
for kind in share:
    check(
        f"{kind} invalid: honest r_1 is infinite", r_true[kind][0].isinf()
    )
    check(
        f"{kind} invalid: closed up, r_1 is a number",
        r_closed_up[kind][0].isfinite(),
    )
ratio = {kind: r_closed_up[kind][49] / r_true[kind][49] for kind in share}
check(
    "few invalid, T = 50: closed up over honest", ratio["few"], "<", 2 / 3
)
check("many invalid, T = 50: closed up over honest", ratio["many"], ">", 10)

# %% [markdown]
# With few invalid guesses the mixing of targets wins: hard targets borrow from easy ones, and the number is **optimistic**. With many, the filled-up end wins: the last targets of the list have nothing but means, and the number is far too *large*. Either way it is not $r_T$. In the paper this can touch D1 alone, the only task with throws that cannot be thrown.
#
# ## The T of the paper's Table 3
#
# In the copy of the paper that we have, the caption of Table 3 has lost its symbols, and with them the $T$. Its Figure 3 stops at $T = 50$. Continue the figure's values for the neural adjoint by the law $T^{-2/d_y}$ of {eq}`eq-law`:

# %% tags=["hide-input"]
SIZES = {"ballistics": 1, "sine": 1, "robot_arm": 2}
lines = ["| task | Figure 3, T = 50 | continued to T = 200 | Table 3 |"]
lines += ["|---|---|---|---|"]
for name, paper in neural_adjoint.PUBLISHED.items():
    continued = paper[50] * (200 / 50) ** (-2 / SIZES[name])
    cells = [
        names[name],
        *map(power_of_ten, (paper[50], continued, paper[200])),
    ]
    lines.append(f"| {' | '.join(cells)} |")
    check(
        f"{names[name]}: the law's value at T = 200 over Table 3",
        continued / paper[200],
        "in",
        (0.7, 1.3),
    )
Markdown("\n".join(lines))

# %% [markdown]
# We take Table 3 for $T = 200$, which is also the number of draws in the published code.
#
# ## Means and medians over targets
#
# At one target the prior's $r_T$ falls as the law says. Averaged over targets, the prior on D1 falls *slower*: as $T$ grows, the mean is left to ever rarer targets, whose densities $p$ are ever smaller. The median over targets obeys.

# %% tags=["nbval-ignore-output"]
slopes = {}
for name in ("ballistics", "sine"):
    task = tasks[name]
    y = task.targets(1_000, seed=0, dtype=torch.float64).y.cpu()
    stream = runtime.generator(0, name, "many targets")
    x = task.prior.sample(1_000 * 400, generator=stream).double()
    e = invlab.resimulation_error(task, x.view(1_000, 400, -1), y)
    each = e.sort(1).values @ weights(400).T
    r_mean, r_median = each.mean(0), each.median(0).values
    for label, r in (("mean", r_mean), ("median", r_median)):
        slopes[name, label] = float((r[99] / r[9]).log() / math.log(10))
        print(f"{names[name]}, {label}: slope {slopes[name, label]:.1f}")

# %% tags=["hide-input"]
for name in ("ballistics", "sine"):
    check(
        f"{names[name]}: slope of the median over targets",
        slopes[name, "median"],
        "in",
        (-2.2, -1.8),
    )
check(
    "D1 throw: slope of the mean over targets",
    slopes["ballistics", "mean"],
    ">",
    -1.7,
)
check(
    "D2 sine, which has no rare targets: slope of the mean",
    slopes["sine", "mean"],
    "in",
    (-2.2, -1.8),
)

# %% [markdown]
# ## How often an interval holds the mean
#
# An interval that is called "95 %" should hold the mean of all seeds in 95 of 100 studies. With three or five seeds that is no matter of course. Here 2000 studies are invented whose mean is known: each draws its seeds from a normal law or from one whose logarithm is normal, as errors often are, and makes its interval in three ways.


# %%
def coverage(interval, seeds, spread):
    """Share of studies, per cent, whose interval holds the mean of a lognormal law."""
    draws = runtime.generator(0, f"coverage {seeds} {spread}")
    logs = spread * torch.randn(2000, seeds, generator=draws).double()
    mean = math.exp(spread**2 / 2)
    ends = [interval(study) for study in logs.exp()]
    return 100 * sum(low <= mean <= high for low, high in ends) / len(ends)


def bootstrap(study):
    return metrics.bootstrap_interval(study, resamples=300)


def student(study):
    return metrics.mean_interval(study)


def cox(study):
    return metrics.mean_interval(study, scale="log")


ways = {
    "bootstrap": bootstrap,
    "Student's t": student,
    "Cox, on a log scale": cox,
}
covered = {
    (spread, way, seeds): coverage(interval, seeds, spread)
    for spread in (0.1, 1.0)
    for way, interval in ways.items()
    for seeds in (3, 5)
}

# %% tags=["hide-input", "nbval-ignore-output"]
lines = [
    "| errors | interval | three seeds | five seeds |",
    "|---|---|---|---|",
]
for spread, law in ((0.1, "nearly normal"), (1.0, "over powers of ten")):
    for way in ways:
        shares = [
            f"{covered[spread, way, seeds]:.0f} %" for seeds in (3, 5)
        ]
        lines.append(f"| {law} | {way} | {' | '.join(shares)} |")
Markdown("\n".join(lines))

# %% tags=["hide-input"]
check(
    "bootstrap of three seeds: covered",
    covered[0.1, "bootstrap", 3],
    "<",
    85,
)
check(
    "Student's t, nearly normal errors: covered",
    covered[0.1, "Student's t", 3],
    "in",
    (93, 97),
)
check(
    "Student's t, errors over powers of ten: covered",
    covered[1.0, "Student's t", 3],
    "<",
    92,
)
check(
    "Cox, errors over powers of ten: covered",
    covered[1.0, "Cox, on a log scale", 3],
    "in",
    (90, 98),
)

# %% [markdown]
# A bootstrap can only shuffle the seeds that are there, and three of them know little of the spread. So the ledger takes Student's $t$, and Cox's interval of a lognormal mean where errors are positive. Where the natural logarithms of the seeds have a standard deviation above two, no interval of a mean of so few seeds covers it, and the range of the seeds is shown.
#
# ## The recorded numbers
#
# The rows behind {numref}`fig-baselines-recorded`, with 95 % intervals. They are Cox's, or the range of the seeds where their logarithms scatter by more than two.

# %% tags=["hide-input"]
rows = {row["id"]: row for row in ledger.rows(neural_adjoint.CLAIMS)}
counts = (1, 50, 200)
lines = ["| task | T | prior | look-up | pool | paper's neural adjoint |"]
lines += ["|---|---|---|---|---|---|"]
for name in tasks:
    of_task = [
        written(points(rows, name, method, counts))
        for method in ("prior", "nearest", "pool")
    ]
    for count in counts:
        cells = [method.get(count, "–") for method in of_task]
        cells.append(power_of_ten(neural_adjoint.PUBLISHED[name][count]))
        lines.append(f"| {names[name]} | {count} | {' | '.join(cells)} |")
Markdown("\n".join(lines))

# %% [markdown]
# The last column is the paper's own method, from its Table 7 ($T = 1$), Figure 3 ($T = 50$, read off) and Table 3 ($T = 200$). An invalid guess is charged with twice the variance of $y$ here.
#
# ## References
#
# The estimator is a *U-statistic* {cite:p}`hoeffding1948class`. The paper is {cite:t}`ren2020benchmarking`.
#
# Back to {doc}`ch05_counting_guesses`, or on to {doc}`ch06_neural_adjoint`.
