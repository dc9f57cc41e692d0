"""What the paper's figures show, as rows of the ledger."""

from __future__ import annotations

from invbook.ledger import Claim
from invbook.papers.reading import score

__all__ = ["CLAIMS", "DIRECT_L1", "DIRECT_L2"]


def _both(name: str) -> tuple[str, str]:
    return (f"loss_design/{name}/l1", f"loss_design/{name}/l2")


PAPER = "Rivera et al. 2020"
# Closed forms on the symmetric grid of 1000 points: the mean of |x| and of x².
DIRECT_L1 = 33 * 500 / 999
DIRECT_L2 = 33**2 / 3 * 1001 / 999

CLAIMS = [
    Claim(
        "loss_design/direct_l1/loss",
        f"{PAPER}, Theorem 1 and Fig. 2",
        ("loss_design/direct/l1",),
        score("inverse_l1"),
        lambda ours: abs(ours / DIRECT_L1 - 1) < 0.005,
        f"within 0.5 % of the closed-form minimum {DIRECT_L1:.4f}",
        paper=None,
    ),
    Claim(
        "loss_design/direct_l1/inside",
        f"{PAPER}, Theorem 1 and Fig. 2",
        ("loss_design/direct/l1",),
        score("inside"),
        lambda ours: ours >= 0.99,
        "at least 99 % of the answers between −√y and √y",
    ),
    Claim(
        "loss_design/direct_l2/loss",
        f"{PAPER}, Theorem 1 and Fig. 2",
        ("loss_design/direct/l2",),
        score("inverse_l2"),
        lambda ours: abs(ours / DIRECT_L2 - 1) < 0.005,
        f"within 0.5 % of the closed-form minimum {DIRECT_L2:.3f}",
    ),
    Claim(
        "loss_design/effect/rmse_y",
        f"{PAPER}, Fig. 3",
        _both("effect"),
        score("rmse_y"),
        lambda ours: ours <= 0.6,
        "the figure shows answers on the diagonal; at most 0.6 of 1089, worst norm and seed",
        worst=True,
    ),
    Claim(
        "loss_design/encoder_decoder/rmse_y",
        f"{PAPER}, Figs. 4 and 5",
        _both("encoder_decoder"),
        score("rmse_y"),
        lambda ours: ours <= 3,
        "the figures show one exact branch; at most 3 of 1089, worst norm and seed",
        worst=True,
    ),
    Claim(
        "loss_design/two_step/rmse_y",
        f"{PAPER}, Figs. 6 and 7",
        _both("two_step"),
        score("rmse_y"),
        lambda ours: ours <= 1,
        "the figures show one exact branch; at most 1 of 1089, worst norm and seed",
        worst=True,
    ),
    Claim(
        "loss_design/literal_two_step/collapsed",
        f"{PAPER}, Figs. 6 and 7, x not rescaled",
        _both("literal_two_step"),
        lambda record: [float(error > 100) for error in record["scores"]["rmse_y"]],
        lambda ours: ours >= 0.5,
        "share of runs with an error above 100: the recipe read literally misses the figure",
    ),
    Claim(
        "loss_design/plain/near_rmse",
        f"{PAPER}, Fig. 8",
        _both("plain"),
        score("near_rmse"),
        lambda ours: ours >= 5,
        "the figure shows poor values beside the three points; at least 5 within 1 of them",
    ),
    Claim(
        "loss_design/hermite/near_rmse",
        f"{PAPER}, Fig. 9",
        _both("hermite"),
        score("near_rmse"),
        lambda ours: ours <= 1,
        "the figure shows a better fit beside the three points; at most 1 within 1 of them",
    ),
    Claim(
        "loss_design/reduced/true_rmse_y",
        f"{PAPER}, Fig. 11",
        _both("reduced"),
        score("rmse_y"),
        lambda ours: ours >= 100,
        "the figure shows a useless inverse; a mean error of at least 100",
    ),
    Claim(
        "loss_design/smooth/near_zero_rmse",
        f"{PAPER}, Fig. 12",
        ("loss_design/smooth/l2",),
        score("zero_rmse"),
        lambda ours: ours <= 150,
        "the figure shows f̂ better around 0; at most 150 for |x| < 5",
    ),
]
