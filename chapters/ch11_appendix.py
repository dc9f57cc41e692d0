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
# # Appendix to chapter 11: All models, all tables
#
# The recorded rows behind {doc}`ch11_benchmark`: every model at one, 50 and 200 guesses, where and why numbers differ from the paper's, the match with the posterior, and what it costs.

# %%
import matplotlib.pyplot as plt
import torch
from IPython.display import Markdown

import invlab
from invbook import check
from invlab import runtime
from invlab.metrics import posterior

torch.set_num_threads(1)

# %% tags=["hide-cell"]
from invbook import figures
from invbook.figures import benchmark
from invbook.numbers import shown
from invbook.papers.neural_adjoint import model_claims

figures.use_style()
recorded = benchmark.Recorded()
rows = recorded.rows
TITLE = benchmark.TITLE
TASKS = list(TITLE)[:3]  # with an exact posterior
ALL = list(TITLE)
THREE = {name: TITLE[name] for name in TASKS}
ORDER = (*recorded.models, *recorded.others)
COLUMNS = model_claims.COLUMNS


def have(method, task):
    """Whether a method is recorded on a task."""
    return method in (*recorded.models_of(task), *recorded.others)


# %% [markdown]
# ## Figure 3: all models

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-three", "caption": "Error of the best of T guesses, mean over seeds with 500 targets each (meta-material: three seeds, 100 targets each). Left: models that draw; right: one answer, search, and baselines; the prior (grey) is in both. Stars: the paper's Table 3 (T = 200) in the colour of the model. After Figure 3 of the paper."}, "image": {"alt": "Eight panels, a row for each of ballistics, sine, robot arm and metamaterial, with falling lines of the error of the best of T guesses on logarithmic axes up to 200 guesses. The drawing models fall steadily and lie below the paper's stars; on the right the tandem and direct network are flat, and the neural adjoint and the pool are lowest."}}
fig, axes = plt.subplots(
    4, 2, figsize=(9, 12), sharex=True, sharey="row", layout="constrained"
)
others = (*recorded.others[:-1], "tandem", "direct")
for pair, name in zip(axes, ALL):
    for ax, group in zip(pair, (recorded.samplers, others)):
        benchmark.curves(ax, recorded, name, group)
    pair[0].set_ylabel("$r_T$")
for ax in axes[-1]:
    ax.set_xlabel("guesses T")
for ax in axes[0]:
    figures.legend_above(ax)
plt.show()

# %% [markdown]
# ## Which T has the paper's Table 3?
#
# The paper does not say. Its Figure 3 stops at $T = 50$, and for independent draws the error falls as $T^{-2/\dim y}$ ({doc}`ch05_counting_guesses`). If Table 3 continues the figure to $T = 200$, it should be lower than the curve at 50 by $4^{2/\dim y}$: sixteen for the ball and the sine, four for the arm. Six curves, continued to 200, over the entries of Table 3:

# %% tags=["hide-input"]
CASES = (
    ("ballistics", "cvae"),
    ("ballistics", "mixture_density"),
    ("sine", "mixture_density"),
    ("sine", "cinn"),
    ("robot_arm", "mixture_density"),
    ("robot_arm", "cinn"),
)
continued = [
    model_claims.paper_value("r_50", name, method)
    / (4 if name == "robot_arm" else 16)
    / model_claims.paper_value("r_200", name, method)
    for name, method in CASES
]
print("continued over Table 3:", ", ".join(f"{r:.2f}" for r in continued))
check(
    "Figure 3, continued to T = 200, over Table 3",
    torch.tensor(continued),
    "in",
    (1 / 1.5, 1.5),
)

# %% [markdown]
# So Table 3 is read as $T = 200$ in this book.
#
# ## Tables 7 and 3, and Figure 3 at T = 50
#
# Our number, its 95 % interval, and the paper's number where it has one. The {doc}`../reproduction_ledger` has a verdict for each.

# %% tags=["hide-input", "nbval-ignore-output"]


def errors_of(T):
    return benchmark.grid(
        ORDER,
        TITLE,
        lambda m, t: (
            benchmark.interval(rows[f"r_T/{t}/{m}/{T}"])
            if have(m, t)
            else None
        ),
        corner=f"T = {T}",
    )


Markdown("\n\n".join(errors_of(T) for T in (1, 50, 200)))

# %% [markdown]
# Read the mean at $T = 1$ with care. It is set by the few worst draws: compare it with the median, which can be a thousand times lower, and with the mean without clipping, where single runaway draws of an invertible network can multiply it. Medians and $r_{50}$, $r_{200}$ are what the models can be judged by.
#
# The median error of one guess over the variance of $y$; and, for models that draw, $r_1$ without clipping with the share of draws that clipping moves:

# %% tags=["hide-input", "nbval-ignore-output"]


def median(method, task):
    return (
        recorded.score(task, method, "q50") if have(method, task) else None
    )


def free(method, task):
    moved = recorded.score(task, method, "moved")
    return f"{shown(recorded.score(task, method, 'free'))} ({moved:.1%})"


medians = benchmark.grid(
    ORDER, TITLE, median, corner="median error / var y"
)
loose = benchmark.grid(
    recorded.samplers,
    TITLE,
    free,
    corner="r_1, not clipped (share clipped)",
)
Markdown(medians + "\n\n" + loose)

# %% tags=["hide-input", "nbval-ignore-output"]
PAPERS = [(t, m, T) for t in TASKS for m in COLUMNS for T in (1, 50, 200)]
above = [
    (t, m, T)
    for t, m, T in PAPERS
    if recorded.error(t, m, T) > recorded.paper(t, m, T)
]
named = [f"{benchmark.LABEL[m]} on {t}, T = {T}" for t, m, T in above]
print("mean above the paper's number:", "; ".join(named) or "none")

# %% tags=["hide-input"]
check(
    "Recorded: share of the paper's 45 numbers that ours is above",
    len(above) / len(PAPERS),
    "<",
    0.3,
)
below = [
    rows[f"r_T/{t}/{m}/{T}"]["low"] is not None
    and rows[f"r_T/{t}/{m}/{T}"]["low"] <= recorded.paper(t, m, T)
    for t, m, T in above
]
check(
    "Recorded: where the mean is above, share whose interval reaches the paper's number",
    sum(below) / max(1, len(below)) if below else 1,
    ">",
    0.7,
)
inn = [
    recorded.error(t, "inn", T) / recorded.paper(t, "inn", T)
    for t in TASKS
    for T in (1, 50, 200)
]
check(
    "Recorded: the INN's errors over the paper's", torch.tensor(inn), "<", 1
)


def trimmed(task, method, T):
    """The mean without the worst hundredth of the targets."""
    each = [
        torch.tensor(run["targets"][method][str(T)])
        for run in recorded.runs(task, method)
    ]
    errors = torch.cat(each).sort().values
    return float(errors[: -(len(errors) // 100) or None].mean())


for t, m in (("ballistics", "cvae"), ("robot_arm", "tandem")):
    check(
        f"Recorded: {benchmark.LABEL[m]} on {t}, without the worst hundredth of the targets, r_200 over the paper's",
        trimmed(t, m, 200) / recorded.paper(t, m, 200),
        "<",
        1,
    )

# %% [markdown]
# Where our mean is above the paper's number, the interval mostly reaches it. On the ball and the arm most of the mean comes from a few rare targets at the edge of what the prior reaches; 200 targets, as in the paper, often have none of them. (In the paper the tandem has two numbers on the arm, $5.4$ and $7.0 \cdot 10^{-4}$, in Tables 3 and 7. They come from different trainings or from different targets, and show how much this score may vary.) The cVAE on the sine is no better than the paper's, for the reason shown in {doc}`ch09_cvae`.
#
# ## Where a number differs from the paper, and why
#
# * **The INN.** The published code takes the norm of fresh noise where it should take the norm of the network's $\hat z$; the term has no gradient, and the latent grows without bound ({doc}`ch10_invertible`). With the right term, a smaller network and scaled data it is among the best on D1 to D3; on D4 it is not.
# * **The cVAE on the arm.** Its weight of the divergence is 1 there, and the latent collapses ({doc}`ch09_cvae`): the paper's curve is flat. A decoder with a learned width does not.
# * **The ball.** The published code looks for the impact on a grid of 1500 times. That alone moves $y$ by more than many of the errors in the table, as the next cell shows; here the impact is solved exactly.
# * **Sizes.** The paper's networks have 0.3 to 5 million numbers (Table 8). Those of the released code are partly others (its cINNs have about a third of the size that Table 8 gives). Ours were chosen for each task; the table of costs below has both.
# * **Training.** Scaled unknowns, small batches, one cycle of the learning rate, and smooth activations with half the units; the ladder in {doc}`ch06_appendix` takes these steps one at a time. For the sine task also waves of the inputs ({doc}`ch10_invertible`).

# %%
ball = invlab.get_task("ballistics")
on_grid = invlab.get_task("ballistics", impact="grid")
x = ball.prior.sample(5000, generator=runtime.generator(0, "grid"))
gap = (on_grid.simulate(x) - ball.simulate(x)).square().mean()
print(f"mean squared error of the time grid: {shown(gap)}")

# %% tags=["hide-input"]
finer = [
    model_claims.paper_value("r_200", "ballistics", method)
    for method in ("cvae", "cinn", "mixture_density")
]
check(
    "Error of the time grid over the paper's r_200 of cVAE, cINN and mixture",
    gap / torch.tensor(finer),
    ">",
    1,
)

# %% [markdown]
# ## Table 4: is it the posterior?
#
# The paper compares draws with the {term}`posterior` by the maximum mean discrepancy ({term}`MMD`, {cite:p}`gretton2012kernel`): zero for two samples of one law, two to three for a single point against a spread-out law. Two details decide what the numbers mean. The helper in the published code keeps the pairs of each draw with itself, and so never gets to zero; and the paper says neither whether its table was made with it nor how many draws it used. This is what *perfect* draws score with that estimator, and with one that leaves those pairs out:

# %%
sine = invlab.get_task("sine")
targets = sine.targets(10, seed=3, dtype=torch.float64).y
data = sine.sample(4000, generator=runtime.generator(0, "pairs"))
scale = data.x.double().std(0)


def floor(n, unbiased):
    a, b = (
        sine.posterior(targets, n, generator=runtime.generator(k)) / scale
        for k in (1, 2)
    )
    return float(posterior.mmd2(a, b, unbiased=unbiased).mean())


floors = {
    (n, u): floor(n, u) for n in (100, 200, 400) for u in (False, True)
}

# %% tags=["hide-input", "nbval-ignore-output"]
for n in (100, 200, 400):
    biased, unbiased = floors[n, 0], floors[n, 1]
    print(f"{n} draws: biased {biased:.3f}, unbiased {unbiased:.4f}")

# %% tags=["hide-input"]
best = min(model_claims.PAPER_TABLES["mmd"]["sine"])
check(
    "The paper's best MMD² on the sine lies between perfect draws' at 200 and at 100",
    best,
    "in",
    (0.9 * floors[200, 0], floors[100, 0]),
)
check(
    "Biased score of perfect draws times their number",
    torch.tensor([n * floors[n, 0] for n in (100, 200, 400)]),
    "in",
    (3, 6),
)

# %% [markdown]
# A draw is at distance zero from itself, and the kernel, a sum of three terms, is three there. In each of the two samples that adds $3/n$, less what an ordinary pair would have had: together a little below $6/n$, for perfect draws. If Table 4 was made so, with one or two hundred draws, its best entries, 0.03 to 0.04, are this floor: they cannot tell a good model from a perfect one. (The paper's own claim stands behind a further digit: "more digits are compared if ties", Section 8.1.)
#
# Ours is the unbiased estimate from 1000 draws a target, with each unknown in units of the prior's standard deviation. The paper's numbers are beside it although they are biased.

# %% tags=["hide-input", "nbval-ignore-output"]
MATCHED = (*recorded.models, "neural_adjoint", "pool", "prior")
perfect = {"exact": "floor"}  # what a perfect sampler scores
Markdown(
    benchmark.grid(
        (*MATCHED, "exact"),
        THREE,
        lambda m, t: benchmark.interval(
            rows[f"mmd/{t}/{perfect.get(m, m)}"]
        ),
        corner="MMD²",
    )
)

# %% [markdown]
# Two more scores: the accuracy of a classifier that has to tell the draws from exact ones ({term}`C2ST` {cite:p}`lopezpaz2017revisiting`; one half is perfect), and the smallest {term}`p-value` of a test of {term}`calibration` {cite:p}`talts2018validating` over unknowns and seeds. Then the MMD² of the median and of the worst target; and, on the sine alone, the share of the pieces of the posterior that are found.

# %% tags=["hide-input", "nbval-ignore-output"]


def classifier(method, task):
    c2st = recorded.matched(task, method, "c2st").mean()
    if method == "exact":
        return f"{c2st:.2f}"
    p = recorded.matched(task, method, "calibration").min()
    return f"{c2st:.2f}; p = {shown(p)}"


def spread(method, task):
    mmd = recorded.matched(task, method, "mmd")
    return f"{shown(mmd.median())}; {shown(mmd.max())}"


def found(method, task):
    return f"{recorded.matched(task, method, 'recall').mean():.2f}"


one = benchmark.grid(
    (*MATCHED, "exact"), THREE, classifier, corner="C2ST; smallest p"
)
two = benchmark.grid(
    MATCHED, THREE, spread, corner="MMD²: median; worst target"
)
three = benchmark.grid(
    MATCHED, {"sine": TITLE["sine"]}, found, corner="pieces found"
)
Markdown("\n\n".join((one, two, three)))

# %% [markdown]
# ### Why is C2ST about 0.65 on ballistics, for all samplers?
#
# The speed of the ball is a *whole* number in the prior. The recorded networks know nothing of that, as the paper's do not: they answer with 14.3 m/s, and a classifier sees it at once. The pool draws its guesses from the prior, with whole speeds, and is close to one half. To see that this is the reason, spoil exact draws in the same way: move each speed by up to half a unit, and solve for the start that still hits the target.

# %%
asked = ball.targets(5, seed=0, dtype=torch.float64).y
exact, other = (
    ball.posterior(asked, 1000, generator=runtime.generator(k))
    for k in (1, 2)
)
between = other.clone()
draws = runtime.generator(0, "speeds")
step = torch.rand(other[..., 3].shape, generator=draws).to(other) - 0.5
between[..., 3] += step
between[..., 0] += asked - ball.simulate(between)[..., 0]
width = exact.flatten(0, 1).std(0)
tell = {
    name: float(posterior.c2st(x / width, exact / width, seed=0).mean())
    for name, x in {"whole": other, "between": between}.items()
}
for name, accuracy in tell.items():
    print(f"{name} speeds: C2ST about {accuracy:.2f}")

# %% tags=["hide-input"]
check("C2ST of exact draws", tell["whole"], "in", (0.4, 0.58))
check(
    "C2ST of the same draws with speeds between whole numbers",
    tell["between"],
    ">",
    0.58,
)
blurred = [
    recorded.matched("ballistics", m, "c2st").mean()
    for m in recorded.samplers
]
check(
    "Recorded: C2ST of the samplers on ballistics",
    torch.tensor(blurred),
    ">",
    0.58,
)
check(
    "Recorded: C2ST of the pool on ballistics",
    recorded.matched("ballistics", "pool", "c2st").mean(),
    "<",
    0.58,
)
for name in TASKS:
    check(
        f"Recorded, {name}: size of the floor of MMD²",
        abs(rows[f"mmd/{name}/floor"]["ours"]),
        "<",
        1e-3,
    )
    check(
        f"Recorded, {name}: MMD² of a single answer",
        rows[f"mmd/{name}/tandem"]["ours"],
        "in",
        (2, 3),
    )

# %% [markdown]
# In the library a network may be told: a task whose prior has whole numbers lets `propose` round them, and the score here switches that off to do as the paper does.
#
# ## Two scores, two orders
#
# Rank the drawing models by each score. And then let everybody use the same tool: two Gauss–Newton steps through a surrogate (one seed, the neural adjoint's own).

# %% tags=["hide-input", "nbval-ignore-output"]
HEADS = {"r_1": "r_1", "r_200": "r_200", "mmd": "MMD²"}
HEADS |= {"ranked": "best-ranked of 200"}
HEADS |= {"refined 1": "r_1, two steps", "refined": "r_200, two steps"}


def of_task(name):
    def cell(method, key):
        if key in ("r_1", "r_200"):
            return float(
                recorded.curve(name, method)[0 if key == "r_1" else -1]
            )
        if key == "mmd":
            return rows[f"mmd/{name}/{method}"]["ours"]
        if method not in recorded.samplers:
            return None
        how, T = {
            "ranked": ("ranked", 1),
            "refined 1": ("refined", 1),
            "refined": ("refined", 200),
        }[key]
        return recorded.improved(name, method, how, T)

    lines = (*recorded.samplers, "pool")
    return benchmark.grid(lines, HEADS, cell, corner=TITLE[name])


Markdown("\n\n".join(of_task(name) for name in TASKS))

# %% tags=["hide-input"]


def order(values):
    return sorted(recorded.samplers, key=values.get)


differs, closer, gains = [], [], []
for name in TASKS:
    by_error = {m: recorded.error(name, m, 200) for m in recorded.samplers}
    by_mmd = {m: rows[f"mmd/{name}/{m}"]["ours"] for m in recorded.samplers}
    differs.append(order(by_error) != order(by_mmd))
    after = [
        recorded.improved(name, m, "refined", 200)
        for m in recorded.samplers
    ]
    before = list(by_error.values())
    closer.append((max(after) / min(after)) / (max(before) / min(before)))
    gains += [
        float(recorded.curve(name, m)[0])
        / recorded.improved(name, m, "ranked", 1)
        for m in recorded.samplers
    ]
check(
    "Recorded: tasks on which r_200 and MMD² order the models differently",
    sum(differs),
    ">=",
    2,
)
check(
    "Recorded: two steps bring the models' r_200 together, ratio of the spreads",
    torch.tensor(closer),
    "<",
    1,
)
check("Recorded: what ranking lowers r_1 by", torch.tensor(gains), ">", 5)

# %% [markdown]
# ## Table 6: how everything is trained
#
# The paper says that these hold for all models and tasks; the published code has other rates and batches for some. Ours differ by model and task, from the smallest to the largest ({doc}`../how_settings_were_chosen`).

# %% tags=["hide-input"]
Markdown(benchmark.training_table())

# %% [markdown]
# ## Tables 2, 8, 9 and 10: what it costs
#
# The paper's numbers are wall time on a GTX 1080 (its Table 10 prints no unit; we take seconds); ours are processor seconds of one core, on a machine that was busy with other trainings at the time. Answering is a thousand guesses, or one target of the neural adjoint. A *network row* is one row through one fully connected network: an invertible network of six blocks has twelve of them. Flow matching took 32 passes a draw when this was recorded; it now takes 11.

# %% tags=["hide-input", "nbval-ignore-output"]
PRICED = (
    "tandem",
    "direct",
    *recorded.samplers,
    *[m for m in recorded.others if m.startswith("neural_adjoint")],
)


def row_of(kind):
    def cell(method, task):
        row = rows.get(kind.format(task, method))  # two searches, one size
        return row and benchmark.interval(row | {"low": None})

    return cell


def megabytes(method, task):
    if f"size/{task}/{method}" not in rows:
        return None
    ours = f"{4 * rows[f'size/{task}/{method}']['ours']:.1f}"
    paper = model_claims.paper_value("megabytes", task, method)
    return ours if paper is None else f"{ours}; paper {shown(paper)}"


def evaluations(method, task):
    return f"{recorded.score(task, method, 'evaluations'):.0f}"


kinds = {
    "training, s": row_of("time/{}/{}/train"),
    "answering, s": row_of("time/{}/{}/infer"),
    "millions of numbers": row_of("size/{}/{}"),
    "megabytes": megabytes,
    "network rows a target (200 guesses)": evaluations,
}
Markdown(
    "\n\n".join(
        benchmark.grid(PRICED, TITLE, cell, corner=name)
        for name, cell in kinds.items()
    )
)

# %% tags=["hide-input"]
total = [
    sum(
        recorded.score(name, m, "train")
        for m in (*recorded.models_of(name), "neural_adjoint")
    )
    for name in ALL
]
check(
    "Recorded: CPU seconds to train all models of one seed, on each task",
    torch.tensor(total),
    "<",
    2400,
)
smaller = [
    rows[f"size/{t}/{m}"]["ours"] < rows[f"size/{t}/{m}"]["paper"]
    for t in ALL
    for m in COLUMNS
]
check(
    "Share of the models that have fewer numbers than the paper's",
    sum(smaller) / len(smaller),
    ">=",
    0.9,
)

# %% [markdown]
# Back to {doc}`ch11_benchmark`, or on to {doc}`ch12_metamaterial`.
