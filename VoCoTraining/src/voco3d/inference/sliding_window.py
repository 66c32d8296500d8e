"""Class probabilities of a whole volume from overlapping windows."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from monai.inferers import sliding_window_inference
from torch import Tensor, nn

from voco3d.progress import Progress, silent


def window_count(size: Sequence[int], window: tuple[int, int, int], overlap: float) -> int:
    """How many windows cover a volume: on each axis, steps of (1 - overlap) of a window.

    Args:
        size: Sides of the volume in voxels, x, y, z.
        window: Sides of the window; a smaller volume is padded to it.
        overlap: Share by which neighbours overlap, from 0 up to below 1.
    """
    return math.prod(
        math.ceil((max(n, side) - side) / _step(n, side, overlap)) + 1
        for n, side in zip(size, window, strict=True)
    )


def sum_bytes(
    size: Sequence[int], classes: int, window: tuple[int, int, int], dtype: torch.dtype
) -> int:
    """Main memory that the sum of all windows over a volume takes, with its weights.

    Args:
        size: Sides of the volume in voxels, x, y, z.
        classes: Outputs of the network.
        window: Sides of the window; a smaller volume is padded to it.
        dtype: Of the sum.
    """
    return math.prod(map(max, size, window)) * (classes + 1) * dtype.itemsize


def _step(n: int, side: int, overlap: float) -> int:
    return side if n <= side else max(1, int(side * (1 - overlap)))


@torch.inference_mode()
def class_probabilities(
    network: nn.Module,
    array: npt.NDArray[np.float32],
    window: tuple[int, int, int],
    overlap: float,
    device: torch.device,
    progress: Progress = silent,
    overlapping: bool = False,
    dtype: torch.dtype = torch.float32,
) -> npt.NDArray[np.floating[Any]]:
    """Run a network over a volume, windows blended with Gaussian weights; then softmax or sigmoid.

    Args:
        network: Gives logits (batch, class, x, y, z); already on ``device``.
        array: Volume (channel, x, y, z); padded with 0 where it is smaller than the window.
        window: Sides of the window in voxels.
        overlap: Share by which neighbouring windows overlap, from 0 up to below 1.
        device: Where each window is computed; the volume and the sum stay in main memory.
        progress: Told after every window; an exception from it stops the work.
        overlapping: Whether a voxel may belong to several classes.
        dtype: In which numbers the windows are summed up; the network's own stay.

    Returns:
        (class, x, y, z) in ``dtype``, summing to 1 over the classes unless they may overlap.
    """
    total = window_count(array.shape[1:], window, overlap)
    done = 0

    def predict(crops: Tensor) -> Tensor:
        nonlocal done
        progress(done, total, "segmenting")
        done += 1
        logits: Tensor = network(crops.float())
        return logits

    logits = sliding_window_inference(
        torch.from_numpy(array)[None].to(dtype),
        window,
        1,
        predict,
        overlap,
        mode="gaussian",
        sw_device=device,
        device=torch.device("cpu"),
    )[0]
    progress(total, total, "segmenting")
    for plane in logits.split(1, dim=1):
        plane.copy_(plane.float().sigmoid() if overlapping else plane.float().softmax(dim=0))
    result: npt.NDArray[np.floating[Any]] = logits.numpy()
    return result
