"""What is known about the unknown before measuring: boxes, laws, their products, and JSON."""

from invlab.priors.box import Box, Prior, certain_box, integer_mask, is_bounded
from invlab.priors.description import from_json, to_json
from invlab.priors.foreign import ScipyLaw, TorchLaw
from invlab.priors.laws import NORMAL_95, Empirical, Integer, LogUniform, Normal, Poisson
from invlab.priors.product import Product, as_prior

__all__ = [
    "NORMAL_95",
    "Box",
    "Empirical",
    "Integer",
    "LogUniform",
    "Normal",
    "Poisson",
    "Prior",
    "Product",
    "ScipyLaw",
    "TorchLaw",
    "as_prior",
    "certain_box",
    "from_json",
    "integer_mask",
    "is_bounded",
    "to_json",
]
