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
# # Conditional variational autoencoders
#
# **In this chapter** you train a network that turns noise and a target into an answer, so that turning the noise like a dial shows one answer after another, and you see the dial stop working when one number is chosen badly.

# %% tags=["hide-input", "nbval-ignore-output"]
import math

import matplotlib.pyplot as plt
import torch

import invlab
from invbook import answered, check, figures, widgets
from invbook.diagram import chain
from invbook.figures import inverse_models
from invlab import runtime

figures.use_style()
torch.set_num_threads(1)

arm = invlab.get_task("robot_arm")
star = torch.tensor([[1.4, 0.8]], dtype=torch.float64).to(runtime.device())
some_pairs = arm.sample(4000, generator=runtime.generator(0, "pairs"))
quick = {"width": 128, "layers": 3, "batch_size": 64, "lr": 2e-3}
dial = invlab.get_method("cvae", epochs=40, **quick)
dial.fit(arm, some_pairs, seed=0)
with torch.no_grad():
    seen = (dial.x_scaler(some_pairs.x), dial.y_scaler(some_pairs.y))
    mean, log_variance = dial.latent_law(*seen)
said = (mean.square() + log_variance.exp() - 1 - log_variance).mean((0, 1))
first, second = said.topk(2).indices.tolist()


def pose_at(degrees):
    """The pose for two latent numbers on a circle, the others zero."""
    z = torch.zeros(1, dial.z_dim).to(dial.low.device)
    angle = math.radians(degrees)
    z[0, first], z[0, second] = 1.2 * math.cos(angle), 1.2 * math.sin(angle)
    with torch.no_grad():
        return dial.x_scaler.inverse(
            dial.transform(z, dial.y_scaler(star.float()))
        )


def draw_pose(degrees):
    fig, ax = plt.subplots(figsize=(5, 3.9))
    others = torch.cat([pose_at(other) for other in range(0, 360, 30)])
    inverse_models.poses(ax, arm, others, star[0], color=figures.SKY)
    inverse_models.poses(ax, arm, pose_at(degrees), star[0])
    return fig


widgets.flipbook(
    draw_pose,
    list(range(0, 360, 30)),
    label="direction of the noise z (degrees)",
    alt="A jointed arm that starts at a vertical slider and whose tip is at a star. As the slider moves, the joints go round through a family of poses, and the tip stays close to the star.",
)

# %% [markdown]
# One network drew all these poses. The target, the star, stays the same; only two numbers of noise are turned around in a circle. The arm goes through its poses, and its tip stays near the star.
#
# :::{admonition} Before you start
# :class: note
# * **You need** {doc}`ch05_counting_guesses` ($r_T$ and the baselines) and {doc}`ch08_mixture_density` (what it means to learn $p(x \mid y)$).
# * **New to networks?** {doc}`../primer` explains the words of training in two screens.
# * **It takes** about a minute on one CPU core.
# :::
#
# ## Noise that means something
#
# Several answers belong to one target. A network that is to give all of them needs, besides $y$, something that says *which*. Let it be a few numbers $z$ of pure noise, drawn from the standard normal law (mean zero, standard deviation one, independent). They are called {term}`latent`. A **{term}`decoder`** turns $(z, y)$ into $x$: another $z$, another answer.

# %% mystnb={"figure": {"name": "fig-vae-use", "caption": "In use: noise z and the target y go into the decoder g, and an answer comes out."}, "image": {"alt": "A chain from noise z through the decoder g to the answer x hat. The target y enters the decoder from above."}} tags=["hide-input"]
chain(
    [
        ("z", "value", "noise"),
        ("g", "network", "decoder"),
        ("x̂", "value", "answer"),
    ],
    into={"g": "y"},
)
plt.show()

# %% [markdown]
# How can it be trained? For a pair $(x, y)$ of the training data nobody knows the $z$ that should have produced this $x$. So a second network, the **{term}`encoder`**, guesses it. For a pair it names a normal law $q(z \mid x, y)$, with a mean and a variance for each latent number. Draw a $z$ from this law, decode it, and compare the result with $x$. After the training the encoder is thrown away, and $z$ comes from the standard normal law. For this to work, what the encoder names must look like standard normal noise, too.

# %% mystnb={"figure": {"name": "fig-vae-train", "caption": "In training: the encoder q sees a pair and names a law for z; the decoder g turns a draw of z back into x. The reconstruction loss compares what comes out with what went in. The divergence keeps the law of z close to the standard normal law N(0, 1)."}, "image": {"alt": "A chain from the pair x, y through the encoder q to the latent z, where noise enters from above, through the decoder g, where y enters from above, to x hat. One loss hangs below z: the divergence from the standard normal law. Another compares x and x hat: the reconstruction."}} tags=["hide-input"]
chain(
    [
        ("x, y", "data", "a pair"),
        ("q", "network", "encoder"),
        ("z", "value", "latent"),
        ("g", "network", "decoder"),
        ("x̂", "value"),
    ],
    losses=[
        ("z", "z", "divergence from N(0, 1)"),
        ("x, y", "x̂", "reconstruction"),
    ],
    into={"z": "noise", "g": "y "},
)
plt.show()

# %% [markdown]
# The loss asks for both {cite:p}`kingma2014auto,sohn2015learning`:
#
# $$
# \begin{aligned}
# -\log p(x \mid y) \;\le\;
# & \underbrace{\mathbb E_{z \sim q}\Big[\sum_i \frac{(x_i - \hat x_i(z, y))^2}{2\sigma_{x,i}^2} + \log \sigma_{x,i}\Big]}_{\text{reconstruction}} \\
# & + \underbrace{\mathrm{KL}\big(q(z \mid x, y)\,\Vert\,\mathcal N(0, I)\big)}_{\text{divergence}} + \text{const.}
# \end{aligned}
# $$ (eq-elbo)
#
# * The **reconstruction** is the squared error of the decoded $\hat x$, measured in units of a width $\sigma_{x,i}$: the decoder claims that $x_i$ lies within about $\sigma_{x,i}$ of what it says. (This width of the decoder has the unit of $x$. It is not the $\sigma$ of a measured $y$, so it has an index. With one width for all unknowns we write $\sigma_x$.)
# * The **divergence** is the {term}`Kullback–Leibler divergence`. It is what the encoder's message costs, in {term}`nats <nat>`; one bit is $\ln 2 \approx 0.7$ nats. It is zero if $q$ is the standard normal law whatever $x$ is, that is, if the message says nothing.
# * The left side is the {term}`negative log-likelihood` that {doc}`ch08_mixture_density` minimised. Here only an upper bound of it can be computed. With the sign turned around it is called the **evidence lower bound**.
#
# ## In plain torch
#
# The example is $y = \sin x$, where most targets have two answers. Encoder and decoder have two inputs each: $(x, y)$ and $(z, y)$.

# %%
from torch import nn

line = invlab.get_task("sine", dim=1)
pairs = line.sample(2000, generator=runtime.generator(0, "pairs"))
x_all, y_all = pairs.x.cpu(), pairs.y.cpu()


def network(outputs):
    hidden = [nn.Linear(2, 64), nn.SiLU(), nn.Linear(64, 64), nn.SiLU()]
    return nn.Sequential(*hidden, nn.Linear(64, outputs))


def divergence(mean, log_variance):
    """From the standard normal law, for each latent number."""
    spread = log_variance.exp() - 1 - log_variance
    return 0.5 * (mean.square() + spread)


# %% [markdown]
# The method is the function `loss_of`. A draw of $z$ is written as the mean plus a standard normal number times the width, so that gradients reach the encoder.

# %%
torch.manual_seed(0)
encoder, decoder = network(2), network(1)
log_sigma = nn.Parameter(torch.tensor(-1.0))


def loss_of(x, y):
    mean, log_variance = encoder(torch.cat([x, y], 1)).chunk(2, 1)
    z = mean + (0.5 * log_variance).exp() * torch.randn_like(mean)
    gap = (x - decoder(torch.cat([z, y], 1))) / log_sigma.exp()
    reconstruction = 0.5 * gap.square() + log_sigma
    return (reconstruction + divergence(mean, log_variance)).sum(1).mean()


# %% [markdown]
# Encoder, decoder and width are trained together:

# %%
weights = [*encoder.parameters(), *decoder.parameters(), log_sigma]
adam = torch.optim.Adam(weights, lr=5e-3)
rate = torch.optim.lr_scheduler.CosineAnnealingLR(adam, 3000)
for _ in range(3000):
    row = torch.randint(len(x_all), (200,))
    loss = loss_of(x_all[row], y_all[row])
    adam.zero_grad()
    loss.backward()
    adam.step()
    rate.step()

# %% [markdown]
# Afterwards the decoder alone gives the answers to one target:

# %%
target = 0.6


def decode(z):
    with torch.no_grad():
        y = torch.full_like(z, target)
        return decoder(torch.stack([z, y], 1))[:, 0]


draws = decode(torch.randn(4000))

# %% mystnb={"figure": {"name": "fig-one-blob", "caption": "Left: what the decoder makes of z for one target (curve), and where the encoder puts each of its two answers (mean and one standard deviation). Right: 4000 draws."}, "image": {"alt": "Left, a curve of x over z that runs slowly near the heights of the two exact answers and steeply between them; the encoder's two laws lie one on the left and one on the right of z equal to zero. Right, a histogram of the draws with two peaks at the exact answers and some draws between them."}} tags=["hide-input"]
nearest = math.asin(target)
answers = (
    torch.tensor([nearest, math.copysign(math.pi, target) - nearest])
    .sort()
    .values
)
z = torch.linspace(-3, 3, 200)
with torch.no_grad():
    both = torch.stack([answers, torch.full((2,), target)], 1)
    mean, log_variance = encoder(both).T
    law = encoder(torch.cat([x_all, y_all], 1)).chunk(2, 1)

fig, (left, right) = plt.subplots(1, 2, sharey=True)
left.plot(z, decode(z), color=figures.GREEN, label="decoder")
bars = {"fmt": "D", "color": figures.RED, "capsize": 3, "label": "encoder"}
left.errorbar(mean, answers, xerr=(0.5 * log_variance).exp(), **bars)
left.set(xlabel="latent z", ylabel="x (rad)")
right.hist(draws, bins=60, orientation="horizontal", color=figures.GREEN)
right.set(xlabel="draws")
for ax in (left, right):
    for answer in answers:
        dashed = {"color": figures.BLUE, "linestyle": "--", "linewidth": 1}
        ax.axhline(answer, **dashed)
left.legend(fontsize=8)
plt.show()

# %% tags=["hide-input"]
near = ((draws[:, None] - answers).abs() < 0.25).float().mean(0)
check("share of the draws that each answer has", near, ">", 0.08)
between = (draws > answers[0] + 0.25) & (draws < answers[1] - 0.25)
check(
    "share of the draws that lie between them",
    between.float().mean(),
    ">",
    0.01,
)
check(
    "encoder: means of z for the two answers, their product",
    mean.prod(),
    "<",
    0,
)
check(
    "encoder: nats that it sends", divergence(*law).mean(), ">", math.log(2)
)

# %% [markdown]
# One number of noise chooses between two answers. One flaw is in plain sight. The curve is *continuous*: on its way from one answer to the other it passes through everything between, and more than a quarter of the draws land there.
#
# ## A weight in disguise
#
# Published code often has neither $\sigma_x$ nor the factor ½, but a squared error and a weight $\beta$ on the divergence, $\lVert x - \hat x\rVert^2 + \beta\,\mathrm{KL}$. It is the same loss. Divide it by $\beta$, which moves no minimum, and compare with {eq}`eq-elbo`:
#
# $$
# \sigma_x^2 = \beta / 2 .
# $$ (eq-beta)
#
# **A weight on the divergence is a width of the decoder.** And the weight means nothing without the *reduction*, that is, whether sums or averages are taken. If both terms are summed over the unknowns and the latent numbers, $\beta$ is what {eq}`eq-beta` says. If the squared error is *averaged* over the $d_x$ unknowns and the divergence is summed, the true weight is $d_x\beta$.
#
# The published code of the comparison sums both, with $\beta = 1$ on the arm. So the decoder is *told* that its answers are wrong by $\sqrt{1/2} \approx 0.7$, when the unknowns themselves vary by 0.25 and 0.5. ({doc}`the appendix <ch09_appendix>` has the other tasks.)
#
# ## An experiment: a latent that says nothing
#
# What does a decoder do that is told so? A message costs nats and buys precision. If errors of 0.7 are declared normal, precision below that is not worth its price, and the cheapest message is none.
#
# A case that can be solved says exactly when. Let $x$ be one normal number with standard deviation $s$ and the decoder linear, $\hat x = w z$. With the best encoder the bound is exact, so that training minimises $-\log p(x)$, where $p$ is normal with variance $w^2 + \sigma_x^2$. The best variance is $s^2$, hence $w^2 = s^2 - \sigma_x^2$; and $w = 0$ if $\sigma_x \ge s$, because $w^2$ cannot be negative {cite:p}`lucas2019dont`. **A latent number lives only if what it explains is wider than $\sigma_x$.** Otherwise the decoder ignores it; this is a {term}`collapsed latent`.
#
# The library's version learns one $\sigma_{x,i}$ for each unknown, as {cite:t}`rybkin2021simple` recommend. It is one line, `invlab.get_method("cvae").fit(task, pairs)`. With the option `sigma` the width is fixed. We train it three times on the arm: with the loss of the published code ($x$ in its own units, $\sigma_x^2 = \tfrac12$), with a fixed width in scaled $x$, and with a learned one.

# %%
from invbook.papers import neural_adjoint
from invlab.networks.mlp import Standardizer

fixed = 1.0  # try 0.1
arm_pairs = neural_adjoint.training_pairs(
    arm, 0, runtime.by_preset(quick=4_000, full=10_000)
)
n_targets = runtime.by_preset(quick=200, full=500)
arm_targets = arm.targets(n_targets, seed=0, dtype=torch.float64)
size = runtime.by_preset(quick=quick | {"epochs": 40}, full={})
unscaled = Standardizer.identity(4)
widths = {
    "the published code's loss": {"sigma": 0.5**0.5, "x_scaler": unscaled},
    f"width {fixed:g}, scaled": {"sigma": fixed},
    "width learned": {},
}

# %% [markdown]
# For each we measure what every latent number tells about $x$, in nats, and $r_T$ from 200 guesses a target:

# %%
models, nats, curves = {}, {}, {}
for name, options in widths.items():
    model = invlab.get_method("cvae", **size, **options)
    models[name] = model.fit(arm, arm_pairs, seed=0)
    x, y = model.x_scaler(arm_pairs.x), model.y_scaler(arm_pairs.y)
    with torch.no_grad():
        law = model.latent_law(x, y)
    nats[name] = divergence(*law).mean((0, 1)).cpu()
    guesses = model.propose(arm_targets.y, n=200)
    errors = invlab.resimulation_error(arm, guesses, arm_targets.y)
    curves[name] = invlab.r_T(errors, exchangeable=True)

# %% mystnb={"figure": {"name": "fig-collapse", "caption": "The arm with three widths of the decoder. Left: what each latent number tells about x. Right: $r_T$ in the same colours, and the paper's network (stars; T = 1, 50, 200 from its Table 7, Figure 3 and Table 3)."}, "image": {"alt": "Left, bars of divergence in nats for five latent numbers: with the learned width some reach about one nat, with the other two all are close to zero. Right, the error of the best of T guesses on logarithmic axes: the curve of the published code's loss falls little and runs along the paper's stars, that of width one ends a little below, the learned one falls by three powers of ten."}} tags=["hide-input"]
from invbook.papers.neural_adjoint.model_claims import paper_value

paper = {
    T: paper_value(f"r_{T}", "robot_arm", "cvae") for T in (1, 50, 200)
}
fig, (left, right) = plt.subplots(1, 2, figsize=(8, 3.2))
for k, (name, values) in enumerate(nats.items()):
    place = torch.arange(1, len(values) + 1) + 0.27 * (k - 1)
    hatch = ("", "//", "..")[k]
    bars = {"color": figures.SERIES[k], "hatch": hatch, "label": name}
    left.bar(place, values, width=0.25, **bars)
left.set(xlabel="latent number", ylabel="divergence (nats)")
left.legend(fontsize=8)
figures.error_curves(right, curves)
stars = {"color": figures.BLACK, "markersize": 9}
right.plot(list(paper), list(paper.values()), "*", **stars)
right.set(ylabel="$r_T$ (m²)")
plt.show()

# %% tags=["hide-input"]
collapsed, other, learned = nats.values()
flat, middle, falling = curves.values()
check("the published code's loss: nats in all", collapsed.sum(), "<", 0.3)
check(f"width {fixed:g}: nats in all", other.sum(), "<", 1)
check("width learned: nats in all", learned.sum(), ">", 2)
check(
    "the published code's loss: r_1 over r_200", flat[0] / flat[-1], "<", 20
)
check("width learned: r_1 over r_200", falling[0] / falling[-1], ">", 50)
check(
    f"r_200 of width {fixed:g} over that of the learned width",
    middle[-1] / falling[-1],
    ">",
    5,
)
check(
    "r_200 with the published code's loss over the paper's",
    flat[-1] / paper[200],
    "in",
    (0.3, 3),
)

# %% [markdown]
# With that loss, our small run gives nearly the paper's curve on the arm (its Figure 3 and Table 3): more guesses hardly lower the error. Two hundred guesses of a decoder that ignores its noise are one guess. Only width and scale differ from the model that works. The paper says that its results on these tasks agree with those of {cite:t}`kruse2021benchmarking` "with one exception" (Section 6), without naming it. This may be the one.
#
# The learned model leaves some latent numbers unused. This is no collapse. It has five, and the poses that reach a point form a surface of two dimensions. Three stay awake, one more than the surface needs, and the others are switched off.
#
# ## One blob, sixteen pieces
#
# On the sine task the learned width is not enough. For $y = -0.3$ the exact answers are closed rings and arcs, sixteen pieces that do not touch. The decoder is a continuous map of one connected blob, the normal law of $z$, and the image of something connected is connected. So it cannot be right. It can only lay thin **filaments** from piece to piece, as in {numref}`fig-one-blob`: the steeper it is there, the fewer draws it loses.
#
# Networks learn slow variations first and steep ones late ({term}`spectral bias`, {cite:p}`rahaman2019spectral`). A cure is to give the decoder fast functions of $z$ to start with, $\sin$ and $\cos$ of $1.5 \cdot 2^k z$, with the option `z_fourier_octaves=5` ({term}`Fourier features`). It helps, and filaments remain; {doc}`the appendix <ch09_appendix>` shows both in pictures and numbers. A mixture ({doc}`ch08_mixture_density`) has separate pieces by construction. A flow ({doc}`ch10_invertible`) is continuous as well, and shares the trouble.
#
# ## Beside the paper
#
# Our recorded run (`python -m invbook bench neural_adjoint --preset full`) uses 10,000 simulations, five seeds, 500 fresh targets for each, and up to 200 draws a target.

# %% mystnb={"figure": {"name": "fig-cvae-paper", "caption": "Recorded error of the best of T guesses. Circles: our conditional VAE with learned widths, with 95 % intervals. Stars: the paper's (T = 1: Table 7; 50: Figure 3, read off; 200: Table 3). Beside them draws of the prior, the pool and the neural adjoint; these last two are ranked by a surrogate."}, "image": {"alt": "Three panels, one a task, with logarithmic axes. On the throw our line runs through the paper's stars; on the sine it lies on them and close to the prior's line. On the arm the stars are nearly flat and our line falls by four powers of ten below them. Pool and neural adjoint lie lowest."}} tags=["hide-input"]
rows = inverse_models.recorded()
fig, axes = plt.subplots(1, 3, figsize=(9.5, 3.3))
for ax, name in zip(axes, inverse_models.NAMES):
    inverse_models.over_guesses(ax, rows, name, "cvae", "conditional VAE")
axes[0].set_ylabel("$r_T$")
entries = axes[0].get_legend_handles_labels()
fig.legend(*entries, loc="outside lower center", ncols=5, fontsize=8)
plt.show()

# %% tags=["hide-input"]
row = rows["r_T/robot_arm/cvae/200"]
check(
    "recorded, arm: our r_200 over the paper's",
    row["ours"] / row["paper"],
    "<",
    0.05,
)
row = rows["r_T/sine/cvae/1"]
check(
    "recorded, sine: our r_1 over the paper's",
    row["ours"] / row["paper"],
    "<",
    2,
)
for name, called in inverse_models.NAMES.items():
    pool, ours = (
        rows[f"r_T/{name}/{method}/200"]["ours"]
        for method in ("pool", "cvae")
    )
    check(
        f"recorded, {called}: r_200 of the pool over ours",
        pool / ours,
        "<",
        1,
    )

# %% [markdown]
# On the arm the learned width undoes the collapse; on the throw and the sine we are about where the paper is, and on the throw very few targets decide our mean at $T = 200$ ({doc}`the appendix <ch09_appendix>`). On the sine the prior, which does not look at $y$, is not far behind at $T = 200$: there $r_{200}$ says little about a model.
#
# :::{admonition} Use it when
# :class: tip
# * **Use it when** you want many different answers at once, the answers for one target are connected (one family of poses), and the number of unknowns is large, where a mixture would need too many Gaussians.
# * **Not when** the answers fall into separate pieces, or you need the density of an answer: only a bound of it can be computed.
# * **Cost**: one training of two networks. A draw is one pass through the decoder.
# * **How to test it**: print the divergence of each latent number; all near zero means collapse. Look whether $r_T$ falls with $T$, and compare the draws with the prior's and, where you can, with the exact posterior.
# :::
#
# ## Exercises
#
# ```{exercise-start} The same loss with another reduction
# :label: ex-reduction
# ```
#
# A colleague averages the squared error over the four unknowns of the throw *and* the divergence over its five latent numbers. Which weight, `beta_mean`, makes this the same loss as the published code's, which has the weight 0.01 on the sums?
#
# ```{exercise-end}
# ```

# %%
beta_mean = ...  # your answer

# %% [markdown]
# :::{admonition} Hint
# :class: dropdown
# Write the averages as sums divided by 4 and by 5, and multiply the loss by 4, which moves no minimum.
# :::
#
# ```{solution-start} ex-reduction
# :class: dropdown
# ```

# %%
beta_mean = 0.01 * 5 / 4

# %% [markdown]
# With the sums $A$ of the squared error and $D$ of the divergence, $\tfrac14 A + \tfrac{\beta}{5} D$ is proportional to $A + \tfrac45 \beta D$, and $\tfrac45\beta$ has to be 0.01. With another number of latent numbers the weight would be another one. Sums do not have this flaw.
#
# ```{solution-end}
# ```

# %% tags=["check-exercise", "hide-input"]
if answered(beta_mean=beta_mean):
    gap = torch.randn(100, 4, generator=runtime.generator(0, "exercise"))
    kl = torch.rand(100, 5, generator=runtime.generator(1, "exercise"))
    of_means = gap.square().mean(1) + beta_mean * kl.mean(1)
    of_sums = gap.square().sum(1) + 0.01 * kl.sum(1)
    check(
        "largest difference of the two losses, up to the factor 4",
        (4 * of_means - of_sums).abs().max(),
        "<",
        1e-4,
    )

# %% [markdown]
# ```{exercise-start} The price of precision
# :label: ex-price
# ```
#
# In the linear case, with $\sigma_x < s$ and the best $w$, how many nats does the encoder send on average? The best encoder is a normal law with variance $\sigma_x^2/s^2$ and mean $x w/s^2$. Put both into the formula of `divergence`, average over $x$, and write the result as a function `price(sigma, s)`. What does halving $\sigma_x$ cost?
#
# ```{exercise-end}
# ```

# %%
price = ...  # your answer, a function of sigma and s

# %% [markdown]
# :::{admonition} Hint
# :class: dropdown
# The mean square of $x$ is $s^2$, and $w^2 = s^2 - \sigma_x^2$. Most terms cancel; a logarithm remains.
# :::
#
# ```{solution-start} ex-price
# :class: dropdown
# ```


# %%
def formula(sigma, s):
    return math.log(s / sigma)


price = formula


# %% [markdown]
# The mean square of the encoder's mean is $w^2/s^2 = 1 - \sigma_x^2/s^2$. Together with the variance $\sigma_x^2/s^2$ this makes exactly 1, and $\tfrac12(1 - 1 - \ln \sigma_x^2/s^2) = \ln (s/\sigma_x)$ remains. Each halving of $\sigma_x$ costs a bit, and at $\sigma_x = s$ nothing is sent at all.
#
# ```{solution-end}
# ```

# %% tags=["check-exercise", "hide-input"]
if answered(price=price):
    s, sigma = 2.0, 0.5
    x = s * torch.randn(100_000, generator=runtime.generator(0, "price"))
    mean = x * (s**2 - sigma**2) ** 0.5 / s**2
    log_variance = torch.tensor(sigma**2 / s**2).log()
    measured = float(divergence(mean, log_variance).mean())
    check(
        "price minus what is measured, in nats",
        abs(measured - price(sigma, s)),
        "<",
        0.02,
    )
    bit = price(sigma / 2, s) - price(sigma, s)
    check(
        "price of halving, minus a bit", abs(bit - math.log(2)), "<", 1e-6
    )

# %% [markdown]
# ```{exercise-start} Who is asleep?
# :label: ex-asleep
# ```
#
# Some latent numbers of `models["width learned"]` are unused. The divergence, `nats["width learned"]`, asks the *encoder*. Ask the *decoder* instead. Draw 1000 times $z$ and decode them for one target with `model.transform(z, seen)`, where `seen = model.y_scaler(arm_targets.y[:1].float()).expand(1000, -1)`. Then do it again with latent number $i$ set to zero. Call the mean absolute change `moved`, a tensor with one entry for each latent number (there are `model.z_dim`). Do both agree on who is asleep?
#
# ```{exercise-end}
# ```

# %%
moved = ...  # your answer

# %% [markdown]
# :::{admonition} Hint
# :class: dropdown
# `z = torch.randn(1000, model.z_dim)` and, in a loop over `i`, a `clone()` of it with `[:, i] = 0`. `torch.tensor` makes a tensor of a list of numbers.
# :::
#
# ```{solution-start} ex-asleep
# :class: dropdown
# ```

# %%
model = models["width learned"]
seen = model.y_scaler(arm_targets.y[:1].float()).expand(1000, -1)
z = torch.randn(1000, model.z_dim, generator=runtime.generator(0, "asleep"))
z, moved = z.to(seen), []
for i in range(model.z_dim):
    without = z.clone()
    without[:, i] = 0
    change = model.transform(z, seen) - model.transform(without, seen)
    moved.append(float(change.abs().mean()))
moved = torch.tensor(moved)

# %% [markdown]
# They agree. A number of which the encoder says nothing is mere noise to the decoder, which learns to ignore it. So more latent numbers than needed do no harm here; too few would.
#
# ```{solution-end}
# ```

# %% tags=["check-exercise", "hide-input"]
if answered(moved=moved):
    awake = nats["width learned"] > 0.3
    check("latent numbers that are awake", int(awake.sum()), "in", (1, 4))
    check(
        "those awake move the decoder more than those asleep",
        awake.any()
        and (awake.all() or moved[awake].min() > 2 * moved[~awake].max()),
    )

# %% [markdown]
# ## What we saw
#
# * A decoder turns noise and a target into an answer. An encoder, needed only in training, says which noise would have given this one.
# * A weight on the divergence is a width of the decoder, $\sigma_x^2 = \beta/2$, and means something only together with the scale of $x$ and the reduction.
# * Where the width exceeds what there is to tell, the latent falls silent and guesses no longer differ. A small run with the published code's weight comes close to its result on the arm, and a learned width undoes it.
# * A continuous map cannot cut a blob into pieces. Fast functions of $z$ let it be steep where it must; filaments remain.
#
# ## Where next
#
# {doc}`ch10_invertible` drops the encoder: a network that can be run backwards knows exactly which noise belongs to an answer. {doc}`ch11_benchmark` puts all methods side by side. {doc}`The appendix <ch09_appendix>` has the sine in full, draws with the decoder's noise, and the recorded tables.
#
# ## References
#
# The autoencoder is from {cite:t}`kingma2014auto`, its conditional form from {cite:t}`sohn2015learning`, the tasks, tables and figures for comparison from {cite:t}`ren2020benchmarking`.
