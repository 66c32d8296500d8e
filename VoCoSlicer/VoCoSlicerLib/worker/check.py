"""Whether a Python can compute: its versions and devices, or why it does not fit."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from VoCoSlicerLib.worker.environment import PythonEnvironment
from VoCoSlicerLib.worker.messages import WorkerError
from VoCoSlicerLib.worker.process import Worker


@dataclass(frozen=True)
class Device:
    """A device that the worker can compute on; memory in bytes."""

    name: str
    title: str
    memory: int
    total: int


@dataclass(frozen=True)
class Report:
    """What a check found.

    Attributes:
        reason: why this Python cannot be used, as a sentence; empty when it can.
        versions: package to version.
        devices: what it can compute on.
        threads: how many threads it uses on the CPU unless told otherwise.
    """

    reason: str = ""
    versions: tuple[tuple[str, str], ...] = ()
    devices: tuple[Device, ...] = ()
    threads: int = 0


def check(environment: PythonEnvironment, on_done: Callable[[Report], None]) -> Worker:
    """Start a worker in this Python, ask it who it is, and end it.

    Args:
        environment: the Python to check.
        on_done: is called once with what was found.

    Returns:
        The worker that is asked; its `stop` gives up the check.
    """
    worker = Worker(environment)

    def answered(hello: dict[str, Any]) -> None:
        worker.stop()
        on_done(_report(hello))

    def failed(error: WorkerError) -> None:
        worker.stop()
        on_done(Report(reason=error.message))

    worker.request("hello", {}, answered, failed)
    return worker


def _report(hello: dict[str, Any]) -> Report:
    return Report(
        versions=tuple(hello["versions"].items()),
        devices=tuple(
            Device(device["name"], device["title"], device["memory"], device["total"])
            for device in hello["devices"]
        ),
        threads=hello["threads"],
    )
