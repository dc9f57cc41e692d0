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
# # Appendix to chapter 8: the traps at work, and the recorded run
#
# This page holds what {doc}`ch08_mixture_density` leaves out: how the first two traps lose points and determinants, three tests of a density, what the third trap does in other units, and the recorded tables.

# %% tags=["hide-input"]
import matplotlib.pyplot as plt
from IPython.display import Markdown

from invbook import check, figures, ledger, load_records
from invbook.figures import inverse_models
from invbook.numbers import shown
from invbook.papers.neural_adjoint.models import settings
from invbook.papers.neural_adjoint.runs import seeds_of

figures.use_style()

# %%
import math

import torch

import invlab
from invbook.papers.neural_adjoint.mixture_draws import as_published
from invlab import runtime
from invlab.metrics import posterior
from invlab.trust import calibration_ranks, uniformity

torch.set_num_threads(1)
n_pairs = runtime.by_preset(quick=4000, full=10_000)
n_targets = runtime.by_preset(quick=200, full=500)
n_draws = runtime.by_preset(quick=500, full=1000)

# %% [markdown]
# ## The first trap: far points
#
# The same sum of Gaussians can be written in three ways. The plain one fails for points far from every Gaussian. The published code adds $10^{-6}$ to the sum (and caps each exponent at 50). Log-sum-exp takes the largest exponent out first.


# %%
def plain(exponents):
    return exponents.exp().sum(-1).log()


def floored(exponents):
    return (exponents.exp().sum(-1) + 1e-6).log()


def stable(exponents):
    return exponents.logsumexp(-1)


ways = {
    "exp, sum, log": plain,
    "floor of 1e-6": floored,
    "log-sum-exp": stable,
}

# %% [markdown]
# What matters in training is how strongly a point *pulls* on a Gaussian, which is the gradient of the loss. Here it is for one Gaussian of width one and a point at a growing distance:

# %%
distance = torch.linspace(0, 20, 201).requires_grad_()
pull = {}
for name, way in ways.items():
    loss = -way(-0.5 * distance[:, None].square())
    (pull[name],) = torch.autograd.grad(loss.sum(), distance)

# %% mystnb={"figure": {"name": "fig-mdn-pull", "caption": "How strongly a point pulls on a Gaussian of width one, in three ways to write the same loss. The line of the plain form ends where it is no longer a number."}, "image": {"alt": "Pull over distance from zero to twenty. Log-sum-exp is a straight rising line. The plain form follows it and ends at about fourteen. The form with a floor follows it up to about five and then drops to zero."}} tags=["hide-input"]
fig, ax = plt.subplots(figsize=(5.2, 3))
styles = (
    {"color": figures.ORANGE, "linewidth": 5},
    {"color": figures.RED, "linestyle": "--"},
    {"color": figures.GREEN, "linestyle": ":", "linewidth": 2.5},
)
for (name, values), style in zip(pull.items(), styles):
    ax.plot(distance.detach(), values, label=name, **style)
ax.set(xlabel="distance (widths)", ylabel="pull (1/width)")
ax.legend()
plt.show()

# %% [markdown]
# With the floor, what no Gaussian covers yet, none will ever cover. To see it, fit two Gaussians to two clusters of points. Both Gaussians start near the first cluster:

# %% tags=["nbval-ignore-output"]
noise = torch.randn(2, 100, generator=runtime.generator(0, "clusters"))
points = torch.cat([0.3 * noise[0], 16 + 0.3 * noise[1]])[:, None]
found = {}
for name, way in ways.items():
    score, width = torch.zeros(2, 2).unbind()
    mean = torch.tensor([-0.5, 0.5])
    parameters = [p.requires_grad_() for p in (score, width, mean)]
    adam = torch.optim.Adam(parameters, lr=0.2)
    for _ in range(1000):
        gap = (points - mean) / width.exp()
        exponents = score.log_softmax(0) - width - 0.5 * gap.square()
        adam.zero_grad()
        (-way(exponents).mean()).backward()
        adam.step()
    found[name] = mean.detach()
    print(f"{name:14s} means {', '.join(f'{m:.1f}' for m in mean)}")

# %% tags=["hide-input"]
check(
    "pull at 8 widths, with the floor",
    pull["floor of 1e-6"][distance >= 8][:1],
    "<",
    1e-3,
)
far = {name: (mean - 16).abs().min() for name, mean in found.items()}
check(
    "distance of the second cluster from a mean, log-sum-exp",
    far["log-sum-exp"],
    "<",
    0.5,
)
check(
    "distance of the second cluster from a mean, with the floor",
    far["floor of 1e-6"],
    ">",
    10,
)
check("the plain form ends in nan", far["exp, sum, log"].isnan())

# %% [markdown]
# ## The second trap: thin Gaussians
#
# First, an example of ordinary numbers for which $S S^\top$ is singular. The logarithm of its determinant is $-\infty$ or nearly so, and there is nothing to draw from. Second, thin Gaussians with widths of 1 and $10^{-4}$, tilted by twenty angles. Their precision matrices have eigenvalues of $1$ and $10^8$, which float32 cannot hold in one matrix. From the triangular factor $L$, half of the log-determinant is the sum of the logarithms of the diagonal. (A draw is $\mu + L^{-\top} \varepsilon$, one triangular solve.)

# %%
S = torch.tensor([[0.5, 1.0], [1.0, 2.0]])
Lambda = S @ S.T

turn = torch.linspace(0.1, 1.5, 20, dtype=torch.float64)
axes_of = torch.stack([turn.cos(), -turn.sin(), turn.sin(), turn.cos()], 1)
axes_of = axes_of.view(-1, 2, 2)
thin = axes_of * torch.tensor([1.0, 1e8], dtype=torch.float64)
L = torch.linalg.cholesky(thin @ axes_of.mT).float()
truth = math.log(1e4)
by_factor = L.diagonal(dim1=-2, dim2=-1).log().sum(-1)
by_matrix = 0.5 * torch.logdet(L @ L.mT)

# %% tags=["hide-input"]
check("rank of S Sᵀ", torch.linalg.matrix_rank(Lambda), "<", 2)
check("log-determinant of S Sᵀ is lost", torch.logdet(Lambda) < -9)
check(
    "factor: largest error of half the log-determinant",
    (by_factor - truth).abs().max(),
    "<",
    1e-4,
)
check(
    "matrix: at some angle the error is 0.1 or more, or no number",
    not ((by_matrix - truth).abs() < 0.1).all(),
)

# %% [markdown]
# ## Three tests of a density
#
# The network claims to know a probability density. **First test**: its integral over $x$ must be one. Here is the sum over a fine grid, for a mixture of 64 Gaussians on the two-dimensional sine. By construction the integral is always one, so a failure of this test means a forgotten factor.

# %%
longer = runtime.by_preset(quick=1, full=3)


def fit(task, data, C, epochs):
    options = {"width": 64, "batch_size": 128, "lr": 4e-3}
    model = invlab.get_method(
        "mixture_density", components=C, epochs=epochs * longer, **options
    )
    return model.fit(task, data, seed=0)


sine = invlab.get_task("sine")
sine_pairs = sine.sample(n_pairs, generator=runtime.generator(0, "pairs"))
on_sine = {C: fit(sine, sine_pairs, C, 80) for C in (1, 64)}
fewest, most = min(on_sine), max(on_sine)
model = on_sine[most]

side = torch.linspace(-3.5, 3.5, 301)
grid = torch.cartesian_prod(side, side).to(model.low.device)
seen = model.y_scaler(torch.tensor([[-0.3]]).to(grid))
with torch.no_grad():
    total = sum(
        float(model.log_prob(part, seen.expand(len(part), 1)).exp().sum())
        for part in grid.split(4000)
    )
total *= float(side[1] - side[0]) ** 2

# %% tags=["hide-input"]
check("integral of the density", total, "in", (0.97, 1.03))

# %% [markdown]
# **Second test**: draws must have the covariance of the trained mixture; {doc}`ch08_mixture_density` makes it. **Third test**: calibration. It needs no formula of the model. Draw an unknown from the prior, simulate it, ask the model for draws for this $y$, and see at which *rank* the true unknown lies among them. If the draws come from $p(x \mid y)$, the truth is one of them, and every rank is equally likely {cite:p}`talts2018validating`. A model that is too sure of itself has the truth too often at the ends: a histogram in the shape of a U.

# %%
throw = invlab.get_task("ballistics")
throw_pairs = throw.sample(
    n_pairs, generator=runtime.generator(0, "throws")
)
honest = fit(throw, throw_pairs, 16, 40)
published = as_published(honest)
thrown = throw.targets(500, seed=0, dtype=torch.float64)
n_ranks, bars = 99, 20
ranks, chance = {}, {}
for name, source in {"as trained": honest, "Λ + I": published}.items():
    x = source.propose(thrown.y, n_ranks)
    ranks[name] = calibration_ranks(thrown.x, x)
    chance[name] = uniformity(ranks[name], n_ranks)

# %% mystnb={"figure": {"name": "fig-mdn-ranks", "caption": "Rank of the true start position among 99 draws, for many throws. Grey: where 95 % of the bars of a calibrated model lie."}, "image": {"alt": "Two histograms of ranks. Left, drawn as trained: bars of about equal height, nearly all inside a grey band. Right, drawn from the precision plus one: a U, with the outermost bars far above the band and those in the middle below it."}} tags=["hide-input"]
fig, axes = plt.subplots(1, 2, sharey=True, figsize=(7, 2.8))
expected = len(thrown.y) / bars
band = 1.96 * (expected * (1 - 1 / bars)) ** 0.5
for ax, (name, rank) in zip(axes, ranks.items()):
    ax.axhspan(expected - band, expected + band, color="0.85")
    ax.hist(
        rank[:, 0].cpu(),
        bins=bars,
        range=(0, n_ranks + 1),
        color=figures.BLUE,
    )
    ax.set(xlabel="rank of the true start", title=name)
axes[0].set_ylabel("throws")
plt.show()

# %% tags=["hide-input"]
check(
    "as trained: p-values of all four unknowns",
    chance["as trained"],
    ">",
    1e-4,
)
check("Λ + I: p-values of start and height", chance["Λ + I"][:2], "<", 1e-5)

# %% [markdown]
# ## The third trap, further
#
# Why does $r_1$ not see draws from $\Lambda + I$? In the narrowest direction of a Gaussian $\Lambda$ is large, and one more makes no difference. This narrow direction is what keeps a draw on target. On the sine it is the same: $r_1$ hardly changes, while MMD² does.

# %%
landing = torch.tensor([[6.5]], dtype=torch.float64).to(thrown.y)
with torch.no_grad():
    seen = honest.y_scaler(landing.float())
    weight, _, L = (p[0, 0].double() for p in honest.mixture(seen))
narrow = weight.exp() @ torch.linalg.eigvalsh(L @ L.mT)[:, -1]

asked = sine.targets(n_targets, seed=0, dtype=torch.float64)
few = asked.y[:25]
unit = sine_pairs.x.double().std(0)
exact, again = (
    sine.posterior(few, n_draws, generator=runtime.generator(0, name))
    / unit
    for name in ("exact", "again")
)


def scores(model):
    x = model.propose(asked.y, 200)
    some = model.propose(few, n_draws) / unit
    mmd = posterior.mmd2(some, exact).mean()
    r_1 = invlab.resimulation_error(sine, x, asked.y).mean()
    return float(r_1), float(mmd)


ratio = {}
for C, model in on_sine.items():
    r_1, mmd = scores(model)
    r_published, mmd_published = scores(as_published(model))
    ratio[C] = r_published / r_1, mmd_published / mmd

# %% tags=["hide-input"]
check("throw: Λ in the narrowest direction, on average", narrow, ">", 50)
for C, (of_r, _) in ratio.items():
    check(
        f"sine, C = {C}: r_1 from Λ + I over that from Λ",
        of_r,
        "in",
        (0.7, 1.4),
    )
check(
    f"sine, C = {fewest}: MMD² from Λ + I over that from Λ",
    ratio[fewest][1],
    ">",
    1.5,
)

# %% [markdown]
# How much is missing depends on the *unit* of $x$. Ours are standard deviations of the training data. The published code does not scale $x$: lengths are in metres, the start scatters by 0.5 m, and its precision is 4. Drawing from 5 in place of 4 makes it a tenth too narrow. For an unknown in millimetres the same line of code would be a disaster.

# %%
for unit_name, width in {"m": 0.5, "mm": 500.0}.items():
    left = (1 / width**2 + 1) ** -0.5 / width
    print(f"start in {unit_name}: {shown(left)} of its width is left")

# %% [markdown]
# ## The recorded run
#
# `python -m invbook bench neural_adjoint --preset full` trains on 10,000 simulations (a fifth for validation) with five seeds, and scores 500 fresh targets for each with 200 draws a target. Beside the mixture stand draws of the prior, the pool of {doc}`ch05_counting_guesses` and the neural adjoint of {doc}`ch06_neural_adjoint`. These two are ranked, so their $r_1$ is that of a chosen guess. The paper's numbers {cite:p}`ren2020benchmarking` are from Table 7 ($T = 1$), Figure 3 ($T = 50$, read off) and Table 3 ($T = 200$); intervals are 95 %.

# %% tags=["hide-input", "nbval-ignore-output"]
rows = inverse_models.recorded()
Markdown(inverse_models.errors_table(rows, "mixture_density"))

# %% [markdown]
# The next table says how well the draws match the posterior. The paper does not say how its Table 4 was computed. The helper in the published code counts the similarity of each draw with itself, so that even two samples of the exact posterior do not score zero but about six over the number of draws. Its best entry, 0.03, is what a perfect sampler gets from 200 draws. Ours is unbiased, from 1000 draws for each of 50 targets a seed, and the last column is exact draws against exact draws.

# %% tags=["hide-input", "nbval-ignore-output"]
Markdown(inverse_models.matching_table(rows, "mixture_density"))

# %% tags=["hide-input"]
biased = posterior.mmd2(again[:, :200], exact[:, :200], unbiased=False)
check(
    "MMD² of exact draws, biased, 200 of them",
    float(biased.mean()),
    "in",
    (0.015, 0.045),
)
check(
    "Gaussians of the recorded mixture for the sine",
    settings("mixture_density", "sine")["components"],
    "==",
    128,
)
row = rows["r_T/sine/mixture_density/1"]
check(
    "recorded, sine: our r_1 over the paper's",
    row["ours"] / row["paper"],
    "<",
    0.5,
)
for name, called in inverse_models.NAMES.items():
    error = rows[f"r_T/{name}/mixture_density/200"]
    match = rows[f"mmd/{name}/mixture_density"]
    check(
        f"recorded, {called}: our r_200 over the paper's",
        error["ours"] / error["paper"],
        "<",
        1,
    )
    check(
        f"recorded, {called}: our MMD² over the paper's",
        match["ours"] / match["paper"],
        "<",
        1,
    )
    check(
        f"recorded, {called}: our MMD² over the prior's",
        match["ours"] / rows[f"mmd/{name}/prior"]["ours"],
        "<",
        0.7,
    )
    check(
        f"recorded, {called}: the pool is lower in r_200 and in MMD²",
        rows[f"r_T/{name}/pool/200"]["ours"] < error["ours"]
        and rows[f"mmd/{name}/pool"]["ours"] < match["ours"],
    )

# %% [markdown]
# ## Walls
#
# No Gaussian stops at a wall. The library clips each unknown of a draw to the range of the training data; $r_1$, a mean, would otherwise be decided by the few draws that left it. On the sine, where a draw outside is as good as one inside, there is little to gain.

# %% tags=["hide-input", "nbval-ignore-output"]
records, clipping = load_records(), []
for name, called in inverse_models.NAMES.items():
    record = f"neural_adjoint/models/{name}/mixture_density/seed"
    found = [records[f"{record}{k}"]["scores"] for k in seeds_of(name)]
    free, moved = (
        sum(scores[f"mixture_density/{key}"][0] for scores in found)
        / len(found)
        for key in ("free", "moved")
    )
    clipped = rows[f"r_T/{name}/mixture_density/1"]["ours"]
    if name != "sine":
        check(
            f"recorded, {called}: r_1 clipped over free",
            clipped / free,
            "<",
            1,
        )
    clipping.append(
        {
            "task": called,
            "moved": f"{moved:.1%}",
            "free": shown(free),
            "clipped": shown(clipped),
        }
    )
columns = {
    "task": "task",
    "moved": "draws that clipping moves",
    "free": "r_1 without clipping",
    "clipped": "r_1 with it",
}
Markdown(ledger.table(clipping, columns))

# %% [markdown]
# Back to {doc}`ch08_mixture_density`, or on to {doc}`ch09_cvae`.
