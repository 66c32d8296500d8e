"""A cache of a few small volumes, and options that train a small network on it in seconds."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from voco3d.data.cache import CachedVolume
from voco3d.data.cache.index import Index, write_index
from voco3d.data.cache.storage import write_voxels
from voco3d.data.volume import VolumeSettings
from voco3d.pretraining.config import (
    Compute,
    Crops,
    Monitoring,
    Network,
    Optimisation,
    PretrainConfig,
)

SIZE = (32, 32, 16)

CONFIG = PretrainConfig(
    network=Network("unet", {"filters": [4, 8, 12]}, projector_width=32),
    crops=Crops(counts=(2, 2, 1), size=(16, 16, 16)),
    optimisation=Optimisation(steps=6, warmup=2, learning_rate=1e-3),
    compute=Compute(device="cpu", workers=0),
    monitoring=Monitoring(probe_volumes=1, probe_crops=2, save_every=4),
    body_region="plain boxes",
)


def changed(group: str, config: PretrainConfig = CONFIG, **options: Any) -> PretrainConfig:
    """The configuration with some options of a group changed."""
    return replace(config, **{group: replace(getattr(config, group), **options)})


def write_cache(
    folder: Path,
    training: int = 6,
    validation: int = 1,
    shape: tuple[int, int, int, int] = (1, *SIZE),
    **settings: Any,
) -> Path:
    """Write a cache of volumes with a texture that tells the place."""
    volumes = {}
    names = [f"t{i}" for i in range(training)] + [f"v{i}" for i in range(validation)]
    (folder / "volumes").mkdir(parents=True)
    for number, name in enumerate(names):
        file = f"volumes/{name}.b2nd"
        volumes[name] = CachedVolume(
            name=name,
            part="training" if name.startswith("t") else "validation",
            sources=(Path(f"/nowhere/{name}.nii.gz"),),
            sha256=(f"{number:064x}",),
            stamps=((1, 1),),
            shape=shape,
            spacing=(1.0, 1.0, 2.0),
            origin=(0.0, 0.0, 0.0),
            direction=(1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0),
            file=file,
            bytes=write_voxels(folder / file, _texture(number, shape)),
        )
    write_index(folder, Index(VolumeSettings(**{"size": shape[1:], **settings}), volumes))
    return folder


def _texture(number: int, shape: tuple[int, int, int, int]) -> np.ndarray:
    random = np.random.default_rng(number)
    _, x, y, z = np.indices(shape)
    wave = np.sin(x * (0.2 + 0.01 * number)) + np.cos(y * 0.15) + 0.1 * z
    noisy = 100 + 40 * wave + random.normal(0, 10, shape)
    return np.clip(noisy, 0, 255).astype(np.uint8)
