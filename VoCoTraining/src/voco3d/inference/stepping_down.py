"""What to do with less memory when it ran out: other windows, a coarser sum, the CPU."""

from dataclasses import dataclass, replace

import torch
from torch import nn

from voco3d.inference.memory import is_out_of_device_memory
from voco3d.networks import UNETR, Backbone

Window = tuple[int, int, int]


@dataclass(frozen=True)
class Way:
    """How the windows of a volume are computed.

    Attributes:
        device: Where.
        window: Sides of the windows in voxels.
        dtype: In which numbers the windows are summed up, in main memory.
    """

    device: torch.device
    window: Window
    dtype: torch.dtype = torch.float32

    def __str__(self) -> str:
        """The way in words, for a sentence."""
        what = f"windows of {' x '.join(map(str, self.window))} voxels on the {self.device.type}"
        return what if self.dtype is torch.float32 else f"{what}, summed in half precision"


def step_down(way: Way, error: BaseException, network: nn.Module, window: Window) -> Way | None:
    """The next way to try, after memory ran out.

    Of a device: smaller windows, then the CPU. Of the machine: a sum in half precision, which
    costs next to nothing in quality, then smaller windows.

    Args:
        way: What was tried.
        error: What it ended in.
        network: What computes a window.
        window: The one to begin with on another device.

    Returns:
        None where nothing is left.
    """
    smaller = smaller_window(network, way.window)
    if way.device.type != "cpu" and is_out_of_device_memory(error):
        if smaller is not None:
            return replace(way, window=smaller)
        return replace(way, device=torch.device("cpu"), window=window)
    if way.dtype is torch.float32:
        return replace(way, dtype=torch.float16)
    return None if smaller is None else replace(way, window=smaller)


def smaller_window(network: nn.Module, window: Window) -> Window | None:
    """A window of half the sides, or nearly so, that the network takes; None if there is none."""
    if not isinstance(network, Backbone) or isinstance(network, UNETR):
        return None
    unit = network.divisor
    x, y, z = (-(-side // (2 * unit)) * unit for side in window)
    if (x, y, z) == window or max(x, y, z) < 2 * unit:
        return None
    return (x, y, z)
