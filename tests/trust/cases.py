"""Small problems whose surrogate is exact, or wrong by a known amount: nothing is trained."""

import torch
from torch import nn

import invlab
from invlab import runtime
from invlab.networks.mlp import Standardizer
from invlab.surrogates.regression import Surrogate


class Known(nn.Module):
    """A core that is the simulator itself, plus a fault."""

    def __init__(self, fun, fault=None):
        super().__init__()
        self.fun, self.fault = fun, fault
        self.weight = nn.Parameter(torch.zeros(1, 1), requires_grad=False)
        self.weights, self.activation = [torch.zeros(1, 1, 1)], torch.relu

    def __len__(self):
        return 1

    def forward(self, u):
        y = self.fun(u) if self.fault is None else self.fun(u) + self.fault(u)
        return y[None]


def known_surrogate(fun, x_dim, y_dim, fault=None):
    """f̂ = f + fault, between scales that change nothing."""
    scales = Standardizer.identity(x_dim), Standardizer.identity(y_dim)
    return Surrogate(Known(fun, fault), *scales)


def bend(x, c=None):
    """Two unknowns to three numbers on a curved surface; a context shifts the first."""
    a, b = x[..., :1], x[..., 1:2]
    shift = 0.0 if c is None else c
    return torch.cat([a + shift, b, a * b + 0.5 * a.square()], -1)


def bend_seen(u):
    """The same as a surrogate sees it: the context behind the unknowns."""
    return bend(u[..., :2], u[..., 2:] if u.shape[-1] > 2 else None)


def bend_task(**options):
    return invlab.Task("bend", bend, invlab.Box([-1, -1], [1, 1]), **options)


def three_parts(task, *sizes, seed=0):
    """Independent draws of a task, a part a size."""
    draws = runtime.generator(seed, "parts")
    pairs = task.sample(sum(sizes), generator=draws)
    return [pairs[rows] for rows in torch.arange(len(pairs)).split(list(sizes))]
