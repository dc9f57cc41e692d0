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
# # Invertible networks
#
# **In this chapter** you build a network that runs backwards exactly, use it to turn noise into answers, and find the term of a published loss that trains nothing.

# %% tags=["hide-input"]
import copy
import math

import matplotlib.pyplot as plt
import torch
from torch import nn

import invlab
from invbook import answered, check
from invlab import runtime

torch.set_num_threads(1)  # the networks are small: one thread is fastest
n_targets = runtime.by_preset(quick=100, full=500)
longer = runtime.by_preset(quick=1, full=8)

# %%
target = 0.6  # try 0.3
line = invlab.get_task("sine", dim=1)  # y = sin x
data = line.sample(2000, generator=runtime.generator(0, "pairs"))
options = {"epochs": 40 * longer, "batch_size": 128, "lr": 5e-3}
model = invlab.get_method("cinn", **options).fit(line, data, seed=0)

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-territories", "caption": "An invertible network for y = sin x, asked for one target that has two answers. Left: 4000 draws of noise, blue where the network leads them to the smaller answer, orange where to the larger one. Middle: where they land; dashed, the two answers. Right: red, the draws whose sine is more than 0.1 off."}, "image": {"alt": "Left, a round cloud of points in the plane is cut by a slanting line into a blue half of dots and an orange half of crosses. Middle, two narrow heaps of draws stand at the two dashed answers with a few draws between. Right, the red crosses lie along the cut and at the rim of the cloud."}}
from invbook import diagram, figures, ledger
from invbook.figures import benchmark, invertible
from invbook.papers import neural_adjoint
from invbook.papers.neural_adjoint import model_claims

figures.use_style()
first = math.asin(max(-1, min(1, target)))
answers = sorted((first, math.copysign(math.pi, target) - first))
noise = torch.randn(4000, 2, generator=runtime.generator(0, "noise"))
with torch.no_grad():
    y = model.y_scaler(torch.full((4000, 1), target))
    x = model.transform(noise.to(y.device), y.to(noise.device))
    x = model.x_scaler.inverse(x)[:, 0].cpu()
fig, axes = plt.subplots(1, 3, figsize=(10, 3.3))
invertible.territories(axes, noise, x, answers, (x.sin() - target).abs())
plt.show()

# %% [markdown]
# The picture carries the chapter. A draw of noise becomes an answer, and the network has divided the plane of noise among the answers. Along the cut between two territories, and where noise is rare, the guesses are wrong.
#
# :::{admonition} Before you start
# :class: note
# * **You need** {doc}`ch05_counting_guesses` for {term}`r_T` and {doc}`ch04_four_tasks` for the tasks and their exact {term}`posterior`.
# * **New to networks?** {doc}`../primer` explains the words of training in two screens.
# * **It takes** about a minute on one CPU core.
# :::
#
# ## The idea in words
#
# Most networks cannot be run backwards, because each layer mixes everything with everything. Dinh, Sohl-Dickstein and Bengio {cite:p}`dinh2017density` build one that can. Split the numbers into halves $a$ and $b$. Leave $a$ alone, look at it, and stretch and shift $b$ by what you see. Then do the same with the roles exchanged:
#
# $$
# b' = b\, e^{s(a)} + t(a), \qquad a' = a\, e^{s(b')} + t(b').
# $$ (eq-coupling)
#
# To undo the second step, look at $b'$, which is still there, compute the same $s$ and $t$, subtract and shrink. So $s$ and $t$ are never inverted themselves, and may be *any* functions. In practice they are small networks, and several such {term}`coupling blocks <coupling block>` follow one another. In the next figure $s$ and $t$ are two waves.


# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-coupling", "caption": "A grid (left), after its second half has moved (middle), and after the first has moved too (right)."}, "image": {"alt": "Three panels. A square grid; the same grid with columns stretched and shifted up and down along a wave, so that vertical lines stay vertical; and a grid bent in both directions, folded densely in places, without two lines of one family crossing."}}
def waves(seen):
    return torch.sin(2 * seen), torch.cos(1.5 * seen)


def half(a, b):
    s, t = waves(a)
    return a, b * s.exp() + t


def block(a, b):
    a, b = half(a, b)
    s, t = waves(b)
    return a * s.exp() + t, b


steps = {"at first": lambda a, b: (a, b)}
steps |= {"b has moved": half, "a has moved too": block}
fig, axes = plt.subplots(1, 3, figsize=(9, 3))
invertible.bent_grid(axes, steps)
plt.show()

# %% [markdown]
# Where the map pulls the grid apart, probability is spread out, and where it crowds the grid, probability is packed together. Let the map carry $x$ to $z$, and let $z$ have a normal law. Then the density of $x$ is the density at the place where $x$ lands, times the factor by which the map blows up a small area around $x$. That factor is the **determinant** of the matrix $J$ of all derivatives:
#
# $$
# p(x) = \mathcal N\big(z(x);\, 0, 1\big)\; \lvert \det J(x) \rvert .
# $$ (eq-flow)
#
# For most networks the determinant is expensive. Here each step stretches by $e^{s}$ and adds what depends on the other half alone, so the logarithm of the determinant is the sum of all $s$, which are known already.
#
# A map with such a density is called a **normalising {term}`flow`**. Its negative logarithm is a loss, $\tfrac12 \lVert z(x) \rVert^2 - \ln \lvert \det J(x) \rvert$. The first term pulls the data to the middle of the normal law. The second forbids to do it by squeezing everything into a point. A guess is a draw $z$ that is carried backwards.
#
# ### Where the observation enters
#
# There are two ways.
#
# * The **INN** of Ardizzone and colleagues {cite:p}`ardizzone2019analyzing` makes $y$ a part of the output. The flow predicts it, and a {term}`latent` $\hat z$ takes up all that $y$ does not say. To invert, put the target beside a normal $z$ and run backwards. A flow puts out as many numbers as it takes in, so $x$ may need *padding*. The paper pads with zeros ({cite:t}`ren2020benchmarking`, Section 4), and the published code with noise of deviation 0.05; ours is normal noise of deviation one, whose density is known.
# * The **cINN** {cite:p}`ardizzone2019guided` shows $y$ to the small networks, $s(a, y)$ and $t(a, y)$. It is a different flow for each $y$, and all of its output is $z$.

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-inn-cinn", "caption": "Where y enters. Every grey box is a coupling block; the double arrows can be followed in both directions."}, "image": {"alt": "Two diagrams. Left, INN: boxes x and padding on one side of a row of three blocks, boxes y-hat and z-hat on the other. Right, cINN: box x, three blocks, box z, and a box y below with an arrow up into each block."}}
fig, axes = plt.subplots(1, 2, figsize=(9, 2.4))
invertible.where_y_enters(axes)
plt.show()

# %% [markdown]
# Their losses are (equations 8 and 9 of {cite:t}`ren2020benchmarking`)
#
# $$
# \mathcal L_{\text{INN}} = \frac{\lVert \hat y - y \rVert^2}{2 \sigma^2} + \tfrac12 \lVert \hat z \rVert^2 - \ln \lvert \det J \rvert, \qquad
# \mathcal L_{\text{cINN}} = \tfrac12 \lVert z \rVert^2 - \ln \lvert \det J \rvert .
# $$ (eq-inn)
#
# That of the cINN is the exact negative log-likelihood of $x$ given $y$, up to a constant. That of the INN is one too, for the pair: it pretends that $y$ is observed with normal noise of width $\sigma$, so that $\hat y$ need not be perfect.
#
# ## The method as a diagram

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-flow-chain", "caption": "Training a cINN. The pair goes in; the loss compares what comes out with a normal law and rewards the flow for spreading out. To answer, follow the chain from right to left."}, "image": {"alt": "A chain of boxes: x, then a trained network called flow into which y enters from above, then z; beside it the normal law N as a target. A loss hangs below z and the normal law."}}
diagram.chain(
    [
        ("x", "data", "of a pair"),
        ("flow", "network", "runs both ways"),
        ("z", "value"),
        ("N", "target", "normal law"),
    ],
    losses=[("z", "N", "½‖z‖² − ln |det J|")],
    into={"flow": "y"},
)
plt.show()

# %% [markdown]
# ## In plain torch
#
# For $y = \sin x$ the unknown is a single number, and a coupling block needs two halves. So a number of noise is put beside $x$, as padding. Here is the way through a chain of such steps, and the way back; each step has a small network of its own, and we take six. In each step $b$ moves and the halves swap roles; `tanh` keeps a step from stretching by more than a factor of $e$.


# %%
def flow(nets, a, b, y):
    log_det = 0
    for net in nets:
        s, t = net(torch.cat([a, y], 1)).chunk(2, 1)
        a, b = b * s.tanh().exp() + t, a
        log_det = log_det + s.tanh()
    return a, b, log_det


def undo(nets, a, b, y):
    for net in reversed(nets):
        a, b = b, a
        s, t = net(torch.cat([a, y], 1)).chunk(2, 1)
        b = (b - t) * (-s.tanh()).exp()
    return a, b


# %%
def blocks(seed=0):
    torch.manual_seed(seed)
    return nn.ModuleList(
        nn.Sequential(
            nn.Linear(2, 64),
            nn.SiLU(),
            nn.Linear(64, 64),
            nn.SiLU(),
            nn.Linear(64, 2),
        )
        for _ in range(6)
    )


def train(nets, loss_of, steps=1500):
    adam = torch.optim.Adam(nets.parameters(), lr=5e-3)
    rate = torch.optim.lr_scheduler.CosineAnnealingLR(adam, steps)
    for _ in range(steps):
        rows = torch.randint(len(pairs_x), (256,))
        padding = torch.randn(256, 1)
        out = flow(nets, pairs_x[rows], padding, pairs_y[rows])
        loss = loss_of(*out)
        adam.zero_grad()
        loss.backward()
        adam.step()
        rate.step()


def likelihood(a, b, log_det):
    return (0.5 * (a**2 + b**2) - log_det).mean()


pairs_x, pairs_y = data.x.cpu(), data.y.cpu()
nets = blocks()
train(nets, likelihood)

# %%
z = torch.randn(4000, 2, generator=runtime.generator(0, "guesses"))
wanted = torch.full((4000, 1), target)
with torch.no_grad():
    guess, padding = undo(nets, z[:, :1], z[:, 1:], wanted)
off = (guess.sin() - target).abs()

# %% [markdown]
# Three things must hold of any flow, however well it is trained: it runs there and back again, its determinant is the right one, and the density that it claims has the integral one.

# %% tags=["hide-input"]
exact = copy.deepcopy(nets).double()
few = z[:200].double()
some_y = torch.full((200, 1), target).double()
there = torch.cat(undo(exact, few[:, :1], few[:, 1:], some_y), 1)
a, b, log_det = flow(exact, there[:, :1], there[:, 1:], some_y)
check(
    "There and back again: the largest difference of 200 draws",
    (torch.cat([a, b], 1) - few).abs().max().detach(),
    "<",
    1e-6,
)


def alone(point):
    out = flow(exact, point[None, :1], point[None, 1:], some_y[:1])
    return torch.cat(out[:2], 1)[0]


J = torch.func.vmap(torch.func.jacrev(alone))(there.detach())
check(
    "Log-determinant: the largest difference from that by autograd",
    (log_det[:, 0] - torch.linalg.det(J).abs().log()).abs().max().detach(),
    "<",
    1e-6,
)
edge = torch.linspace(-7, 7, 701, dtype=torch.float64)
places = torch.cartesian_prod(edge, edge)
with torch.no_grad():
    a, b, log_det = flow(
        exact,
        places[:, :1],
        places[:, 1:],
        torch.full((len(places), 1), target).double(),
    )
density = (log_det - 0.5 * (a**2 + b**2)).exp() / (2 * math.pi)
check(
    "Integral of the trained density over x and padding",
    density.sum() * (edge[1] - edge[0]) ** 2,
    "in",
    (0.9, 1.1),
)
check(
    "Share of the guesses that are more than 0.1 off",
    (off > 0.1).double().mean(),
    "<",
    0.5,
)
lower = (guess - answers[0]).abs() < (guess - answers[1]).abs()
check(
    "Share of the guesses that go to the smaller answer",
    lower.double().mean(),
    "in",
    (0.2, 0.8),
)

# %% [markdown]
# ## The same in the library
#
# One line, which made the picture at the top: `invlab.get_method("cinn").fit(task, pairs)`. The method `"inn"` is the other one. Both take any number of unknowns and observations, scale them, and clip each guess to the range that the training pairs have.
#
# ## A map cannot tear
#
# Now two unknowns, the sine task of {doc}`ch04_four_tasks`. For $y = -0.3$ its answers are sixteen separate rings and pieces of rings. `fourier_octaves=3` gives the small networks {term}`Fourier features` of what they see, sine and cosine of $1.5 \cdot 2^k$ times each number for $k = 0, 1, 2$. Networks learn slow variations first {cite:p}`rahaman2019spectral`, and this task is made of fast ones. Set `octaves` to 0 to see what happens without.

# %%
octaves = 3  # try 0
sine = invlab.get_task("sine")
pairs = sine.sample(4000, generator=runtime.generator(0, "pairs"))
small = {"width": 128, "layers": 2, "batch_size": 128, "lr": 4e-3}
small["epochs"] = 30 * longer
wide = small | {"epochs": 60 * longer, "clamp": 1.0, "padding": 2}
cinn = invlab.get_method("cinn", fourier_octaves=octaves, **wide)
cinn.fit(sine, pairs, seed=0)
wish = torch.tensor([[-0.3]], dtype=torch.float64)
draws = cinn.propose(wish, 1000)[0].cpu()

# %% [markdown]
# The draws crowd along the rings. What stays are strings of dots from ring to ring, **filaments**. They are no accident. Take a straight line through the space of $z$ and carry it backwards:

# %%
along = torch.linspace(-2.5, 2.5, 4001)
way = torch.randn(4, generator=runtime.generator(0, "line"))
straight = along[:, None] * way / way.norm()
with torch.no_grad():
    y = cinn.y_scaler(wish.float().expand(len(straight), 1))
    path = cinn.transform(straight.to(y.device), y)
    path = cinn.x_scaler.inverse(path).cpu()
height = sine.simulate(path)[:, 0]

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-line", "caption": "A cINN asked for y = −0.3. Left: a thousand draws (dots) over the exact answers (rings). Middle: a straight line in z, carried to x. Right: the value of f along that line, with the target and the height of the lowest pass between two rings."}, "image": {"alt": "Left, most dots lie along the rings, with strings of dots between neighbouring rings. Middle, a winding curve follows parts of several rings and crosses the hills between them. Right, the value of f along the line runs close to the target of minus 0.3 on some stretches and leaves it with high peaks on others, each of which rises above the dotted line at zero."}}
fig, (left, middle, right) = plt.subplots(1, 3, figsize=(10.5, 3.2))
for ax in (left, middle):
    figures.rings(ax, float(wish))
left.plot(*draws.T, ".", color=figures.RED, markersize=2)
middle.plot(*path.T, color=figures.RED)
right.plot(along, height, color=figures.RED)
right.axhline(float(wish), color=figures.BLUE, label="target")
right.axhline(0, color=figures.BLACK, linestyle=":", label="lowest pass")
right.set(xlabel="position along the line in z", ylabel="f(x)")
right.legend(
    fontsize=8, ncols=2, loc="lower center", bbox_to_anchor=(0.5, 1)
)
plt.show()

# %% [markdown]
# A continuous map carries a line to an unbroken curve. To come from one hollow to the next it has to cross the pass between them, where $f \ge 0$, at least 0.3 above the target. A continuous map of one connected cloud cannot tear it. All that training can do is to let $x$ hurry across. Whatever $z$ lies on such a crossing makes a wrong guess. A mixture ({doc}`ch08_mixture_density`) is not bound to this; a cVAE ({doc}`ch09_cvae`) is.

# %% tags=["hide-input"]
piece = sine.modes(path[None], wish)[0]
change = (piece.diff() != 0).nonzero()[:, 0]
top = torch.maximum(height[change], height[change + 1])
check(
    "Pieces of the answer that the line visits",
    piece.unique().numel(),
    ">=",
    3,
)
check("Where it changes the piece, f is at least", top, ">", -0.05)
exact_x = sine.posterior(wish, 2000)
visited = sine.modes(draws[None], wish).unique().numel()
check(
    "Pieces of the answer that a thousand draws visit",
    visited,
    ">",
    0.8 * sine.modes(exact_x, wish).unique().numel(),
)

# %% [markdown]
# The {doc}`appendix <ch10_appendix>` has both flows with and without waves in numbers. Padding, numbers beside $x$, gives the map room to go around a gap: with one of them fewer than half of the draws of {numref}`fig-territories` are more than 0.1 off; without any, in the appendix, more than half are. A flow whose steps are monotone curves (*splines*), and not one stretch and one shift each, helps more.
#
# ## The dead term
#
# In the paper's results the INN is an odd one out. On the throw, two hundred guesses gain it a factor of ten (its Tables 7 and 3), where independent draws from the posterior would gain about $200^2$ ({doc}`ch05_counting_guesses`). A line in the published code may explain it. The second term of the INN's loss is the norm of the latent *that the network puts out*. The code takes the norm of freshly drawn noise instead (the paper's formula is right). Compare the two:

# %%
z_hat = torch.randn(5000, 3).requires_grad_()  # what the network puts out
fresh = torch.randn(5000, 3)
right_term = 0.5 * z_hat.square().sum(-1).mean()
dead_term = 0.5 * fresh.square().sum(-1).mean()
for name, term in {"right": right_term, "dead": dead_term}.items():
    print(f"{name}: about {term:.1f}, gradient: {term.requires_grad}")

# %% [markdown]
# The value looks right, so nothing strikes the eye. But the network is never told, and what remains of the loss is $-\ln \lvert \det J \rvert$ without anything to hold it. Say $\hat z = a x$ with one $x$ of spread $s$. The right loss, $\tfrac12 a^2 s^2 - \ln a$, is smallest at $a = 1/s$, where $\hat z$ has spread one. The dead one falls by $\ln 2$ with each doubling of $a$, for ever. Here is the robot arm, with `latent_norm="dead"` and as it should be:

# %%
arm = invlab.get_task("robot_arm")
arm_pairs = arm.sample(4000, generator=runtime.generator(0, "arm"))
reach = arm.targets(n_targets, seed=0, dtype=torch.float64)
inns, r_T = {}, {}
for name, norm in {"dead": "dead", "correct": "output"}.items():
    inn = invlab.get_method(
        "inn", blocks=4, fourier_octaves=0, latent_norm=norm, **small
    )
    inns[name] = inn.fit(arm, arm_pairs, seed=0)
    guesses = inn.propose(reach.y, 200)
    errors = invlab.resimulation_error(arm, guesses, reach.y)
    r_T[name] = invlab.r_T(errors, exchangeable=True)

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-dead", "caption": "The INN on the arm with the published (dead) and the correct norm term: validation loss, latent numbers of unseen pairs, and $r_T$."}, "image": {"alt": "Three panels. The loss of the dead version comes down later and ends below that of the correct one, below zero. Its latent numbers spread out to a hundred or so, in a histogram on a symmetric logarithmic axis; those of the correct one lie within a few units. Its error of the best of T guesses is almost flat, while the correct one falls by three powers of ten or more."}}
unseen = arm.sample(2000, generator=runtime.generator(0, "unseen"))
losses, latents = {}, {}
for name, inn in inns.items():
    losses[name] = inn.history["density"].validation
    with torch.no_grad():
        start = inn.x_scaler(unseen.x)
        out = inn.outputs(start, runtime.generator(0, "padding"))
    latents[name] = out[1][0].cpu()
fig, axes = plt.subplots(1, 3, figsize=(10, 3))
invertible.dead_term(axes, losses, latents, r_T)
plt.show()

# %% tags=["hide-input"]
check(
    "The dead and the right term differ in value by",
    abs(right_term.detach() - dead_term),
    "<",
    0.2,
)
check(
    "The right one has a gradient and the dead one has none",
    right_term.requires_grad and not dead_term.requires_grad,
)
widths = {name: values.std(0) for name, values in latents.items()}
check("Dead: spread of the latent numbers", widths["dead"], ">", 2)
check(
    "Correct: spread of the latent numbers",
    widths["correct"],
    "in",
    (0.75, 1.25),
)
last = {name: float(values[-1]) for name, values in losses.items()}
check("The loss prefers the dead one", last["dead"] < last["correct"])
gain = {name: float(r[0] / r[-1]) for name, r in r_T.items()}
check("Dead: what 200 guesses gain", gain["dead"], "<", 5)
check("Correct: what 200 guesses gain", gain["correct"], ">", 100)
throw = {
    T: model_claims.paper_value(f"r_{T}", "ballistics", "inn")
    for T in (1, 200)
}
check(
    "The paper's INN on the throw: r_1 over r_200",
    throw[1] / throw[200],
    "in",
    (8, 12),
)

# %% [markdown]
# When it guesses, the dead one draws $z$ with a width of one, but the answers are spread over a latent space that is many times as wide. It uses the same sliver of it each time, and so patience gains nothing. We cannot know which code made the paper's tables; the line stands in every public version.
#
# Mind the left panel. Whoever compares the two by the *value* of the loss keeps the broken one. What tells them apart at once is a look at $\hat z$, which must have the law that you are going to draw from.
#
# ## After the paper: flow matching
#
# Lipman and colleagues {cite:p}`lipman2023flow` drop the demand that the network itself be invertible. Move a point along a straight line from noise $\varepsilon$ at time 0 to a training $x$ at time 1; it has the velocity $x - \varepsilon$. Learn this velocity from where the point is, when, and for which $y$:
#
# $$
# \mathcal L = \big\lVert v\big((1 - t)\,\varepsilon + t\,x,\; t,\; y\big) - (x - \varepsilon) \big\rVert^2 .
# $$ (eq-matching)
#
# That is plain regression, without determinant and likelihood. Many lines pass through each point, and the squared error learns their *average* velocity. To draw, start from noise and follow the average. It can be shown that this arrives at the right distribution, though no point follows one of the straight lines. For $y = \sin x$ once more:

# %%
torch.manual_seed(0)
layers = [nn.Linear(3, 64), nn.SiLU(), nn.Linear(64, 64), nn.SiLU()]
v = nn.Sequential(*layers, nn.Linear(64, 64), nn.SiLU(), nn.Linear(64, 1))
adam = torch.optim.Adam(v.parameters(), lr=5e-3)
rate = torch.optim.lr_scheduler.CosineAnnealingLR(adam, 1500)
for _ in range(1500):
    row = torch.randint(len(pairs_x), (256,))
    x, y = pairs_x[row], pairs_y[row]
    noise, t = torch.randn(256, 1), torch.rand(256, 1)
    between = (1 - t) * noise + t * x
    velocity = v(torch.cat([between, t, y], 1))
    loss = (velocity - (x - noise)).square().mean()
    adam.zero_grad()
    loss.backward()
    adam.step()
    rate.step()

# %%
starts = torch.special.ndtri(torch.linspace(0.005, 0.995, 100))[:, None]


def follow(x, steps):
    track = [x]
    for k in range(steps):
        t = torch.full_like(x, k / steps)
        y = torch.full_like(x, target)
        with torch.no_grad():
            x = x + v(torch.cat([x, t, y], 1)) / steps
        track.append(x)
    return torch.stack(track)[..., 0]


track = follow(starts, 100)

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-matching", "caption": "Fifty starts spread like a normal law follow the learned velocity for one target of y = sin x. Dashed: the two answers."}, "image": {"alt": "Curves over time from zero to one. They start in one bundle around zero, split into two branches at about half time, and nearly all end on two dashed lines, at 0.6 and 2.5 radians for the target 0.6. They never cross."}}
fig, ax = plt.subplots(figsize=(5.5, 3.2))
time = torch.linspace(0, 1, len(track))
ax.plot(time, track[:, ::2], color=figures.GREEN, linewidth=0.8)
for answer in answers:
    ax.axhline(answer, color=figures.RED, linestyle="--", linewidth=1)
ax.set(xlabel="time t", ylabel="x (rad)")
plt.show()

# %% tags=["hide-input"]
gap = (track[-1][:, None] - torch.tensor(answers)).abs()
check(
    "Share of the starts that end within 0.2 of an answer",
    (gap.amin(1) < 0.2).double().mean(),
    ">",
    0.7,
)
check(
    "Share of the starts that end at the smaller answer",
    (gap[:, 0] < gap[:, 1]).double().mean(),
    "in",
    (0.25, 0.75),
)
check("Paths keep their order", track.diff(dim=1), ">", -1e-2)

# %% [markdown]
# Nor can this one tear: two paths never cross, and a start between the branches ends between the answers. But nobody asked the network to be made of blocks, and a regression is easy to train. Its guesses are more blurred than those of an INN: few are far off, and few are very close. The price is that each draw follows a differential equation, in the library with ten steps of a third-order method.
#
# ## Beside the paper's numbers
#
# The recorded run (`python -m invbook bench neural_adjoint --preset full`) trains each flow on 10,000 simulations, five {term}`seeds <seed>` each, and scores 500 fresh {term}`targets <target>` with 200 draws.

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-flows-paper", "caption": "Error of the best of 200 guesses: ours with its 95 % interval (dots) and the paper's Table 3 (stars; it has no flow matching)."}, "image": {"alt": "A row for each of INN, cINN and flow matching on each of three tasks, on a logarithmic axis. The stars of the INN lie powers of ten to the right of its dots; those of the cINN lie to the right by less."}}
rows = {row["id"]: row for row in ledger.rows(neural_adjoint.CLAIMS)}
FLOWS = ("inn", "cinn", "flow_matching")
found = {
    f"{benchmark.LABEL[method]}, {name.replace('_', ' ')}": rows[
        f"r_T/{name}/{method}/200"
    ]
    for name in neural_adjoint.TASKS
    for method in FLOWS
}
fig, ax = plt.subplots(figsize=(7, 3.6))
benchmark.beside_paper(ax, found)
ax.set_xlabel("$r_{200}$ (unit of y, squared)")
figures.legend_above(ax)
plt.show()

# %% [markdown]
# Our INN has the term alive, and its rows are those that differ most from the paper's. It is also much smaller, and its data are scaled, so that the rows do not say how much the term alone brings. By the best of 200 guesses the flows with sharp maps lead; by the match with the posterior flow matching does, as the tables of the {doc}`appendix <ch10_appendix>` show.

# %% tags=["hide-input"]
ratio = {
    name: rows[f"r_T/{name}/inn/200"]["ours"]
    / rows[f"r_T/{name}/inn/200"]["paper"]
    for name in neural_adjoint.TASKS
}
check(
    "Recorded: r_200 of the INN over the paper's, on each task",
    torch.tensor(list(ratio.values())),
    "<",
    0.2,
)
ahead = [
    rows[f"r_T/{name}/inn/200"]["ours"]
    < rows[f"r_T/{name}/flow_matching/200"]["ours"]
    for name in neural_adjoint.TASKS
]
check(
    "Recorded: tasks on which the INN has a lower r_200 than flow matching",
    sum(ahead),
    ">=",
    2,
)
closer = [
    rows[f"mmd/{name}/flow_matching"]["ours"]
    < rows[f"mmd/{name}/cinn"]["ours"]
    for name in neural_adjoint.TASKS
]
check(
    "Recorded: tasks on which flow matching is closer to the posterior than the cINN",
    sum(closer),
    ">=",
    2,
)

# %% [markdown]
# :::{admonition} Use it when
# :class: tip
# * **Use it when** you want draws from all answers, each with the density that the network gives it: a cINN or a flow of splines. Take flow matching where only draws are needed and the match with the posterior counts most.
# * **Not when** one answer is enough, or $y$ has hundreds of numbers and the method is the INN, which then needs as many numbers of padding ({doc}`ch12_metamaterial`).
# * **Cost**: a training of one to two minutes. A draw of a cINN is one pass through its blocks, which are twelve small networks. A draw of flow matching is ten steps of one pass of a larger network each, and one pass more to start. (In our records a draw of flow matching took more than ten times as long as one of the cINN; at that time it had 32 passes.)
# * **How to test it**: the spread of $z$ over pairs that it has not seen must be one. Clip the guesses and report the share that is moved; a few far draws can make up most of $r_1$. Check the ranks of true unknowns among draws ({doc}`ch20_how_far_to_trust`).
# :::
#
# ## Exercises
#
# ```{exercise-start} A block that only shifts
# :label: ex-shift
# ```
#
# Leave out the stretching, $s = 0$. What is the largest value `highest` that the density of {eq}`eq-flow` can take, for two unknowns and any number of such blocks? Could such a flow learn a thin ring?
#
# ```{exercise-end}
# ```

# %%
highest = ...  # your answer

# %% [markdown]
# :::{admonition} Hint
# :class: dropdown
# What is the determinant of a block that only shifts? And where is the density of a normal law in the plane largest?
# :::
#
# ```{solution-start} ex-shift
# :class: dropdown
# ```

# %%
highest = 1 / (2 * math.pi)

# %% [markdown]
# The determinant is one everywhere, so the density at $x$ is that of the normal law at $z(x)$, which is largest at the origin. Such a flow can bend the normal law, but not pack it more densely: it cannot learn a thin ring.
#
# ```{solution-end}
# ```

# %% tags=["check-exercise", "hide-input"]
if answered(highest=highest):
    a, b = places.T
    for _ in range(3):  # shifts by waves, on a grid
        b = b + torch.cos(1.5 * a)
        a = a + torch.cos(1.5 * b)
    shifted = (-0.5 * (a**2 + b**2)).exp() / (2 * math.pi)
    check(
        "Largest density of three shifting blocks over `highest`",
        shifted.max() / highest,
        "in",
        (0.99, 1 + 1e-9),
    )
    check(
        "The trained flow with stretching exceeds it",
        density.max() / highest,
        ">",
        1.2,
    )

# %% [markdown]
# ```{exercise-start} A dead term of your own
# :label: ex-flow-dead
# ```
#
# Train six new blocks (`blocks(1)`) with `train` for 500 steps, with a loss like `likelihood` but with the norm of fresh noise in place of $a$ and $b$. Send the training pairs through, with normal noise as padding, and call the standard deviations of the two numbers of $z$ `spread`, of shape `(2,)`.
#
# ```{exercise-end}
# ```

# %%
spread = ...  # your answer

# %% [markdown]
# :::{admonition} Hint
# :class: dropdown
# The loss is called as `loss_of(a, b, log_det)`. Of these only `log_det` may still depend on the weights. `flow(nets, x, padding, y)` sends pairs through.
# :::
#
# ```{solution-start} ex-flow-dead
# :class: dropdown
# ```


# %%
def dead(a, b, log_det):
    noise = torch.randn(len(a), 2)
    return 0.5 * noise.square().sum(1).mean() - log_det.mean()


unheld = blocks(1)
train(unheld, dead, steps=500)
with torch.no_grad():
    padding = torch.randn(len(pairs_x), 1)
    a, b, _ = flow(unheld, pairs_x, padding, pairs_y)
spread = torch.cat([a, b], 1).std(0)

# %% [markdown]
# Without anything that holds it, $z$ spreads until every `tanh` is at its limit. Each number is then stretched by $e$ three times, by a factor of twenty, and $z$ gets about as wide as twenty times the spread of $x$. (With the right term the spread is a little below one here: $y$ fixes $x$ exactly, so the likelihood asks for more stretching than the `tanh` allows.)
#
# ```{solution-end}
# ```

# %% tags=["check-exercise", "hide-input"]
if answered(spread=spread):
    check("Spread of z with a dead term", spread, ">", 5)
    with torch.no_grad():
        padding = torch.randn(len(pairs_x), 1)
        a, b, _ = flow(nets, pairs_x, padding, pairs_y)
    check(
        "Spread of z with the right term",
        torch.cat([a, b], 1).std(0),
        "in",
        (0.5, 1.2),
    )

# %% [markdown]
# ```{exercise-start} How many steps?
# :label: ex-small
# ```
#
# `follow` takes a hundred steps. Try 1, 2, 4, 8, 16 and 32: what is the smallest of these numbers with which the ends are, on average, less than 0.1 rad away from those of `track`? Call it `enough`. Why is one step always the worst, even for a perfect velocity?
#
# ```{exercise-end}
# ```

# %%
enough = ...  # your answer

# %% [markdown]
# :::{admonition} Hint
# :class: dropdown
# `follow(starts, steps)[-1]` are the ends. With one step, all starts use the velocity at time 0, when nothing is known yet but the start.
# :::
#
# ```{solution-start} ex-small
# :class: dropdown
# ```

# %%
apart = {
    steps: float((follow(starts, steps)[-1] - track[-1]).abs().mean())
    for steps in (1, 2, 4, 8, 16, 32)
}
enough = min((n for n, gap in apart.items() if gap < 0.1), default=32)

# %% [markdown]
# A handful of steps is enough here. At time 0 the average velocity leads every start to the mean of all answers, which is no answer. The branches part in the middle of the way, and there a step must be short. The library's third-order steps need fewer; the {doc}`appendix <ch10_appendix>` tries three, six and ten.
#
# ```{solution-end}
# ```

# %% tags=["check-exercise", "hide-input"]
if answered(enough=enough):
    check("More than one step is needed", enough, "in", (2, 32))
    check(
        "Mean distance of the ends with that many steps (rad)",
        (follow(starts, enough)[-1] - track[-1]).abs().mean(),
        "<",
        0.1,
    )
    check(
        "With half as many the distance is larger (rad)",
        (follow(starts, enough // 2)[-1] - track[-1]).abs().mean(),
        ">=",
        0.1,
    )

# %% [markdown]
# ## What we saw
#
# * A coupling block stretches and shifts one half by what it sees of the other. It can be undone exactly, and its determinant costs nothing.
# * A flow turns this into a density. The INN has $y$ at its far end, the cINN beside it.
# * Flows are continuous. Between separate answers they leave filaments of wrong guesses.
# * A term without a gradient has a value like any other. The broken INN has the better loss, a latent that is far too wide, and an $r_T$ that more guesses do not lower.
# * Flow matching replaces the likelihood by a regression. It matches the posterior better and is slower to draw from.
#
# ## Where next
#
# {doc}`ch11_benchmark` puts all models of Part II side by side. The {doc}`appendix <ch10_appendix>` has the numbers of the flows, a flow of splines, far draws and the width σ.
#
# ## References
#
# Coupling blocks are from {cite:t}`dinh2017density`, the INN from {cite:t}`ardizzone2019analyzing`, the cINN from {cite:t}`ardizzone2019guided`, flow matching from {cite:t}`lipman2023flow`, and the comparison from {cite:t}`ren2020benchmarking`; {cite:t}`kruse2021benchmarking` compare many more invertible networks on the throw and the arm.
