"""Inverse methods, by name: the file's name, or the baseline's."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from invlab.methods.base import Method
from invlab.methods.baselines import Nearest, PriorSampler
from invlab.methods.cvae import ConditionalVAE
from invlab.methods.direct import Direct
from invlab.methods.encoder_decoder import EncoderDecoder
from invlab.methods.flow_matching import FlowMatching
from invlab.methods.invertible import INN, ConditionalINN
from invlab.methods.joint import JointOptimization
from invlab.methods.mixture_density import MixtureDensity
from invlab.methods.neural_adjoint import NeuralAdjoint, Pool
from invlab.methods.tandem import Tandem

__all__ = ["get_method", "list_methods"]

_METHODS: dict[str, Callable[..., Method]] = {
    "cinn": ConditionalINN,
    "cvae": ConditionalVAE,
    "direct": Direct,
    "encoder_decoder": EncoderDecoder,
    "flow_matching": FlowMatching,
    "inn": INN,
    "joint": JointOptimization,
    "mixture_density": MixtureDensity,
    "nearest": Nearest,
    "neural_adjoint": NeuralAdjoint,
    "pool": Pool,
    "prior": PriorSampler,
    "tandem": Tandem,
}


def list_methods() -> list[str]:
    """Names of all methods."""
    return sorted(_METHODS)


def get_method(name: str, **options: Any) -> Any:
    """An untrained method by name.

    Args:
        name: one of :func:`list_methods`.
        options: arguments of its class.

    Raises:
        ValueError: no such method.
    """
    if name not in _METHODS:
        raise ValueError(f"get_method: expected one of {list_methods()}, got {name!r}")
    return _METHODS[name](**options)
