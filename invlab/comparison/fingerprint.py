"""What tells two methods, tasks or data sets of one name apart, as text for a record."""

from __future__ import annotations

import dis
import hashlib
import inspect
import re
from collections.abc import Mapping
from functools import cached_property, partialmethod
from types import BuiltinFunctionType, CodeType, FunctionType, MethodType, ModuleType
from typing import Any

import numpy as np
import torch
from torch import Tensor

from invlab.task import Pairs, Task

__all__ = ["FEW_ROWS", "ROWS", "of_object", "of_pairs", "of_task"]

# Draws of a task that are simulated to recognise it, and where a simulation is dear: what happens
# in 5 % of the prior alone, such as a failure, is among 64 draws in 96 % of the cases.
ROWS, FEW_ROWS = 64, 8
# What a name of a module may stand for that is a setting.
PLAIN = (bool, int, float, complex, str, bytes, tuple, frozenset, np.generic, np.ndarray, Tensor)


def of_pairs(pairs: Pairs) -> str:
    """Of all numbers of a data set."""
    return _digest(pairs.x, pairs.y, pairs.c)


def of_task(task: Task, rows: int = ROWS) -> str:
    """Of a few simulated draws of the prior, the box, and what the task says of its simulator.

    Two simulators that agree on these draws are not told apart.
    """
    some = task.sample(rows, dtype=torch.float64)
    says = (task.differentiable, task.noisy)
    return _digest(some.x, some.y, some.c, task.box.low, task.box.high, says)


def of_object(value: Any) -> str:
    """Of the class of an object, the code of its functions, and all that it holds."""
    return _digest(value)


def _digest(*values: Any) -> str:
    digest = hashlib.blake2b(digest_size=8)
    for value in values:
        _feed(digest, value, [])
    return digest.hexdigest()


def _feed(digest: Any, value: Any, above: list[int]) -> None:
    """Add a value and what is in it; ``above`` are the objects that it lies in."""
    digest.update(f"<{type(value).__module__}.{type(value).__qualname__}>".encode())
    if id(value) in above:  # a circle
        return
    above = [*above, id(value)]
    if isinstance(value, Tensor):
        digest.update(f"{value.dtype}{tuple(value.shape)}".encode())
        digest.update(_bytes_of(value))
    elif isinstance(value, np.ndarray | np.generic):
        array = np.asarray(value)
        digest.update(f"{array.dtype}{array.shape}".encode())
        digest.update(np.ascontiguousarray(array).tobytes())
    elif value is None or isinstance(value, str | bytes | bool | int | float | complex):
        digest.update(repr(value).encode())
    elif isinstance(value, Mapping):
        # the order of a mapping is no setting
        for key in sorted(value, key=str):
            _feed(digest, key, above)
            _feed(digest, value[key], above)
    elif isinstance(value, list | tuple):
        for part in value:
            _feed(digest, part, above)
    elif isinstance(value, set | frozenset):
        _feed(digest, sorted(map(_words_of, value)), above)
    elif isinstance(value, BuiltinFunctionType):
        whose = _words_of(value.__self__)
        digest.update(f"{value.__module__}.{value.__qualname__} {whose}".encode())
    else:
        for part in _inside(value):
            _feed(digest, part, above)


def _bytes_of(value: Tensor) -> bytes:
    """The numbers of a tensor; NumPy does not know all of their kinds."""
    plain = value.detach().cpu().to_dense().resolve_conj().resolve_neg().reshape(-1)
    # a copy in order: a single entry of another tensor may keep its stride
    return plain.clone(memory_format=torch.contiguous_format).view(torch.uint8).numpy().tobytes()


def _inside(value: Any) -> list[Any]:
    """What an object of another kind is made of."""
    if isinstance(value, MethodType):
        return [value.__func__, value.__self__]
    if isinstance(value, staticmethod | classmethod):
        return [value.__func__]
    if isinstance(value, property):
        return [value.fget, value.fset, value.fdel]
    if isinstance(value, cached_property):
        return [value.func]
    if isinstance(value, FunctionType):
        cells = [cell.cell_contents for cell in value.__closure__ or () if _is_filled(cell)]
        return [value.__code__, value.__defaults__, value.__kwdefaults__, cells, _read_by(value)]
    if isinstance(value, CodeType):
        return [value.co_code, value.co_names, value.co_consts]
    if isinstance(value, torch.Generator):
        return [value.get_state()]
    if isinstance(value, type | ModuleType):
        return [getattr(value, "__qualname__", value.__name__), *_own_code(value)]
    slots = {name: getattr(value, name) for name in _slots(type(value)) if hasattr(value, name)}
    parts = [type(value), getattr(value, "__dict__", {}), slots]
    if hasattr(value, "func") and hasattr(value, "args"):  # functools.partial
        parts += [value.func, value.args, value.keywords]
    elif not parts[1] and not slots:
        # what holds its state in C, such as a range or a dtype, shows it in its words
        parts.append(_words_of(value))
    return parts


def _read_by(function: FunctionType) -> dict[str, Any]:
    """What a function reads from its module by name: plain values, and functions beside it.

    Those that they read too. What a function writes there, such as a count of calls, is no
    setting; nor is what may change in place.
    """
    found: dict[str, Any] = {}
    waiting = [function]
    while waiting:
        one = waiting.pop()
        names, written = _names_in(one.__code__)
        for name in names - written - found.keys():
            value = one.__globals__.get(name)
            if isinstance(value, FunctionType) and value.__module__ == function.__module__:
                found[name] = [value.__code__, value.__defaults__, value.__kwdefaults__]
                waiting.append(value)
            elif isinstance(value, PLAIN):
                found[name] = value
    return found


def _names_in(code: CodeType) -> tuple[set[str], set[str]]:
    """Names that code looks up beyond its own, inner functions too, and those it binds there."""
    names = set(code.co_names)
    written = {one.argval for one in dis.get_instructions(code) if one.opname == "STORE_GLOBAL"}
    for inner in code.co_consts:
        if isinstance(inner, CodeType):
            more, bound = _names_in(inner)
            names, written = names | more, written | bound
    return names, written


def _words_of(value: Any) -> str:
    """What an object says of itself, without its address."""
    return re.sub(r" at 0x[0-9a-fA-F]+", "", repr(value))


def _own_code(kind: Any) -> list[Any]:
    """What a class of somebody's own defines; ours change by versions, not by trials."""
    if not isinstance(kind, type) or kind.__module__.partition(".")[0] in ("invlab", "torch"):
        return []
    own = {n: part for n, part in vars(kind).items() if _is_function(part) or _is_held(n, part)}
    bases = [base for base in kind.__bases__ if base is not object]
    return [own, bases]


def _is_function(value: Any) -> bool:
    """Whether it is one, in whatever wraps it; a decorator keeps what it wraps in a closure."""
    kinds = (FunctionType, staticmethod, classmethod, property, cached_property, partialmethod)
    return isinstance(value, kinds) or hasattr(value, "__wrapped__")


def _is_held(name: str, value: Any) -> bool:
    """Whether somebody wrote it into the class, and not Python for its own use."""
    return name[:2] != "__" and name != "_abc_impl" and not inspect.isdatadescriptor(value)


def _is_filled(cell: Any) -> bool:
    try:
        cell.cell_contents  # noqa: B018
    except ValueError:  # a name that has no value yet
        return False
    return True


def _slots(kind: type) -> list[str]:
    found = [getattr(one, "__slots__", ()) for one in kind.__mro__]
    names = [name for slots in found for name in ([slots] if isinstance(slots, str) else slots)]
    return [name for name in names if name not in ("__dict__", "__weakref__")]
