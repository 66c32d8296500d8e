"""What a segmentation will cost, before it is run: memory and time."""

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import SimpleITK as sitk
import torch
from torch import nn

from voco3d.data.grids import spaced_size
from voco3d.data.preprocessing import array_to_image, resample
from voco3d.errors import VoCoError
from voco3d.inference.memory import TensorPeak, device_memory, main_memory
from voco3d.inference.region import OUTSIDE, Placed, Region, with_context
from voco3d.inference.sliding_window import sum_bytes, window_count
from voco3d.inference.stepping_down import Window
from voco3d.models import Model

WORKSPACE = 1.5
"""What a window takes, relative to its tensors: convolutions need room of their own."""

IMAGE_BYTES = 24
"""Bytes a voxel of the image: the image, its copy in other axes, and the placing of a class."""

GRID_BYTES = 12
"""Bytes a voxel of the network's grid, while a class is placed on the image."""

OVERHEAD = 64 * 2**20
"""Bytes of main memory that the libraries and the allocator take, whatever the image."""

SAMPLE = 48
"""Side of the small image on which the placing is timed."""

LONG = 600.0
"""Seconds from which a way to less waiting is shown."""


@dataclass(frozen=True)
class Header:
    """An image without its voxels, as SimpleITK describes it: LPS mm.

    Attributes:
        size: Voxels on each axis.
        spacing: Of the voxels in mm.
        origin: Centre of the first voxel.
        direction: 9 numbers, row by row: the axes are the columns.
    """

    size: tuple[int, int, int]
    spacing: tuple[float, float, float]
    origin: tuple[float, float, float]
    direction: tuple[float, ...]

    @property
    def placed(self) -> Placed:
        """Where the voxels lie."""
        return Placed.from_header(self.size, self.spacing, self.origin, self.direction)


@dataclass(frozen=True)
class Cost:
    """What the steps cost on this machine.

    Attributes:
        window_seconds: Of one window.
        window_bytes: Memory of the device for one window, beside the weights.
        weight_bytes: Memory of the device for the weights.
        voxel_seconds: Of placing one class, for a voxel of the image.
    """

    window_seconds: float
    window_bytes: int
    weight_bytes: int
    voxel_seconds: float


@dataclass(frozen=True)
class Estimate:
    """What a segmentation will take, at most.

    Attributes:
        memory: Bytes, of the memory that is scarcer: the device's or the machine's.
        available: Bytes that are free of it.
        seconds: Time.
        windows: How many windows are computed.
        advice: What to do, a sentence each, where it does not fit or takes long.
    """

    memory: int
    available: int
    seconds: float
    windows: int
    advice: tuple[str, ...]

    @property
    def fits(self) -> bool:
        """Whether there is enough memory."""
        return self.memory <= self.available


@torch.inference_mode()
def measure_cost(
    network: nn.Module, model: Model, device: torch.device, window: Window | None = None
) -> Cost:
    """Run a network on one window, twice if it is quick, and place one small class.

    Args:
        network: The model's network, already on ``device``.
        model: What it is.
        device: Where it will run.
        window: Sides of the window in voxels; by default the model's.
    """
    crop = torch.rand((1, model.network.in_channels, *(window or model.window)), device=device)
    with TensorPeak() as tensors:
        seconds = _seconds_of(network, crop, device)
    if seconds < 2:
        seconds = _seconds_of(network, crop, device)
    weights = sum(tensor.nbytes for tensor in network.state_dict().values())
    grid = sitk.Image([SAMPLE] * 3, sitk.sitkUInt8)
    sample = np.zeros([SAMPLE] * 3, np.float32)
    started = time.perf_counter()
    resample(array_to_image(sample, grid), grid)
    per_voxel = (time.perf_counter() - started) / sample.size
    return Cost(seconds, int(tensors.peak * WORKSPACE), weights, per_voxel)


def _seconds_of(network: nn.Module, crop: torch.Tensor, device: torch.device) -> float:
    started = time.perf_counter()
    network(crop).cpu()
    return time.perf_counter() - started


def estimate(
    header: Header,
    model: Model,
    device: torch.device,
    cost: Cost,
    overlap: float | None = None,
    region: Region | None = None,
    window: Window | None = None,
) -> Estimate:
    """What the segmentation of an image will take; the margin around the body is not known yet.

    Args:
        header: The image's.
        model: What segments it.
        device: Where.
        cost: Measured on that device with that model and those windows.
        overlap: Of the windows; by default the model's.
        region: Only this part.
        window: Sides of the windows in voxels; by default the model's.

    Raises:
        VoCoError: If the region lies outside the image.
    """
    overlap = model.overlap if overlap is None else overlap
    window = window or model.window
    whole, part, placed = _sizes(header, model, region)
    windows = window_count(part, window, overlap)
    classes = model.network.out_channels
    seconds = windows * cost.window_seconds + placed * classes * cost.voxel_seconds
    volume = 4 * model.network.in_channels * math.prod(whole)
    total = sum_bytes(part, classes, window, torch.float32)
    placing = total + GRID_BYTES * math.prod(whole)
    on_device = cost.weight_bytes + cost.window_bytes
    on_cpu = device.type == "cpu"
    summing = total + (cost.window_bytes if on_cpu else 0)
    main = OVERHEAD + IMAGE_BYTES * math.prod(header.size) + volume + max(summing, placing)
    needs = [(main + (cost.weight_bytes if on_cpu else 0), main_memory().available)]
    if not on_cpu:
        needs.append((on_device, device_memory(device).available))
    memory, available = max(needs, key=lambda need: need[0] / max(1, need[1]))
    short_of_device = not on_cpu and memory == on_device
    advice = _advice(memory <= available, short_of_device, seconds, overlap, region is None)
    return Estimate(memory, available, seconds, windows, tuple(advice))


def _sizes(
    header: Header, model: Model, region: Region | None
) -> tuple[tuple[int, int, int], tuple[int, int, int], int]:
    """Sizes on the network's grid: of the image and of what is computed; and voxels placed."""
    axes = sitk.DICOMOrientImageFilter.GetOrientationFromDirectionCosines(header.direction)
    order = [next(i for i in range(3) if axes[i] in pair) for pair in ("RL", "AP", "SI")]
    size, spacing = [header.size[i] for i in order], [header.spacing[i] for i in order]
    wanted = model.preprocessing
    if wanted.size is not None:
        whole = wanted.size
    else:
        whole = spaced_size(size, spacing, wanted.spacing or spacing)
    if region is None:
        return whole, whole, math.prod(header.size)
    box = region.box_in(header.placed)
    if box is None:
        raise VoCoError(OUTSIDE)
    lengths = [box[i].stop - box[i].start for i in order]
    starts = [box[i].start for i in order]
    part = []
    for start, length, n, new, window in zip(
        starts, lengths, size, whole, model.window, strict=True
    ):
        scale = new / n
        side = slice(math.floor(start * scale), min(new, math.ceil((start + length) * scale)))
        seen = with_context(side, slice(0, new), window)
        part.append(seen.stop - seen.start)
    return whole, (part[0], part[1], part[2]), math.prod(lengths)


def _advice(
    fits: bool, short_of_device: bool, seconds: float, overlap: float, whole: bool
) -> Sequence[str]:
    ways = []
    if not fits and short_of_device:
        ways.append(
            "The device has too little memory: smaller windows are tried by themselves, or choose "
            "the CPU."
        )
    elif not fits:
        ways.append("The machine has too little memory: close other programs.")
    if whole and (not fits or seconds > LONG):
        ways.append("Choose a region of interest: only it is computed.")
    if seconds > LONG and overlap > 0.25:
        ways.append("An overlap of 0.25 computes fewer windows, at some cost in quality.")
    return ways
