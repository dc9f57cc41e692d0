"""Inverse problems, one a file; the file's name is the task's name."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from invlab.task import Task
from invlab.tasks.ballistics import Ballistics
from invlab.tasks.billiards import Billiards
from invlab.tasks.kuramoto_sivashinsky import KuramotoSivashinsky
from invlab.tasks.layered_stack import LayeredStack
from invlab.tasks.metamaterial import Metamaterial
from invlab.tasks.multilayer_sphere import MultilayerSphere
from invlab.tasks.navier_stokes import NavierStokes
from invlab.tasks.robot_arm import RobotArm
from invlab.tasks.sine import Sine
from invlab.tasks.square import Square
from invlab.tasks.wave_packet import WavePacket
from invlab.tasks.wave_packets import WavePackets
from invlab.validation import did_you_mean

__all__ = ["get_task", "list_tasks"]

_TASKS: dict[str, Callable[..., Task]] = {
    "ballistics": Ballistics,
    "billiards": Billiards,
    "kuramoto_sivashinsky": KuramotoSivashinsky,
    "layered_stack": LayeredStack,
    "metamaterial": Metamaterial,
    "multilayer_sphere": MultilayerSphere,
    "navier_stokes": NavierStokes,
    "robot_arm": RobotArm,
    "sine": Sine,
    "square": Square,
    "wave_packet": WavePacket,
    "wave_packets": WavePackets,
}


def list_tasks() -> list[str]:
    """Names of all tasks."""
    return sorted(_TASKS)


def get_task(name: str, **options: Any) -> Any:
    """A task by name.

    Args:
        name: one of :func:`list_tasks`.
        options: arguments of its class.

    Raises:
        ValueError: no such task; the message has the nearest name.
        TypeError: an option that the task does not take, likewise.
    """
    if name not in _TASKS:
        raise ValueError(
            f"get_task: expected one of {list_tasks()}, got {name!r}{did_you_mean(name, _TASKS)}"
        )
    known = list(inspect.signature(_TASKS[name]).parameters)
    for option in options:
        if option not in known:
            takes = f"it takes {', '.join(known)}" if known else "it takes none"
            raise TypeError(
                f"get_task: {name} has no option {option!r}, {takes}{did_you_mean(option, known)}"
            )
    return _TASKS[name](**options)
