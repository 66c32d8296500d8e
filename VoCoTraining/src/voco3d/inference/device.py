"""The device to compute on."""

from typing import Literal, get_args

import torch

from voco3d.errors import VoCoError

Device = Literal["auto", "cpu", "cuda", "mps"]


def choose_device(device: str = "auto") -> torch.device:
    """The best device that is there, or the one asked for.

    Raises:
        VoCoError: If the device is unknown or not usable on this machine.
    """
    usable = {
        "cuda": torch.cuda.is_available(),
        "mps": torch.backends.mps.is_available(),
        "cpu": True,
    }
    if device == "auto":
        return torch.device(next(name for name, there in usable.items() if there))
    if device not in usable:
        raise VoCoError(f"There is no device {device!r}: choose {', '.join(get_args(Device))}.")
    if not usable[device]:
        raise VoCoError(f"This machine has no usable {device} device: choose auto or cpu.")
    return torch.device(device)
