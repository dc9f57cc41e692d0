"""A fitted method in one file: tensors (safetensors) and words (JSON), and no code."""

from __future__ import annotations

import dataclasses
import importlib
import json
import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import torch
from torch import Tensor, nn

from invlab import priors, runtime
from invlab.files import write_whole
from invlab.methods.base import Method
from invlab.networks.mlp import Standardizer
from invlab.networks.training import History
from invlab.task import Task

__all__ = ["FORMAT", "from_json", "load", "saveable", "save", "to_json"]

T = TypeVar("T")
# Of the file. A later version reads what an earlier one wrote, or says that it cannot.
FORMAT = 1
# Key of the words in the header of the file, and what marks a value that JSON has no word for.
HEADER, MARK = "invlab_method", "$"
# Where functions of a tensor are looked up by their name.
FUNCTIONS = {"torch.nn.functional": torch.nn.functional, "torch": torch}
# Small objects that options may be, by the name of their class.
_SAVEABLE: dict[str, type] = {}


def saveable(cls: type[T]) -> type[T]:
    """Let a dataclass be an option that is saved, by the name of its class; a decorator.

    Its fields are what :func:`to_json` can write.
    """
    _SAVEABLE[cls.__name__] = cls
    return cls


def save(method: Method, path: str | Path) -> None:
    """Write a fitted method; see :meth:`invlab.methods.Method.save`."""
    from safetensors.torch import save as to_bytes

    if "pairs" not in method.facts:
        raise ValueError(f"{method.name}: call fit(task, data) before save(path)")
    words = {
        "format": FORMAT,
        # by name, since the package stands above this module
        "invlab": importlib.import_module("invlab").__version__,
        "method": method.name,
        "options": _options(method),
        "facts": {name: _fact(method, name, value) for name, value in method.facts.items()},
        "history": {name: to_json(dataclasses.asdict(h)) for name, h in method.history.items()},
    }
    # copies, since a scale that two networks share would stand in the file as one
    tensors = {
        name: value.detach().cpu().contiguous().clone()
        for name, value in method.state_dict().items()
    }
    write_whole(Path(path), to_bytes(tensors, {HEADER: json.dumps(words)}))


def load(
    path: str | Path,
    class_of: Callable[[str], type[Method]],
    *,
    task: Task | None = None,
    device: torch.device | str | None = None,
) -> Method:
    """Read a method; see :func:`invlab.load_method`.

    Args:
        path: of the file.
        class_of: the class of a method by its name.
        task: for a method that calls the simulator, or whose prior is code of your own.
        device: where it should live.
    """
    words, tensors = _read(Path(path))
    try:
        cls = class_of(words["method"])
    except ValueError as error:
        raise ValueError(
            f"{path}: holds a method that this invlab does not have: {error}"
        ) from None
    try:
        method = cls(**{name: from_json(value) for name, value in words["options"].items()})
    except TypeError as error:
        raise ValueError(f"{path}: an option that this version does not have: {error}") from None
    method.facts = {name: _read_fact(path, name, v, task) for name, v in words["facts"].items()}
    for name in ("x_dim", "y_shape", "c_dim", "seeds", "pairs"):
        if name not in method.facts:
            raise ValueError(f"{path}: lacks {name!r}, and was not written by method.save(path)")
    if task is not None:
        _require_fitting(path, method, task)
    method.assemble()
    method.attach(task)
    _fill(path, method, tensors)
    method.history = {name: History(**from_json(h)) for name, h in words["history"].items()}
    method.requires_grad_(False)
    return method.to(runtime.device() if device is None else torch.device(device))


def _require_fitting(path: str | Path, method: Method, task: Task) -> None:
    """Refuse a task of other sizes than those that the method was fitted to."""
    facts = method.facts
    for name, what in {"x_dim": "unknowns", "c_dim": "context numbers"}.items():
        if getattr(task, name) != facts[name]:
            raise ValueError(
                f"{path}: holds a method for {facts[name]} {what}, {task.name} "
                f"has {getattr(task, name)}"
            )
    if not task.has_simulator:
        return
    own = list(task.y_shape)
    flat = [math.prod(own)]  # what a method learned from images that were flattened
    if facts["y_shape"] not in (own, flat):
        raise ValueError(
            f"{path}: holds a method for y of shape {tuple(facts['y_shape'])}, {task.name} "
            f"gives {tuple(own)}"
        )


def _read(path: Path) -> tuple[dict[str, Any], dict[str, Tensor]]:
    from safetensors import SafetensorError, safe_open

    if not path.is_file():
        raise FileNotFoundError(f"{path}: there is no such file")
    try:
        with safe_open(path, framework="pt", device="cpu") as file:
            header = (file.metadata() or {}).get(HEADER)
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except SafetensorError as error:
        raise ValueError(
            f"{path}: is no file that method.save(path) wrote, or is not whole ({error})"
        ) from None
    if header is None:
        raise ValueError(f"{path}: is a safetensors file, but not one that method.save(path) wrote")
    words = json.loads(header)
    if words["format"] > FORMAT:
        raise ValueError(
            f"{path}: written by invlab {words['invlab']} in format {words['format']}, and this "
            f"version reads up to {FORMAT}; use a newer invlab"
        )
    return words, tensors


def _fill(path: str | Path, method: Method, tensors: Mapping[str, Tensor]) -> None:
    """Put the tensors in their places; buffers take the size and dtype of those in the file."""
    for name, _ in list(method.named_buffers()):
        if name in tensors:
            place, _, leaf = name.rpartition(".")
            method.get_submodule(place)._buffers[leaf] = torch.empty_like(tensors[name])
    try:
        method.load_state_dict(dict(tensors))
    except RuntimeError as error:
        raise ValueError(f"{path}: its tensors do not fit {method.name}: {error}") from None


def _options(method: Method) -> dict[str, Any]:
    found = {}
    for name, value in method.options.items():
        try:
            found[name] = to_json(value)
        except TypeError as error:
            raise TypeError(f"{method.name}: option {name}: {error}") from None
    return found


def _fact(method: Method, name: str, value: Any) -> Any:
    try:
        return to_json(value)
    except TypeError:
        if not isinstance(value, priors.Prior):
            raise TypeError(f"{method.name}: {name}: cannot be saved, it is {value!r}") from None
        return {MARK: "of the task", "value": repr(value)}  # load_method(path, task=...) has it


def _read_fact(path: str | Path, name: str, value: Any, task: Task | None) -> Any:
    if isinstance(value, dict) and value.get(MARK) == "of the task":
        if task is None:
            raise ValueError(
                f"{path}: its {name} is a law of your own, {value['value']}; give the task, "
                "load_method(path, task=...)"
            )
        return task.prior
    return from_json(value)


# -- values --------------------------------------------------------------------------------------


def to_json(value: Any) -> Any:
    """A value of an option or a fact in JSON's own: numbers, words, lists and dictionaries.

    Raises:
        TypeError: code or an object of the caller's own.
    """
    if isinstance(value, str | bool | int | float | None):
        return value
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, list):
        return [to_json(one) for one in value]
    if isinstance(value, tuple):
        return {MARK: "tuple", "values": [to_json(one) for one in value]}
    if isinstance(value, Mapping):
        return {str(name): to_json(one) for name, one in value.items()}
    if isinstance(value, Tensor | np.ndarray):
        tensor = torch.as_tensor(value)
        return {MARK: "tensor", "dtype": str(tensor.dtype)[6:], "values": tensor.tolist()}
    if isinstance(value, Standardizer):
        return {MARK: "scale", "shift": value.shift.tolist(), "scale": value.scale.tolist()}
    if type(value).__name__ in _SAVEABLE and dataclasses.is_dataclass(value):
        fields = {f.name: to_json(getattr(value, f.name)) for f in dataclasses.fields(value)}
        return {MARK: "object", "class": type(value).__name__, "fields": fields}
    if isinstance(value, priors.Prior):
        return {MARK: "prior", "law": priors.to_json(value)}
    if callable(value) and not isinstance(value, nn.Module):
        name = getattr(value, "__name__", "")
        for place, module in FUNCTIONS.items():
            if getattr(module, name, None) is value:
                return {MARK: "function", "module": place, "name": name}
    raise TypeError(
        f"cannot be saved, {value!r} is an object or a function of your own; keep the code, and "
        "state_dict() for the tensors"
    )


def from_json(value: Any) -> Any:
    """What :func:`to_json` made it of."""
    if isinstance(value, list):
        return [from_json(one) for one in value]
    if not isinstance(value, dict):
        return value
    kind = value.get(MARK)
    if kind is None:
        return {name: from_json(one) for name, one in value.items()}
    if kind == "tuple":
        return tuple(from_json(one) for one in value["values"])
    if kind == "tensor":
        return torch.tensor(value["values"], dtype=getattr(torch, value["dtype"]), device="cpu")
    if kind == "scale":
        return Standardizer(value["shift"], value["scale"])
    if kind == "object":
        return _class(_SAVEABLE, value["class"])(**from_json(value["fields"]))
    if kind == "prior":
        return priors.from_json(value["law"])
    if kind == "function":
        return _class(vars(FUNCTIONS[value["module"]]), value["name"])
    raise ValueError(f"expected a value that this version of invlab knows, got {kind!r}")


def _class(known: Mapping[str, Any], name: str) -> Any:
    if name not in known:
        raise ValueError(f"this version of invlab knows no {name!r}")
    return known[name]
