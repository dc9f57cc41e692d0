"""Inverse methods, by name: the file's name, or the baseline's."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from invlab.methods import storage
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
from invlab.methods.options import options_of
from invlab.methods.tandem import Tandem
from invlab.task import Task
from invlab.validation import did_you_mean

__all__ = [
    "INN",
    "ConditionalINN",
    "ConditionalVAE",
    "Direct",
    "EncoderDecoder",
    "FlowMatching",
    "JointOptimization",
    "Method",
    "MixtureDensity",
    "Nearest",
    "NeuralAdjoint",
    "Pool",
    "PriorSampler",
    "Tandem",
    "get_method",
    "list_methods",
    "load_method",
    "options_of",
]

# A new method: its file in this folder, and a line here (and above, to import it).
_METHODS: dict[str, type[Method]] = {
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
# Other names for the same thing.
_ALIASES = {
    "conditional_vae": "cvae",
    "fmpe": "flow_matching",
    "joint_optimisation": "joint",
    "joint_optimization": "joint",
    "k_nearest_neighbors": "nearest",
    "knn": "nearest",
    "look_up": "nearest",
    "lookup": "nearest",
    "mdn": "mixture_density",
    "mixture_density_network": "mixture_density",
    "na": "neural_adjoint",
    "nearest_neighbor": "nearest",
    "nearest_neighbour": "nearest",
    "regression": "direct",
    "supervised": "direct",
    "two_step": "tandem",
    "vae": "cvae",
}
# Names of families, and of methods that there are not: what comes nearest.
_NEAR = {
    "bfgs": ("joint", "neural_adjoint"),
    "flow": ("cinn", "inn", "flow_matching"),
    "maf": ("cinn",),
    "normalizing_flow": ("cinn", "inn"),
    "npe": ("cinn", "mixture_density", "flow_matching"),
    "nsf": ("cinn",),
    "realnvp": ("cinn",),
    "spline_flow": ("cinn",),
}


def list_methods() -> list[str]:
    """Names of all methods."""
    return sorted(_METHODS)


def get_method(name: str, **options: Any) -> Any:
    """An untrained method by name.

    Args:
        name: one of :func:`list_methods`, or another name of it, such as ``"mdn"`` or ``"na"``.
        options: of its class, see below.

    Raises:
        ValueError: no such method, or an option with a value that makes no sense.
        TypeError: an option that the method does not have; says which are near.
    """
    return class_of(name)(**options)


def class_of(name: str) -> type[Method]:
    """The class of a method by its name.

    Raises:
        ValueError: no such method; says which are near.
    """
    word = str(name).lower().replace("-", "_").replace(" ", "_")
    word = _ALIASES.get(word, word)
    if word in _METHODS:
        return _METHODS[word]
    near = _NEAR.get(word)
    hint = did_you_mean(word, [*_METHODS, *_ALIASES])
    if near is not None:
        hint = f"; did you mean {' or '.join(map(repr, near))}?"
    raise ValueError(f"get_method: expected one of {list_methods()}, got {name!r}{hint}")


def load_method(
    path: str | Path, *, task: Task | None = None, device: torch.device | str | None = None
) -> Method:
    """A fitted method from a file that :meth:`Method.save` wrote; it proposes what it did before.

    Nothing in the file is code, and nothing in it is run.

    Args:
        path: of the file.
        task: for a method that calls the simulator (``"joint"``), or whose prior is a law of your
            own, which no file can hold.
        device: where it should live; :func:`invlab.runtime.device` if not given.

    Raises:
        FileNotFoundError: no such file.
        ValueError: another kind of file, one that is not whole, one of a later version, or of a
            method that this version does not have; a task that is missing or does not fit.
    """
    return storage.load(path, class_of, task=task, device=device)


def _described(cls: type[Method]) -> str:
    """Name of a class with its options and their defaults, in lines."""
    words = ", ".join(f"{name}={_plainly(value)}" for name, value in options_of(cls).items())
    return f"{cls.__name__}({words})"


def _plainly(value: Any) -> str:
    return str(getattr(value, "__name__", None) or repr(value))


get_method.__doc__ = (
    f"{get_method.__doc__}\n    Methods, with their options and defaults:\n\n"
    + "".join(f"    * ``{name}``: {_described(cls)}\n" for name, cls in sorted(_METHODS.items()))
)
