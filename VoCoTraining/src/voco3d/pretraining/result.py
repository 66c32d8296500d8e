"""What a run leaves: a model folder."""

from pathlib import Path
from typing import Any

from torch.utils.data import DataLoader

from voco3d.data.cache import Cache
from voco3d.geometry import BaseGrid
from voco3d.inference.device import choose_device
from voco3d.models import Card
from voco3d.networks import PositionNetwork
from voco3d.pretraining.config import PretrainConfig
from voco3d.pretraining.finishing import (
    population_statistics,
    reference_bases,
    write_pretrained,
)
from voco3d.pretraining.volume_crops import Augmentation, VolumeCrops
from voco3d.progress import Progress
from voco3d.training.draws import DrawBatches
from voco3d.training.record import read_rows

POPULATION = 512
"""Training volumes, at most, that the statistics and the reference bases are measured on."""


def write_result(
    config: PretrainConfig,
    cache: Cache,
    network: PositionNetwork,
    steps_done: int,
    run: Path,
    folder: Path,
    progress: Progress,
) -> None:
    """Measure the training population, and write the model folder of a run.

    Args:
        config: All options of the run.
        cache: What it was trained on.
        network: The trained network.
        steps_done: Optimiser steps that were done; fewer than the options say where the run was
            ended before.
        run: The run's folder.
        folder: The model folder, which is replaced.
        progress: Told after every volume.
    """
    network.to(choose_device(config.compute.device))
    grid = BaseGrid(config.crops.counts, config.crops.size)
    plain = VolumeCrops(cache, grid, config.crops.random, Augmentation(0, 0, 0, 0), config.seed)
    training = cache.part("training")
    batches = DataLoader(
        plain, batch_sampler=DrawBatches(training, config.seed, 1, min(len(training), POPULATION))
    )
    population_statistics(network, batches, progress)
    bases = reference_bases(network, batches, progress)
    probes = [row for row in read_rows(run / "logs" / "probe.csv") if row["step"] <= steps_done]
    card = Card(
        task="Finds where in the body a crop lies (VoCo pre-training); an encoder to fine-tune",
        description=f"Pre-trained with the recipe {config.recipe} on {len(training)} volumes.",
        results={"validation probe": probes[-1]},
        training={**_shareable(config), "steps_done": steps_done},
    )
    write_pretrained(
        folder,
        network,
        bases,
        recipe=config.recipe,
        grid=grid,
        cache=cache,
        card=card,
        name=run.absolute().name,
        body_region=config.body_region,
        overwrite=True,
    )


def _shareable(config: PretrainConfig) -> dict[str, Any]:
    """The options without the path of the first weights, which is nobody else's business."""
    options, init = config.to_plain(), config.network.init
    options["network"]["init"] = None if init is None else init.name
    return options
