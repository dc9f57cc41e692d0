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
# # Four tasks
#
# **In this chapter** you meet the problems on which Part II compares its methods, a throw, a landscape of rings and a robot arm, and you see *all* right answers of each, exactly, before any network is trained.
#
# :::{admonition} Before you start
# :class: note
# * **You need** from Part I that a right answer is one with the right *effect*, and that there can be several ({doc}`ch02_ask_the_forward_map`).
# * **It takes** about half a minute on two CPU cores. Nothing is trained here.
# :::

# %% mystnb={"figure": {"name": "fig-four-answers", "caption": "Right answers to one target of each task: eight throws that land at 8 m, three hundred points at the height −0.3, five poses with the tip at (1.7, 0.4) m."}, "image": {"alt": "Left: eight curved paths of balls from different starts, heights and angles, some steep and high, some flat, which all end at the same cross at eight metres. Middle: a map of light hills and dark hollows with blue closed rings around the hollows and red dots on the rings only. Right: five arms of three links on a vertical rail, bent in different ways, all with their tip on the same cross."}} tags=["hide-input"]
import math

import ipywidgets
import matplotlib.pyplot as plt
import torch
from IPython.display import Markdown

import invlab
from invbook import answered, check, figures, widgets
from invbook.diagram import chain
from invbook.numbers import shown
from invlab import runtime

figures.use_style()
torch.set_num_threads(1)

asked = {"ballistics": (8.0,), "sine": (-0.3,), "robot_arm": (1.7, 0.4)}
drawn = {name: invlab.get_task(name) for name in asked}
found = {
    name: drawn[name].posterior(torch.tensor([y]).double(), count)[0]
    for (name, y), count in zip(asked.items(), (8, 300, 5))
}
fig, axes = plt.subplots(1, 3, figsize=(9, 3), width_ratios=[1.2, 1, 1.3])
flown = drawn["ballistics"].trajectory(found["ballistics"])
figures.throws(axes[0], flown)
figures.rings(axes[1], -0.3, found["sine"])
figures.arms(axes[2], drawn["robot_arm"].joints(found["robot_arm"]))
for ax, title in zip(axes, ("D1 throw", "D2 sine", "D3 robot arm")):
    ax.set_title(title)
plt.show()

# %% [markdown]
# ## What Part II is about
#
# Part I ended with networks that find *one* right answer. In practice you often want several: a lens that can be ground and not only computed, an arm that does not reach through the wall. So Part II asks another question: **for one target $y$, propose many guesses $\hat x$, and let the simulator choose.** A {term}`target` is an observation for which unknowns are wanted. Every method of this part fits into one picture:

# %% mystnb={"figure": {"name": "fig-part-two", "caption": "All of Part II: a method proposes T guesses for a target, the simulator runs each of them, and the best one counts."}, "image": {"alt": "A chain from left to right: the target y, a method, T guesses of x, the simulator f, which is called T times, and T effects. A bracket from the target to the effects is labelled error of a guess."}} tags=["hide-input"]
chain(
    [
        ("y", "data", "target"),
        ("?", "network", "any method"),
        ("x̂", "value", "T guesses"),
        ("f", "simulator", "T calls"),
        ("ŷ", "value", "T effects"),
    ],
    losses=[("y", "ŷ", "error of a guess")],
)
plt.show()

# %% [markdown]
# Ren, Padilla and Malof {cite:p}`ren2020benchmarking` compare six deep inverse models on four tasks, which they call D1 to D4 (their Section 5 and Table 1).
#
# | | task | unknown $x$ | observed $y$ | right answers for one $y$ |
# |---|---|---|---|---|
# | D1 | ballistics | start, height, angle and speed of a throw | where it lands | a three-dimensional set |
# | D2 | sine | two numbers | their height in a landscape | closed curves |
# | D3 | robot arm | a slider and three joints | where the tip is | a surface |
# | D4 | meta-material | heights and radii of four cylinders | a spectrum of 300 values | not known |
#
# The last column follows a rule. Each observation is one equation, and an equation takes one dimension away. Four unknowns and one observation leave three dimensions free. **D4** is of another kind. It has far more observations than unknowns, and a simulator that is itself a network, so it gets a chapter of its own ({doc}`ch12_metamaterial`). The first three follow here, each with its {term}`prior`, which is the law that the unknowns have before anything is observed. In the library each of them is a name:

# %%
throw = invlab.get_task("ballistics")
sine = invlab.get_task("sine")
arm = invlab.get_task("robot_arm")


def exactly(*y):
    """One target, in float64."""
    return torch.tensor([y], dtype=torch.float64)


# %% [markdown]
# ## D1: a throw
#
# Someone throws a ball. We are told only where it lands. Air slows it down in proportion to its speed.
#
# :::{admonition} D1 in short
# :class: note
# * **Unknowns**: start $x_1$ (m), height $x_2$ (m), angle to the ground $x_3$, speed $x_4$ (m/s).
# * **Prior**: $x_1$ normal with mean 0 and standard deviation 0.5; $x_2$ normal with mean 1.5 and standard deviation 0.5, and a height below the ground is put on the ground; $x_3$ uniform between 9° and 81° (in radians in the code); $x_4$ a whole number, Poisson with mean 15.
# * **Observation**: the place $y$ of the landing (m).
# * **Right answers for one $y$**: a three-dimensional set.
# :::
#
# The ball has a mass $m$ of 0.2 kg and a drag $k$ of 0.25 kg/s. Two numbers follow: $\tau = m/k = 0.8$ s, the time in which drag takes nearly two thirds of a horizontal speed, and $u = g\tau$ with the acceleration of gravity $g = 9.81$ m/s², the speed at which a long fall becomes steady. At time $t$ the ball is at
#
# $$
# \begin{aligned}
# \text{distance:}\quad & x_1 + \tau\, x_4\cos x_3\,\big(1 - e^{-t/\tau}\big),\\
# \text{height:}\quad & x_2 + \tau\,(u + x_4 \sin x_3)\,\big(1 - e^{-t/\tau}\big) - u\,t .
# \end{aligned}
# $$ (eq-flight)
#
# In words: the distance grows at first with the horizontal speed and comes to rest within a few $\tau$. The height does the same with the vertical speed, and on top of it the ball sinks, in the end at the steady speed $u$. The ball lands where the height is zero. That time has a closed form, which the {doc}`appendix <ch04_appendix>` derives and compares with the time grid of the papers.
#
# ## Exact answers, in a few lines
#
# Which throws land at 8 m? One could try many throws and keep those that come close. That is always a compromise between being exact and ever finishing. There is a better way: let one unknown be *solved for*. The start $x_1$ only shifts the landing. So draw height, angle and speed from the prior, compute how far such a throw reaches, and let the start be what is missing. The result is exact. But not each such throw is equally likely: keep it with a probability that is proportional to the prior's density at the start that it needs.

# %%
landing = 8.0  # try 5.0
n_draws = 20_000
stream = runtime.generator(0, "throws")
x = throw.prior.sample(n_draws, generator=stream).double()
reach = throw.simulate(x)[:, 0] - x[:, 0]  # how far each throw flies
x[:, 0] = landing - reach  # so it lands where we want
plausible = torch.exp(-0.5 * (x[:, 0] / 0.5) ** 2)  # the prior of x₁
keep = torch.rand(n_draws, generator=stream) < plausible
throws = x[keep]
print(f"kept {keep.double().mean():.0%} of the draws")

# %% [markdown]
# These are draws from the {term}`posterior`: the law of the unknowns once $y$ is known. It says which answers are right, and how likely each of them is. The library has such a sampler for each of the three tasks, in one line:

# %%
from_library = throw.posterior(exactly(landing), 2_000)[0]

# %% mystnb={"figure": {"name": "fig-throws", "caption": "Exact answers for one landing point over two of the four unknowns: the lines above (left), and the library (right)."}, "image": {"alt": "Two scatter plots of angle against speed that look alike. The dots form horizontal stripes at whole speeds, and the steeper throws are the faster ones."}} tags=["hide-input"]
fig, axes = plt.subplots(1, 2, sharex=True, sharey=True)
for ax, draws, title in zip(
    axes, (throws[:2_000], from_library), ("by hand", "library")
):
    angle, speed = draws[:, 2].rad2deg(), draws[:, 3]
    ax.plot(angle, speed, ".", color=figures.BLUE, markersize=2)
    ax.set(xlabel="angle (degrees)", ylabel="speed (m/s)", title=title)
    ax.label_outer()
plt.show()

# %% [markdown]
# Nothing in $y$ says which throw it was: steep or flat, weak or strong, from above or from the ground. The stripes are no artefact, since the speed is a whole number. The other two tasks are solved in the same way, and the checks ask the simulator whether every draw is a right answer.

# %% tags=["hide-input"]
error = invlab.resimulation_error(throw, throws[None], exactly(landing))
check("the largest error of a draw is that of rounding", error, "<", 1e-24)
check(
    "the angles span many degrees",
    throws[:, 2].rad2deg().max() - throws[:, 2].rad2deg().min(),
    ">",
    30,
)
check("every speed is a whole number", (throws[:, 3] % 1 == 0).all())
check(
    "the mean angle is the library's (difference in radians)",
    (throws[:, 2].mean() - from_library[:, 2].mean()).abs(),
    "<",
    0.05,
)

# %% [markdown]
# ## D2: rings
#
# The smallest of the tasks was made to be looked at:
#
# $$
# y = \sin(3\pi x_1) + \cos(3\pi x_2), \qquad x \in [-1, 1]^2 .
# $$ (eq-sine)
#
# :::{admonition} D2 in short
# :class: note
# * **Unknowns**: two numbers $x_1$ and $x_2$ without units.
# * **Prior**: uniform on the square $[-1, 1]^2$.
# * **Observation**: the height $y$ of a landscape with three periods each way.
# * **Right answers for one $y$**: contour lines, which are rings around the hollows or the hills; some are cut by the edge of the square.
# :::
#
# To draw answers, draw $s = \sin(3\pi x_1)$ first, from its law given $y$, which is known in closed form. Then $\cos(3\pi x_2)$ has to be $y - s$, and both equations are solved for $x$. Now move the slider of the figure below. At low heights the answers are small rings around each hollow. They grow, touch their neighbours at $y = 0$, and shrink to the hilltops on the other side. The dashed line is for the first exercise; in a running notebook a second slider moves it.


# %% tags=["hide-input", "nbval-ignore-output"]
def on_line(y, x2):
    fig, ax = plt.subplots(figsize=(4.2, 4))
    figures.rings(ax, y, sine.posterior(exactly(y), 150)[0])
    ax.axhline(x2, color=figures.ORANGE, linestyle="--")
    return fig


slider = ipywidgets.FloatSlider
widgets.explorer(
    on_line,
    alt="The sine map with the exact answers for one height, and a dashed "
    "horizontal line. For low heights the answers are small rings around "
    "the dark hollows; towards zero the rings grow until they touch; for "
    "high heights they are rings around the light hills. The line crosses "
    "the rings in up to six points.",
    y=slider(-0.3, min=-1.8, max=1.8, step=0.1, description="height y ="),
    x2=slider(0.25, min=-1, max=1, step=0.05, description="x₂ ="),
)

# %% tags=["hide-input"]
y_ring = exactly(-0.3)
on_ring = sine.posterior(y_ring, 2_000)[0]
check(
    "the largest error of a draw on the rings is that of rounding",
    invlab.resimulation_error(sine, on_ring[None], y_ring),
    "<",
    1e-24,
)
ninths = ((on_ring + 1) * 1.5).long().clamp(0, 2)
counts = torch.bincount(3 * ninths[:, 0] + ninths[:, 1], minlength=9)
check(
    "each of the nine ninths of the square has its share of the draws",
    counts / counts.sum(),
    "in",
    (1 / 9 - 0.04, 1 / 9 + 0.04),
)

# %% [markdown]
# ## D3: a robot arm
#
# An arm of three links, ½, ½ and 1 m long, sits on a vertical slider. Its joints are bent, and we ask that its tip be at a given point.
#
# :::{admonition} D3 in short
# :class: note
# * **Unknowns**: height of the slider $x_1$ (m), and three joints $x_2$, $x_3$, $x_4$ (rad).
# * **Prior**: all normal with mean 0; standard deviation 0.25 m for the slider and 0.5 rad for each joint.
# * **Observation**: the tip, $y$ = (horizontal, vertical), in m.
# * **Right answers for one $y$**: a surface of two dimensions.
# :::
#
# With $\alpha_1, \alpha_2, \alpha_3$ for the angles of the links to the horizontal,
#
# $$
# \begin{aligned}
# y_\text{hor} &= \tfrac12\cos\alpha_1 + \tfrac12\cos\alpha_2 + \cos\alpha_3,\\
# y_\text{ver} &= x_1 + \tfrac12\sin\alpha_1 + \tfrac12\sin\alpha_2 + \sin\alpha_3 .
# \end{aligned}
# $$ (eq-arm)
#
# Each link carries the tip on by its length in its own direction, and the slider lifts everything. The paper bends the joints so that $\alpha = (x_2,\; x_3 - x_2,\; x_4 - x_3 - x_2)$ (its Section 8.6.2). Other public codes read the same four numbers in another way, which makes another task; the {doc}`appendix <ch04_appendix>` compares the two.
#
# To draw answers, let the slider take what is missing from the vertical. Once the last link is chosen, the first two must make up a known horizontal distance. Here is the posterior over each pair of unknowns.

# %% mystnb={"figure": {"name": "fig-posterior", "caption": "The posterior of the arm for one target, over each pair of unknowns, in blue; the prior in grey."}, "image": {"alt": "Six scatter plots over pairs of the arm's four unknowns. The grey prior clouds are round; the blue posterior clouds fill only part of them, with sharp edges, some of them curved."}} tags=["hide-input"]
y_arm = exactly(1.7, 0.4)
poses = arm.posterior(y_arm, 2_000)[0]
before = arm.prior.sample(2_000, generator=runtime.generator(0, "poses"))
pairs = [(0, 1), (0, 2), (0, 3), (1, 2), (1, 3), (2, 3)]
fig, axes = plt.subplots(2, 3, figsize=(7, 4.4))
for ax, pair in zip(axes.flat, pairs):
    for cloud, color in ((before, "0.8"), (poses, figures.BLUE)):
        ax.plot(*cloud[:, pair].T, ".", color=color, markersize=1.5)
    ax.set(xlabel=arm.labels[pair[0]], ylabel=arm.labels[pair[1]])
plt.show()

# %% tags=["hide-input"]
check(
    "the largest error of a drawn pose is that of rounding",
    invlab.resimulation_error(arm, poses[None], y_arm),
    "<",
    1e-24,
)
check(
    "the sliders of right answers are far apart (m)",
    poses[:, 0].max() - poses[:, 0].min(),
    ">",
    0.5,
)

# %% [markdown]
# A method that claims to sample the answers can be held against such exact draws, and Part II will do so.
#
# ## One equation leaves curves, two leave points
#
# A second view of the same tasks: fix the target, vary two of the unknowns while the others keep their values, and colour each point by its error.


# %%
def error_map(task, y, x, two, first, second):
    """Errors for y where the unknowns named in two go over a plane."""
    plane = x.repeat(len(first) * len(second), 1)
    plane[:, two] = torch.cartesian_prod(first, second)
    error = (task.simulate(plane) - y).square().mean(-1)
    return error.view(len(first), len(second))


# %% mystnb={"figure": {"name": "fig-loss", "caption": "Re-simulation error over two unknowns, the others fixed: the throw for y = 8 m, the sine map for y = −0.3, the arm for y = (1.7, 0.4) m. Dark is better; the scale is logarithmic."}, "image": {"alt": "Three maps of the error. The throw has one dark curve from flat fast throws over weaker ones at medium angles to steep fast ones. The sine map has dark rings. The arm has one short dark streak inside a lighter valley, with two darkest spots on it."}} tags=["hide-input", "nbval-ignore-output"]
slices = {
    "throw": (throw, exactly(8), exactly(0, 1.5, 0, 0)[0], (2, 3)),
    "sine": (sine, y_ring, exactly(0, 0)[0], (0, 1)),
    "arm": (arm, y_arm, poses[0], (1, 2)),
}
ranges = {"throw": ((0.16, 1.41), (6, 30)), "arm": ((-1.5, 1.5),) * 2}
fig, axes = plt.subplots(1, 3, figsize=(9, 3))
dark = {}
for ax, (name, (task, y, rest, two)) in zip(axes, slices.items()):
    ends = ranges.get(name, ((-1, 1),) * 2)
    a, b = (torch.linspace(*end, 160).double() for end in ends)
    found = error_map(task, y, rest, two, a, b)
    dark[name] = float((found < 1e-3).double().mean())
    mesh = figures.loss_map(ax, a, b, found)
    named = [f"{task.labels[k]} ({task.units[k]})" for k in two]
    named = [label.removesuffix(" ()") for label in named]
    ax.set(xlabel=named[0], ylabel=named[1], title=name)
fig.colorbar(mesh, ax=axes, label="error", shrink=0.9)
plt.show()

# %% tags=["hide-input", "nbval-ignore-output"]
print("share of each map with an error below 0.001:")
print(", ".join(f"{name} {share:.2%}" for name, share in dark.items()))

# %% tags=["hide-input"]
check(
    "right answers fill a smaller share of the arm's map than of the throw's",
    dark["arm"],
    "<",
    dark["throw"],
)
check(
    "right answers fill a smaller share of the arm's map than of the sine's",
    dark["arm"],
    "<",
    dark["sine"],
)

# %% [markdown]
# One observation cuts a curve out of a two-dimensional slice. Two observations leave points: the streak of the arm is short, and only the two darkest spots on it are right, because two equations have to hold at once. For a method that guesses this is the whole difference between D1 or D2 and D3, since a curve is easier to come near to by chance than a point. {doc}`ch05_counting_guesses` makes a law of it.
#
# ## An experiment: data that were seen before
#
# A benchmark has three sets of data: one to train on, one to choose settings with, and one to be judged on. They must not share anything. In the published code (github.com/BensonRen/BDIMNNA, commit 354473f) they do. For D2 the data at the time of the paper were a regular grid of $100 \times 100$ points, so that a set that is made anew is the old one. How bad can that be? Take the most shameless memoriser there is, a {term}`look-up` table: it answers with the $x$ of the pair whose $y$ is nearest.

# %% tags=["nbval-ignore-output"]
axis = torch.linspace(-1, 1, 100, device=runtime.device())
grid = torch.cartesian_prod(axis, axis)
generated = invlab.Pairs(grid, sine.simulate(grid))
table = invlab.get_method("nearest").fit(sine, generated)


def looked_up(y):
    return invlab.resimulation_error(sine, table.propose(y), y)


again = looked_up(generated[::50].y)  # "new" targets from the same grid
fresh = looked_up(sine.targets(200, seed=0).y)
print(f"'new' grid data: {shown(again.mean())}")
print(f"fresh targets:   {shown(fresh.mean())}")

# %% [markdown]
# On the grid the table is perfect, and that says nothing about new targets. In this book `task.sample` draws independent training pairs, `Pairs.split` holds some out for validation, and `task.targets(k, seed=...)` draws targets from a stream of random numbers that training never uses.

# %%
data = sine.sample(10_000, generator=runtime.generator(0, "pairs"))
train, validation = data.split(0.2, generator=runtime.generator(0, "split"))
targets = sine.targets(500, seed=0)

# %% tags=["hide-input"]
sets = [
    {tuple(row) for row in part.x.tolist()}
    for part in (train, validation, targets)
]
check("on 'new' grid data a look-up has no error", again, "<", 1e-12)
check("its mean error on fresh targets", fresh.mean(), "in", (1e-9, 1e-4))
check(
    "no two of the three sets share a point",
    sum(len(part) for part in sets) == len(set.union(*sets)),
)
for label, x in (
    ("independent draws", data.x),
    ("points of the grid", grid),
):
    check(
        f"different x₁ among {len(x)} {label}",
        x[:, 0].unique().numel(),
        "==" if x is grid else ">",
        len(axis) if x is grid else 0.99 * len(x),
    )

# %% [markdown]
# ## Beside the paper
#
# The sizes of our tasks beside those of the paper's Table 1, and what each leaves free:

# %% tags=["hide-input"]
TABLE_1 = {"ballistics": (4, 1), "sine": (2, 1), "robot_arm": (4, 2)}
lines = ["| task | paper | ours | free dimensions | spread of y |"]
lines += ["|---|---|---|---|---|"]
sizes = {}
for task in (throw, sine, arm):
    seen = task.sample(5_000, generator=runtime.generator(0, "sizes"))
    sizes[task.name] = dx, dy = seen.x.shape[1], seen.y.shape[1]
    paper = "{} → {}".format(*TABLE_1[task.name])
    spread = ", ".join(f"{s:.1f}" for s in seen.y.double().std(0))
    free = dx - dy
    name = task.name.replace("_", " ")
    lines.append(f"| {name} | {paper} | {dx} → {dy} | {free} | {spread} |")
check("our tasks have the sizes of the paper's", sizes == TABLE_1)
Markdown("\n".join(lines))

# %% [markdown]
# "4 → 1" is four unknowns and one observation; the spread is the standard deviation of each number of $y$ over the prior. The landing points of D1 agree with the paper's only up to an error of its time grid, which is larger than the best error that the paper reports on D1: see the {doc}`appendix <ch04_appendix>`.
#
# :::{admonition} Use it when
# :class: tip
# * **Use it when** you try a method: these tasks have many right answers, run in microseconds, and their posteriors can be drawn exactly.
# * **Not when** you want to know how a method does with many observations or an expensive simulator. Three of the tasks have one or two observations; take D4, or your own simulator ({doc}`ch18_bring_your_own_simulator`).
# * **Cost**: ten thousand pairs take less than a second.
# * **How to test it**: simulate each proposed answer; compare a sampler with `task.posterior`; draw targets that no training has seen.
# :::
#
# ## Exercises
#
# ```{exercise-start} All answers on a line
# :label: ex-six
# ```
#
# For $y = -0.3$ and $x_2 = 0.25$ find *all* $x_1 \in [-1, 1]$ that are right answers of D2, without a search, as a tensor `answers` in float64. How many are there?
#
# ```{exercise-end}
# ```

# %%
answers = ...  # your answer

# %% [markdown]
# :::{admonition} Hint
# :class: dropdown
# The equation fixes $\sin(3\pi x_1)$. If $w$ solves $\sin w = s$, so does $\pi - w$, and so does either plus whole turns of $2\pi$.
# :::
#
# ```{solution-start} ex-six
# :class: dropdown
# ```

# %%
level = -0.3 - math.cos(3 * math.pi * 0.25)  # what the sine has to be
principal = math.asin(level)
turns = 2 * math.pi * torch.arange(-2, 3, dtype=torch.float64)
both = torch.cat([principal + turns, math.pi - principal + turns])
answers = both[both.abs() <= 3 * math.pi] / (3 * math.pi)
print(len(answers))

# %% [markdown]
# Six: the sine passes each height twice in a period, and $[-1, 1]$ holds three periods.
#
# ```{solution-end}
# ```

# %% tags=["check-exercise", "hide-input"]
if answered(answers=answers):
    found = torch.stack([answers, torch.full_like(answers, 0.25)], -1)
    check("different answers", answers.unique().numel(), "==", 6)
    gap = (sine.simulate(found) + 0.3).abs()
    check("their distance from the target", gap, "<", 1e-10)

# %% [markdown]
# ```{exercise-start} The slider solves one equation
# :label: ex-slider
# ```
#
# Draw 10,000 poses of the arm from its prior, in float64. Change only their sliders, so that every tip has the *vertical* position 0.4 m, and call the result `lifted`. Which share of these poses, `share`, has its tip within 1 cm of the horizontal position 1.7 m too?
#
# ```{exercise-end}
# ```

# %%
lifted = ...  # your answer
share = ...  # your answer

# %% [markdown]
# :::{admonition} Hint
# :class: dropdown
# Proceed as with the throw above: simulate, and see what is missing. `arm.simulate(x)` has the vertical in its second column.
# :::
#
# ```{solution-start} ex-slider
# :class: dropdown
# ```

# %%
lifted = arm.prior.sample(10_000, generator=runtime.generator(0, "lift"))
lifted = lifted.double()
lifted[:, 0] += 0.4 - arm.simulate(lifted)[:, 1]
gap = (arm.simulate(lifted)[:, 0] - 1.7).abs()
share = float((gap < 0.01).double().mean())
print(f"{share:.1%}")

# %% [markdown]
# A few in a hundred. One equation is solved by one unknown; the other still has to be met by chance, unless a second unknown is solved for. This is why two observations are harder than one.
#
# ```{solution-end}
# ```

# %% tags=["check-exercise", "hide-input"]
if answered(lifted=lifted, share=share):
    tips = arm.simulate(lifted)
    check("vertical distance", (tips[:, 1] - 0.4).abs(), "<", 1e-10)
    check("the share within 1 cm", share, "in", (0.01, 0.06))

# %% [markdown]
# ```{exercise-start} The other elbow
# :label: ex-elbow
# ```
#
# The first two links are equally long. So exchanging their *directions* $\alpha_1$ and $\alpha_2$ leaves the tip where it is. Write this as a change of the joints in the paper's convention: from `poses` make `other`, with the same tips but other elbows.
#
# ```{exercise-end}
# ```

# %%
other = ...  # your answer

# %% [markdown]
# :::{admonition} Hint
# :class: dropdown
# The new first joint is the old second direction. The sum of the first two directions is $x_3$, and it stays. The last joint has to keep $\alpha_3$.
# :::
#
# ```{solution-start} ex-elbow
# :class: dropdown
# ```

# %%
x1, x2, x3, x4 = poses.T
other = torch.stack([x1, x3 - x2, x3, x4 + x3 - 2 * x2], -1)

# %% [markdown]
# The new first joint is $x_3 - x_2$; the sum of the first two directions, $x_3$, stays; and the last joint must undo the change for the last link. Every answer has such a twin. The twin is as right, but not as probable, because the prior may dislike it.
#
# ```{solution-end}
# ```

# %% tags=["check-exercise", "hide-input"]
if answered(other=other):
    old, new = arm.joints(poses), arm.joints(other)
    apart = (old[:, -1] - new[:, -1]).norm(dim=1)
    check("the tips have not moved (m)", apart, "<", 1e-10)
    moved = (old[:, 2] - new[:, 2]).norm(dim=1).median()
    check("the elbows have moved (median, m)", moved, ">", 0.05)

# %% [markdown]
# ## What we saw
#
# * With more unknowns than observations the right answers form curves and surfaces. Their dimension is the number of unknowns minus the number of observations.
# * For D1 to D3 all answers can be drawn exactly, by solving for one unknown once the others are chosen. So every method of this part can be held against the truth.
# * One observation leaves curves in a slice through two unknowns, two leave points, and points are harder to hit by chance.
# * Targets must come from data that neither the training nor the choice of settings has seen.
#
# ## Where next
#
# There are many right answers, and a method may propose many guesses. {doc}`ch05_counting_guesses` asks how to score them, and what scores can be had without any network. The {doc}`appendix <ch04_appendix>` has the closed form of the landing, the price of a time grid, and the two conventions of the arm.
#
# ## References
#
# The four tasks are those of {cite:t}`ren2020benchmarking`. The throw is from {cite:t}`kruse2021benchmarking`, the arm from {cite:t}`ardizzone2019analyzing`.
