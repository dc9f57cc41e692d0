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
# # Mixture density networks
#
# **In this chapter** a network answers with a *distribution* instead of a point: you build one, see how many Gaussians it needs, learn of three traps in the numbers, and test whether what comes out is the density that it claims to be.

# %% mystnb={"figure": {"name": "fig-mdn-arm", "caption": "Poses that bring the tip of the robot arm to the star. Left: exact. Middle: twelve draws of a network that answers with one Gaussian. Right: twelve draws of one that answers with sixteen."}, "image": {"alt": "Three drawings of a jointed arm that starts at a vertical slider. Left, twelve poses of several kinds all end at the star. Middle, the tips of twelve poses are scattered widely around the star. Right, the twelve poses resemble the exact ones and their tips lie close to the star."}} tags=["hide-input"]
import copy
import math

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
arm_poses = {"exact": arm.posterior(star, 12)[0]}
for C in (1, 16):
    trained = invlab.get_method(
        "mixture_density", components=C, width=64, epochs=40, lr=4e-3
    ).fit(arm, arm_pairs, seed=0)
    called = f"{C} Gaussian" + ("s" if C > 1 else "")
    arm_poses[called] = trained.propose(star, 12)[0]
fig, axes = plt.subplots(1, 3, figsize=(9, 3.1), sharey=True)
for ax, (name, pose) in zip(axes, arm_poses.items()):
    inverse_models.poses(ax, arm, pose, star[0])
    ax.set_title(name)
    ax.label_outer()
plt.show()

# %% [markdown]
# :::{admonition} Before you start
# :class: note
# * **You need** {doc}`ch05_counting_guesses` for $r_T$, {doc}`ch04_four_tasks` for the exact posteriors, and {doc}`ch07_tandem` for what a single answer leaves out.
# * **New to networks?** {doc}`../primer` explains the words of training in two screens.
# * **It takes** about a minute on one CPU core.
# :::
#
# ## Answer with a distribution
#
# A network that must answer with one $x$ has to choose among several answers, or average them. Bishop {cite:p}`bishop1994mixture` lets it describe all of them. The output of a **{term}`mixture density network`** is a probability density, written as a sum of $C$ Gaussians:
#
# $$
# p(x \mid y) = \sum_{k=1}^{C} \pi_k(y)\; \mathcal N\big(x;\; \mu_k(y),\, \Lambda_k(y)^{-1}\big).
# $$ (eq-mixture)
#
# The weight $\pi_k$ says how likely Gaussian number $k$ is, and the mean $\mu_k$ says where it lies. The {term}`precision matrix` $\Lambda_k$ is the inverse of its covariance: it says how narrow the Gaussian is, and in which directions. All these numbers are outputs of one network that sees $y$.
#
# The network is trained to make the density large at the training pairs. The loss is the **{term}`negative log-likelihood`**, the mean of $-\log p(x_i \mid y_i)$. A guess is a draw: choose a Gaussian by its weight, then draw from it.

# %% mystnb={"figure": {"name": "fig-mdn-chain", "caption": "Training a mixture density network. The loss asks how likely the x of each pair is under the density that the network gives for its y."}, "image": {"alt": "A chain from the data y through a network to an ellipse for the density p, which weights, means and precisions describe. A loss below, the negative log-likelihood, compares it with the data x of the same pair."}} tags=["hide-input"]
chain(
    [
        ("y", "data", "of a pair"),
        ("net", "network", "trained"),
        ("p", "value", "π, μ, Λ"),
        ("x", "target", "of the same pair"),
    ],
    losses=[("p", "x", "−log p(x | y)")],
)
plt.show()

# %% [markdown]
# ## In plain torch
#
# The example is again $y = \sin x$ on $[-\pi, \pi]$, with four Gaussians. In one dimension a Gaussian has a mean $\mu_k$ and a width $\sigma_k$, which must be positive: {term}`softplus` turns any number into a positive one.

# %%
from torch import nn
from torch.nn.functional import softplus

components = 4  # try 1
line = invlab.get_task("sine", dim=1)
pairs = line.sample(2000, generator=runtime.generator(0, "pairs"))
x_all, y_all = pairs.x.cpu(), pairs.y.cpu()

torch.manual_seed(0)
hidden = [nn.Linear(1, 64), nn.SiLU(), nn.Linear(64, 64), nn.SiLU()]
net = nn.Sequential(*hidden, nn.Linear(64, 3 * components))
with torch.no_grad():  # means that start apart
    means = net[-1].bias[components : 2 * components]
    means.copy_(torch.linspace(-3, 3, components))

# %% [markdown]
# The method itself is two functions: what the network says about $y$, and how likely $x$ is under that.


# %%
def mixture(y):
    score, mean, width = net(y).chunk(3, -1)
    return score.log_softmax(-1), mean, 0.03 + softplus(width)


def log_density(x, y):
    log_weight, mean, sigma = mixture(y)
    each = log_weight - sigma.log() - 0.5 * ((x - mean) / sigma).square()
    return each.logsumexp(-1) - 0.5 * math.log(2 * math.pi)


def draw(y, n):
    """n draws for one number y."""
    with torch.no_grad():
        log_weight, mean, sigma = mixture(torch.tensor([[y]]))
    chosen = torch.multinomial(log_weight[0].exp(), n, replacement=True)
    return mean[0, chosen] + sigma[0, chosen] * torch.randn(n)


# %% [markdown]
# The `softmax` turns any numbers into weights that sum to one, and `logsumexp` adds up the Gaussians on the scale of logarithms. Training is as always, on random portions ({term}`batches <batch>`) of 200 pairs:

# %%
adam = torch.optim.Adam(net.parameters(), lr=5e-3)
rate = torch.optim.lr_scheduler.CosineAnnealingLR(adam, 2000)
for _ in range(2000):
    row = torch.randint(len(x_all), (200,))
    loss = -log_density(x_all[row], y_all[row]).mean()
    adam.zero_grad()
    loss.backward()
    adam.step()
    rate.step()

target = 0.6
draws = draw(target, 4000)

# %% mystnb={"figure": {"name": "fig-mdn-sweep", "caption": "Left: the learned density of x for each y (blue, logarithmic) and the exact solutions (circles). Right: 4000 draws for one target, and its two answers (dashed)."}, "image": {"alt": "Left, a map over target y and unknown x: a dark S-shaped band follows the exact solutions, two for each y, and fades out shortly beyond its two ends at y equal to zero. Right, a histogram with two narrow peaks, one on each of two dashed lines."}} tags=["hide-input"]
y_axis, x_axis = torch.linspace(-1, 1, 161), torch.linspace(-3.6, 3.6, 289)
at = torch.cartesian_prod(x_axis, y_axis)
with torch.no_grad():
    height = log_density(at[:, :1], at[:, 1:]).view(289, 161)
first = math.asin(target)
second = math.copysign(math.pi, target) - first
solutions = torch.tensor([first, second])

fig, (left, right) = plt.subplots(1, 2)
shade = left.pcolormesh(
    y_axis, x_axis, height, cmap="Blues", vmin=-6, vmax=3, rasterized=True
)
fig.colorbar(shade, ax=left, label="log density (1/rad)")
x_exact = torch.linspace(-math.pi, math.pi, 25)
ring = {"mfc": "none", "color": figures.RED, "markersize": 4}
left.plot(x_exact.sin(), x_exact, "o", **ring)
left.set(xlabel="target y", ylabel="x (rad)")
right.hist(draws, bins=120, range=(-math.pi, math.pi), color=figures.SKY)
for solution in solutions:
    right.axvline(solution, color=figures.RED, linestyle="--", linewidth=1)
right.set(xlabel="x (rad)", ylabel="draws", title=f"y = {target:g}")
plt.show()

# %% tags=["hide-input"]
gap = (draws[:, None] - solutions).abs()
check(
    "share of the draws within 0.2 rad of an answer",
    (gap.amin(1) < 0.2).double().mean(),
    ">",
    0.9,
)
check(
    "share of the draws that belong to the first answer",
    (gap[:, 0] < gap[:, 1]).double().mean(),
    "in",
    (0.3, 0.7),
)
check(
    "by how much the mean of the draws misses the target",
    (draws.mean().sin() - target).abs(),
    ">",
    0.2,
)

# %% [markdown]
# Nobody told the network how many answers there are. As $y$ changes sign it moves weight from one end of the interval to the other, which a continuous function with one value for each $y$ cannot do. With `components = 1` it can do no better than one wide Gaussian around the average of the two answers.
#
# The number 0.03 in `mixture` needs an explanation. With an exact simulator the true {term}`posterior` is infinitely narrow, and the likelihood can be raised without end by shrinking $\sigma_k$. A smallest width ends that race, and it is the resolution of this network.
#
# ## An experiment: how many Gaussians does a ring need?
#
# The library's version works in any number of dimensions. On the two-dimensional sine the answers form closed rings ({doc}`ch04_four_tasks`), sixteen separate pieces for $y = -0.3$ if those that are cut by the edge of the square count. A Gaussian is a blob. We train four networks that differ in $C$ only:

# %%
sine = invlab.get_task("sine")
n_pairs = runtime.by_preset(quick=4000, full=10_000)
sine_pairs = sine.sample(n_pairs, generator=runtime.generator(0, "pairs"))
longer = runtime.by_preset(quick=1, full=3)


def fit(task, data, C, epochs):
    settings = {"width": 64, "batch_size": 128, "lr": 4e-3}
    model = invlab.get_method(
        "mixture_density", components=C, epochs=epochs * longer, **settings
    )
    return model.fit(task, data, seed=0)


models = {C: fit(sine, sine_pairs, C, 80) for C in (1, 4, 16, 64)}
most = max(models)
model = models[most]


# %% mystnb={"figure": {"name": "fig-mdn-components", "caption": "Above: 300 draws (dots) for y = −0.3 over the exact answers (blue rings), for four numbers of Gaussians C. Below: those Gaussians that have a weight of note, at one standard deviation."}, "image": {"alt": "Two rows of four maps with blue rings. With one Gaussian a single ellipse fills the middle of the square and dots are everywhere. With four, broad ellipses cover several rings each, and with sixteen many still reach from ring to ring, with dots in between. With 64, small ellipses lie along the rings and most dots are close to them."}} tags=["hide-input"]
def ellipses(model, y, least=0.003):
    """Closed curves at one standard deviation, in units of x."""
    with torch.no_grad():
        seen = model.y_scaler(torch.tensor([[y]]).to(model.low.device))
        weight, mean, L = (part[0, 0].cpu() for part in model.mixture(seen))
    angle = torch.linspace(0, 2 * math.pi, 60)
    circle = torch.stack([angle.cos(), angle.sin()])
    curve = torch.linalg.solve_triangular(L.mT, circle, upper=True)
    curve = (mean[..., None] + curve)[weight.exp() > least]
    return model.x_scaler.inverse(curve.mT)


wish = torch.tensor([[-0.3]], dtype=torch.float64, device=runtime.device())
fig, axes = plt.subplots(2, 4, figsize=(9, 4.8), sharex=True, sharey=True)
for (upper, lower), (C, trained) in zip(axes.T, models.items()):
    figures.rings(upper, -0.3, trained.propose(wish, 300)[0])
    figures.rings(lower, -0.3)
    for curve in ellipses(trained, -0.3):
        lower.fill(*curve.T, color=figures.ORANGE, alpha=0.5)
        lower.plot(*curve.T, color=figures.ORANGE)
    upper.set_title(f"C = {C}")
for ax in axes.flat:
    ax.label_outer()
plt.show()

# %% [markdown]
# A single Gaussian can do no better than the mean and covariance of all answers together, which for the sine are nearly those of the whole square. A few Gaussians cover several rings each, and fill the gaps between them. Only when there are several for each piece can they lie *along* it.
#
# To put this into numbers we need, besides $r_T$, a score for whole distributions. The squared **maximum mean discrepancy** ({term}`MMD`, {cite:p}`gretton2012kernel`) compares how similar two draws of the model are to each other, two draws of the exact posterior to each other, and a draw of the model to an exact one. It is zero on average if both samples come from one law. Similarity falls with the distance $\delta$ as $\sum_h 1/(1 + \delta^2/h^2)$ with the three widths $h = 0.05$, $0.2$ and $0.9$ (supplement, Section 8.1; the formula is that of the published code); we measure $x$ in standard deviations of the {term}`prior`.

# %%
from invlab.metrics import posterior

n_targets = runtime.by_preset(quick=200, full=500)
n_draws = runtime.by_preset(quick=500, full=1000)
asked = sine.targets(n_targets, seed=0, dtype=torch.float64)
few, guesses = asked.y[:25], 200
unit = sine_pairs.x.double().std(0)
exact, again = (
    sine.posterior(few, n_draws, generator=runtime.generator(0, name))
    / unit
    for name in ("exact", "again")
)


def scores(model):
    error = invlab.resimulation_error(
        sine, model.propose(asked.y, guesses), asked.y
    )
    x = model.propose(few, n_draws)
    mmd = posterior.mmd2(x / unit, exact).mean()
    return invlab.r_T(error, exchangeable=True), float(mmd)


# %% tags=["hide-input", "nbval-ignore-output"]
prior = invlab.get_method("prior").fit(sine, sine_pairs)
scored = {"the prior": scores(prior)}
scored |= {f"{C}": scores(trained) for C, trained in models.items()}
floor = float(posterior.mmd2(again, exact).mean())
counts = sorted({1, max(1, guesses // 4), guesses})
table_rows = [
    {"C": C, "mmd": shown(mmd)}
    | {f"r_{T}": shown(r[T - 1]) for T in counts}
    for C, (r, mmd) in scored.items()
]
table_rows.append({"C": "exact draws", "mmd": shown(floor)})
heads = {"C": "C"} | {f"r_{T}": f"r_{T}" for T in counts}
Markdown(ledger.table(table_rows, heads | {"mmd": "MMD²"}))

# %% tags=["hide-input"]
r_first = {C: float(r[0]) for C, (r, _) in scored.items()}
mmd = {C: value for C, (_, value) in scored.items()}
counted = [f"{C}" for C in models]
for less, more in zip(counted, counted[1:]):
    check(
        f"from C = {less} to {more}: r_1 and MMD² go down",
        r_first[more] < r_first[less] and mmd[more] < mmd[less],
    )
check(
    "one Gaussian: its MMD² over the prior's",
    mmd[counted[0]] / mmd["the prior"],
    ">",
    0.9,
)
check(
    f"C = {counted[-1]}: its MMD² above that of exact draws",
    mmd[counted[-1]] - floor,
    ">",
    0.001,
)

# %% [markdown]
# The last row compares two samples of exact draws, and shows how small a difference can be told from zero. Compare the first two rows. With $C = 1$ a trained network guesses like the prior, which does not look at $y$. Judged by MMD² it is *worse*, since the prior at least fills the square evenly. The paper's network for this task has 13 Gaussians (published code); ours of the recorded run below has 128.
#
# ## Three traps in the numbers
#
# **Far points.** The likelihood is the logarithm of a sum of exponentials. In the 32-bit numbers that networks use, $e^{-104}$ is zero, so a point far from every Gaussian gives $\log 0 = -\infty$ and no usable gradient. The published code of the comparison adds $10^{-6}$ to the sum. This avoids the infinity, but such a point then has no influence on the training: what no Gaussian covers yet, none will ever cover. **{term}`Log-sum-exp <log-sum-exp>`** takes the largest exponent $a^*$ out of the sum first, $\log\sum_k e^{a_k} = a^* + \log\sum_k e^{a_k - a^*}$, and nothing is lost.
#
# **Thin Gaussians.** A precision matrix must be symmetric with positive eigenvalues, and a network's outputs can be any numbers. The published code takes a full matrix $S$ of outputs and sets $\Lambda = S S^\top$, which can be singular. `invlab` lets the network write a *triangular* factor, $\Lambda = R R^\top$, with a positive diagonal. It always has an inverse, its determinant is a product, and $\Lambda$ itself is never formed. {doc}`The appendix <ch08_appendix>` shows both traps at work.
#
# **Another density.** The draws must come from the density that was trained. It sounds too obvious to test. But the published code trains with $\Lambda = S S^\top$ and **draws from $\Lambda + I$**: one is added to the diagonal, so that a singular matrix can be inverted. No direction of a Gaussian can then be wider than one unit of $x$. The throw ({doc}`ch04_four_tasks`) has broad directions, so here is a model of it, and a twin with the same weights that draws as published:

# %%
from invbook.papers.neural_adjoint.mixture_draws import as_published

throw = invlab.get_task("ballistics")
throw_pairs = throw.sample(
    n_pairs, generator=runtime.generator(0, "throws")
)
honest = fit(throw, throw_pairs, 16, 40)
published = as_published(honest)

# %% [markdown]
# Four tests are applied to both. Does the **variance** of the start position among the draws for one target agree with the variance of the trained mixture? Is the model **calibrated**: if an unknown is drawn from the prior and simulated, is the true value at a random rank among the draws for its $y$ {cite:p}`talts2018validating`? (A {term}`p-value` near zero says no; see {term}`rank histogram`.) How far are the draws from the exact posterior, in **MMD²**? And the error of one guess, **$r_1$**.

# %% tags=["hide-input", "nbval-ignore-output"]
from invbook.papers.neural_adjoint.mixture_draws import (
    covariance_of_draws,
    covariance_of_mixture,
)
from invlab.trust import calibration_ranks, uniformity

landing = torch.tensor([[6.5]], dtype=torch.float64).to(runtime.device())
thrown = throw.targets(500, seed=0, dtype=torch.float64)
throw_unit = throw_pairs.x.double().std(0)
truly = throw.posterior(thrown.y[:25], n_draws) / throw_unit
promised = covariance_of_mixture(honest, landing)[0, 0]
tested = {}
n_ranks = 99
for name, source in {"Λ, as trained": honest, "Λ + I": published}.items():
    x = source.propose(thrown.y, n_ranks)
    some = source.propose(thrown.y[:25], n_draws) / throw_unit
    width = covariance_of_draws(source, landing)[0, 0] / promised
    chance = uniformity(calibration_ranks(thrown.x, x), n_ranks)[0]
    tested[name] = {
        "width": float(width),
        "chance": float(chance),
        "mmd": float(posterior.mmd2(some, truly).mean()),
        "r_1": float(invlab.resimulation_error(throw, x, thrown.y).mean()),
    }
columns = {
    "draws": "draws from",
    "width": "variance of the start, drawn over trained",
    "chance": "calibration of the start, p-value",
    "mmd": "MMD²",
    "r_1": "r_1 (m²)",
}
Markdown(
    ledger.table(
        [
            {"draws": name} | {key: shown(v) for key, v in row.items()}
            for name, row in tested.items()
        ],
        columns,
    )
)

# %% tags=["hide-input"]
trained, wrong = tested.values()
check(
    "as trained: variance, drawn over trained",
    trained["width"],
    "in",
    (0.9, 1.1),
)
check("Λ + I: variance, drawn over trained", wrong["width"], "<", 0.8)
check(
    "as trained: p-value of the calibration", trained["chance"], ">", 1e-4
)
check("Λ + I: p-value of the calibration", wrong["chance"], "<", 1e-5)
check("MMD² of Λ + I over that of Λ", wrong["mmd"] / trained["mmd"], ">", 2)
check(
    "r_1 of Λ + I over that of Λ",
    wrong["r_1"] / trained["r_1"],
    "in",
    (0.7, 1.4),
)

# %% [markdown]
# The last column is the lesson. One would expect draws from a wrong density to miss the target, and they do not. What keeps a draw on target is the *narrow* direction of its Gaussian, where $\Lambda$ is large and adding one makes no difference. What is lost is the spread *along* the answers, and $r_T$ knows nothing of it.
#
# ## What is not smooth is blurred
#
# The task of Kruse and colleagues {cite:p}`kruse2021benchmarking` has a peculiarity: the speed of the ball is a whole number of m/s. A sum of smooth bumps knows nothing of whole numbers. The library does; it reads in the prior which unknowns are whole, and rounds what a method proposes. To see the bumps themselves we switch the rounding off.

# %%
unrounded = copy.copy(honest)
unrounded.facts = honest.facts | {"whole": None}
speeds = {
    "exact": throw.posterior(landing, 4000)[0, :, 3].cpu(),
    "network": unrounded.propose(landing, 4000)[0, :, 3].cpu(),
}

# %% mystnb={"figure": {"name": "fig-mdn-speeds", "caption": "Speeds of 4000 throws that land at 6.5 m: exact posterior and mixture density network."}, "image": {"alt": "Histogram of speeds between 9 and 24 metres per second. The exact draws are a comb of separate spikes at whole numbers; those of the network are a smooth hill of the same outline, filling the space between the spikes."}} tags=["hide-input"]
fig, ax = plt.subplots(figsize=(6, 2.8))
bins = torch.arange(8.875, 24, 0.25).tolist()
styles = (
    {"color": figures.SKY},
    {"color": figures.RED, "histtype": "step"},
)
for (name, values), style in zip(speeds.items(), styles):
    ax.hist(values, bins, label=name, **style)
ax.set(xlabel="speed (m/s)", ylabel="draws")
ax.legend()
plt.show()

# %% tags=["hide-input"]
whole = {
    name: float(((v - v.round()).abs() < 0.02).double().mean())
    for name, v in speeds.items()
}
check(
    "exact: share of speeds within 0.02 of a whole number",
    whole["exact"],
    "==",
    1,
)
check(
    "network: the same, where 0.04 is chance",
    whole["network"],
    "in",
    (0.02, 0.08),
)
smooth = unrounded.propose(thrown.y[:25], n_draws) / throw_unit
check(
    "MMD² of the draws with unrounded speeds",
    posterior.mmd2(smooth, truly).mean(),
    "<",
    0.01,
)

# %% [markdown]
# MMD² hardly notices that the speeds are not rounded, since its kernels are smooth too. A score sees what it was built to see.
#
# ## Beside the paper
#
# Our recorded run (`python -m invbook bench neural_adjoint --preset full`) trains on 10,000 simulations with five seeds, and scores 500 fresh targets for each with up to 200 draws. The paper's numbers {cite:p}`ren2020benchmarking` are from its Table 7 ($T = 1$), Figure 3 ($T = 50$, read off) and Table 3 ($T = 200$).

# %% mystnb={"figure": {"name": "fig-mdn-paper", "caption": "Recorded error of the best of T guesses, in m² for ballistics and the robot arm. Circles: our mixture density network, with 95 % intervals. Stars: the paper's. Beside them draws of the prior, the pool and the neural adjoint; these last two are ranked by a surrogate, so that their first guess is a chosen one."}, "image": {"alt": "Three panels, one a task, with logarithmic axes. Our network's line falls with T and lies below the paper's stars on each task, by factors of three to about twenty-four. The prior's dotted line lies above, pool and neural adjoint below."}} tags=["hide-input"]
rows = inverse_models.recorded()
fig, axes = plt.subplots(1, 3, figsize=(9.5, 3.3))
for ax, name in zip(axes, inverse_models.NAMES):
    inverse_models.over_guesses(
        ax, rows, name, "mixture_density", "mixture density"
    )
axes[0].set_ylabel("$r_T$")
fig.legend(
    *axes[0].get_legend_handles_labels(),
    loc="outside lower center",
    ncols=5,
    fontsize=8,
)
plt.show()

# %% tags=["hide-input"]
for name, called in inverse_models.NAMES.items():
    row = rows[f"r_T/{name}/mixture_density/200"]
    check(
        f"recorded, {called}: our r_200 over the paper's (Table 3)",
        row["ours"] / row["paper"],
        "<",
        1,
    )
    ours, pool = (
        rows[f"r_T/{name}/{method}/200"]["ours"]
        for method in ("mixture_density", "pool")
    )
    check(
        f"recorded, {called}: r_200 of the pool over ours",
        pool / ours,
        "<",
        1,
    )

# %% [markdown]
# On all three tasks our network is below the paper's numbers at $T = 200$, and its draws are closer to the exact posterior than the prior's are (tables in {doc}`the appendix <ch08_appendix>`). The pool, which trains no inverse model at all, is still more accurate: it chooses its guesses among very many with a surrogate, while a mixture only draws.
#
# :::{admonition} Use it when
# :class: tip
# * **Use it when** you want all answers with their shares, the density of any $x$, and draws within microseconds, for up to about ten unknowns.
# * **Not when** the answers form long thin curves or surfaces in many dimensions, which take very many Gaussians; or when one accurate answer is all you need.
# * **Cost**: one training. $C$ must be chosen in advance: with $d_x$ unknowns each Gaussian adds $1 + d_x + d_x(d_x+1)/2$ outputs.
# * **How to test it**: ranks of true unknowns among the draws (calibration), MMD² where exact draws exist, and $r_T$ for accuracy. Double $C$ and see whether the validation loss still falls.
# :::
#
# ## Exercises
#
# ```{exercise-start} The mean of the mixture
# :label: ex-mdn-mean
# ```
#
# A mixture has a mean, $\sum_k \pi_k \mu_k$. Compute it for all targets `asked.y` of the sine with `model`, which has the largest $C$, and its mean re-simulation error, `error_of_mean`. `model.mixture(seen)` gives logarithms of the weights, means and factors $L$ with one more axis in front, for `seen = model.y_scaler(asked.y.float())`; `model.x_scaler.inverse` turns scaled $x$ into $x$. Is the mean better than a draw?
#
# ```{exercise-end}
# ```

# %%
error_of_mean = ...  # your answer

# %% [markdown]
# :::{admonition} Hint
# :class: dropdown
# `log_weight.exp()[..., None] * mean` has the shape (1, targets, $C$, 2). Sum over $C$, and give `resimulation_error` one guess a target: the shape (targets, 1, 2).
# :::
#
# ```{solution-start} ex-mdn-mean
# :class: dropdown
# ```

# %%
with torch.no_grad():
    seen = model.y_scaler(asked.y.float())
    log_weight, mean, _ = (part[0] for part in model.mixture(seen))
average = (log_weight.exp()[..., None] * mean).sum(1)
average = model.x_scaler.inverse(average)[:, None]
error_of_mean = float(
    invlab.resimulation_error(sine, average.double(), asked.y).mean()
)

# %% [markdown]
# It is much worse. The mean lies between the rings. It is what a network trained on squared errors would answer ({doc}`ch01_two_answers`). The density contains more, and the mean throws it away.
#
# ```{solution-end}
# ```

# %% tags=["check-exercise", "hide-input"]
if answered(error_of_mean=error_of_mean):
    check(
        "error of the mean over that of a draw",
        error_of_mean / r_first[f"{most}"],
        ">",
        1.5,
    )

# %% [markdown]
# ```{exercise-start} Ask the density
# :label: ex-mdn-rank
# ```
#
# The neural adjoint ranks its guesses by a surrogate. A mixture can rank draws by its *own* density, without any surrogate. Draw 50 guesses for each target `asked.y` of the sine with `model`, keep the one with the largest `model.log_density(x, asked.y)`, and compute the mean error `error_of_best`. What is the price?
#
# ```{exercise-end}
# ```

# %%
error_of_best = ...  # your answer

# %% [markdown]
# :::{admonition} Hint
# :class: dropdown
# `invlab.rank(x, score)` sorts the guesses of each target so that the smallest score comes first.
# :::
#
# ```{solution-start} ex-mdn-rank
# :class: dropdown
# ```

# %%
x = model.propose(asked.y, 50)
dense = model.log_density(x, asked.y)
ranked = invlab.rank(x, -dense)
error_of_best = float(
    invlab.resimulation_error(sine, ranked[:, :1], asked.y).mean()
)

# %% [markdown]
# The density is small where the model is unsure, so its peak is a better guess than a draw. The price is that the ranked draws are no longer draws from $p(x \mid y)$: they crowd at the peaks.
#
# ```{solution-end}
# ```

# %% tags=["check-exercise", "hide-input"]
if answered(error_of_best=error_of_best):
    check(
        "error of the densest of 50 over that of a draw",
        error_of_best / r_first[f"{most}"],
        "<",
        1,
    )

# %% [markdown]
# ```{exercise-start} Round it
# :label: ex-mdn-round
# ```
#
# If the speed is whole, why not round it? Take 50 draws of `unrounded` for each target `thrown.y`, round the speed `x[..., 3]`, and compare the median re-simulation errors before and after, `before` and `after`. Then repair the damage. The landing point moves by as much as the start `x[..., 0]` does, so shift the start by the remaining miss, and call the median error `repaired`.
#
# ```{exercise-end}
# ```

# %%
before = ...  # your answer
after = ...  # your answer
repaired = ...  # your answer

# %% [markdown]
# :::{admonition} Hint
# :class: dropdown
# The miss is `thrown.y[:, None] - throw.simulate(rounded)`, with the shape (targets, 50, 1). Work on a `clone()`, so that the draws stay as they are.
# :::
#
# ```{solution-start} ex-mdn-round
# :class: dropdown
# ```

# %%
x = unrounded.propose(thrown.y, 50)
rounded = x.clone()
rounded[..., 3] = x[..., 3].round()
shifted = rounded.clone()
shifted[..., 0] += (thrown.y[:, None] - throw.simulate(rounded))[..., 0]
before, after, repaired = (
    float(invlab.resimulation_error(throw, guess, thrown.y).median())
    for guess in (x, rounded, shifted)
)

# %% [markdown]
# Rounding breaks the equation $y = f(x)$: the landing point moves by about half a metre for each metre per second. The shift restores it, and the result is an exact answer with a whole speed. It costs a call of the simulator, and knowledge of the problem. No network has that knowledge unless you give it.
#
# ```{solution-end}
# ```

# %% tags=["check-exercise", "hide-input"]
if answered(before=before, after=after, repaired=repaired):
    check(
        "median error after rounding over before", after / before, ">", 1.2
    )
    check("median error after the repair", repaired, "<", 1e-9)

# %% [markdown]
# ## What we saw
#
# * A network can answer with a density: weights, means and precisions that depend on $y$. It gives all answers, and how likely each is.
# * The number of Gaussians decides. On the sine one is no better than the prior at one guess, and worse by MMD²; a ring needs several for each of its pieces.
# * Three traps: use log-sum-exp, so that far points count; a triangular factor, so that thin Gaussians survive; and draw from the density that you trained. $r_T$ does not see the third; variance, calibration and MMD² do.
# * What is not smooth, such as walls and whole numbers, is blurred.
#
# ## Where next
#
# A mixture must fix the number of its pieces in advance. The next chapters let a network *transform noise* instead: {doc}`ch09_cvae` with a hidden variable, {doc}`ch10_invertible` with invertible networks and flows. {doc}`ch11_benchmark` compares them all, and {doc}`the appendix <ch08_appendix>` has the evidence for the traps and the recorded tables.
#
# ## References
#
# The model is Bishop's {cite:p}`bishop1994mixture`; the comparison, and the code whose faults are shown here, are from {cite:t}`ren2020benchmarking`.
