"""A small model of two channels whose structures overlap, and an image for it."""

from pathlib import Path

import numpy as np
import SimpleITK as sitk
import torch

from Testing.conftest import ANATOMY, small_model
from voco3d.data import Preprocessing
from voco3d.models import Model, Regions, Structure, write_model
from voco3d.networks import NetworkConfig

REGIONS = Regions(members=((1, 2, 4), (1, 4), (4,)), written=(2, 1, 4))
NAMES = ("whole tumor", "tumor core", "enhancing tumor")
STRUCTURES = tuple(
    Structure(name, (80 * i, 255 - 80 * i, 9), ANATOMY, ANATOMY) for i, name in enumerate(NAMES)
)


def region_model(folder: Path, **changes: object) -> Model:
    """A model folder as for MRI: z-scores, the image's own voxels, regions that all occur."""
    values: dict[str, object] = {
        "network": NetworkConfig("unet", 2, 3, {"filters": [8, 8, 16]}),
        "preprocessing": Preprocessing(None, None),
        "structures": STRUCTURES,
        "regions": REGIONS,
        "channels": ("flair", "t1"),
    }
    model = small_model(folder, **{**values, **changes})
    network, _ = model.load()
    with torch.no_grad():
        network.get_parameter("output_block.conv.conv.bias").add_(torch.tensor([1.2, 0.2, -0.3]))
    write_model(folder, model, network, overwrite=True)
    return model


def channels_of(image: sitk.Image) -> list[sitk.Image]:
    """Two channels that are 0 in the air of a CT, the second without symmetry to the first."""
    body = np.maximum(sitk.GetArrayFromImage(image).astype(np.float32) + 500, 0)
    noise = np.random.default_rng(1).uniform(0.5, 1.5, body.shape).astype(np.float32)
    channels = []
    for array in (body, np.sqrt(body) * noise):
        channel = sitk.GetImageFromArray(array)
        channel.CopyInformation(image)
        channels.append(channel)
    return channels
