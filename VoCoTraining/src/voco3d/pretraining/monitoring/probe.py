"""What a network says of crops that stay the same throughout a run."""

import copy
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch import Tensor

from voco3d.data.cache import Cache
from voco3d.geometry import BaseGrid
from voco3d.losses import Embeddings, Recipe, objective, position_logits
from voco3d.networks import PositionNetwork
from voco3d.pretraining.finishing import set_statistics
from voco3d.pretraining.monitoring.diagnostics import (
    effective_rank,
    mean_deviation,
    mean_similarity,
    overlap_error,
    top1,
)
from voco3d.pretraining.volume_crops import Augmentation, VolumeCrops
from voco3d.training.draws import Draw

Floats = npt.NDArray[np.float32]

POPULATION_VOLUMES = 16
"""Training volumes whose bases stand for the training population."""


@dataclass(frozen=True)
class ProbeResult:
    """What a network says of the probe's crops.

    Attributes:
        top1: Share of crops put into the right base of their own volume; chance is 1 / n.
        overlap_error: Mean absolute difference of predicted and true overlaps.
        reference_top1: ``top1`` against the reference bases of the training population instead:
            that two overlapping crops look alike is no help there.
        reference_overlap_error: ``overlap_error`` against the reference bases.
        prediction: L_pred.
        regularisation: L_reg.
        effective_rank: Directions that the embeddings of all crops and bases spread over.
        deviation: Mean standard deviation of the unit-length embeddings a channel.
        channels: Channels of the embeddings.
        similarity: Mean cosine similarity of the bases of a volume, ``(base, base)``.
        logits: Predicted overlaps, ``(volume, crop, base)``.
        overlaps: True overlaps of the same shape.
    """

    top1: float
    overlap_error: float
    reference_top1: float
    reference_overlap_error: float
    prediction: float
    regularisation: float
    effective_rank: float
    deviation: float
    channels: int
    similarity: Floats
    logits: Floats
    overlaps: Floats


class Probe:
    """Fixed crops without augmentation, on which a network is measured during training.

    Embeddings are compared as the finished model compares them: the batch normalisation of the
    projector uses the statistics of a training population, so the embedding of a crop does not
    depend on its company. The running statistics that training keeps are not used: they mean
    nothing before the first step and lag behind the weights later. They are measured anew, on a
    copy, from the bases of the population's volumes; so are the reference bases.

    Args:
        dataset: Gives crops without augmentation, from a fixed seed.
        draws: The validation volumes and crops to measure on.
        population: Draws of training volumes that stand for the training population.
        at_once: Crops to encode at a time.
    """

    def __init__(
        self,
        dataset: VolumeCrops,
        draws: Sequence[Draw],
        population: Sequence[Draw],
        at_once: int = 16,
    ) -> None:
        self.dataset, self.draws, self.population = dataset, list(draws), list(population)
        self.at_once = at_once

    @classmethod
    def over(
        cls,
        cache: Cache,
        grid: BaseGrid,
        volumes: int = 8,
        crops: int = 32,
        at_once: int = 16,
    ) -> "Probe":
        """The probe of a cache: always the same crops of the same volumes.

        Volumes are chosen evenly over each part of the cache. Without any validation volumes,
        training volumes take their place, and the other way round.

        Args:
            cache: The run's cache.
            grid: The base grid of the run.
            volumes: How many validation volumes to measure on, at most.
            crops: Random crops a volume.
            at_once: Crops to encode at a time.
        """
        dataset = VolumeCrops(cache, grid, crops, Augmentation(0, 0, 0, 0), seed=0)
        training, validation = cache.part("training"), cache.part("validation")
        chosen = _evenly(validation or training, volumes)
        reference = _evenly(training or validation, POPULATION_VOLUMES)
        draws = [Draw(number, volume) for number, volume in enumerate(chosen + reference)]
        return cls(dataset, draws[: len(chosen)], draws[len(chosen) :], at_once)

    @torch.no_grad()
    def measure(self, network: PositionNetwork, recipe: Recipe) -> ProbeResult:
        """Measure a network, in single precision; it is left as it was, in its mode too.

        The student alone is measured: a recipe's teacher takes no part.
        """
        modes = {module: module.training for module in network.modules()}
        device = next(network.parameters()).device
        network.eval()
        try:
            with torch.autocast(device.type, enabled=False):
                return self._measure(network, recipe, device)
        finally:
            for module, training in modes.items():
                module.training = training

    def _measure(
        self, network: PositionNetwork, recipe: Recipe, device: torch.device
    ) -> ProbeResult:
        def features(crops: Tensor) -> Tensor:
            return network.features(crops.to(device), self.at_once).float()

        population = torch.cat([features(self.dataset[d]["bases"]) for d in self.population])
        projector = copy.deepcopy(network.projector)
        set_statistics(projector, population)
        bases_of_volumes = projector(population).unflatten(0, (-1, self.dataset.grid.n))
        reference = F.normalize(bases_of_volumes, dim=-1).mean(dim=0, keepdim=True)

        crops, bases, overlaps = [], [], []
        for draw in self.draws:
            sample = self.dataset[draw]
            crops.append(projector(features(sample["crops"])))
            bases.append(projector(features(sample["bases"])))
            overlaps.append(sample["overlaps"].to(device))
        embedded = Embeddings(torch.stack(crops), torch.stack(bases))
        truth = torch.stack(overlaps)
        loss = objective(recipe, embedded, None if recipe.teacher == "none" else embedded, truth)
        logits = position_logits(embedded.crops, embedded.bases)
        located = position_logits(embedded.crops, reference)
        everything = torch.cat([part.flatten(0, 1) for part in embedded])
        return ProbeResult(
            top1=top1(logits, truth),
            overlap_error=overlap_error(logits, truth),
            reference_top1=top1(located, truth),
            reference_overlap_error=overlap_error(located, truth),
            prediction=loss.prediction.item(),
            regularisation=loss.regularisation.item(),
            effective_rank=effective_rank(everything),
            deviation=mean_deviation(everything),
            channels=everything.shape[-1],
            similarity=mean_similarity(embedded.bases).cpu().numpy(),
            logits=logits.cpu().numpy(),
            overlaps=truth.cpu().numpy(),
        )


def _evenly(indices: Sequence[int], count: int) -> list[int]:
    places = np.linspace(0, len(indices) - 1, min(count, len(indices)))
    return [indices[place] for place in np.rint(places).astype(int)]
