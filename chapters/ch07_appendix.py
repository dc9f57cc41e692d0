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
# # Appendix to chapter 7: fences, several tandems, and the recorded run
#
# This page holds what {doc}`ch07_tandem` leaves out: the boundary loss in eight settings, what several tandems are worth, the recorded tables, and why the mean error on the arm is so uncertain.

# %% tags=["hide-input"]
import matplotlib.pyplot as plt
from IPython.display import Markdown

from invbook import check, figures, ledger
from invbook.figures import inverse_models
from invbook.numbers import shown
from invbook.papers.neural_adjoint import model_claims
from invbook.papers.neural_adjoint.runs import seeds_of

figures.use_style()

# %%
import torch
from torch import nn

import invlab
from invlab import runtime
from invlab.improve import surrogate_error
from invlab.metrics import posterior
from invlab.networks.mlp import Standardizer

torch.set_num_threads(1)
n_targets = runtime.by_preset(quick=200, full=500)

# %% [markdown]
# ## The boundary loss in eight settings
#
# {doc}`ch07_tandem` compares raw and scaled units with a surrogate of {term}`ReLU` units, as in the paper. Here both units also meet a smooth surrogate (SiLU), which is more accurate in scaled units. Four ways with and without the boundary loss make eight settings, with three seeds each. First, where does an untrained network start? In scaled units its answers are near zero, which is the middle of the data. Zero in raw units is more than 1.5 standard deviations from the mean in three of the four unknowns.

# %%
throw = invlab.get_task("ballistics")
data = throw.sample(4000, generator=runtime.generator(0, "pairs"))
asked = throw.targets(n_targets, seed=0, dtype=torch.float64)
untrained = invlab.get_method("tandem", width=64, layers=4)
first = untrained.build(4, 1).invert(asked.y.cpu())
away = (data.x.mean(0) / data.x.std(0)).abs()

common = {
    "width": 64,
    "layers": 4,
    "surrogate_layers": 4,
    "batch_size": 100,
}
poor = {"activation": torch.relu, "lr": 2e-3}
better = {"activation": nn.functional.silu, "lr": 3e-3}
zero = torch.zeros_like(data.x[0])
raw = Standardizer(zero, torch.tensor([1.0, 1.0, 1.0, 15.0]).to(zero))
ways = {
    "raw, ReLU": poor | {"x_scaler": raw, "epochs": 20},
    "raw, SiLU": better | {"x_scaler": raw, "epochs": 20},
    "scaled, ReLU": poor | {"epochs": 3},
    "scaled, SiLU": better | {"epochs": 25},
}

# %% tags=["hide-input"]
check(
    "largest answer of untrained networks, in scaled units",
    first.abs().max(),
    "<",
    1.5,
)
check(
    "unknowns whose zero is 1.5 deviations from the mean or more",
    int((away > 1.5).sum()),
    "==",
    3,
)

# %% [markdown]
# An {term}`invalid guess` has an infinite error in the library, so that $r_1$ of a setting with impossible throws is infinite, and a ratio of such numbers says nothing. To compare the settings we therefore look at two numbers: the mean error of the throws that are possible, and the mean over all answers when each impossible throw is *charged* twice the variance of $y$, as in the recorded runs of this book ({doc}`ch05_counting_guesses`). The second depends on that price.

# %%
fresh = throw.sample(2000, generator=runtime.generator(0, "fresh"))
spread = data.y.double().var()


def scores(model):
    """What three answers to each target are worth, and what f̂ believes."""
    x = model.invert(asked.y)
    errors = (throw.simulate(x) - asked.y).square().mean(-1)
    lost = ~errors.isfinite()
    with torch.no_grad():
        believed = model.surrogate(x.float()) - asked.y
        gap = model.surrogate(fresh.x) - fresh.y
    outside = ((x < data.x.amin(0)) | (x > data.x.amax(0))).any(-1)
    return {
        "surrogate": gap.square().mean() / spread,
        "outside": outside.double().mean(),
        "lost": lost.double().mean(),
        "believed": believed.square().mean(),
        "possible": errors[~lost].mean(),
        "charged": torch.where(lost, 2 * spread, errors).mean(),
    }


found = {}
for way, options in ways.items():
    for weight in (0.0, 1.0):
        model = invlab.get_method(
            "tandem", boundary=weight, **common, **options
        ).fit(throw, data, seed=[0, 1, 2])
        found[way, weight] = {k: float(v) for k, v in scores(model).items()}

# %% tags=["hide-input", "nbval-ignore-output"]
table_rows = [
    {
        "way": f"{way}, {'with' if weight else 'without'}",
        **{
            key: shown(result[key])
            for key in ("surrogate", "believed", "possible", "charged")
        },
        **{key: f"{result[key]:.0%}" for key in ("outside", "lost")},
    }
    for (way, weight), result in found.items()
]
columns = {
    "way": "units of x, f̂, boundary loss",
    "surrogate": "error of f̂ (var y)",
    "outside": "out of range",
    "lost": "impossible",
    "believed": "believed error (m²)",
    "possible": "error, possible throws (m²)",
    "charged": "error, all, charged (m²)",
}
Markdown(ledger.table(table_rows, columns))

# %% tags=["hide-input"]
for way in ("raw, ReLU", "raw, SiLU"):
    free, fenced = found[way, 0.0], found[way, 1.0]
    check(
        f"{way}: share out of range without the boundary loss",
        free["outside"],
        ">",
        0.4,
    )
    check(f"{way}: share out of range with it", fenced["outside"], "<", 0.2)
    check(
        f"{way}: the error that f̂ believes over the true one, without it",
        free["believed"] / free["charged"],
        "<",
        0.01,
    )
    check(
        f"{way}: gain of the boundary loss where impossible throws are "
        "charged",
        free["charged"] / fenced["charged"],
        ">",
        5,
    )
for way in ("scaled, ReLU", "scaled, SiLU"):
    free, fenced = found[way, 0.0], found[way, 1.0]
    check(
        f"{way}: share out of range without the boundary loss",
        free["outside"],
        "<",
        0.1,
    )
    check(
        f"{way}: gain of the boundary loss",
        free["charged"] / fenced["charged"],
        "in",
        (0.4, 2.5),
    )
check(
    "error of scaled, SiLU without it over that of raw, SiLU with it",
    found["scaled, SiLU", 0.0]["charged"]
    / found["raw, SiLU", 1.0]["charged"],
    "<",
    0.3,
)
largest = max(found, key=lambda key: found[key]["surrogate"])
check(
    "the least accurate surrogate is one of scaled units with ReLU",
    largest[0] == "scaled, ReLU",
)

# %% [markdown]
# In raw units the boundary loss gains about a factor of a hundred if impossible throws are charged. Among the possible throws of the smooth surrogate it gains much less, so how many powers of ten one reports depends on the price. In scaled units it gains nothing, even for the least accurate surrogate of the four. The smooth surrogate in scaled units is far more accurate without a boundary loss than any network in raw units with one.
#
# ## Several tandems are several guesses
#
# How can a deterministic network give many designs? This was asked of one such network by a user of published code (h-zhang00/Learning-to-Inversely-Design-Acoustic-Metamaterials-for-Enhanced-Performance, issue 1). One network cannot: its guesses are copies. Several networks with different seeds are several guesses, which $\hat f$ can rank without a call of the simulator. (Several inverse networks behind one surrogate, ranked by it, are a method of their own {cite:p}`spell2022mixture`.) Eight tandems on the sine task:

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
    schedule="one-cycle",
    **common | {"batch_size": 200},
).fit(sine, sine_pairs, seed=list(range(8)))
sine_asked = sine.targets(n_targets, seed=0, dtype=torch.float64)
guesses = several.invert(sine_asked.y).transpose(0, 1)
believed = surrogate_error(several.surrogate, guesses, sine_asked.y)
ranked = invlab.rank(guesses, believed)


def r_of(x, *, exchangeable):
    errors = invlab.resimulation_error(sine, x, sine_asked.y)
    return invlab.r_T(errors, exchangeable=exchangeable)


r_random = r_of(guesses, exchangeable=True)
r_ranked = r_of(ranked, exchangeable=False)

# %% tags=["hide-input", "nbval-ignore-output"]
count = guesses.shape[1]
for name, value in {
    "r_1 of one network, chosen at random": r_random[0],
    "r_1 of the answer that the surrogates believe best": r_ranked[0],
    f"r_{count}, the best of all": r_random[-1],
}.items():
    print(f"{name:51s} {shown(value)}")

# %% tags=["hide-input"]
copies = several.member(0).propose(sine_asked.y, n=8)
check("guesses of one network are equal", (copies == copies[:, :1]).all())
check(
    "the best of eight networks over one at random",
    r_random[-1] / r_random[0],
    "<",
    0.3,
)
check(
    "the answer believed best over one at random",
    r_ranked[0] / r_random[0],
    "<",
    0.7,
)

# %% [markdown]
# Most of the gain comes from the network that is stuck ({doc}`ch07_tandem`). The surrogates see its large error and rank its answers last.
#
# ## One answer as a sample of the posterior
#
# The paper's Table 4 asks how well the draws of each model match the exact {term}`posterior`. It uses the squared **maximum mean discrepancy** ({term}`MMD`, {cite:p}`gretton2012kernel`). This compares how similar two draws of the model are to each other, two exact draws to each other, and a draw of the model to an exact one. It is zero on average if both samples come from one law; {doc}`ch08_mixture_density` uses it more.
#
# For copies of a single $x$ the first similarity is the largest possible one, which is 3 for the paper's three kernels. Where the exact answers are spread out the other two are small. The result is between 2 and 3 for *any* single answer, however good. One exact draw scores no better than the tandem:

# %%
few = sine_asked.y[:25]
unit = sine_pairs.x.double().std(0)
n_draws = 500
exact = sine.posterior(few, n_draws) / unit


def distance(x):
    """MMD² of copies of the guesses x from the exact answers."""
    copies = x.repeat(1, n_draws // x.shape[1] + 1, 1)[:, :n_draws]
    return float(posterior.mmd2(copies / unit, exact).mean())


of_tandem = distance(several.member(0).propose(few))
of_exact = distance(sine.posterior(few, 1, generator=runtime.generator(1)))
of_eight = distance(guesses[:25])

# %% tags=["hide-input"]
check("MMD² of the tandem's answer", of_tandem, "in", (2, 3))
check("MMD² of copies of one exact draw", of_exact, "in", (2, 3))
check("MMD² of eight tandems", of_eight, "in", (0.3, of_tandem))

# %% [markdown]
# The paper's 2.6 to 2.8 for the tandem (its Table 4) therefore say no more than that it gives one answer.
#
# ## The recorded run
#
# `python -m invbook bench neural_adjoint --preset full` trains the tandem on 10,000 simulations with five seeds, and scores 500 fresh targets for each. The paper gives two numbers, in its Tables 7 and 3.

# %% tags=["hide-input", "nbval-ignore-output"]
rows = inverse_models.recorded()
tasks = inverse_models.NAMES
tandems = [
    {
        "task": called,
        "r_1": shown(model_claims.paper_value("r_1", name, "tandem")),
        "r_200": shown(model_claims.paper_value("r_200", name, "tandem")),
        **{
            kind: inverse_models.with_interval(
                rows[f"tandem/{name}/{kind}"]
            )
            for kind in ("boundary", "plain")
        },
        "median": shown(inverse_models.per_target(name, "tandem").median()),
    }
    for name, called in tasks.items()
]
columns = {
    "task": "task",
    "r_1": "paper, Table 7",
    "r_200": "paper, Table 3",
    "boundary": "ours, boundary loss (95 %)",
    "plain": "ours, without (95 %)",
    "median": "median over targets",
}
Markdown(ledger.table(tandems, columns))

# %% tags=["hide-input", "nbval-ignore-output"]
methods = {
    "direct": "direct network",
    "nearest": "look-up",
    "pool": "pool",
    "neural_adjoint": "neural adjoint",
}
others = [
    {
        "task": called,
        **{m: shown(rows[f"r_T/{name}/{m}/1"]["ours"]) for m in methods},
    }
    for name, called in tasks.items()
]
Markdown(ledger.table(others, {"task": "r_1 of"} | methods))

# %% tags=["hide-input"]
differ = sum(
    model_claims.paper_value("r_1", name, "tandem")
    != model_claims.paper_value("r_200", name, "tandem")
    for name in tasks
)
check("tasks on which the paper's two numbers differ", differ, "==", 2)
for name in ("ballistics", "sine"):
    row = rows[f"tandem/{name}/boundary"]
    check(
        f"recorded, {tasks[name]}: our r_1 over the paper's",
        row["ours"] / row["paper"],
        "<",
        0.1,
    )
for name in ("sine", "robot_arm"):
    check(
        f"recorded, {tasks[name]}: the pool's r_1 over the tandem's",
        rows[f"r_T/{name}/pool/1"]["ours"]
        / rows[f"tandem/{name}/boundary"]["ours"],
        "<",
        1,
    )
check(
    "recorded, throw: the pool's r_1 over the tandem's",
    rows["r_T/ballistics/pool/1"]["ours"]
    / rows["tandem/ballistics/boundary"]["ours"],
    "in",
    (0.1, 10),
)
check(
    "recorded, sine: the look-up's r_1 over the tandem's",
    rows["r_T/sine/nearest/1"]["ours"]
    / rows["tandem/sine/boundary"]["ours"],
    "<",
    1,
)

# %% [markdown]
# ## The rare targets of the arm
#
# On the arm the median error is far below the mean. A record keeps the error of every target, so we can look at them one by one.

# %% mystnb={"figure": {"name": "fig-arm-edge", "caption": "Recorded targets of the arm, all seeds, by the tandem's error. The worst hundredth is circled."}, "image": {"alt": "A scatter of targets, vertical over horizontal position of the tip. At the right, near two metres, they are dense and dark, with small errors; towards the left they thin out and grow brighter. All circles lie at the far left, around zero."}} tags=["hide-input"]
arm = invlab.get_task("robot_arm")
errors = inverse_models.per_target("robot_arm", "tandem")
seeds = seeds_of("robot_arm")
where = torch.cat(
    [
        arm.targets(
            len(errors) // len(seeds), seed=s, dtype=torch.float64
        ).y
        for s in seeds
    ]
).cpu()
worst = errors.topk(len(errors) // 100).indices
fig, ax = plt.subplots(figsize=(5.4, 4))
shade = ax.scatter(*where.T, c=errors.log10(), s=8, vmin=-7, vmax=-1)
ax.plot(*where[worst].T, "o", mfc="none", color=figures.RED, markersize=10)
fig.colorbar(shade, ax=ax, label="log₁₀ error (m²)")
ax.set(xlabel="horizontal (m)", ylabel="vertical (m)", aspect="equal")
plt.show()

# %% tags=["hide-input"]
gap = torch.cdist(where, where).sort(1).values[:, 5]  # to the fifth nearest
rest = torch.ones(len(errors), dtype=torch.bool)
rest[worst] = False
check(
    "recorded, arm: share of the mean that the worst hundredth makes up",
    errors[worst].sum() / errors.sum(),
    ">",
    0.3,
)
check(
    "recorded, arm: median distance of the worst hundredth from the slider",
    where[worst, 0].median(),
    "<",
    0.7,
)
check(
    "recorded, arm: how much farther away their neighbours are",
    gap[worst].median() / gap[rest].median(),
    ">",
    2,
)
check(
    "recorded, arm: the mean without them over the smaller of the paper's",
    errors[rest].mean()
    / min(
        model_claims.paper_value(key, "robot_arm", "tandem")
        for key in ("r_1", "r_200")
    ),
    "<",
    1,
)
check(
    "recorded, arm: the median over the mean",
    errors.median() / errors.mean(),
    "<",
    0.1,
)

# %% [markdown]
# ## Where we differ from the paper
#
# * **Throw and sine.** Our tandem is far below the paper's numbers.
# * **Arm.** The mean is decided by a few targets close to the slider. The arm rarely gets there, so there were few training pairs around them. The paper scores 200 targets (published code), and such a sample may contain more or fewer of them, so a mean over it is very uncertain. Print the median beside the mean.
# * **Boundary loss.** The gain that the paper reports (supplement, Section 8.4 and Figure 8) is not there in our recorded run. All our networks see $x$ in scaled units and start inside the data. Whether the units explain the paper's gain we cannot know: its networks and its 500 epochs are different ones, and on the arm zero lies in the middle of the data in any units (see the second exercise of {doc}`ch07_tandem`).
# * **Beside other methods.** On the throw the tandem is about as accurate as the pool, and the neural adjoint of {doc}`ch06_neural_adjoint` is far more accurate than both.
#
# Back to {doc}`ch07_tandem`, or on to {doc}`ch08_mixture_density`.
