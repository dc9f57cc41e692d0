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

# %% mystnb={"figure": {"name": "fig-which-map", "caption": "The book's own study: error of one guess over the error of the best method, a column a simulator. Dark is good. Rings mark the best method and those within 20 % of it, a dash says that a method took no part. No row is dark throughout."}, "image": {"alt": "A map of coloured squares with nine methods as rows and small simulators as columns. Levenberg–Marquardt and BFGS, the upper rows, are dark with rings on nearly all smooth simulators and took no part on others. Differential evolution has rings on three without gradients; on noisy ones the learned methods, the pool and the look-up have them. On smooth simulators the lower rows are mostly bright, which means errors a thousand times the best one."}} tags=["hide-input"]
import matplotlib.pyplot as plt
from IPython.display import Markdown

from invbook import answered, check, diagram, figures, ledger
from invbook.figures import advice
from invbook.figures import own_problem as pictures
from invbook.numbers import shown
from invbook.papers.advice import CLAIMS, chart_table
from invbook.papers.advice.claims import GOAL

figures.use_style()
study = advice.study()
fig, ax = plt.subplots(figsize=(9, 4))
advice.ratio_map(ax, study)
plt.show()

# %% tags=["hide-input"]
ratios = [advice.errors_over_best(record) for record in study]
everywhere = min(max(r.get(m, 1e9) for r in ratios) for m in advice.METHODS)
check("no method is best everywhere: its worst ratio", everywhere, ">", 1.2)

# %% [markdown]
# :::{admonition} Before you start
# :class: note
# * **You need** {doc}`ch18_bring_your_own_simulator`: how a simulator becomes a {term}`task`, and the drug that is swallowed.
# * **It takes** about a minute of one CPU core. A GPU does not help.
# * Only your own simulator can say which method fits it. To ask it, replace `village` on this page by your task.
# :::

# %%
import torch

import invlab
from invbook.drug import drug
from invlab import runtime

torch.set_num_threads(1)  # the networks are small: one thread is fastest
targets = runtime.by_preset(quick=24, full=100)
seeds = runtime.by_preset(quick=1, full=3)
guesses = (1, 10)  # T, the guesses that a target is allowed

# %% [markdown]
# ## Two simulators
#
# The first is the drug of the last chapter: a smooth formula with gradients and without noise. (The *measurement* of the last chapter has an error. `compare` judges answers without one, unless the simulator adds it: draw it there with `torch.randn` and say `noisy=True`, and the comparison is about posteriors too.) The second is its opposite. A disease spreads in a village of 50. Each day every ill person may infect each healthy one, with the same small probability, and is ill for one day. The probability and the number of people who were ill at first are to be found from the daily counts of eight days. The counts are random, they are whole numbers, and there is no gradient.


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
# `compare` gives the same pairs to each method, lets each answer the same targets, simulates the answers, and counts. The diagram shows it for one target.

# %% mystnb={"figure": {"name": "fig-which-diagram", "caption": "How a method is judged. It answers a target (slanted), the simulator (double frame) computes what the answer causes, and the two are compared. All methods get the same pairs and the same targets."}, "image": {"alt": "A chain from left to right: the target y enters M, any method, trained on the pairs, which come from above. It gives the answer x hat. The simulator f, the judge, makes of it the re-simulated y hat. A bracket from y to y hat says error, over the variance of y."}} tags=["hide-input"]
diagram.chain(
    [
        ("y", "data", "target"),
        ("M", "network", "any method,\ntrained on the pairs"),
        ("x̂", "value", "answer"),
        ("f", "simulator", "the judge"),
        ("ŷ", "value", "re-simulated"),
    ],
    losses=[("y", "ŷ", "error, over the variance of y")],
    into={"M": "pairs"},
)
plt.show()

# %% [markdown]
# Three learned methods are enough for this page; without `methods`, or with `"auto"`, it tries six: neural adjoint, mixture density, cINN, flow matching, tandem and direct. (The spline flow, which needs a package more, the cVAE and the INN take part by name.) Whatever you name, `compare` adds three baselines (`prior`, `nearest`, `pool`; the next section explains them) and the searches on the simulator: `lm` and `bfgs` where it has gradients, differential evolution where it has none. Trainings are short: enough to put methods in order, a tenth of what a final fit takes. In `options`, `n` is the number of pairs to learn from, and `budget` the seconds of one processor.

# %%
options = dict(
    n=500,  # try 100
    targets=targets,
    guesses=guesses,
    seeds=seeds,
    budget=8,
)
methods = ["neural_adjoint", "mixture_density", "tandem"]
on_drug = invlab.compare(drug(), methods, **options)
on_village = invlab.compare(village, methods, **options)


# %% mystnb={"figure": {"name": "fig-which-two", "caption": "Error of one guess and of the best of ten, over the variance of y (geometric mean over targets). Left: the drug. Right: the outbreak, with the floor (dashed), below which nothing can be told from the truth."}, "image": {"alt": "Two panels with one row a method and a logarithmic error axis. On the drug the methods lie many powers of ten apart, with Levenberg–Marquardt and BFGS far in front. On the outbreak most methods lie close together, a little right of a dashed line, the floor."}} tags=["hide-input"]
fig, (left, right) = plt.subplots(1, 2)
pictures.error_by_method(left, on_drug, guesses)
left.set_title("drug")
pictures.error_by_method(right, on_village, guesses)
right.set(xlim=(0.05, 3), title="outbreak")
figures.legend_below(fig)
plt.show()

# %% [markdown]
# What is best on the left cannot be used at all on the right. On the drug the classical searches `bfgs` ({term}`BFGS`) and `lm` ({term}`Levenberg–Marquardt`), which follow the gradient of the simulator itself, are exact, and no network comes near. On the outbreak there is no gradient to follow, and several of the other methods are nearly as good as the noise allows. Choosing one of these by its place in the list would be choosing by luck.


# %% tags=["hide-input"]
def errors_of(result, leave_out=("prior", "floor")):
    rows = {row["method"]: row[f"geo_{guesses[0]}"] for row in result.rows}
    return {k: v for k, v in rows.items() if v and k not in leave_out}


drug_errors, village_errors = errors_of(on_drug), errors_of(on_village)
check(
    "on the drug a search on the simulator wins",
    on_drug.best(guesses[0]) in ("lm", "bfgs"),
)
check(
    "the neural adjoint's error on the drug, over that of lm",
    drug_errors.get("neural_adjoint", 0) / drug_errors.get("lm", 1),
    ">",
    1e3,
)
ordered = torch.tensor(sorted(village_errors.values()))
check(
    "on the outbreak: error of the third best over that of the best",
    ordered[:3].max() / ordered.min(),
    "<",
    2,
)

# %% [markdown]
# ## The idea: the same question to all, and rows that everybody must beat
#
# A comparison is worth something if all methods get the same data, answer the same targets, are judged by the same judge, and if there are {term}`baselines <baseline>`: ways to answer without an inverse network. `prior` answers without looking at the target. `nearest` is the {term}`look-up`: it returns the unknowns of the pair whose $y$ is nearest to the target. `pool` looks the target up among 50,000 cheap simulations by a {term}`network`. A learned method that does not beat the look-up has learned nothing that the data did not already say.
#
# By hand, for the first two and one guess, it is this:

# %%
task = drug()
data, asked = task.sample(500), task.targets(40, seed=1)
variance = data.y.var(0).mean()
near = torch.cdist(asked.y, data.y).argmin(1)
by_hand = {"look-up": data.x[near], "prior": task.sample(len(asked)).x}
logs = {}
for name, x in by_hand.items():
    error = (task.simulate(x) - asked.y).square().mean(1) / variance
    logs[name] = error.clamp_min(1e-12).log().cpu()
    print(f"{name}: {shown(float(logs[name].mean().exp()))}")

# %% [markdown]
# Errors differ by powers of ten from target to target, so a few targets make up most of a mean. The methods are put in order by the {term}`geometric mean`, the exponential of the mean logarithm, in which each target counts the same.
#
# Are two methods different, or was it the choice of targets? Both answered the same targets, so compare target by target: take the mean difference of the log errors, and see how much it changes when as many targets are drawn again from these, with repetition. This is the {term}`bootstrap`. If the interval that holds 95 % of the redrawn means contains zero, it is a {term}`tie`. (With several seeds, as by default, Student's t over the means of the seeds takes the place of the bootstrap.) The function below takes the exponential of both ends, so that they are ratios of errors, and a tie contains one.


# %%
def interval(gap):
    """95 % of the mean ratio of errors, over redrawn targets."""
    draws = runtime.generator(0, "redrawn targets")
    rows = torch.randint(len(gap), (2000, len(gap)), generator=draws)
    ends = torch.tensor([0.025, 0.975], dtype=gap.dtype)
    return gap[rows].mean(1).quantile(ends).exp()


low, high = interval(logs["prior"] - logs["look-up"])
print(f"the prior's error is {low:.0f} to {high:.0f} times the look-up's")

# %% tags=["hide-input"]
check("no tie: how many times worse the prior is, at least", low, ">", 10)

# %% [markdown]
# ## The table
#
# `print(on_village)` shows one row a method, with errors, times and notes, and the advice below. Each row of `on_village.rows` has more; here are the columns that matter most, for the outbreak.


# %% tags=["hide-input", "nbval-ignore-output"]
def number(value):
    return "–" if value is None else shown(value)


most = max(guesses)
columns = [f"geo_{count}" for count in guesses]
columns += [f"r_{most}", "calibration_p", "fit_s"]
lines = [["method", *columns, "answer_ms"], ["---"] * (len(columns) + 2)]
for row in on_village.rows:
    speed = row["answer_s"]
    cells = [number(row.get(key)) for key in columns]
    ms = number(None if speed is None else 1000 * speed)
    lines.append([row["method"].replace("_", " "), *cells, ms])
Markdown("\n".join(f"| {' | '.join(line)} |" for line in lines))

# %% [markdown]
# * **geo_1, geo_10**: geometric mean of the error of one guess, and of the best of ten. The order of the methods and the advice go by it. On a noisy task each error below the {term}`noise floor` is raised to the floor before the mean is taken.
# * **r_10**: mean {term}`re-simulation error` of the best of ten, over the variance of y ({term}`r_T`). One means no better than a constant. On a noisy task the best of ten is chosen on two runs of the simulator and scored on two others, so that lucky noise does not count. Where the ten guesses hardly differ the choice is luck, and geo_10 and r_10 can lie a little above geo_1 and r_1. Neither is raised to the floor; they can lie below it, where the unknowns of a guess have less noise than the true ones. `low_10` and `high_10` are the ends of a 95 % interval.
# * **calibration_p**: only for methods that propose a distribution. Near zero means that the true unknowns do not lie among the draws as they should; {doc}`ch20_how_far_to_trust` explains it. The advice looks at two more such numbers of the row, `coverage_p` and `joint_p`.
# * **fit_s, answer_ms**: seconds to train, and milliseconds for all guesses to one target, where many targets are asked together.
# * Not shown here: **r_1**; **median_10**, below which half of the targets are (a mean far above it comes from a few bad targets); **failed**, the share of targets without a valid answer, which are left out of r_1 and r_10 and count in geo_1 and geo_10 with an error of ten variances; **refined_10**, the error after a local search on the simulator; and **calls**, the simulations that a method took in all, its training pairs included. A dash says that something does not apply; a row's `note` says why a method took no part.
#
# ## The advice, sentence by sentence

# %% tags=["nbval-ignore-output"]
Markdown("\n".join(f"* {s.text}" for s in on_village.sentences))

# %% [markdown]
# Each sentence follows from the rows by one rule, and says nothing more:
#
# * *For one guess*, *for the best of 10*: the lowest geometric mean, and all that tie with it by the interval above. Errors below the noise floor count as equal to it.
# * *For a posterior* (the {term}`distribution of the unknowns <posterior>` once the measurement is known): the best of those whose draws pass the test of calibration. If none passes, it says so.
# * *Where an answer has to come fast*: the fastest within a factor of two of the best.
# * *Without further simulations*: where a search on the simulator is best, the best method that needs none.
# * *Refine*: where a local search behind the method divides its error by three or more.
# * *Do not use*: what has a larger error than the look-up, and is not in a tie with it.
# * *More simulations*: whether the best method that learns had a clearly larger error when it was trained on a quarter of the pairs.
# * *The simulator is noisy*: the {term}`noise floor`. The truth itself, simulated again, differs from the observation by this much.
# * *Took no part*, *check the prior*, *check the units of y*, and *all this holds for*: what was left out and why, failing simulations, numbers of $y$ that the error hardly sees, and the assumption behind it all.
#
# `on_village.best(10)` gives the name alone, `print(on_village)` the table and the advice, and `invert(..., method="auto")` makes such a comparison by itself and uses the best method. For the drug it says:

# %% tags=["nbval-ignore-output"]
Markdown("\n".join(f"* {s.text}" for s in on_drug.sentences))

# %% [markdown]
# The sentence on a posterior says little here. The drug of this comparison has no noise, so that its exact posterior is two points. A network with wide clouds around both can pass a test on few targets and still be worse than a look-up as a guess. {doc}`ch20_how_far_to_trust` tests it with the error of measurement and on more targets.
#
# To train the method that you chose once and to keep it, write `model = invlab.get_method("mixture_density").fit(village, village.sample(5000))` and `model.save("village.model")`. Later `invlab.load_method("village.model").propose(y, n=10)` answers a new measurement without another training, and `invlab.invert(village, y, method=model)` also simulates and ranks the answers.
#
# The sentence about fast answers deserves a second look: a search of a few milliseconds is hard to beat, as long as a simulation costs microseconds. If yours takes a minute, read the sentence that begins with "Without further simulations".

# %% tags=["hide-input"]
rules = {s.rule: s.methods for s in on_village.sentences}
check("on the outbreak the floor is named", "floor" in rules)
check(
    "on the outbreak the search is left out",
    rules.get("left_out") == ("differential_evolution",),
)
rules = {s.rule: s.methods for s in on_drug.sentences}
check(
    "on the drug the two searches are a tie",
    set(rules.get("one_guess", ())) == {"lm", "bfgs"},
)

# %% [markdown]
# ## More data, or another method?
#
# A {term}`learning curve` shows the error over the number of pairs. If it still falls where your data end, more simulations help; if it is flat, another method or less noise does. `compare` measures it for the best method that learns. Here it is for two methods on the drug, each trained on its own for a moment. (An {term}`epoch` is one pass over all pairs, and a {term}`batch` is the number of pairs that one step looks at.)

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
looks = (("o-", figures.BLUE), ("s--", figures.ORANGE))
for (name, errors), (dash, color) in zip(curve.items(), looks):
    ax.loglog(
        counts, errors, dash, color=color, label=name.replace("_", " ")
    )
ax.set(xlabel="training pairs", ylabel="error / variance of y")
ax.set_xticks(counts, [str(count) for count in counts], minor=False)
ax.minorticks_off()
ax.legend()
plt.show()

# %% tags=["hide-input"]
falls = curve["neural_adjoint"][-1] / curve["neural_adjoint"][0]
check(
    f"{counts[-1] // counts[0]} times the pairs: ratio of the neural adjoint's errors",
    falls,
    "<",
    0.6,
)

# %% [markdown]
# ## A budget
#
# `budget=8` above limits the processor seconds: trainings are shortened so that all fit in about half of them, and no further seed is begun once they are spent. For a simulator that takes long say `budget={"simulations": 2000}`. A comparison that judges $M$ methods, the three baselines among them, costs
#
# $$
# \text{seeds} \times (n + \text{targets} + M \cdot \text{targets} \cdot T)
# $$ (eq-which-calls)
#
# simulations. Each search on the simulator comes on top: about 100 simulations for each of its guesses, and at least 300 a target by gradients and 1230 without. With many guesses this is by far the largest part. ($T$ is the largest number of guesses, here ten.) On a noisy simulator each guess is judged by four runs, so that the last term counts four times; the call announces its own count before it begins. `compare` then takes first fewer guesses, then fewer seeds, then fewer targets, until the budget holds. Searches that the budget cannot pay for are left out, and their rows say so. The refinement of guesses is paid for last, and is left out where nothing remains for it. `compare` measures how long one simulation takes before it begins, and where that is more than 50 milliseconds it uses one guess and at most 20 targets. With `folder=` it keeps what was done and goes on from there after an interruption; with `jobs=` it uses more processors.

# %% [markdown]
# ## Does the papers' advice transfer?
#
# Ren, Padilla and Malof {cite:p}`ren2020benchmarking` recommend the neural adjoint for nearly every task (their Section 6.1). Holl and Thuerey {cite:p}`holl2024joint` offer joint optimisation as a drop-in replacement of classical optimisers (their Section 6). Does either hold on simulators that the papers do not have? The book's own study, whose map opens this page, has twenty-four small simulators, from an epidemic to a beam, and three of the book's tasks. On each, a small comparison names a method, as `compare` did above. A larger one, on other pairs and other targets, says what every method reaches. The {term}`regret` of a choice is its error over the error of the best method there: one is perfect, two is twice the error. Errors below a millionth of the variance of y count as equal.
#
# The study keeps two groups of simulators apart. Some were looked at while the rules of the advice were written; the others were not, and only they can show that the rules hold elsewhere.

# %% tags=["hide-input"]
judged = advice.untouched(study)
tuned = sum(bool(record["facts"]["tuned"]) for record in study)
settings = max(
    (record["settings"]["large"] for record in study), key=lambda s: s["n"]
)
Markdown(
    f"The larger comparison has {settings['n']} pairs and {settings['targets']} "
    f"targets (fewer for an expensive one). Of the {len(study)} simulators {tuned} were looked at; the next "
    f"figure has the {len(judged)} others alone."
)

# %% mystnb={"figure": {"name": "fig-which-regret", "caption": "Regret of each way to choose, geometric mean over the simulators that nobody had looked at, with a 95 % interval. A method that cannot run on a simulator counts there as the look-up. Left: all methods are allowed. Right: only those that call no simulator for an answer."}, "image": {"alt": "Two panels, one row a way to choose, on a logarithmic axis of regret from one upwards. On the left the advice of compare and a search on the simulator lie near one, and the neural adjoint, joint optimisation, the look-up and the conditional invertible network far to the right. On the right compare and the neural adjoint lie together below two."}} tags=["hide-input"]
fig, panels = plt.subplots(1, 2, sharey=True, figsize=(8, 2.9))
advice.regrets(panels, judged)
plt.show()

# %% [markdown]
# With a simulator at hand that is cheap and smooth, neither paper's advice holds: a plain search on the simulator itself, BFGS or Levenberg–Marquardt from many starts, is the better choice, by powers of ten in the mean, and `compare` says so. (By the typical target, as in the map, joint optimisation is level with it on eleven of sixteen; a few targets on which it fails make up its mean error.) Where answers must cost no further simulations, always taking the neural adjoint is nearly as good as asking: paper 2 is right within its own rules, since all its methods answer that way. A conditional invertible network as a fixed choice is ahead of the look-up and far behind the other two: it is very bad where there is no noise. (In the chart below it is named in rows that ask about noisy simulators alone.)
#
# One simulator showed a fault. On the pendulum `compare` could afford a single guess of its search, which was better than the best ten or hundred guesses of every network; the rule for ten guesses looked at methods with ten guesses only, and named a network. The rule is mended, and the pendulum has been counted among those that were looked at since ({doc}`../how_settings_were_chosen`).


# %% tags=["hide-input"]
def mean_regret(choice, alone=False):
    return float(
        advice.log_regret(judged, choice, alone=alone).mean().exp()
    )


constants = ["neural_adjoint", "joint", "nearest", "cinn"]
check("regret of compare's advice", mean_regret("compare"), "<", 1.5)
fixed = torch.tensor([mean_regret(name) for name in constants])
check("regret of one method for everything", fixed, ">", 2)
nearly = mean_regret("neural_adjoint", alone=True)
check(
    "without simulations: the neural adjoint's regret over that of compare",
    nearly / mean_regret("compare", alone=True),
    "in",
    (0.6, 1.6),
)

# %% tags=["hide-input"]
rows = {row["id"]: row for row in ledger.rows(CLAIMS)}


def measured(key):
    row = rows[f"advice/untouched/{key}"]
    ends = " to ".join(shown(row[end]) for end in ("low", "high"))
    return f"{shown(row['ours'])} ({ends})"


search = rows["advice/untouched/search/over_compare"]
seen = "that is no difference that this study can see"
if search["low"] > 1:
    seen = "that is worse"
Markdown(
    f"On the {len(judged)} simulators the advice has a regret of "
    f"{measured('compare/r')}; the goal set beforehand was {GOAL} at most. "
    f"Always taking the neural adjoint has {measured('neural_adjoint/r')}, "
    f"always joint optimisation {measured('joint/r')}. Without further "
    f"simulations the advice has {measured('alone/compare/r')}, the neural "
    f"adjoint {measured('alone/neural_adjoint/r')}. "
    f"Always searching on the simulator, with the look-up where no search is "
    f"possible, has {measured('search/over_compare')} times the error of the "
    f"advice; {seen}. And asking is not free: the small comparison and the "
    f"method that it named took together "
    f"{measured('compare/calls')} times the simulations and "
    f"{measured('compare/seconds')} times the processor seconds of somebody "
    "who takes the best method at once. (95 % intervals in brackets.)"
)

# %% [markdown]
# ## The decision chart
#
# For each question below, one rule reads the recorded rows: among the methods that the question allows, the one with the lowest geometric mean of regret on the simulators of this kind. Those within a factor of 1.2 stand beside it. A method that could not run on one of them counts there as the worst one. Nothing in it is written by hand, and it is the chart on the first page of the book. A row that rests on one simulator is no more than a hint.
#
# If several rows fit your problem, the one with the hardest restriction counts. *Does a run of your simulator take seconds or more?* Then read "no further simulations": a search runs the simulator from several hundred to some ten thousand times for each target, and in the row for answers within 10 ms it stands only because the simulators of the study are fast. *Is the simulator noisy?* Then read the rows of noisy simulators, even if torch can compute gradients. Otherwise gradients decide. And whatever the row says, run `compare` on your own task before you rely on it.

# %% tags=["hide-input"]
head, *rows = chart_table(study)
lines = [head, ["---"] * 4, *rows]
Markdown("\n".join(f"| {' | '.join(line)} |" for line in lines))

# %% [markdown]
# :::{admonition} Use it when
# :class: tip
# * **Use it when** (`compare`) you have a simulator or a table of pairs and do not know which method fits.
# * **Not when** your targets come from another distribution than your prior: the order of methods may change there.
# * **Cost**: a minute or two, the simulations of {eq}`eq-which-calls`, and a short training a method and seed.
# * **How to test it**: other seeds and targets; a second call with twice the pairs should name the same method or one in a tie with it.
# :::
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

# %%
floor = ...  # your answer

# %% [markdown]
# :::{admonition} Hint
# :class: dropdown
# `village.sample(2000)` gives pairs with `.x` and `.y`, and `village.simulate(x)` runs the simulator. The variance over the pairs is `y.var(0)`, one number a day.
# :::
#
# ```{solution-start} ex-which-floor
# :class: dropdown
# ```

# %% tags=["nbval-ignore-output"]
many = village.sample(2000)
again = village.simulate(many.x)
floor = (many.y - again).square().mean() / many.y.var(0).mean()
print(f"{floor:.1f}")

# %% [markdown]
# The floor is about two fifths of the variance of the counts. The difference of two runs with the same unknowns has twice the variance of one, so the share of chance in the variance is half of the floor, about a fifth. The number in the table comes from its few targets, and differs somewhat.
#
# ```{solution-end}
# ```

# %% tags=["check-exercise", "hide-input"]
if answered(floor=floor):
    check("the noise floor", floor, "in", (0.2, 0.5))

# %% [markdown]
# ```{exercise-start} What would it cost?
# :label: ex-which-cost
# ```
#
# Your simulator has no noise and takes 0.04 seconds, just below what counts as slow. You want to compare two methods that do not search, five rows with the three baselines, with 200 pairs, 20 targets, one guess and two seeds. How many seconds of simulation is this, `seconds`? And how many with ten guesses, `seconds_ten`?
#
# ```{exercise-end}
# ```

# %%
seconds = ...  # your answer, with one guess
seconds_ten = ...  # your answer, with ten

# %% [markdown]
# :::{admonition} Hint
# :class: dropdown
# {eq}`eq-which-calls` counts the simulations. Each takes 0.04 seconds.
# :::
#
# ```{solution-start} ex-which-cost
# :class: dropdown
# ```

# %%
calls = {T: 2 * (200 + 20 + 5 * 20 * T) for T in (1, 10)}
seconds, seconds_ten = (0.04 * calls[T] for T in (1, 10))
print(f"{seconds:.0f} and {seconds_ten:.0f}")

# %% [markdown]
# Half a minute against more than one and a half. Judging many guesses soon costs more than the pairs.
#
# ```{solution-end}
# ```

# %% tags=["check-exercise", "hide-input"]
if answered(seconds=seconds, seconds_ten=seconds_ten):
    check("seconds with one guess", seconds, "in", (25, 26.5))
    check("seconds with ten guesses", seconds_ten, "in", (97, 98.5))

# %% [markdown]
# ```{exercise-start} A method of your own
# :label: ex-which-own
# ```
#
# Any object with `fit` and `propose` may take part. Write a class `Average` that keeps the pairs and proposes, for each target, the average of the unknowns of the thirty nearest pairs, `n` times. It also needs `name = "average"`, and `exchangeable = False`, since its guesses are no independent draws. Compare it on the drug with 300 pairs, one guess and one seed. Call the result `with_mine`. Does the average beat the look-up?
#
# ```{exercise-end}
# ```

# %%
with_mine = ...  # your answer

# %% [markdown]
# :::{admonition} Hint
# :class: dropdown
# `fit(self, task, data, *, seed=0)` keeps `data` and returns `self`. `propose(self, y, n=1, c=None, **options)` returns a tensor of shape (targets, n, unknowns). `torch.cdist(y, data.y)` has all distances, `topk(30, largest=False).indices` the nearest rows.
# :::
#
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

# %% [markdown]
# No. Pairs that are near in y may be mirror images in x, and the average of two right answers is a wrong one: the lesson of {doc}`ch01_two_answers`, again. With three pairs instead of thirty the harm is small, since all three often lie on one side.
#
# ```{solution-end}
# ```

# %% tags=["check-exercise", "hide-input"]
if answered(with_mine=with_mine):
    rows = {row["method"]: row["geo_1"] for row in with_mine.rows}
    took_part = {k for k, v in rows.items() if v is not None}
    check(
        "a method that is not the library's took part",
        "average" in took_part,
    )
    if "average" in took_part:
        ratio = rows["average"] / rows["nearest"]
        check("its error over that of the look-up", ratio, ">", 1)

# %% [markdown]
# ## What we saw
#
# * Which method is best depends on the simulator: gradients, noise, what a simulation costs, and whether one answer or a distribution is wanted.
# * A comparison needs the same data and targets for all, baselines without an inverse network, and a test for ties. Half of an apparent order may be luck.
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
