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
# # Which method?
#
# **In this chapter** one call tries the methods on *your* simulator and says in words which to use for what, and you learn to read each of its numbers and sentences.
#
# :::{admonition} Before you start
# :class: note
# * **You need** {doc}`ch18_bring_your_own_simulator`: how a simulator becomes a task, and the drug that is swallowed.
# * **It takes** about a minute of one CPU core. A GPU does not help.
# * **Run it** with the rocket button at the top of the page, or
#   [open it in Colab](https://colab.research.google.com/github/OWNER/invlab/blob/main/chapters/ch19_which_method.ipynb).
# :::

# %% tags=["remove-cell", "nbval-skip"]
import importlib.util
import sys

if "google.colab" in sys.modules and not importlib.util.find_spec("invlab"):
    # %pip install -q --no-deps "git+https://github.com/OWNER/invlab"
    pass

# %%
import matplotlib.pyplot as plt
import torch
from IPython.display import Markdown

import invlab
from invbook import check, figures, load_records
from invbook.drug import drug
from invbook.papers.advice import chart_table
from invlab import runtime

figures.use_style()
torch.set_num_threads(1)  # the networks are small: one thread is fastest
targets = runtime.by_preset(quick=24, full=100)
seeds = runtime.by_preset(quick=1, full=3)

# %% [markdown]
# ## Two simulators
#
# The first is the drug of the last chapter: a smooth formula with gradients and without noise. The second is its opposite. A disease spreads in a village of 50. Each day every ill person may infect each healthy one, with the same small probability, and is ill for one day. The probability and the number of people who were ill at first are to be found from the daily counts of eight days. The counts are random, they are whole numbers, and there is no gradient.


# %%
def outbreak(x):
    risk, ill = x[..., 0], x[..., 1]
    healthy, days = 50 - ill, []
    for _day in range(8):
        ill = torch.binomial(healthy, 1 - (1 - risk) ** ill)
        healthy = healthy - ill
        days.append(ill)
    return torch.stack(days, -1)


village = invlab.Task(
    "village",
    outbreak,
    invlab.Product(
        [invlab.LogUniform([0.005], [0.1]), invlab.Integer([1], [5])]
    ),
    labels=["risk", "ill at first"],
    differentiable=False,
    noisy=True,
)

# %% [markdown]
# `compare` gives the same pairs to each method, lets each answer the same targets, simulates the answers, and counts. Three learned methods are enough for this page; without `methods`, or with `"auto"`, it takes all that fit the task. Trainings are short: enough to put methods in order, a tenth of what a final fit takes.

# %%
options = dict(
    n=500,  # pairs to learn from
    targets=targets,
    guesses=(1, 10),  # T, the guesses that a target is allowed
    seeds=seeds,
    budget=8,  # seconds of one processor
)
methods = ["neural_adjoint", "mixture_density", "tandem"]
on_drug = invlab.compare(drug(), methods, **options)
on_village = invlab.compare(village, methods, **options)


# %% mystnb={"figure": {"name": "fig-which-two", "caption": "Error of one guess and of the best of ten, over the variance of y (geometric mean over targets). Left: the drug. Right: the outbreak, with the floor below which nothing can be told from the truth."}, "image": {"alt": "Two panels with one row a method and a logarithmic error axis. On the drug the methods lie many powers of ten apart, with lm and bfgs far in front. On the outbreak all methods except the prior lie close together around a dashed line, the floor."}} tags=["hide-input"]
def dots(ax, result):
    rows = [row for row in result.rows if row["geo_1"] is not None]
    rows = [row for row in rows if row["method"] != "floor"]
    names = [row["method"] for row in rows]
    for count, marker, color in ((1, "o", "BLUE"), (10, "s", "ORANGE")):
        values = [row[f"geo_{count}"] for row in rows]
        ax.plot(
            values,
            names,
            marker,
            color=getattr(figures, color),
            label=f"best of {count}",
        )
    ax.set(xscale="log", xlabel="error / variance of y")
    ax.invert_yaxis()


fig, (left, right) = plt.subplots(1, 2)
dots(left, on_drug)
left.set_title("drug")
dots(right, on_village)
right.axvline(on_village.facts.floor, color="0.4", linestyle="--")
right.set(xlim=(0.05, 3), title="outbreak")
left.legend(fontsize=8)
plt.show()

# %% [markdown]
# Nothing that is best on the left is even allowed on the right, and what decides is different in kind. On the drug the classical searches `bfgs` and `lm`, which follow the gradient of the simulator itself, are exact, and no network comes near. On the outbreak they cannot be used, and the methods that can are all as good as the noise allows. Choosing one there by its place in the list would be choosing by luck.

# %% tags=["hide-input"]
drug_rows = {row["method"]: row for row in on_drug.rows}
check(
    "on the drug a search wins, a thousand times and more ahead of the neural adjoint",
    on_drug.best(1) in ("lm", "bfgs")
    and drug_rows["neural_adjoint"]["geo_1"]
    > 1e3 * drug_rows["lm"]["geo_1"],
)
village_rows = {row["method"]: row for row in on_village.rows}
check(
    "on the outbreak three methods are within a factor of 1.5",
    sorted(
        row["geo_1"]
        for name, row in village_rows.items()
        if row["geo_1"] and name not in ("prior", "floor")
    )[2]
    < 1.5 * village_rows[on_village.best(1)]["geo_1"],
)

# %% [markdown]
# ## The idea: the same question to all, and rows that everybody must beat
#
# A comparison is worth something if all methods get the same data, answer the same targets, are judged by the same judge, and if there are **baselines**: ways to answer that take no training. `prior` answers without looking at the target. `nearest` looks the target up among the pairs and returns the unknowns of the nearest one. `pool` looks it up among 50,000 cheap simulations by a network. A learned method that does not beat the look-up has learned nothing that the data did not already say.
#
# By hand, for the first two and one guess, it is this:

# %%
task = drug()
data, asked = task.sample(500), task.targets(40, seed=1)
variance = data.y.var(0).mean()
near = torch.cdist(asked.y, data.y).argmin(1)
guesses = {"look-up": data.x[near], "prior": task.sample(40).x}
logs = {}
for name, x in guesses.items():
    error = (task.simulate(x) - asked.y).square().mean(1) / variance
    logs[name] = error.clamp_min(1e-12).log().cpu()
    print(f"{name}: {logs[name].mean().exp():.0e}")

# %% [markdown]
# Errors differ by powers of ten from target to target, so a few targets make up most of a mean. The methods are put in order by the **geometric mean**, the exponential of the mean logarithm, in which each target counts the same.
#
# Are two methods different, or was it the choice of targets? Both answered the same targets, so compare target by target: take the mean difference of the log errors, and see how much it changes when 40 targets are drawn again from these 40, with repetition. This is the *bootstrap*. If the interval that holds 95 % of the redrawn means contains zero, it is a **tie**.


# %%
def interval(gap):
    """95 % of the mean ratio of errors, over redrawn targets."""
    draws = runtime.generator(0, "redrawn targets")
    rows = torch.randint(len(gap), (2000, len(gap)), generator=draws)
    means = gap[rows].mean(1).sort().values
    return float(means[50].exp()), float(means[1949].exp())


low, high = interval(logs["prior"] - logs["look-up"])
check("no tie: the prior is at least 10 times worse", low > 10)

# %% [markdown]
# ## The table
#
# `print(result)` shows one row a method. Here are the columns that matter most, for the outbreak.


# %% tags=["hide-input", "nbval-ignore-output"]
def number(value):
    return "–" if value is None else f"{value:.2g}"


columns = ["r_1", "r_10", "median_10", "calibration_p", "fit_s"]
lines = [["method", *columns, "answer_ms"], ["---"] * 7]
for row in on_village.rows:
    speed = row["answer_s"]
    shown = [number(row.get(key)) for key in columns]
    ms = number(None if speed is None else 1000 * speed)
    lines.append([row["method"].replace("_", " "), *shown, ms])
Markdown("\n".join(f"| {' | '.join(line)} |" for line in lines))

# %% [markdown]
# * **r_1, r_10**: mean error of one guess, and of the best of ten, over the variance of y. One means no better than a constant. On a noisy task the best of ten is chosen on two runs of the simulator and scored on two others, so that lucky noise does not count. `low_10` and `high_10` are the ends of a 95 % interval.
# * **median_10**: half of the targets have a smaller error. A mean far above it comes from a few bad targets.
# * **calibration_p**: only for methods that propose a distribution. Near zero means that the true unknowns do not lie among the draws as they should; {doc}`ch20_how_far_to_trust` explains it.
# * **fit_s, answer_ms**: seconds to train, milliseconds for the answers to one target.
# * Not shown here: **failed**, the share of targets without a valid answer, which are left out of the means; **refined_10**, the error after a local search on the simulator; and **calls**, the simulations that a method took in all, its training pairs included. A dash says that something does not apply; a row's `note` says why a method took no part.
#
# ## The advice, sentence by sentence

# %% tags=["nbval-ignore-output"]
Markdown("\n".join(f"* {s.text}" for s in on_village.sentences))

# %% [markdown]
# Each sentence follows from the rows by one rule, and says nothing more:
#
# * *For one guess*, *for the best of 10*: the lowest geometric mean, and all that tie with it by the interval above. Errors below the noise floor count as equal to it.
# * *For a posterior*: the best of those whose draws pass the test of calibration. If none passes, it says so.
# * *Where an answer has to come fast*: the fastest within a factor of two of the best.
# * *Without further simulations*: where a search on the simulator is best, the best method that needs none.
# * *Refine*: where a local search behind the method divides its error by three or more.
# * *Do not use*: what is worse than the look-up, and not in a tie with it.
# * *More simulations*: whether the best method that learns had a clearly larger error when it was trained on a quarter and on half of the pairs.
# * *The simulator is noisy*: the floor. The truth itself, simulated again, differs from the observation by this much.
# * *Took no part*, *check the prior*, and *all this holds for*: what was left out and why, failing simulations, and the assumption behind it all.
#
# `result.best(10)` gives the name alone, and `invert(..., method="auto")` uses it. For the drug the sentence about fast answers deserves a second look: a search of two milliseconds is hard to beat, as long as a simulation costs microseconds. If yours takes a minute, read the sentence that begins with "Without further simulations".

# %% tags=["hide-input"]
rules = {s.rule: s for s in on_village.sentences}
check(
    "on the outbreak the floor is named, and the search is left out with its reason",
    "floor" in rules
    and rules["left_out"].methods == ("differential_evolution",),
)
on_drug_rules = {s.rule: s for s in on_drug.sentences}
check(
    "on the drug the two searches are a tie",
    set(on_drug_rules["one_guess"].methods) == {"lm", "bfgs"},
)

# %% [markdown]
# ## More data, or another method?
#
# A **learning curve** shows the error over the number of pairs. If it still falls where your data end, more simulations help; if it is flat, another method or less noise does. `compare` measures it for the best method that learns. Here it is for two methods on the drug, each trained on its own for a moment:

# %%
curve = {"neural_adjoint": [], "mixture_density": []}
some, counts = task.targets(20, seed=2), (60, 170, 480)
for name, errors in curve.items():
    for count in counts:
        epochs = 30_000 // count  # about the same number of steps
        model = invlab.get_method(name, epochs=epochs, batch_size=60)
        model.fit(task, data[:count])
        x = model.propose(some.y, n=1)
        error = invlab.resimulation_error(task, x, some.y) / variance
        errors.append(float(error.clamp_min(1e-12).log().mean().exp()))

# %% mystnb={"figure": {"name": "fig-which-learning", "caption": "Error of one guess over the number of training pairs, on the drug (geometric mean of 20 targets)."}, "image": {"alt": "Two falling curves on logarithmic axes from 60 to 480 pairs. The neural adjoint lies below the mixture density network throughout."}} tags=["hide-input"]
fig, ax = plt.subplots(figsize=(5, 3.2))
for (name, errors), dash in zip(curve.items(), ("o-", "s--")):
    ax.loglog(counts, errors, dash, label=name.replace("_", " "))
ax.set(xlabel="training pairs", ylabel="error / variance of y")
ax.set_xticks(counts, [str(count) for count in counts])
ax.minorticks_off()
ax.legend()
plt.show()

# %% tags=["hide-input"]
check(
    "eight times the pairs: the neural adjoint's error falls",
    curve["neural_adjoint"][-1] < 0.5 * curve["neural_adjoint"][0],
)

# %% [markdown]
# ## A budget
#
# `budget=8` above limits the processor seconds: trainings are shortened so that all fit in about half of them, and no further seed is begun once they are spent. For a dear simulator say `budget={"simulations": 2000}`. A comparison of $M$ methods costs
#
# $$
# \text{seeds} \times (n + \text{targets} + M \cdot \text{targets} \cdot T)
# $$ (eq-which-calls)
#
# simulations, and what searches use. `compare` then takes first fewer guesses, then fewer seeds, then fewer targets, until the budget holds. It measures how long one simulation takes before it begins, and where that is more than 50 milliseconds it uses one guess and at most 20 targets. With `folder=` it keeps what was done and goes on from there after an interruption; with `jobs=` it uses more processors.

# %% [markdown]
# ## Does the papers' advice transfer?
#
# Ren, Padilla and Malof {cite:p}`ren2020benchmarking` recommend the neural adjoint, Holl and Thuerey {cite:p}`holl2024joint` joint optimisation. Does either hold on simulators that the papers do not have? This book's own study has twenty-four small ones, from an epidemic to a beam, and three of the book's tasks. On each, a small comparison names a method, as `compare` did above. A larger one, on other pairs and other targets, says what every method reaches. The **regret** of a choice is its error over the error of the best method there: one is perfect, two is twice the error. Errors below a millionth of the variance of y count as equal.
#
# Thirteen of these simulators were looked at while the rules of the advice were written; fourteen were not, and only they can show that the rules hold elsewhere. What you see here is the study in its *quick* size: the thirteen, with sixty pairs in the larger comparison. Take it as a rehearsal. The fourteen wait for the full run (`python -m invbook bench advice --preset full`).

# %% mystnb={"figure": {"name": "fig-which-regret", "caption": "Regret of each way to choose, geometric mean over thirteen simulators with a 95 % interval (quick records). Left: all methods are allowed. Right: only those that call no simulator for an answer."}, "image": {"alt": "Two panels, one row a way to choose, on a logarithmic axis of regret from one upwards. On the left the advice of compare and a search on the simulator lie near one, and the neural adjoint, joint optimisation, the look-up and the conditional invertible network far to the right. On the right compare and the neural adjoint lie together below two."}} tags=["hide-input"]
study = [
    r
    for k, r in load_records(preset="quick").items()
    if k.startswith("advice/")
]
NAMES = {
    "compare": "compare's advice",
    "neural_adjoint": "neural adjoint",
    "joint": "joint optimisation",
    "search": "search on simulator",
    "nearest": "look-up",
    "cinn": "cINN",
    "random": "a random choice",
}


def regret(name):
    return torch.tensor(
        [r["scores"][f"{name}/r"] for r in study], dtype=torch.float64
    )


fig, panels = plt.subplots(1, 2, sharey=True, figsize=(8, 2.9))
for ax, scope, title in zip(
    panels, ("", "alone/"), ("all methods", "no further simulations")
):
    shown = [
        name
        for name in NAMES
        if not (scope and name in ("joint", "search"))
    ]
    for name in shown:
        logs, place = regret(scope + name), list(NAMES).index(name)
        ends = torch.tensor(invlab.bootstrap_interval(logs.T)).exp()
        ax.plot(ends, [place, place], color=figures.BLUE)
        ax.plot(logs.mean().exp(), place, "o", color=figures.BLUE)
    ax.set(xscale="log", xlabel="regret", title=title)
panels[0].set_yticks(range(len(NAMES)), NAMES.values())
panels[0].invert_yaxis()
plt.show()

# %% [markdown]
# With a simulator at hand that is cheap and smooth, neither paper's advice holds: a plain search on the simulator itself, BFGS or Levenberg–Marquardt from many starts, is ahead by powers of ten, and `compare` says so. Where answers must cost no further simulations, always taking the neural adjoint is nearly as good as asking: paper 2 is right within its own rules, since all its methods answer that way. A conditional invertible network as a fixed choice is worse than the look-up in both.

# %% tags=["hide-input"]
means = {
    k: float(regret(k).mean().exp())
    for k in [*NAMES, *("alone/" + n for n in NAMES)]
}
constants = ["neural_adjoint", "joint", "nearest", "cinn"]
check(
    "compare's advice is within 20 % of the best, every constant 3 times worse or more",
    means["compare"] < 1.2 and min(means[k] for k in constants) > 3,
)
check(
    "without simulations compare and the neural adjoint are level",
    0.8 < means["alone/compare"] / means["alone/neural_adjoint"] < 1.25,
)

# %% [markdown]
# ## The decision chart
#
# For each question below, one rule reads the recorded rows: among the methods that the question allows, the one with the lowest geometric mean of regret on the simulators of this kind. Those within a factor of 1.2 stand beside it. Nothing in it is written by hand, and it stands on the first page of the book too.

# %% tags=["hide-input"]
head, *rows = chart_table(study)
lines = [head, ["---"] * 4, *rows]
Markdown("\n".join(f"| {' | '.join(line)} |" for line in lines))

# %% [markdown]
# ```{admonition} In short
# :class: tip
#
# * **Use `compare` when** you have a simulator or a table of pairs and do not know which method fits. It takes a minute or two.
# * **Not when** your targets come from another law than your prior: the order of methods may change there.
# * **What it costs**: the simulations of {eq}`eq-which-calls`, and a short training a method and seed.
# * **How to test it**: other seeds and targets; a second call with twice the pairs should name the same method or one in a tie with it.
# ```
#
# ## Exercises
#
# ```{exercise-start} The floor by hand
# :label: ex-which-floor
# ```
#
# The noise floor is the error of the truth under fresh noise. Sample 2000 pairs of the village, simulate their unknowns once more, and compute the mean squared difference over the mean variance of y. Call it `floor`.
#
# ```{exercise-end}
# ```

# %% [markdown]
# ```{solution-start} ex-which-floor
# :class: dropdown
# ```

# %% tags=["nbval-ignore-output"]
many = village.sample(2000)
again = village.simulate(many.x)
floor = (many.y - again).square().mean() / many.y.var(0).mean()
print(f"{floor:.1f}")

# %% [markdown]
# About a third of the variance of the counts is chance. Two runs with the same unknowns differ by twice their noise, so the noise itself is half of that. The number in the table comes from its few targets, and differs somewhat.
#
# ```{solution-end}
# ```

# %% tags=["check-exercise"]
check("between 0.2 and 0.5", 0.2 < floor < 0.5)

# %% [markdown]
# ```{exercise-start} What would it cost?
# :label: ex-which-cost
# ```
#
# Your simulator takes two seconds. You want to compare five methods that do not search, with 200 pairs, 20 targets, one guess and two seeds. How many hours of simulation is this, `hours`? And how many with ten guesses, `hours_ten`?
#
# ```{exercise-end}
# ```

# %% [markdown]
# ```{solution-start} ex-which-cost
# :class: dropdown
# ```

# %%
calls = {T: 2 * (200 + 20 + 5 * 20 * T) for T in (1, 10)}
hours, hours_ten = (2 * calls[T] / 3600 for T in (1, 10))
print(f"{hours:.2f} and {hours_ten:.2f}")

# %% [markdown]
# Twenty minutes against nearly an hour and a half. Judging many guesses soon costs more than the pairs.
#
# ```{solution-end}
# ```

# %% tags=["check-exercise"]
check(
    "about a third of an hour, and well over an hour",
    abs(hours - 0.36) < 0.01 and 1.3 < hours_ten < 1.4,
)

# %% [markdown]
# ```{exercise-start} A method of your own
# :label: ex-which-own
# ```
#
# Any object with `fit` and `propose` may take part. Write a class `Average` that keeps the pairs and proposes, for each target, the average of the unknowns of the thirty nearest pairs, `n` times. It also needs a `name`, and `exchangeable = False`, since its guesses are no independent draws. Compare it on the drug with 300 pairs, one guess and one seed. Call the result `with_mine`. Does the average beat the look-up?
#
# ```{exercise-end}
# ```

# %% [markdown]
# ```{solution-start} ex-which-own
# :class: dropdown
# ```


# %%
class Average:
    name, exchangeable = "average", False

    def fit(self, task, data, *, seed=0):
        self.data = data
        return self

    def propose(self, y, n=1, c=None, **options):
        rows = torch.cdist(y, self.data.y).topk(30, largest=False).indices
        return self.data.x[rows].mean(1)[:, None].repeat(1, n, 1)


with_mine = invlab.compare(
    drug(), [Average()], n=300, targets=20, guesses=(1,), seeds=1
)
mine = {row["method"]: row["geo_1"] for row in with_mine.rows}

# %% [markdown]
# No. Pairs that are near in y may be mirror images in x, and the average of two right answers is a wrong one: the lesson of {doc}`ch01_two_answers`, again. With three pairs instead of thirty the harm is small, since all three often lie on one side.
#
# ```{solution-end}
# ```

# %% tags=["check-exercise"]
check("it took part", mine["average"] is not None)
check("the look-up is better", mine["average"] > mine["nearest"])

# %% [markdown]
# ## What we saw
#
# * Which method is best depends on the simulator: gradients, noise, what a simulation costs, and whether one answer or a distribution is wanted.
# * A comparison needs the same data and targets for all, baselines that take no training, and a test for ties. Half of an apparent order may be luck.
# * With noise there is a floor. Below it, an error says nothing.
# * Each sentence of the advice follows from the rows by a rule that you can check.
#
# ## Where next
#
# Whichever method you take, it answers every question, also a wrong one. {doc}`ch20_how_far_to_trust` is about how far to trust an answer.
#
# ## References
#
# The learned methods are those of {cite:t}`ren2020benchmarking`, who compare them on four tasks of their own, and of chapters 6 to 10. The test of calibration is from {cite:t}`talts2018validating`.
