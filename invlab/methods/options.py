"""The options of a method: which there are, with their defaults, and what is said of a wrong one."""

from __future__ import annotations

import difflib
import inspect
from collections.abc import Mapping
from typing import Any

from invlab.networks.training import train

__all__ = ["TRAINING_OPTIONS", "options_of", "require_options"]

# Of the training loop, where a class takes ``**training: Unpack[TrainingOptions]``.
TRAINING_OPTIONS: tuple[str, ...] = (
    "epochs",
    "batch_size",
    "lr",
    "lr_end",
    "schedule",
    "patience",
    "clip",
)


def options_of(cls: type) -> dict[str, Any]:
    """All options of a class with their defaults, its own before those of its bases.

    They are read from the signatures of ``__init__``: the keywords of the class, and those of its
    bases for as long as ``**options`` hands on what is left. ``defaults`` of a class replaces the
    defaults of its bases.
    """
    found: dict[str, Any] = {}
    changed: dict[str, Any] = {}
    for base in cls.__mro__:
        for name, value in vars(base).get("defaults", {}).items():
            changed.setdefault(name, value)
        if "__init__" not in vars(base):
            continue
        rest = None
        for name, parameter in inspect.signature(vars(base)["__init__"]).parameters.items():
            if parameter.kind is parameter.KEYWORD_ONLY:
                found.setdefault(name, parameter.default)
            elif parameter.kind is parameter.VAR_KEYWORD:
                rest = parameter
        if rest is None:
            break
        if "TrainingOptions" in str(rest.annotation):
            for name, value in _of_training().items():
                found.setdefault(name, value)
    return found | {name: value for name, value in changed.items() if name in found}


def require_options(name: str, cls: type, options: Mapping[str, Any]) -> None:
    """Check the names of the options that a method called ``name`` is made with.

    Raises:
        TypeError: naming each that there is not, with the nearest that there is.
    """
    known = options_of(cls)
    wrong = [option for option in options if option not in known]
    if not wrong:
        return
    said = []
    for option in wrong:
        near = difflib.get_close_matches(option, known, n=1)
        said.append(f"no option {option!r}" + (f", did you mean {near[0]!r}?" if near else ""))
    raise TypeError(f"{name}: {'; '.join(said)} It takes: {', '.join(sorted(known))}")


def _of_training() -> dict[str, Any]:
    signature = inspect.signature(train).parameters
    return {name: signature[name].default for name in TRAINING_OPTIONS}
