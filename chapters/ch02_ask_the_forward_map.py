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
# # Ask the forward map
#
# **In this chapter** you let the loss compare effects instead of causes, and the network that failed finds an exact branch; then you learn how the same idea goes wrong when a second network stands in for the simulator, and how to notice.

# %% mystnb={"figure": {"name": "fig-one-change", "caption": "One network, one set of data, two losses. Left: the loss compares the answer with the x of the data, and all answers are about zero. Right: it compares what the answer causes with y, and each of five networks finds one exact branch."}, "image": {"alt": "Two panels with a sideways parabola. Left: the answers of five networks form a flat line at zero, and the marked right answers for y equal to 900 are far away. Right: the answers of each of the five networks cover one arm of the parabola, and for y equal to 900 they reach plus or minus 30."}} tags=["hide-input"]
import matplotlib.pyplot as plt

from invbook import answered, check, figures, load_records, widgets
from invbook.diagram import chain
from invbook.figures import loss_design as pictures
from invbook.papers import loss_design

figures.use_style()
records = load_records()
fig, (left, right) = plt.subplots(1, 2, sharey=True)
pictures.asked_of_record(left, records["loss_design/direct/l2"], 900)
left.set_title("compare causes")
pictures.asked_of_record(right, records["loss_design/effect/l2"], 900)
right.set_title("compare effects")
right.label_outer()
plt.show()

# %% [markdown]
# :::{admonition} Before you start
# :class: note
# * **You need** {doc}`ch01_two_answers`: what a network, a loss and a batch are, and why regression of $x$ on $y$ learns a mean.
# * **It takes** about half a minute on one processor core. A GPU does not help.
# :::

# %%
import torch

import invlab
from invlab import runtime
from invlab.trust import diagnosis

torch.set_num_threads(1)  # fastest for small networks
seeds = runtime.by_preset(quick=[0, 1, 2], full=[0, 1, 2, 3, 4])
epochs = runtime.by_preset(quick=40, full=300)

task = invlab.get_task("square")
data = task.grid()
targets = task.targets(300, seed=7)

# %% [markdown]
# ## Compare effects, not causes
#
# For $y = 900$ the answers $+30$ and $-30$ are equally good. A loss that compares the network's answer with *one* of them punishes the other. But both have the same effect. So let the network answer, ask the forward map what this answer would cause, and compare *that* with what was asked for. This is the {term}`misfit of the effect`,
#
# $$
# L_{\text{effect}}(\phi) = \lVert f(I_\phi(y)) - y \rVert ,
# $$ (eq-effect)
#
# equation 11 of the paper by Rivera, Pardo and Alberdi {cite:p}`rivera2020loss`. (The copies that we could reach show no formulas. Those of this page follow the words around them.) Only observations $y$ enter it. Nobody has to say which $x$ is meant. This has a price: $f$ is called at every training step, and its derivative is needed to train $\phi$.

# %% mystnb={"figure": {"name": "fig-effect-diagram", "caption": "The misfit of the effect. The simulator (double frame) stands behind the network, and the loss compares what comes out with what went in."}, "image": {"alt": "A chain from left to right: the observation y, the trained network I, the answer x hat, the simulator f, the effect y hat. A bracket below from y to y hat says misfit of the effect."}} tags=["hide-input"]
chain(
    [
        ("y", "data", "observation"),
        ("I", "network", "trained"),
        ("x̂", "value", "answer"),
        ("f", "simulator", "exact"),
        ("ŷ", "value", "its effect"),
    ],
    losses=[("y", "ŷ", "misfit of the effect")],
)
plt.show()

# %% [markdown]
# Take the network and the training of chapter 1, and change the loss (and stop after 300 steps). In scaled units the forward map is still the square. We keep what the network answers every few steps.

# %%
seed = 1  # try 4


def mlp(hidden):
    """A network with that many hidden layers of 64 numbers."""
    layers = [torch.nn.Linear(1, 64), torch.nn.ReLU()]
    for _ in range(hidden - 1):
        layers += [torch.nn.Linear(64, 64), torch.nn.ReLU()]
    return torch.nn.Sequential(*layers, torch.nn.Linear(64, 1))


# %%
torch.manual_seed(seed)
y = data.y.cpu() / 1089
shown = torch.linspace(0, 1, 101)[:, None]
inverse, snapshots = mlp(10), {}
optimizer = torch.optim.Adam(inverse.parameters(), lr=1e-3)
for step in range(301):
    if step % 20 == 0:
        with torch.no_grad():
            snapshots[step] = 33 * inverse(shown)[:, 0]
    rows = torch.randint(len(y), (100,))
    loss = (inverse(y[rows]).square() - y[rows]).square().mean()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()

# %% [markdown]
# Watch it learn. The network starts as nearly a constant, leaves zero on one side, and bends until it lies on a branch. Nothing told it which branch to take. Another seed may take the other one.


# %% tags=["nbval-ignore-output", "hide-input"]
def at_step(step):
    fig, ax = plt.subplots(figsize=(5, 3.2))
    figures.answers(ax, 1089 * shown[:, 0], snapshots[step])
    ax.set(title=f"step {step}", ylim=(-36, 36))
    return fig


widgets.flipbook(
    at_step,
    list(snapshots),
    label="training step",
    alt="The network's answers over targets while it trains on the misfit "
    "of the effect. At step 0 they form a flat line near zero; then the "
    "line moves to one side and bends until it covers one exact branch.",
    start=len(snapshots) - 1,
)

# %% tags=["hide-input"]
with torch.no_grad():
    at_900 = 33 * inverse(torch.tensor([[900 / 1089]]))
check(
    "distance of the last answer for y = 900 from the nearer of ±30",
    abs(at_900.abs() - 30),
    "<",
    3,
)

# %% [markdown]
# In the library the same network is `direct` with `misfit="effect"`:

# %%
x_scaler, y_scaler = task.scalers()  # divide x by 33 and y by 1089
options = dict(epochs=epochs, batch_size=50)
scaled = dict(x_scaler=x_scaler, y_scaler=y_scaler, **options)

effect = invlab.get_method("direct", misfit="effect", **scaled)
effect = effect.fit(task, data, seed=seeds)

# %% mystnb={"figure": {"name": "fig-effect", "caption": "Misfit of the effect through the true simulator: re-simulated answers over targets (left, Figure 3 of the paper) and the answers themselves (right)."}, "image": {"alt": "Left: re-simulated y over target y, all points on the diagonal. Right: the answers over targets; each seed covers one of the two exact branches completely."}} tags=["hide-input"]
fig, (left, right) = plt.subplots(1, 2)
pictures.resimulated_by_seed(left, effect, targets.y)
pictures.answers_by_seed(right, effect, targets.y)
left.legend(fontsize=8)
right.legend(fontsize=8)
plt.show()

# %% tags=["hide-input"]
score = loss_design.inverse_scores(effect)
check(
    "error of re-simulated y (rms, y is at most 1089)",
    score["rmse_y"],
    "<=",
    10,
)
check("share of answers on one branch", score["purity"], "==", 1)
check("sign changes along y", score["switches"], "==", 0)

# %% [markdown]
# On the left the {term}`re-simulated <re-simulation error>` answers lie on the diagonal: right answers do, whichever branch they are from.
#
# Why does each network keep to one branch? A network is a continuous function of $y$. A continuous $I$ with $I(y)^2 = y$ on the whole interval cannot change its sign at any $y_0 > 0$ without passing through 0 there, and this would be an error of $y_0$. So an accurate network takes one branch for all $y$.
#
# And which one? $I$ and $-I$ have the same loss, so neither branch is preferred. In the paper's Figures 4 and 5 the $\ell_1$ run finds one branch and the $\ell_2$ run the other. The authors say that this is a coincidence, and that both branches can be proved equally likely (Section 4, *Encoder-Decoder Loss*). Our runs agree: what decides is the sign that the *untrained* network happens to have, and with one seed both norms take the same branch ({doc}`appendix <ch02_appendix>`).
#
# ## When the simulator is too slow: two networks
#
# A real simulator may take minutes for one call, or have no derivative. The paper's way out is a second network $\hat f_\theta$ with weights $\theta$ that copies the simulator: a {term}`surrogate`. There are two ways to train the pair.
#
# The {term}`two-step loss`, called {term}`tandem` elsewhere {cite:p}`liu2018training`, trains one after the other. First the surrogate learns from pairs. Then its weights are frozen at what they have become, $\theta^*$, and the inverse is trained through it (equations 13 and 14 of the paper):
#
# $$
# L_{\text{copy}}(\theta) = \lVert \hat f_\theta(x) - y\rVert, \qquad L_{\text{through}}(\phi) = \lVert \hat f_{\theta^*}(I_\phi(y)) - y\rVert .
# $$ (eq-two-step)
#
# The {term}`encoder–decoder` loss trains both at once, on the sum (equation 12):
#
# $$
# L_{\text{both}}(\theta,\phi) = \lVert \hat f_\theta(x) - y\rVert + \lVert \hat f_\theta(I_\phi(y)) - y \rVert .
# $$ (eq-encoder-decoder)

# %% mystnb={"figure": {"name": "fig-tandem-diagram", "caption": "The second step of the two-step loss: the surrogate stands in for the simulator and is frozen (dashed frame). In the encoder–decoder it is trained at the same time."}, "image": {"alt": "A chain from left to right: the observation y, the trained network I, the answer x hat, the frozen surrogate f hat in a dashed frame, what it believes to be the effect. A bracket below from y to the believed effect says misfit of the believed effect."}} tags=["hide-input"]
chain(
    [
        ("y", "data", "observation"),
        ("I", "network", "trained"),
        ("x̂", "value", "answer"),
        ("f̂", "frozen", "surrogate"),
        ("ŷ", "value", "believed effect"),
    ],
    losses=[("y", "ŷ", "misfit of the believed effect")],
)
plt.show()

# %% [markdown]
# In plain torch the two-step loss is one training after the other. The two arguments of `two_step` are scales. The surrogate sees $x$ divided by `seen`, and the output of the inverse network is multiplied by `answered`. Both are 33 here, so that the networks handle numbers of about one. Later we change them.


# %%
def train(network, loss, steps=600):
    optimizer = torch.optim.Adam(network.parameters(), lr=1e-3)
    for _ in range(steps):
        rows = torch.randint(len(data.x), (100,))
        optimizer.zero_grad()
        loss(data.x.cpu()[rows], y[rows]).backward()
        optimizer.step()


def two_step(seen=33.0, answered=33.0):
    copy, back = mlp(4), mlp(10)
    train(copy, lambda x, y: (copy(x / seen) - y).square().mean())

    def through(x, y):
        return (copy(answered * back(y) / seen) - y).square().mean()

    train(back, through)
    return lambda y: answered * back(y / 1089)  # the inverse network


# %%
torch.manual_seed(seed)
find = two_step()
with torch.no_grad():
    x_hat = find(targets.y.cpu())
error = (x_hat.square() - targets.y.cpu()).square().mean().sqrt()

# %% tags=["hide-input", "nbval-ignore-output"]
print(f"error of re-simulated y: {error:.1f} of at most 1089")

# %% tags=["hide-input"]
check("plain two-step: error of re-simulated y", error, "<", 40)

# %% [markdown]
# In the library both are methods:

# %%
models = {}
for name in ("tandem", "encoder_decoder"):
    models[name] = invlab.get_method(name, **scaled)
    models[name].fit(task, data, seed=seeds)

# %% mystnb={"figure": {"name": "fig-two-networks", "caption": "Two-step (left, Figure 7 of the paper, inverse part) and encoder–decoder (right, Figure 5), l2: answers of each seed. The appendix has the l1 runs and the surrogates."}, "image": {"alt": "Two panels of answers over targets. In each, every seed covers one exact branch, the upper for some seeds and the lower for others; the same seed takes the same branch in both."}} tags=["hide-input"]
fig, axes = plt.subplots(1, 2, sharey=True)
for ax, (name, model) in zip(axes, models.items()):
    pictures.answers_by_seed(ax, model, targets.y)
    ax.set_title(name.replace("_", "-"))
    ax.label_outer()
axes[0].legend(fontsize=8)
plt.show()

# %% tags=["hide-input"]
for name, model in models.items():
    score = loss_design.inverse_scores(model)
    check(
        f"{name.replace('_', '-')}: error of re-simulated y",
        score["rmse_y"],
        "<=",
        50,
    )
    check(
        f"{name.replace('_', '-')}: share of answers on one branch",
        score["purity"],
        ">=",
        0.98,
    )

# %% [markdown]
# ## A small loss and worthless answers
#
# In some cases the paper rescales $y$ to $[0,1]$ (Section 2). It says nothing of $x$, which reaches 33. Our networks so far saw $x/33$. Here is what happens when they do not, with the norm $\ell_1$; all else is unchanged.

# %%
no_scale, y_scaler = task.literal_scalers()  # x stays as it is
literal = {}
for name in ("tandem", "encoder_decoder"):
    literal[name] = invlab.get_method(
        name,
        norm="l1",
        x_scaler=no_scale,
        y_scaler=y_scaler,
        **options,
    ).fit(task, data, seed=seeds)

# %% mystnb={"figure": {"name": "fig-literal", "caption": "Networks that see x unscaled. Left: the two-step answers are constant. Right: the encoder–decoder's surrogate has a spike at zero, in which all of its answers hide."}, "image": {"alt": "Left: answers over targets, all seeds on a horizontal line near zero. Right: the parabola and a surrogate that agrees with it except for a narrow spike near x equals zero that reaches up to about one thousand."}} tags=["hide-input"]
fig, (left, right) = plt.subplots(1, 2)
pictures.answers_by_seed(left, literal["tandem"], targets.y)
left.set_title("two-step: answers")
fine = torch.linspace(-33, 33, 4001, device=data.x.device)[:, None]
with torch.no_grad():
    f_hat = literal["encoder_decoder"].surrogate(fine)[0, :, 0]
figures.forward_fit(right, fine[:, 0], f_hat)
right.set_title("encoder-decoder: f̂")
figures.legend_below(fig, columns=3)
plt.show()

# %% [markdown]
# Two different accidents have happened.
#
# **The two-step network is stuck.** It starts as nearly a constant close to 0. There its surrogate has small bumps of its own making, and the gradient that reaches the first layers of the inverse network is next to nothing. Nearly all targets lie higher than such a bump, so all answers climb the nearest one together, and at its top every further step would lower $\hat f$: they stay. Through the exact $f$, which has no bumps, training from the same start works. The {doc}`appendix <ch02_appendix>` measures this.
#
# **The encoder–decoder cheats.** Its loss is small! The surrogate gives up the few training pairs nearest to zero, which cost the mean little. In return it grows a narrow spike that reaches all $y$, and the inverse network answers inside this spike. The loss is satisfied, and the answers are worthless.
#
# The second accident is the more dangerous one, since nothing in the training shows it. What does show it is the {term}`surrogate gap`: the error that the surrogate believes in, beside the error that the simulator finds.

# %%
cheat = literal["encoder_decoder"].member(0)
with torch.no_grad():
    x_hat = cheat.propose(targets.y)[:, 0]
    effects = {
        "believed": cheat.surrogate(x_hat)[0],
        "true": task.simulate(x_hat),
    }
errors = {
    name: float((y_hat - targets.y).square().mean().sqrt())
    for name, y_hat in effects.items()
}

# %% tags=["nbval-ignore-output", "hide-input"]
print(f"the surrogate believes in an error of {errors['believed']:.0f}")
print(f"the simulator finds an error of {errors['true']:.0f}")

# %% tags=["hide-input"]
bad = {name: loss_design.inverse_scores(m) for name, m in literal.items()}
two_networks = {"tandem": "two-step", "encoder_decoder": "encoder-decoder"}
for name, words in two_networks.items():
    check(f"{words}, x unscaled: true error", bad[name]["rmse_y"], ">", 300)
check(
    "two-step, x unscaled: error of the surrogate on its own pairs is small",
    bad["tandem"]["forward_rmse"],
    "<",
    30,
)
check(
    "encoder-decoder, x unscaled: true error over believed error",
    bad["encoder_decoder"]["rmse_y"]
    / bad["encoder_decoder"]["surrogate_rmse_y"],
    ">",
    5,
)

# %% [markdown]
# `diagnose` names both states. It calls the first one a {term}`dead network`, by its symptom: the answer does not depend on the target.

# %% tags=["nbval-ignore-output"]
for name, model in literal.items():
    findings = diagnosis.diagnose(task, model.member(0), data)
    print(f"{name}:\n{findings}\n")

# %% tags=["hide-input"]
found = {
    name: diagnosis.diagnose(task, model.member(0), data).states
    for name, model in (*literal.items(), ("healthy", models["tandem"]))
}
check("two-step: dead network", found["tandem"] == ["dead network"])
check(
    "encoder-decoder: surrogate gap",
    "surrogate gap" in found["encoder_decoder"],
)
check(
    "the two-step model that sees x scaled is healthy",
    found["healthy"] == [],
)

# %% [markdown]
# The remedy is dull, and often forgotten: **bring every input and output to about one**, and judge with the true simulator.
#
# ## Beside the paper
#
# The paper shows figures and no numbers for these losses. The full-size runs are recorded: 300 {term}`epochs <epoch>`, and 100 for $x$ unscaled, with five seeds.

# %% mystnb={"figure": {"name": "fig-recorded-losses", "caption": "Error of re-simulated y in our recorded runs (y is at most 1089). Each dot is a seed, the large marker their mean. Below each loss: what the paper says of its figures."}, "image": {"alt": "Six rows on a logarithmic axis of the error. Direct regression lies at about 500. Misfit of the effect, encoder-decoder and two-step lie far to the left, around one and below. Encoder-decoder and two-step with x unscaled lie at about 500 again."}} tags=["hide-input"]
rows = {
    "direct": "misfit of the cause\n“far from the true solution”",
    "effect": "misfit of the effect\n“excellent match”",
    "encoder_decoder": "encoder–decoder\n“excellent results”",
    "two_step": "two-step\n“accurate in both cases”",
    "literal_encoder_decoder": "encoder–decoder,\nx unscaled",
    "literal_two_step": "two-step,\nx unscaled",
}
fig, ax = plt.subplots(figsize=(7, 4))
pictures.recorded_errors(ax, records, rows)
ax.set(xlabel="error of re-simulated y (rms)")
plt.show()

# %% tags=["hide-input"]
largest = {"effect": 2, "encoder_decoder": 15, "two_step": 5}
said = {
    "effect": "misfit of the effect",
    "encoder_decoder": "encoder-decoder",
    "two_step": "two-step",
}
for name, limit in largest.items():
    error = pictures.recorded(records, name, "rmse_y")
    check(f"recorded: {said[name]}", error, "<=", limit)
for name in largest:
    check(
        f"recorded: sign changes of {name.replace('_', '-')}",
        pictures.recorded(records, name, "switches"),
        "==",
        0,
    )

# %% [markdown]
# With scaled networks all three losses of the paper reach what its figures show, in both norms. With $x$ unscaled, the literal reading of the text, our runs fail. We do not know which detail of the authors' code makes the difference, since the paper gives neither the width of the networks nor how they start and are trained.
#
# :::{admonition} Use it when
# :class: tip
# * **Use it when** one right answer for each target is enough, whichever it is, and you have either a simulator with derivatives that is cheap enough to be called at every step, or pairs to train a surrogate.
# * **Not when** you want all answers, or how likely each is: one network has one answer (Part II). And not far away from the data of the surrogate.
# * **Cost**: with the simulator, a call and a derivative for each example of each step. With a surrogate, the simulations for its pairs and two trainings. Afterwards an answer is one pass through the network.
# * **How to test it**: simulate some of the answers. If the true error is large, do not use the rest, whether the surrogate does not know of it (the training cheats) or does (it is stuck).
# :::
#
# ## Exercises
#
# ```{exercise-start} A diagnosis without the simulator
# :label: ex-gap
# ```
#
# Suppose $f$ is too expensive to be called even once more. Could the training pairs alone have told you that `cheat` cheats? All pairs with $y > 100$ have $\lvert x \rvert > 10$. Ask `cheat` for the $y > 100$ of the data, and compute the share `misplaced` of its answers with $\lvert \hat x\rvert < 10$. What should this share be for an honest inverse?
#
# ```{exercise-end}
# ```

# %%
misplaced = ...  # your answer

# %% [markdown]
# :::{admonition} Hint
# :class: dropdown
# The targets are `far = data.y[data.y[:, 0] > 100]`, and the answers `cheat.propose(far)[:, 0]`.
# :::
#
# ```{solution-start} ex-gap
# :class: dropdown
# ```

# %%
far = data.y[data.y[:, 0] > 100]
x_hat = cheat.propose(far)[:, 0]
misplaced = float((x_hat.abs() < 10).float().mean())
print(f"{misplaced:.0%} of the answers lie where no such pair ever was")

# %% [markdown]
# An honest inverse answers with an $x$ from the region where pairs with similar $y$ were seen, so the share should be about 0. Comparing answers with the training pairs is a check that costs nothing.
#
# ```{solution-end}
# ```

# %% tags=["check-exercise", "hide-input"]
if answered(misplaced=misplaced):
    check("share of answers where no such pair was", misplaced, ">", 0.9)

# %% [markdown]
# ```{exercise-start} Cure one side only
# :label: ex-cure
# ```
#
# Two-step training gets stuck when neither network sees $x$ scaled. Is it enough to scale only what the *surrogate* sees, and to leave the output of the inverse network as it is? Use `two_step` of this page, and compute the error of re-simulated $y$ as `cured_rmse`. What about the other side only?
#
# ```{exercise-end}
# ```

# %%
cured_rmse = ...  # your answer

# %% [markdown]
# :::{admonition} Hint
# :class: dropdown
# `two_step(seen=33.0, answered=1.0)` returns the inverse network as a function. The cell below the definition of `two_step` shows how to ask it and how to compute the error.
# :::
#
# ```{solution-start} ex-cure
# :class: dropdown
# ```

# %% tags=["nbval-ignore-output"]
cures = {}
for seen, factor in ((1.0, 1.0), (33.0, 1.0), (1.0, 33.0)):
    torch.manual_seed(seed)
    find = two_step(seen=seen, answered=factor)
    with torch.no_grad():
        x_hat = find(targets.y.cpu())
    error = (x_hat.square() - targets.y.cpu()).square().mean().sqrt()
    cures[seen, factor] = float(error)
    print(f"seen / {seen:.0f}, answered · {factor:.0f}: {error:.0f}")
cured_rmse = cures[33.0, 1.0]

# %% [markdown]
# Yes. With a surrogate that was trained on scaled $x$, the inverse network is not held. Scaling the answers alone helps as well. Scaling both is the habit to keep.
#
# ```{solution-end}
# ```

# %% tags=["check-exercise", "hide-input"]
if answered(cured_rmse=cured_rmse):
    check("error with one side scaled", cured_rmse, "<", 60)

# %% [markdown]
# ```{exercise-start} Both answers
# :label: ex-both
# ```
#
# Every model of this chapter finds one branch. Train nothing. Turn the model `models["tandem"].member(0)` into one that proposes *two* guesses for each of the `targets`, using what you know of $f$, as a tensor `both` of shape $(B, 2, 1)$ for $B$ targets.
#
# ```{exercise-end}
# ```

# %%
both = ...  # your answer

# %% [markdown]
# :::{admonition} Hint
# :class: dropdown
# `propose(targets.y)` gives a tensor of shape $(B, 1, 1)$. Which other $x$ has the same $x^2$? `torch.cat` with `dim=1` puts guesses side by side.
# :::
#
# ```{solution-start} ex-both
# :class: dropdown
# ```

# %%
one = models["tandem"].member(0).propose(targets.y)
both = torch.cat([one, -one], dim=1)

# %% [markdown]
# $f(-x) = f(x)$, so the mirrored guess is as good. Most simulators have no such symmetry to use, which is why Part II is about methods that find several answers by themselves.
#
# ```{solution-end}
# ```

# %% tags=["check-exercise", "hide-input"]
if answered(both=both):
    error = invlab.resimulation_error(task, both, targets.y)
    check("two guesses a target", both.shape == (len(targets), 2, 1))
    check(
        "difference of the errors of the two guesses",
        (error[:, 0] - error[:, -1]).abs(),
        "<",
        1e-3,
    )

# %% [markdown]
# ## What we saw
#
# * Compare effects, and the trouble with several answers disappears: any answer is a right answer. A continuous network then keeps to one branch, chosen by the sign that it starts with.
# * A surrogate makes this possible when the simulator is slow. Training both together can **cheat**, and training one after the other can **get stuck**. The cheat shows in the gap between what the surrogate believes and what the simulator says. The stuck network shows no gap: its surrogate knows that the answers are wrong, and all answers are nearly the same. So look at three things: the error by the simulator, the error that the surrogate believes in, and whether the answers vary with $y$.
# * Scale everything to about one. The paper's recipe, read literally, fails in our runs.
#
# ## Where next
#
# The simulator was called 1000 times to train the surrogate. {doc}`ch03_three_points` asks how few calls are enough, and what derivatives and smoothness can add.
#
# ## References
#
# The losses and Figures 3 to 7 are from {cite:t}`rivera2020loss`; the group's error analysis of the same losses is in {cite:t}`shahriari2020error`. The tandem is one of the six models compared by {cite:t}`ren2020benchmarking`.
