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
# # Appendix to chapter 9: reductions, the decoder's noise, and sixteen pieces
#
# This page holds what {doc}`ch09_cvae` leaves out: which weight stands for which width, whether a draw should include the decoder's noise, the sine task in full, and the recorded tables.

# %% tags=["hide-input"]
import matplotlib.pyplot as plt
from IPython.display import Markdown

from invbook import check, figures, ledger
from invbook.figures import inverse_models
from invbook.numbers import shown

figures.use_style()

# %%
import torch

import invlab
from invbook.papers import neural_adjoint
from invlab import runtime
from invlab.metrics import posterior
from invlab.networks.mlp import Standardizer

torch.set_num_threads(1)
n_targets = runtime.by_preset(quick=200, full=500)
guesses_each = 200


def divergence(mean, log_variance):
    """From the standard normal law, for each latent number."""
    spread = log_variance.exp() - 1 - log_variance
    return 0.5 * (mean.square() + spread)


# %% [markdown]
# ## Which weight is which width
#
# A weight $\beta$ on the divergence, beside a squared error that is *summed* over the unknowns, is a decoder of width $\sigma_x^2 = \beta/2$ (Eq. {eq}`eq-beta`). If the squared error is *averaged* over the $d$ unknowns, the weight is $d\beta$ in effect. Both can be checked on random numbers:

# %%
noise = runtime.generator(0, "reductions")
gap = torch.randn(100, 4, generator=noise)
kl = torch.rand(100, generator=noise)
beta = 0.02


def by_width(variance):
    return (0.5 * gap.square() / variance).sum(1) + kl


summed = (gap.square().sum(1) + beta * kl) / beta
averaged = (gap.square().mean(1) + beta * kl) / beta

# %% tags=["hide-input"]
check(
    "β on the summed error is σ_x² = β/2, largest relative difference",
    (by_width(beta / 2) / summed - 1).abs().max(),
    "<",
    1e-5,
)
check(
    "β on the averaged error is σ_x² = dβ/2, largest relative difference",
    (by_width(4 * beta / 2) / averaged - 1).abs().max(),
    "<",
    1e-5,
)

# %% [markdown]
# :::{admonition} Others met it, too
# :class: note
# A re-implementation of World Models (AppliedDataSciencePartners/WorldModels, issue 12) gave a user a divergence of $4 \cdot 10^{-7}$, a latent that says nothing. Another user found that it averages over all dimensions where the original sums over them. A library (Lightning-Universe/lightning-bolts, issue 328) accepted the weight as an argument and, until a user noticed, never used it.
# :::
#
# Read as widths, the weights of the comparison's published code say how precise its decoders were allowed to be. Beside them is the spread of the unknowns in the units that its networks see:

# %% tags=["hide-input"]
lines = []
for name, weight in {
    "ballistics": 0.01,
    "sine": 0.02,
    "robot_arm": 1,
}.items():
    data = neural_adjoint.training_pairs(invlab.get_task(name), 0)
    spread = data.x.std(0)
    if name == "ballistics":
        spread[3] /= 15  # the published networks see it so
    lines.append(
        {
            "task": inverse_models.NAMES[name],
            "beta": f"{weight:g}",
            "sigma": f"{(weight / 2) ** 0.5:.2f}",
            "spread": f"{spread.min():.2f} to {spread.max():.2f}",
        }
    )
columns = {
    "task": "task",
    "beta": "weight β",
    "sigma": "decoder's width",
    "spread": "standard deviations of x",
}
Markdown(ledger.table(lines, columns))

# %% [markdown]
# The linear case of {doc}`ch09_cvae` can be checked as well: $x$ has standard deviation 1, and for each width $\sigma_x$ the loss is minimised over the decoder's slope $w$ by trying many.

# %%
w = torch.linspace(0, 2, 2001)
best_w = {}
for sigma in (0.6, 1.0, 1.5):
    variance = w.square() + sigma**2
    loss = 0.5 * (1 / variance + variance.log())
    best_w[sigma] = float(w[loss.argmin()])
    print(f"width {sigma}: best w = {best_w[sigma]:.1f}")

# %% tags=["hide-input"]
for sigma, found in best_w.items():
    expected = max(0.0, 1 - sigma**2) ** 0.5
    check(
        f"width {sigma}: best w, minus the formula",
        abs(found - expected),
        "<",
        0.01,
    )

# %% [markdown]
# ## Draw the mean, or its noise too?
#
# By the letter of Eq. {eq}`eq-elbo` the model says: $x$ is normal around $\hat x(z, y)$ with width $\sigma_x$. A draw would then be $\hat x + \sigma_x\epsilon$ with a standard normal $\epsilon$. But for $y = f(x)$ without noise the answers lie on a thin surface, and $\sigma_x$ is only what the decoder could not explain. Adding it moves a good guess off the surface. `propose` returns the mean.

# %%
arm = invlab.get_task("robot_arm")
arm_pairs = neural_adjoint.training_pairs(
    arm, 0, runtime.by_preset(quick=4_000, full=10_000)
)
arm_targets = arm.targets(n_targets, seed=0, dtype=torch.float64)
small = {"width": 128, "layers": 3}
steps = {"batch_size": 64, "lr": 2e-3, "epochs": 40}
size = runtime.by_preset(quick=small | steps, full={})
widths = {
    "the published code's loss": {
        "sigma": 0.5**0.5,
        "x_scaler": Standardizer.identity(4),
    },
    "width learned": {},
}
means, with_noise = {}, {}
for name, options in widths.items():
    model = invlab.get_method("cvae", **size, **options)
    x = model.fit(arm, arm_pairs, seed=0).propose(
        arm_targets.y, n=guesses_each
    )
    sigma = model.log_sigma.exp()[0, 0] * model.x_scaler.scale
    epsilon = torch.randn(x.shape, generator=runtime.generator(0, "ε"))
    blurred = x + sigma.to(x) * epsilon.to(x)
    for found, guesses in ((means, x), (with_noise, blurred)):
        errors = invlab.resimulation_error(arm, guesses, arm_targets.y)
        found[name] = invlab.r_T(errors, exchangeable=True)

# %% tags=["hide-input", "nbval-ignore-output"]
counts = sorted({1, max(1, guesses_each // 4), guesses_each})
lines = [
    {
        "model": name,
        **{
            f"{kind} {T}": shown(r[name][T - 1])
            for kind, r in (("mean", means), ("noise", with_noise))
            for T in counts
        },
    }
    for name in widths
]
columns = {"model": "width"} | {
    f"{kind} {T}": f"{called}, r_{T}"
    for kind, called in (("mean", "mean"), ("noise", "with noise"))
    for T in counts
}
Markdown(ledger.table(lines, columns))

# %% tags=["hide-input"]
flat, falling = means.values()
some = max(1, guesses_each // 4)
flat_noise, falling_noise = with_noise.values()
check(
    "width learned: r_1 with noise over without",
    falling_noise[0] / falling[0],
    ">",
    1,
)
check(
    f"width learned: r_{some} with noise over without",
    falling_noise[some - 1] / falling[some - 1],
    ">",
    1.5,
)
check(
    "the published code's loss: r_1 with noise over without",
    flat_noise[0] / flat[0],
    ">",
    3,
)
check(
    f"the published code's loss: r_{guesses_each} with noise over without",
    flat_noise[-1] / flat[-1],
    "<",
    1,
)

# %% [markdown]
# The collapsed model gains from noise at $T = 200$. This is no recommendation. Noise as wide as the prior makes it a prior sampler around one guess, and *any* spread gains from many guesses ({doc}`ch05_counting_guesses`).
#
# ## Sixteen pieces on the sine
#
# For $y = -0.3$ the exact answers lie in sixteen pieces that do not touch. The decoder is a continuous map of one connected blob and can only lay thin filaments between them. Two cures are tried. One gives the decoder fast functions of $z$, $\sin$ and $\cos$ of $1.5 \cdot 2^k z$ (`z_fourier_octaves=5`; the encoder has those of $x$ in any case). The other lets the divergence in slowly, so that the encoder first learns to say much: `warm_up=0.7` raises its weight over 70 % of the training instead of 20 %.

# %%
sine = invlab.get_task("sine")
sine_pairs = neural_adjoint.training_pairs(sine, 0, 8_000)
sine_targets = sine.targets(n_targets, seed=0, dtype=torch.float64)
steps = {"batch_size": 128, "lr": 3e-3, "epochs": 80}
size = runtime.by_preset(quick=small | steps, full={})
ways = {
    "plain": {},
    "slow warm-up": {"warm_up": 0.7},
    "waves of z": {"z_fourier_octaves": 5},
}
on_sine = {
    way: invlab.get_method("cvae", **size, **options).fit(
        sine, sine_pairs, seed=0
    )
    for way, options in ways.items()
}

# %% [markdown]
# Each is scored by $r_T$, by the share of draws for $y = -0.3$ that miss it by more than 0.5, by the share of the separate pieces that its draws find ({term}`mode recall`), and by MMD² ({doc}`ch08_mixture_density`). Draws of the prior are scored in the same way.

# %%
wish = torch.tensor([[-0.3]], dtype=torch.float64).to(sine_targets.y)
exact = sine.posterior(wish, 2000)
prior = invlab.get_method("prior").fit(sine, sine_pairs)
draws, r_sine, scored = {}, {}, {}
for way, model in {"prior": prior, **on_sine}.items():
    many = model.propose(sine_targets.y, n=guesses_each)
    errors = invlab.resimulation_error(sine, many, sine_targets.y)
    r_sine[way] = invlab.r_T(errors, exchangeable=True)
    x = draws[way] = model.propose(wish, n=2000)
    far = invlab.resimulation_error(sine, x, wish) > 0.5**2
    pieces = sine.modes(x, wish), sine.modes(exact, wish)
    scale = sine_pairs.x.double().std(0)
    scored[way] = {
        "off": float(far.double().mean()),
        "recall": float(posterior.mode_recall(*pieces)),
        "mmd": float(posterior.mmd2(x / scale, exact / scale)),
    }

# %% mystnb={"figure": {"name": "fig-filaments", "caption": "2000 draws for y = −0.3 over the exact answers (blue). Left: the plain decoder. Middle: with waves of z. Right: exact draws."}, "image": {"alt": "Three maps of the square from minus one to one with closed rings and arcs. Left, red dots are spread over the whole square with little regard for the rings. Middle, more of them lie close to the rings, with dots scattered between neighbouring rings. Right, all dots lie on the rings."}} tags=["hide-input"]
fig, axes = plt.subplots(1, 3, figsize=(9, 3.2), sharey=True)
panels = {way: draws[way] for way in ("plain", "waves of z")}
for ax, (title, x) in zip(axes, (panels | {"exact": exact}).items()):
    figures.rings(ax, -0.3)
    ax.plot(*x[0].cpu().T, ".", color=figures.RED, markersize=2)
    ax.set_title(title)
    ax.label_outer()
plt.show()

# %% tags=["hide-input", "nbval-ignore-output"]
lines = [
    {
        "way": way,
        "r_1": shown(r_sine[way][0]),
        "r_last": shown(r_sine[way][-1]),
        "off": f"{row['off']:.0%}",
        "recall": shown(row["recall"]),
        "mmd": shown(row["mmd"]),
    }
    for way, row in scored.items()
]
columns = {
    "way": "draws of",
    "r_1": "r_1",
    "r_last": f"r_{guesses_each}",
    "off": "over 0.5 off, y = −0.3",
    "recall": "pieces found",
    "mmd": "MMD²",
}
Markdown(ledger.table(lines, columns))

# %% tags=["hide-input"]
number = sine.modes(exact, wish).unique().numel()
check("separate pieces of the exact answers", number, "in", (12, 16))
for way in ("plain", "prior"):
    check(f"{way}: share over 0.5 off", scored[way]["off"], ">", 0.4)
check(
    "r_1 of the slow warm-up over plain",
    r_sine["slow warm-up"][0] / r_sine["plain"][0],
    ">",
    0.6,
)
check(
    "r_1 of waves of z over plain",
    r_sine["waves of z"][0] / r_sine["plain"][0],
    "<",
    0.9,
)
check(
    "waves of z: share over 0.5 off",
    scored["waves of z"]["off"],
    "in",
    (0.1, scored["plain"]["off"]),
)
check(
    "prior: share of the pieces found", scored["prior"]["recall"], ">", 0.9
)

# %% [markdown]
# The plain decoder, which is told the target, guesses about as if it had not been. The prior finds all pieces, because it is everywhere: a model that finds every mode may have learned nothing. The slow warm-up is no cure. (Together with a smaller width to start from, another obvious cure, it failed as well when we tuned the settings; that run is not shown.)
#
# Is it really the slope? How much does $\hat x$ move when $z$ moves a little, in the direction where it moves most? There is a number to compare with. A decoder that ignores $y$ and draws from the *prior* turns each of two normal numbers into a uniform one, $x = \sqrt{12}\,(\Phi(z) - \tfrac12)$ in scaled units, with the normal distribution function $\Phi$. It is nowhere steeper than $\sqrt{12/2\pi} \approx 1.4$.


# %% tags=["nbval-ignore-output"]
def steepness(model, count=4000):
    """Largest singular value of ∂x/∂z at draws of z."""
    draws = runtime.generator(0, "steepness")
    z = torch.randn(count, model.z_dim, generator=draws).to(wish.device)
    seen = model.y_scaler(wish.float()).expand(count, 1)
    slopes = []
    for unit in 1e-3 * torch.eye(model.z_dim).to(z):
        up, down = (model.transform(z + s * unit, seen) for s in (1, -1))
        slopes.append((up - down) / 2e-3)
    return torch.linalg.matrix_norm(torch.stack(slopes, -1), 2).cpu()


steep = {way: steepness(model) for way, model in on_sine.items()}
plain = on_sine["plain"]
with torch.no_grad():
    law = plain.latent_law(
        plain.x_scaler(sine_pairs.x), plain.y_scaler(sine_pairs.y)
    )
message = divergence(*law).mean((0, 1)).sort().values
for way, values in steep.items():
    print(
        f"{way:13s} median {values.median():.1f}, "
        f"steepest hundredth {values.quantile(0.99):.1f}"
    )

# %% tags=["hide-input"]
top = {way: float(values.quantile(0.99)) for way, values in steep.items()}
check("plain: median steepness", steep["plain"].median(), "in", (0.9, 2))
check(
    "steepest hundredth of waves of z over that of plain",
    top["waves of z"] / top["plain"],
    ">",
    1.1,
)
check("plain: nats of its quietest latent number", message[0], "<", 0.2)
check("plain: nats of the others", message[1:], ">", 0.4)

# %% [markdown]
# The plain decoder has settled on copying: two latent numbers carry $x_1$ and $x_2$ over, and $y$, which would say where not to go, is hardly needed for that. With waves the slope varies, and draws hurry from piece to piece. They still have to pass.
#
# ## The recorded run
#
# `python -m invbook bench neural_adjoint --preset full`: 10,000 simulations, five seeds, 500 fresh targets for each, 200 draws a target; on the sine with `z_fourier_octaves=5`. The paper's numbers are from its Tables 7 and 3 and, at $T = 50$, read off Figure 3.

# %% tags=["hide-input", "nbval-ignore-output"]
rows = inverse_models.recorded()
Markdown(inverse_models.errors_table(rows, "cvae"))

# %% tags=["hide-input"]
each = inverse_models.per_target("ballistics", "cvae", 200).sort().values
row = rows["r_T/ballistics/cvae/200"]
check(
    "recorded, throw: lower end of the interval of r_200 over the paper's",
    row["low"] / row["paper"],
    "<",
    5,
)
check(
    "recorded, throw: mean without the worst target over the paper's r_200",
    each[:-1].mean() / row["paper"],
    "<",
    5,
)
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
blind = rows["r_T/sine/prior/200"]["ours"]
check(
    "recorded, sine: r_200 of the prior over the paper's cVAE",
    blind / rows["r_T/sine/cvae/200"]["paper"],
    "<",
    15,
)

# %% tags=["hide-input", "nbval-ignore-output"]
print(f"throw, r_200: {shown(each.mean())}")
print(
    f"without the worst of {len(each)} targets: {shown(each[:-1].mean())}"
)

# %% [markdown]
# On the throw very few targets decide our mean at $T = 200$: their $y$ is far out, and 200 draws found nothing near it. Two hundred targets, as in the paper (published code), mostly have none like them. On the arm the collapse is undone. On the sine, look at the prior beside the paper at $T = 200$: a sampler that does not look at $y$ is within about a factor of ten of it, so that $r_{200}$ says little there.
#
# How well do the draws match the exact posterior? The helper in the published code keeps the pairs of a draw with itself, which adds about six over the number of draws; whether the paper's Table 4 was made with it is not said. Ours is unbiased, on scaled $x$, and the last column, the floor, is exact draws against exact draws.

# %% tags=["hide-input", "nbval-ignore-output"]
Markdown(inverse_models.matching_table(rows, "cvae"))

# %% tags=["hide-input"]
row = rows["mmd/robot_arm/cvae"]
check(
    "recorded, arm: our MMD² over the paper's",
    row["ours"] / row["paper"],
    "<",
    0.2,
)
check(
    "recorded, sine: MMD², which is not the floor's",
    rows["mmd/sine/cvae"]["ours"],
    ">",
    0.002,
)

# %% [markdown]
# Back to {doc}`ch09_cvae`, or on to {doc}`ch10_invertible`.
