"""What this worker is: versions, devices and threads."""

import platform
from importlib.metadata import version
from typing import Any

import torch

import voco3d
from voco3d.inference.memory import device_memory

PROTOCOL = 1


def versions() -> dict[str, str]:
    """The versions of what a result depends on."""
    others = {name: version(name) for name in ("torch", "monai", "numpy", "SimpleITK")}
    return {"voco3d": voco3d.__version__, "python": platform.python_version(), **others}


def hello() -> dict[str, Any]:
    """The answer to ``hello``."""
    return {
        "protocol": PROTOCOL,
        "versions": versions(),
        "devices": [_device(name) for name in _usable()],
        "threads": torch.get_num_threads(),
    }


def _usable() -> list[str]:
    there = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    return [*(name for name, usable in there.items() if usable), "cpu"]


def _device(name: str) -> dict[str, Any]:
    memory = device_memory(torch.device(name))
    title = {"cpu": platform.processor() or platform.machine(), "mps": "Apple GPU"}.get(name)
    return {
        "name": name,
        "title": title or torch.cuda.get_device_name(),
        "memory": memory.available,
        "total": memory.total,
    }
