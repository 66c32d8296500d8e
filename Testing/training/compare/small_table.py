"""A data list of small phantoms, and options that fine-tune a small network on it in a second."""

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import SimpleITK as sitk
import torch

from voco3d.compare.config import CompareConfig
from voco3d.data import Preprocessing
from voco3d.finetuning.config import Crops, FinetuneConfig, Network, Optimisation, Validation
from voco3d.models import Card, Model, write_model
from voco3d.networks import NetworkConfig, build_network
from voco3d.phantom import make_phantom
from voco3d.training.options import Compute

NAMES = ("right lung", "left lung", "liver")
"""Of the phantoms' structures, those that the data list has."""

FILTERS = [4, 8, 12]
FINETUNE = FinetuneConfig(
    network=Network("unet", {"filters": FILTERS}),
    preprocessing=Preprocessing((28.0, 28.0, 32.0), (-175.0, 250.0)),
    crops=Crops(size=(16, 16, 16), per_case=2),
    optimisation=Optimisation(steps=2, warmup=0, learning_rate=1e-3),
    validation=Validation(every=2, log_every=1, save_every=1),
    compute=Compute(device="cpu", workers=0),
)


def config_of(**options: Any) -> CompareConfig:
    small = CompareConfig({"none": None}, [1, 2], seeds=1, seeds_of_all=1, finetune=FINETUNE)
    return replace(small, **options)


def write_cases(folder: Path, training: int = 3, validation: int = 1, test: int = 2) -> Path:
    """Write phantoms and their ``dataset.json``; return its path."""
    folder.mkdir(parents=True)
    content: dict[str, Any] = {
        "labels": {"background": 0, **{name: k for k, name in enumerate(NAMES, start=1)}}
    }
    number = 0
    for part, count in (("training", training), ("validation", validation), ("test", test)):
        content[part] = []
        for _ in range(count):
            phantom = make_phantom("trunk", seed=number, size=(32, 32, 32), spacing=(14, 14, 16))
            entry = {"image": f"case{number}.nii.gz", "label": f"case{number}-labels.nii.gz"}
            sitk.WriteImage(phantom.image, str(folder / entry["image"]))
            sitk.WriteImage(_only(phantom.labels, phantom.names), str(folder / entry["label"]))
            content[part].append(entry)
            number += 1
    path = folder / "dataset.json"
    path.write_text(json.dumps(content))
    return path


def write_encoder(
    folder: Path, images: Sequence[str] = (), filters: Sequence[int] = FILTERS
) -> Path:
    """Write a model folder as pre-training leaves it; ``images`` are hashes of what it has seen."""
    torch.manual_seed(1)
    network = build_network(NetworkConfig("unet", 1, 2, {"filters": list(filters)}))
    model = Model(
        name=folder.name,
        network=network.config,
        preprocessing=FINETUNE.preprocessing,
        window=FINETUNE.crops.size,
        overlap=0.5,
        structures=(),
        weights=folder / "models" / "model.safetensors",
        card=Card("An encoder", training={"images": list(images)} if images else {}),
    )
    write_model(folder, model, network)
    return folder


def _only(labels: sitk.Image, names: Sequence[str]) -> sitk.Image:
    """A label map with the structures of the data list alone."""
    table = np.zeros(len(names) + 1, np.uint8)
    for label, name in enumerate(NAMES, start=1):
        table[1 + names.index(name)] = label
    result = sitk.GetImageFromArray(table[sitk.GetArrayViewFromImage(labels)])
    result.CopyInformation(labels)
    return result
