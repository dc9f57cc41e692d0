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
# **In this chapter** you score a method that may guess $T$ times, learn how fast *any* guesser improves with $T$, and find baselines without a network that are hard to beat.
#
# :::{admonition} Before you start
# :class: note
# * **You need** {doc}`ch04_four_tasks`: the throw, the rings and the arm.
# * **It takes** about a minute on two CPU cores.
# * **Run it** with the rocket button at the top of the page, or
#   [open it in Colab](https://colab.research.google.com/github/OWNER/invlab/blob/main/chapters/ch05_counting_guesses.ipynb).
# :::

# %% tags=["remove-cell", "nbval-skip"]
import importlib.util
import sys

if "google.colab" in sys.modules and not importlib.util.find_spec("invlab"):
    # %pip install -q --no-deps "git+https://github.com/OWNER/invlab"
    pass

# %%
import itertools
import math
import time

import matplotlib.pyplot as plt
import torch
from IPython.display import Markdown
from scipy.special import comb

import invlab
from invbook import check, figures, ledger
from invbook.papers import neural_adjoint
from invlab import runtime

figures.use_style()
torch.set_num_threads(1)
seeds = runtime.by_preset(quick=[0, 1], full=[0, 1, 2, 3, 4])
n_targets = runtime.by_preset(quick=150, full=500)
epochs = runtime.by_preset(quick=20, full=300)
pool = runtime.by_preset(quick=20_000, full=200_000)
repeats = runtime.by_preset(quick=1_000, full=5_000)

tasks = {name: invlab.get_task(name) for name in neural_adjoint.TASKS}
names = {"ballistics": "D1 throw", "sine": "D2 sine", "robot_arm": "D3 arm"}

# %% [markdown]
# ## The best of T
#
# A method that proposes many guesses should be judged as it is used: run the simulator on $T$ of them and keep the best. Ren, Padilla and Malof {cite:p}`ren2020benchmarking` define (their equations 3 and 11)
#
# $$
# r_T = \mathbb E_{y}\; \mathbb E_{\hat x_1,\dots,\hat x_T} \Big[ \min_{i \le T} \tfrac{1}{d_y}\lVert f(\hat x_i) - y \rVert^2 \Big].
# $$ (eq-rt)
#
# In words: for a target take the smallest re-simulation error among $T$ guesses, and average over targets. $T$ counts **calls of the simulator**, the currency in which an inverse problem is paid. $r_1$ is the usual error; as a curve over $T$, the score also tells what patience buys.
#
# The code is shorter than the formula. Take the sine task and the worst guesser there is, one that does not look at $y$ at all and draws from the prior.

# %%
sine = tasks["sine"]
asked = sine.targets(n_targets, seed=0, dtype=torch.float64)
guesses = sine.prior.sample(
    n_targets * 200, generator=runtime.generator(0, "guesses")
)
guesses = guesses.view(n_targets, 200, 2).to(asked.y)

effect = sine.simulate(guesses)
errors = (effect - asked.y[:, None]).square().mean(-1)
best_so_far = errors.cummin(1).values  # of the first 1, 2, ..., 200 guesses
r = best_so_far.mean(0)
print(tuple(errors.shape), tuple(r.shape))

# %%
ours = invlab.resimulation_error(sine, guesses, asked.y)
check("the library finds the same errors", torch.allclose(errors, ours))
check(
    "and the same curve",
    torch.allclose(r, invlab.r_T(ours, exchangeable=False)),
)
check("guessing more never hurts", (r.diff() <= 0).all())

# %% [markdown]
# ## An order that means nothing
#
# The prior's 200 guesses are independent draws. Their order means nothing; they are **exchangeable**. Then the first 50 of them are one arbitrary choice out of $\binom{200}{50}$, and each other choice would have served as well. Why not average over *all* of them?
#
# It sounds expensive and is one line. Sort the $n$ errors of a target, $e_{(1)} \le \dots \le e_{(n)}$. A subset of $T$ has $e_{(i)}$ as its smallest member exactly if it holds this one and takes its other $T-1$ from the $n-i$ larger ones. So
#
# $$
# \hat r_T = \sum_{i=1}^{n} \binom{n-i}{T-1}\Big/\binom{n}{T}\; e_{(i)} ,
# $$ (eq-subsets)
#
# a weighted sum with weights that depend on nothing but $n$ and $T$: for $T = 1$ the plain mean, for $T = n$ the minimum.


# %%
def one_order(errors):
    return errors.cummin(1).values


def all_subsets(errors):
    n = errors.shape[1]
    i, size = torch.arange(1, n + 1), torch.arange(1, n + 1)[:, None]
    weights = comb(n - i, size - 1) / comb(n, size)
    return errors.sort(1).values @ torch.as_tensor(weights).to(errors).T


six = errors[:4, :6]
by_hand = [
    torch.stack(
        [
            six[:, list(c)].amin(1)
            for c in itertools.combinations(range(6), n)
        ]
    ).mean(0)
    for n in range(1, 7)
]
check(
    "equal to going through all subsets of six",
    torch.allclose(all_subsets(six), torch.stack(by_hand, 1)),
)
check(
    "and to invlab.r_T(..., exchangeable=True)",
    torch.allclose(
        all_subsets(errors).mean(0), invlab.r_T(errors, exchangeable=True)
    ),
)

# %% [markdown]
# Is it better? Repeat the whole experiment many times at one target, $y = -0.3$, and look at both estimators: where they are on average, and how much they scatter.


# %%
def errors_at(name, y, repeats, draws, stream):
    """Errors of prior draws for one target, (repeats, draws)."""
    task = tasks[name]
    x = task.prior.sample(
        repeats * draws, generator=runtime.generator(0, stream)
    )
    target = torch.tensor([y], dtype=torch.float64).expand(repeats, -1)
    x = x.double().view(repeats, draws, -1)
    return invlab.resimulation_error(task, x, target)


again = errors_at("sine", [-0.3], repeats, 200, "again")
truth = all_subsets(errors_at("sine", [-0.3], 1_000, 200, "truth")).mean(0)
estimates = {
    "the first T": one_order(again),
    "all subsets": all_subsets(again),
}

# %% mystnb={"figure": {"name": "fig-estimators", "caption": "Scatter of both estimators of r_T from 200 guesses for one target, relative to r_T itself."}, "image": {"alt": "Relative standard deviation over T on logarithmic axes. Averaging over all subsets starts more than ten times lower than taking the first T and rises; at T equal to 200 both curves meet."}}
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

# %%
for label, values in estimates.items():
    bias = (values.mean(0) - truth) / (values.std(0) / repeats**0.5)
    check(
        f"{label}: no bias beyond chance at T = 1, 10, 50",
        bias[[0, 9, 49]].abs().max() < 5,
    )
fewer = estimates["the first T"].var(0) / estimates["all subsets"].var(0)
print(f"variance at T = 1 over 50 times smaller: {bool(fewer[0] > 50)}")
check("at T = 10 over 5 times smaller", fewer[9] > 5)
check("at T = 50 over 2 times smaller", fewer[49] > 2)
check(
    "at T = 200 there is one subset, and no gain", abs(fewer[-1] - 1) < 1e-6
)

# %% [markdown]
# Both are right on average. The one that uses all subsets needs a fraction of the guesses for the same certainty, at no cost. Note the right end too: $r_{200}$ from 200 guesses rests on a single subset. If you want to trust $r_T$, draw several times $T$.
#
# ## An order that means something
#
# A method that *ranks* its guesses, best first, is another matter. The look-up below returns the nearest pair first; the neural adjoint of {doc}`ch06_neural_adjoint` sorts 2048 candidates by what its network believes. Their first guess is not a random one, and averaging over subsets would throw the ranking away. For them $r_T$ is the best of the **first** $T$. So `invlab.r_T` insists on being told, and each method says of itself what it is:

# %%
for name in ("prior", "nearest", "pool"):
    print(name, "exchangeable:", invlab.get_method(name).exchangeable)

# %% [markdown]
# One should know which of the two one is reading. In the paper the neural adjoint's $r_1$ is the best-ranked of 2048 candidates, and everybody else's is a random draw. Neither is wrong; they are not the same question.
#
# ## A guess that cannot be simulated
#
# Throw a ball from below the ground, and there is nothing to simulate. Such a guess has no error. What enters the mean? **An invalid guess is infinitely bad and stays with its target, so that $r_T$ is infinite as long as a target may have no valid one among $T$**: whoever bought this guess got nothing for it.
#
# The published code takes the invalid ones out of each draw's list and closes the gap, filling up the end with the mean. This looks harmless, but the list runs over *targets*. After the gap each error stands at the place of another target. Two draws for four targets show what that does:

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


print("targets as they are:\n", honest, sep="")
print("closed up:\n", closed_up(honest).round(), sep="")
r_honest = float(honest.amin(1).mean())
r_closed = float(closed_up(honest).amin(1).mean())
print(f"best of 2, mean: {r_honest:.0f} honest, {r_closed:.0f} closed up")
check(
    "the hard target has disappeared", closed_up(honest).amin(1).max() < 100
)

# %% [markdown]
# The third target is hard: its best guess is off by 100. After closing up, both its guesses are those of the easy fourth target, and the minimum over the row picks it. *A minimum over errors of different targets is too small.* And $r_1$ is a mean over the guesses that happened to be valid.
#
# On the throw, let two guessers draw from normal laws without looking at $y$. One is as wide as the prior, so that one ball in about 700 starts underground. The other is careless: twice as wide, and one guess in eleven is invalid.

# %% mystnb={"figure": {"name": "fig-invalid", "caption": "The same guesses for the throw, scored in two ways: an invalid guess counts as infinite (the curve begins where every target has a valid one), or the gap is closed up. Few invalid guesses (left), many (right)."}, "image": {"alt": "Two panels with two falling curves each. Left, with few invalid guesses, the closed-up curve falls below the other as T grows. Right, with many, the closed-up curve stays far above the other and hardly falls."}}
throw = tasks["ballistics"]
aimed = throw.targets(200, seed=0, dtype=torch.float64).y.cpu()
noise = torch.randn(
    200, 200, 4, generator=runtime.generator(0, "careless")
).double()
middle = torch.tensor([0.0, 1.5, 0.785, 15.0])
widths = torch.tensor([0.5, 0.5, 0.36, 3.9])

fig, axes = plt.subplots(1, 2, sharey=True)
share, r_true, r_closed_up = {}, {}, {}
for ax, (kind, factor) in zip(axes, {"few": 1, "many": 2}.items()):
    thrown = middle + factor * noise * widths
    e = invlab.resimulation_error(throw, thrown, aimed)
    share[kind] = float(e.isinf().double().mean())
    r_true[kind] = invlab.r_T(e, exchangeable=False)
    r_closed_up[kind] = invlab.r_T(closed_up(e), exchangeable=False)
    curves = {
        "invalid = infinite": r_true[kind],
        "closed up": r_closed_up[kind],
    }
    figures.error_curves(ax, curves)
    ax.set_title(f"{kind} invalid: {share[kind]:.1%}")
    ax.label_outer()
axes[0].legend(fontsize=8)
plt.show()

# %%
check(
    "at T = 1 honesty says: infinite",
    r_true["few"][0].isinf() and r_true["many"][0].isinf(),
)
check(
    "closing up hides it",
    r_closed_up["few"][0].isfinite() and r_closed_up["many"][0].isfinite(),
)
check(
    "few invalid: at T = 50 closing up looks better than the truth",
    r_closed_up["few"][49] < r_true["few"][49] / 1.5,
)
check(
    "many invalid: it looks over 10 times worse",
    r_closed_up["many"][49] > 10 * r_true["many"][49],
)

# %% [markdown]
# With few invalid guesses the mixing of targets wins: hard targets borrow from easy ones, and the number is **optimistic**. With many, the filled-up end wins: the last targets of the list have nothing but means, and the number is far too *large*. Either way it is not $r_T$. In the paper this can touch D1 alone, the only task with throws that cannot be thrown.

# %% [markdown]
# ## A law for all guessers
#
# How fast does $r_T$ fall? Before looking at any method, think. Fix a target $y^*$. The guesses have effects $f(\hat x)$, scattered around with some density; let $p$ be this density *at the target*, in guesses per unit of $y$, as a share of all. Within a small distance $\rho$ of the target we expect $T\,p\,V \rho^{d_y}$ of $T$ effects, where $V \rho^{d_y}$ is the volume of a ball: $2\rho$ for one observation, $\pi\rho^2$ for two. The best guess is about where this number is one, at
#
# $$
# \rho \sim (T p)^{-1/d_y}, \qquad\text{so}\qquad r_T \sim C\, T^{-2/d_y} .
# $$ (eq-law)
#
# Nothing about the method has entered but $p$. **Any independent sampler with a positive and continuous density at the target improves as $T^{-2}$ for one observation and as $T^{-1}$ for two.** Doing the expectation with care gives the constants, too: $1/(2p^2T^2)$ for $d_y = 1$, and $1/(2\pi p\,T)$ for $d_y = 2$.
#
# Let us see whether the worst guesser obeys, at one typical target of each task. The density $p$ is estimated by counting.

# %% mystnb={"figure": {"name": "fig-law", "caption": "r_T of prior draws at one target of each task, and the law with its constant (thin lines)."}, "image": {"alt": "Three falling curves on logarithmic axes, each merging with a thin straight line from T of about ten on. The lines of throw and sine are parallel and steep, that of the arm is half as steep."}}
typical = {"ballistics": [6.5], "sine": [-0.3], "robot_arm": [1.7, 0.1]}
count = torch.arange(1, 401, dtype=torch.float64)
at_one, law, density = {}, {}, {}
for name, y in typical.items():
    e = errors_at(name, y, repeats // 5, 400, "law")
    at_one[name] = invlab.r_T(e, exchangeable=True)
    distance = (len(y) * e).sqrt()
    near = 0.1
    volume = 2 * near if len(y) == 1 else math.pi * near**2
    p = float((distance < near).double().mean()) / volume
    density[name] = p
    if len(y) == 1:
        law[name] = 1 / (2 * (p * count) ** 2)
    else:
        law[name] = 1 / (2 * math.pi * p * count)

fig, ax = plt.subplots(figsize=(5.5, 3.6))
figures.error_curves(ax, {names[n]: r for n, r in at_one.items()})
for name, line in law.items():
    label = "law" if name == "sine" else None
    ax.loglog(count, line, color=figures.BLACK, linewidth=0.8, label=label)
ax.legend()
plt.show()

# %%
for name, r in at_one.items():
    d_y = len(typical[name])
    slope = float((r[199] / r[19]).log() / math.log(10))
    check(
        f"{names[name]}: slope {-2 / d_y:.0f} from T = 20 to 200",
        abs(slope + 2 / d_y) < 0.2,
    )
    check(
        "and the constant is right to a fifth",
        abs(float(r[199] / law[name][199]) - 1) < 0.2,
    )

# %% [markdown]
# So a straight line of slope $-2$ or $-1$ in such a plot is no merit of a method; the *height* of the line is, and it measures how much denser than the prior the method guesses around the target. A method whose curve is *flatter* than the law tells you something: its guesses miss the target by an error of their own, or are copies of each other.
#
# The law also solves a riddle. The paper's Table 3 does not say its $T$. Its Figure 3 stops at $T = 50$. Continue the figure's values for the neural adjoint by the law:

# %%
for name, paper in neural_adjoint.PUBLISHED.items():
    d_y = len(typical[name])
    continued = paper[50] * (200 / 50) ** (-2 / d_y)
    check(
        f"{names[name]}: T = 200 fits Table 3 to 30 %",
        abs(continued / paper[200] - 1) < 0.3,
    )

# %% [markdown]
# We take it as $T = 200$, which is also the number of draws in the published code.
#
# ## Three baselines without an inverse network
#
# What has to be beaten?
#
# * **prior**: draw from the prior and do not look at $y$. It learns nothing and costs nothing.
# * **nearest**: the unknowns of the training pairs whose $y$ is nearest, nearest first. A look-up table.
# * **pool**: learn a *forward* network from the pairs, evaluate it on very many prior draws, take those whose predicted $y$ is nearest, and improve them by two small steps through the network. The surrogate stands in for a simulator that costs nothing.
#
# All get the same 8,000 pairs, as many as the paper's networks, and fresh targets.

# %% tags=["nbval-ignore-output"]
scores = {}
for name, task in tasks.items():
    for seed in seeds:
        pairs = neural_adjoint.training_pairs(task, seed, 8_000)
        asked = task.targets(n_targets, seed=seed, dtype=torch.float64)
        for kind in ("prior", "nearest", "pool"):
            options = {}
            if kind == "pool":
                options = {"pool": pool, "epochs": epochs}
            method = invlab.get_method(kind, **options)
            method.fit(task, pairs, seed=seed)
            x = method.propose(
                asked.y, n=200, generator=runtime.generator(seed, kind)
            )
            e = invlab.resimulation_error(task, x, asked.y).cpu()
            curves = all_subsets if method.exchangeable else one_order
            scores.setdefault((name, kind), []).append(curves(e))
scores = {key: torch.stack(value) for key, value in scores.items()}
print(tuple(scores["sine", "prior"].shape))  # seeds, targets, T

# %% mystnb={"figure": {"name": "fig-baselines", "caption": "r_T of three baselines on three tasks, and the paper's neural adjoint (stars; T = 1, 50, 200). Quick preset."}, "image": {"alt": "Three panels of curves over T. The prior starts highest and falls as a straight line. The look-up is a flat line, far below the stars at T equal to one for throw and sine. The pool falls with T and ends within about a decade of the last star."}}
fig, axes = plt.subplots(1, 3, figsize=(8, 3.2), sharey=True)
for ax, name in zip(axes, tasks):
    figures.error_curves(
        ax,
        {
            kind: scores[name, kind].mean((0, 1))
            for kind in ("prior", "nearest", "pool")
        },
        paper=neural_adjoint.PUBLISHED[name],
    )
    ax.set_title(names[name])
    ax.label_outer()
axes[2].legend(fontsize=8, loc="upper right")
plt.show()

# %% tags=["nbval-ignore-output"]
rows = []
for name in tasks:
    shown = {
        f"T{n}": neural_adjoint.PUBLISHED[name][n] for n in (1, 50, 200)
    }
    rows.append({"task": names[name], "method": "paper's NA", **shown})
    for kind in ("prior", "nearest", "pool"):
        shown = {}
        for n in (1, 50, 200):
            values = scores[name, kind][:, :, n - 1]
            low, high = invlab.bootstrap_interval(values)
            shown[f"T{n}"] = f"{values.mean():.1e} [{low:.1e}, {high:.1e}]"
        rows.append({"task": names[name], "method": kind, **shown})
columns = {
    "task": "task",
    "method": "method",
    "T1": "r_1",
    "T50": "r_50",
    "T200": "r_200",
}
Markdown(ledger.table(rows, columns))

# %% [markdown]
# The intervals are 95 %, by bootstrap over seeds and targets. $T = 50$ of the paper is read off its Figure 3.
#
# Look at the first column. **A look-up in the training data beats the paper's best method at $T = 1$ on D1 and D2**, by a factor of 20 or more (a few rare targets decide the mean on D1), and is level with it on D3:

# %%
for name in ("ballistics", "sine"):
    mine = float(scores[name, "nearest"][:, :, 0].mean())
    paper = neural_adjoint.PUBLISHED[name][1]
    check(
        f"{names[name]}: look-up over 20 times below the paper's r_1",
        mine < paper / 20,
    )
on_sine = float(scores["sine", "nearest"][:, :, 0].mean())
check(
    "D2 sine: with one guess within a factor of 2 of the paper's r_200",
    1 / 2 < on_sine / neural_adjoint.PUBLISHED["sine"][200] < 2,
)
on_arm = float(scores["robot_arm", "nearest"][:, :, 0].mean())
check(
    "D3 arm: within a factor of 4 of it",
    1 / 4 < on_arm / neural_adjoint.PUBLISHED["robot_arm"][1] < 4,
)

# %% [markdown]
# On D2 one look-up is even as good as the paper's best of 200. The law explains it. A look-up among 8,000 pairs *is* the prior's best of $T = 8000$, with the simulator's calls paid beforehand and shared by all targets. With $T^{-2}$ that is very good, with $T^{-1}$ it is middling, and with 300 observations it would be nothing. A benchmark with one observation and cheap simulations is a benchmark of look-up tables.
#
# It also says what the look-up cannot do: get better with $T$. Its second guess is no improvement on the first. The pool does. Its guesses come from a supply that does not end, and each is off by an error of the *network*, now here, now there, so that among many one is right by luck.

# %%
for name in tasks:
    flat = scores[name, "nearest"].mean((0, 1))
    check(
        f"{names[name]}: 200 look-ups gain less than a factor 2 on one",
        flat[-1] > flat[0] / 2,
    )
    falling = scores[name, "pool"].mean((0, 1))
    check(
        "200 of the pool gain over a factor 10",
        falling[-1] < falling[0] / 10,
    )

# %% [markdown]
# ## Who owns the mean?
#
# $r_T$ is a mean over targets, and some targets are rare: a throw that lands at 16 m. The prior hardly ever goes there, nor do the pairs.

# %% mystnb={"figure": {"name": "fig-tails", "caption": "Error of the look-up for each target of the throw, over the target; the lines are their mean and median."}, "image": {"alt": "Dots of error over landing point on a logarithmic axis. In the middle of the range the dots lie low; towards both ends they rise by several powers of ten. The mean line lies far above the median line."}}
tail_y, tail_errors = [], []
for seed in range(5):
    pairs = neural_adjoint.training_pairs(throw, seed, 8_000)
    asked = throw.targets(500, seed=seed, dtype=torch.float64)
    table = invlab.get_method("nearest").fit(throw, pairs)
    e = invlab.resimulation_error(throw, table.propose(asked.y), asked.y)
    tail_y.append(asked.y[:, 0].cpu())
    tail_errors.append(e[:, 0].cpu())
tail_y, tail_errors = torch.cat(tail_y), torch.cat(tail_errors)

fig, ax = plt.subplots(figsize=(5.5, 3.2))
ax.semilogy(
    tail_y,
    tail_errors.clamp_min(1e-14),
    ".",
    color=figures.BLUE,
    markersize=2,
)
ax.axhline(tail_errors.mean(), color=figures.RED, label="mean")
ax.axhline(
    tail_errors.median(),
    color=figures.BLACK,
    linestyle="--",
    label="median",
)
ax.set(xlabel="target y (m)", ylabel="error (m²)")
ax.legend()
plt.show()

# %%
worst = tail_errors.sort(descending=True).values
share = float(worst[: len(worst) // 100].sum() / worst.sum())
check(
    "the mean is over 10 times the median",
    tail_errors.mean() > 10 * tail_errors.median(),
)
check("1 % of the targets own over half of the mean", share > 0.5)

# %% [markdown]
# Two consequences. A mean of a few hundred targets is itself uncertain by a factor of two or more, which the intervals in the table show and a bare number hides. And averaged over targets, the prior on D1 falls *slower* than its law: as $T$ grows, the mean is left to ever rarer targets whose densities $p$ are ever smaller. The typical target obeys.

# %%
slopes = {}
for name in ("ballistics", "sine"):
    task = tasks[name]
    y = task.targets(1_000, seed=0, dtype=torch.float64).y.cpu()
    stream = runtime.generator(0, name, "many targets")
    x = task.prior.sample(1_000 * 400, generator=stream).double()
    e = invlab.resimulation_error(task, x.view(1_000, 400, -1), y)
    each = all_subsets(e)
    for label, r in (
        ("mean", each.mean(0)),
        ("median", each.median(0).values),
    ):
        slopes[name, label] = float((r[99] / r[9]).log() / math.log(10))
for name in ("ballistics", "sine"):
    check(
        f"{names[name]}: the median over targets falls as T⁻²",
        abs(slopes[name, "median"] + 2) < 0.2,
    )
check(
    "D1 throw: the mean falls slower than T to the -1.7",
    slopes["ballistics", "mean"] > -1.7,
)
check(
    "D2 sine, which has no rare targets: the mean obeys too",
    abs(slopes["sine", "mean"] + 2) < 0.2,
)

# %% [markdown]
# Read a mean and a median together, and be suspicious where they differ by decades.
#
# ## The plain truth
#
# One baseline is missing, and the paper does not mention it: *use the simulator*. The three tasks are smooth formulas. Start from the three nearest pairs and improve them by up to ten Gauss–Newton steps **through the true simulator**, in float64; `invlab.improve` does it for all targets at once.

# %% tags=["nbval-ignore-output"]
solved = {}
for name, task in tasks.items():
    pairs = neural_adjoint.training_pairs(task, 0, 8_000)
    asked = task.targets(500, seed=0, dtype=torch.float64)
    table = invlab.get_method("nearest").fit(task, pairs)
    start = table.propose(asked.y, n=3)
    before = time.perf_counter()
    polished = invlab.refine(task, start, asked.y)
    spent = time.perf_counter() - before
    e = invlab.resimulation_error(task, polished, asked.y).amin(1)
    solved[name] = (float(e.max()), spent / 500)
    print(
        f"{names[name]}: worst of 500 targets {e.max():.0e}, "
        f"{1000 * spent / 500:.2f} ms a target"
    )

# %%
for name, (worst_error, seconds) in solved.items():
    check(
        f"{names[name]}: every target is solved to 1e-20 or better",
        worst_error <= 1e-20,
    )
    check("within 10 ms a target", seconds < 0.01)

# %% [markdown]
# Machine precision, in a fraction of a millisecond a target. (Why three starts? One in about 700 starts exactly on the ground, from where a step may lead below it, and stays there.) So with a differentiable simulator D1 to D3 are not hard at all, and nobody should train a network for them. Numbers such as $10^{-7}$ in the table, the paper's and ours, tell nothing about what can be reached.
#
# What do they tell, then? How well a method does that is **not allowed to call the simulator** while it searches, but for the $T$ calls that $r_T$ counts. That is the situation of the physics behind D4, where one electromagnetic simulation takes minutes, and of many problems outside of this book. D1 to D3 are models of it, on which we can afford to check everything. Keep it in mind through Part II: *$r_T$ separates methods where calls of the simulator are dear.*
#
# ## The recorded run
#
# `python -m invbook bench neural_adjoint --preset full`: five seeds, 500 fresh targets each, 200 guesses, a surrogate of 300 epochs for the pool of 200,000 draws with two refining steps. Here the look-up has all 10,000 pairs. The last column is the paper's own method, which its Tables 7 and 3 give and its Figure 3 shows (read off, at $T = 50$); the next chapter is about it.

# %%
rows = {row["id"]: row for row in ledger.rows(neural_adjoint.CLAIMS)}
shown = []
for name in neural_adjoint.TASKS:
    for count in (1, 50, 200):
        line = {"task": name.replace("_", " "), "T": count}
        for method in ("prior", "nearest", "pool"):
            row = rows[f"r_T/{name}/{method}/{count}"]
            line[method] = ledger.with_interval(row)
        line["paper"] = neural_adjoint.PUBLISHED[name][count]
        shown.append(line)
columns = {
    "task": "task",
    "T": "T",
    "prior": "prior [95 %]",
    "nearest": "look-up [95 %]",
    "pool": "pool [95 %]",
    "paper": "paper's neural adjoint",
}
Markdown(ledger.table(shown, columns))

# %%
for name in neural_adjoint.TASKS:
    for count in (1, 50, 200):
        check(
            f"recorded: {name}, T = {count}: the pool is below the paper",
            rows[f"r_T/{name}/pool/{count}"]["high"]
            < neural_adjoint.PUBLISHED[name][count],
        )

# %% [markdown]
# With a good surrogate the pool, which hardly searches, is below the paper's best method at $T = 1$, 50 and 200 on each task.
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

# %% [markdown]
# ```{solution-start} ex-lookup
# :class: dropdown
# ```

# %%
predicted = 1 / (2 * (density["ballistics"] * 8_000) ** 2)
print(f"predicted: {predicted:.0e}")

# %% [markdown]
# About $5 \cdot 10^{-7}$, four decades below the paper's $r_1$, from counting alone.
#
# ```{solution-end}
# ```

# %% tags=["check-exercise"]
measured = (
    errors_at("ballistics", [6.5], 60, 8_000, "look-up").amin(1).mean()
)
check(
    "prediction and measurement agree within a factor of 2",
    0.5 < float(measured) / predicted < 2,
)

# %% [markdown]
# ```{exercise-start} Three hundred observations
# :label: ex-spectrum
# ```
#
# By the law, how many times more guesses does it take to *halve* $r_T$? Write it as a function `more(d_y)`, and look at $d_y = 1$, $2$ and $300$.
#
# ```{exercise-end}
# ```

# %% [markdown]
# ```{solution-start} ex-spectrum
# :class: dropdown
# ```


# %%
def more(d_y):
    return 2 ** (d_y / 2)


print([f"{more(d_y):.2g}" for d_y in (1, 2, 300)])

# %% [markdown]
# For a spectrum of 300 values the number is $10^{45}$: guessing more is no way to get better. (If the spectra that can occur have fewer degrees of freedom, their number counts; D4 has eight unknowns, and the law becomes $T^{-2/8}$ at best.) There a method has to *localise*, and D4 is the task where methods differ most.
#
# ```{solution-end}
# ```

# %% tags=["check-exercise"]
check("one observation: 1.4 times", abs(more(1) - 2**0.5) < 1e-9)
check("two: twice", abs(more(2) - 2) < 1e-9)
check("three hundred: hopeless", more(300) > 1e45)

# %% [markdown]
# ```{exercise-start} The wrong estimator
# :label: ex-wrong
# ```
#
# What happens if someone scores the *ranked* look-up with `exchangeable=True`? For the sine task compute $r_1$ both ways from the same 200 guesses a target, as `r_right` and `r_wrong`, and explain the difference.
#
# ```{exercise-end}
# ```

# %% [markdown]
# ```{solution-start} ex-wrong
# :class: dropdown
# ```

# %%
pairs = neural_adjoint.training_pairs(sine, 0, 8_000)
asked = sine.targets(n_targets, seed=0, dtype=torch.float64)
table = invlab.get_method("nearest").fit(sine, pairs)
e = invlab.resimulation_error(sine, table.propose(asked.y, n=200), asked.y)
r_right = float(invlab.r_T(e, exchangeable=False)[0])
r_wrong = float(invlab.r_T(e, exchangeable=True)[0])

# %% [markdown]
# The average over subsets of one is the mean over all 200 guesses, most of which are far down the list: it scores a method that picks at random among the 200 nearest. The opposite error, scoring exchangeable guesses by their first $T$, is no error but a waste.
#
# ```{solution-end}
# ```

# %% tags=["check-exercise"]
check("the ranking was worth over a factor 100", r_wrong > 100 * r_right)

# %% [markdown]
# ## What we saw
#
# * $r_T$ is the error of the best of $T$ guesses. For exchangeable guesses average over all subsets; for ranked ones take the first $T$.
# * At one target, independent guesses with a positive and continuous density there fall as $T^{-2/d_y}$. Only the height of the line is the method's own.
# * Without any inverse network: a look-up among the pairs is ahead of the paper's best $r_1$ on D1 and D2, level with it on D3. A surrogate with a pool of guesses keeps improving with $T$, where the look-up does not.
# * Means are owned by rare targets. Show an interval, and the median beside it.
# * With the simulator's gradient these tasks are solved to rounding. $r_T$ is about methods that must do without.
#
# ## Where next
#
# The pool hardly searched at all. {doc}`ch06_neural_adjoint` searches: it descends on the input of the forward network.
#
# ## References
#
# $r_T$ and the numbers for comparison are from {cite:t}`ren2020benchmarking`: $T = 1$ from its Table 7, $T = 50$ read off Figure 3, $T = 200$ from Table 3. Averaging over all subsets is the idea of a *U-statistic* {cite:p}`hoeffding1948class`. The same averaging scores language models that may try a program several times {cite:p}`chen2021evaluating`.
