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
# # The neural adjoint
#
# **In this chapter** you invert a network by descending on its *input*, see it run away to places where the network is wrong, fence it in, and then make the search both cheaper and more exact.
#
# :::{admonition} Before you start
# :class: note
# * **You need** {doc}`ch05_counting_guesses`: $r_T$, and the baselines that any method has to beat. From Part I, what a {term}`surrogate` is.
# * **It takes** about a minute on two CPU cores.
# :::

# %% tags=["hide-input"]
import math

import torch

import invlab
from invbook.papers import neural_adjoint
from invlab import runtime

torch.set_num_threads(1)
epochs = runtime.by_preset(quick=30, full=300)  # passes through the pairs
n_targets = runtime.by_preset(quick=100, full=500)

# %% tags=["hide-input"]
import matplotlib.pyplot as plt
from IPython.display import Markdown

from invbook import answered, check, figures, ledger, load_records
from invbook.diagram import chain
from invbook.figures import descents
from invbook.figures.recorded_errors import points, recorded_errors
from invbook.numbers import shown

figures.use_style()

# %% [markdown]
# ## A network that is right where it has looked
#
# The smallest example of Ren, Padilla and Malof {cite:p}`ren2020benchmarking` is $y = \sin x$ on $[-\pi, \pi]$ (their Section 8.3). Five hundred pairs and a small network of {term}`ReLU` units give a surrogate $\hat f$. Which $x$ have the effect 0.6, the example of the paper?

# %%
target = 0.6  # try 0.3
task = invlab.get_task("sine", dim=1)
pairs = task.sample(500, generator=runtime.generator(0, "pairs"))
network = invlab.fit_surrogate(
    pairs,
    seeds=[0],
    width=32,
    layers=4,
    activation=torch.relu,
    epochs=150,
    batch_size=50,
    lr=5e-3,
)
network = network.requires_grad_(False).cpu()


def f_hat(x):
    return network(x[:, None])[0, :, 0]  # the first of K networks


# %% mystnb={"figure": {"name": "fig-two-worlds", "caption": "The simulator f, its surrogate, and a target. Inside the data (shaded) both agree. Outside the surrogate goes on in straight lines, and reaches the target where the simulator does not."}, "image": {"alt": "A sine curve and its surrogate. They agree on the shaded interval from minus pi to pi, where both cross a horizontal line, the target, at two green dots. Outside the interval the surrogate is a straight line which crosses the target at a red cross, away from the sine."}} tags=["hide-input"]
reach = 8.0
fig, ax = plt.subplots(figsize=(7, 3))
descents.curves(ax, torch.sin, f_hat, target, math.pi, reach=reach)
believed = descents.crossings(f_hat, target, reach=reach)
true = (believed.sin() - target).abs() < 0.05
for good, marker, color, label in (
    (true, "o", figures.GREEN, "right answer"),
    (~true, "X", figures.RED, "false answer"),
):
    level = torch.full_like(believed[good], target)
    ax.plot(believed[good], level, marker, color=color, ms=9, label=label)
ax.set(xlabel="x (rad)", ylabel="y")
fig.legend(loc="outside lower center", ncols=6)
plt.show()

# %% [markdown]
# ## Descend on the input
#
# Training a network moves its weights until the output fits the data. The paper uses the same gradients for something else. Learn the forward map once, $\hat f \approx f$; freeze it; and for a {term}`target` $y$ move the *input* until the output fits:
#
# $$
# x_{k+1} = x_k - \eta\, \nabla_x \tfrac12 \lVert \hat f(x_k) - y \rVert^2 .
# $$ (eq-adjoint)
#
# In words: ask how the misfit changes with each number of $x$, and take a step of size $\eta$ against it.

# %% mystnb={"figure": {"name": "fig-adjoint-chain", "caption": "The neural adjoint: the weights are frozen, and the gradient of the misfit moves x."}, "image": {"alt": "A chain from left to right: x, a frozen network f-hat, the predicted y-hat, and the target y. A bracket between y-hat and y is labelled misfit; a dashed arrow labelled gradient leads from it back to x."}} tags=["hide-input"]
chain(
    [
        ("x", "value", "moved"),
        ("f̂", "frozen", "trained, frozen"),
        ("ŷ", "value", "predicted"),
        ("y", "target", "asked for"),
    ],
    losses=[("ŷ", "y", "misfit")],
    moves="x",
)
plt.show()

# %% [markdown]
# They call it the **neural adjoint**, after the {term}`adjoint` method that gives such gradients for a differential equation. There is no inverse network at all, and nothing that would have to decide between several answers: each start finds its own.
#
# One addition is theirs. Outside the data a network may say anything, and a search is very good at finding where it says what you want. So they add a **boundary loss**, a fence that is zero inside the range of the data, with centre $\mu$ (the paper takes the mean of the data) and width $R$, and grows outside (their Eq. 5):
#
# $$
# \mathcal L_{\text{bdy}} = \mathrm{ReLU}\big(\lvert x - \mu \rvert - \tfrac12 R\big).
# $$ (eq-boundary)
#
# $\mathrm{ReLU}$ keeps positive numbers and makes negative ones zero. Here is the whole search in plain torch. Its steps get shorter, so that it settles.


# %%
def descend(x, fence=0.0, steps=1000):
    for k in range(steps):
        x = x.clone().requires_grad_()
        misfit = 0.5 * (f_hat(x) - target).square()
        outside = torch.relu(x.abs() - math.pi)
        (slope,) = torch.autograd.grad((misfit + fence * outside).sum(), x)
        x = (x - (1 - k / steps) * slope).detach()
    return x


# %% [markdown]
# Nine starts, each searched without and with the fence:

# %% tags=["nbval-ignore-output"]
starts = torch.linspace(-math.pi, math.pi, 9)
free, fenced = descend(starts), descend(starts, fence=1.0)
for label, x in (("free", free), ("fenced", fenced)):
    trusted = (f_hat(x) - target).abs() < 0.05  # f̂ says: right
    error = (x.sin() - target).square()  # the simulator judges
    worst = (trusted * error).max()
    print(f"{label}: {int(trusted.sum())} of 9 look right to f̂; ", end="")
    print(f"their worst true error is {shown(worst)}")

# %% mystnb={"figure": {"name": "fig-adjoint", "caption": "Nine starts and where they end, without (left) and with the fence (right). Above: the ends on the surrogate's curve. Middle: an arrow from each start to its end. Below: the error that the search sees, with starts (open) and ends (filled). After Figures 6 and 7 of the paper's supplement."}, "image": {"alt": "Two columns. Above, the sine and its surrogate; below, nine arrows from starts to ends. On the left most arrows lead to the two right answers, and some lead out of the shaded interval to false ones, where the surrogate meets the target and the sine does not. On the right no arrow leaves the interval: most lead to the right answers, some stop at its left edge. At the bottom the error of the surrogate has a valley at each answer and, outside the data, at each false one; the ends lie in the valleys, but for one that the fence holds at the edge."}} tags=["hide-input"]
fig, axes = plt.subplots(
    3,
    2,
    figsize=(9, 5.6),
    sharex=True,
    sharey="row",
    height_ratios=[2, 1, 1],
)
for column, ends, title in zip(axes.T, (free, fenced), ("free", "fenced")):
    descents.curves(
        column[0], torch.sin, f_hat, target, math.pi, reach=reach
    )
    descents.descents(column[:2], torch.sin, f_hat, ends, starts, target)
    descents.misfits(column[2], f_hat, starts, ends, target)
    column[0].set_title(title)
    column[2].set_xlabel("x (rad)")
fig.legend(
    *axes[0, 0].get_legend_handles_labels(),
    loc="outside lower center",
    ncols=6,
)
plt.show()

# %% tags=["hide-input"]
error_free = (free.sin() - target).square()
away = free.abs() > math.pi + 0.01
answers = descents.crossings(torch.sin, target, reach=math.pi)
for answer in answers:
    gap = (fenced - answer).abs().min()
    check(
        f"distance of the nearest end to {answer:.2f} rad", gap, "<", 0.05
    )
check("free: starts that leave the data", int(away.sum()), ">=", 1)
check(
    "free: worst error outside over the smallest error",
    float((error_free * away).max() / error_free.min()),
    ">",
    100,
)
trusted = (f_hat(fenced) - target).abs() < 0.05
check(
    "fenced: worst true error of the ends that f̂ is content with",
    ((fenced.sin() - target).square() * trusted).max(),
    "<",
    0.01,
)
check("fenced: the farthest end", fenced.abs().max(), "<=", math.pi + 0.01)

# %% [markdown]
# Without the fence some starts run away. The surrogate is content with where they end, because it says what was asked there; the simulator is not. No look at the surrogate's misfit can tell these ends from right ones. (Other networks run away to other places: change `seeds=[0]`.) With the fence the same starts stop at the edge, with a large misfit *that the surrogate knows about*. So they do no harm: search from many starts, **rank** the ends by the surrogate's own misfit, and return the best. That is the whole method, and in the library it is one line:

# %%
paper_search = invlab.get_method("neural_adjoint", search="adam")

# %% [markdown]
# {term}`Adam` is a descent that chooses a step size for each number from the gradients that it has seen. The paper ranks a thousand candidates (its Section 3), the published code 2048, each moved by 300 steps.
#
# A fence has a price as well. For an unbounded unknown the paper takes the interval that holds 95 % of the prior as the range. Where all answers to a target lie outside, the fence forbids them. The {doc}`appendix <ch06_appendix>` has the paper's ablation (its Section 8.2 and Table 5: throw and arm) and ours on three tasks. In ours the fence helps on the throw and the sine; on the arm the appendix shows such a target, for which it does harm.
#
# ## Fewer and better steps
#
# The paper's search takes 1.1 to 1.4 s a target on a GPU for three of the tasks, and 46 s for the meta-material (its Table 2). For few unknowns three ideas make it much cheaper.
#
# 1. *The starts can be shared.* Evaluate $\hat f$ once on a {term}`pool` of prior draws. For each target take the draws whose predicted $y$ is nearest. They are almost answers before the search begins, and they lie inside the data, so that no fence is needed.
# 2. *Close to an answer, a linear step is nearly exact.* Let $J$ be the Jacobian of $\hat f$ at $x$: the table of the derivatives of each $y$ by each $x$. Solve $J \Delta = y - \hat f(x)$. On our tasks there are more unknowns than equations, so take the *shortest* solution, $\Delta = J^\top (J J^\top)^{-1} (y - \hat f(x))$. This is a {term}`Gauss–Newton step`, and its error squares at each step.
# 3. *The linear picture is poor far away.* So a step is cut off at a small size in each unknown.


# %%
def gauss_newton(f_hat, x, goal, steps=4):
    misfits = []
    for _ in range(steps):
        x = x.clone().requires_grad_()
        gap = goal - f_hat(x)  # so that −gap has the derivative J
        rows = [  # one row of J for each number of y
            torch.autograd.grad(-g.sum(), x, retain_graph=True)[0]
            for g in gap.unbind(1)
        ]
        J, gap = torch.stack(rows, 1), gap.detach()[..., None]
        step = J.mT @ torch.linalg.solve(J @ J.mT, gap)
        x = (x + step[..., 0].clamp(-0.2, 0.2)).detach()
        misfits.append(float((goal - f_hat(x)).square().mean(1).median()))
    return x, misfits


# %% [markdown]
# A fourth idea is ours, and it costs nothing. After the search every candidate satisfies $\hat f(x) = y$ almost exactly. What remains is the surrogate's own error at $x$. Nobody knows it, *except at the training pairs*. There $y_i = f(x_i)$ was computed, so the error $y_i - \hat f(x_i)$ is known. Start from the training pair whose $y_i$ is nearest, and take that error off: solve
#
# $$
# \hat f(x) = y - \big(y_i - \hat f(x_i)\big) .
# $$ (eq-anchor)
#
# The corrected surrogate is exact at $x_i$. It carries the candidate only over the small distance that is left, so that only the error of its *slope* over that distance remains. Such a candidate is **anchored**. Here are both searches on the robot arm, from the same starts, with a surrogate that was trained for a moment:

# %%
arm = invlab.get_task("robot_arm")
data = neural_adjoint.training_pairs(arm, seed=0)
model = invlab.get_method("neural_adjoint", epochs=epochs)
model.fit(arm, data, seed=0)  # trains f̂


def arm_hat(x):
    return model.surrogate(x)[0]


asked = arm.targets(n_targets, seed=0, dtype=torch.float64)
y = asked.y.to(data.y)
near = torch.cdist(y, data.y).argmin(1)  # the nearest training pairs
x_i, y_i = data.x[near], data.y[near]
known = (y_i - arm_hat(x_i)).detach()  # the error of f̂ there
plain, misfits = gauss_newton(arm_hat, x_i, y)
anchored, _ = gauss_newton(arm_hat, x_i, y - known)

# %% mystnb={"figure": {"name": "fig-anchors", "caption": "Left: the surrogate's misfit after each Gauss–Newton step (median over the targets of the arm). Right: what the simulator says: share of targets with an error below a limit, for the training pairs, for the plain search from them, and for the anchored one."}, "image": {"alt": "Left: the misfit falls by many powers of ten in two or three steps and then stays at rounding. Right: three rising curves over a logarithmic error axis. Training pairs and the plain search lie close together on the right; the anchored search lies powers of ten to the left of both."}} tags=["hide-input"]
judged = {
    label: invlab.resimulation_error(arm, x[:, None].double(), asked.y)[
        :, 0
    ]
    for label, x in (
        ("training pair", x_i),
        ("plain", plain),
        ("anchored", anchored),
    )
}
fig, (left, right) = plt.subplots(1, 2)
begin = float((y - arm_hat(x_i)).square().mean(1).median())
left.semilogy([begin, *misfits], "o-", color=figures.BLUE)
left.set(xlabel="Gauss–Newton steps", ylabel="misfit of f̂")
for k, (label, found) in enumerate(judged.items()):
    style = {"linestyle": figures.DASHES[k], "color": figures.SERIES[k]}
    share = torch.arange(1, len(found) + 1) / len(found)
    right.semilogx(found.sort().values.cpu(), share, label=label, **style)
right.set(xlabel="error after simulating", ylabel="share of targets")
right.legend(fontsize=8)
plt.show()

# %% tags=["hide-input", "nbval-ignore-output"]
medians = {label: float(found.median()) for label, found in judged.items()}
print("median error:", end=" ")
print(", ".join(f"{label} {shown(v)}" for label, v in medians.items()))
check(
    "misfit of f̂ after four steps over before",
    misfits[-1] / begin,
    "<",
    1e-4,
)
check(
    "median error: anchored over plain",
    medians["anchored"] / medians["plain"],
    "<",
    0.1,
)

# %% [markdown]
# On the left the search is as good as perfect after three steps. On the right one sees what that is worth: without anchors the answers carry the error of the network, which may be as large as the distance to the nearest pair was. Only the anchor turns a perfect search into good answers.
#
# In the library, half of the candidates start from a pool of 20,000 draws and half are anchored at training pairs, which come first in the ranking. Again one line, for 200 ranked guesses a target:

# %%
x = model.propose(asked.y, n=200)
errors = invlab.resimulation_error(arm, x, asked.y)
r = invlab.r_T(errors, exchangeable=False)

# %% [markdown]
# ## An experiment: with and without
#
# Three searches on the same surrogate of the arm: ours, ours without anchors, and the paper's descent with Adam. Here it has no fence, fewer candidates, and the first few of the targets only, so that its $r_T$ is rough and its time is what to look at. What do they reach, and what do they cost?

# %%
free_of_anchors = invlab.get_method("neural_adjoint", anchors=0.0)
by_adam = invlab.get_method(
    "neural_adjoint",
    search="adam",
    candidates=runtime.by_preset(quick=100, full=2048),
    steps=300,
    bounds="free",  # no fence
)
few = invlab.Targets(asked.y[: runtime.by_preset(quick=6, full=15)])
searches = {"anchored": model, "plain": free_of_anchors, "Adam": by_adam}
found = {}
for name, search in searches.items():
    if search is not model:
        search.fit(arm, data, seed=0, surrogate=model.surrogate)
    on = few if name == "Adam" else asked
    found[name] = neural_adjoint.score(arm, on, search, 100)

# %% tags=["hide-input", "nbval-ignore-output"]
lines = ["| search | r_1 | r_100 | CPU s a target |", "|---|---|---|---|"]
for name, result in found.items():
    cells = [shown(result["r_T"][k]) for k in (0, -1)]
    lines.append(
        f"| {name} | {' | '.join(cells)} | {result['infer']:.3f} |"
    )
check(
    "r_1 without anchors over r_1 with them",
    found["plain"]["r_T"][0] / found["anchored"]["r_T"][0],
    ">",
    3,
)
check(
    "r_100 with anchors over r_100 without",
    found["anchored"]["r_T"][-1] / found["plain"]["r_T"][-1],
    "<",
    1,
)
check(
    "time of Adam over the time of Gauss–Newton",
    found["Adam"]["infer"] / found["anchored"]["infer"],
    ">",
    10,
)
Markdown("\n".join(lines))

# %% [markdown]
# Ten times faster is what this small page dares to claim. With the 2048 candidates of the published code the ratio is a thousand or so on the sine (`python benchmarks/neural_adjoint.py` measures both in one run on your machine), at the same $r_T$ without anchors and at a lower one with them.
#
# **Are all answers found?** On the sine map the answers for $y = -0.3$ form closed rings. These are the 200 guesses of the neural adjoint.

# %%
sine = invlab.get_task("sine")
on_sine = invlab.get_method("neural_adjoint", epochs=epochs)
on_sine.fit(sine, neural_adjoint.training_pairs(sine, seed=0), seed=0)
wish = torch.tensor([[-0.3]], dtype=torch.float64, device=asked.y.device)
guesses = on_sine.propose(wish, n=200)[0]

# %% mystnb={"figure": {"name": "fig-rings", "caption": "200 guesses of the neural adjoint for y = −0.3 on the sine task (red) over the exact answers (blue). The neural adjoint's panel of the paper's Figure 4."}, "image": {"alt": "A map of the square from minus one to one with closed blue rings, the exact answers. Red dots, the 200 guesses, lie on the rings and are spread over all of them."}} tags=["hide-input"]
fig, ax = plt.subplots(figsize=(4.2, 4))
figures.rings(ax, float(wish), guesses)
plt.show()

# %% tags=["hide-input"]
gap = (sine.simulate(guesses) - wish).abs()
check("the farthest of 200 guesses from the target", gap, "<", 0.2)
thirds = ((guesses + 1) * 1.5).long().clamp(0, 2)
cells = (3 * thirds[:, 0] + thirds[:, 1]).unique().numel()
check("ninths of the square that have guesses", cells, "==", 9)

# %% [markdown]
# ## The recorded run beside the paper
#
# `python -m invbook bench neural_adjoint --preset full` trains on 10,000 simulations, as in the published code (a fifth of them held out to choose the best weights), with several seeds, and scores 500 fresh targets for each. $T = 1$ is the guess that is ranked first.

# %% mystnb={"figure": {"name": "fig-adjoint-recorded", "caption": "Recorded full runs on a CPU: $r_T$ of our search with and without anchors, of the paper's search on our surrogate where it is recorded, and the paper's numbers (stars: Table 7, Figure 3 read off, Table 3). Bars are 95 % intervals, or the range of the seeds where they differ by powers of ten."}, "image": {"alt": "Three panels, one a task, with marks at T equal to 1, 50 and 200 on logarithmic axes. The stars lie highest. Without anchors the errors are lower and fall with T. In the panels of the sine and the arm a further series, the paper's search on our surrogate, lies on or near the one without anchors. With anchors the errors are lowest; they fall until T equals 50 and are then nearly level."}} tags=["hide-input"]
rows = {row["id"]: row for row in ledger.rows(neural_adjoint.CLAIMS)}
records, counts = load_records(), (1, 50, 200)
titles = {
    "ballistics": "D1 throw",
    "sine": "D2 sine",
    "robot_arm": "D3 arm",
}


def unanchored(name):
    """Mean errors without anchors, over the seeds of the ledger's row."""
    seeds = rows[f"r_T/{name}/neural_adjoint/1"]["seeds"]
    runs = [
        records[f"neural_adjoint/compare/{name}/seed{seed}"]["targets"]
        for seed in seeds
    ]
    each = {T: [run["unanchored"][str(T)] for run in runs] for T in counts}
    return [
        (T, float(torch.tensor(value).mean()), None, None)
        for T, value in each.items()
    ]


labels = {"neural_adjoint": "ours", "neural_adjoint_adam": "Adam, our f̂"}
series = {
    label: {name: points(rows, name, method, counts) for name in titles}
    for method, label in labels.items()
}
series["ours without anchors"] = {name: unanchored(name) for name in titles}
fig, axes = plt.subplots(1, 3, figsize=(9, 3.8), sharey=True)
recorded_errors(axes, series, titles, paper=neural_adjoint.PUBLISHED)
handles = {
    label: handle
    for ax in axes
    for handle, label in zip(*ax.get_legend_handles_labels())
}
fig.legend(handles.values(), handles, loc="outside lower center", ncols=5)
plt.show()

# %% tags=["hide-input"]
for name, title in titles.items():
    ratios = {
        count: value / neural_adjoint.PUBLISHED[name][count]
        for count, value, *_ in series["ours"][name]
    }
    at_all = torch.tensor(list(ratios.values()))
    check(f"recorded, {title}: ours over the paper", at_all, "<", 1)
    check(
        f"recorded, {title}, T = 1: ours over the paper",
        ratios[1],
        "<",
        0.1,
    )
    seconds = rows[f"time/{name}/neural_adjoint/infer"]["ours"]
    check(f"recorded, {title}: CPU seconds a target", seconds, "<", 0.05)

# %% [markdown]
# The mean of ours is below the paper's number at each $T$ on all three tasks, by powers of ten at $T = 1$. (On the arm at $T = 200$ the interval reaches the paper's number, so there the two count as equal.) For one part it is the anchors. The rest is the *surrogate*: without anchors the neural adjoint can be no better than the network that it searches, and ours is trained better. The sine and the arm show it. There the paper's own search was run on our surrogate (the throw is still to be recorded), and its mean errors lie below the paper's too: on the sine they are those of our search without anchors, and on the arm they are near them. (At $T = 200$ on the arm its interval reaches the paper's number. The ledger calls these rows "not reproduced", because they are far from the paper's numbers, on the better side.) The {doc}`appendix <ch06_appendix>` walks from the paper's training to ours, one change at a time.
#
# :::{admonition} Use it when
# :class: tip
# * **Use it when** calling the simulator is expensive or it has no gradient, you have thousands of pairs, and you want one or several right answers to each target.
# * **Not when** the simulator is cheap and has a gradient: search on it directly ({doc}`ch05_counting_guesses`). Not when you need a distribution: its guesses are right answers, but not distributed like the {term}`posterior`.
# * **Cost**: one forward network, and some milliseconds a target with Gauss–Newton. With hundreds of observations Jacobians get large, and it takes longer ({doc}`ch12_metamaterial`).
# * **How to test it**: simulate the answers and compare with the look-up and the pool; look at the share of answers outside the data; compare the surrogate's misfit with the true error. A large gap means that the search found the network's mistakes.
# :::
#
# ## Exercises
#
# ```{exercise-start} Rank or not
# :label: ex-rank
# ```
#
# How much does ranking buy on the arm? Compute $r_1$ of the same guesses in random order, `r_unranked`, from `errors` above (use `invlab.r_T` with `exchangeable=True`), and compare with $r_1$ of the ranked ones, `r[0]`.
#
# ```{exercise-end}
# ```

# %%
r_unranked = ...  # your answer

# %% [markdown]
# :::{admonition} Hint
# :class: dropdown
# For exchangeable guesses $r_1$ is the mean over all guesses. `invlab.r_T` returns a whole curve; take its first entry as a number.
# :::
#
# ```{solution-start} ex-rank
# :class: dropdown
# ```

# %%
r_unranked = float(invlab.r_T(errors, exchangeable=True)[0])

# %% [markdown]
# A few candidates of the pool do not converge, or converge where the surrogate is poor. They dominate the mean. The ranking, which costs nothing, puts them last, and the anchored ones first. At large $T$ the order does not matter any more.
#
# ```{solution-end}
# ```

# %% tags=["check-exercise", "hide-input"]
if answered(r_unranked=r_unranked):
    ratio = r_unranked / float(r[0])
    check("r_1 unranked over r_1 ranked", ratio, ">", 1)

# %% [markdown]
# ```{exercise-start} The last digits
# :label: ex-polish
# ```
#
# The guesses carry the surrogate's error. If the simulator has a derivative, polish the best guess of each target on the simulator with `invlab.refine(arm, guesses, asked.y)` and call the result `polished` and its errors `after`. How small do they get?
#
# ```{exercise-end}
# ```

# %%
polished = ...  # your answer
after = ...  # your answer

# %% [markdown]
# :::{admonition} Hint
# :class: dropdown
# `model.propose(asked.y, n=1)` gives the best guess of each target in the shape that `invlab.refine` and `invlab.resimulation_error` take.
# :::
#
# ```{solution-start} ex-polish
# :class: dropdown
# ```

# %%
polished = invlab.refine(arm, model.propose(asked.y, n=1), asked.y)
after = invlab.resimulation_error(arm, polished, asked.y)
print(f"median error below 1e-25: {bool(after.median() < 1e-25)}")

# %% [markdown]
# To rounding. With the simulator's own derivative these tasks are not hard at all; the neural adjoint is for simulators that have none, or that are too expensive to call.
#
# ```{solution-end}
# ```

# %% tags=["check-exercise", "hide-input"]
if answered(polished=polished, after=after):
    check("the median error after polishing", after.median(), "<", 1e-25)

# %% [markdown]
# ```{exercise-start} Ask the ensemble
# :label: ex-ensemble
# ```
#
# An alternative to the fence: train several networks and distrust guesses on which they disagree. Fit a `neural_adjoint` with `ensemble=3`, `anchors=0.0` and `epochs=8` on the arm's pairs (`data`, `seed=1`), call it `several`, and let it make 200 guesses a target. Compare the mean true error of the half of all guesses on which the three networks agree better, `calm`, with that of the other half, `wild`.
#
# ```{exercise-end}
# ```

# %%
calm = ...  # your answer
wild = ...  # your answer

# %% [markdown]
# :::{admonition} Hint
# :class: dropdown
# `several.surrogate(x)` gives what each of the three networks says about guesses `x` of shape `(M, 4)`, float32: a tensor of shape `(3, M, 2)`. Its variance over the first axis says how much they disagree.
# :::
#
# ```{solution-start} ex-ensemble
# :class: dropdown
# ```

# %%
several = invlab.get_method(
    "neural_adjoint", ensemble=3, anchors=0.0, epochs=8
).fit(arm, data, seed=1)
x_many = several.propose(asked.y, n=200)
true = invlab.resimulation_error(arm, x_many, asked.y).flatten()
with torch.no_grad():
    each = several.surrogate(x_many.flatten(0, 1).float())
variance = each.var(0).mean(1)
trusted = variance <= variance.median()
calm, wild = float(true[trusted].mean()), float(true[~trusted].mean())

# %% [markdown]
# After Gauss–Newton nearly all candidates fit the surrogate equally well, and among these the ranking by misfit says little. The networks' disagreement still says which guesses to trust: the option `spread=` adds it to the ranking.
#
# ```{solution-end}
# ```

# %% tags=["check-exercise", "hide-input"]
if answered(calm=calm, wild=wild):
    check("mean error where they agree over where not", calm / wild, "<", 1)

# %% [markdown]
# ## What we saw
#
# * A forward network can be inverted by descending on its input; each start finds its own answer.
# * The search exploits the surrogate's errors outside the data. A fence, or starts that are nearly answers, keep it where the surrogate is right.
# * A shared pool and a few Gauss–Newton steps do the work of hundreds of Adam steps from thousands of starts.
# * The training pairs know where the surrogate errs. Anchored to them, the search gains powers of ten for nothing.
# * Without anchors the surrogate's error decides.
#
# ## Where next
#
# {doc}`ch07_tandem` asks a network to answer without any search. {doc}`ch11_benchmark` puts this search beside all models of Part II, also by how well its guesses match the posterior. The {doc}`appendix <ch06_appendix>` has the paper's ablation of fence and starts, the ladder from the paper's surrogate to ours, and what a surrogate does for any sampler; the {doc}`../reproduction_ledger` lists each number beside the paper's.
#
# ## References
#
# The method, the boundary loss and the ablation are from {cite:t}`ren2020benchmarking`.
