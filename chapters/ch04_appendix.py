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
# # Appendix to chapter 4: simulators and conventions
#
# What {doc}`ch04_four_tasks` leaves out: the closed form of the landing, what the papers' time grid costs, two readings of the robot arm, and where the paper's sets of data overlap.

# %%
import torch
from scipy.special import lambertw

import invlab
from invlab import runtime

torch.set_num_threads(1)
n_draws = runtime.by_preset(quick=2_000, full=20_000)
throw = invlab.get_task("ballistics")
arm = invlab.get_task("robot_arm")

# %% tags=["hide-input"]
import matplotlib.pyplot as plt

from invbook import check, figures
from invbook.numbers import shown
from invbook.papers import neural_adjoint

figures.use_style()

# %% [markdown]
# ## The landing time has a closed form
#
# The paper says that the landing has no closed form (its Section 8.6.1). The published code, like that of the earlier benchmark {cite:p}`kruse2021benchmarking`, steps through 1500 points of time in 6 s and reads $y$ off the last one above the ground. There *is* a closed form, by **Lambert's function** {cite:p}`corless1996lambert`. $W(z)$ is defined as the solution $w$ of $w e^{w} = z$. It is to $w e^w$ what the logarithm is to $e^w$, and every scientific library has it. Set the height of the ball, {eq}`eq-flight`, to zero and measure time in units of $\tau$. With
#
# $$
# q = 1 + \frac{x_4 \sin x_3}{u} \quad\text{and}\quad h = \frac{x_2}{u\tau}
# $$ (eq-push)
#
# the landing is at
#
# $$
# t = \tau\,\Big(h + q + W\big({-q}\,e^{-h-q}\big)\Big).
# $$ (eq-landing)
#
# Here $q$ measures how hard the ball is thrown upwards and $h$ how high it starts, both in units of the long fall. In plain Python:

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

# %% tags=["hide-input"]
check("the height at that time is zero (m)", up.abs(), "<", 1e-12)
check(
    "the library's simulator lands at the same place (m)",
    (across - throw.simulate(x)[:, 0]).abs(),
    "<",
    1e-10,
)

# %% [markdown]
# ## What the grid costs
#
# The points of the grid are 4 ms apart, and a ball moves in 4 ms. The old simulator is here too, as `impact="grid"`. Turn the angle of one throw by a hair and compare.

# %%
on_grid = invlab.get_task("ballistics", impact="grid")
turned = torch.tensor([[0.0, 1.5, 0.0, 15.0]] * 400, dtype=torch.float64)
turned[:, 2] = torch.linspace(0.700, 0.704, 400)
shortfall = (on_grid.simulate(x) - throw.simulate(x))[:, 0]
floor = float(shortfall.square().mean())

# %% mystnb={"figure": {"name": "fig-grid", "caption": "The landing point read off 1500 points of time has steps (left), and falls short of the exact one (right)."}, "image": {"alt": "Left: the exact landing point is a smooth curve over the angle; the one from the grid is a saw-tooth below it that touches it at the tops. Right: histogram of the grid's error in millimetres, all negative, mostly within ten millimetres of zero."}} tags=["hide-input"]
fig, (left, right) = plt.subplots(1, 2)
for task, dash, color, label in (
    (throw, "-", figures.BLUE, "exact"),
    (on_grid, "--", figures.ORANGE, "grid"),
):
    y = task.simulate(turned)
    left.plot(turned[:, 2], y, dash, color=color, label=label)
left.set(xlabel="angle (rad)", ylabel="landing point y (m)")
left.legend()
right.hist(1000 * shortfall, bins=40, color=figures.ORANGE)
right.set(xlabel="grid minus exact (mm)", ylabel="throws")
plt.show()

# %% tags=["hide-input", "nbval-ignore-output"]
best_of_paper = neural_adjoint.PUBLISHED["ballistics"][200]
print(f"mean squared error of the grid: {shown(floor)} m²")
print(f"smallest error of the paper on D1: {shown(best_of_paper)} m²")
check("the grid's mean squared error (m²)", floor, "in", (1.6e-5, 2.5e-5))
check("the grid never lands too far (m)", shortfall, "<", 1e-12)
check(
    "grid's error over the smallest error that the paper reports on D1",
    floor / best_of_paper,
    ">",
    50,
)

# %% [markdown]
# The paper's best result on D1, in its Table 3, is far more exact than the physics that produced its labels. That does not make the comparison unfair, since all models were judged by the same grid. But its last digits mean nothing about throws.
#
# The grid has a second price: its derivative is wrong almost everywhere, while {eq}`eq-landing` is smooth. How much farther does the ball fly if it is thrown a little faster?

# %%
one = torch.tensor([[0.0, 1.5, 0.7, 15.0]], dtype=torch.float64)
one.requires_grad_()
(gradient,) = torch.autograd.grad(throw.simulate(one).sum(), one)
slope_exact = float(gradient[0, 3])

step = torch.tensor([[0.0, 0.0, 0.0, 1e-5]], dtype=torch.float64)
with torch.no_grad():
    moved = on_grid.simulate(one + step) - on_grid.simulate(one)
    rise = throw.simulate(one + step) - throw.simulate(one - step)
slope_grid = float(moved) / 1e-5
print(f"exact {slope_exact:.2f} m per m/s, grid {slope_grid:.2f}")

# %% tags=["hide-input"]
check(
    "autograd and the exact quotient differ by",
    abs(slope_exact - float(rise) / 2e-5),
    "<",
    1e-6,
)
check(
    "relative error of the grid's slope",
    abs(slope_grid / slope_exact - 1),
    ">",
    0.1,
)

# %% [markdown]
# The grid keeps the *time* of the landing fixed until it jumps by a whole step. So it sees the ball move faster, and misses that it also lands later. Between jumps its slope is too small; at a jump it is enormous. `invlab` takes the closed form unless told otherwise.
#
# ## Two conventions of the arm
#
# What is "the angle of a joint"? Equation {eq}`eq-arm` leaves it open, and the public codes disagree. Ren et al. write $\alpha = (x_2,\; x_3 - x_2,\; x_4 - x_3 - x_2)$. The data code of the earlier benchmark {cite:p}`kruse2021benchmarking` turns everything that follows a joint by the joint's angle, as a real arm does: $\alpha = (x_2,\; x_2 + x_3,\; x_2 + x_3 + x_4)$. They are called `angles="difference"` and `angles="cumulative"` here, and they are *different tasks*.

# %%
cumulative = invlab.get_task("robot_arm", angles="cumulative")
numbers = torch.tensor([0.0, 0.4, 0.4, 0.4], dtype=torch.float64)
same = torch.stack([t.joints(numbers) for t in (arm, cumulative)])
poses = arm.prior.sample(n_draws, generator=runtime.generator(0, "poses"))
tips = {t.angles: t.simulate(poses) for t in (cumulative, arm)}

# %% mystnb={"figure": {"name": "fig-conventions", "caption": "The same four numbers, read in two ways (left), and where prior draws put the tip (right)."}, "image": {"alt": "Left: two arms from the same point of the rail, one bent down and one bent up, with tips over a metre apart. Right: two clouds of tips, the cumulative one a crescent much taller than the other."}} tags=["hide-input"]
fig, (left, right) = plt.subplots(1, 2)
figures.arms(left, same, labels=["difference", "cumulative"])
left.legend(fontsize=8)
styles = {
    "cumulative": (figures.ORANGE, 3),
    "difference": (figures.GREEN, 1),
}
for name, (color, size) in styles.items():
    right.plot(*tips[name].T, ".", color=color, markersize=size)
right.set(xlabel="horizontal (m)", ylabel="vertical (m)", aspect="equal")
plt.show()

# %% tags=["hide-input"]
gap = (same[0, -1] - same[1, -1]).norm()
check("distance of the two tips for the same numbers (m)", gap, ">", 1)
spread = tips["cumulative"][:, 1].std() / tips["difference"][:, 1].std()
check("ratio of the vertical spreads", spread, ">", 1.5)

# %% [markdown]
# Errors on the two are not comparable, and papers that quote each other's numbers for "the robot arm" should be read with care. This book follows the paper and uses differences.
#
# ## Where the paper's sets overlap
#
# The published code lets its sets of data overlap in two ways. First, the 200 targets that models are judged on are part of the set that chose the best of ten trainings. Second, for D2 the data at the time of the paper were a regular grid of $100 \times 100$ points, so that a set that is made anew is the old one; {doc}`ch04_four_tasks` measures what a look-up makes of that. A grid has another flaw that no split repairs: among its 10,000 points there are only 100 different values of $x_1$.
#
# ## References
#
# Lambert's function is treated by {cite:t}`corless1996lambert`. The throw is from {cite:t}`kruse2021benchmarking`, the arm from {cite:t}`ardizzone2019analyzing`.
#
# Back to {doc}`ch04_four_tasks`, or on to {doc}`ch05_counting_guesses`.
