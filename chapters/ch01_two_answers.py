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
# # Two answers
#
# **In this chapter** you train the most natural network for an inverse problem, watch it give a wrong answer for every single target, and prove that it could not have done otherwise.

# %% mystnb={"figure": {"name": "fig-asked", "caption": "The task is to find x from y = x². For y = 900 the right answers are the two red diamonds. The trained networks, five of them, answer about zero for this y and for every other one."}, "image": {"alt": "A parabola lying on its side: for each y a positive and a negative x. At y equal to 900 both answers, plus and minus 30, are marked by red diamonds. The answers of five networks form one flat line at x equal to zero, far from both arms."}} tags=["hide-input"]
import ipywidgets
import matplotlib.pyplot as plt
from IPython.display import Markdown

from invbook import answered, check, figures, ledger, load_records, widgets
from invbook.diagram import chain
from invbook.figures import loss_design as pictures
from invbook.papers import loss_design

figures.use_style()
records = load_records()
fig, ax = plt.subplots(figsize=(5.5, 3.2))
pictures.asked_of_record(ax, records["loss_design/direct/l2"], 900)
plt.show()

# %% [markdown]
# :::{admonition} Before you start
# :class: note
# * **You need** Python and a little calculus: what a derivative is and what a mean is. You need no deep learning. Each of its words is explained where it first appears. A word with a link, such as {term}`inverse problem`, leads to the {doc}`../glossary`, and {doc}`../primer` has the most important ones on two screens.
# * **It takes** about half a minute on one processor core. The networks are so small that a graphics card (GPU) does not help.
# :::

# %%
import math

import torch

import invlab
from invlab import runtime
from invlab.trust import diagnosis

torch.set_num_threads(1)  # fastest for small networks
seeds = runtime.by_preset(quick=[0, 1, 2], full=[0, 1, 2, 3, 4])
epochs = runtime.by_preset(quick=60, full=300)

# %% [markdown]
# (The book runs in two sizes. *Quick* is small enough to run while you read, and *full* is the size of the papers. `by_preset` picks the number for the size that is set.)
#
# ## A question with two answers
#
# A **forward problem** goes from causes to effects. Given the unknown $x$, a {term}`simulator` computes the observation $y = f(x)$. An {term}`inverse problem` goes back: given $y$, find an $x$ that causes it. The {term}`forward map` $f$ is a function, so each $x$ has one $y$. Its inverse need not be a function, because several causes can have the same effect.
#
# Rivera, Pardo and Alberdi {cite:p}`rivera2020loss` study this on the smallest example there is (their Section 2),
#
# $$
# f(x) = x^2, \qquad x \in [-33, 33], \qquad y \in [0, 1089].
# $$ (eq-square)
#
# Every $y > 0$ has two answers, $x = +\sqrt y$ and $x = -\sqrt y$. We call them **branches**. Nothing here is noisy, nothing is expensive to compute, and we know both answers. If a method fails here, it is the method's own fault.
#
# Following the paper, the data are 1000 equidistant points of the interval. Their number is even, so 0 is not among them, and every $y$ occurs exactly twice, once with each sign.

# %%
task = invlab.get_task("square")
data = task.grid()
distinct = data.y.unique().numel()
print(f"{len(data)} pairs (x, y), {distinct} different y")

# %% mystnb={"figure": {"name": "fig-square", "caption": "The forward map (left) and its two inverse branches (right). Figure 1 of the paper."}, "image": {"alt": "Left: the parabola y equals x squared between minus 33 and 33. Right: the same points with the axes exchanged, a parabola lying on its side, so that each y has one positive and one negative x."}} tags=["hide-input"]
fig, (left, right) = plt.subplots(1, 2)
left.plot(data.x.cpu(), data.y.cpu(), color=figures.BLUE)
left.set(xlabel="x", ylabel="y", title="forward: one y for each x")
right.plot(
    data.y.cpu(), data.x.cpu(), ".", color=figures.BLUE, markersize=2
)
right.set(xlabel="y", ylabel="x", title="inverse: two x for each y")
plt.show()

# %% tags=["hide-input"]
check("every y occurs exactly twice", distinct, "==", len(data) / 2)

# %% [markdown]
# ## The obvious idea
#
# We have pairs of $x$ and $y$. The obvious idea is to fit a function that takes $y$ and returns $x$, as in any regression. For the function we take a {term}`neural network <network>`.
#
# A neural network is a function with many adjustable numbers, its {term}`weights <weight>`. Ours is called $I$, for *inverse*, and $\phi$ stands for all of its weights. It is a chain of {term}`layers <layer>`. A *linear layer* multiplies its input by a matrix of weights and adds a vector of weights. Between two linear layers stands a {term}`ReLU`: it replaces each negative number by zero and keeps the others. Without the ReLUs the whole chain would be one linear function. With them it can bend, and enough bends make a good approximation to any continuous function.
#
# To {term}`train <training>` the network means to change its weights, step by step, until a {term}`loss` is small. The loss is one number that says how far the network's outputs are from what we want. The obvious loss compares the answer $\hat x = I_\phi(y)$ with the $x$ that belongs to this $y$ in the data:
#
# $$
# L_{\text{cause}}(\phi) = \lVert I_\phi(y) - x \rVert .
# $$ (eq-inverse-misfit)
#
# We call it the {term}`misfit of the cause`, because it compares causes. The paper's name is *misfit of the inverse data* (its equation 3). The bars stand for one of two norms: $\ell_1$, the mean absolute difference, or $\ell_2$, the mean squared difference. In code they are called `"l1"` and `"l2"`.

# %% mystnb={"figure": {"name": "fig-direct-diagram", "caption": "The method as a picture. Slanted boxes are data, the rounded box is a network that is trained, the ellipse is computed. The loss hangs below the two things that it compares."}, "image": {"alt": "A chain from left to right: the observation y enters the network I, which gives the answer x hat. Beside it stands x from the data. A bracket below the two says misfit of the cause."}} tags=["hide-input"]
chain(
    [
        ("y", "data", "observation"),
        ("I", "network", "trained"),
        ("x̂", "value", "answer"),
        ("x", "target", "of the data"),
    ],
    losses=[("x̂", "x", "misfit of the cause")],
)
plt.show()

# %% [markdown]
# Here it is in plain [PyTorch](https://pytorch.org). First the data, brought to about one by dividing by 33 and by 1089, and a network with eleven linear layers, as in the paper (Section 4). Inside, each layer has 64 numbers.

# %%
x, y = data.x.cpu() / 33, data.y.cpu() / 1089

torch.manual_seed(0)  # the weights start at random
layers = [torch.nn.Linear(1, 64), torch.nn.ReLU()]
for _ in range(9):
    layers += [torch.nn.Linear(64, 64), torch.nn.ReLU()]
inverse = torch.nn.Sequential(*layers, torch.nn.Linear(64, 1))

# %% [markdown]
# Then the training:

# %%
optimizer = torch.optim.Adam(inverse.parameters(), lr=1e-3)
for _ in range(400):
    rows = torch.randint(len(x), (100,))
    loss = (inverse(y[rows]) - x[rows]).square().mean()
    optimizer.zero_grad()  # forget the last step's derivatives
    loss.backward()
    optimizer.step()

# %% [markdown]
# Each round of the loop is one training step.
#
# * `torch.randint` draws 100 pairs at random. Such a handful is a {term}`batch`. It is faster than to use all pairs in each step, and random batches do no harm on average. When the steps have used as many pairs as there are, one {term}`epoch` is over; here it takes ten steps.
# * `loss.backward()` computes the {term}`gradient`: the derivative of the loss by each weight.
# * `optimizer.step()` moves each weight a little against its derivative, so that the loss falls. {term}`Adam` is the most common rule for how far; it uses the derivatives of the steps before as well. `lr` is the {term}`learning rate`, the scale of a step.
#
# What does the trained network answer?

# %% tags=["nbval-ignore-output"]
target = 900.0  # try 400.0
with torch.no_grad():  # an answer needs no derivatives
    answer = 33 * float(inverse(torch.tensor([[target / 1089]])))
print(f"for y = {target:.0f} right are ±{math.sqrt(target):.1f}")
print(f"the network answers {answer:.2f}")
print(f"re-simulated: {answer:.2f}² = {answer**2:.2f}")

# %% tags=["hide-input"]
check(
    "the answer is nearer to 0 than to a right one",
    abs(answer) / math.sqrt(target),
    "<",
    0.5,
)

# %% [markdown]
# The last line is a {term}`re-simulation <re-simulation error>`: give the answer to the simulator, and compare what it causes with what was asked for. The training was a success, since the loss went down and stayed down. The answer is useless all the same. More layers, more data or more patience will not help, and the reason is a theorem.
#
# ## Why it had to fail
#
# Fix one $y$, and look at what the loss asks of the single number $I = I(y)$. The data hold two pairs with this $y$. So its share of the loss is the average of two terms. One pulls towards $+\sqrt y$, the other towards $-\sqrt y$:
#
# $$
# \begin{aligned}
# \ell_1:\quad& \tfrac12 \lvert I-\sqrt y\rvert + \tfrac12 \lvert I+\sqrt y\rvert =
# \begin{cases} -I & I < -\sqrt y\\ \sqrt y & -\sqrt y \le I \le \sqrt y\\ I & I > \sqrt y \end{cases}
# \\[1ex]
# \ell_2:\quad& \tfrac12 (I-\sqrt y)^2 + \tfrac12 (I+\sqrt y)^2 = I^2 + y .
# \end{aligned}
# $$ (eq-pair-loss)
#
# Move the slider. For each target the blue dots are the two right answers, and the red bar or diamond marks the guesses with the smallest loss.


# %% tags=["nbval-ignore-output", "hide-input"]
def losses_for(y):
    fig, axes = plt.subplots(1, 2)
    figures.guess_losses(axes, y)
    return fig


widgets.flipbook(
    losses_for,
    [1, 100, 225, 400, 625, 900, 1089],
    label="target y =",
    alt="Two loss curves as functions of the guess. The l1 loss is flat "
    "between minus and plus root y, and all of that interval is marked as "
    "minimal. The l2 loss is a parabola whose only minimum is at zero, "
    "while the right answers lie higher up on both sides.",
    start=3,
    dpi=72,
)

# %% [markdown]
# The $\ell_2$ loss has its only minimum at $I = 0$. This is the *average* of the two answers, which is itself no answer. The $\ell_1$ loss is flat between the two answers: both are minimisers, and so is everything between them. The paper's Theorem 1 says just this. We state it for any inverse problem, since nothing in the proof is special to the square.
#
# :::{prf:theorem} What regression learns
# :label: thm-regression
#
# Let $(x, y)$ be random with $\mathbb E\,\lvert x\rvert^p < \infty$, $x$ real-valued, and let $I$ range over all measurable functions of $y$.
#
# 1. $\mathbb E\,(I(y)-x)^2$, with $p = 2$, is minimal exactly when $I(y) = \mathbb E[x \mid y]$, the **conditional mean**, for almost all $y$.
#    The minimum is the mean conditional variance, $\mathbb E\operatorname{Var}(x\mid y)$.
# 2. $\mathbb E\,\lvert I(y)-x\rvert$, with $p = 1$, is minimal exactly when $I(y)$ is a **conditional median** of $x$ given $y$, for almost all $y$.
#
# In particular, if each $y > 0$ comes with $+\sqrt y$ and $-\sqrt y$ equally often, then the $\ell_2$ minimiser is $I(y) = 0$ and the $\ell_1$ minimisers are
# all functions with $-\sqrt y \le I(y) \le \sqrt y$.
# :::
#
# In words: $\mathbb E$ is the average over all cases. The {term}`conditional mean` is the average of $x$ over those cases that share one $y$. A {term}`conditional median` is a value with half of these cases on either side.
#
# :::{prf:proof}
# Both losses are averages over $y$ of a loss for each $y$ alone, and $I(y)$ may be chosen for each $y$ separately. So it is enough to minimise, for one
# fixed $y$ and over numbers $a$, the conditional expectations of $(a-x)^2$ and $\lvert a-x\rvert$. (For a function that does so for each $y$ to be
# measurable one can take the conditional mean, or the smallest conditional median.)
#
# *Squares.* With $m = \mathbb E[x\mid y]$, expand $(a-x)^2 = (a-m)^2 + 2(a-m)(m-x) + (m-x)^2$. Given $y$, the middle term has mean zero, hence
# $\mathbb E[(a-x)^2 \mid y] = (a-m)^2 + \operatorname{Var}(x\mid y)$. This is smallest for $a = m$ and for no other $a$.
#
# *Absolute values.* For $a < b$ the difference $\lvert b - x\rvert - \lvert a - x\rvert$ equals $b-a$ where $x \le a$, equals $-(b-a)$ where
# $x \ge b$, and is $a + b - 2x$, which lies between these two, where $a < x < b$. Let $m$ be a conditional median: $P(x \le m\mid y) \ge \tfrac12$ and $P(x \ge m \mid y) \ge \tfrac12$.
# Take $a = m$ and $b > m$. The difference is $b-m$ with probability at least $\tfrac12$, and at least $-(b-m)$ elsewhere, so its mean is at least 0: no
# $b > m$ is better than $m$. It is zero only if $P(x \le m \mid y) = \tfrac12$ and $x \ge b$ almost surely elsewhere; then $P(x \ge b\mid y) = \tfrac12$ and $P(x \le b \mid y) \ge \tfrac12$, so $b$ is a
# conditional median too. By symmetry the same holds below $m$. Hence the minimisers are the conditional medians.
#
# *The square.* Given $y > 0$, $x$ is $\pm\sqrt y$ with probability one half each. Its mean is 0. A number $a$ has $P(x\le a) \ge \tfrac12$ and
# $P(x \ge a)\ge\tfrac12$ exactly when $-\sqrt y \le a \le \sqrt y$.
# :::
#
# The theorem also tells how small the losses *are* at the minimum. On our 1000 points $x_i$,
#
# $$
# \begin{aligned}
# \min \ell_1 &= \text{mean of } \lvert x_i\rvert = 33\cdot\frac{500}{999} \approx 16.517, \\
# \min \ell_2 &= \text{mean of } x_i^2 = \frac{33^2}{3}\cdot\frac{1001}{999} \approx 363.73 .
# \end{aligned}
# $$ (eq-minima)
#
# A right answer does no better, and may do worse. The loss of the exact branch $I(y) = +\sqrt y$ is:

# %%
exact = data.x.abs().double()  # +√y, at each y of the data
l1 = (exact - data.x).abs().mean()
l2 = (exact - data.x).square().mean()
print(f"exact branch: l1 loss {l1:.2f}, l2 loss {l2:.1f}")

# %% tags=["hide-input"]
check(
    "the exact branch has the minimal l1 loss",
    abs(l1 / loss_design.DIRECT_L1 - 1),
    "<",
    1e-6,
)
check(
    "the exact branch has twice the minimal l2 loss",
    abs(l2 / loss_design.DIRECT_L2 - 2),
    "<",
    1e-6,
)

# %% [markdown]
# In $\ell_1$ it ties with the worthless answers. In $\ell_2$ its loss is *twice* the minimum, so a network that found it would be punished.
#
# ## With the library
#
# `invlab` writes every inverse problem as *task × method × score*. A {term}`task` holds the simulator and what is known of its unknowns. A {term}`method` learns with `fit` and answers with `propose`. A {term}`score` says how good the answers are. The method `direct` is the regression above.
#
# Training depends on chance, through the random first weights and batches. The number that starts the random generator is the {term}`seed`. One run proves little, so we train with several seeds; the library trains them together. Over the run the learning rate falls from $10^{-3}$ to $10^{-5}$, with large steps first and small ones to settle. The paper gives neither its number of epochs nor how it trained.

# %%
x_scaler, y_scaler = task.scalers()  # divide x by 33 and y by 1089
direct = {}
for norm in ("l1", "l2"):
    direct[norm] = invlab.get_method(
        "direct",
        norm=norm,
        x_scaler=x_scaler,
        y_scaler=y_scaler,
        epochs=epochs,
        batch_size=50,
    ).fit(task, data, seed=seeds)

targets = task.targets(300, seed=7)
guesses = direct["l2"].member(0).propose(targets.y, n=4)
print(tuple(guesses.shape))

# %% [markdown]
# These are three hundred {term}`targets <target>`, values of $y$ that no training saw, with four {term}`guesses <guess>` each, for one unknown. The four guesses are copies, because this network has one answer for each $y$. Part II is about methods that have more.

# %% mystnb={"figure": {"name": "fig-direct", "caption": "Regression of x on y, trained on l1 (left) and l2 (right): answers for 300 new targets, for several seeds, and the exact branches. Figure 2 of the paper."}, "image": {"alt": "Two panels with a sideways parabola, the exact answers. In both, the network's answers of all seeds lie on a horizontal line near zero, far from both branches."}} tags=["hide-input"]
fig, axes = plt.subplots(1, 2, sharey=True)
for ax, norm in zip(axes, direct):
    pictures.answers_by_seed(ax, direct[norm], targets.y)
    ax.set_title(f"direct, {norm}")
    ax.label_outer()
figures.legend_below(fig)
plt.show()

# %% tags=["hide-input"]
scores = {norm: loss_design.inverse_scores(m) for norm, m in direct.items()}
for norm, least in (
    ("l1", loss_design.DIRECT_L1),
    ("l2", loss_design.DIRECT_L2),
):
    check(
        f"{norm} loss over its closed-form minimum, less one",
        (scores[norm][f"inverse_{norm}"] / least - 1).abs(),
        "<",
        0.005,
    )
check("l2 answers: root mean square", scores["l2"]["rms_x"], "<=", 0.5)
check(
    "share of l1 answers between −√y and √y",
    scores["l1"]["inside"],
    ">=",
    0.99,
)
check("error of re-simulated y, l2", scores["l2"]["rmse_y"], ">", 400)

# %% [markdown]
# The networks did what they were asked to do, to within half a percent of what is possible. The *question* was wrong.
#
# The library can tell. `diagnose` looks for the known states in which inverse networks end up, and names the remedy. (`member(0)` is the network of the first seed.)

# %% tags=["nbval-ignore-output"]
findings = diagnosis.diagnose(task, direct["l2"].member(0), data)
print(findings)

# %% tags=["hide-input"]
check(
    "the diagnosis is a collapse to the mean and nothing else",
    findings.states == ["collapse to the mean"],
)

# %% [markdown]
# A network whose answer no longer depends on its input is called a {term}`dead network`. Why is this one not called dead, although its answers hardly vary? Because the loss asked for the same answer everywhere. A dead network would give a constant answer that the loss did not ask for.
#
# ## Beside the paper
#
# The paper gives no numbers for its Figure 2. It says that the answers are "far from the true solution" and "worthless" (Section 4, *Loss Function Analysis*). The table shows our recorded run in full size beside the smallest possible loss {eq}`eq-minima`: the training could not be better. Its answers are worse than an $x$ drawn at random, whose error would be 459.

# %% tags=["hide-input"]
rows = []
for norm, best in (
    ("l1", loss_design.DIRECT_L1),
    ("l2", loss_design.DIRECT_L2),
):
    found = records[f"loss_design/direct/{norm}"]["scores"]
    rows.append(
        {
            "norm": norm,
            "closed": f"{best:.2f}",
            "ours": f"{sum(found[f'inverse_{norm}']) / len(found[f'inverse_{norm}']):.2f}",
            "error": f"{max(found['rmse_y']):.0f}",
        }
    )
columns = {
    "norm": "norm",
    "closed": "smallest possible loss",
    "ours": "our loss, mean over seeds",
    "error": "error of re-simulated y (rms; y is at most 1089)",
}
Markdown(ledger.table(rows, columns))

# %% [markdown]
# Two finer points stand in the {doc}`appendix <ch01_appendix>`. The $\ell_1$ answers are near zero because this network starts near it and random batches draw it in, and not because the loss asks for it. And when some of the data are taken away at random, many $y$ lose one of their two partners, and the loss no longer measures what you think.
#
# :::{admonition} Use it when
# :class: tip
# * **Use it when** each $y$ has one $x$, or when you want the mean of all $x$ that fit: regression of $x$ on $y$ is then simple and good.
# * **Not when** several different $x$ can cause the same $y$. The answer is then a mean or a median of them, and may be wrong for every target.
# * **Cost**: one training on pairs $(x, y)$. It calls no simulator and needs none of its derivatives. An answer is one pass through the network.
# * **How to test it**: give the answers to the simulator and compare with the targets. A small loss proves nothing. If there is no simulator left, compare the loss with the variance of $x$ ({ref}`ex-value`).
# :::
#
# ## Exercises
#
# ```{exercise-start} An unbalanced archive
# :label: ex-unbalanced
# ```
#
# Suppose that your data hold the positive branch in a share $w$ of all cases with one $y$, and the negative branch in $1-w$. What do $\ell_2$ and $\ell_1$ learn? Compute the two answers, `mean_answer` and `median_answer`, for $y = 400$ and $w = 0.7$.
#
# ```{exercise-end}
# ```

# %%
mean_answer = ...  # your answer, for ℓ₂
median_answer = ...  # your answer, for ℓ₁

# %% [markdown]
# :::{admonition} Hint
# :class: dropdown
# {prf:ref}`thm-regression` says what each norm learns. Given $y$, the unknown is $+\sqrt y$ with probability $w$ and $-\sqrt y$ with probability $1 - w$. Where is the value with half of the cases on either side?
# :::
#
# ```{solution-start} ex-unbalanced
# :class: dropdown
# ```

# %%
w, root = 0.7, math.sqrt(400)
mean_answer = w * root + (1 - w) * (-root)
median_answer = root if w > 0.5 else -root

# %% [markdown]
# With a share of 0.7 the median *is* a right answer, and the mean is not.
#
# ```{solution-end}
# ```

# %% tags=["check-exercise", "hide-input"]
if answered(mean_answer=mean_answer, median_answer=median_answer):
    cases = torch.where(torch.arange(1000) < 700, 20.0, -20.0)
    check(
        "mean_answer: distance from the mean of 1000 cases",
        abs(mean_answer - float(cases.mean())),
        "<",
        1e-4,
    )
    check(
        "median_answer: distance from the median of 1000 cases",
        abs(median_answer - float(cases.median())),
        "<",
        1e-4,
    )

# %% [markdown]
# Move the share $w$. The smallest imbalance makes $\ell_1$ jump to an exact answer, while $\ell_2$ slides there slowly. (In a running notebook there is a slider for $y$ as well.)


# %% tags=["nbval-ignore-output", "hide-input"]
def unbalanced(w, y):
    fig, axes = plt.subplots(1, 2)
    figures.guess_losses(axes, y, share=w)
    return fig


widgets.explorer(
    unbalanced,
    alt="The two loss curves for one target and a chosen share of the "
    "positive branch: with more than one half, l1 is minimal at plus "
    "root y and l2 between zero and plus root y.",
    w=ipywidgets.FloatSlider(
        0.6, min=0.1, max=0.9, step=0.1, description="share w ="
    ),
    y=ipywidgets.FloatSlider(400, min=1, max=1089, description="y ="),
)

# %% [markdown]
# ```{exercise-start} Three roots
# :label: ex-three
# ```
#
# For $f(x) = \sin \pi x$ and $x$ uniform in $[-1.5, 1.5]$, every $y$ in $(-1, 1)$ has three answers. Train nothing. Draw many $x$, compute their $y$, and estimate from them what $\ell_2$ regression answers at $y = 0$. Call it `at_zero`. How large is the error $\lvert f(I(0))\rvert$? Are you surprised?
#
# ```{exercise-end}
# ```

# %%
at_zero = ...  # your answer

# %% [markdown]
# :::{admonition} Hint
# :class: dropdown
# $\ell_2$ regression learns the conditional mean: the average of those $x$ whose $y$ is nearly 0, for instance below 0.02 in size. `3 * torch.rand(1_000_000) - 1.5` draws the $x$.
# :::
#
# ```{solution-start} ex-three
# :class: dropdown
# ```

# %%
draws = 3 * torch.rand(1_000_000, generator=runtime.generator(0)) - 1.5
near_zero = (math.pi * draws).sin().abs() < 0.02
at_zero = float(draws[near_zero].mean())
print(f"I(0) is about {at_zero:.1f}".replace("-0.0", "0.0"))

# %% [markdown]
# The answers are $0$ and $\pm 1$. By symmetry the mean is 0, and 0 happens to *be* an answer: regression is right here by luck. For $0 < y < 1$, with $a = \arcsin(y)/\pi$, the answers $a$, $1-a$ and $-1-a$
# are equally likely, and their mean $-a/3$ even has the wrong sign. A test at a single target proves nothing.
#
# ```{solution-end}
# ```

# %% tags=["check-exercise", "hide-input"]
if answered(at_zero=at_zero):
    check("the conditional mean at 0", abs(at_zero), "<", 0.05)
    check(
        "the error there, small by luck",
        abs(math.sin(math.pi * at_zero)),
        "<",
        0.15,
    )

# %% [markdown]
# ```{exercise-start} The value of the loss
# :label: ex-value
# ```
#
# You train a regression on data whose $x$ has variance 363, and the $\ell_2$ loss stops at 363. What does this tell you, before you look at a single answer? Which three different causes can it have? Then compute for our model the share of the variance of $x$ that it explains, $1 - L/\operatorname{Var}(x)$ with the $\ell_2$ loss $L$, as `explained`.
#
# ```{exercise-end}
# ```

# %%
explained = ...  # your answer

# %% [markdown]
# :::{admonition} Hint
# :class: dropdown
# The answers of one network to the $y$ of the data are `direct["l2"].member(0).propose(data.y)[:, 0]`. The variance is `data.x.var(correction=0)`.
# :::
#
# ```{solution-start} ex-value
# :class: dropdown
# ```
#
# The network does no better than one constant, the mean of all $x$. There are three reasons why this can be:
#
# * each $y$ has several answers whose mean is the same for all $y$, as here;
# * $y$ holds no information about $x$, and no method could do better;
# * the network is stuck at a constant, although it could learn more.
#
# The loss alone does not tell them apart. Another loss or method does: chapter 2 finds a right answer for each of these $y$, so here it was the first reason.

# %%
answers = direct["l2"].member(0).propose(data.y)[:, 0]
loss = (answers - data.x).square().mean()
explained = 1 - float(loss / data.x.var(correction=0))

# %% [markdown]
# ```{solution-end}
# ```

# %% tags=["check-exercise", "hide-input"]
if answered(explained=explained):
    check("share of the variance explained", abs(explained), "<", 0.01)

# %% [markdown]
# ## What we saw
#
# * An inverse problem can have several answers for one observation. Regression of $x$ on $y$ learns their **mean** ($\ell_2$) or **any median** ($\ell_1$), and neither has to be an answer ({prf:ref}`thm-regression`).
# * The loss can be minimal while every answer is wrong. Only the **re-simulated** answer, $f(I(y))$ compared with $y$, tells.
# * A right answer can have a larger loss than a wrong one. Then the fault is in the loss, and no better network or training mends it.
#
# ## Where next
#
# The misfit should be measured where the answer is unique: on the side of $y$. {doc}`ch02_ask_the_forward_map` asks the forward map, and the same network finds an exact branch.
#
# ## References
#
# The theorem for the square and Figure 2 are from {cite:t}`rivera2020loss`. Why a single answer is the wrong goal for many inverse problems is the starting point of Bayesian inversion
# {cite:p}`stuart2010inverse,tarantola2005inverse`. Adam is from {cite:t}`kingma2015adam`.
