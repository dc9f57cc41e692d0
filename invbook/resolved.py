"""Settings as a record holds them: all of them, those left at their defaults too."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from invlab import minimizers
from invlab.methods.base import Method
from invlab.methods.options import options_of
from invlab.networks.mlp import Standardizer
from invlab.priors import Prior
from invlab.priors.description import to_json
from invlab.task import Task
from invlab.tasks import get_task

__all__ = ["of_function", "of_minimizer", "of_method", "of_simulator", "of_task", "resolved"]


def of_method(method: Method) -> dict[str, Any]:
    """The name of a method and all its options, as JSON can hold them."""
    return {"method": method.name} | resolved({**options_of(type(method)), **method.options})


def of_minimizer(name: str, **options: Any) -> dict[str, Any]:
    """The name of a method of ``minimize`` and all its options, but those that are data."""
    every = minimizers.options_of(name) | options
    return {"minimizer": name} | resolved({k: v for k, v in every.items() if v is not ...})


def of_function(function: Callable[..., Any], **options: Any) -> dict[str, Any]:
    """All keywords of a function that have a default, or are given here."""
    parameters = inspect.signature(function).parameters.items()
    defaults = {name: p.default for name, p in parameters if p.default is not p.empty}
    return resolved(defaults | options)


@functools.cache
def _task(name: str, options: tuple[tuple[str, Any], ...]) -> Task:
    return get_task(name, **dict(options))


def of_task(name: str, **options: Any) -> dict[str, Any]:
    """The name of a task, all its options, prior and box."""
    task = _task(name, tuple(options.items()))
    return {"task": name, **of_function(type(task), **options), **of_simulator(task)}


def of_simulator(task: Task) -> dict[str, Any]:
    """What is asked of a simulator: prior, box, and whether noise is in it."""
    return {"prior": to_json(task.prior), "box": to_json(task.box), "noisy": task.noisy}


def resolved(value: Any) -> Any:
    """A setting as JSON can hold it: functions and classes by name, objects by all they hold."""
    if value is None or isinstance(value, str | bool | int | float):
        return value
    if isinstance(value, Mapping):
        return {str(key): resolved(part) for key, part in value.items()}
    if isinstance(value, torch.Tensor):
        return value.tolist()
    if isinstance(value, Path):
        return value.name
    if isinstance(value, Method):
        return of_method(value)
    if isinstance(value, Standardizer):
        return {"shift": value.shift.tolist(), "scale": value.scale.tolist()}
    if isinstance(value, Prior):
        return to_json(value)
    if is_dataclass(value) and not isinstance(value, type):
        own = {field.name: getattr(value, field.name) for field in fields(value)}
        return {"class": type(value).__name__} | resolved(own)
    if isinstance(value, nn.Module):
        return repr(value)
    if callable(value):
        return _name(value)
    return [resolved(part) for part in value]


def _name(value: Any) -> str:
    return str(getattr(value, "__qualname__", type(value).__qualname__))
