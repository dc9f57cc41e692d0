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
# **In this chapter** you meet the problems on which Part II compares its methods: a throw, a landscape of rings and a robot arm. You see *all* answers of each, exactly, before any network has been trained.
#
# :::{admonition} Before you start
# :class: note
# * **You need** from Part I that a right answer is one with the right *effect*, and that there can be several ({doc}`ch02_ask_the_forward_map`).
# * **It takes** about half a minute on two CPU cores. Nothing is trained here.
# * **Run it** with the rocket button at the top of the page, or
#   [open it in Colab](https://colab.research.google.com/github/OWNER/invlab/blob/main/chapters/ch04_four_tasks.ipynb).
# :::

# %% tags=["remove-cell", "nbval-skip"]
import importlib.util
import sys

if "google.colab" in sys.modules and not importlib.util.find_spec("invlab"):
    # %pip install -q --no-deps "git+https://github.com/OWNER/invlab"
    pass

# %%
import math

import ipywidgets
import matplotlib.pyplot as plt
import torch
from scipy.special import lambertw

import invlab
from invbook import check, figures, widgets
from invlab import runtime

figures.use_style()
torch.set_num_threads(1)
n_draws = runtime.by_preset(quick=2_000, full=20_000)

throw = invlab.get_task("ballistics")
sine = invlab.get_task("sine")
arm = invlab.get_task("robot_arm")


def exactly(*y):
    """One target, in float64."""
    return torch.tensor([y], dtype=torch.float64)


# %% [markdown]
# ## What Part II is about
#
# Part I ended with networks that find *one* right answer. In practice you often want several: a lens that can be ground and not only computed, an arm that does not reach through the wall. So the question of Part II is: **for one target $y$, propose many guesses $\hat x$, and let the simulator choose.**
#
# Ren, Padilla and Malof {cite:p}`ren2020benchmarking` compare six deep inverse models on four tasks. Theirs are the tasks of this part. The first three have more unknowns than observations, so answers do not come in pairs as they did for the square. They come in curves and surfaces.
#
# | | task | unknown $x$ | seen $y$ | right answers for one $y$ |
# |---|---|---|---|---|
# | D1 | ballistics | start, height, angle and speed of a throw | where it lands | a three-dimensional set |
# | D2 | sine | two numbers | their height in a landscape | closed curves |
# | D3 | robot arm | a slider and three joints | where the tip is | a surface |
# | D4 | meta-material | heights and radii of four cylinders | a spectrum of 300 values | not known |
#
# The rule behind the last column: each observation is one equation and takes one dimension away. Four unknowns and one observation leave three free. **D4** is another kind of problem, with far more observations than unknowns and a simulator that is itself a network; it gets a chapter of its own. Here we look closely at the first three.
#
# ## D1: a throw
#
# Someone throws a ball from position $x_1$ and height $x_2$ (both in m) at an angle $x_3$ to the ground (in rad) with speed $x_4$ (in m/s). Air slows it down in proportion to its speed. We are told only where it lands, $y$ (in m). The ball has a mass $m$ of 0.2 kg and a drag $k$ of 0.25 kg/s; $\tau = m/k = 0.8$ s is the time in which drag takes nearly two thirds of a horizontal speed, and $u = g\tau$ the speed at which a long fall becomes steady. At time $t$ the ball is at
#
# $$
# \begin{aligned}
# \text{distance:}\quad & x_1 + \tau\, x_4\cos x_3\,\big(1 - e^{-t/\tau}\big),\\
# \text{height:}\quad & x_2 + \tau\,(u + x_4 \sin x_3)\,\big(1 - e^{-t/\tau}\big) - u\,t .
# \end{aligned}
# $$ (eq-flight)
#
# In words: the distance grows at first with the horizontal speed and comes to rest within a few $\tau$; the height does the same with the vertical speed, and on top of it the ball sinks, in the end at the steady speed $u$. The landing is where the height is zero.
#
# Which throws land at 8 m? `task.posterior(y, n)` answers with draws from *all* of them, each as probable as the prior and the target make it. How it can be exact is told below; look at the answers first.

# %% mystnb={"figure": {"name": "fig-throws", "caption": "Eight throws that all land at 8 m (left), and two thousand such throws over two of the four unknowns (right)."}, "image": {"alt": "Left: eight curved paths of balls from different starts, heights and angles; some are steep and high, some flat; all end at the same cross at eight metres on the ground. Right: dots over angle and speed form horizontal stripes at whole speeds, and the steeper throws are the faster ones."}}
y_throw = exactly(8.0)
throws = throw.posterior(y_throw, n_draws)[0]

fig, (left, right) = plt.subplots(1, 2)
figures.throws(left, throw.trajectory(throws[:8]))
right.plot(
    throws[:, 2].rad2deg(),
    throws[:, 3],
    ".",
    color=figures.BLUE,
    markersize=2,
)
right.set(xlabel="angle (degrees)", ylabel="speed (m/s)")
plt.show()

# %% [markdown]
# Steep and flat, weak and strong, from above and from the ground: nothing in $y$ says which it was. (The stripes are no artefact. The prior speed is a *Poisson* number, a whole one, with mean 15.)
#
# Are these really answers? Ask the simulator:

# %%
error = invlab.resimulation_error(throw, throws[None], y_throw)
check("every throw lands at 8 m, to rounding", error.max() < 1e-24)
check(
    "they are far apart: angles span over 40 degrees",
    throws[:, 2].max() - throws[:, 2].min() > math.radians(40),
)
whole = throws[:, 3] == throws[:, 3].round()
check("and every speed is a whole number", whole.all())

# %% [markdown]
# ### The landing time has a closed form
#
# The paper says that the landing has no closed form, and its code, like that of the earlier benchmark {cite:p}`kruse2021benchmarking`, steps through 1500 points of time in 6 s and reads $y$ off the last one above the ground. There *is* a closed form, by **Lambert's function** {cite:p}`corless1996lambert`. $W(z)$ is defined as the solution $w$ of $w e^{w} = z$; it is to $w e^w$ what the logarithm is to $e^w$, and every scientific library has it. Set the height of {eq}`eq-flight` to zero, measure time in units of $\tau$, and with
#
# $$
# q = 1 + \frac{x_4 \sin x_3}{u}, \qquad h = \frac{x_2}{u\tau}
# \qquad\text{the landing is at}\qquad
# t = \tau\,\Big(h + q + W\big({-q}\,e^{-h-q}\big)\Big).
# $$ (eq-landing)
#
# Here $q$ measures how hard the ball is thrown upwards and $h$ how high it starts, both in units of the long fall. Four lines of plain Python:

# %%
tau, fall = 0.2 / 0.25, 9.81 * 0.2 / 0.25  # s and m/s


def landing_time(x):
    push = 1 + x[:, 3] * x[:, 2].sin() / fall
    start = x[:, 1] / (fall * tau)
    w = lambertw(-push * (-start - push).exp())
    return tau * (start + push + torch.as_tensor(w.real))


def flight(x, t):
    gone = 1 - (-t / tau).exp()
    across = x[:, 0] + tau * x[:, 3] * x[:, 2].cos() * gone
    up = x[:, 1] + tau * (fall + x[:, 3] * x[:, 2].sin()) * gone - fall * t
    return across, up


x = throw.prior.sample(n_draws, generator=runtime.generator(0, "throws"))
x = x.double()
across, up = flight(x, landing_time(x))
check("there the height is zero", up.abs().max() < 1e-12)
check(
    "and the library's simulator says the same",
    torch.allclose(across, throw.simulate(x)[:, 0], rtol=0, atol=1e-12),
)

# %% [markdown]
# What does the grid cost? The points are 4 ms apart, and a ball moves in 4 ms. The old simulator is here too, as `impact="grid"`. Turn the angle of one throw by a hair and compare.

# %% mystnb={"figure": {"name": "fig-grid", "caption": "The landing point read off 1500 points of time has steps (left), and falls short of the exact one (right)."}, "image": {"alt": "Left: the exact landing point is a smooth curve over the angle; the one from the grid is a saw-tooth below it that touches it at the tops. Right: histogram of the grid's error in millimetres, all negative, mostly within ten millimetres of zero."}}
on_grid = invlab.get_task("ballistics", impact="grid")
turned = exactly(0.0, 1.5, 0.0, 15.0).repeat(400, 1)
turned[:, 2] = torch.linspace(0.700, 0.704, 400)
shortfall = (on_grid.simulate(x) - throw.simulate(x))[:, 0]

fig, (left, right) = plt.subplots(1, 2)
left.plot(
    turned[:, 2], throw.simulate(turned), color=figures.BLUE, label="exact"
)
left.plot(
    turned[:, 2],
    on_grid.simulate(turned),
    "--",
    color=figures.ORANGE,
    label="grid",
)
left.set(xlabel="angle (rad)", ylabel="landing point y (m)")
left.legend()
right.hist(1000 * shortfall, bins=40, color=figures.ORANGE)
right.set(xlabel="grid minus exact (mm)", ylabel="throws")
plt.show()

# %%
floor = float(shortfall.square().mean())
print(f"mean squared error of the grid: {floor:.0e} m²")
check("about 2e-5", 1.6e-5 < floor < 2.5e-5)
check("the grid always falls short", (shortfall <= 1e-12).all())
best_of_paper = 2.5e-7  # Table 3: the neural adjoint on D1
check(
    "50 times above the smallest error that the paper reports on D1",
    floor > 50 * best_of_paper,
)

# %% [markdown]
# So the paper's best result on D1 is far more exact than the physics that produced its labels. That does not make the comparison unfair, since all models were judged by the same grid. But it says what the last digits mean: nothing about throws. And the grid has a second price. Its derivative is wrong almost everywhere (an exercise below), while {eq}`eq-landing` is smooth. `invlab` takes the closed form unless told otherwise.
#
# ## D2: rings
#
# The smallest of the tasks, made for looking at:
#
# $$
# y = \sin(3\pi x_1) + \cos(3\pi x_2), \qquad x \in [-1, 1]^2 .
# $$ (eq-sine)
#
# Two numbers without units, and the height $y$ in a landscape of hills and hollows, three periods each way. Whoever knows a height knows a contour line. At $y = -0.3$, the paper's example, the lines are rings around the hollows, some cut by the edge.

# %% mystnb={"figure": {"name": "fig-map", "caption": "The sine map in grey, its rings of exact answers at y = −0.3 in blue, and 300 draws from the posterior in red."}, "image": {"alt": "A square map with light hills and dark hollows in a checkerboard. Blue closed lines surround the hollows, some of them cut by the edge of the square. Red dots lie on the lines only, spread over all of them."}}
y_ring = exactly(-0.3)
on_ring = sine.posterior(y_ring, n_draws)[0]
fig, ax = plt.subplots(figsize=(4.2, 4))
figures.rings(ax, -0.3, on_ring[:300])
plt.show()

# %%
error = invlab.resimulation_error(sine, on_ring[None], y_ring)
check("every draw is on a ring, to rounding", error.max() < 1e-24)
parts = ((on_ring + 1) * 1.5).long().clamp(0, 2)
counts = torch.bincount(3 * parts[:, 0] + parts[:, 1], minlength=9)
check(
    "and each of the nine ninths of the square has its share",
    (counts / n_draws - 1 / 9).abs().max() < 0.03,
)

# %% [markdown]
# Move the slider. At the lowest heights the answers are small closed curves around each hollow; they grow, touch their neighbours at $y = 0$, and shrink to the hilltops on the other side.


# %% tags=["nbval-ignore-output"]
def at_height(y):
    fig, ax = plt.subplots(figsize=(4.2, 4))
    figures.rings(ax, y, sine.posterior(exactly(y), 150)[0])
    ax.set_title(f"y = {y}")
    return fig


widgets.flipbook(
    at_height,
    [-1.9, -1.5, -1.1, -0.7, -0.3, 0.0, 0.3, 0.7, 1.1, 1.5, 1.9],
    label="target y =",
    alt="The sine map with the exact answers for one height. For low "
    "heights they are small rings around the dark hollows; towards zero "
    "the rings grow until they touch; for high heights they are rings "
    "around the light hills.",
    start=4,
    dpi=70,
)

# %% [markdown]
# ## D3: a robot arm
#
# An arm of three links, ½, ½ and 1 m long, sits on a vertical slider at height $x_1$ (m). Its joints are bent by $x_2$, $x_3$ and $x_4$ (rad). We ask that the tip be at a point $y$ = (horizontal, vertical) in m. With $\theta_1, \theta_2, \theta_3$ for the angles of the links to the horizontal,
#
# $$
# y_\text{hor} = \tfrac12\cos\theta_1 + \tfrac12\cos\theta_2 + \cos\theta_3, \qquad
# y_\text{ver} = x_1 + \tfrac12\sin\theta_1 + \tfrac12\sin\theta_2 + \sin\theta_3 ,
# $$ (eq-arm)
#
# that is, each link carries the tip on by its length in its own direction, and the slider lifts everything.

# %% mystnb={"figure": {"name": "fig-arms", "caption": "Five poses that bring the tip to the same point, drawn from the posterior (left), and the heights of the slider in two thousand of them (right)."}, "image": {"alt": "Left: five arms of three links from different heights of a vertical rail, bent in different ways, all with their tip on the same red cross. Right: a histogram of the slider's height, one broad hump."}}
y_arm = exactly(1.7, 0.4)
poses = arm.posterior(y_arm, n_draws)[0]
fig, (left, right) = plt.subplots(1, 2, width_ratios=[1.6, 1])
figures.arms(left, arm.joints(poses[:5]))
right.hist(poses[:, 0], bins=30, color=figures.BLUE)
right.set(xlabel="slider (m)", ylabel="poses")
plt.show()

# %%
error = invlab.resimulation_error(arm, poses[None], y_arm)
check("every pose reaches the point, to rounding", error.max() < 1e-24)
check(
    "with sliders more than 0.5 m apart",
    poses[:, 0].max() - poses[:, 0].min() > 0.5,
)

# %% [markdown]
# ### Two conventions, one name
#
# What is "the angle of a joint"? Equation {eq}`eq-arm` leaves it open, and the public codes disagree. Ren et al. write $\theta = (x_2,\; x_3 - x_2,\; x_4 - x_3 - x_2)$. The data code of the earlier benchmark {cite:p}`kruse2021benchmarking` turns everything that follows a joint by the joint's angle, as a real arm does: $\theta = (x_2,\; x_2 + x_3,\; x_2 + x_3 + x_4)$. They are called `angles="difference"` and `angles="cumulative"` here, and they are *different tasks*.

# %% mystnb={"figure": {"name": "fig-conventions", "caption": "The same four numbers, read in two ways (left), and where prior draws put the tip (right)."}, "image": {"alt": "Left: two arms from the same point of the rail, one bent down and one bent up, with tips over a metre apart. Right: two clouds of tips, the cumulative one a crescent much taller than the other."}}
cumulative = invlab.get_task("robot_arm", angles="cumulative")
numbers = exactly(0.0, 0.4, 0.4, 0.4)[0]
same = torch.stack([t.joints(numbers) for t in (arm, cumulative)])
tips = arm.prior.sample(n_draws, generator=runtime.generator(0, "poses"))

fig, (left, right) = plt.subplots(1, 2)
figures.arms(left, same, labels=["difference", "cumulative"])
left.legend(fontsize=8)
for task, color, size in (
    (cumulative, figures.ORANGE, 3),
    (arm, figures.GREEN, 1.5),
):
    right.plot(*task.simulate(tips).T, ".", color=color, markersize=size)
right.set(xlabel="horizontal (m)", ylabel="vertical (m)", aspect="equal")
plt.show()

# %%
gap = (same[0, -1] - same[1, -1]).norm()
check("tips over a metre apart for the same numbers", gap > 1)
spread = (
    cumulative.simulate(tips)[:, 1].std() / arm.simulate(tips)[:, 1].std()
)
check("and 1.5 times the vertical spread or more", spread > 1.5)

# %% [markdown]
# Errors on the two are not comparable, and papers that quote each other's numbers for "the robot arm" should be read with care. We follow the paper and use differences.
#
# ## Exact answers, all of them
#
# Where do the exact draws come from? Not from trying many $x$ and keeping those whose $y$ is close, which is always a compromise between being exact and ever finishing. Each task lets one unknown be *solved for*, once the others are chosen:
#
# * **D1.** The start $x_1$ simply shifts the landing point. Choose height, angle and speed; then $x_1 = y$ minus how far such a throw flies. How often a choice is kept depends on how probable the prior finds the $x_1$ that it needs.
# * **D2.** Choose $\sin(3\pi x_1)$; then $\cos(3\pi x_2)$ is what is missing from $y$. The law of the first is known in closed form.
# * **D3.** The slider takes what is missing from the vertical; and given the last link, the first two must make up a known horizontal distance.
#
# That is why the errors above are those of rounding, $10^{-24}$ and less. A method that claims to sample the answers can be compared with these draws, and Part II will. It also gives a picture of the hardest thing in this part: look at a posterior in all of its unknowns.

# %% mystnb={"figure": {"name": "fig-posterior", "caption": "The posterior of the arm for one target, over each pair of unknowns, in blue; the prior in grey."}, "image": {"alt": "Six scatter plots over pairs of the arm's four unknowns. The grey prior clouds are round; the blue posterior clouds fill only part of them, with sharp edges, some of them curved."}}
pairs = [(0, 1), (0, 2), (0, 3), (1, 2), (1, 3), (2, 3)]
fig, axes = plt.subplots(2, 3, figsize=(7, 4.4))
for ax, (i, j) in zip(axes.flat, pairs):
    ax.plot(tips[:, i], tips[:, j], ".", color="0.8", markersize=1.5)
    ax.plot(
        poses[:, i], poses[:, j], ".", color=figures.BLUE, markersize=1.5
    )
    ax.set(xlabel=arm.labels[i], ylabel=arm.labels[j])
plt.show()

# %% [markdown]
# ## Maps of the loss
#
# A second view of the same thing: fix the target, take a slice through two of the unknowns, and colour each point by its error. Dark valleys are where a search would like to go.

# %% mystnb={"figure": {"name": "fig-loss", "caption": "Re-simulation error over two unknowns, the others fixed: the throw for y = 8 m, the sine map for y = −0.3, the arm for y = (1.7, 0.4) m. Dark is better; the scale is logarithmic."}, "image": {"alt": "Three maps. The throw has one curved dark valley from flat fast throws over weaker ones at medium angles to steep fast ones. The sine map has dark rings. The arm has two small dark spots in a lighter valley."}}
slices = {
    "throw": (throw, y_throw, exactly(0, 1.5, 0, 0)[0], 2, 3),
    "sine": (sine, y_ring, exactly(0, 0)[0], 0, 1),
    "arm": (arm, y_arm, poses[0], 1, 2),
}
ranges = {
    "throw": ((0.16, 1.41), (6, 30)),
    "arm": ((-1.5, 1.5), (-1.5, 1.5)),
}
fig, axes = plt.subplots(1, 3, figsize=(7, 2.7))
maps = {}
for ax, (name, (task, y, rest, i, j)) in zip(axes, slices.items()):
    first, second = ranges.get(name, ((-1, 1), (-1, 1)))
    a, b = torch.linspace(*first, 160), torch.linspace(*second, 160)
    x = rest.repeat(160 * 160, 1)
    x[:, [i, j]] = torch.cartesian_prod(a, b).double()
    maps[name] = invlab.resimulation_error(task, x[None], y).view(160, 160)
    mesh = figures.loss_map(ax, a, b, maps[name])
    names = [
        f"{task.labels[k]} ({task.units[k]})".removesuffix(" ()")
        for k in (i, j)
    ]
    ax.set(xlabel=names[0], ylabel=names[1], title=name)
fig.colorbar(mesh, ax=axes, label="error", shrink=0.9)
plt.show()

# %%
dark = {name: float((m < 1e-3).double().mean()) for name, m in maps.items()}
check(
    "the arm's answers take less of its slice than the others' of theirs",
    dark["arm"] < min(dark["throw"], dark["sine"]),
)

# %% [markdown]
# One observation cuts a curve out of a two-dimensional slice; two observations leave points. For a method that guesses, this is the whole difference between D1 or D2 and D3: a curve is easier to come near to by chance than a point. {doc}`ch05_counting_guesses` makes a law of it.
#
# ## Three splits that do not touch
#
# A benchmark has three sets of data: one to train on, one to choose settings with, and one to be judged on. They must not share anything. In the published code they do, in two ways: the 200 targets that models are judged on are part of the set that chose the best of ten trainings; and for D2 the data at the time of the paper were a regular grid of $100 \times 100$ points, so a set that is "generated anew" is the old one. How bad can that be? Take a look-up table, the most shameless of all memorisers:

# %%
axis = torch.linspace(-1, 1, 100, device=runtime.device())
grid = torch.cartesian_prod(axis, axis)
generated = invlab.Pairs(grid, sine.simulate(grid))
table = invlab.get_method("nearest").fit(sine, generated)


def looked_up(y):
    return invlab.resimulation_error(sine, table.propose(y), y)


again = looked_up(generated[::50].y)  # "new" targets from the same grid
fresh = looked_up(sine.targets(200, seed=0).y)
check("on 'new' grid data a look-up is perfect", again.max() < 1e-12)
check("on fresh targets it is not", fresh.mean() > 1e-9)
check("though far from bad", fresh.mean() < 1e-4)

# %% [markdown]
# A grid has another flaw that no split repairs: it has only 100 different $x_1$. Here draws are independent, `task.sample` makes the training pairs, `Pairs.split` holds some out for validation, and `task.targets(k, seed=...)` draws targets from a stream of random numbers that training never uses.

# %%
data = sine.sample(10_000, generator=runtime.generator(0, "pairs"))
train, validation = data.split(0.2, generator=runtime.generator(0, "split"))
targets = sine.targets(500, seed=0)
sets = [
    {tuple(row) for row in part.x.tolist()}
    for part in (train, validation, targets)
]
print([len(part) for part in sets])
check(
    "no two of the three sets share a point",
    not (sets[0] & sets[1] or sets[0] & sets[2] or sets[1] & sets[2]),
)
check("ten thousand different x₁", data.x[:, 0].unique().numel() > 9_900)
check("where the grid has a hundred", grid[:, 0].unique().numel() == 100)

# %% [markdown]
# ## Exercises
#
# ```{exercise-start} All answers on a line
# :label: ex-six
# ```
#
# For $y = -0.3$ and $x_2 = 0.25$ find *all* $x_1 \in [-1, 1]$ that are right, without a search, as a tensor `answers`. How many are there?
#
# ```{exercise-end}
# ```

# %% [markdown]
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

# %% tags=["check-exercise"]
found = torch.stack([answers, torch.full_like(answers, 0.25)], -1)
check("six answers", len(answers.unique()) == 6)
check("all of them right", (sine.simulate(found) + 0.3).abs().max() < 1e-12)

# %% [markdown]
# With a live kernel you can move both the target and $x_2$ and count the answers on the line yourself. (The static page shows the first state only; open the chapter in Colab to use it.)


# %% tags=["nbval-ignore-output"]
def on_line(y, x2):
    fig, ax = plt.subplots(figsize=(4.2, 4))
    figures.rings(ax, y)
    ax.axhline(x2, color=figures.RED, linestyle="--")
    return fig


widgets.explorer(
    on_line,
    alt="The sine map with its rings for a chosen height, and a dashed "
    "horizontal line that crosses the rings in up to six points.",
    y=ipywidgets.FloatSlider(-0.3, min=-1.9, max=1.9, description="y"),
    x2=ipywidgets.FloatSlider(
        0.25, min=-1, max=1, step=0.05, description="x₂"
    ),
)

# %% [markdown]
# ```{exercise-start} The other elbow
# :label: ex-elbow
# ```
#
# The first two links are equally long. So exchanging their *directions* $\theta_1$ and $\theta_2$ leaves the tip where it is. Write this as a change of the joints in the convention of differences: from `poses` make `other`, with the same tips but other elbows.
#
# ```{exercise-end}
# ```

# %% [markdown]
# ```{solution-start} ex-elbow
# :class: dropdown
# ```

# %%
x1, x2, x3, x4 = poses.T
other = torch.stack([x1, x3 - x2, x3, x4 + x3 - 2 * x2], -1)

# %% [markdown]
# The new first joint is the old second direction, $x_3 - x_2$; the sum of the first two directions, $x_3$, stays; and the last joint must undo the change for the last link. Every answer has such a twin. The twin is as right, but not as probable: the prior may dislike it.
#
# ```{solution-end}
# ```

# %% tags=["check-exercise"]
before, after = arm.joints(poses), arm.joints(other)
check(
    "the same tips", torch.allclose(before[:, -1], after[:, -1], atol=1e-12)
)
check(
    "other elbows", (before[:, 2] - after[:, 2]).norm(dim=1).median() > 0.05
)

# %% [markdown]
# ```{exercise-start} A derivative that the grid does not have
# :label: ex-slope
# ```
#
# How much farther does the ball fly if it is thrown a little faster? For the throw $(0, 1.5, 0.7, 15)$ compute $\partial y/\partial x_4$ by autograd through the exact simulator as `slope_exact`, and the difference quotient of the *grid* simulator with a step of $10^{-5}$ m/s as `slope_grid`.
#
# ```{exercise-end}
# ```

# %% [markdown]
# ```{solution-start} ex-slope
# :class: dropdown
# ```

# %%
one = exactly(0.0, 1.5, 0.7, 15.0).requires_grad_()
(gradient,) = torch.autograd.grad(throw.simulate(one).sum(), one)
slope_exact = float(gradient[0, 3])

step = exactly(0.0, 0.0, 0.0, 1e-5)
with torch.no_grad():
    moved = on_grid.simulate(one + step) - on_grid.simulate(one)
slope_grid = float(moved) / 1e-5
print(f"exact {slope_exact:.2f} m per m/s, grid {slope_grid:.2f}")

# %% [markdown]
# The grid keeps the *time* of the landing fixed until it jumps by a whole step. So it sees the ball move faster, and misses that it also lands later. Between jumps its slope is too small; at a jump it is enormous.
#
# ```{solution-end}
# ```

# %% tags=["check-exercise"]
with torch.no_grad():
    rise = throw.simulate(one + step) - throw.simulate(one - step)
check(
    "autograd equals the exact quotient",
    abs(slope_exact - float(rise) / 2e-5) < 1e-6,
)
check(
    "the grid is off by more than a tenth",
    abs(slope_grid / slope_exact - 1) > 0.1,
)

# %% [markdown]
# ## What we saw
#
# * With more unknowns than observations the right answers form curves and surfaces. Their dimension is the number of unknowns minus the number of observations.
# * For D1 to D3 all answers can be drawn exactly, so every method of this part can be held against the truth.
# * A task is its simulator *and* its conventions. A time grid sets an error floor of $2 \cdot 10^{-5}$ m² on D1; two readings of "joint angle" make two tasks of D3.
# * Targets must come from data that neither the training nor the choice of settings has seen.
#
# ## Where next
#
# There are many right answers, and a method may propose many guesses. {doc}`ch05_counting_guesses` asks how to score them, and what scores can be had without any network.
#
# ## References
#
# The four tasks are those of {cite:t}`ren2020benchmarking`. The throw is from {cite:t}`kruse2021benchmarking`, the arm from {cite:t}`ardizzone2019analyzing`. Lambert's function is treated by {cite:t}`corless1996lambert`.
