"""Every named loss, as plain functions of tensors.

Each returns one number for every leading index: rows and features, the last two axes, are
averaged, and a leading axis of ``K`` members is kept, so that seeds trained together do not
mix. A loss with several terms returns them by name; the loss is their sum.

Units: an ``"l1"`` loss has the unit of its residual, an ``"l2"`` loss that unit squared. A
derivative has the unit of y over that of x, so a weight on it only means something together
with the units: scale x and y first, and say how.

Equation numbers are those of Rivera, Pardo and Alberdi (ICCS 2020).
"""

from invlab.losses.boundary import boundary_loss
from invlab.losses.derivatives import directional_derivative, finite_difference, hermite, jacobian
from invlab.losses.difference_quotients import smoothness
from invlab.losses.misfits import (
    Norm,
    effect_misfit,
    encoder_decoder,
    forward_misfit,
    inverse_misfit,
    misfit,
)

__all__ = [
    "Norm",
    "boundary_loss",
    "directional_derivative",
    "effect_misfit",
    "encoder_decoder",
    "finite_difference",
    "forward_misfit",
    "hermite",
    "inverse_misfit",
    "jacobian",
    "misfit",
    "smoothness",
]
