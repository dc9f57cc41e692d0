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
# # The whole comparison
#
# **In this chapter** you put all models of Part II on the same targets, score them in three ways that disagree, set each number beside the paper's, and add a model of your own to the figure.
#
# :::{admonition} Before you start
# :class: note
# * **You need** {doc}`ch05_counting_guesses` for $r_T$ and the baselines; the chapters {doc}`ch06_neural_adjoint` to {doc}`ch10_invertible` introduce the models one by one.
# * **It takes** about a minute on two CPU cores.
# * **Run it** with the rocket button at the top of the page, or
#   [open it in Colab](https://colab.research.google.com/github/OWNER/invlab/blob/main/chapters/ch11_benchmark.ipynb).
# :::

# %%  tags=["remove-cell", "nbval-skip"]
import importlib.util
import sys

if "google.colab" in sys.modules and not importlib.util.find_spec("invlab"):
    # %pip install -q --no-deps "git+https://github.com/OWNER/invlab"
    pass

# %%
import matplotlib.pyplot as plt
import torch
from IPython.display import Markdown, display

import invlab
from invbook import check, figures, ledger, load_records
from invbook.papers import neural_adjoint
from invbook.papers.neural_adjoint import model_claims
from invbook.papers.neural_adjoint.models import settings
from invbook.papers.neural_adjoint.runs import seeds_of
from invlab import runtime
from invlab.improve import surrogate_error
from invlab.metrics import posterior

figures.use_style()
torch.set_num_threads(1)
n_pairs = runtime.by_preset(quick=4000, full=10_000)
n_targets = runtime.by_preset(quick=100, full=500)
shorter = runtime.by_preset(quick=8, full=1)

# %% [markdown]
# ## The rules
#
# A comparison is as good as its rules. These hold for every row of this page:
#
# * **Same data.** 10,000 simulations a seed, a fifth of them held out to choose the best weights. No model calls the simulator when it answers.
# * **Fresh targets.** 500 a seed, drawn for the score alone. (The published code scores on a part of its validation set.) The settings of each model were chosen on another seed and on other targets.
# * **In bounds.** Each unknown of a draw is clipped to the range that the training pairs have. What that does is reported.
# * **Nothing is dropped.** A guess that the simulator cannot use costs twice the variance of $y$, which is what an unrelated guess costs.
# * **Five seeds**, each with its own data, network and targets. Brackets are 95 % intervals over seeds and targets.
# * **Order.** The neural adjoint, the pool and the look-up return their guesses best first, by what they believe. All others draw independently, so that for them $r_T$ is the mean over all subsets. Ranking is a tool that anybody may use, and further down everybody does.
# * **Baselines in every table**: draws from the prior, the look-up in the training pairs, and the pool, a surrogate asked at 200,000 prior draws.
#
# ## Where their guesses lie
#
# Here is a small version of every model, trained on the sine task while you wait. The paper's Figure 4 shows where the guesses lie for the target $y = -0.3$.

# %%
task = invlab.get_task("sine")
pairs = task.sample(n_pairs, generator=runtime.generator(0, "pairs"))


def fit(name, **options):
    """A model with the settings of the recorded run, trained for less time."""
    options = settings(name, "sine") | options
    model = invlab.get_method(name.removesuffix("_plain"), **options)
    model.training_options["epochs"] //= shorter
    return model.fit(task, pairs, seed=0)


models = {
    "direct": fit("direct", epochs=160),
    "tandem": fit("tandem", epochs=240, batch_size=100),
    "mixture density": fit("mixture_density", components=64),
    "cVAE": fit("cvae"),
    "INN": fit("inn", epochs=320),
    "cINN": fit("cinn", epochs=160),
    "flow matching": fit("flow_matching"),
    "neural adjoint": invlab.get_method(
        "neural_adjoint",
        epochs=480 // shorter,
        batch_size=256,
    ).fit(task, pairs, seed=0),
}

# %%  mystnb={"figure": {"name": "fig-where", "caption": "A hundred and fifty guesses of each model for y = −0.3 (dots), over the exact answers (rings). After Figure 4 of the paper."}, "image": {"alt": "Eight maps of the sine task with rings for the exact answers. The direct network and the tandem show one dot each, the direct one off the rings. The neural adjoint has dots on all rings. The mixture density network and flow matching scatter around the rings; the cVAE, INN and cINN have many dots strung between them."}}
y = torch.tensor([[-0.3]])
guesses = {name: model.propose(y, 150)[0] for name, model in models.items()}
fig, axes = plt.subplots(
    2, 4, figsize=(10, 5.4), sharex=True, sharey=True, layout="constrained"
)
for ax, (name, x) in zip(axes.flat, guesses.items(), strict=True):
    figures.rings(ax, -0.3, x)
    ax.set_title(name, fontsize=10)
    ax.label_outer()
plt.show()


# %%
def error(x):
    return invlab.resimulation_error(task, x[None], y)[0]


check(
    "the direct network, an average of modes, is off the rings",
    error(guesses["direct"])[0] > 1e-3,
)
check(
    "the tandem's one answer is on them",
    error(guesses["tandem"])[0] < 1e-2,
)
exact = task.posterior(y, 2000)
recall = {
    name: float(
        posterior.mode_recall(task.modes(x[None], y), task.modes(exact, y))
    )
    for name, x in guesses.items()
}
for name in ("mixture density", "flow matching", "neural adjoint"):
    check(f"{name} visits most pieces", recall[name] > 0.7)
check("the tandem visits one of sixteen", recall["tandem"] < 0.1)

# %% [markdown]
# Three kinds of error can be seen. The direct network answers with an *average* of answers. The cVAE, the INN and the cINN are continuous maps of one connected cloud of noise: they cannot tear it, so wherever they lead it from one piece to the next they leave a *filament* of wrong guesses. The mixture, and flow matching with its smooth velocity, are *blurred*: they know every ring, and hit none exactly. More training sharpens all of them, as the recorded run below shows.
#
# ## The curves join here
#
# A figure of $r_T$ from these small models, and a place for yours. A method is anything with `fit(task, data)`, `propose(y, n)` and the word whether the order of its guesses means anything. As an example, here is one in a few lines that is no network at all: a random one of the nearest training pairs.


# %%
class RandomNeighbour:
    """One of the 200 training pairs with the nearest y, by lot."""

    exchangeable = True

    def fit(self, task, data, *, seed=0):
        self.nearest = invlab.get_method("nearest").fit(task, data)
        return self

    def propose(self, y, n=1, c=None, *, generator=None):
        order = torch.randperm(
            200, generator=generator or runtime.generator(0)
        )
        return self.nearest.propose(y, 200)[:, order[:n]]


yours = {"random neighbour": RandomNeighbour()}  # add yours here

# %%  mystnb={"figure": {"name": "fig-join", "caption": "Error of the best of T guesses on the sine task: small models, trained on this page, and a method of your own (black)."}, "image": {"alt": "Falling lines of r_T over the number of guesses on logarithmic axes: the tandem flat; the five sampling models falling together, from between 0.1 and 2 at one guess to below a ten-thousandth at 200; the neural adjoint far below all; draws from the prior above."}}
targets = task.targets(n_targets, seed=0)
variance = float(pairs.y.var())


def curve(model):
    x = model.propose(targets.y, 200)
    errors = invlab.resimulation_error(task, x, targets.y)
    return invlab.r_T(errors, exchangeable=model.exchangeable)


prior = invlab.get_method("prior").fit(task, pairs)
live = {name: curve(model) for name, model in models.items()}
live["prior"] = curve(prior)
own = {name: curve(model.fit(task, pairs)) for name, model in yours.items()}
count = torch.arange(1, 201)
fig, axes = plt.subplots(
    1, 2, figsize=(9, 3.6), sharey=True, layout="constrained"
)
groups = (
    ("mixture density", "cVAE", "INN", "cINN", "flow matching"),
    ("direct", "tandem", "neural adjoint", "prior"),
)
for ax, group in zip(axes, groups, strict=True):
    figures.error_curves(ax, {name: live[name] for name in group})
    for name, values in own.items():
        ax.loglog(
            count, values, color=figures.BLACK, linewidth=2, label=name
        )
    ax.legend(fontsize=8)
axes[1].set_ylabel("")
plt.show()

# %%
samplers = groups[0]
for name in samplers:
    check(
        f"{name}: below the prior at T = 50",
        live[name][49] < live["prior"][49],
    )
others = [name for name in live if name != "neural adjoint"]
check(
    "the neural adjoint is lowest at T = 1, 10 and 200",
    all(
        live["neural adjoint"][k] <= live[name][k]
        for name in others
        for k in (0, 9, 199)
    ),
)

# %% [markdown]
# ## The recorded run: Figure 3
#
# `python -m invbook bench neural_adjoint --preset full` trains every model at full size on all tasks, and resumes where it was stopped. The fourth task, a **meta-material** of eight unknowns and 300 numbers in $y$, has a chapter of its own: {doc}`ch12_metamaterial` makes it, and has what is special about it. Here its numbers stand beside the others, from three seeds with 100 targets each, since judging a guess there takes five networks. The paper's Figure 3 goes to $T = 50$; here are 200.

# %%
CLAIMS = neural_adjoint.CLAIMS
rows = {row["id"]: row for row in ledger.rows(CLAIMS)}
records = load_records()
TASKS = neural_adjoint.TASKS
ALL = (*TASKS, "metamaterial")
BASELINES = ("prior", "nearest", "pool", "neural_adjoint")
MODELS = neural_adjoint.recorded(records, ALL)
SAMPLERS = [m for m in neural_adjoint.SAMPLERS if m in MODELS]
LABEL = {
    "mixture_density": "mixture density",
    "cvae": "cVAE",
    "inn": "INN",
    "cinn": "cINN",
    "flow_matching": "flow matching",
    "spline_flow": "spline flow",
    "neural_adjoint": "neural adjoint",
    "nearest": "look-up",
    "tandem_plain": "tandem, no boundary loss",
}


def record(name, method, seed):
    kind = (
        f"models/{name}/{method}" if method in MODELS else f"compare/{name}"
    )
    return records[f"neural_adjoint/{kind}/seed{seed}"]


def recorded_curve(name, method):
    curves = [
        record(name, method, s)["curves"][method] for s in seeds_of(name)
    ]
    return torch.tensor(curves, dtype=torch.float64).mean(0)


def score(name, method, key):
    """Mean over the seeds of one recorded score."""
    values = [
        record(name, method, s)["scores"][f"{method}/{key}"]
        for s in seeds_of(name)
    ]
    return float(torch.tensor(values).mean())


def models_of(name):
    """The models that are recorded on a task."""
    plain = "tandem_plain" if name == "metamaterial" else None
    return [method for method in MODELS if method != plain]


def by_task(lines, columns):
    """A table for each task: lines by task."""
    for name, rows_of_task in lines.items():
        title = f"**{name.replace('_', ' ')}**\n\n"
        display(Markdown(title + ledger.table(rows_of_task, columns)))


count = record("sine", "cinn", 0)["curves"]["T"]
curves = {
    name: {
        m: recorded_curve(name, m) for m in (*models_of(name), *BASELINES)
    }
    for name in ALL
}
adjoint_paper = neural_adjoint.PUBLISHED | {
    "metamaterial": neural_adjoint.PROXY_PUBLISHED
}

# %%  mystnb={"figure": {"name": "fig-three", "caption": "Error of the best of T guesses, mean over seeds with 500 targets each (meta-material: three seeds, 100 targets each). Left: models that draw; right: one answer, search, and baselines; the prior (grey) is in both. Stars: the paper's Table 3 (T = 200) in the colour of the model. After Figure 3 of the paper."}, "image": {"alt": "Eight panels, a row for each of ballistics, sine, robot arm and metamaterial, with falling lines of r_T on logarithmic axes up to 200 guesses. The drawing models fall steadily and lie below the paper's stars; on the right the tandem and direct network are flat, and the neural adjoint and the pool are lowest."}}
fig, axes = plt.subplots(
    4, 2, figsize=(9, 12), sharex=True, sharey="row", layout="constrained"
)
for pair, name in zip(axes, ALL, strict=True):
    groups = (
        SAMPLERS,
        ("neural_adjoint", "pool", "nearest", "tandem", "direct"),
    )
    for ax, group in zip(pair, groups, strict=True):
        ax.loglog(count, curves[name]["prior"], color="0.6", label="prior")
        for k, method in enumerate(group):
            ax.loglog(
                count,
                curves[name][method],
                linestyle=figures.DASHES[k],
                marker=figures.MARKERS[k],
                markersize=4,
                color=figures.SERIES[k],
                label=LABEL.get(method, method),
            )
            paper = (
                adjoint_paper[name][200]
                if method == "neural_adjoint"
                else model_claims.paper_value("r_200", name, method)
            )
            if paper:
                ax.plot(
                    200, paper, "*", color=figures.SERIES[k], markersize=11
                )
        ax.set_title(name.replace("_", " "), fontsize=10)
    pair[0].set_ylabel("r_T")
for ax in axes[-1]:
    ax.set_xlabel("guesses T")
for ax in axes[0]:
    ax.legend(fontsize=7)
plt.show()

# %%
for name in ("sine", "metamaterial"):
    found = curves[name]
    check(
        f"recorded, {name}: the neural adjoint is lowest at every T",
        all(
            (found["neural_adjoint"] < found[method]).all()
            for method in models_of(name)
        ),
    )

# %% [markdown]
# ## Tables 7 and 3: one guess, and two hundred
#
# The paper does not say what $T$ its Table 3 has. Its Figure 3 stops at $T = 50$, and for independent draws the error falls as $T^{-2/\dim y}$ ({doc}`ch05_counting_guesses`). If Table 3 continues the figure to $T = 200$, it should be lower than the curve at 50 by $4^{2/\dim y}$: sixteen for the ball and the sine, four for the arm.


# %%
def continued(name, method):
    table = model_claims.PAPER_TABLES
    column = model_claims.COLUMNS.index(method)
    drop = 4 if name == "robot_arm" else 16
    at_50 = table["r_50"][name][column]
    return at_50 / drop / table["r_200"][name][column]


for name, method in (
    ("ballistics", "cvae"),
    ("ballistics", "mixture_density"),
    ("sine", "mixture_density"),
    ("sine", "cinn"),
    ("robot_arm", "mixture_density"),
    ("robot_arm", "cinn"),
):
    check(
        f"{name}, {method}: Table 3 fits T = 200 within a factor 1.5",
        1 / 1.5 < continued(name, method) < 1.5,
    )

# %% [markdown]
# So Table 3 is read as $T = 200$ in this book. Here it is with Table 7, for all tasks. The {doc}`../reproduction_ledger` has a verdict for each number.


# %%
shown = {name: [] for name in ALL}
for name in ALL:
    for method in (*models_of(name), *reversed(BASELINES)):
        line = {"method": LABEL.get(method, method)}
        for T in (1, 200):
            row = rows[f"r_T/{name}/{method}/{T}"]
            line[f"ours {T}"] = ledger.with_interval(row)
            line[f"paper {T}"] = row["paper"]
        if method in SAMPLERS:
            line["free"] = f"{score(name, method, 'free'):.1e}"
            line["moved"] = f"{100 * score(name, method, 'moved'):.1f} %"
        line["median"] = f"{score(name, method, 'q50'):.1e}"
        shown[name].append(line)
columns = {
    "method": "method",
    "paper 1": "paper r_1",
    "ours 1": "our r_1 [95 %]",
    "median": "median error / var y",
    "paper 200": "paper r_200",
    "ours 200": "our r_200 [95 %]",
    "free": "r_1 without clipping",
    "moved": "share clipped",
}
by_task(shown, columns)

# %% [markdown]
# Read the mean at $T = 1$ with care. It is set by the few worst draws: compare it with the median, which can be a thousand times lower, and with the column without clipping, where single runaway draws of an invertible network can multiply it. Medians and $r_{50}$, $r_{200}$ are what the models can be judged by.

# %%  tags=["nbval-ignore-output"]
above = [
    (name, method, T)
    for name in TASKS
    for method in model_claims.COLUMNS
    for T in (1, 50, 200)
    if rows[f"r_T/{name}/{method}/{T}"]["ours"]
    > model_claims.paper_value(f"r_{T}", name, method)
]
print("mean above the paper's number:", above)

# %%
check(
    "recorded: on each task and at each T most models are below the paper",
    len(above) <= 9,
)
check(
    "recorded: where the mean is above, the interval includes the paper",
    all(
        rows[f"r_T/{name}/{method}/{T}"]["low"]
        <= model_claims.paper_value(f"r_{T}", name, method)
        for name, method, T in above
    ),
)
check(
    "recorded: the INN is below the paper on each task and at each T",
    not any(method == "inn" for _, method, _ in above),
)


def without_worst(name, method, T):
    """The recorded mean without the worst hundredth of the targets."""
    errors = torch.cat(
        [
            torch.tensor(record(name, method, s)["targets"][method][str(T)])
            for s in seeds_of(name)
        ]
    )
    return float(errors.sort().values[: -len(errors) // 100].mean())


check(
    "the cVAE on the ball and the tandem on the arm: one target in a "
    "hundred is the reason",
    all(
        without_worst(name, method, 200)
        < model_claims.paper_value("r_200", name, method)
        for name, method in (
            ("ballistics", "cvae"),
            ("robot_arm", "tandem"),
        )
    ),
)

# %% [markdown]
# Where our mean is above the paper's number, the interval includes it. On the ball and the arm a few rare targets at the edge of what the prior reaches own the mean; 200 targets, as in the paper, often have none of them. (In the paper the tandem has two numbers for one deterministic model, $5.4$ and $7.0 \cdot 10^{-4}$ on the arm: that is the scatter of this score.) The cVAE on the sine is no better than the paper's, for the reason shown in {doc}`ch09_cvae`.
#
# ### Where a number differs from the paper, and why
#
# * **The INN.** The published loss takes the norm of fresh noise where it should take the norm of the network's $\hat z$; the term has no gradient, and the latent grows without bound ({doc}`ch10_invertible`). With the right term the INN is among the best.
# * **The cVAE on the arm.** Its weight of the divergence is 1 there, and the latent collapses ({doc}`ch09_cvae`): the paper's curve is flat. A decoder with a learned width does not.
# * **The ball.** The paper's simulator looks for the impact on a grid of 1500 times. That alone moves $y$ by more than many of the errors in the table, as the next cell shows; here the impact is solved exactly.
# * **Sizes.** The paper's networks have 0.3 to 5 million numbers. Those of the released code are partly others (its cINNs have about a third of the size that Table 8 gives). Ours have 0.1 to 0.4 million.
# * **Training.** Scaled unknowns, smooth activations, small batches and one cycle of the learning rate, as the ladder of {doc}`ch06_neural_adjoint` shows step by step; and waves of the inputs for the sine task ({doc}`ch10_invertible`).

# %%
ball = invlab.get_task("ballistics")
grid = invlab.get_task("ballistics", impact="grid")
x = ball.prior.sample(5000, generator=runtime.generator(0, "grid"))
gap = (grid.simulate(x) - ball.simulate(x)).square().mean()
print(f"mean squared error of the time grid: {gap:.0e}")
check(
    "it is above the paper's r_200 of all but the tandem and the INN",
    all(
        gap > model_claims.paper_value("r_200", "ballistics", method)
        for method in ("cvae", "cinn", "mixture_density")
    ),
)

# %% [markdown]
# ## Table 4: is it the posterior?
#
# $r_T$ asks for one good guess. A *posterior* is more: all answers, each as often as it deserves. The paper compares draws with the posterior by the maximum mean discrepancy (MMD, {cite:p}`gretton2012kernel`): zero for two samples of one law, two to three for a single point against a spread-out law.
#
# Two details decide what the numbers mean. Their estimator keeps the pairs of each draw with itself, and so never gets to zero; and they do not say how many draws they used. This is what *perfect* draws score with their estimator:

# %%  tags=["nbval-ignore-output"]
y10 = task.targets(10, seed=3, dtype=torch.float64).y
scale = pairs.x.double().std(0)


def floor(n, unbiased):
    a, b = (
        task.posterior(y10, n, generator=runtime.generator(k)) / scale
        for k in (1, 2)
    )
    return float(posterior.mmd2(a, b, unbiased=unbiased).mean())


for n in (100, 200, 1000):
    print(
        f"{n} draws: biased {floor(n, False):.3f}, "
        f"unbiased {floor(n, True):.4f}"
    )
best = min(model_claims.PAPER_TABLES["mmd"]["sine"])
check(
    "perfect draws score what the paper's best models score, at n = 100 to 200",
    floor(200, False) <= best <= floor(100, False),
)

# %% [markdown]
# The best entries of Table 4, 0.03 to 0.04, are the floor of its estimator: they cannot tell a good model from a perfect one. Ours is the unbiased estimate from 1000 draws a target, with each unknown in units of the prior's standard deviation; its own floor is in the table. Beside it stand the accuracy of a classifier (C2ST {cite:p}`lopezpaz2017revisiting`; one half is perfect), the share of the pieces of the sine's posterior that are found, and the smallest $p$-value of a test of calibration {cite:p}`talts2018validating` over unknowns and seeds.


# %%
def matched(name, method, key):
    return [
        value
        for s in seeds_of(name)
        for value in record(name, method, s)["matching"][method][key]
    ]


shown = {name: [] for name in TASKS}
for name in TASKS:
    for method in (*MODELS, "neural_adjoint", "pool", "prior"):
        row = rows[f"mmd/{name}/{method}"]
        line = {
            "method": LABEL.get(method, method),
            "paper": row["paper"],
            "ours": ledger.with_interval(row),
        }
        mmd = torch.tensor(matched(name, method, "mmd"))
        line["median"] = f"{mmd.median():.1e}"
        line["worst"] = f"{mmd.max():.1e}"
        line["c2st"] = (
            f"{sum(c := matched(name, method, 'c2st')) / len(c):.2f}"
        )
        if name == "sine":
            found = matched(name, method, "recall")
            line["recall"] = f"{sum(found) / len(found):.2f}"
        line["p"] = f"{min(matched(name, method, 'calibration')):.0e}"
        shown[name].append(line)
    row = rows[f"mmd/{name}/floor"]
    shown[name].append(
        {"method": "exact draws", "ours": ledger.with_interval(row)}
    )
columns = {
    "method": "method",
    "paper": "paper, biased",
    "ours": "our MMD² [95 %]",
    "median": "median target",
    "worst": "worst target",
    "c2st": "C2ST",
    "recall": "pieces found",
    "p": "calibration, smallest p",
}
by_task(shown, columns)

# %%
for name in TASKS:
    check(
        f"recorded, {name}: the floor is zero to 5e-4",
        abs(rows[f"mmd/{name}/floor"]["ours"]) < 5e-4,
    )
    check(
        f"recorded, {name}: a single answer scores two to three",
        2 < rows[f"mmd/{name}/tandem"]["ours"] < 3,
    )

# %% [markdown]
# ## Two scores, two orders
#
# Now rank the drawing models by each score. And then let everybody use the same tool: two Gauss–Newton steps through a surrogate (seed 0, the neural adjoint's own).


# %%
def refined(name, method, what, T):
    """Recorded r_T on seed 0 after ranking or refining the same guesses."""
    curve = record(name, method, 0)["curves"][f"{method} {what}"]
    return curve[count.index(T)]


shown = {name: [] for name in TASKS}
for name in TASKS:
    for method in SAMPLERS:
        mmd = rows[f"mmd/{name}/{method}"]["ours"]
        shown[name].append(
            {
                "method": LABEL[method],
                "r_1": f"{curves[name][method][0]:.1e}",
                "r_200": f"{curves[name][method][-1]:.1e}",
                "mmd": f"{mmd:.1e}",
                "ranked": f"{refined(name, method, 'ranked', 1):.1e}",
                "refined 1": f"{refined(name, method, 'refined', 1):.1e}",
                "refined": f"{refined(name, method, 'refined', 200):.1e}",
            }
        )
    pool = curves[name]["pool"]
    shown[name].append(
        {
            "method": "pool",
            "r_1": f"{pool[0]:.1e}",
            "r_200": f"{pool[-1]:.1e}",
            "mmd": f"{rows[f'mmd/{name}/pool']['ours']:.1e}",
        }
    )
columns = {
    "method": "method",
    "r_1": "r_1",
    "r_200": "r_200",
    "mmd": "MMD²",
    "ranked": "best-ranked of 200",
    "refined 1": "r_1 after two steps",
    "refined": "r_200 after two steps",
}
by_task(shown, columns)


# %%
def order(values):
    return sorted(SAMPLERS, key=values.get)


for name in TASKS:
    by_error = {m: float(curves[name][m][-1]) for m in SAMPLERS}
    by_mmd = {m: rows[f"mmd/{name}/{m}"]["ours"] for m in SAMPLERS}
    check(
        f"recorded, {name}: r_200 and MMD² order the models differently",
        order(by_error) != order(by_mmd),
    )
    after = [refined(name, m, "refined", 200) for m in SAMPLERS]
    before = list(by_error.values())
    check(
        f"recorded, {name}: two steps bring the models together",
        max(after) / min(after) < max(before) / min(before),
    )
    gain = [
        curves[name][m][0] / refined(name, m, "ranked", 1) for m in SAMPLERS
    ]
    check(
        f"recorded, {name}: ranking lowers r_1 at least tenfold",
        min(gain) > 10,
    )

# %% [markdown]
# Three lessons, and they are the chapter's result:
#
# 1. **Sharp models win $r_T$, smooth models win MMD.** The invertible networks put their draws exactly on answers, and pay with filaments; flow matching and the mixture cover the posterior, slightly blurred. One score is not enough.
# 2. **After two Gauss–Newton steps $r_T$ hardly knows where the guesses came from.** It then measures the surrogate. Only the match with the posterior still tells the generators apart.
# 3. **The simplest amortiser is hard to beat.** The pool, no more than a surrogate asked very often, has both a low $r_T$ and a low MMD, as long as $y$ has few numbers and the prior can be sampled.
#
# ## Tables 2, 8, 9 and 10: what it costs

# %%
shown = {name: [] for name in ALL}
for name in ALL:
    for method in (*SAMPLERS, "tandem", "direct", "neural_adjoint"):
        train = rows[f"time/{name}/{method}/train"]
        infer = rows[f"time/{name}/{method}/infer"]
        size = rows[f"size/{name}/{method}"]
        shown[name].append(
            {
                "method": LABEL.get(method, method),
                "paper size": size["paper"],
                "size": f"{size['ours']:.2f}",
                "paper mb": model_claims.paper_value(
                    "megabytes", name, method
                ),
                "mb": f"{4 * size['ours']:.1f}",
                "paper train": train["paper"],
                "train": f"{train['ours']:.0f}",
                "paper infer": infer["paper"],
                "infer": f"{1000 * score(name, method, 'infer') / 200:.3f}",
                "evaluations": f"{score(name, method, 'evaluations'):.0f}",
            }
        )
columns = {
    "method": "method",
    "paper size": "paper, M numbers",
    "size": "ours",
    "paper mb": "paper, MB",
    "mb": "ours",
    "paper train": "paper training, GPU s",
    "train": "ours, CPU s",
    "paper infer": "paper, 1000 guesses, GPU s",
    "infer": "ours, CPU s",
    "evaluations": "network rows a target (200 guesses)",
}
by_task(shown, columns)

# %% [markdown]
# The paper's seconds are wall time on a GTX 1080; ours are processor seconds of one core, on a machine that was busy with other trainings at the time. A *network row* is one row through one fully connected network: an invertible network of six blocks has twelve of them.

# %%
total = {
    name: sum(score(name, m, "train") for m in models_of(name))
    + score(name, "neural_adjoint", "train")
    for name in ALL
}
for name, seconds in total.items():
    check(
        f"recorded, {name}: all models of one seed in under 30 CPU minutes",
        seconds < 1800,
    )
larger = [
    (name, method)
    for name in ALL
    for method in model_claims.COLUMNS
    if rows[f"size/{name}/{method}"]["ours"]
    > rows[f"size/{name}/{method}"]["paper"]
]
check(
    "all have fewer numbers than the paper's, but the tandem on the arm",
    larger == [("robot_arm", "tandem")],
)

# %% [markdown]
# ## Exercises
#
# ```{exercise-start} Rank anything
# :label: ex-rank-anything
# ```
#
# Take 200 guesses of the flow-matching model for each of the `targets`, rank them by the surrogate of the neural adjoint (`models["neural adjoint"].surrogate`, {func}`invlab.improve.surrogate_error`, {func}`invlab.rank`), and compute the curve `of_ranked`. What is its first value, compared with the unranked one?
#
# ```{exercise-end}
# ```

# %% [markdown]
# ```{solution-start} ex-rank-anything
# :class: dropdown
# ```

# %%
surrogate = models["neural adjoint"].surrogate
x = models["flow matching"].propose(targets.y, 200)
ranked = invlab.rank(x, surrogate_error(surrogate, x, targets.y))
errors = invlab.resimulation_error(task, ranked, targets.y)
of_ranked = invlab.r_T(errors, exchangeable=False)

# %% [markdown]
# A list that was ranked is not exchangeable any more, and has to say so. Its first guess is nearly as good as the best of all 200.
#
# ```{solution-end}
# ```

# %%  tags=["check-exercise"]
gain = live["flow matching"][0] / of_ranked[0]
check("ranked, one guess is worth many: r_1 falls tenfold", gain > 10)

# %% [markdown]
# ```{exercise-start} When does chance win?
# :label: ex-chance
# ```
#
# From how many guesses on, `enough`, do draws from the prior beat the tandem's one answer on the sine task? The curve of the prior falls as $T^{-2}$ once $T$ is large: continue it from $T = 200$.
#
# ```{exercise-end}
# ```

# %% [markdown]
# ```{solution-start} ex-chance
# :class: dropdown
# ```

# %%
flat = float(live["tandem"][0])
enough = 200 * float(live["prior"][199] / flat) ** 0.5

# %% [markdown]
# A curve $r_{200} (T/200)^{-2}$ is at the height $e$ where $T = 200 \sqrt{r_{200}/e}$. The better the one answer, the more luck it takes.
#
# ```{solution-end}
# ```

# %%  tags=["check-exercise"]
slope = (live["prior"][199] / live["prior"][49]).log() / torch.tensor(
    4.0
).log()
check("the prior's curve falls about as T^-2", -2.6 < slope < -1.4)
check(
    "continued by that law, it meets the tandem's error",
    abs(float(live["prior"][199]) * (200 / enough) ** 2 / flat - 1) < 1e-3,
)

# %% [markdown]
# ```{exercise-start} The floor of an estimator
# :label: ex-floor
# ```
#
# How does the biased MMD of two *exact* samples depend on the number of draws? The kernel is a sum of three terms, each 1 at distance zero. Predict `bound`, which $n$ times the score cannot exceed, and compare with `floor(n, False)`.
#
# ```{exercise-end}
# ```

# %% [markdown]
# ```{solution-start} ex-floor
# :class: dropdown
# ```

# %%
bound = 2 * 3
scores = {n: n * floor(n, False) for n in (100, 400)}

# %% [markdown]
# A draw is at distance zero from itself: in each of the two samples that adds $3/n$, less what an ordinary pair would have had. Together a little below $6/n$, for perfect draws.
#
# ```{solution-end}
# ```

# %%  tags=["check-exercise"]
for n, value in scores.items():
    check(f"n = {n}: between 3/n and 6/n", 3 < value < bound)

# %% [markdown]
# ## What we saw
#
# * Same data, same targets, same rules: nearly everywhere the models are below the paper's numbers, often by decades, with a tenth of the size. Reasons are in the list above; what is not reached stands in the {doc}`../reproduction_ledger`.
# * On the sine task nothing that was trained comes near the neural adjoint at any number of guesses.
# * $r_T$ and the match with the posterior order the models differently, and two Gauss–Newton steps make $r_T$ blind to the generator.
# * The best entries of the paper's Table 4 are the floor of its estimator.
# * The pool, a look-up through a surrogate, belongs in every table.
#
# ## Where next
#
# {doc}`ch12_metamaterial` makes the fourth task, from Maxwell's equations to a file that can be shared, and asks what is lost when a network judges networks. The {doc}`../reproduction_ledger` has every number of this page.
#
# ## References
#
# The comparison, its tables and figures are from {cite:t}`ren2020benchmarking`; the three two-sample scores from {cite:t}`gretton2012kernel`, {cite:t}`lopezpaz2017revisiting` and {cite:t}`talts2018validating`. An earlier benchmark of two of the tasks is {cite:t}`kruse2021benchmarking`.
