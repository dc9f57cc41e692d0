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
# # Billiards
#
# **In this chapter** you meet problems whose gradient is exactly zero, watch their neighbours lead them out through a shared network, see a whole search die in one step and cure it, and find out what the same help costs without a network.

# %% mystnb={"figure": {"name": "fig-billiards-solved", "caption": "Share of the problems that are solved, over the number of problems that are searched together (recorded, with refinement; mean and standard deviation over seeds). After Figure 3d of the paper."}, "image": {"alt": "Percentage solved over n from 2 to 256. BFGS stays between a fifth and a third. With the best step of each problem the joint search rises from about a half for a few problems to nearly all from n = 32 on, and exchange without a network with it; with the last step, as in the paper, it starts lower and is there from n = 64 on. Restarts lie at 100 per cent everywhere."}} tags=["hide-input"]
import ipywidgets
import matplotlib.pyplot as plt
import numpy as np
from IPython.display import Markdown

from invbook import answered, check, figures, ledger, widgets
from invbook.diagram import chain
from invbook.figures.joint import (
    NAMES,
    Recorded,
    beside_paper,
    cross_talk,
    over_counts,
    paper_shares,
    percent,
)

figures.use_style()
recorded = Recorded("billiards", n=64)

fig, ax = plt.subplots()
shown = ("multistart", "joint", "joint_last", "exchange", "bfgs")
labels = {
    "joint": "joint, best step of each problem",
    "joint_last": "joint, last step, as in the paper",
}
names = {method: labels.get(method, NAMES[method]) for method in shown}
over_counts(ax, recorded, names, "solved")
ax.set(ylabel="solved (%)", ylim=(0, 105))
figures.legend_above(ax)
plt.show()

# %% tags=["hide-input"]
many = {m: recorded.mean(m, "solved", n=128) for m in shown}
few = recorded.mean("joint", "solved", n=4)
check("recorded: joint at n = 128 solves, in %", many["joint"], ">=", 90)
check("recorded: joint at n = 4 solves, in %", few, "<", 90)
check("recorded: BFGS at n = 128 solves, in %", many["bfgs"], "<", 50)
check(
    "recorded: restarts at n = 128 solve, in %",
    many["multistart"],
    ">=",
    97,
)

# %% [markdown]
# :::{admonition} Before you start
# :class: note
# * **You need** {doc}`ch13_wave_packet`: what joint optimisation is, what {term}`cross-talk` is, and what a fair comparison with BFGS needs. In short: in {term}`joint optimisation <joint optimisation>` one network proposes the answers of all problems at once, and its weights are moved until the sum of all losses is small. {term}`Refinement <refinement>` is a BFGS search that begins at the network's answers. Restarts are BFGS from several random starts, and *recorded* numbers come from runs in full size.
# * **It takes** about a minute on one CPU core. A GPU does not help: seconds of single threads are compared.
# :::

# %%
import time

import torch
from torch import nn

import invlab
from invbook import frozen
from invbook.papers import joint_optimization as joint
from invbook.papers.joint_optimization.side_by_side import (
    share_solved,
    train,
)
from invlab import runtime

torch.set_num_threads(1)
# as in the recorded runs, in both presets
settings = frozen.options("joint_optimization", "billiards")["joint"]
steps = settings["iterations"]
networks = runtime.by_preset(quick=10, full=20)
n = 64  # try 16
SEED = 0
SOLVED = 1e-6  # m², a thousandth of a metre off

# %% [markdown]
# ## The shot
#
# The second experiment of Holl and Thuerey {cite:p}`holl2024joint` (Section 4.2): a cue ball shall hit another ball so that it comes to *rest on a target*. The unknown is the initial velocity $v$ of the cue ball, two numbers. Each problem has its own places of the two balls, its {term}`context` $c$. The target $y$ is the same point for all. (In the figures of this page, and in the places of the balls, $x$ and $y$ are also the two axes of the table, in metres.) The loss is the squared distance between target and rest point, $\mathcal L(v) = |f(v, c) - y|^2$.
#
# The paper gives no sizes and no friction. In ours the balls have radius 0.05 m, are slowed down in proportion to their velocity ($\dot v = -v$, in metres and seconds), and collide with restitution 0.8 (a head-on hit gives 90 % of the speed to the other ball). So the whole shot is a formula, and so is its inverse: `task.answer` knows the one right velocity. The places are drawn uniformly, the cue ball's in $-0.8 \le x \le -0.6$ m, the other's in $0 \le x \le 0.2$ m, both at most 0.3 m off the axis. The target is at (1, 0) m. The first guess for all is 1.5 m/s straight ahead. A problem is *solved* if the ball comes to rest within a millimetre of the target, a loss below $10^{-6}$ m².

# %%
problems = joint.draw_problems("billiards", n, seed=SEED)
task = problems.task
answer = task.answer(problems.y, problems.c)
hits = task.hits(problems.start, problems.c)
print(f"first guesses that hit: {int(hits.sum())} of {n}")


# %% mystnb={"figure": {"name": "fig-shots", "caption": "Two problems. Thin dashed lines: the first guess; solid: the answer. Left it hits the other ball and misses the target, right it misses the ball. After Figure 3a of the paper."}, "image": {"alt": "Two tables with a cue ball on the left, another ball in the middle and a target on the right. On the left table the first guess hits the ball, which rolls aside and stops short of the target; on the right it passes the ball by. The answers hit the balls off centre, and these roll to the target."}} tags=["hide-input"]
def table(ax, c, shots, lines):
    """Balls, target and the ways of both balls for each shot."""
    radius = task.simulator.radius
    for v, line in zip(shots, lines):
        cue, ball = task.trajectory(v[None], c[None])[0]
        ax.plot(*cue.T, line, color=figures.GREEN)
        ax.plot(*ball.T, line, color=figures.RED)
    for place, color in ((c[:2], figures.GREEN), (c[2:], figures.RED)):
        ax.add_patch(plt.Circle(place.tolist(), radius, color=color))
    ax.plot(1, 0, "*", color=figures.BLUE, markersize=12)
    ax.set(xlabel="x (m)", ylabel="y (m)", aspect="equal")
    ax.set(xlim=(-0.9, 1.4), ylim=(-0.75, 0.75))


easy, hard = int(hits.int().argmax()), int(hits.int().argmin())
fig, axes = plt.subplots(1, 2, figsize=(9, 3.2), sharey=True)
for ax, row in zip(axes, (easy, hard)):
    shots = (problems.start[row], answer[row])
    table(ax, problems.c[row], shots, ("--", "-"))
axes[1].set_ylabel("")
plt.show()

# %% [markdown]
# ## Where the gradient is zero
#
# A shot that misses leaves the other ball where it lies. The loss is then constant and its gradient *exactly* zero, so that no method that follows gradients has any idea where to go. Here is the loss of one problem over all velocities.


# %%
def over(row, v):
    """Loss and gradient of one problem at velocities (K, 2)."""
    v = v.clone().requires_grad_()
    loss = problems.fun(v, torch.full((len(v),), row))
    (slope,) = torch.autograd.grad(loss.sum(), v)
    return loss.detach(), slope


across = torch.linspace(0, 3, 241, dtype=torch.float64)
up = torch.linspace(-1.5, 1.5, 241, dtype=torch.float64)
every_shot = torch.cartesian_prod(across, up)
loss, slope = over(hard, every_shot)
flat = (slope == 0).all(1)

# %% mystnb={"figure": {"name": "fig-no-gradient", "caption": "Left: loss of one problem over the velocity; grey: the ball is missed and the gradient is zero. Circle: first guess; star: answer. Right: loss and slope along the dashed line. After Figure 3b of the paper."}, "image": {"alt": "Left: a map of the velocity, grey except for a narrow wedge that opens to faster shots, dark inside where the loss is small around a star; the circle of the first guess lies in the grey. Right: along the vertical line through the star the loss is flat, falls in a narrow range to zero and rises to a flat level again; its slope is zero outside of this range."}} tags=["hide-input"]
cut = torch.linspace(-1.5, 1.5, 2001, dtype=torch.float64)
along = torch.stack([answer[hard, 0].expand(len(cut)), cut], 1)
loss_cut, slope_cut = over(hard, along)
fig = plt.figure(figsize=(9, 3.6))
left, right = fig.subfigures(1, 2, wspace=0.05)
ax = left.subplots()
shown = torch.where(flat, torch.nan, loss).reshape(241, 241).T
ax.set_facecolor("0.85")
ax.grid(visible=False)
image = ax.pcolormesh(across, up, shown, vmax=1.5, rasterized=True)
left.colorbar(image, ax=ax, label="loss (m²)")
ax.axvline(answer[hard, 0], color="k", linestyle="--", linewidth=1)
ax.plot(*answer[hard], "*", color=figures.RED, markersize=12)
ax.plot(1.5, 0, "o", mfc="white", color=figures.RED)
ax.set(xlabel="velocity x (m/s)", ylabel="velocity y (m/s)")
above, below = right.subplots(2, 1, sharex=True)
above.plot(cut, loss_cut, color=figures.BLACK)
above.set(ylabel="loss (m²)")
below.plot(cut, slope_cut[:, 1], color=figures.RED)
below.set(xlabel="velocity y (m/s)", ylabel="slope (m s)")
plt.show()

# %% tags=["hide-input"]
tried = task.prior.sample(20_000, generator=runtime.generator(0)).double()
where = task.context.sample(20_000, generator=runtime.generator(1))
share = percent(task.hits(tried, where.double()))
missed = ~task.hits(every_shot, problems.c[hard].expand(len(flat), -1))
check("share of random shots that hit, in %", share, "in", (10, 15))
check("each miss has a gradient of zero", flat[missed].all())
check("the slope is never infinite or NaN", slope_cut.isfinite().all())
check("loss of the exact answers", problems.loss(answer), "<", 1e-20)

# %% [markdown]
# One random shot in eight gives a gradient at all. And the gradient is no friend: towards a grazing hit it grows without bound, like the inverse square root of the distance to the edge, and there it pushes the shot *off* the ball, if that lowers the loss. Aim the cue yourself; the title says where the ball comes to rest and whether there is a gradient. In a running notebook all three sliders work; on the page the first one moves.


# %% tags=["hide-input"]
def aim(angle, speed, problem=hard):
    direction = torch.tensor(np.deg2rad(angle), dtype=torch.float64)
    v = speed * torch.stack([direction.cos(), direction.sin()])
    loss, slope = over(problem, v[None])
    fig, ax = plt.subplots(figsize=(6, 3.8))
    table(ax, problems.c[problem], (v,), ("-",))
    _, rest = task.trajectory(v[None], problems.c[problem][None])[0]
    x, y = rest[-1].tolist()
    word = "gradient zero" if (slope == 0).all() else "there is a gradient"
    ax.set_title(
        f"rests at ({x:.2f}, {y:.2f}) m, {float(loss.sqrt()):.2f} m off; {word}",
        fontsize=10,
    )
    return fig


widgets.explorer(
    aim,
    alt="A table with the ways of the cue ball and the other ball after the "
    "chosen shot, the target as a star, and a title with the rest point "
    "and whether the gradient is zero.",
    angle=ipywidgets.FloatSlider(
        0, min=-24, max=24, step=2, description="angle (°)"
    ),
    speed=ipywidgets.FloatSlider(
        2, min=0.1, max=4, step=0.1, description="speed (m/s)"
    ),
    problem=ipywidgets.IntSlider(
        hard, min=0, max=n - 1, description="problem"
    ),
)

# %% [markdown]
# ## BFGS, and what decides it
#
# The paper reports that BFGS "only converges for those examples where the cue ball already hits the correct side of the other ball" (Section 4.2). Where the ball is missed that has to be so: the first gradient is zero, and BFGS stops where it stands. In ours every problem whose first guess hits is solved, on whichever side.

# %%
plain = invlab.minimize(problems.fun, problems.start)
done = plain.fun < SOLVED
print(f"solved: {percent(done):.0f} %")
print(plain.message[hard].split(";")[0])

# %% tags=["hide-input"]
ends = [
    invlab.minimize(problems.fun, problems.start, x_scale=unit).fun < SOLVED
    for unit in (0.1, 0.3, 1.0, 3.0)
]
shares = torch.tensor([percent(end) for end in ends])
check(
    "problems solved whose first guess misses",
    int(done[~hits].sum()),
    "==",
    0,
)
check(
    "solved of those whose first guess hits, in %",
    percent(done[hits]),
    ">",
    90,
)
check(
    "difference that the unit makes, points",
    shares.max() - shares.min(),
    "<",
    10,
)

# %% [markdown]
# In {doc}`ch13_wave_packet` the unit of the unknown decided who won. Here it changes nothing: what decides is whether there is a gradient.
#
# ## One network for all
#
# Let a network propose the velocities, $v_i = v_{\text{start}} + I_\theta(c_i, y_i)$, and minimise the sum of all losses. A problem that misses contributes nothing to the sum. But the weights are shared: what the hits teach the network changes the shots of the others too. Sooner or later some of these hit as well, and begin to contribute.

# %% mystnb={"figure": {"name": "fig-billiards-chain", "caption": "Joint optimisation of the shots. The context, the places of the balls, goes into network and simulator."}, "image": {"alt": "A chain from left to right: the places c of the balls enter the network I, which is trained; it gives the velocities v; the simulator f, which gets the places c as well, turns them into rest points. A loss, the sum over all problems, compares these with the targets y."}} tags=["hide-input"]
nodes = [
    ("c, y", "data", "n problems"),
    ("I", "network", "trained, one for all"),
    ("v", "value", "n shots"),
    ("f", "simulator", "the table"),
    ("f(v, c)", "value", "n rest points"),
    ("y", "target", "n targets"),
]
chain(nodes, losses=[("f(v, c)", "y", "Σ distance²")], into={"f": "c"})
plt.show()

# %% [markdown]
# The network is the paper's: three layers of {term}`sigmoid` units and a positional encoding of the inputs, sines and cosines of them ({term}`Fourier features`). The paper gives no widths; ours are 64.

# %%
torch.manual_seed(SEED)
seen = torch.cat([problems.c, problems.y], 1).float()
# one octave of waves, as in the library
seen = torch.cat([seen, (1.5 * seen).sin(), (1.5 * seen).cos()], 1)
layers, before = [], seen.shape[1]
for _ in range(3):
    layers, before = [*layers, nn.Linear(before, 64), nn.Sigmoid()], 64
net = nn.Sequential(*layers, nn.Linear(64, 2))

# %% [markdown]
# Joint optimisation is then a loop in plain PyTorch. One loss is summed over all problems, and its gradient goes through the simulator into the one network:

# %%
talk = cross_talk(net(seen)[:, 1], net.parameters())
adam = torch.optim.Adam(net.parameters(), lr=3e-3)
hitting = []
for _ in range(steps):
    v = problems.start + net(seen).double()
    loss = (task.simulate(v, problems.c) - problems.y).square().sum(1)
    adam.zero_grad()
    loss.sum().backward()
    adam.step()
    hitting.append(percent(task.hits(v.detach(), problems.c)))

# %% mystnb={"figure": {"name": "fig-one-network", "caption": "Share of the shots that hit, over the steps of one network."}, "image": {"alt": "A line that stays near a third for some hundred steps and then climbs steeply to nearly 100 per cent."}} tags=["hide-input"]
fig, ax = plt.subplots(figsize=(7, 2.6))
ax.plot(hitting, color=figures.GREEN)
ax.set(xlabel="step", ylabel="shots that hit (%)", ylim=(0, 103))
plt.show()

# %% tags=["hide-input", "nbval-ignore-output"]
beside = talk[~torch.eye(n, dtype=torch.bool)].mean()
Markdown(
    f"Before training, a step for one shot moves every other shot by {beside:.2f} "
    f"of what it could at most. After it, {hitting[-1]:.0f} % of the shots hit."
)

# %% tags=["hide-input"]
found = invlab.minimize(problems.fun, v.detach()).fun < SOLVED
check("mean cross-talk of two shots before training", beside, ">", 0.8)
check(
    "one network, refined: points above BFGS",
    percent(found) - percent(done),
    ">",
    10,
)

# %% [markdown]
# This is the cross-talk of {doc}`ch13_wave_packet`, nearly complete here: at first the whole flock of shots turns as one, until the network has learned to tell the tables apart. That is why a shot without a gradient moves at all.
#
# In the library it is `method="joint"`, with balls and target as features. By default it starts with a last layer of small weights; `"last": None` takes ordinary ones, as above. It keeps each problem's best answer on the way, and `fallback=True` also runs BFGS from the first guess and keeps the better of the two answers.

# %%
started = time.process_time()
together = invlab.minimize(
    problems.fun,
    problems.start,
    method="joint",
    features=problems.features,
    standardize=False,
    encoder={"last": None},
    iterations=steps,
    fallback=True,
)
seconds = {"joint": time.process_time() - started}

# %% tags=["hide-input"]
check(
    "the library's joint search solves, in %",
    percent(together.fun < SOLVED),
    ">",
    80,
)
check(
    "with fallback=True no row ends above BFGS",
    (together.fun <= plain.fun + 1e-12).all(),
)

# %% [markdown]
# ## The experiment: how many neighbours does it take?
#
# One run says little, since it depends on the seed. `train` runs the same loop for ten networks side by side. It returns the last answers, the best of each problem on the way, and the share of shots that have a gradient.

# %%
sets = {k: joint.draw_problems("billiards", k, seed=SEED) for k in (8, n)}
runs = {
    k: train(some, networks=networks, steps=steps)
    for k, some in sets.items()
}

# %% mystnb={"figure": {"name": "fig-hits", "caption": "Ten networks each, for few and for many problems. Left: share of shots that hit. Right: mean loss without refinement; dotted: BFGS. After Figure 3c of the paper."}, "image": {"alt": "Only with many problems does a common network learn to hit. Left, the share of hits over 400 steps, ten thin lines each: with 8 problems the dashed lines stay near where they begin, at a quarter to a third, or fall to zero; with 64 problems the solid lines rise, each at a time of its own after the first hundred steps, from a third to nearly all. Right, the mean loss on a logarithmic axis: with 64 problems it falls far below the dotted line of BFGS, with 8 it stays above or near it."}} tags=["hide-input"]
fig, (left, right) = plt.subplots(1, 2, figsize=(9, 3.4))
for (k, run), color, line in zip(
    runs.items(), (figures.ORANGE, figures.GREEN), ("--", "-")
):
    look = {"color": color, "linestyle": line, "linewidth": 0.8}
    left.plot(100 * run.moving[:, 0], label=f"n = {k}", **look)
    left.plot(100 * run.moving[:, 1:], **look)
    right.semilogy(run.loss, **look)
    bfgs = invlab.minimize(sets[k].fun, sets[k].start).fun.mean()
    right.axhline(bfgs, color=color, linestyle=":")
left.set(xlabel="step", ylabel="shots that hit (%)", ylim=(0, 103))
right.set(xlabel="step", ylabel="mean loss (m²)")
right.set_yticks([0.1, 0.2, 0.5, 1], ["0.1", "0.2", "0.5", "1"])
right.minorticks_off()
left.legend()
plt.show()

# %% tags=["hide-input", "nbval-ignore-output"]
solved = {
    k: 100 * share_solved(sets[k], run.best) for k, run in runs.items()
}
alone = percent(done)
lines = [
    f"* n = {k}: {s.mean():.0f} % solved "
    f"(single networks {s.min():.0f} to {s.max():.0f} %)"
    for k, s in solved.items()
]
Markdown("\n".join([*lines, f"* BFGS alone: {alone:.0f} %"]))

# %% tags=["hide-input"]
check(f"n = {n}: solved by ten networks, in %", solved[n].mean(), ">", 85)
check(
    f"points lost with n = 8 in place of {n}",
    solved[n].mean() - solved[8].mean(),
    ">",
    15,
)
check("BFGS alone solves, in %", alone, "<", 50)
check(
    "median loss of the networks without refinement",
    runs[n].loss[-1].median(),
    ">",
    1e-4,
)

# %% [markdown]
# This is the paper's finding, and the best case that it makes: BFGS on its own solves the third that hits, at any $n$. The joint search solves some more with eight problems and nearly all with 64. The likely reason: with enough neighbours, some gradient points the right way for each problem. (A network may lose its shots again later in the training, as some of the lines show. What counts here is each problem's best answer on the way.)
#
# ## The collapse
#
# There is a way to lose everything at once. If some step makes *all* shots miss, all gradients are zero, and nothing will ever change again. Train the same networks with a {term}`learning rate` three times as high. Beside it, the same rate with a last layer that starts at a hundredth of the usual weights, so that all shots begin at the common first guess.

# %%
rough = train(problems, networks=networks, steps=steps, lr=1e-2)
small = train(problems, networks=networks, steps=steps, lr=1e-2, last=0.01)

# %% mystnb={"figure": {"name": "fig-all-miss", "caption": "Share of shots that hit, for ten networks each. Red: dead at the end."}, "image": {"alt": "Three panels over the steps. With the ordinary last layer and the high rate several red lines drop to zero and stay there, the others rise to nearly 100 per cent. With the small last layer and the high rate none is red; some lines rise with deep dips and others stay near a third. With the ordinary layer and the low rate most lines rise to nearly 100 per cent, and one may fall to zero."}} tags=["hide-input"]
three = {
    "rate 0.01": rough,
    "rate 0.01, small last layer": small,
    "rate 0.003": runs[n],
}
fig, axes = plt.subplots(1, 3, figsize=(10, 3.2), sharey=True)
for ax, (title, run) in zip(axes, three.items()):
    for line, lost in zip(run.moving.T, run.dead):
        color = figures.RED if lost else figures.GREEN
        ax.plot(100 * line, color=color, lw=1.4 if lost else 0.8)
    ax.set(xlabel="step", ylim=(-3, 103))
    ax.set_title(title, fontsize=10)
axes[0].set_ylabel("shots that hit (%)")
plt.show()

# %% tags=["hide-input"]
rescued = 100 * share_solved(problems, rough.best)
check("dead networks at the high rate", int(rough.dead.sum()), ">", 0)
check("dead networks at the low rate", int(runs[n].dead.sum()), "<=", 1)
check(
    "dead networks with the small layer, over those without",
    (small.dead.sum() + 0.0) / rough.dead.sum(),
    "<",
    1,
)
final = 100 * share_solved(problems, rough.last)
check(
    "solved from the last answers of dead networks, in %",
    final[rough.dead],
    "==",
    0,
)
check(
    "solved from their best answers, in %",
    rescued[rough.dead].mean(),
    ">",
    alone,
)

# %% [markdown]
# Two cures, and a precaution. *Lower the rate* "until stable convergence is reached", as the paper says (Section 4). That matters most. *Keep each problem's best answer* on the way, so that a run that dies has still found something; the paper's Eq. 2 takes the last. The precaution is a *small last layer*, which begins where a third of the shots hit: at the high rate it keeps all networks alive, but several then stay where they began, so that fewer problems are solved than at the low rate ({doc}`ch14_appendix`). One usual remedy does not help here: {term}`clipping <gradient clipping>` each problem's gradient makes all problems pull equally hard, and many runs then collapse. The appendix shows it.
#
# ## The same help without a network
#
# What passes from one problem to the next through the network is something like "shots like this one hit". That can be said directly. Let each problem keep its own BFGS. Then try the answers of *all other problems* on each unsolved one, $n^2$ runs of the simulator without gradients, and start BFGS from the best of them. This is the {term}`exchange of answers`. Blunter still: restart the unsolved problems from random shots until they are solved.

# %%
options = {"method": "multistart", "target": 1e-8}
started = time.process_time()
traded = invlab.minimize(
    problems.fun, problems.start, restarts=0, cross_start=True, **options
)
seconds["exchange"] = time.process_time() - started
started = time.process_time()
restarted = invlab.minimize(
    problems.fun, problems.start, draws=task.prior, restarts=200, **options
)
seconds["restarts"] = time.process_time() - started

# %% tags=["hide-input", "nbval-ignore-output"]
rows = {"joint": together, "exchange": traded, "restarts": restarted}
shown = [
    {
        "method": name,
        "solved": f"{percent(row.fun < SOLVED):.0f}",
        "runs": f"{row.nfev.double().mean():.0f}",
        "cpu": f"{seconds[name]:.2f}",
    }
    for name, row in rows.items()
]
columns = {"method": "live", "solved": "solved (%)"}
columns |= {"runs": "runs of the model a problem", "cpu": "CPU s"}
Markdown(ledger.table(shown, columns))

# %% tags=["hide-input"]
check("exchange solves, in %", percent(traded.fun < SOLVED), ">", 80)
check(
    "ten networks minus exchange, points",
    solved[n].mean() - percent(traded.fun < SOLVED),
    "<",
    15,
)
check("restarts solve, in %", percent(restarted.fun < SOLVED), ">=", 90)
check(
    "runs of the model: restarts over joint",
    restarted.nfev.double().mean() / together.nfev.double().mean(),
    "<",
    0.5,
)

# %% [markdown]
# Restarts solve everything or nearly so, with a few dozen runs of the simulator a problem. They use two things that the joint search does not need: a loss that is known to be zero at an answer (`target`), so that they know when to stop, and a distribution to draw from. Exchange needs only the first. Where neither is at hand, and only there, the joint search has this problem to itself.
#
# ## Beside the paper
#
# Problems better than BFGS / equal to it in per cent, mean over $n$, as in the paper's Table 2. The paper's number stands beside our run of the paper's method, which takes the answers of the last step. A further row is our version, which keeps each problem's best answer on the way. In two more rows nothing is learned. The paper seems to count without a tolerance; the last column calls losses equal that differ by less than $10^{-7}$ m².

# %% tags=["hide-input"]
shown = [
    row
    | {
        "exact": recorded.shares_over_n(
            method, "better_exact", "equal_exact", digits=1
        ),
        "tolerance": recorded.shares_over_n(
            method, "better", "equal", digits=1
        ),
    }
    for method, row in beside_paper(recorded.system).items()
]
columns = {
    "method": "refined",
    "paper": "paper",
    "exact": "ours, counted as in the paper",
    "tolerance": "ours, with tolerance",
}
Markdown(ledger.table(shown, columns))

# %% tags=["hide-input"]
exact, tolerant = (
    recorded.over_n("joint_last", q) for q in ("better_exact", "better")
)
printed = {
    m: paper_shares(recorded.system, m)
    for m in ("joint_last", "direct", "neural_adjoint")
}
check(
    "recorded: last answers, points from the paper's",
    abs(exact - printed["joint_last"][0]),
    "<",
    30,
)
check("recorded: better by rounding only, points", exact - tolerant, ">", 5)
check(
    "recorded: points that the best answers on the way add",
    recorded.over_n("joint", "better") - tolerant,
    ">=",
    0,
)

# %% tags=["hide-input", "nbval-ignore-output"]
taught = recorded.over_n("direct", "better_exact")
tied = recorded.over_n("neural_adjoint", "equal_exact")
itself = recorded.over_n("bfgs_batched", "better_exact")
Markdown(
    f"Made the paper's way, the joint search is better in {exact:.0f} % of our "
    f"problems (paper: {printed['joint_last'][0]:.0f} %); with each problem's "
    f"best answer it is {recorded.over_n('joint', 'better_exact'):.0f} %. A "
    "part of every such number is rounding: with a tolerance "
    f"{tolerant:.0f} % are left of the first, and our own BFGS "
    f"is 'better' than SciPy's in {itself:.0f} % without one. The other two "
    f"rows: supervised learning is better in {taught:.0f} % "
    f"(paper: {printed['direct'][0]:.0f} %), and the neural adjoint equal in "
    f"{tied:.0f} % (paper: {printed['neural_adjoint'][1]:.0f} %)."
)

# %% [markdown]
# The paper's Figure 3d shows small differences up to $n = 32$ and almost all problems solved from $n = 64$ on. Made its way ours begins to rise earlier, and its steepest step is there too. The paper gives neither the distribution of its shots nor the sizes of its networks; {doc}`ch14_appendix` has what we know.
#
# :::{admonition} Use it when
# :class: tip
# * **Use it when** most gradients are zero, a few are not, and the problems are alike enough that one answer helps the next; and when there is neither a known best loss nor a distribution to draw starts from.
# * **Not when** answers can be passed on directly (exchange) or drawn anew (restarts): both are cheaper by far. Not with a handful of problems.
# * **Cost**: one run of the simulator with its gradient for each step and problem, here some hundreds of steps. A run that dies costs as much and gives less.
# * **How to test it**: count how many problems have a gradient at the start and at the end; train several networks; put a row of exchange and one of restarts beside it.
# :::
#
# ## Exercises
#
# ```{exercise-start} Larger balls
# :label: ex-larger
# ```
#
# The share of first guesses that hit decides how much BFGS solves. The first guess rolls straight along $x$, and both balls start at heights that are uniform in $\pm 0.3$ m. What share is `predicted` for balls of radius $r = 0.1$ m? Compare with the share `counted` for 20,000 contexts, which `invlab.get_task("billiards", radius=r)` draws by `.context.sample(20_000)`; its `.hits(v, c)` says which shots hit.
#
# ```{exercise-end}
# ```

# %%
predicted = ...  # your answer
counted = ...  # your answer

# %% [markdown]
# :::{admonition} Hint
# :class: dropdown
# A shot along $x$ hits if the two heights differ by less than $2r$. Draw the square of all pairs of heights; which part of it is a miss? For `counted` repeat the first guess, `task.prior.center`, 20,000 times.
# :::
#
# ```{solution-start} ex-larger
# :class: dropdown
# ```

# %%
r = 0.1
predicted = 1 - (1 - 2 * r / 0.6) ** 2
large = invlab.get_task("billiards", radius=r)
places = large.context.sample(20_000, generator=runtime.generator(2))
guess = large.prior.center.repeat(20_000, 1)
counted = float(large.hits(guess, places.to(guess)).double().mean())
print(f"{predicted:.2f}, {counted:.2f}")

# %% [markdown]
# For two uniform heights in an interval of length $\ell = 0.6$ m the chance to differ by less than $2r$ is $1 - (1 - 2r/\ell)^2$: 11/36 for our balls, 5/9 for these. With radius 0.1 m over half of the first guesses would hit, and the baseline would look much better; the paper does not say how large its balls are.
#
# ```{solution-end}
# ```

# %% tags=["check-exercise", "hide-input"]
if answered(predicted=predicted, counted=counted):
    check("predicted share of hits", predicted, "in", (0.5555, 0.5556))
    check("predicted minus counted", abs(predicted - counted), "<", 0.02)

# %% [markdown]
# ```{exercise-start} Ask the neighbour
# :label: ex-ask
# ```
#
# Exchange tries all answers on all problems. A cheaper way needs no run of the simulator at all: give each unsolved problem the answer of the *solved* problem whose balls lie nearest (`torch.cdist` of `problems.c`), and start BFGS there. Do this five times in a row, beginning with `plain`. What share is solved, `by_neighbour`?
#
# ```{exercise-end}
# ```

# %%
by_neighbour = ...  # your answer

# %% [markdown]
# :::{admonition} Hint
# :class: dropdown
# `torch.cdist(problems.c, problems.c[done]).argmin(1)` is, for each problem, the number of the nearest one among those that are `done`. `torch.where(done[:, None], own, borrowed)` takes the own answer where there is one.
# :::
#
# ```{solution-start} ex-ask
# :class: dropdown
# ```

# %% tags=["nbval-ignore-output"]
current = plain
for _ in range(5):
    done = current.fun < SOLVED
    if not done.any():
        break
    nearest = torch.cdist(problems.c, problems.c[done]).argmin(1)
    borrowed = current.x[done][nearest]
    begin = torch.where(done[:, None], current.x, borrowed)
    current = invlab.minimize(problems.fun, begin)
by_neighbour = float((current.fun < SOLVED).double().mean())
print(f"{by_neighbour:.1f}")

# %% [markdown]
# The answers spread from the solved problems to their neighbours, a little further in each round, and most of the problems are solved in the end. That is close to what the network does when it interpolates between the places that it knows, and a part of what exchange does.
#
# ```{solution-end}
# ```

# %% tags=["check-exercise", "hide-input"]
if answered(by_neighbour=by_neighbour):
    gain = 100 * by_neighbour - alone
    check("points gained over BFGS", gain, ">", 15)

# %% [markdown]
# ```{exercise-start} Wake the dead
# :label: ex-wake
# ```
#
# A collapsed network could be woken: whenever no problem of a network has a gradient, add random ones to that network, and leave the others alone. `train` has an option for this: a function `hear` gets the gradients by the answers, of shape (networks, n, 2), and returns those that the networks are trained on. Write `wake(g)`, train with `lr=1e-2` and `hear=wake`, and call the run `woken`. Does it solve more problems on the way?
#
# ```{exercise-end}
# ```

# %%
woken = ...  # your answer

# %% [markdown]
# :::{admonition} Hint
# :class: dropdown
# `(g == 0).all(2).all(1)` is True for a network without any gradient. Multiply random numbers of the shape of `g` by it, and add them.
# :::
#
# ```{solution-start} ex-wake
# :class: dropdown
# ```

# %% tags=["nbval-ignore-output"]
alarm = runtime.generator(SEED, "alarm")


def wake(g):
    silent = (g == 0).all(2).all(1)
    push = torch.randn(g.shape, generator=alarm).to(g)
    return g + silent[:, None, None] * push


woken = train(problems, networks=networks, steps=steps, lr=1e-2, hear=wake)
after = 100 * share_solved(problems, woken.best).mean()
print(f"solved: {rescued.mean():.0f} to {after:.0f} %")

# %% [markdown]
# A random push is repeated until some shot hits again, and then the search goes on. The gradient may be lost again, so that most of these networks end dead once more; on the way they have solved more problems. It costs nothing as long as nobody is dead.
#
# ```{solution-end}
# ```

# %% tags=["check-exercise", "hide-input"]
if answered(woken=woken):
    gain = 100 * share_solved(problems, woken.best).mean() - rescued.mean()
    check("points gained in problems solved", gain, ">", 0)

# %% [markdown]
# ## What we saw
#
# * Where a shot misses, the gradient is exactly zero, and BFGS solves the problems whose first guess hits and no other.
# * Through one network, the problems with a gradient lead out those without: with 64 problems or more nearly all are solved, with a handful about half.
# * If all shots miss at once, the search is dead. A lower rate and each problem's best answer are the cures; a small last layer keeps a network alive at a high rate, at a price.
# * Passing answers around *without* a network gives the same rise with $n$, and restarts from the prior solve everything in less time.
#
# ## Where next
#
# Here most gradients were zero. {doc}`ch15_kuramoto_sivashinsky` is the opposite: chaos, where gradients grow without bound, and a comparison that calls two right answers different.
#
# ## References
#
# The problem and the method are from {cite:t}`holl2024joint`, in the form that appeared under the title "Can neural networks improve classical optimization of inverse problems?"; the neural adjoint is that of {cite:t}`ren2020benchmarking`.
