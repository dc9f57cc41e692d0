"""Where the library draws: matplotlib, imported when a picture is asked for."""

from __future__ import annotations

from typing import Any

__all__ = ["pyplot"]


def pyplot() -> Any:
    """``matplotlib.pyplot``.

    Raises:
        ImportError: matplotlib is not installed; says how to get it.
    """
    try:
        import matplotlib.pyplot as plt
    except ImportError as error:
        raise ImportError('plot: needs matplotlib; pip install "invlab[plots]"') from error
    return plt
