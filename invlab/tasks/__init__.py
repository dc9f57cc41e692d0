"""Inverse problems, one a file; the file's name is the task's name."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from invlab import runtime
from invlab.task import Task
from invlab.tasks.ballistics import Ballistics as Ballistics
from invlab.tasks.billiards import Billiards as Billiards
from invlab.tasks.kuramoto_sivashinsky import KuramotoSivashinsky as KuramotoSivashinsky
from invlab.tasks.layered_stack import LayeredStack as LayeredStack
from invlab.tasks.metamaterial import Metamaterial as Metamaterial
from invlab.tasks.multilayer_sphere import MultilayerSphere as MultilayerSphere
from invlab.tasks.navier_stokes import NavierStokes as NavierStokes
from invlab.tasks.robot_arm import RobotArm as RobotArm
from invlab.tasks.sine import Sine as Sine
from invlab.tasks.slcp import SLCP as SLCP
from invlab.tasks.square import Square as Square
from invlab.tasks.two_moons import TwoMoons as TwoMoons
from invlab.tasks.wave_packet import WavePacket as WavePacket
from invlab.tasks.wave_packets import WavePackets as WavePackets
from invlab.validation import did_you_mean, require_name

# The registry: each class imported above, under its file's name. A new task is its file and a line
# there.
_TASKS: dict[str, Callable[..., Task]] = {
    kind.__module__.rpartition(".")[2]: kind
    for kind in list(vars().values())
    if isinstance(kind, type) and issubclass(kind, Task) and kind is not Task
}
__all__ = ["get_task", "list_tasks", *(kind.__name__ for kind in _TASKS.values())]


def list_tasks() -> list[str]:
    """Names of all tasks."""
    return sorted(_TASKS)


@runtime.differentiable()
def get_task(name: str, **options: Any) -> Any:
    """A task by name.

    Args:
        name: one of :func:`list_tasks`.
        options: arguments of its class.

    Raises:
        ValueError: no such task; the message has the nearest name.
        TypeError: an option that the task does not take, likewise.

    Example:
        >>> import invlab
        >>> invlab.get_task("square")
        Task('square', x: 1, prior=Box([-33.0], [33.0]))
        >>> invlab.get_task("square", half_width=2.0).box
        Box([-2.0], [2.0])
    """
    require_name("get_task", name, list_tasks())
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
