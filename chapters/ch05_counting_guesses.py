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
# # Counting guesses
#
# **In this chapter** you score a method that may guess $T$ times, learn how fast *any* guesser improves with $T$, and find baselines without an inverse network that are hard to beat.
#
# :::{admonition} Before you start
# :class: note
# * **You need** {doc}`ch04_four_tasks`: the throw, the rings and the arm. In short: D1 is a throw with four unknowns, of which only the landing point is observed; D2 is a wavy function of two unknowns, whose answers form rings; D3 is a robot arm with four unknowns, of which the two coordinates of its tip are observed. D4 has eight unknowns and a spectrum of 300 values, and each simulation is expensive.
# * **It takes** about a minute on two CPU cores.
# :::

# %% mystnb={"figure": {"name": "fig-patience", "caption": "Guessing blindly on the sine map for y = −0.3. Left: the best of the first 1, 10 and 100 guesses comes ever nearer to a ring of right answers. Right: the error of the best so far, for five such guessers."}, "image": {"alt": "Left: the sine map with blue rings and a hundred small red dots all over it; three large marks labelled 1, 10 and 100 lie ever nearer to a ring. Right: five falling staircases on logarithmic axes over the number of guesses."}} tags=["hide-input"]
import matplotlib.pyplot as plt
import torch

import invlab
from invbook import answered, check, figures, ledger
from invbook.diagram import chain
from invbook.figures.recorded_errors import points, recorded_errors
from invbook.numbers import shown
from invlab import runtime

figures.use_style()
torch.set_num_threads(1)
names = {"ballistics": "D1 throw", "sine": "D2 sine", "robot_arm": "D3 arm"}
sine = invlab.get_task("sine")

blind = (
    2 * torch.rand(5, 100, 2, generator=runtime.generator(3, "blind")) - 1
)
wish = torch.full((5, 1), -0.3, dtype=torch.float64)
misses = invlab.resimulation_error(sine, blind.double(), wish)
fig, (left, right) = plt.subplots(1, 2, width_ratios=[1, 1.3])
figures.rings(left, -0.3, blind[0])
for count, marker in ((1, "o"), (10, "s"), (100, "D")):
    best = blind[0, misses[0, :count].argmin()]
    left.plot(*best, marker, color=figures.ORANGE, mec="k", markersize=9)
    left.annotate(f" {count}", best, fontsize=12, weight="bold")
for k, row in enumerate(misses.cummin(1).values):
    style = {"linestyle": figures.DASHES[k], "color": figures.SERIES[k]}
    right.loglog(range(1, 101), row, **style)
right.set(xlabel="guesses T", ylabel="error of the best so far")
plt.show()

# %% [markdown]
# ## The best of T
#
# A method that proposes many guesses should be judged as it is used: run the simulator on $T$ of them and keep the best.

# %% mystnb={"figure": {"name": "fig-best-of", "caption": "The score $r_T$: T guesses, T calls of the simulator, and the smallest of T errors."}, "image": {"alt": "A chain from left to right: T guesses of x, the simulator f with T calls, T effects, and the target y. A bracket between the effects and the target is labelled smallest of T errors."}} tags=["hide-input"]
chain(
    [
        ("x̂", "value", "T guesses"),
        ("f", "simulator", "T calls"),
        ("ŷ", "value", "T effects"),
        ("y", "target", "asked for"),
    ],
    losses=[("ŷ", "y", "smallest of T errors")],
)
plt.show()

# %% [markdown]
# Ren, Padilla and Malof {cite:p}`ren2020benchmarking` define (their equations 3 and 11)
#
# $$
# r_T = \mathbb E_{y}\; \mathbb E_{\hat x_1,\dots,\hat x_T} \Big[ \min_{i \le T} \tfrac{1}{d_y}\lVert f(\hat x_i) - y \rVert^2 \Big].
# $$ (eq-rt)
#
# In words: for a {term}`target` take the smallest {term}`re-simulation error` among $T$ guesses, and average over targets. $d_y$ is how many numbers $y$ has. $T$ counts **calls of the simulator**, which is what an inverse problem costs. $r_1$ is the usual error. As a curve over $T$ the score also tells what patience buys.
#
# The code is shorter than the formula. Take the sine task and the worst guesser there is, one that does not look at $y$ at all and draws from the {term}`prior`.

# %%
import math

from scipy.special import comb

from invbook.papers import neural_adjoint

n_targets = runtime.by_preset(quick=150, full=500)
seeds = runtime.by_preset(quick=[0, 1], full=[0, 1, 2, 3, 4])
sine = invlab.get_task("sine")
tasks = {name: invlab.get_task(name) for name in neural_adjoint.TASKS}

# %%
asked = sine.targets(n_targets, seed=0, dtype=torch.float64)
guesses = sine.prior.sample(
    n_targets * 200, generator=runtime.generator(0, "guesses")
)
guesses = guesses.view(n_targets, 200, 2).to(asked.y)

effect = sine.simulate(guesses)
errors = (effect - asked.y[:, None]).square().mean(-1)
best_so_far = errors.cummin(1).values  # of the first 1, 2, ..., 200 guesses
r = best_so_far.mean(0)
print(f"r_1 {r[0]:.1f}, r_200 {shown(r[-1])}")

# %% [markdown]
# The same in the library, in one line each:

# %%
ours = invlab.resimulation_error(sine, guesses, asked.y)
r_library = invlab.r_T(ours, exchangeable=False)

# %% tags=["hide-input"]
check("the library finds the same errors", torch.allclose(errors, ours))
check("the library finds the same curve", torch.allclose(r, r_library))
check("change of r_T from one T to the next", r.diff(), "<=", 0)

# %% [markdown]
# ## An order that means nothing
#
# The prior's 200 guesses are independent draws. Their order means nothing; they are {term}`exchangeable`. Then the first 50 of them are one arbitrary choice out of $\binom{200}{50}$, and each other choice would have served as well. Why not average over *all* of them?
#
# It sounds expensive and is one line. Sort the $N$ errors of a target, $e_{(1)} \le \dots \le e_{(N)}$. A subset of $T$ has $e_{(i)}$ as its smallest member exactly if it holds this one and takes its other $T-1$ from the $N-i$ larger ones. So
#
# $$
# \hat r_T = \sum_{i=1}^{N} \binom{N-i}{T-1}\Big/\binom{N}{T}\; e_{(i)} .
# $$ (eq-subsets)
#
# This is a weighted sum, with weights that depend on nothing but $N$ and $T$: for $T = 1$ it is the plain mean, for $T = N$ the minimum.


# %%
def one_order(errors):
    return errors.cummin(1).values


def all_subsets(errors):
    N = errors.shape[1]
    i, size = torch.arange(1, N + 1), torch.arange(1, N + 1)[:, None]
    weights = comb(N - i, size - 1) / comb(N, size)
    return errors.sort(1).values @ torch.as_tensor(weights).to(errors).T


# %% [markdown]
# Is it better? Repeat the whole experiment a thousand times at one target, and look at how much both estimates scatter.

# %%
level = -0.3  # try 0.9
repeats = runtime.by_preset(quick=1_000, full=5_000)


def errors_at(name, y, repeats, draws, stream):
    """Errors of prior draws for one target, (repeats, draws)."""
    task = tasks[name]
    x = task.prior.sample(
        repeats * draws, generator=runtime.generator(0, stream)
    )
    target = torch.tensor([y], dtype=torch.float64).expand(repeats, -1)
    x = x.double().view(repeats, draws, -1)
    return invlab.resimulation_error(task, x, target)


again = errors_at("sine", [level], repeats, 200, "again")
estimates = {
    "the first T": one_order(again),
    "all subsets": all_subsets(again),
}

# %% mystnb={"figure": {"name": "fig-estimators", "caption": "Scatter of both estimates of $r_T$ from 200 guesses for one target, relative to $r_T$ itself."}, "image": {"alt": "Relative standard deviation over T on logarithmic axes. Averaging over all subsets starts more than ten times lower than taking the first T and rises; at T equal to 200 both curves meet."}} tags=["hide-input"]
truth = all_subsets(errors_at("sine", [level], 1_000, 200, "truth")).mean(0)
fig, ax = plt.subplots(figsize=(5, 3.2))
for (label, values), color, dash in zip(
    estimates.items(), (figures.ORANGE, figures.GREEN), figures.DASHES
):
    scatter = values.std(0) / truth
    ax.loglog(
        range(1, 201), scatter, linestyle=dash, color=color, label=label
    )
ax.set(xlabel="guesses T", ylabel="relative standard deviation")
ax.legend()
plt.show()

# %% tags=["hide-input"]
for label, values in estimates.items():
    bias = (values.mean(0) - truth) / (values.std(0) / repeats**0.5)
    check(
        f"{label}: bias at T = 1, 10, 50, in standard errors",
        bias[[0, 9, 49]].abs(),
        "<",
        5,
    )
fewer = estimates["the first T"].var(0) / estimates["all subsets"].var(0)
for count, least in ((1, 50), (10, 5), (50, 2)):
    check(
        f"T = {count}: variance of the first T over that of all subsets",
        fewer[count - 1],
        ">",
        least,
    )
check("T = 200: ratio of the variances", fewer[-1], "in", (0.999, 1.001))

# %% [markdown]
# Both are right on average. The one that uses all subsets needs a fraction of the guesses for the same certainty, at no cost. Look at the right end too: $r_{200}$ from 200 guesses rests on a single subset. To trust $r_T$, draw several times $T$.
#
# **An order that means something.** A method that *ranks* its guesses, best first, is another matter. A {term}`look-up` returns the nearest pair first; the neural adjoint of {doc}`ch06_neural_adjoint` sorts thousands of candidates by what its network believes. Averaging over subsets would throw the ranking away, so for them $r_T$ is the best of the **first** $T$. `invlab.r_T` insists on being told, and each method says of itself what it is:

# %%
for name in ("prior", "nearest", "pool"):
    print(name, "exchangeable:", invlab.get_method(name).exchangeable)

# %% [markdown]
# So a table has to say which of the two its numbers are. In the published code the neural adjoint's $r_1$ is the best-ranked of 2048 candidates, and everybody else's is a random draw.
#
# **A guess that cannot be simulated.** Throw a ball from below the ground, and there is nothing to simulate. Such a guess is an {term}`invalid guess`. What error does it get? In the library its error is **infinite, and it stays with its target**. A mean over targets is then infinite as long as one target may have no valid guess among its $T$. A recorded table with infinities would compare nothing, so the **recorded runs** of this book (but for an older one, the ablation in the appendix of {doc}`ch06_neural_adjoint`) charge an invalid guess with twice the variance of $y$. That is about the error of a guess that does not look at the target, as the check below {numref}`fig-baselines` shows. The published code does something else, which mixes targets up: see the {doc}`appendix <ch05_appendix>`.
#
# ## A law for all guessers
#
# How fast does $r_T$ fall? Before looking at any method, think. Fix a target. The guesses have effects $f(\hat x)$, scattered around with some density. Let $p$ be this density *at the target*: the share of guesses per unit of $y$. Within a small distance $\rho$ of the target we expect $T\,p\,V \rho^{d_y}$ of $T$ effects, where $V \rho^{d_y}$ is the volume of a ball: $2\rho$ for one observation, $\pi\rho^2$ for two. The best guess is about where this number is one, at
#
# $$
# \rho \sim (T p)^{-1/d_y}, \qquad\text{so}\qquad r_T \sim C\, T^{-2/d_y} .
# $$ (eq-law)
#
# Nothing about the method has entered but $p$. **Any independent sampler with a positive and continuous density at the target improves as $T^{-2}$ for one observation and as $T^{-1}$ for two.** Doing the expectation with care gives the constants, too: $1/(2p^2T^2)$ for $d_y = 1$, and $1/(2\pi p\,T)$ for $d_y = 2$.
#
# Does the worst guesser obey? Here is one typical target of each task. The density $p$ is estimated by counting the effects that come near.

# %%
typical = {"ballistics": [6.5], "sine": [level], "robot_arm": [1.7, 0.1]}
near = 0.1  # the distance within which effects are counted
count = torch.arange(1, 401, dtype=torch.float64)
at_one, law, density = {}, {}, {}
for name, y in typical.items():
    e = errors_at(name, y, repeats // 5, 400, "law")
    at_one[name] = invlab.r_T(e, exchangeable=True)
    share = float(((len(y) * e).sqrt() < near).double().mean())
    if len(y) == 1:
        density[name] = p = share / (2 * near)
        law[name] = 1 / (2 * (p * count) ** 2)
    else:
        density[name] = p = share / (math.pi * near**2)
        law[name] = 1 / (2 * math.pi * p * count)

# %% mystnb={"figure": {"name": "fig-law", "caption": "$r_T$ of prior draws at one target of each task, and the law with its constant (thin lines)."}, "image": {"alt": "Three falling curves on logarithmic axes, each merging with a thin straight line from T of about ten on. The lines of throw and sine are parallel and steep, that of the arm is half as steep."}} tags=["hide-input"]
fig, ax = plt.subplots(figsize=(5.5, 3.6))
figures.error_curves(ax, {names[n]: r for n, r in at_one.items()})
for name, line in law.items():
    label = "law" if name == "sine" else None
    ax.loglog(count, line, color=figures.BLACK, linewidth=0.8, label=label)
ax.legend()
plt.show()

# %% tags=["hide-input"]
for name, r_here in at_one.items():
    d_y = len(typical[name])
    slope = float((r_here[199] / r_here[19]).log() / math.log(10))
    low, high = -2 / d_y - 0.2, -2 / d_y + 0.2
    check(f"{names[name]}: slope, T = 20 to 200", slope, "in", (low, high))
    check(
        f"{names[name]}: r_200 over the law's",
        float(r_here[199] / law[name][199]),
        "in",
        (0.8, 1.2),
    )

# %% [markdown]
# A straight line of slope $-2$ or $-1$ in such a plot is no merit of a method. The *height* of the line is: it measures how much denser than the prior the method guesses around the target. A curve that is *flatter* than the law tells you something as well: the guesses miss the target by an error of their own, or are copies of each other.
#
# ## An experiment: three baselines
#
# What has to be beaten? Here are three {term}`baselines <baseline>`, none of which has an inverse network.
#
# * **prior**: draw from the prior and do not look at $y$. It learns nothing and costs nothing.
# * **look-up** (`nearest` in the library): the unknowns of the training pairs whose $y$ is nearest, nearest first.
# * **pool**: learn a *forward* network from the pairs, evaluate it on very many prior draws, take those whose predicted $y$ is nearest, and improve them by two small {term}`Gauss–Newton steps <Gauss–Newton step>` through the network. The network is a {term}`surrogate`: it stands in for the simulator, and a call of it costs next to nothing.
#
# All get the same 8,000 pairs, as many as the published code trains its networks on, and fresh targets. (`epochs` is how often the training of the pool's network goes through all pairs; one pass is an {term}`epoch`.)

# %% tags=["nbval-ignore-output"]
options = {"prior": {}, "nearest": {}}
options["pool"] = {
    "pool": runtime.by_preset(quick=20_000, full=200_000),
    "epochs": runtime.by_preset(quick=20, full=300),
}
scores = {(name, kind): [] for name in tasks for kind in options}
for name, task in tasks.items():
    for seed in seeds:
        pairs = neural_adjoint.training_pairs(task, seed, 8_000)
        asked = task.targets(n_targets, seed=seed, dtype=torch.float64)
        for kind in options:
            method = invlab.get_method(kind, **options[kind])
            method.fit(task, pairs, seed=seed)
            draws = runtime.generator(seed, kind)
            x = method.propose(asked.y, n=200, generator=draws)
            e = invlab.resimulation_error(task, x, asked.y).cpu()
            curves = all_subsets if method.exchangeable else one_order
            scores[name, kind].append(curves(e))
scores = {key: torch.stack(value) for key, value in scores.items()}

# %% mystnb={"figure": {"name": "fig-baselines", "caption": "$r_T$ of three baselines on three tasks, and the paper's neural adjoint (stars; T = 1, 50, 200). Quick preset."}, "image": {"alt": "Three panels of curves over T. The prior starts highest and falls as a straight line. The look-up is a flat line, far below the stars at T equal to one for throw and sine. The pool falls with T and ends within about a decade of the last star."}} tags=["hide-input"]
fig, axes = plt.subplots(1, 3, figsize=(8, 3.6), sharey=True)
for ax, name in zip(axes, tasks):
    curves = {
        figures.LABEL[kind]: scores[name, kind].mean((0, 1))
        for kind in options
    }
    figures.error_curves(ax, curves, paper=neural_adjoint.PUBLISHED[name])
    ax.set_title(names[name])
    ax.label_outer()
fig.legend(
    *ax.get_legend_handles_labels(), loc="outside lower center", ncols=4
)
plt.show()

# %% [markdown]
# Look at $T = 1$. **A look-up in the training data beats the paper's best method at one guess on D1 and D2 by a large factor**, and is about as good on D3. The law explains it. A look-up among 8,000 pairs *is* the prior's best of $T = 8000$, with the simulator's calls paid beforehand and shared by all targets. With $T^{-2}$ that is very good, with $T^{-1}$ it is middling, and with 300 observations of eight unknowns, $T^{-2/8}$, more pairs hardly help. A benchmark with one observation and cheap simulations is a benchmark of look-up tables.
#
# A look-up cannot get better with $T$: its second guess is no improvement on the first. The pool does. Its guesses come from a supply that does not end, and each is off by an error of the *network*, now here, now there, so that among many one is right by luck.

# %% tags=["hide-input"]
first = {key: float(value[:, :, 0].mean()) for key, value in scores.items()}
for name, most in (("ballistics", 1 / 5), ("sine", 1 / 5)):
    check(
        f"{names[name]}: look-up over the paper's r_1",
        first[name, "nearest"] / neural_adjoint.PUBLISHED[name][1],
        "<",
        most,
    )
check(
    "D3 arm: look-up over the paper's r_1",
    first["robot_arm", "nearest"]
    / neural_adjoint.PUBLISHED["robot_arm"][1],
    "in",
    (1 / 4, 4),
)
for name, task in tasks.items():
    variance = task.sample(5_000).y.double().var(0).mean()
    check(
        f"{names[name]}: r_1 of the prior over the variance of y is about 2",
        first[name, "prior"] / float(variance),
        "in",
        (1.6, 2.4),
    )
    for kind, low, high in (("nearest", 0.99, 2), ("pool", 10, math.inf)):
        r_mean = scores[name, kind].mean((0, 1))
        check(
            f"{names[name]}: what 200 guesses of {kind} gain on one",
            float(r_mean[0] / r_mean[-1]),
            "in",
            (low, high),
        )

# %% [markdown]
# ## A few targets decide the mean
#
# $r_T$ is a mean over targets, and some targets are rare: a throw that lands at 16 m. The prior hardly ever goes there, and neither do the training pairs. So the nearest pair is far away, and the error is large.

# %%
pairs = neural_adjoint.training_pairs(tasks["ballistics"], 0, 8_000)
table = invlab.get_method("nearest").fit(tasks["ballistics"], pairs)
asked = tasks["ballistics"].targets(2_500, seed=0, dtype=torch.float64)
e = invlab.resimulation_error(
    tasks["ballistics"], table.propose(asked.y), asked.y
)
tail_y, tail_errors = asked.y[:, 0].cpu(), e[:, 0].cpu()

# %% mystnb={"figure": {"name": "fig-tails", "caption": "Error of the look-up for each target of the throw, over the target; the lines are their mean and median."}, "image": {"alt": "Dots of error over landing point on a logarithmic axis. In the middle of the range the dots lie low; towards both ends they rise by several powers of ten. The mean line lies far above the median line."}} tags=["hide-input"]
fig, ax = plt.subplots(figsize=(5.5, 3.2))
floored = tail_errors.clamp_min(1e-14)
ax.semilogy(tail_y, floored, ".", color=figures.BLUE, markersize=2)
ax.axhline(tail_errors.mean(), color=figures.RED, label="mean")
median = tail_errors.median()
ax.axhline(median, color=figures.BLACK, linestyle="--", label="median")
ax.set(xlabel="target y (m)", ylabel="error (m²)")
ax.legend()
plt.show()

# %% tags=["hide-input"]
worst = tail_errors.sort(descending=True).values
check(
    "mean error over the median error",
    tail_errors.mean() / tail_errors.median(),
    ">",
    10,
)
check(
    "share of the mean that 1 % of the targets make up",
    worst[: max(1, len(worst) // 100)].sum() / worst.sum(),
    ">",
    0.5,
)

# %% [markdown]
# One target in a hundred makes up more than half of this mean. So a mean of a few hundred targets is uncertain by a factor of two or more, which an interval shows and a bare number hides. Read a mean and a median together, and be suspicious where they differ by powers of ten. (Averaged over targets the prior on D1 also falls *slower* than its law; the {doc}`appendix <ch05_appendix>` shows that the typical target obeys.)
#
# ## What if the simulator may be used?
#
# One baseline is missing. The paper names it (Section 2, adjoint methods) and does not compare with it: *use the simulator*. The three tasks are smooth formulas. Start from the three nearest pairs and improve them by up to ten {term}`Gauss–Newton steps <Gauss–Newton step>`, which {doc}`ch06_neural_adjoint` explains, **through the true simulator**, in float64:

# %% tags=["nbval-ignore-output"]
solved = {}
for name, task in tasks.items():
    pairs = neural_adjoint.training_pairs(task, 0, 8_000)
    asked = task.targets(500, seed=0, dtype=torch.float64)
    start = invlab.get_method("nearest").fit(task, pairs)
    start = start.propose(asked.y, n=3)
    polished = invlab.refine(task, start, asked.y)
    e = invlab.resimulation_error(task, polished, asked.y).amin(1)
    solved[name] = float(e.max())
    print(f"{names[name]}: worst of {len(e)} targets {shown(solved[name])}")

# %% tags=["hide-input"]
for name, worst_error in solved.items():
    check(f"{names[name]}: worst error", worst_error, "<=", 1e-20)

# %% [markdown]
# The answers are right to rounding, in about a millisecond a target. (Why three starts? One training throw in about 700 starts exactly on the ground. From there a step may lead below it, and the search stays where it is.) So with a differentiable simulator D1 to D3 are not hard at all, and nobody should train a network for them.
#
# What do small numbers of $r_T$ tell, then? They tell how good a method is that is **not allowed to call the simulator** while it searches. The pairs to learn from were simulated before the first target came. For a target the only calls are the $T$ that $r_T$ counts, at the end. That is the situation behind D4, where one electromagnetic simulation takes more than a minute (the paper's Section 8.6.3), and of many problems outside of this book. D1 to D3 are models of it on which we can afford to check everything. Keep it in mind through Part II: *$r_T$ compares methods for simulators that are expensive to call.*
#
# ## The recorded run beside the paper
#
# `python -m invbook bench neural_adjoint --preset full` makes the recorded runs: several seeds, 500 fresh targets each, 200 guesses, a surrogate of 300 epochs for the pool of 200,000 draws. The look-up has all 10,000 pairs.

# %% mystnb={"figure": {"name": "fig-baselines-recorded", "caption": "Recorded full runs on a CPU: $r_T$ of the three baselines with 95 % intervals (the range of the seeds where they differ by powers of ten), and the paper's neural adjoint (stars: Table 7, Figure 3 read off, Table 3)."}, "image": {"alt": "Three panels, one a task, with marks and vertical bars at T equal to 1, 50 and 200. The prior lies highest. The look-up is level over T, and on throw and sine far below the first star. The pool lies below the stars everywhere."}} tags=["hide-input"]
rows = {row["id"]: row for row in ledger.rows(neural_adjoint.CLAIMS)}
recorded = {
    figures.LABEL[kind]: {
        name: points(rows, name, kind, (1, 50, 200)) for name in tasks
    }
    for kind in options
}
fig, axes = plt.subplots(1, 3, figsize=(9, 3.8), sharey=True)
recorded_errors(axes, recorded, names, paper=neural_adjoint.PUBLISHED)
fig.legend(
    *axes[0].get_legend_handles_labels(),
    loc="outside lower center",
    ncols=4,
)
plt.show()

# %% tags=["hide-input"]
for name in tasks:
    ratios = torch.tensor(
        [
            value / neural_adjoint.PUBLISHED[name][count]
            for count, value, *_ in recorded["pool"][name]
        ]
    )
    check(f"recorded, {names[name]}: pool over the paper", ratios, "<", 1)

# %% [markdown]
# With a good surrogate the pool, which hardly searches, is below the paper's best method at $T = 1$, 50 and 200 on each of the three tasks. The numbers with their intervals, and why we take the paper's Table 3 for $T = 200$, are in the {doc}`appendix <ch05_appendix>`.
#
# ## A decision
#
# Before any inverse network is trained, ask three questions in this order.
#
# 1. *May the search call the simulator, and has it a gradient?* Then look up the nearest pairs and refine them on the simulator itself. Stop here. (If it may be called often but has no gradient, a search without gradients comes first; {doc}`ch19_which_method` tries one.)
# 2. *Are there one or two observations, and is one guess enough?* Then the look-up is hard to beat.
# 3. *Are several guesses allowed, or are there more observations?* Then learn the forward map and take the pool. Every method of the following chapters has to be better than that.
#
# :::{admonition} Use it when
# :class: tip
# * **Use it when** a method may propose several guesses and somebody simulates them: report $r_T$ as a curve, with the prior, the look-up and the pool beside it.
# * **Not when** you need a distribution and not a best guess. $r_T$ does not see whether all right answers are found ({doc}`ch08_mixture_density`), and it says little where the search may call the simulator.
# * **Cost**: $T$ simulations a target. Averaging over all subsets is free. The look-up and the prior need no training; the pool needs one forward network.
# * **How to test it**: draw several times $T$, show an interval and the median, and say whether guesses are ranked and what an invalid guess costs.
# :::
#
# ## Exercises
#
# ```{exercise-start} The look-up, predicted
# :label: ex-lookup
# ```
#
# With the law and `density["ballistics"]`, predict the error of a look-up in 8,000 pairs for a throw to $y = 6.5$ m as `predicted`, before measuring it.
#
# ```{exercise-end}
# ```

# %%
predicted = ...  # your answer

# %% [markdown]
# :::{admonition} Hint
# :class: dropdown
# A look-up among 8,000 pairs is the best of $T = 8000$ draws of the prior, and the throw has one observation.
# :::
#
# ```{solution-start} ex-lookup
# :class: dropdown
# ```

# %%
predicted = 1 / (2 * (density["ballistics"] * 8_000) ** 2)
print(f"predicted: {shown(predicted)}")

# %% [markdown]
# About $5 \cdot 10^{-7}$ square metres, four powers of ten below the paper's $r_1$, from counting alone.
#
# ```{solution-end}
# ```

# %% tags=["check-exercise", "hide-input"]
if answered(predicted=predicted):
    e = errors_at("ballistics", [6.5], 60, 8_000, "look-up")
    ratio = float(e.amin(1).mean()) / predicted
    check("measured error over the predicted one", ratio, "in", (0.5, 2))

# %% [markdown]
# ```{exercise-start} Three hundred observations
# :label: ex-spectrum
# ```
#
# By the law, how many times more guesses does it take to *halve* $r_T$? Give the numbers for $d_y = 1$, $2$ and $300$ as a list `more` of three.
#
# ```{exercise-end}
# ```

# %%
more = ...  # your answer

# %% [markdown]
# :::{admonition} Hint
# :class: dropdown
# Set $(mT)^{-2/d_y}$ to half of $T^{-2/d_y}$ and solve for $m$.
# :::
#
# ```{solution-start} ex-spectrum
# :class: dropdown
# ```

# %%
more = [2 ** (d_y / 2) for d_y in (1, 2, 300)]
print(*(f"{factor:.2g}" for factor in more), sep=", ")

# %% [markdown]
# For a spectrum of 300 values the number is $10^{45}$: guessing more is no way to get better. (If the spectra that can occur have fewer degrees of freedom, their number counts; D4 has eight unknowns, and the law becomes $T^{-2/8}$ at best.) There a method has to *localise*, and D4 is the task where methods differ most.
#
# ```{solution-end}
# ```

# %% tags=["check-exercise", "hide-input"]
if answered(more=more):
    check("one observation", more[0], "in", (1.41, 1.42))
    check("two observations", more[1], "in", (1.99, 2.01))
    check("three hundred observations", more[2], ">", 1e45)

# %% [markdown]
# ```{exercise-start} The wrong estimator
# :label: ex-wrong
# ```
#
# What happens if someone scores the *ranked* look-up with `exchangeable=True`? For the sine task take the look-up of the pairs `neural_adjoint.training_pairs(sine, 0, 8_000)`, let it propose 200 guesses for each of 150 targets, and compute $r_1$ both ways from the same errors, as `r_right` and `r_wrong`. Explain the difference.
#
# ```{exercise-end}
# ```

# %%
r_right = ...  # your answer
r_wrong = ...  # your answer

# %% [markdown]
# :::{admonition} Hint
# :class: dropdown
# `invlab.get_method("nearest").fit(task, pairs).propose(y, n=200)` gives the guesses, `invlab.resimulation_error` their errors, and $r_1$ is the first entry of `invlab.r_T`.
# :::
#
# ```{solution-start} ex-wrong
# :class: dropdown
# ```

# %%
pairs = neural_adjoint.training_pairs(sine, 0, 8_000)
asked = sine.targets(150, seed=0, dtype=torch.float64)
table = invlab.get_method("nearest").fit(sine, pairs)
e = invlab.resimulation_error(sine, table.propose(asked.y, n=200), asked.y)
r_right = float(invlab.r_T(e, exchangeable=False)[0])
r_wrong = float(invlab.r_T(e, exchangeable=True)[0])

# %% [markdown]
# The average over subsets of one is the mean over all 200 guesses, most of which are far down the list: it scores a method that picks at random among the 200 nearest. The opposite error, scoring exchangeable guesses by their first $T$, is no error but a waste.
#
# ```{solution-end}
# ```

# %% tags=["check-exercise", "hide-input"]
if answered(r_right=r_right, r_wrong=r_wrong):
    check("r_1 without the ranking over r_1", r_wrong / r_right, ">", 100)

# %% [markdown]
# ## What we saw
#
# * $r_T$ is the error of the best of $T$ guesses. For exchangeable guesses average over all subsets; for ranked ones take the first $T$.
# * At one target, independent guesses with a positive and continuous density there fall as $T^{-2/d_y}$. Only the height of the line is the method's own.
# * Without any inverse network: a look-up among the pairs is ahead of the paper's best $r_1$ on D1 and D2, and about as good on D3. A surrogate with a pool of guesses keeps improving with $T$, where the look-up does not.
# * A few rare targets decide a mean. Show an interval, and the median beside it.
# * With the simulator's gradient these tasks are solved to rounding. $r_T$ is about methods that must do without.
#
# ## Where next
#
# The pool hardly searched at all. {doc}`ch06_neural_adjoint` searches: it descends on the input of the forward network.
#
# ## References
#
# $r_T$ and the numbers for comparison are from {cite:t}`ren2020benchmarking`: $T = 1$ from its Table 7, $T = 50$ read off Figure 3, $T = 200$ from Table 3. Averaging over all subsets is the idea of a *U-statistic* {cite:p}`hoeffding1948class`. The same averaging scores language models that may try a program several times {cite:p}`chen2021evaluating`.
