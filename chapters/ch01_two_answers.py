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
# **In this chapter** you train the most natural network for an inverse problem, watch it give an answer that is
# wrong for every single target, and prove that it could not have done otherwise.
#
# :::{admonition} Before you start
# :class: note
# * **You need** Python and a little calculus; what an integral and a derivative are is enough. If words such as
#   *surrogate* are new, keep the {doc}`../glossary` open.
# * **It takes** about a minute on two CPU cores. The networks are so small that a GPU does not help.
# * **Run it** with the rocket button at the top of the page, or
#   [open it in Colab](https://colab.research.google.com/github/OWNER/invlab/blob/main/chapters/ch01_two_answers.ipynb).
# :::

# %% tags=["remove-cell", "nbval-skip"]
import importlib.util
import sys

if "google.colab" in sys.modules and not importlib.util.find_spec("invlab"):
    # %pip install -q --no-deps "git+https://github.com/OWNER/invlab"
    pass

# %%
import math

import matplotlib.pyplot as plt
import torch
from IPython.display import Markdown

import invlab
from invbook import check, figures, ledger, load_records, widgets
from invbook.papers import loss_design
from invlab import losses, runtime
from invlab.networks import training
from invlab.trust import diagnosis

figures.use_style()
torch.set_num_threads(1)  # the networks are small: one thread is fastest
seeds = runtime.by_preset(quick=[0, 1, 2], full=[0, 1, 2, 3, 4])
epochs = runtime.by_preset(quick=60, full=300)

# %% [markdown]
# ## A question with two answers
#
# A **forward problem** goes from causes to effects: given the unknown $x$, a simulator computes the observation
# $y = f(x)$. An **inverse problem** goes back: given $y$, find an $x$ that causes it. The forward map is a function;
# its inverse need not be one, because several causes can have the same effect.
#
# Rivera, Pardo and Alberdi {cite:p}`rivera2020loss` study this on the smallest example there is,
#
# $$
# f(x) = x^2, \qquad x \in [-33, 33], \qquad y \in [0, 1089].
# $$ (eq-square)
#
# Every $y > 0$ has two answers, $x = +\sqrt y$ and $x = -\sqrt y$; we call them **branches**. Nothing is noisy, nothing
# is expensive, and we know both answers. If a method fails here, it is the method's own fault.
#
# Following the paper, the data are 1000 equidistant points of the interval. Their number is even, so 0 is not among
# them and every $y$ occurs exactly twice, once with each sign.

# %% mystnb={"figure": {"name": "fig-square", "caption": "The forward map (left) and its two inverse branches (right). Figure 1 of the paper."}, "image": {"alt": "Left: the parabola y equals x squared between minus 33 and 33. Right: the same points with the axes exchanged, a parabola lying on its side, so that each y has one positive and one negative x."}}
task = invlab.get_task("square")
data = task.grid()

fig, (left, right) = plt.subplots(1, 2)
left.plot(data.x, data.y, color=figures.BLUE)
left.set(xlabel="x", ylabel="y", title="forward: one y for each x")
right.plot(data.y, data.x, ".", color=figures.BLUE, markersize=2)
right.set(xlabel="y", ylabel="x", title="inverse: two x for each y")
plt.show()

# %%
distinct = data.y.unique().numel()
print(f"{len(data)} pairs, {distinct} different y")
check("every y occurs exactly twice", distinct == len(data) // 2)

# %% [markdown]
# ## The obvious idea
#
# We have pairs $(x_i, y_i)$. A network $I_\phi$ with weights $\phi$ that maps $y$ to $x$ can be trained as in any regression: make its
# output at $y_i$ close to $x_i$. The paper calls this the **misfit of the inverse data**,
#
# $$
# L_1(\phi) = \lVert I_\phi(y) - x \rVert ,
# $$ (eq-inverse-misfit)
#
# (the index of $L_1, L_2, \dots$ numbers the losses), where the norm is either the mean absolute difference ($\ell_1$) or the mean squared one ($\ell_2$). In plain torch it is a
# dozen lines:

# %%
torch.manual_seed(0)
layers = [torch.nn.Linear(1, 64), torch.nn.ReLU()]
for _ in range(9):
    layers += [torch.nn.Linear(64, 64), torch.nn.ReLU()]
inverse = torch.nn.Sequential(*layers, torch.nn.Linear(64, 1))

x, y = data.x.cpu() / 33, data.y.cpu() / 1089  # bring both to about one
optimizer = torch.optim.Adam(inverse.parameters(), lr=1e-3)
for _ in range(400):
    rows = torch.randint(len(x), (100,))
    loss = (inverse(y[rows]) - x[rows]).square().mean()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()

for target in (100.0, 400.0, 900.0):
    with torch.no_grad():
        guess = 33 * float(inverse(torch.tensor([[target / 1089]])))
    root = target**0.5
    print(f"y = {target:.0f}: answers ±{root:.0f}, guess {round(guess)}")

# %% tags=["nbval-ignore-output"]
print(
    f"re-simulated: {guess:.2f}² = {guess**2:.2f}, asked for {target:.0f}"
)
check("the guess for y = 900 is nowhere near ±30", abs(guess) < 5)

# %% [markdown]
# The training was a success: the loss went down and stayed down. The answer is useless all the same. Ask for $x^2 = 900$ and you are
# told "about 0", whose square is about 0. More layers, more data or more patience will not help, and the reason is a
# theorem.
#
# ## Why it had to fail
#
# Fix one $y$ and look at what the loss asks of the single number $I = I(y)$. The data hold two pairs with this $y$, so its share of the loss
# is the average of two terms, one pulling towards $+\sqrt y$ and one towards $-\sqrt y$:
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
# Move the slider: for each target the blue dots are the two right answers and the red bar marks everything that makes the loss minimal.


# %% tags=["nbval-ignore-output"]
def losses_for(y):
    fig, axes = plt.subplots(1, 2)
    figures.guess_losses(axes, y)
    return fig


widgets.flipbook(
    losses_for,
    [1, 25, 100, 200, 300, 400, 500, 600, 700, 800, 900, 1000, 1089],
    label="target y =",
    alt="Two loss curves as functions of the guess. The l1 loss is flat "
    "between minus and plus root y, and all of that interval is marked as "
    "minimal. The l2 loss is a parabola whose only minimum is at zero, "
    "while the right answers lie higher up on both sides.",
    start=5,
)

# %% [markdown]
# The $\ell_2$ loss has its only minimum at $I = 0$: the *average* of the two answers, which is itself no answer. The $\ell_1$ loss is flat
# between the two answers: both are minimisers, and so is everything between them. The paper's Theorem 1 says just this. We state it
# for any inverse problem, since nothing in the proof is special to the square.
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
# The theorem also tells what the losses *are* at the minimum. On the grid $x_i = -33 + 66\,i/999$,
#
# $$
# \begin{aligned}
# \min \ell_1 &= \frac1n\sum_i \lvert x_i\rvert = 33\cdot\frac{500}{999} \approx 16.517, \\
# \min \ell_2 &= \frac1n\sum_i x_i^2 = \frac{33^2}{3}\cdot\frac{1001}{999} \approx 363.73 .
# \end{aligned}
# $$ (eq-minima)
#
# A right answer does no better. The exact branch $I(y) = \sqrt y$ ties in $\ell_1$ and has *twice* the minimal $\ell_2$ loss: a network that finds it is
# punished.

# %%
exact = (
    data.x.abs().double()
)  # the branch I(y) = +√y, at each y of the data
l1 = (exact - data.x).abs().mean()
l2 = (exact - data.x).square().mean()
check(
    "the exact branch ties in l1",
    abs(l1 / loss_design.DIRECT_L1 - 1) < 1e-6,
)
check(
    "and has twice the l2 loss", abs(l2 / loss_design.DIRECT_L2 - 2) < 1e-6
)

# %% [markdown]
# ## With the library
#
# `invlab` writes every inverse problem as *task × method × score*. A **task** holds the simulator and what is known of its unknowns. A
# **method** learns with `fit` and answers with `propose`. `direct` is the regression above: eleven linear layers with ReLU between them, as in the
# paper. The paper does not give width, optimiser or epochs; ours are 64 units, Adam with a step that falls from $10^{-3}$ to $10^{-5}$ along a cosine,
# and batches of 50. Several seeds are trained together, as members of one batched network.
#
# `task.scalers()` brings $x$ to $[-1, 1]$ and $y$ to $[0, 1]$ inside the network. That matters more than it seems, and chapter 2 shows what
# happens without.

# %%
x_scaler, y_scaler = task.scalers()
direct = {}
for norm in ("l1", "l2"):
    method = invlab.get_method(
        "direct",
        norm=norm,
        x_scaler=x_scaler,
        y_scaler=y_scaler,
        epochs=epochs,
        batch_size=50,
    )
    direct[norm] = method.fit(task, data, seed=seeds)

targets = task.targets(300, seed=7)
print(direct["l2"].member(0).propose(targets.y, n=4).shape)

# %% [markdown]
# Three hundred targets, four guesses each, one unknown. The four guesses are copies, because this network has one answer for each $y$; Part II is
# about methods that have more.

# %% mystnb={"figure": {"name": "fig-direct", "caption": "Regression of x on y, trained on l1 (left) and l2 (right): answers over 300 new targets, for several seeds, and the exact branches. Figure 2 of the paper."}, "image": {"alt": "Two panels with a sideways parabola, the exact answers. In both, the network's answers of all seeds lie on a horizontal line near zero, far from both branches."}}
fig, axes = plt.subplots(1, 2, sharey=True)
for ax, norm in zip(axes, direct):
    x_hat = direct[norm].invert(targets.y)[..., 0]
    figures.answers(
        ax, targets.y[:, 0], x_hat, labels=[f"seed {s}" for s in seeds]
    )
    ax.set_title(f"direct, {norm}")
axes[0].legend(fontsize=8)
plt.show()

# %%
scores = {norm: loss_design.inverse_scores(m) for norm, m in direct.items()}
l1, l2 = scores["l1"], scores["l2"]
check(
    "l1 loss within 0.5 % of its closed-form minimum",
    ((l1["inverse_l1"] / loss_design.DIRECT_L1 - 1).abs() < 0.005).all(),
)
check(
    "l2 loss within 0.5 % of its closed-form minimum",
    ((l2["inverse_l2"] / loss_design.DIRECT_L2 - 1).abs() < 0.005).all(),
)
check("l2 answers within 0.5 of zero (rms)", (l2["rms_x"] <= 0.5).all())
check(
    "99 % of l1 answers in [-√y, √y], to 0.5", (l1["inside"] >= 0.99).all()
)
check("re-simulated y is off by over 400", (l2["rmse_y"] > 400).all())

# %% [markdown]
# The network did what it was asked to do, to within half a percent of what is possible. The *question* was wrong.
#
# ## Two traps on the way
#
# **The $\ell_1$ loss has no single answer.** In {numref}`fig-direct` both norms end near zero, which looks as if they agreed. They do not. Zero is where this network
# happens to start. Inside the interval the $\ell_1$ gradients of the two partners cancel exactly, so a network that starts on another function in there has no reason to leave it. Let us start it on three of
# them, and then train each on the $\ell_1$ loss with all rows at once.

# %% mystnb={"figure": {"name": "fig-ambiguous", "caption": "Three networks started on different functions and then trained on the same l1 loss: each stays where it was, at the same minimal loss."}, "image": {"alt": "Answers of three networks over targets, all inside the sideways parabola: one is a fixed share of the upper branch, one a share of the lower branch and one oscillates between them."}}
starts = {
    "0.7 √y": lambda y: 0.7 * y.sqrt(),
    "-0.4 √y": lambda y: -0.4 * y.sqrt(),
    "0.6 √y cos(y/120)": lambda y: 0.6 * y.sqrt() * (y / 120).cos(),
}


def l1_from(start):
    model = invlab.get_method(
        "direct",
        x_scaler=x_scaler,
        y_scaler=y_scaler,
        epochs=60,
        batch_size=50,
    ).fit(task, invlab.Pairs(start(data.y), data.y), seed=0)

    def terms(x, y):
        return {"l1": losses.inverse_misfit(model.inverse(y), x, "l1")}

    training.train(
        model.inverse,
        terms,
        (data.x, data.y),
        batch_size=None,
        epochs=50,
        lr=1e-5,
    )
    return model


started = {name: l1_from(start) for name, start in starts.items()}
fig, ax = plt.subplots(figsize=(5, 3.2))
answers = torch.cat([m.invert(targets.y) for m in started.values()])
figures.answers(ax, targets.y[:, 0], answers[..., 0], labels=list(started))
ax.legend(fontsize=8)
plt.show()

# %%
for name, model in started.items():
    score = loss_design.inverse_scores(model)
    at_minimum = (
        abs(score["inverse_l1"] / loss_design.DIRECT_L1 - 1) < 0.005
    )
    check(f"started on {name}: l1 loss is minimal", at_minimum)
    check("and the answers are far from zero", score["rms_x"] > 5)

# %% [markdown]
# **A random train/test split breaks the theorem's assumption.** Take 20 % of the rows away at random and many $y$ lose one of their two partners. Where
# $+\sqrt y$ survives without $-\sqrt y$, the conditional median *is* an answer, and $\ell_1$ runs towards it, on one branch here and on the other there. The loss no longer
# measures what you think it does, and by chance it can even look as if the regression worked.

# %% mystnb={"figure": {"name": "fig-split", "caption": "The l1 regression on a random 80 % of the grid: the answers leave zero and run towards a branch, where the sample happens to favour it."}, "image": {"alt": "Answers of several seeds over targets. They lie near zero for small y; for larger y some seeds leave zero and reach one of the exact branches."}}
kept, held_out = task.grid().split(
    0.2, generator=runtime.generator(0, "split")
)
after_split = loss_design.fit_inverse(
    "direct",
    "l1",
    seeds=seeds,
    data=kept,
    epochs=runtime.by_preset(quick=120, full=300),
)
fig, ax = plt.subplots(figsize=(5, 3.2))
answers = after_split.invert(targets.y)
figures.answers(
    ax,
    targets.y[:, 0],
    answers[..., 0],
    labels=[f"seed {s}" for s in seeds],
)
ax.legend(fontsize=8)
plt.show()

# %%
split_scores = loss_design.inverse_scores(after_split)
check(
    "the split moves the l1 answers away from zero",
    split_scores["rms_x"].mean() > 20 * l1["rms_x"].mean(),
)

# %% [markdown]
# So the data of Part I stay symmetric, and models are judged on *separate* targets and not on held-out rows.
#
# ## Let the library say it
#
# `diagnosis.diagnose` looks for the states that inverse networks end up in, and names the remedy. For our regression:

# %% tags=["nbval-ignore-output"]
findings = diagnosis.diagnose(task, direct["l2"].member(0), data)
print(findings)

# %%
check("the diagnosis", findings.states == ["collapse to the mean"])

# %% [markdown]
# ## The recorded run
#
# The figures above come from the quick preset. The full one, 300 epochs and five seeds, is recorded by
#
# ```
# python -m invbook bench loss_design --preset full
# ```
#
# and the table shows its records. The paper gives no numbers for Figure 2, only the picture: answers far from both branches. "Ours" is the mean over seeds with a
# 95 % bootstrap interval, and the closed form {eq}`eq-minima` is what it can be held to.

# %%
records = load_records()
rows = []
for norm, best in (
    ("l1", loss_design.DIRECT_L1),
    ("l2", loss_design.DIRECT_L2),
):
    record = records[f"loss_design/direct/{norm}"]
    values = torch.tensor(record["scores"][f"inverse_{norm}"])
    low, high = invlab.bootstrap_interval(values)
    rows.append(
        {
            "norm": norm,
            "closed": f"{best:.4f}",
            "ours": f"{values.mean():.4f} [{low:.4f}, {high:.4f}]",
            "error": f"{max(record['scores']['rmse_y']):.0f}",
            "run": f"{record['device']}, {len(record['seeds'])} seeds, "
            f"{record['cpu_seconds']:.0f} s, {record['date']}",
        }
    )
columns = {
    "norm": "norm",
    "closed": "closed-form minimum",
    "ours": "our loss",
    "error": "error of re-simulated y",
    "run": "recorded run",
}
Markdown(ledger.table(rows, columns))

# %% [markdown]
# ## Exercises
#
# ```{exercise-start} An unbalanced archive
# :label: ex-unbalanced
# ```
#
# Suppose the archive holds the positive branch in a share $w$ of all cases and the negative one in $1-w$. What do $\ell_1$ and $\ell_2$ learn? Write the two functions
# `mean_answer(y, w)` and `median_answer(y, w)` for $w \ne \tfrac12$.
#
# ```{exercise-end}
# ```

# %% [markdown]
# ```{solution-start} ex-unbalanced
# :class: dropdown
# ```


# %%
def mean_answer(y, w):
    return (2 * w - 1) * y**0.5  # w (+√y) + (1 - w) (-√y)


def median_answer(y, w):
    return y**0.5 if w > 0.5 else -(y**0.5)


# %% [markdown]
# ```{solution-end}
# ```

# %% tags=["check-exercise"]
draws = torch.where(torch.arange(1000) < 700, 20.0, -20.0)
check("mean for w = 0.7", abs(mean_answer(400, 0.7) - draws.mean()) < 1e-4)
check("median for w = 0.7", median_answer(400, 0.7) == draws.median())

# %% [markdown]
# With a live kernel the next cell lets you move both $y$ and $w$: see how the smallest imbalance makes $\ell_1$ jump to an exact answer while $\ell_2$ slides there slowly.
# (In the static page it shows its first state only; open the chapter in Colab to use it.)

# %% tags=["nbval-ignore-output"]
import ipywidgets


def unbalanced(y, w):
    fig, axes = plt.subplots(1, 2)
    figures.guess_losses(axes, y, share=w)
    return fig


widgets.explorer(
    unbalanced,
    alt="The two loss curves for one target and a chosen share of the "
    "positive branch: with more than one half, l1 is minimal at plus "
    "root y and l2 between zero and plus root y.",
    y=ipywidgets.FloatSlider(400, min=1, max=1089, description="y"),
    w=ipywidgets.FloatSlider(0.6, min=0, max=1, step=0.05, description="w"),
)

# %% [markdown]
# ```{exercise-start} Three roots
# :label: ex-three
# ```
#
# For $f(x) = \sin \pi x$ and $x$ uniform in $[-1.5, 1.5]$, every $y$ in $(-1, 1)$ has three preimages. Without training anything, use draws of $x$ to estimate what $\ell_2$ regression answers at
# $y = 0$ and how large the error $\lvert f(I(0))\rvert$ is. Are you surprised? (Call the estimate `at_zero`.)
#
# ```{exercise-end}
# ```

# %% [markdown]
# ```{solution-start} ex-three
# :class: dropdown
# ```

# %%
x3 = invlab.Box([-1.5], [1.5]).sample(
    1_000_000, generator=runtime.generator(0)
)
y3 = (math.pi * x3).sin()
at_zero = float(x3[y3.abs() < 0.02].mean())
print(f"I(0) is about {at_zero:.1f}".replace("-0.0", "0.0"))

# %% [markdown]
# The answers are $0$ and $\pm 1$. By symmetry the mean is 0, and 0 happens to *be* an answer: regression is right here by luck. For $0 < y < 1$, with $a = \arcsin(y)/\pi$, the answers $a$, $1-a$ and $-1-a$
# are equally likely, and their mean $-a/3$ even has the wrong sign. A test at a single target proves nothing.
#
# ```{solution-end}
# ```

# %% tags=["check-exercise"]
check("the conditional mean at 0", abs(at_zero) < 0.05)
check("is an answer by luck", abs(math.sin(math.pi * at_zero)) < 0.15)

# %% [markdown]
# ```{exercise-start} The value of the loss
# :label: ex-value
# ```
#
# You train a regression on data whose $x$ has variance $363$ and the $\ell_2$ loss stops at $363$. What does this tell you, before you look at a single answer? Compute the share of the variance of $x$ that
# our $\ell_2$ model explains, $1 - L/\operatorname{Var}(x)$, as `explained`.
#
# ```{exercise-end}
# ```

# %% [markdown]
# ```{solution-start} ex-value
# :class: dropdown
# ```
#
# A loss equal to the variance of $x$ means the network knows nothing about $x$ from $y$ (in the sense of means): it answers the overall mean. It is the signature of a collapse, and costs nothing to check.

# %%
explained = 1 - float(l2["inverse_l2"].mean() / data.x.var(correction=0))

# %% [markdown]
# ```{solution-end}
# ```

# %% tags=["check-exercise"]
check("nothing is explained", abs(explained) < 0.01)

# %% [markdown]
# ## What we saw
#
# * An inverse problem can have several answers for one observation. Regression of $x$ on $y$ learns their **mean** ($\ell_2$) or **any median** ($\ell_1$), and neither has to be an answer ({prf:ref}`thm-regression`).
# * The loss can be minimal while every answer is wrong. Only the **re-simulated** answer, $f(I(y))$ compared with $y$, tells.
# * The $\ell_1$ minimiser is not unique, and a random split of paired data changes what the loss means.
#
# ## Where next
#
# The misfit should be measured where the answer is unique: on the side of $y$. {doc}`ch02_ask_the_forward_map` asks the forward map, and the same network finds an exact branch.
#
# ## References
#
# The theorem for the square and Figure 2 are from {cite:t}`rivera2020loss`. Why a single answer is the wrong goal for many inverse problems is the starting point of Bayesian inversion
# {cite:p}`stuart2010inverse,tarantola2005inverse`.
