"""y = x²: two answers to every question."""

from __future__ import annotations

import torch
from torch import Tensor

from invlab import runtime
from invlab.networks.mlp import Standardizer
from invlab.priors import Box
from invlab.task import Pairs, Simulator, Task
from invlab.validation import require_count, require_number, require_same_length, require_tensor

__all__ = ["Square", "SquareMap", "branch_scores"]


class SquareMap(Simulator):
    """f(x) = x², elementwise; both without units."""

    def forward(self, x: Tensor, c: Tensor | None = None) -> Tensor:
        """``(..., 1) -> (..., 1)``."""
        return x.square()


class Square(Task):
    """The benchmark of Rivera, Pardo and Alberdi (2020): x uniform in [−33, 33], y = x².

    Args:
        half_width: half the width of the box, 33 in the paper, so that y lies in [0, 1089].
    """

    def __init__(self, half_width: float = 33.0) -> None:
        half_width = require_number("square: half_width", half_width)
        super().__init__("square", SquareMap(), Box([-half_width], [half_width]), labels=["x"])
        self.half_width = half_width

    def grid(self, n: int = 1000) -> Pairs:
        """The paper's data: ``n`` equidistant x and their squares, ``(n, 1)`` each, float32.

        With n even the grid is symmetric and leaves 0 out, so that every y occurs exactly
        twice, once for each branch.
        """
        require_count("n", n)
        x = torch.linspace(-self.half_width, self.half_width, n, dtype=torch.float64, device="cpu")[
            :, None
        ]
        x = x.to(runtime.device(), torch.float32)
        return Pairs(x, self.simulate(x))

    def at(self, points: list[float]) -> Pairs:
        """Pairs at chosen x, ``(len(points), 1)`` each, float32."""
        x = torch.tensor(points, dtype=torch.float32, device=runtime.device())[:, None]
        return Pairs(x, self.simulate(x))

    def derivative(self, x: Tensor) -> Tensor:
        """dy/dx = 2x, as a Jacobian: ``(N, 1) -> (N, 1, 1)``."""
        return 2 * x[..., None]

    def scalers(self) -> tuple[Standardizer, Standardizer]:
        """Scales that bring x to [−1, 1] and y to [0, 1], the paper's rescaling (1) of y."""
        y_max = self.half_width**2
        return Standardizer([0.0], [self.half_width]), Standardizer([0.0], [y_max])

    def literal_scalers(self) -> tuple[Standardizer, Standardizer]:
        """The paper read literally: y is brought to [0, 1] and x left as it is."""
        return Standardizer.identity(1), self.scalers()[1]

    def branches(self, y: Tensor) -> Tensor:
        """All answers: ``(..., 1) -> (..., 2)``, first −√y, then +√y."""
        root = y.sqrt()
        return torch.cat([-root, root], -1)


def branch_scores(x_hat: Tensor, y: Tensor, *, y_max: float = 1089.0) -> dict[str, Tensor]:
    """How good answers to y = x² are, and which branch they take.

    Args:
        x_hat: answers, ``(K, B, 1)`` for K members, or ``(B, 1)``.
        y: targets, ``(B, 1)``, not negative.
        y_max: upper end of y; answers below 1 % of it are left out of the branch counts, since
            √y has infinite slope at 0 and a sign means little there.

    Returns:
        One number a member each:
        ``rmse_y`` of the re-simulated answers in the unit of y,
        ``rmse_x`` to the nearer branch (same 1 % left out),
        ``purity``, the share of answers on the more frequent branch, 1 when it is the only one,
        ``positive``, the share on the branch +√y,
        ``switches``, how often the sign changes as y grows,
        ``inside``, the share with ``|x̂| ≤ √y + 0.5``, the interval of Theorem 1,
        ``rms_x``, the root mean square of the answers,
        ``spread_x``, their standard deviation over the targets.
    """
    require_tensor("x_hat", x_hat, ("...", "B", 1))
    require_tensor("y", y, ("B", 1), device=x_hat.device)
    require_same_length(x_hat=x_hat[..., 0].movedim(-1, 0), y=y)
    order = y[:, 0].argsort()
    guess, target = x_hat[..., order, 0].double(), y[order, 0].double()
    root = target.sqrt()
    far = target > 0.01 * require_number("y_max", y_max)
    gap = torch.minimum((guess - root).abs(), (guess + root).abs())
    positive = (guess[..., far] > 0).double()
    share = positive.mean(-1)
    return {
        "rmse_y": (guess.square() - target).square().mean(-1).sqrt(),
        "rmse_x": gap[..., far].square().mean(-1).sqrt(),
        "purity": torch.maximum(share, 1 - share),
        "positive": share,
        "switches": positive.diff(dim=-1).abs().sum(-1),
        "inside": (guess.abs() <= root + 0.5).double().mean(-1),
        "rms_x": guess.square().mean(-1).sqrt(),
        "spread_x": guess.std(-1),
    }
