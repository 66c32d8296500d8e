"""Phantoms of two parts of the body, as a data list of two categories, and a tiny run on them."""

import json
from pathlib import Path

import SimpleITK as sitk

from voco3d.data import Preprocessing
from voco3d.finetuning.config import (
    Augmentation,
    FinetuneConfig,
    Network,
    Optimisation,
    Validation,
)
from voco3d.phantom import make_phantom
from voco3d.training.options import Compute

CATEGORIES = ("trunk", "headneck")
SIZE = (16, 16, 16)


def write_list(folder: Path, training: int = 3, validation: int = 2, test: int = 1) -> Path:
    """So many phantoms of each category, small and coarse, in each part."""
    folder.mkdir(parents=True, exist_ok=True)
    content: dict[str, object] = {"categories": list(CATEGORIES)}
    seed = 0
    for part, count in (("training", training), ("validation", validation), ("test", test)):
        entries = []
        for _ in range(count):
            for category in CATEGORIES:
                seed += 1
                image = make_phantom(category, seed, (24, 24, 28), 16.0).image
                name = f"{category}-{seed}.nii.gz"
                sitk.WriteImage(image, str(folder / name))
                entries.append({"image": name, "class": category, "patient": f"p{seed}"})
        content[part] = entries
    (folder / "dataset.json").write_text(json.dumps(content), encoding="utf-8")
    return folder / "dataset.json"


def small_config(**changes: object) -> FinetuneConfig:
    """A minute's options."""
    options: dict[str, object] = {
        "task": "classification",
        "network": Network("unet", {"filters": [4, 8, 12]}),
        "preprocessing": Preprocessing(None, (-1000.0, 1000.0), False, SIZE),
        "augmentation": Augmentation(flip=(0.2, 0.0, 0.0), quarter_turns=0.0),
        "optimisation": Optimisation(steps=30, batch=2, warmup=2, learning_rate=1e-2),
        "validation": Validation(every=10, log_every=5, save_every=10),
        "compute": Compute(device="cpu", workers=0),
    }
    return FinetuneConfig(**(options | changes))  # type: ignore[arg-type]
