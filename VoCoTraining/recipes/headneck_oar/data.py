"""Make the data list that `headneck-oar` is fine-tuned on.

    python VoCoTraining/recipes/headneck_oar/data.py --openkbp DATASET_JSON --out FOLDER

OpenKBP's labelled training and validation cases, and phantoms of this package among the training
cases: their contrast and their whole field of view differ from what the clinical CTs show.
"""

import argparse
import json
from pathlib import Path

import numpy as np
import SimpleITK as sitk

from voco3d.phantom import make_phantom

NAMES = (
    "brainstem",
    "spinal cord",
    "right parotid gland",
    "left parotid gland",
    "mandible",
)
PHANTOM_SEEDS = range(1000, 1018)
EXTENT = 320
"""Field of view of a phantom in mm."""


def write_phantom(folder: Path, seed: int) -> dict[str, str]:
    """Write a phantom of a random voxel size; return its entry in the list."""
    spacing = float(np.random.default_rng(seed).uniform(2.5, 4.5))
    phantom = make_phantom("headneck", seed, (round(EXTENT / spacing),) * 3, spacing)
    image, label = folder / f"phantom_{seed}.nii.gz", folder / f"phantom_{seed}_labels.nii.gz"
    sitk.WriteImage(sitk.Cast(phantom.image, sitk.sitkInt16), str(image))
    sitk.WriteImage(phantom.labels, str(label))
    return {"image": image.name, "label": label.name, "patient": f"phantom {seed}"}


def main(openkbp: Path, out: Path) -> None:
    """Write the phantoms and the list."""
    out.mkdir(parents=True, exist_ok=True)
    lists = json.loads(openkbp.read_text())
    root = openkbp.absolute().parent

    def absolute(entry: dict[str, str]) -> dict[str, str]:
        return {key: str(root / entry[key]) for key in ("image", "label")}

    content = {
        "labels": {"background": 0, **{name: k for k, name in enumerate(NAMES, start=1)}},
        "training": [
            *map(absolute, lists["training"]),
            *(write_phantom(out, seed) for seed in PHANTOM_SEEDS),
        ],
        "validation": list(map(absolute, lists["validation"])),
    }
    (out / "dataset.json").write_text(json.dumps(content, indent=1))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--openkbp", type=Path, required=True, help="dataset.json of OpenKBP")
    parser.add_argument("--out", type=Path, required=True, help="folder for list and phantoms")
    arguments = parser.parse_args()
    main(arguments.openkbp, arguments.out)
