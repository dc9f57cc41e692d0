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
# # Appendix to chapter 16: local minima, all methods and the recorded runs
#
# What {doc}`ch16_navier_stokes` leaves out: the search without a hidden flow, the training of the joint search, every method live and as recorded on both sets of obstacles, and all that the paper does not say.

# %%
import os

import torch

os.environ.setdefault("INVLAB_DEVICE", "cpu")  # as in the recorded runs
torch.set_num_threads(1)

import invlab
from invbook.papers import joint_optimization as papers
from invlab import runtime
from invlab.networks.encoders import FeatureScale, encoder_for

n = runtime.by_preset(quick=16, full=64)
SEED = 0

# %% tags=["hide-input"]
import matplotlib.pyplot as plt
from IPython.display import Markdown
from matplotlib.ticker import LogLocator, NullFormatter

from invbook import check, figures, ledger
from invbook.figures import flows, joint, searches
from invbook.papers.joint_optimization import learned, pdes

figures.use_style()
SETS = {
    name: joint.Recorded(system, n=32)
    for name, system in (
        ("five", "navier_stokes"),
        ("two", "navier_stokes_two"),
    )
}
ours = SETS["five"]

# %% [markdown]
# ## Without the hidden flow
#
# Whether a search found a good optimum is a question of its own. To ask it cleanly, take the hidden flow away: `speed=0` is the same box without the random swirls, and at the truth the loss is zero. The easy set has two obstacles and weak pushes (up to 3), the hard one five obstacles and strong pushes (up to 6).

# %% tags=["nbval-ignore-output"]
stuck = {}
for obstacles in ("two", "five"):
    calm = invlab.get_task("navier_stokes", obstacles=obstacles, speed=0.0)
    still = flows.draw_problems(calm, n, SEED)

    def calm_misfit(x, rows, calm=calm, still=still):
        off = calm.simulate(x, still.c[rows]) - still.y[rows]
        return 1000 * off.square().flatten(1).mean(1)

    found = invlab.minimize(
        calm_misfit,
        calm.box.center.repeat(n, 1),
        bounds=calm.box,
        x_scale=calm.box.width / 2,
        gtol=1e-4,
        maxfev=60,
    )
    stuck[obstacles] = float((found.fun > 1e-3).double().mean())
for name, share in stuck.items():
    print(f"{name} obstacles: {share:.0%}")

# %% tags=["hide-input"]
check("Two obstacles: searches that get stuck", stuck["two"], "<=", 0.2)
check("Five obstacles: stuck", stuck["five"], "in", (0.05, 0.6))

# %% [markdown]
# Two obstacles and a weak push are easy for the search: one from the middle ends in the best minimum of nearly all problems. (For the push they are not: the weaker it is, the less the noise leaves of it.) With five obstacles a jet can pass on either side of each, and there are local minima.
#
# ## The training of the joint search
#
# The joint search of {doc}`ch15_kuramoto_sivashinsky`, with an image of four channels for each problem. From here on the problems are those of the recorded runs' kind, drawn by `invbook`; `problems.fun` is the misfit, and `problems.limits(1.0)` has the bounds, the unit and the `gtol` of every search.

# %%
problems = papers.draw_problems("navier_stokes", n, seed=SEED)
limits = problems.limits(1.0) | {"maxfev": 60}
plain = invlab.minimize(problems.fun, problems.start, record=True, **limits)

iterations = runtime.by_preset(quick=60, full=200)
scale = FeatureScale.fit(problems.features)
seen = scale(problems.features).float()
network = encoder_for(seen.shape[1:], 3, seeds=[SEED])
adam = torch.optim.Adam(network.parameters(), lr=3e-3)
course = []
for _ in range(iterations):
    step = torch.tanh(network(seen)[0].double())
    x = problems.start + problems.lengths(1.0) * step
    loss = problems.fun(x, torch.arange(n))
    adam.zero_grad()
    loss.sum().backward()
    adam.step()
    course.append(loss.detach())
together = invlab.minimize(problems.fun, x.detach(), record=True, **limits)

# %% mystnb={"figure": {"name": "fig-ns-course", "caption": "Loss of eight problems and its mean over all (black). Left: BFGS, the best so far. Right: the joint search and, to the right of the dotted line, its refinement. Dashed: mean loss at the truth. After Figure 5c of the paper."}, "image": {"alt": "Left: on a logarithmic axis the losses of BFGS fall within about twenty evaluations from about one to between 0.01 and one, the mean to below the dashed line of the truth. Right: the joint losses fall with bumps over some sixty steps, the mean to about a third of the dashed line, and once more in the refinement."}} tags=["hide-input"]
fig, axes = plt.subplots(1, 2, figsize=(9, 3.4), sharey=True)
searches.descents(
    axes,
    plain.history[:40],
    torch.stack(course),
    together.history[:40],
    level=float(problems.at_truth.mean()),
)
plt.show()

# %% tags=["hide-input"]
check(
    "The network's mean loss over that of the middle",
    course[-1].mean() / problems.at_start.mean(),
    "<",
    0.4,
)
check(
    "Without refinement it loses to BFGS in this share of the problems",
    (course[-1] > plain.fun).double().mean(),
    ">",
    0.5,
)
check(
    "Refinement lowers the mean by this factor",
    together.fun.mean() / course[-1].mean(),
    "<",
    1,
)

# %% [markdown]
# ## Supervised learning and the neural adjoint, live
#
# Both train on $n$ pairs of the prior, with the settings of the recorded run. These pairs are honest: each has a hidden flow of its own, so that a network learns the push that is *probable* for an observation, not the one that fits it best.

# %%
guesses = {
    "supervised": learned.direct(problems, SEED, **pdes.NAVIER["direct"]).x,
    "neural adjoint": learned.neural_adjoint(
        problems, SEED, [1.0], **pdes.NAVIER["neural_adjoint"]
    )[1.0].x,
    "one random draw": learned.pairs(problems, SEED + 1).x,
}
results = {"BFGS": plain, "joint": together} | {
    name: invlab.minimize(problems.fun, x, **limits)
    for name, x in guesses.items()
}

# %% tags=["hide-input", "nbval-ignore-output"]
lines = []
for name, found in results.items():
    shares = joint.compared(found.fun, plain.fun, relative=1e-3)
    off = (found.x - problems.truth) / problems.lengths(1.0)
    lines.append(
        searches.tie_table(name, shares)
        | {
            "loss": f"{found.fun.mean():.3f}",
            "error": f"{off.norm(dim=1).mean():.2f}",
        }
    )
columns = {
    "method": f"live, n = {n}, refined",
    "exact": "better / equal (%)",
    "tolerance": "with a tolerance: better / equal / worse (%)",
    "loss": "mean loss",
    "error": "distance to the truth",
}
Markdown(ledger.table(lines, columns))

# %% [markdown]
# The distance is the length of the vector of the three errors in half-widths of their ranges; a guess in the middle of the box has 0.96 on average.
#
# ## The recorded runs
#
# `python -m invbook bench joint_optimization --preset full` measures all methods on the grid of 32² cells, on a CPU, with seeds on which no setting was chosen, and SciPy's BFGS as baseline and as refinement. There are 2 to 128 problems at once: 256, as in the paper, would cost about as much as all of these together. The joint search made the paper's way keeps the answers at the last step; ours, beyond that, the best answer of each problem on the way, which is what "joint" means in the figure.

# %% mystnb={"figure": {"name": "fig-ns-recorded", "caption": "Recorded on a CPU, five obstacles. Refined loss over n, mean over seeds, with the standard deviation upwards; dotted: at the truth. After Figure 5d of the paper; the loss of each fit over that of the truth is the first figure of the chapter."}, "image": {"alt": "Mean refined loss over n for six methods on a logarithmic axis: BFGS, the joint search, supervised learning and restarts lie mostly below the dotted line of the truth, restarts lowest; the neural adjoint lies mostly above it."}} tags=["hide-input"]
fig, ax = plt.subplots(figsize=(7, 3.8), layout="constrained")
METHODS = ("bfgs", "joint", "joint_last", "direct", "neural_adjoint")
METHODS += ("multistart",)
joint.over_counts(ax, ours, ["truth"], "loss", stage="unrefined")
joint.over_counts(ax, ours, METHODS, "loss", below=False)
ax.set(yscale="log", ylabel="refined loss, mean")
ax.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
ax.yaxis.set_major_formatter("{x:g}")
ax.yaxis.set_minor_formatter(NullFormatter())
ax.legend(fontsize=8, loc="center left", bbox_to_anchor=(1, 0.5))
plt.show()

# %% [markdown]
# How the mean true loss moves while each method works. A step of the joint search and of supervised training is one of the network's, of BFGS one evaluation, and of the neural adjoint one iteration on its trained surrogate.

# %% mystnb={"figure": {"name": "fig-ns-courses", "caption": "Mean true loss of the answers on the way, n = 32, recorded, means over seeds, without refinement; dotted: at the truth. After Figure 5c of the paper."}, "image": {"alt": "Mean loss over the step on logarithmic axes, with the dotted line of the truth. BFGS falls within some ten evaluations to about that line. The joint search falls more slowly and ends lowest, at about half of it. Supervised training levels off far above it, and the neural adjoint rises within a few iterations to twice its beginning."}} tags=["hide-input"]
fig, ax = plt.subplots(figsize=(6.5, 3.6))
joint.courses(ax, ours)
level = ours.mean("truth", "loss", stage="unrefined")
ax.axhline(level, color="0.4", linestyle=":", label="at the truth")
figures.legend_above(ax, 5)
plt.show()

# %% tags=["hide-input"]
taught, guided = (
    torch.tensor(joint.risen(ours, method)["start"])
    for method in ("direct", "neural_adjoint")
)
check(
    "Supervised: true loss at the end over that at the first step",
    taught,
    "<",
    0.6,
)
check(
    "Neural adjoint: true loss at the end over that at its start",
    guided,
    ">",
    1.2,
)

# %% tags=["hide-input", "nbval-ignore-output"]
Markdown(joint.course_in_words(ours))

# %% [markdown]
# Better and equal, on both sets of obstacles, beside the paper's Table 2. "Our own BFGS" is the same algorithm from the same start, implemented for all problems at once. It stops a little later than SciPy's, so that its last digits are mostly the lower ones, and now and then it ends in another valley. What it has in the columns without a tolerance is what that way of counting is worth.

# %% tags=["hide-input"]
OTHERS = ("joint_or_bfgs", "exchange", "multistart_equal", "truth")
NAMES = joint.NAMES | {"truth": "the truth, then BFGS"}
rows = joint.beside_paper(ours.system) | {
    method: {"method": NAMES[method], "paper": "–"} for method in OTHERS
}
bits = ("better_exact", "equal_exact")
lines = []
for method, row in rows.items():
    line = dict(row)
    line["n"] = ours.shares_over_n(method, *bits, digits=1)
    for name, recorded in SETS.items():
        line[f"exact {name}"] = recorded.shares(method, *bits, digits=1)
        line[name] = recorded.shares(
            method, "better", "equal", "worse", digits=1
        )
    lines.append(line)
columns = {
    "method": "refined",
    "paper": "paper, over n: better / equal (%)",
    "n": "five obstacles, over n",
    "exact five": "five, n = 32",
    "five": "with a tolerance: better / equal / worse",
    "exact two": "two, n = 32",
    "two": "with a tolerance",
}
Markdown(ledger.table(lines, columns))

# %% [markdown]
# What the fits are worth, first with five obstacles, then with two. `explained` is the share of problems with a loss below 1.5 times that at the truth; seconds are those of one CPU core for all problems.


# %% tags=["hide-input"]
def worth(recorded):
    """Loss, distance and cost of all methods on one set of obstacles."""
    lines = []
    names = {method: row["method"] for method, row in rows.items()}
    names |= {"bfgs": "BFGS", "itself": "the truth itself"}
    for method in ("bfgs", *rows, "itself"):
        itself = method == "itself"
        key, stage = ("truth", "unrefined") if itself else (method, None)
        lines.append(
            {
                "method": names[method],
                "loss": recorded.text(key, "loss", 3, stage=stage),
                "error": recorded.text(key, "error", 2, stage=stage),
                "solved": recorded.text(key, "solved", stage=stage),
                "cpu": "–" if itself else recorded.text(key, "cpu"),
                "runs": "–"
                if itself
                else recorded.text(key, "evaluations"),
            }
        )
    return lines


columns = {
    "method": "n = 32",
    "loss": "mean loss [95 %]",
    "error": "distance to the truth",
    "solved": "explained (%)",
    "cpu": "CPU s",
    "runs": "runs of the model a problem",
}
five = columns | {"method": "five obstacles, n = 32"}
Markdown(ledger.table(worth(SETS["five"]), five))

# %% tags=["hide-input"]
two = columns | {"method": "two obstacles, n = 32"}
Markdown(ledger.table(worth(SETS["two"]), two))

# %% tags=["hide-input"]
if ours.each("joint", "better"):
    true_loss = ours.mean("truth", "loss", stage="unrefined")
    two_loss = SETS["two"].mean("bfgs", "loss")
    check(
        "Two obstacles: BFGS's mean loss over that of the truth",
        two_loss / SETS["two"].mean("truth", "loss", stage="unrefined"),
        "<",
        1,
    )
    check(
        "Five obstacles: that of restarts over that of the truth",
        ours.mean("multistart", "loss") / true_loss,
        "<",
        1,
    )
    check(
        "The better of joint and BFGS is worse than BFGS in (%)",
        ours.mean("joint_or_bfgs", "worse"),
        "==",
        0,
    )
    check(
        "Joint: better without a tolerance (%)",
        ours.mean("joint", "better_exact"),
        "in",
        (25, 80),
    )
    check(
        "Two obstacles: distance of BFGS's answers to the truth",
        SETS["two"].mean("bfgs", "error"),
        ">",
        0.55,
    )
    check(
        "No method comes nearer to the truth than",
        min(ours.mean(m, "error") for m in ("bfgs", *rows)),
        ">",
        0.1,
    )

# %% [markdown]
# With two obstacles nearly all fits count as explained, and yet their pushes are hardly nearer to the true ones than the middle of the box: there it is the noise that decides, not the search.
#
# ## What the paper leaves open
#
# | what | ours | why |
# |---|---|---|
# | box, walls, grid | 100 × 100, free slip, 32² staggered cells, 14 steps | the observed half begins at height 50, the horizon is 56 |
# | viscosity | that of the scheme (semi-Lagrangian) | an explicit one limits the step |
# | obstacles | two squares; five squares | the first is solved by one search, the second has local minima |
# | push | $v \exp(-r^2/(2 \cdot 7^2))$ at height 15 | "a localized force is applied near the bottom" (Section 4.4) |
# | prior | $x_0$ in [20, 80], $v_x$ within $\pm\tfrac23 v_{\max}$, $v_y$ in $[\tfrac13 v_{\max}, v_{\max}]$ | $v_{\max} = 3$ with two obstacles, 6 with five, where a weak push would not come through |
# | random flow | six by six waves, rms 0.1 | much stronger, and the hidden half decides the loss |
# | bounds and unit of BFGS | scaled tanh, one unit is a half-width | as before |
# | network | 8, 16, 16, 32 channels, 32 hidden units | the paper: four convolutions, two linear layers (Section 4.4) |
# | training | Adam, 0.003, 200 steps (60 live) | taken over from Kuramoto–Sivashinsky, tried once on the seeds 0 to 2 (not recorded) |
#
# Back to {doc}`ch16_navier_stokes`, or on to {doc}`ch17_scoreboard`.
