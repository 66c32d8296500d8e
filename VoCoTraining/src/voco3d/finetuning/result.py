"""What a run leaves: a model folder."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

from voco3d.finetuning.config import FinetuneConfig
from voco3d.finetuning.data_list import DataList, Part
from voco3d.finetuning.network import Start
from voco3d.finetuning.prepared import PreparedCase
from voco3d.finetuning.structures import structures_of
from voco3d.metrics.leaks import UNSTATED_START
from voco3d.models import Card, Model, write_model
from voco3d.models.regions import Regions
from voco3d.models.training_images import stated_images
from voco3d.networks import Backbone, Classifier
from voco3d.weights.saving import WEIGHTS

SEEN: tuple[Part, ...] = ("training", "validation")
"""Parts whose images a model has seen: those it was fitted to, and those it was chosen on."""


def model_of_run(
    config: FinetuneConfig,
    data: DataList,
    start: Start,
    prepared: Mapping[Part, Sequence[PreparedCase]],
    folder: Path,
    name: str,
    results: Mapping[str, Any],
    steps_done: int,
) -> Model:
    """The description of the model that a run makes.

    Its card lists the first digits of the SHA-256 of every image that it was trained or chosen
    on, those of the model that it started from among them.

    Args:
        config: All options.
        data: What labels mean.
        start: The network as it began.
        prepared: The cases.
        folder: Of the model.
        name: Of the model.
        results: Figures for the card.
        steps_done: Optimiser steps that were done; fewer than the options say where the run was
            ended before.
    """
    before = {} if start.model is None else dict(start.model.card.training)
    images = set(stated_images(h for part in SEEN for c in prepared[part] for h in c.sha256))
    images |= {str(digits) for digits in before.get("images", ())}
    count = {part: len(prepared[part]) for part in SEEN}
    origin = "random weights" if config.init is None else f"the weights {_name_of(config, start)}"
    return Model(
        name=name,
        network=start.backbone.config,
        preprocessing=config.preprocessing,
        window=config.window,
        overlap=config.result.overlap,
        structures=structures_of(data.structures),
        weights=folder / WEIGHTS,
        card=Card(
            task=_task(data),
            description=(
                f"Fine-tuned from {origin} on {count['training']} labelled images, chosen on "
                f"{count['validation']}."
            ),
            data=f"{count['training']} images of the user's for training",
            results=results,
            training={
                **_shareable(config),
                "steps_done": steps_done,
                "images": sorted(images),
                UNSTATED_START: config.init is not None and not before.get("images"),
            },
        ),
        largest_component=config.result.largest_component,
        regions=Regions(data.members, data.written) if data.overlapping else None,
        categories=data.categories,
        channels=data.channel_names,
    )


def write_result(
    folder: Path, model: Model, network: Backbone | Classifier, config: FinetuneConfig
) -> None:
    """Write the model folder of a run, replacing an older one."""
    dtype = torch.float16 if config.result.half else torch.float32
    write_model(folder, model, network, dtype, overwrite=True)


def _task(data: DataList) -> str:
    if data.categories:
        return f"Classifies whole images: {', '.join(data.categories)}"
    return f"Segments {', '.join(data.structures)}"


def _name_of(config: FinetuneConfig, start: Start) -> str:
    return Path(str(config.init)).name if start.model is None else start.model.name


def _shareable(config: FinetuneConfig) -> dict[str, Any]:
    """The options without paths, which are nobody else's business."""
    options = config.to_plain()
    del options["store"]
    return {**options, "init": config.init and Path(config.init).name}
