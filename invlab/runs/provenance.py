"""What a record says of how it was made: code, machine and settings, each whole."""

from __future__ import annotations

import functools
import hashlib
import json
import platform
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import scipy
import torch

import invlab
from invlab import runtime

__all__ = ["commit", "digest", "machine", "processor"]


def machine() -> dict[str, Any]:
    """``device``, ``processor``, ``threads``, ``versions`` and ``commit`` of this process."""
    return {
        "device": _device_name(),
        "processor": processor(),
        "threads": torch.get_num_threads(),
        "versions": {
            "invlab": invlab.__version__,
            "python": platform.python_version(),
            "torch": torch.__version__,
            "numpy": np.__version__,
            "scipy": scipy.__version__,
        },
        "commit": commit(),
    }


def digest(value: Any) -> str:
    """Sixteen hexadecimal digits of a value that JSON can hold, whatever the order of its keys."""
    text = json.dumps(value, sort_keys=True)
    return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()


@functools.cache
def processor() -> str:
    """The model of the processor, as far as the system names it."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


@functools.cache
def commit() -> str | None:
    """The commit of this code, with a "+" where files differ from it; None without a repository."""
    package = Path(invlab.__file__).resolve().parent
    top = _git("rev-parse", "--show-toplevel", at=package)
    # an environment may lie in the repository of another project
    if top is None or Path(top).resolve() != package.parent:
        return None
    head = _git("rev-parse", "HEAD", at=package)
    code = ("status", "--porcelain", "--untracked-files=no", "--", "invlab", "invbook")
    changed = _git(*code, at=package.parent)
    return None if head is None else head + ("+" if changed else "")


def _git(*arguments: str, at: Path) -> str | None:
    try:
        found = subprocess.run(
            ["git", *arguments], cwd=at, capture_output=True, text=True, timeout=20, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return found.stdout.strip()


def _device_name() -> str:
    device = runtime.device()
    return torch.cuda.get_device_name(device) if device.type == "cuda" else device.type
