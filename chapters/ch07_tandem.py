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
# # Tandem: one answer that must be right
#
# **In this chapter** you train a network that gives one answer for each target, and that is judged by what its answer does; you see when it leaves the data, and that the right choice of units keeps it there.

# %% mystnb={"figure": {"name": "fig-tandem-arm", "caption": "The same question to three answerers: bring the tip of the robot arm to the star. Left: six exact poses. Middle: a network that was trained to return the pose. Right: the tandem of this chapter."}, "image": {"alt": "Three drawings of a jointed arm that starts at a vertical slider. Left, six differently bent poses all end at a red star. Middle, a single pose whose tip lies well away from the star. Right, a single bent pose whose tip lies on the star."}} tags=["hide-input"]
import matplotlib.pyplot as plt
import torch
from IPython.display import Markdown

import invlab
from invbook import answered, check, figures, ledger
from invbook.diagram import chain
from invbook.figures import inverse_models
from invbook.numbers import shown
from invlab import runtime

figures.use_style()
torch.set_num_threads(1)
arm = invlab.get_task("robot_arm")
arm_pairs = arm.sample(3000, generator=runtime.generator(0, "pairs"))
star = torch.tensor([[1.2, 0.4]], dtype=torch.float64).to(runtime.device())
short = {"width": 64, "layers": 4, "epochs": 20, "lr": 3e-3}
arm_poses = {"exact poses": arm.posterior(star, 6)[0]}
for name in ("direct", "tandem"):
    trained = invlab.get_method(name, batch_size=100, **short)
    arm_poses[name] = trained.fit(arm, arm_pairs, seed=0).propose(star)[0]
fig, axes = plt.subplots(1, 3, figsize=(9, 3.1), sharey=True)
for ax, (name, pose) in zip(axes, arm_poses.items()):
    inverse_models.poses(ax, arm, pose, star[0])
    ax.set_title({"direct": "trained to return the pose"}.get(name, name))
    ax.label_outer()
plt.show()

# %% [markdown]
# :::{admonition} Before you start
# :class: note
# * **You need** {doc}`ch02_ask_the_forward_map`, where this way of training was called the {term}`two-step loss`, and {doc}`ch05_counting_guesses` for $r_T$.
# * **New to networks?** {doc}`../primer` explains the words of training in two screens.
# * **It takes** about a minute on one CPU core.
# :::
#
# ## Judge the answer by its effect
#
# The natural network takes $y$ and is trained to return the $x$ it came from. {doc}`ch01_two_answers` showed what becomes of it: where several $x$ share one $y$, it returns their average, and the average of several right answers is usually a wrong one. In the middle of {numref}`fig-tandem-arm` the tip of such an average is well away from the star.
#
# The cure takes two steps. First learn the direction that has no ambiguity, from $x$ to $y$. The network that does this is the {term}`surrogate` $\hat f$. Then freeze it, so that its weights no longer change, and train the inverse network $I$ on
#
# $$
# \lVert \hat f(I(y)) - y \rVert^2 .
# $$ (eq-tandem)
#
# This loss asks one thing only: that the answer *works* when $\hat f$ is asked about it. It does not matter which of the right answers the network gives, so nothing pulls it towards their average. Ren, Padilla and Malof {cite:p}`ren2020benchmarking` (Section 4) take the idea over from photonics, where Liu and others {cite:p}`liu2018training` put the two networks in a row and called them a **{term}`tandem`**.

# %% mystnb={"figure": {"name": "fig-tandem-chain", "caption": "The tandem. Only the inverse network I is trained here; the surrogate f̂ was trained before and is frozen (dashed)."}, "image": {"alt": "A chain from the target y through the inverse network I to the answer x hat, through the frozen surrogate f hat to y hat. A loss below compares y hat with y."}} tags=["hide-input"]
chain(
    [
        ("y", "data", "target"),
        ("I", "network", "trained"),
        ("x̂", "value", "answer"),
        ("f̂", "frozen", "trained before"),
        ("ŷ", "value"),
    ],
    losses=[("y", "ŷ", "‖ŷ − y‖²")],
)
plt.show()

# %% [markdown]
# ## In plain torch
#
# The smallest example is $y = \sin x$ on $[-\pi, \pi]$: each $y$ has two answers.

# %%
import torch
from torch import nn

import invlab
from invlab import runtime

torch.set_num_threads(1)
line = invlab.get_task("sine", dim=1)
pairs = line.sample(1000, generator=runtime.generator(0, "pairs"))
x, y = pairs.x.cpu(), pairs.y.cpu()

# %% [markdown]
# Three small networks with two hidden layers and the smooth {term}`activation` SiLU are enough, and one training loop for all of them ({term}`Adam`, a form of gradient descent):


# %%
def network():
    hidden = [nn.Linear(1, 64), nn.SiLU(), nn.Linear(64, 64), nn.SiLU()]
    return nn.Sequential(*hidden, nn.Linear(64, 1))


def minimise(model, loss, steps=800):
    adam = torch.optim.Adam(model.parameters(), lr=5e-3)
    rate = torch.optim.lr_scheduler.CosineAnnealingLR(adam, steps)
    for _ in range(steps):
        adam.zero_grad()
        loss().backward()
        adam.step()
        rate.step()


# %% [markdown]
# The **direct** network is trained on the {term}`misfit of the cause`, the distance between its answer and the $x$ of the data. The tandem is trained on the {term}`misfit of the effect`, in two steps:

# %%
torch.manual_seed(0)
direct, f_hat, tandem = network(), network(), network()
minimise(direct, lambda: (direct(y) - x).square().mean())

minimise(f_hat, lambda: (f_hat(x) - y).square().mean())
f_hat.requires_grad_(False)
minimise(tandem, lambda: (f_hat(tandem(y)) - y).square().mean())

# %% mystnb={"figure": {"name": "fig-tandem-line", "caption": "Answers to the targets y = −1 … 1 of the direct network and of the tandem. All points of the light blue band are right."}, "image": {"alt": "The curve of exact answers, a sine lying on its side. The direct network's dashed line runs between its two branches and touches it only at the ends and in the middle; the tandem's line lies on the curve."}} tags=["hide-input"]
level = torch.linspace(-1, 1, 201)[:, None]
with torch.no_grad():
    of_direct, of_tandem = direct(level), tandem(level)
angle = torch.linspace(-torch.pi, torch.pi, 300)
fig, ax = plt.subplots(figsize=(6, 3.2))
band = {"color": figures.SKY, "linewidth": 6, "alpha": 0.5}
ax.plot(angle.sin(), angle, label="exact", **band)
ax.plot(level, of_direct, "--", color=figures.ORANGE, label="direct")
ax.plot(level, of_tandem, color=figures.BLUE, label="tandem")
ax.set(xlabel="target y", ylabel="answer x (rad)")
ax.legend(fontsize=9)
plt.show()

# %% tags=["hide-input"]
wrong = float((of_direct.sin() - level).square().mean())
right = float((of_tandem.sin() - level).square().mean())
check("mean squared error of the direct network", wrong, ">", 0.09)
check("tandem: a hundredth of that, or less", right, "<", wrong / 100)

# %% [markdown]
# ## The library's version, on a thrown ball
#
# On the throw of {doc}`ch04_four_tasks` the four unknowns are where and how a ball is thrown, and $y$ is where it lands. In the library the tandem is one line:

# %%
throw = invlab.get_task("ballistics")
data = throw.sample(4000, generator=runtime.generator(0, "pairs"))
small = {"width": 64, "layers": 4, "surrogate_layers": 4, "batch_size": 100}
model = invlab.get_method("tandem", epochs=3, **small).fit(throw, data)

# %% [markdown]
# `epochs` counts how often the training goes through all pairs, in portions of `batch_size` (see {term}`epoch` and {term}`batch`). `model.propose(y)` gives one answer for each target.
#
# ## An experiment: where it goes when nobody watches
#
# The loss {eq}`eq-tandem` knows only $\hat f$. If $I$ finds an $x$ far outside the training data for which $\hat f$, wrongly, says $y$, the loss is content. The paper's remedy is the {term}`boundary loss` of {doc}`ch06_neural_adjoint`: a penalty on answers outside the range of the training data, added with a weight. The paper reports (supplement, Section 8.4 and Figure 8) that it lowers the error on the throw and on the arm "by at least 2.5 orders of magnitude".
#
# A penalty can help only those answers that would be outside without it. What could bring them there? Think of the *start* of the training. An untrained network answers with numbers near zero. The library shows its networks $x$ in **scaled units**, in which the mean of the data is zero and their standard deviation is one, so that training starts in the middle of the data. In **raw units** zero is a ball thrown from the ground at no speed, which is far from all data. The published code works in raw units, except that it divides the speed by 15.
#
# We train three tandems for each of four ways: raw or scaled units, without and with the boundary loss.

# %%
from invlab.networks.mlp import Standardizer

weight = 1.0  # try 0.01
n_targets = runtime.by_preset(quick=200, full=500)
asked = throw.targets(n_targets, seed=0, dtype=torch.float64)

zero = torch.zeros_like(data.x[0])
# no shift; only the speed is divided, by 15
raw = Standardizer(zero, torch.tensor([1.0, 1.0, 1.0, 15.0]).to(zero))
relu = {"activation": torch.relu, "lr": 2e-3}  # as in the paper
ways = {
    "raw": relu | {"x_scaler": raw, "epochs": 20},
    "scaled": relu | {"epochs": 3},
}
answers, models = {}, {}
for way, options in ways.items():
    for boundary in (0.0, weight):
        model = invlab.get_method(
            "tandem", boundary=boundary, **small, **options
        ).fit(throw, data, seed=[0, 1, 2])
        answers[way, boundary] = model.invert(asked.y)
        models[way, boundary] = model

# %% [markdown]
# A list of seeds trains one network for each seed, all in one go, and `invert` gives one answer of each. Note that the scaled tandems are trained for 3 epochs and the raw ones for 20: the surrogate of the scaled ones is made *worse* on purpose, so that a good surrogate cannot be the reason if they stay in the data.

# %% mystnb={"figure": {"name": "fig-fence", "caption": "Answers of three tandems each to the same targets, over the training data (grey). Left: raw units. Right: scaled units, with a worse surrogate."}, "image": {"alt": "Two panels of start height over speed with a grey cloud of training data at heights around 1.5 metres and speeds around 15 metres per second. Left, the answers without boundary loss lie below the cloud at negative heights, those with boundary loss along its lower edge. Right, the answers with and without boundary loss lie on top of each other in the middle of the cloud."}} tags=["hide-input"]
fig, axes = plt.subplots(1, 2, figsize=(8, 3.3), sharey=True)
for ax, way in zip(axes, ways):
    few = data.x[:1000].cpu()
    ax.plot(few[:, 3], few[:, 1], ".", color="0.75", markersize=3)
    styles = ((0.0, "x", figures.RED, 7), (weight, "o", figures.BLUE, 3))
    for boundary, marker, color, size in styles:
        some = answers[way, boundary][:, :60].flatten(0, 1).cpu()
        label = f"boundary loss × {boundary:g}"
        look = {"color": color, "markersize": size, "label": label}
        ax.plot(some[:, 3], some[:, 1], marker, **look)
    ax.axhline(0, color=figures.BLACK, linewidth=0.8)
    ax.set(xlabel="speed (m/s)", title=f"{way} units")
axes[0].set_ylabel("start height (m)")
axes[0].legend(fontsize=8)
plt.show()


# %% tags=["hide-input", "nbval-ignore-output"]
def scores(x, surrogate):
    """What answers (K, B, 4) are worth, and what their surrogate believes."""
    error = (throw.simulate(x) - asked.y).square().mean(-1)
    lost = ~error.isfinite()
    out = ((x < data.x.amin(0)) | (x > data.x.amax(0))).any(-1)
    with torch.no_grad():
        seen = surrogate(x.float())
    return {
        "outside": float(out.double().mean()),
        "lost": float(lost.double().mean()),
        "believed": float((seen - asked.y).square().mean()),
        "possible": float(error[~lost].mean()),
    }


found = {
    key: scores(x, models[key].surrogate) for key, x in answers.items()
}
shown_rows = [
    {
        "units": way,
        "boundary": f"{boundary:g}",
        "outside": f"{result['outside']:.0%}",
        "lost": f"{result['lost']:.0%}",
        "believed": shown(result["believed"]),
        "possible": shown(result["possible"]),
    }
    for (way, boundary), result in found.items()
]
columns = {
    "units": "units of x",
    "boundary": "weight of the boundary loss",
    "outside": "answers out of range",
    "lost": "impossible throws",
    "believed": "error that f̂ believes (m²)",
    "possible": "error of the possible throws (m²)",
}
Markdown(ledger.table(shown_rows, columns))

# %% tags=["hide-input"]
raw_free, raw_fenced = found["raw", 0.0], found["raw", weight]
plain, fenced = found["scaled", 0.0], found["scaled", weight]
check(
    "raw units: share out of range without the boundary loss",
    raw_free["outside"],
    ">",
    0.5,
)
check(
    "raw units: share out of range with it", raw_fenced["outside"], "<", 0.2
)
check(
    "raw units: share of throws that are impossible without it",
    raw_free["lost"],
    ">",
    0.5,
)
check(
    "scaled units: share out of range without it",
    plain["outside"],
    "<",
    0.1,
)
check(
    "scaled units: errors without and with it, as a ratio",
    plain["possible"] / fenced["possible"],
    "in",
    (0.5, 2),
)

# %% [markdown]
# In raw units without the boundary loss, training starts outside the data, finds a place there of which $\hat f$ says what is wanted, and stays. Most of these balls start below the ground. Such a throw is an {term}`invalid guess`: it has no effect, its error counts as infinite ({doc}`ch05_counting_guesses`), and so $r_1$ of this row is infinite. The surrogate believes that all is well. The boundary loss turns nearly all answers back.
#
# In scaled units the boundary loss changes next to nothing, although the surrogate is worse, because no answer wanted to leave. **A fence is for those who start outside. Scaling $x$ is simpler, and there is nothing left to turn back.** {doc}`The appendix <ch07_appendix>` repeats this with smooth surrogates and says what each way costs.
#
# ## One answer is one answer
#
# Which of the right answers does it give? On the two-dimensional sine task the right answers to a target form rings ({doc}`ch04_four_tasks`). The network is a continuous function of $y$. As $y$ rises from the deepest hollow of the landscape to the highest hill, its answer has to walk there without a jump. Here are eight tandems, one for each seed:

# %%
sine = invlab.get_task("sine")
sine_pairs = sine.sample(4000, generator=runtime.generator(0, "pairs"))
several = invlab.get_method(
    "tandem",
    boundary=1.0,
    activation=nn.functional.silu,
    epochs=60,
    lr=4e-3,
    lr_end=1e-6,
    schedule="one-cycle",  # the rate rises, then falls
    **small | {"batch_size": 200},
).fit(sine, sine_pairs, seed=list(range(8)))
levels = torch.linspace(-1.8, 1.8, 181)[:, None].to(sine_pairs.y)
routes = several.invert(levels).cpu()  # (seeds, levels, 2)

# %% mystnb={"figure": {"name": "fig-routes", "caption": "Eight tandems on the sine task while y rises from −1.8 to 1.8. Left: their routes (lines; dots at y = −0.3) over the map, with the exact answers for y = −0.3 (rings). Right: their x₂ over y, and draws from the exact posterior (grey). Dashed: the network with the largest error."}, "image": {"alt": "Left, a map of the square from minus one to one with rings. Most routes form two short bundles near the middle, mirrored images of each other, from a hollow to the same hill; a dashed red one takes another way. Right, grey bands of exact answers; most lines follow two mirrored bands."}} tags=["hide-input"]
off = (sine.simulate(routes) - levels.cpu()).square()[..., 0]
worst = int(off.mean(1).argmax())
at = int((levels[:, 0] + 0.3).abs().argmin())
cloud = sine.posterior(levels, 40).cpu()
fig, (left, right) = plt.subplots(1, 2, figsize=(8.4, 4))
figures.rings(left, -0.3)
flat = levels.cpu().expand(-1, 40).flatten()
right.plot(flat, cloud[..., 1].flatten(), ".", color="0.75", markersize=2)
for k, route in enumerate(routes):
    style = {"color": figures.GREEN, "linewidth": 1.5}
    if k == worst:
        style = {"color": figures.RED, "linewidth": 2, "linestyle": "--"}
    left.plot(*route.T, **style)
    left.plot(*route[at], "o", color=style["color"], markersize=4)
    name = f"seed {k}" if k == worst else None
    right.plot(levels.cpu(), route[:, 1], label=name, **style)
right.set(xlabel="target y", ylabel="x₂")
figures.legend_above(right)
plt.show()

# %% tags=["hide-input"]
step = routes.diff(dim=1).norm(dim=-1).max()
check("the longest step of a route, in units of x", step, "<", 0.15)
wish = torch.full((1, 1), -0.3, dtype=torch.float64).to(levels.device)
pieces = sine.modes(several.invert(wish).transpose(0, 1), wish).unique()
there = sine.modes(sine.posterior(wish, 2000), wish).unique()
check("separate pieces of the exact answers", len(there), "==", 16)
check("pieces that the networks find", len(pieces), "<=", 8)
each = off.mean(1).sort().values
check(
    "the worst network's error over that of the middle one",
    each[-1] / each[len(each) // 2],
    ">",
    3,
)

# %% [markdown]
# Training starts near the mean of the data and takes the nearest way that works. Most seeds take one of two short routes, which are mirror images. A network can also get *stuck* between two hollows, and then it answers none of the lowest targets.
#
# A tandem therefore cannot show the range of the answers. If you ask it for more guesses, you get copies of the first, and $r_T$ is the same for every $T$. Several tandems with different seeds are a few more guesses, which the surrogate can rank; {doc}`the appendix <ch07_appendix>` tries it.
#
# ## Beside the paper
#
# Our recorded run (`python -m invbook bench neural_adjoint --preset full`) trains on 10,000 simulations with five seeds, and scores 500 fresh targets for each. The paper gives two numbers for this model, in its Tables 7 and 3. They differ on two of the three tasks. A network without chance has one error, so the two tables come from different trainings or from different targets; the paper does not say which.

# %% mystnb={"figure": {"name": "fig-tandem-paper", "caption": "The error of one guess, $r_1$, on three tasks (in m² for throw and arm). Stars: the paper. Circles: our recorded run with a 95 % interval. Squares: answers that train no tandem; the pool and the neural adjoint are ranked by a surrogate. With and without the boundary loss, after Figure 8 of the paper's supplement."}, "image": {"alt": "Three panels with one row an answerer and a logarithmic error axis. On throw and sine our tandem lies far to the left of the paper's stars. On the robot arm ours has a wide interval that reaches the stars. The direct network lies far to the right on all three; pool and neural adjoint lie left of the tandem or near it."}} tags=["hide-input"]
rows = inverse_models.recorded()
tasks = ("ballistics", "sine", "robot_arm")
fig, axes = plt.subplots(1, 3, figsize=(9.5, 3.3), sharey=True)
for ax, name in zip(axes, tasks):
    inverse_models.one_guess(ax, rows, name)
plt.show()

# %% tags=["hide-input"]
for name in ("ballistics", "sine"):
    row = rows[f"tandem/{name}/boundary"]
    check(
        f"recorded, {inverse_models.NAMES[name]}: our r_1 over the paper's (Table 7)",
        row["ours"] / row["paper"],
        "<",
        0.1,
    )
for name in tasks:
    kinds = (
        rows[f"tandem/{name}/{kind}"] for kind in ("plain", "boundary")
    )
    low, high = zip(*((row["low"], row["high"]) for row in kinds))
    check(
        f"recorded, {inverse_models.NAMES[name]}: the intervals without and with boundary loss "
        "overlap",
        max(low) <= min(high),
    )

# %% [markdown]
# On the throw and the sine our tandem is far below the paper's numbers. On the arm its mean is decided by a few rare targets near the slider, so the interval is wide ({doc}`the appendix <ch07_appendix>`); the boundary loss makes no difference that can be told, because all our networks see $x$ in scaled units.
#
# :::{admonition} Use it when
# :class: tip
# * **Use it when** one working answer for each target is enough, it must come at once (microseconds), and you want one network call instead of a search.
# * **Not when** you need to know which other answers exist or how likely they are; or when a search is affordable, since the {doc}`neural adjoint <ch06_neural_adjoint>` is more accurate on all three tasks, and the pool about as accurate on the throw and more accurate on the other two.
# * **Cost**: two trainings, of $\hat f$ and of $I$. After that an answer costs one pass through a small network, and no simulation.
# * **How to test it**: simulate the answers. Compare the true error with the one that $\hat f$ believes, count the answers outside the range of the data, and print the median beside the mean.
# :::
#
# ## Exercises
#
# ```{exercise-start} Who is stuck?
# :label: ex-ask-surrogate
# ```
#
# Which of the eight networks on the sine has the largest error? Find out without the simulator: from the error that its *own* surrogate believes. `several.member(k)` is network number `k` alone; `propose` gives its answers, and {func}`invlab.surrogate_error` takes a surrogate, answers and targets. Collect the mean over the targets `sine_asked.y` for each network in a list `suspect`.
#
# ```{exercise-end}
# ```

# %%
sine_asked = sine.targets(n_targets, seed=0, dtype=torch.float64)

suspect = ...  # your answer

# %% [markdown]
# :::{admonition} Hint
# :class: dropdown
# The surrogate of network `k` is `several.member(k).surrogate`. A loop over the eight networks needs three lines: its answers, their believed error, and the mean of it.
# :::
#
# ```{solution-start} ex-ask-surrogate
# :class: dropdown
# ```

# %%
suspect = []
for k in range(len(several.invert(sine_asked.y))):
    one = several.member(k)
    x_one = one.propose(sine_asked.y)
    error = invlab.surrogate_error(one.surrogate, x_one, sine_asked.y)
    suspect.append(float(error.mean()))

# %% [markdown]
# A network that is stuck has not deceived its surrogate. It failed to find an answer, and $\hat f$ knows it. That is the harmless kind of failure: train another seed. The harmful kind, in the table of the throw, has a small believed error and a large true one.
#
# ```{solution-end}
# ```

# %% tags=["check-exercise", "hide-input"]
if answered(suspect=suspect):
    guesses = several.invert(sine_asked.y).transpose(0, 1)
    true = invlab.resimulation_error(sine, guesses, sine_asked.y).mean(0)
    check("one number for each network", len(suspect), "==", len(true))
    most = max(range(len(suspect)), key=lambda k: suspect[k])
    check(
        "the most suspect network is the worst", most == int(true.argmax())
    )

# %% [markdown]
# ```{exercise-start} The fence on the arm
# :label: ex-fence-arm
# ```
#
# The four unknowns of the arm have mean zero. How much do you expect the boundary loss to gain there in raw units? Train two tandems on `arm_data` with seeds 0, 1 and 2, one without boundary loss and one with weight 1, with the settings `small`, `relu`, `epochs=20` and the scale `Standardizer.identity(4)`, which changes nothing. Compute the mean squared error of each over the targets `arm_asked`, and their ratio `gain_arm`, without over with.
#
# ```{exercise-end}
# ```

# %%
arm = invlab.get_task("robot_arm")
arm_data = arm.sample(4000, generator=runtime.generator(0, "pairs"))
arm_asked = arm.targets(n_targets, seed=0, dtype=torch.float64)

gain_arm = ...  # your answer

# %% [markdown]
# :::{admonition} Hint
# :class: dropdown
# Copy the loop of the throw. The error of the answers `model.invert(arm_asked.y)` is the mean square of `arm.simulate(...) - arm_asked.y`.
# :::
#
# ```{solution-start} ex-fence-arm
# :class: dropdown
# ```

# %%
means = []
for boundary in (0.0, 1.0):
    model = invlab.get_method(
        "tandem",
        boundary=boundary,
        x_scaler=Standardizer.identity(4),
        epochs=20,
        **small,
        **relu,
    ).fit(arm, arm_data, seed=[0, 1, 2])
    miss = arm.simulate(model.invert(arm_asked.y)) - arm_asked.y
    means.append(float(miss.square().mean()))
gain_arm = means[0] / means[1]

# %% [markdown]
# It gains little. In raw units too the arm starts in the middle of its data, and the fence has nothing to turn back but the answers to a few rare targets. We have not found what makes it gain two and a half orders of magnitude in the paper.
#
# ```{solution-end}
# ```

# %% tags=["check-exercise", "hide-input"]
if answered(gain_arm=gain_arm):
    check("gain of the boundary loss on the arm", gain_arm, "in", (0.1, 30))

# %% [markdown]
# ```{exercise-start} Out of reach
# :label: ex-out-of-reach
# ```
#
# No angle has a sine of 1.5. Ask the tandem of the plain torch section anyway, `answer = tandem(torch.tensor([[1.5]]))`, and compute the squared error of that answer, `miss`, with the exact sine. What is the smallest error that any answer could have?
#
# ```{exercise-end}
# ```

# %%
miss = ...  # your answer

# %% [markdown]
# :::{admonition} Hint
# :class: dropdown
# `answer.sin()` is what the answer causes. `float(...)` makes a number of a tensor with one entry.
# :::
#
# ```{solution-start} ex-out-of-reach
# :class: dropdown
# ```

# %%
with torch.no_grad():
    answer = tandem(torch.tensor([[1.5]]))
miss = float((answer.sin() - 1.5).square())

# %% [markdown]
# It is at least $0.5^2 = 0.25$, since a sine is at most 1. A network answers whatever it is asked. Only the simulator says that the answer does not work.
#
# ```{solution-end}
# ```

# %% tags=["check-exercise", "hide-input"]
if answered(miss=miss):
    check("squared error of the answer", miss, ">=", 0.25 - 1e-6)

# %% [markdown]
# ## What we saw
#
# * An inverse network that is judged by the effect of its answer stops averaging and settles on one answer that works.
# * It can exploit a surrogate only where its answers get to. Started outside the data it stays there and believes itself right. A boundary loss turns it back; in scaled units there was nothing to turn back.
# * One answer has the same $r_T$ for every $T$, and says nothing about the other answers.
#
# ## Where next
#
# {doc}`ch08_mixture_density` predicts all answers at once, each with its share. {doc}`The appendix <ch07_appendix>` has the boundary loss in all its variants, several tandems as several guesses, the recorded tables, and the rare targets of the arm.
#
# ## References
#
# The tandem is from {cite:t}`liu2018training`, its numbers and the boundary loss from {cite:t}`ren2020benchmarking`; the two-step loss is {cite:t}`rivera2020loss`'s.
