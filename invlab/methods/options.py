"""The options of a method: which there are, with their defaults; a wrong one is named."""

from __future__ import annotations

import copy
import functools
import inspect
from collections.abc import Callable, Mapping
from typing import Any

from torch import nn

from invlab.networks.encoders import (
    ConvolutionalEncoder,
    VectorEncoder,
    encoder_for,
    name_unknown,
)
from invlab.networks.mlp import Standardizer, require_activation
from invlab.networks.training import TrainingOptions, train
from invlab.validation import did_you_mean, require_annotated

__all__ = ["options_of", "require_encoder", "require_options"]


def options_of(cls: type) -> dict[str, Any]:
    """All options of a class with their defaults, its own before those of its bases.

    They are read from the signatures of ``__init__``: the keywords of the class, and those of its
    bases for as long as ``**options`` hands on what is left; a class may name further ones with
    ``further_options()``. ``defaults`` of a class replaces the defaults of its bases.
    """
    found: dict[str, Any] = {}
    changed: dict[str, Any] = {}
    for base in cls.__mro__:
        changed = {**vars(base).get("defaults", {}), **changed}
        if "__init__" in vars(base):
            own, rest = _keywords(vars(base)["__init__"])
            found = {**found, **{name: own[name] for name in own if name not in found}}
            if not rest:
                break
    further: dict[str, Any] = getattr(cls, "further_options", dict)()
    found = {**found, **{name: further[name] for name in further if name not in found}}
    return found | {name: value for name, value in changed.items() if name in found}


def require_options(name: str, cls: type, options: Mapping[str, Any]) -> None:
    """Check the options that a method called ``name`` is made with: names, and what each is.

    Raises:
        TypeError: naming each that there is not, with the nearest that there is; or one that is
            not what its annotation says: a truth value, a number or a whole number.
        ValueError: NaN or infinity where a number is due.
    """
    known = options_of(cls)
    wrong = [option for option in options if option not in known]
    if not wrong:
        said = _annotations(cls)
        for option in options.keys() & said.keys():
            require_annotated(option, said[option], options[option])
            if said[option] == "Standardizer | None":
                _require_scaler(option, options[option])
        return
    unknown = "; ".join(f"no option {option!r}{did_you_mean(option, known)}" for option in wrong)
    raise TypeError(f"{name}: {unknown} (it takes {', '.join(sorted(known))})")


def require_encoder(encoder: Any) -> Any:
    """Check the option ``encoder``: a module, which is returned, or options, which are copied.

    Raises:
        TypeError: neither, an option that no encoder has, with the nearest that there is, or an
            activation that is none.
    """
    if encoder is None or isinstance(encoder, nn.Module):
        return encoder
    if not isinstance(encoder, Mapping):
        kind = type(encoder).__name__
        raise TypeError(f"encoder: expected options of encoder_for or a module, got {kind}")
    makers = (encoder_for, VectorEncoder.__init__, ConvolutionalEncoder.__init__)
    known = {name for maker in makers for name in _keywords(maker)[0]} - {"seeds", "stream"}
    name_unknown(encoder, known)
    if "activation" in encoder:
        require_activation(encoder["activation"])
    return copy.deepcopy(dict(encoder))


def _require_scaler(name: str, value: Any) -> None:
    if not isinstance(value, Standardizer | None):
        raise TypeError(
            f"{name}: expected a Standardizer of invlab.networks, such as "
            f"Standardizer.fit(data.{name[0]}), or None, "
            f"got {type(value).__name__}"
        )


@functools.cache
def _annotations(cls: type) -> dict[str, str]:
    """What is said of each option, by the class itself before its bases."""
    said: dict[str, str] = {}
    for base in cls.__mro__:
        if "__init__" in vars(base):
            for name, parameter in inspect.signature(vars(base)["__init__"]).parameters.items():
                if parameter.kind is parameter.KEYWORD_ONLY:
                    said.setdefault(name, _words(parameter.annotation))
    return said


def _words(annotation: Any) -> str:
    """An annotation as it was written, with postponed evaluation or without."""
    return annotation if isinstance(annotation, str) else inspect.formatannotation(annotation)


@functools.cache
def _keywords(function: Callable[..., Any]) -> tuple[dict[str, Any], bool]:
    """Keywords with their defaults, and whether what is left is handed on."""
    found, rest = {}, False
    for name, parameter in inspect.signature(function).parameters.items():
        if parameter.kind is parameter.KEYWORD_ONLY:
            found[name] = parameter.default
        elif parameter.kind is parameter.VAR_KEYWORD:
            rest = True
            if "TrainingOptions" in str(parameter.annotation):
                training = _keywords(train)[0]
                found |= {option: training[option] for option in TrainingOptions.__annotations__}
    return found, rest
