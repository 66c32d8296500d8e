"""Make a fine-tuning run the bundled `headneck-oar`, and measure it as users will run it.

    python VoCoTraining/recipes/headneck_oar/export.py --openkbp DATASET_JSON --pretraining RUN \
        --run RUN [RUN ...] --out FOLDER

Of several runs, each started from the one before. The card gets the Dice of each structure on the
16 validation cases (native space) and on phantoms that were not trained on, and how many voxels of
a parotid gland were given to the other side.
"""

import argparse
import json
import platform
from dataclasses import replace
from pathlib import Path

import numpy as np
import SimpleITK as sitk
import torch
from data import NAMES

import voco3d
from voco3d import Segmenter
from voco3d.data import read_image
from voco3d.finetuning.config_file import FINETUNING
from voco3d.metrics import dice
from voco3d.models import Card, Model, read_model, write_model
from voco3d.phantom import make_phantom
from voco3d.pretraining.config_file import read_config
from voco3d.training.record import read_rows
from voco3d.training.run_folder import CONFIG, MODEL

PAROTIDS = (3, 4)
PHANTOM_SEEDS = range(5000, 5010)

CARD = Card(
    task="Segments brainstem, spinal cord, parotid glands and mandible in head-and-neck CTs",
    description=(
        "A 3-D U-Net whose encoder was pre-trained with VoCo on head-and-neck CTs without "
        "contours; fine-tuned on radiotherapy planning CTs and synthetic phantoms. It fails where "
        "it was not trained: children, severe deformity or resection, bodies other than head and "
        "neck (structures may appear where there are none), MR. The training CTs are coarse (4-5 "
        "mm in plane), so fine detail of a sharper CT is not followed. Outside the treated region "
        "many training CTs are blanked but for the contoured structures, which makes brainstem and "
        "spinal cord easier there than in a normal CT: the figures below include such slices. Only "
        "the largest connected part of each structure is kept: of a mandible that the scan cuts in "
        "two, one half is lost."
    ),
    data=(
        "OpenKBP challenge: 170 head-and-neck CTs without their contours for pre-training, 99 of "
        "them with clinical contours for fine-tuning, 16 others to choose the checkpoint (patients "
        "of public TCIA collections); phantoms of this package"
    ),
    licence="Apache-2.0 (data: MIT, OpenKBP challenge repository)",
    authors="SlicerVoCo",
)


def scores(segmenter: Segmenter, pairs: list[tuple[sitk.Image, sitk.Image]]) -> dict[str, object]:
    """Mean Dice a structure over cases, in native space, and the voxels on a wrong side."""
    rows, swapped, parotid = [], 0, 0
    for image, reference in pairs:
        predicted = sitk.GetArrayFromImage(segmenter(image))
        truth = sitk.GetArrayFromImage(reference)
        rows.append([dice(predicted, truth, k) for k in range(1, len(NAMES) + 1)])
        right, left = PAROTIDS
        swapped += int(((predicted == right) & (truth == left)).sum())
        swapped += int(((predicted == left) & (truth == right)).sum())
        parotid += int(np.isin(truth, PAROTIDS).sum())
    table = np.array(rows)
    return {
        "cases": len(pairs),
        "mean Dice": round(float(np.nanmean(table)), 4),
        **{
            f"Dice {n}": round(float(v), 4)
            for n, v in zip(NAMES, np.nanmean(table, 0), strict=True)
        },
        "lowest Dice of a structure in a case": round(float(np.nanmin(table)), 4),
        "parotid voxels given to the other side": f"{swapped} of {parotid}",
    }


def validation_pairs(dataset: Path) -> list[tuple[sitk.Image, sitk.Image]]:
    """Images and labels of the validation cases."""
    entries = json.loads(dataset.read_text())["validation"]
    return [
        (read_image(dataset.parent / e["image"]), sitk.ReadImage(str(dataset.parent / e["label"])))
        for e in entries
    ]


def phantom_pairs() -> list[tuple[sitk.Image, sitk.Image]]:
    """Images and labels of phantoms with seeds outside the training range."""
    phantoms = [make_phantom("headneck", seed) for seed in PHANTOM_SEEDS]
    return [(phantom.image, phantom.labels) for phantom in phantoms]


def training_record(
    model: Model, pretraining: Path, runs: list[Path], remark: str
) -> dict[str, object]:
    """What the model has seen, the options of all runs, and where they were computed."""
    _, before = read_config(pretraining / CONFIG)
    return {
        "images": model.card.training["images"],
        "recipe": "VoCoTraining/recipes/headneck_oar",
        "runs": [
            {"pre-training": before.to_plain(), "minutes": _minutes(pretraining)},
            *map(_fine_tuning, runs),
        ],
        "remark": remark,
        "environment": {
            "python": platform.python_version(),
            "torch": torch.__version__,
            "processor": "CPU, 1 of 2 cores, AVX-512 with bf16, beside other work",
            "voco3d": voco3d.__version__,
        },
    }


def _fine_tuning(run: Path) -> dict[str, object]:
    _, options = FINETUNING.read(run / CONFIG)
    validations = read_rows(run / "logs" / "validation.csv")
    return {
        "fine-tuning": {**options.to_plain(), "init": "the run before", "store": None},
        "minutes": _minutes(run),
        "chosen step": max(validations, key=lambda row: row["mean"])["step"],
    }


def _minutes(run: Path) -> float:
    return round(read_rows(run / "logs" / "training.csv")[-1]["seconds"] / 60, 1)


def export(dataset: Path, pretraining: Path, runs: list[Path], out: Path, remark: str) -> None:
    """Write the model folder of the last run with its measured card."""
    trained = read_model(runs[-1] / MODEL)
    network, _ = trained.load()
    card = replace(CARD, training=training_record(trained, pretraining, runs, remark))
    model = replace(trained, name=out.name, card=card)
    write_model(out, model, network, torch.float16, overwrite=True)
    segmenter = Segmenter(read_model(out))
    results = {
        "OpenKBP validation cases, native space": scores(segmenter, validation_pairs(dataset)),
        "Phantoms that were not trained on": scores(segmenter, phantom_pairs()),
    }
    measured = replace(model, card=replace(card, results=results))
    write_model(out, measured, network, torch.float16, overwrite=True)
    print(json.dumps(results, indent=1))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--openkbp", type=Path, required=True, help="dataset.json of OpenKBP")
    parser.add_argument("--pretraining", type=Path, required=True, help="folder of that run")
    parser.add_argument(
        "--run", type=Path, required=True, nargs="+", help="folders of the fine-tuning runs"
    )
    parser.add_argument("--out", type=Path, required=True, help="model folder to write")
    parser.add_argument("--remark", default="", help="what the options do not say")
    arguments = parser.parse_args()
    export(
        arguments.openkbp,
        arguments.pretraining,
        arguments.run,
        arguments.out,
        arguments.remark,
    )
