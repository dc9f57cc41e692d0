"""Priors as JSON and back, so that what was trained with one can be written and read."""

from __future__ import annotations

import importlib
import inspect
from typing import Any

import torch
from torch import Tensor

from invlab.priors import box, laws, product
from invlab.priors.box import Prior
from invlab.priors.foreign import ScipyLaw, TorchLaw, parameters

__all__ = ["from_json", "to_json"]

_OWN: dict[str, Any] = {
    kind.__name__: kind
    for kind in (
        box.Box,
        laws.Empirical,
        laws.Integer,
        laws.LogUniform,
        laws.Normal,
        laws.Poisson,
        product.Product,
    )
}


def to_json(prior: Any) -> dict[str, Any]:
    """A prior as a dictionary that JSON can hold; :func:`from_json` makes the prior again.

    Args:
        prior: one of this package, a frozen law of ``scipy.stats``, a distribution of torch, or
            a product of these.

    Raises:
        TypeError: a law that cannot be described this way; the message names it.

    Example:
        >>> import invlab
        >>> invlab.priors.to_json(invlab.Integer([1], [5]))
        {'kind': 'Integer', 'low': [1.0], 'high': [5.0]}
        >>> again = invlab.priors.from_json(invlab.priors.to_json(invlab.Normal([0.0], [1.0])))
        >>> again
        Normal([0.0], [1.0])
    """
    law = product.as_prior(prior)
    if isinstance(law, ScipyLaw):
        return _of_scipy(law)
    if isinstance(law, TorchLaw):
        return _of_torch(law.law)
    kind = type(law)
    if _OWN.get(kind.__name__) is kind:
        return {"kind": kind.__name__, **_arguments(law)}
    if kind.__module__.startswith("invlab."):
        return {"kind": f"{kind.__module__}:{kind.__name__}", **_arguments(law)}
    raise _indescribable(law)


def from_json(description: dict[str, Any]) -> Prior:
    """The prior that :func:`to_json` described.

    Raises:
        ValueError: not such a description, or one of a law that is not here.
    """
    try:
        kind, entries = description["kind"], dict(description)
        del entries["kind"]
        if kind == "scipy":
            return ScipyLaw(_scipy_law(entries))
        if kind == "torch":
            return TorchLaw(_torch_law(entries))
        own = _OWN[kind] if kind in _OWN else _found(kind)
        factors = [from_json(factor) for factor in entries.pop("factors", [])]
        entries = {name: _law_or_value(value) for name, value in entries.items()}
        return product.as_prior(own(*factors, **entries))
    except (KeyError, TypeError, AttributeError, ImportError) as error:
        raise ValueError(
            f"prior: cannot be made of {description!r} ({type(error).__name__}: {error})"
        ) from error


def _law_or_value(value: Any) -> Any:
    """An entry of a description, which may be a law itself, as in a restricted one."""
    return from_json(value) if isinstance(value, dict) and "kind" in value else value


def _indescribable(law: Any) -> TypeError:
    law = getattr(law, "law", law)
    return TypeError(
        f"prior {law!r} of {type(law).__module__} cannot be described as JSON; use a Box, Normal, "
        "LogUniform, Integer, Poisson, Product, or a standard law of scipy.stats or "
        "torch.distributions"
    )


def _arguments(law: Any) -> dict[str, Any]:
    """What the law was made with: attributes of the names of its arguments."""
    names = [name for name in inspect.signature(type(law)).parameters if hasattr(law, name)]
    if len(names) < len(inspect.signature(type(law)).parameters):
        raise _indescribable(law)
    if isinstance(law, laws.Normal) and law.cov is not None:
        names.remove("std")  # it follows from the covariance
    values = {name: getattr(law, name) for name in names}
    return {name: _plain(value, law) for name, value in values.items() if value is not None}


def _plain(value: Any, law: Any) -> Any:
    if isinstance(value, Tensor) or hasattr(value, "tolist"):
        return value.tolist()
    if isinstance(value, list | tuple):
        return [_plain(part, law) for part in value]
    if isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, Prior):
        return to_json(value)
    raise _indescribable(law)


def _found(kind: str) -> Any:
    """A law of one of our tasks, by ``module:class``; nothing outside of the package is run."""
    module, _, name = kind.partition(":")
    if not module.startswith("invlab."):
        raise KeyError(kind)
    return getattr(importlib.import_module(module), name)


def _of_scipy(law: ScipyLaw) -> dict[str, Any]:
    import scipy.stats

    name = getattr(getattr(law.law, "dist", None), "name", "")
    standard = getattr(scipy.stats, name, None) if name else None
    if standard is None or type(standard) is not type(law.law.dist):
        raise _indescribable(law)
    arguments = {key: _plain(value, law) for key, value in law.law.kwds.items()}
    return {
        "kind": "scipy",
        "name": name,
        "args": _plain(law.law.args, law),
        "kwargs": arguments,
    }


def _scipy_law(entries: dict[str, Any]) -> Any:
    import scipy.stats

    standard = getattr(scipy.stats, entries["name"])
    if not isinstance(standard, scipy.stats.rv_continuous | scipy.stats.rv_discrete):
        raise KeyError(entries["name"])
    return standard(*entries["args"], **entries["kwargs"])


def _of_torch(law: torch.distributions.Distribution) -> dict[str, Any]:
    name = type(law).__name__
    if getattr(torch.distributions, name, None) is not type(law):
        raise _indescribable(law)
    if isinstance(law, torch.distributions.Independent):
        axes = law.reinterpreted_batch_ndims
        return {"kind": "torch", "name": name, "base": _of_torch(law.base_dist), "axes": axes}
    found = parameters(law)
    if found is None:
        raise _indescribable(law)
    tensors = {key: value for key, value in found.items() if isinstance(value, Tensor)}
    return {
        "kind": "torch",
        "name": name,
        "parameters": {key: _plain(value, law) for key, value in found.items()},
        "dtypes": {key: str(value.dtype).removeprefix("torch.") for key, value in tensors.items()},
    }


def _torch_law(entries: dict[str, Any]) -> torch.distributions.Distribution:
    kind = getattr(torch.distributions, entries["name"])
    if not issubclass(kind, torch.distributions.Distribution):
        raise KeyError(entries["name"])
    if "base" in entries:
        return kind(_torch_law(entries["base"]), entries["axes"])
    values = dict(entries["parameters"])
    for key, dtype in entries["dtypes"].items():
        values[key] = torch.tensor(values[key], dtype=getattr(torch, dtype), device="cpu")
    return kind(**values)
