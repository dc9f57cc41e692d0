"""Networks, the scales they see the world in, and the loop that trains them."""

from invlab.networks.coupling_flow import CouplingFlow
from invlab.networks.encoders import FeatureScale, beside, encoder_for, kind_of
from invlab.networks.mlp import MLP, ResidualMLP, ScaledNetwork, Standardizer, fourier_features
from invlab.networks.training import History, TrainingOptions, train

__all__ = [
    "CouplingFlow",
    "FeatureScale",
    "History",
    "MLP",
    "ResidualMLP",
    "ScaledNetwork",
    "Standardizer",
    "TrainingOptions",
    "beside",
    "encoder_for",
    "fourier_features",
    "kind_of",
    "train",
]
