"""Inverse methods, by name: the file's name, or the baseline's."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from invlab import runtime
from invlab.methods import storage
from invlab.methods.base import Method
from invlab.methods.baselines import Nearest as Nearest
from invlab.methods.baselines import PriorSampler as PriorSampler
from invlab.methods.cvae import ConditionalVAE as ConditionalVAE
from invlab.methods.differential_evolution import (
    DifferentialEvolution as DifferentialEvolution,
)
from invlab.methods.direct import Direct as Direct
from invlab.methods.encoder_decoder import EncoderDecoder as EncoderDecoder
from invlab.methods.flow_matching import FlowMatching as FlowMatching
from invlab.methods.invertible import INN as INN
from invlab.methods.invertible import ConditionalINN as ConditionalINN
from invlab.methods.joint import JointOptimization as JointOptimization
from invlab.methods.local_search import LocalSearch as LocalSearch
from invlab.methods.mixture_density import MixtureDensity as MixtureDensity
from invlab.methods.neural_adjoint import NeuralAdjoint as NeuralAdjoint
from invlab.methods.neural_adjoint import Pool as Pool
from invlab.methods.options import options_of
from invlab.methods.spline_flow import SplineFlow as SplineFlow
from invlab.methods.tandem import Tandem as Tandem
from invlab.task import Task
from invlab.validation import did_you_mean, require_name

# The registry: each class imported above, under the name that it bears. A new method is its file
# and a line there.
_METHODS: dict[str, type[Method]] = {
    kind.name: kind
    for kind in list(vars().values())
    if isinstance(kind, type) and issubclass(kind, Method) and kind is not Method
}
__all__ = ["Method", "get_method", "list_methods", "load_method", "options_of"]
__all__ += [kind.__name__ for kind in _METHODS.values()]

# Other names for the same thing.
_ALIASES = {
    "conditional_vae": "cvae",
    "de": "differential_evolution",
    "fmpe": "flow_matching",
    "joint_optimisation": "joint",
    "joint_optimization": "joint",
    "k_nearest_neighbors": "nearest",
    "knn": "nearest",
    "look_up": "nearest",
    "lookup": "nearest",
    "levenberg_marquardt": "lm",
    "mdn": "mixture_density",
    "mixture_density_network": "mixture_density",
    "multistart": "bfgs",
    "na": "neural_adjoint",
    "nearest_neighbor": "nearest",
    "nearest_neighbour": "nearest",
    "neural_spline_flow": "spline_flow",
    "nsf": "spline_flow",
    "regression": "direct",
    "supervised": "direct",
    "two_step": "tandem",
    "vae": "cvae",
}
# Names that stand for a method with some of its options.
_WITH_OPTIONS: dict[str, tuple[str, dict[str, Any]]] = {
    "bfgs": ("local_search", {"algorithm": "bfgs"}),
    "lm": ("local_search", {"algorithm": "lm"}),
}
# Names of families, and of methods that there are not: what comes nearest.
_NEAR = {
    "flow": ("spline_flow", "cinn", "inn", "flow_matching"),
    "maf": ("spline_flow", "cinn"),
    "normalizing_flow": ("spline_flow", "cinn", "inn"),
    "npe": ("spline_flow", "mixture_density", "flow_matching"),
    "realnvp": ("cinn",),
}


def list_methods() -> list[str]:
    """Names of all methods."""
    return sorted(_METHODS)


def get_method(name: str, **options: Any) -> Any:
    """An untrained method by name.

    Args:
        name: one of :func:`list_methods`, or another name of it, such as ``"mdn"`` or ``"na"``;
            ``"bfgs"`` and ``"lm"`` are ``"local_search"`` with that algorithm.
        options: of its class, see below.

    Raises:
        ValueError: no such method, or an option with a value that makes no sense.
        TypeError: an option that the method does not have; says which are near.

    Example:
        >>> import invlab
        >>> method = invlab.get_method("mdn", epochs=2)
        >>> method
        MixtureDensity(epochs=2), not trained
        >>> task = invlab.get_task("sine")
        >>> model = method.fit(task, task.sample(200))
        >>> tuple(model.propose(task.targets(3, seed=1).y, n=4).shape)  # targets, guesses, unknowns
        (3, 4, 2)
    """
    _, chosen = _WITH_OPTIONS.get(known_as(name), ("", {}))
    return class_of(name)(**chosen | options)


def class_of(name: str) -> type[Method]:
    """The class of a method by its name.

    Raises:
        ValueError: no such method; says which are near.
    """
    word = known_as(name)
    kind, _ = _WITH_OPTIONS.get(word, (word, {}))
    return _METHODS[kind]


def known_as(name: str) -> str:
    """The one word for a method that goes by several: ``"lm"`` for ``"Levenberg-Marquardt"``.

    Raises:
        ValueError: no such method; says which are near.
    """
    require_name("get_method", name, list_methods())
    word = name.lower().replace("-", "_").replace("–", "_").replace(" ", "_")
    word = _ALIASES.get(word, word)
    if word in _METHODS or word in _WITH_OPTIONS:
        return word
    near = _NEAR.get(word)
    hint = did_you_mean(word, [*_METHODS, *_WITH_OPTIONS, *_ALIASES])
    if near is not None:
        hint = f"; did you mean {' or '.join(map(repr, near))}?"
    raise ValueError(f"get_method: expected one of {list_methods()}, got {name!r}{hint}")


@runtime.differentiable()
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

    Example:
        >>> import torch
        >>> import invlab
        >>> task = invlab.get_task("sine")
        >>> model = invlab.get_method("direct", epochs=2).fit(task, task.sample(200))
        >>> model.save("sine.model")
        >>> y = task.targets(3, seed=1).y
        >>> torch.equal(invlab.load_method("sine.model").propose(y), model.propose(y))
        True
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
