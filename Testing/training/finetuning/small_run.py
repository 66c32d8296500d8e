"""Options that fine-tune a small network in seconds, and models to start from."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from voco3d.data import Preprocessing
from voco3d.finetuning.config import (
    Crops,
    FinetuneConfig,
    Network,
    Optimisation,
    Validation,
)
from voco3d.models import Card, Model, write_model
from voco3d.models.structures import Structure
from voco3d.networks import NetworkConfig, build_network
from voco3d.training.options import Compute

FILTERS = [4, 8, 8]

CONFIG = FinetuneConfig(
    network=Network("unet", {"filters": FILTERS}),
    preprocessing=Preprocessing((3.0, 3.0, 3.0), (-200.0, 300.0)),
    crops=Crops(size=(16, 16, 16), per_case=2),
    optimisation=Optimisation(steps=6, warmup=2, learning_rate=1e-2),
    validation=Validation(every=2, log_every=1, save_every=3),
    compute=Compute(device="cpu", workers=0),
)


def changed(group: str, config: FinetuneConfig = CONFIG, **options: Any) -> FinetuneConfig:
    """The configuration with some options of a group changed."""
    return replace(config, **{group: replace(getattr(config, group), **options)})


STEPS = 7
THOROUGH = changed("optimisation", steps=STEPS, accumulate=2, average=0.9, frozen_steps=1)
THOROUGH = changed("compute", THOROUGH, workers=1)
THOROUGH = changed("validation", THOROUGH, log_every=2)
"""A run with all there is to remember: an average, accumulated gradients, rows between saves."""


def unsaid(text: str) -> None:
    """What a run says is not looked at."""


def write_start(
    folder: Path,
    structures: Sequence[Structure] = (),
    filters: Sequence[int] = FILTERS,
    images: Sequence[str] = (),
    seed: int = 7,
) -> Model:
    """Write a model: of these structures, or an encoder alone, as pre-training leaves it."""
    torch.manual_seed(seed)
    outputs = 1 + len(structures) if structures else 2
    network = build_network(NetworkConfig("unet", 1, outputs, {"filters": list(filters)}))
    model = Model(
        name=folder.name,
        network=network.config,
        preprocessing=CONFIG.preprocessing,
        window=CONFIG.crops.size,
        overlap=0.5,
        structures=tuple(structures),
        weights=folder / "models" / "model.safetensors",
        card=Card("A start", training={"images": list(images)} if images else {}),
    )
    write_model(folder, model, network)
    return model
