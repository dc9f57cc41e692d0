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
# # Bring your own simulator
#
# **In this chapter** you hand over a simulator of your own, of whatever kind, in at most ten lines, and get back ranked answers for what you measured.

# %% mystnb={"figure": {"name": "fig-own-drug", "caption": "Ten concentrations of a drug in the blood (left), and two patients who explain them equally well (right). A method that gives one answer hides one of them."}, "image": {"alt": "Left: ten measured points with error bars, rising for three hours and falling for twenty. Two curves, one solid and one dashed, lie exactly on each other and pass through the points. Right: the rate of absorption, the rate of elimination and the volume of both patients on a logarithmic axis. The rates are exchanged between them, and one volume is four times the other."}} tags=["hide-input"]
import warnings

import matplotlib.pyplot as plt
import torch

from invbook import answered, check, diagram, figures
from invbook import drug as book_drug
from invbook.figures import own_problem as pictures
from invlab.simulators import FailedRows

figures.use_style()
# the page counts what fails
warnings.simplefilter("ignore", FailedRows)
warnings.filterwarnings("ignore", message=".*pairs left out")
one = torch.tensor([[0.6, 0.15, 30.0]])
both = torch.cat([one, book_drug.mirrored(one)])
labels = ["first patient", "second patient"]
fig, (left, right) = plt.subplots(1, 2)
pictures.measurements(left, book_drug.PATIENT)
pictures.curves(left, both, labels=labels)
left.set_title("what you hand over")
left.legend()
pictures.unknowns(right, both, labels=labels)
right.set_title("what you get back")
plt.show()

# %% [markdown]
# :::{admonition} Before you start
# :class: note
# * **You need** the words {term}`prior` (what is known of the unknowns before anything is measured) and {term}`re-simulation error` (how far the effect of an answer is from what was measured). Words with a link are explained in the glossary. The parts before this one help, but are not needed.
# * **It takes** about half a minute of one CPU core. A GPU does not help.
# * {doc}`../how_to_use` tells how to install the library and how to run this page with a simulator of your own.
# :::

# %%
import math
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import torch

import invlab
from invlab import Box, LogUniform, Task, numpy_simulator

torch.set_num_threads(1)  # the arrays are small: one thread is fastest
folder = Path(tempfile.mkdtemp())  # a folder of yours keeps the simulations

# %% [markdown]
# ## A drug in the blood
#
# One example goes through all three chapters of this part. A patient swallows 100 mg of a drug. The gut passes it into the blood at some rate, and the body clears it at another. Blood is taken ten times in 24 hours. From the ten concentrations we want three numbers: the **rate of absorption** and the **rate of elimination**, both per hour, and the **volume** in litres that the drug spreads in. In a standard model with one compartment the concentration has a formula:

# %%
dose = 100.0  # mg
hours = torch.tensor([0.5, 1, 2, 3, 4, 6, 8, 12, 16, 24])
names = ["absorption", "elimination", "volume"]
low, high = [0.1, 0.05, 5.0], [2.0, 1.0, 60.0]


def concentration(x):
    absorbed, cleared, volume = x[..., None, :].unbind(-1)
    t, gap = hours.to(x), absorbed - cleared
    rest = torch.exp(-cleared * t) - torch.exp(-absorbed * t)
    return dose / volume * absorbed / gap * rest  # mg/L


measured = [0.90, 1.42, 1.96, 2.16, 1.99, 1.67, 1.22, 0.69, 0.52, 0.10]
sigma = 0.1  # mg/L, the standard deviation of one measurement

# %% [markdown]
# From the rates to the concentrations the formula is enough. The way back is an {term}`inverse problem`. The smallest method that solves it fits in a few lines of torch: draw many patients, compute what would be measured in each, and keep those that come nearest to what was measured. We draw the logarithm of each unknown evenly between `low` and `high`, since a rate may be small or large by a factor.

# %%
torch.manual_seed(0)
drawn = 200_000  # try 5_000
ends = torch.tensor([low, high]).log()
patients = (ends[0] + torch.rand(drawn, 3) * (ends[1] - ends[0])).exp()
gaps = (concentration(patients) - torch.tensor(measured)) / sigma
nearest = gaps.square().mean(1).argsort()[:300]
kept = patients[nearest]

# %% mystnb={"figure": {"name": "fig-own-nearest", "caption": "Left: the ten measurements and the curves of 100 of the 300 nearest patients. Right: the rates of all 300. They form two groups, mirror images of each other."}, "image": {"alt": "Left: ten points with error bars that rise for three hours and fall for twenty, inside a narrow bundle of curves. Right: two separate clouds of points, one on each side of the diagonal where both rates are equal."}} tags=["hide-input"]
fig, (left, right) = plt.subplots(1, 2)
pictures.curves(left, kept[:100])
pictures.measurements(left, measured, sigma=sigma)
pictures.rates(right, kept)
plt.show()

# %% tags=["hide-input"]
larger = gaps[nearest].square().mean(1).max()
check("the 300 nearest: largest error, in units of σ²", larger, "<", 1.5)
faster = (kept[:, 0] > kept[:, 1]).double().mean()
check("share that absorbs faster than it clears", faster, "in", (0.2, 0.8))

# %% [markdown]
# All curves on the left agree with the measurements. The patients behind them, on the right, are of two kinds. One kind absorbs fast and clears slowly. The other absorbs slowly and clears fast, and has a smaller volume. This is no accident: exchange the two rates, multiply the volume by the ratio of elimination to absorption, and the formula gives the same curve. Pharmacologists call it *flip-flop*. No measurement of the blood after swallowing can decide between the two. Other knowledge can, for instance the same drug given once into a vein, where nothing has to be absorbed.
#
# An inverse method that returns one answer would hide this. That is why the methods of this book propose several.
#
# (With fewer drawn patients the nearest ones are further off, and both groups become wider. Change `drawn` and see.)
#
# ## What a method needs to know
#
# The lines above used three things, and every method of the library needs them:
#
# 1. **A simulator**: a function from rows of unknowns $x$ to rows of observations $y$. It takes many rows at a time, shape `(N, 3)`, and returns as many, here `(N, 10)`. There may be further axes in front, so write `x[..., 0]` and not `x[:, 0]`; `numpy_simulator` sees to that for NumPy code. Give the observations similar sizes: `compare` adds the squared differences of all numbers of $y$ and divides by their mean variance, so that a number in pascals outweighs one in metres. Let the simulator divide each observation by its error of measurement, or by its typical spread, and divide what you measured in the same way.
# 2. **A prior**: which unknowns are possible, and how likely each is before the measurement. `Box(low, high)` is the simplest, with all values between two ends equally likely; the page {doc}`../api/priors` has others.
# 3. **Two facts**: whether torch can compute gradients of the function, which are the derivatives of $y$ by the unknowns, and whether it draws noise. They are the arguments `differentiable` and `noisy`. Without a word the library takes the function to have gradients and no noise, which is right for the drug; `check_task` tests both. In doubt say `differentiable=False`: then methods that need a gradient are left out.
#
# Together they are a {term}`task`, in code a `Task`. Labels and units are only for printing.

# %%
drug = Task(
    "drug",
    concentration,
    prior=LogUniform(low, high),
    labels=names,
    units=["1/h", "1/h", "L"],
)
verdict = invlab.check_task(drug)
print(verdict)

# %% [markdown]
# `check_task` runs the simulator on a few draws of the prior and says in words what a method would stumble over. The list that it goes through is called the **contract** of a task. Run it first, always: most trouble with an inverse method is a simulator that does something else than its author believes. Here is a typical mistake, a function that forgets that it will get many rows. `unbind()` without an axis takes the first axis, which counts the patients:


# %%
def careless(x):
    absorbed, cleared, volume = x.unbind()
    return concentration(torch.stack([absorbed, cleared, volume], -1))


broken = Task("careless", careless, drug.prior)
for clause in invlab.check_task(broken):
    if clause.passed is False:
        print(clause)

# %% tags=["hide-input"]
check("the drug keeps the whole contract", verdict.passed)
check(
    "the careless function does not keep the contract",
    not invlab.check_task(broken).passed,
)

# %% [markdown]
# ## Pairs, and one answer
#
# `generate` draws unknowns from the prior, simulates them, and keeps the pairs in a folder. It may be interrupted and called again: what is there is not simulated twice. (After a change of the function take another folder: the change is not noticed.) With `jobs=8` it works in eight processes.

# %%
pairs = invlab.generate(drug, 400, folder=folder / "drug")
print(tuple(pairs.x.shape), tuple(pairs.y.shape))

# %% [markdown]
# `invert` goes from the measurement to ranked answers. {term}`sigma` is the error of the measurement: differences between what an answer causes and what was measured count in units of it, so that an `error` of about one or less means "as near as the noise allows". It is one number, or one for each observation where these have different units or errors. Leave it out if you do not know it; errors are then in the units of $y$, squared.
#
# We name a method here, `lm`, the classical least-squares search of {term}`Levenberg–Marquardt` from 50 starts. The search needs nothing but the simulator and its gradients, as the diagram shows; the pairs serve the test whether this measurement can come from the simulator at all ({doc}`ch20_how_far_to_trust`), and without `data=` the call simulates 2000 of its own. The {doc}`next chapter <ch19_which_method>` is about choosing a method.

# %% mystnb={"figure": {"name": "fig-own-search", "caption": "A search on the simulator. Ellipses are computed, the double frame is the simulator, the slanted box is data. From each start the gradient of the difference moves the unknowns, until the difference no longer falls."}, "image": {"alt": "A chain from left to right: the unknowns x enter your simulator f, which gives what x would cause, y hat. Beside it stands the measured y. A bracket below the two says difference, in units of sigma. A dashed arrow leads from it back to x: the gradient moves the unknowns."}} tags=["hide-input"]
diagram.chain(
    [
        ("x", "value", "unknowns"),
        ("f", "simulator", "yours"),
        ("ŷ", "value", "what x would cause"),
        ("y", "target", "measured"),
    ],
    losses=[("ŷ", "y", "difference, in units of σ")],
    moves="x",
)
plt.show()

# %% tags=["nbval-ignore-output"]
starts = 50
answer = invlab.invert(
    drug, measured, sigma=sigma, method="lm", n=starts, data=pairs
)
for mode in answer.modes():
    rates = ", ".join(f"{v:.2g}" for v in mode.x.tolist())
    found = f"{mode.count} of {starts} starts"
    print(f"x = {rates}; error {mode.error:.2g}; {found}")

# %% [markdown]
# `answer.x` holds all 50 answers, best first, with the shape (targets, answers, unknowns); `modes()` puts those that lie together into groups. It found the two groups of {numref}`fig-own-nearest`, with equal errors. `print(answer)` shows a table, and `answer.save("answers.csv")` writes one.

# %% tags=["hide-input"]
found = answer.modes()[:2]
errors = torch.tensor([mode.error for mode in found])
check("the groups that were found", len(found), "==", 2)
check("error of the best of each group, in units of σ²", errors, "<", 1)
there, back = found[0].x, book_drug.mirrored(found[-1].x)
check("distance from mirror images", (there / back - 1).abs(), "<", 0.05)
taken = book_drug.concentration(pairs.x)
check(
    "distance from the drug of the next chapters, in mg/L",
    (concentration(pairs.x) - taken).abs().max(),
    "<",
    1e-3,
)

# %% [markdown]
# ## Six other kinds of simulator
#
# Your simulator is probably no formula in torch. Each of the following is a `Task` in at most ten lines, with the function itself.
#
# **A NumPy function that loops, and sometimes fails.** At high doses an enzyme works at its limit, and a drug is cleared at a nearly constant rate. This function steps through the hours one by one, for one patient at a time, and returns logarithms. For some patients the step is too long, the level falls below zero, and the logarithm raises an error. `numpy_simulator` calls the function row by row (`batched=False`: one row at a time), and a row that fails becomes "not a number" (NaN), which the methods leave out and count. A loop in NumPy has no gradients, and the task says so.


# %%
def saturated(x):  # largest rate (mg/L per hour), half-way level (mg/L)
    level, levels = 5.0, []
    for _hour in range(8):
        level -= x[0] * level / (x[1] + level)
        levels.append(math.log(level))
    return np.array(levels)


steps = numpy_simulator(saturated, batched=False)
rates = Box([0.1, 0.1], [2.0, 3.0])
enzyme = Task("enzyme", steps, rates, differentiable=False)

# %% [markdown]
# **Another program.** Anything that can be started from a command line is one more Python function. Here the program is three lines of Python that compute how far a ball flies and how high it rises; put your solver in its place. A program that ends with an error is a failed row.

# %%
PROGRAM = """import sys; from math import *
v, angle = map(float, sys.argv[1:])
print(v**2 * sin(2 * angle) / 9.81, (v * sin(angle))**2 / 19.62)"""


def solver(x):
    command = [sys.executable, "-ISc", PROGRAM, *map(str, x)]
    out = subprocess.check_output(command, text=True)
    return np.array(out.split(), dtype=float)


throws = Box([5.0, 0.2], [20.0, 1.4])  # speed (m/s), angle (radians)
runs = numpy_simulator(solver, batched=False)
program = Task("program", runs, throws, differentiable=False)

# %% [markdown]
# **Noise inside the simulator.** A detector counts photons of a decaying glow; equal unknowns give different counts. Draw the noise with torch, row by row, and say `noisy=True` (in NumPy code, make the generator inside the function: `np.random.default_rng(int(torch.randint(2**31, ())))`). Counts are whole numbers, so there is no gradient. (The drug is different: its formula has no noise, the measurement has, and that is what `sigma` is for.)


# %%
def counts(x):  # brightness, and decay per step
    steps = torch.arange(8.0).to(x)
    return torch.poisson(x[..., :1] * torch.exp(-x[..., 1:] * steps))


lamps = LogUniform([10.0, 0.05], [200.0, 1.0])
glow = Task("glow", counts, lamps, differentiable=False, noisy=True)

# %% [markdown]
# **Something that is known of each case: a context.** Patients do not all take 100 mg. The dose of each is known and is not to be recovered. Such a number is a {term}`context`, written `c`: the second argument of the simulator, with a distribution of its own.


# %%
def any_dose(x, c):
    return concentration(x) * c / dose


doses = Box([50.0], [200.0])  # mg
dosed = Task("dosed", any_dose, drug.prior, context=doses)

# %% [markdown]
# **An image.** An observation may have any shape. A camera sees a round spot; its place and its width are wanted.

# %%
pixel = torch.linspace(-1, 1, 16)


def camera(x):
    across, up, width = x[..., None, None].unbind(-3)
    row, column = pixel.to(x)[:, None], pixel.to(x)
    away = (column - across).square() + (row - up).square()
    return torch.exp(-away / (2 * width.square()))  # (..., 16, 16)


spots = Box([-0.5, -0.5, 0.1], [0.5, 0.5, 0.4])
spot = Task("spot", camera, spots)

# %% [markdown]
# All five go the same way from here: simulate pairs, draw a target whose unknowns are known, and answer it (`task.targets` draws the unknowns from the prior and simulates them; `c` is its context, if the task has one). The methods are the {doc}`neural adjoint <ch06_neural_adjoint>`, which fits a {term}`network` to the pairs and searches on it, and, where the simulator draws noise, a {doc}`mixture density network <ch08_mixture_density>`, which proposes a distribution.

# %% tags=["nbval-ignore-output"]
kinds, answers, failed = (enzyme, program, glow, dosed, spot), {}, {}
for task in kinds:
    rows = invlab.generate(task, 100, folder=folder / task.name)
    failed[task.name] = int((~task.valid(rows.y)).sum())
    target = task.targets(1, seed=1)
    name = "mixture_density" if task.noisy else "neural_adjoint"
    answers[task.name] = invlab.invert(
        task, target.y, c=target.c, data=rows, method=name, n=5
    )
    x = ", ".join(f"{v:.2g}" for v in answers[task.name].x[0, 0].tolist())
    true = ", ".join(f"{v:.2g}" for v in target.x[0].tolist())
    print(f"{task.name:8} answer {x:18} truth {true:18}", end=" ")
    print(f"failed rows {failed[task.name]}")

# %% tags=["hide-input"]
for task in kinds:
    kept_it = invlab.check_task(task).passed
    check(f"{task.name}: keeps the contract", kept_it)
check("rows of the enzyme that failed", failed["enzyme"], ">", 0)
check(
    "every kind got an answer that is a number",
    all(bool(a.x.isfinite().all()) for a in answers.values()),
)

# %% [markdown]
# Failed rows are counted, and no method learns from them. (The library warns of them, too; on this page the warnings are turned off.) The answer for the glow is further off than the others: its counts are few and noisy.
#
# **A file of data.** Sometimes there is no simulator at all, only a table: what was set, and what came out. Then there is nothing to check a guess against, except a network fitted to the table. `Pairs.from_file` reads the columns by name. If each setting was measured several times, average the repeats first: else learned and held-out rows are of the same settings, and every error is one for settings that were measured before (the library warns).

# %%
header = ",".join([*names, *(f"c{k}" for k in range(10))])
table = torch.cat([pairs.x, pairs.y], 1).cpu().numpy()
path = folder / "patients.csv"
np.savetxt(path, table, delimiter=",", header=header, comments="")

# %% tags=["nbval-ignore-output"]
known = invlab.Pairs.from_file(
    path, x=names, y=[f"c{k}" for k in range(10)]
)
from_table = invlab.invert(known, [measured], method="neural_adjoint", n=5)
for name, value in zip(names, from_table.x[0, 0].tolist()):
    print(f"{name}: {value:.2g}")
print(*from_table.notes, sep="\n")

# %% [markdown]
# The answer comes with a note instead of a bound of its error: a bound takes simulations, and a table cannot be asked. {doc}`ch20_how_far_to_trust` explains such bounds. With a table alone `invlab.compare(known)` still puts the methods in order: a network, trained on a third of the rows, judges the answers in place of the simulator, so that no error smaller than its own can be seen. The last check is to set the proposed unknowns and to measure.
#
# :::{admonition} Use it when
# :class: tip
# * **Use it when** you can compute, by whatever program, what a guess would cause, or have a table of such pairs.
# * **Not when** you can write the inverse down, or when the unknowns are fields of a million numbers; the library is for some dozens.
# * **Cost**: 2000 simulations for the pairs of `invert` (`pairs=` sets it); with a named method little more, or what its search takes; without a name the comparison that chooses one takes some forty thousand, and says so first. A few hundred for `check_task`. Where a run takes long, `invert(task, y, calls=200)` spends a fixed number. `bounds=` and `feasible=` say what unknowns are allowed.
# * **How to test it**: `check_task`, then an answer to a target whose unknowns you know, as in the loop above.
# :::
#
# ## Exercises
#
# ```{exercise-start} Half the dose twice
# :label: ex-own-twice
# ```
#
# Another patient swallows 50 mg at the start and 50 mg after exactly six hours. Concentrations of the two halves add up, and the second is zero before six hours. Write a simulator for the same ten times, and a task `twice` with it and the prior of the drug.
#
# ```{exercise-end}
# ```

# %%
twice = ...  # your answer: a Task

# %% [markdown]
# :::{admonition} Hint
# :class: dropdown
# Both halves have the same formula, at the times `hours` and `hours - 6`. What does the formula give at time zero? `clamp_min(0)` of a tensor replaces negative numbers by zero.
# :::
#
# ```{solution-start} ex-own-twice
# :class: dropdown
# ```


# %%
def one_half(x, t):
    absorbed, cleared, volume = x[..., None, :].unbind(-1)
    t, gap = t.to(x).clamp_min(0), absorbed - cleared
    rest = torch.exp(-cleared * t) - torch.exp(-absorbed * t)
    return dose / 2 / volume * absorbed / gap * rest


def split(x):
    return one_half(x, hours) + one_half(x, hours - 6)


twice = Task("twice", split, drug.prior)

# %% [markdown]
# At time zero the formula gives zero, so cutting negative times off at zero is enough.
#
# ```{solution-end}
# ```

# %% tags=["check-exercise", "hide-input"]
if answered(twice=twice):
    early = (
        twice.simulate(pairs.x)[:, :6] - concentration(pairs.x)[:, :6] / 2
    )
    check("until six hours: distance from half", early.abs(), "<", 1e-4)
    check("the task keeps the contract", invlab.check_task(twice).passed)

# %% [markdown]
# ```{exercise-start} A prior that goes too far
# :label: ex-own-prior
# ```
#
# Somebody allows whole numbers only for the rates, zero included: `invlab.Integer([0, 0], [2, 1])`. What goes wrong in the formula, and how often? Build the prior with `invlab.Product`, the volume between 5 and 60 L, sample 1000 pairs from the task, and call the share of them that failed `lost_share`. (`task.valid(y)` says which rows are usable.)
#
# ```{exercise-end}
# ```

# %%
lost_share = ...  # your answer

# %% [markdown]
# :::{admonition} Hint
# :class: dropdown
# `invlab.Product` takes a list of priors and puts their unknowns side by side. `~` turns a mask round, and the mean of a mask, after `.double()`, is a share.
# :::
#
# ```{solution-start} ex-own-prior
# :class: dropdown
# ```

# %%
whole = invlab.Integer([0, 0], [2, 1])
far = invlab.Product([whole, Box([5.0], [60.0])])
far_task = Task("far", concentration, far)
invalid = ~far_task.valid(far_task.sample(1000).y)
lost_share = float(invalid.double().mean())
print(f"about {10 * round(10 * lost_share)} %")

# %% [markdown]
# Where both rates are equal the formula divides zero by zero. With rates that are drawn from an interval this never happens; with whole numbers it happens in a third of the cases. The contract allows it, since such rows are recognised, but a third of all simulations is wasted. Give the formula its limit there with `torch.where`, or leave equal rates out of the prior.
#
# ```{solution-end}
# ```

# %% tags=["check-exercise", "hide-input"]
if answered(lost_share=lost_share):
    check("the share that is lost", lost_share, "in", (0.25, 0.42))

# %% [markdown]
# ```{exercise-start} Two tubes are lost
# :label: ex-own-lost
# ```
#
# The samples after half an hour and after one hour are lost. Replace them by `float("nan")`, invert again, and call the result `without`. Is the measurement still explained, and are there still two groups of answers?
#
# ```{exercise-end}
# ```

# %%
without = ...  # your answer

# %% [markdown]
# :::{admonition} Hint
# :class: dropdown
# `[float("nan")] * 2 + measured[2:]` are the ten numbers. Everything else stands in the call of `invert` above. `without.error` and `without.modes()` answer the two questions.
# :::
#
# ```{solution-start} ex-own-lost
# :class: dropdown
# ```

# %% tags=["nbval-ignore-output"]
lost = [float("nan"), float("nan"), *measured[2:]]
without = invlab.invert(
    drug, lost, sigma=sigma, method="lm", n=50, data=pairs
)
for mode in without.modes():
    rates = ", ".join(f"{v:.2g}" for v in mode.x.tolist())
    print(f"x = {rates}; {mode.count} of 50 starts")

# %% [markdown]
# Yes to both. What is missing is left out of the misfit, and the method is fitted to the eight numbers that are there.
#
# ```{solution-end}
# ```

# %% tags=["check-exercise", "hide-input"]
if answered(without=without):
    check("error of the best answer, in σ²", without.error[0, 0], "<", 1)
    check("groups of answers", len(without.modes()), ">=", 2)

# %% [markdown]
# ## What we saw
#
# * A simulator, a prior and two facts are a task. Formulas, loops, programs, noise, contexts and images each take at most ten lines; a table of data takes one.
# * `check_task` says in words what a method would stumble over. Rows that fail are counted and left out.
# * Ten concentrations, measured well, leave two patients possible. Several answers to one measurement are the usual case.
#
# ## Where next
#
# We named the methods by hand. {doc}`ch19_which_method` lets them compete on your task, and {doc}`ch20_how_far_to_trust` asks what an answer is worth. All the ways to hand something over are in the {doc}`../api`.
#
# ## References
#
# The model with one compartment is in any textbook of pharmacokinetics. That keeping the nearest of many simulations draws approximately from the posterior is the idea of approximate Bayesian computation; {cite:t}`cranmer2020frontier` tell how it grew into today's methods.
