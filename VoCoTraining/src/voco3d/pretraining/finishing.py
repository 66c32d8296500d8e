"""From a trained network to a model folder: population statistics, reference bases, the card."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from voco3d.data import Preprocessing
from voco3d.data.cache import Cache
from voco3d.geometry import BaseGrid
from voco3d.models import Card, Model, Positions, write_model
from voco3d.models.training_images import stated_images
from voco3d.models.vocomni import OVERLAP
from voco3d.networks import PositionNetwork, Projector
from voco3d.progress import Progress, silent
from voco3d.weights.saving import WEIGHTS

AT_ONCE = 16
"""Crops that are encoded at a time: without gradients more are not faster."""


class Batches(Protocol):
    """Batches of ``VolumeCrops``, as a ``DataLoader`` gives them, without augmentation.

    Each has ``bases`` ``(volume, n, channel, x, y, z)`` and ``crops``
    ``(volume, k, channel, x, y, z)``.
    """

    def __iter__(self) -> Iterator[Mapping[str, Any]]:
        """Give the batches."""

    def __len__(self) -> int:
        """How many there are."""


@torch.no_grad()
def population_statistics(
    network: PositionNetwork, batches: Batches, progress: Progress = silent
) -> None:
    """Let the projector normalise with the mean and variance over all crops of a population.

    In training it normalises with those of a batch, and what it keeps of them is an average over
    the last batches, while the weights changed. The features of all crops are held in memory
    (4.6 kB a crop for SwinUNETR-B): of very many volumes take a sample.

    Args:
        network: Its projector is changed in place, and it is left in evaluation mode.
        batches: The population: bases and random crops count alike.
        progress: Told after every batch.
    """
    network.eval()
    features = []
    for done, batch in enumerate(batches, start=1):
        features += [_features(network, batch["bases"]), _features(network, batch["crops"])]
        progress(done, len(batches), "measuring the training population")
    set_statistics(network.projector, torch.cat(features))


@torch.no_grad()
def set_statistics(projector: Projector, features: Tensor) -> None:
    """Set running mean and variance, layer by layer, to those of a population.

    The second normalisation sees what the first one makes of the population with its new
    statistics, so that the population embeds in evaluation as it does as one batch in training.
    The mean of the batches' variances would be too small: it leaves out how far the batches'
    means lie apart.

    Args:
        projector: Changed in place, and left in evaluation mode.
        features: ``(crop, width)``, of all crops of the population.
    """
    projector.eval()
    for layer in projector:
        if isinstance(layer, nn.BatchNorm1d):
            layer.running_mean = features.mean(dim=0)
            layer.running_var = features.var(dim=0, correction=0)
        features = layer(features)


@torch.no_grad()
def reference_bases(
    network: PositionNetwork, batches: Batches, progress: Progress = silent
) -> Tensor:
    """The mean projected base of each grid cell over the training volumes.

    Args:
        network: With the statistics of its population; it is left in evaluation mode.
        batches: The training volumes.
        progress: Told after every batch.

    Returns:
        ``(n, width)`` in the order of ``BaseGrid.starts``: the mean of unit vectors, so the more
        alike the volumes are in a cell, the nearer its length is to 1.
    """
    network.eval()
    embeddings = []
    for done, batch in enumerate(batches, start=1):
        projected = F.normalize(network.projector(_features(network, batch["bases"])), dim=-1)
        embeddings.append(projected.reshape(*batch["bases"].shape[:2], -1))
        progress(done, len(batches), "averaging the bases")
    return torch.cat(embeddings).mean(dim=0)


def write_pretrained(
    folder: Path,
    network: PositionNetwork,
    bases: Tensor,
    *,
    recipe: str,
    grid: BaseGrid,
    cache: Cache,
    card: Card,
    name: str | None = None,
    body_region: str | None = None,
    dtype: torch.dtype = torch.float32,
    overwrite: bool = False,
) -> Model:
    """Write what a run has made as a model folder.

    As a hint for fine-tuning, the model's preprocessing has the cache's intensity window and the
    median voxel size of the training volumes, and its window is a crop. The card gets the first
    digits of the SHA-256 of each training image as ``training["images"]``, so that one can tell
    whether a test image was trained on.

    Args:
        folder: The folder to make.
        network: The trained network, with the statistics of its population.
        bases: The reference bases ``(n, width)``.
        recipe: Name of the recipe.
        grid: The base grid.
        cache: What it was trained on.
        card: What people should know.
        name: The model's name; by default the folder's.
        body_region: The region of the body that the volumes show, if they show one.
        dtype: ``torch.float32``, or ``torch.float16`` for half the size.
        overwrite: Replace a model folder that is there.

    Returns:
        The model, as ``read_model`` would give it.

    Raises:
        VoCoError: If the folder exists and is not to be, or cannot be, replaced, or a weight
            does not fit into ``dtype``.
    """
    volumes = [cache.volumes[index] for index in cache.part("training")]
    x, y, z = np.median([volume.spacing for volume in volumes], axis=0).tolist()
    images = stated_images(hash_ for volume in volumes for hash_ in volume.sha256)
    model = Model(
        name=name or folder.name,
        network=network.backbone.config,
        preprocessing=Preprocessing((x, y, z), cache.settings.intensity),
        window=grid.crop,
        overlap=OVERLAP,
        structures=(),
        weights=folder / WEIGHTS,
        card=replace(card, training={**card.training, "images": images}),
        positions=Positions(recipe, grid, cache.settings, network.projector.width),
        body_region=body_region,
    )
    write_model(folder, model, network, dtype, overwrite, bases)
    return model


def _features(network: PositionNetwork, crops: Tensor) -> Tensor:
    """Features ``(crop, width)`` of the crops ``(volume, crop, channel, x, y, z)`` of a batch."""
    device = next(network.parameters()).device
    return network.features(crops.flatten(0, 1).to(device), AT_ONCE)
