"""Make the model folder of finished `headneck-oar` runs, and measure it as users will run it.

    python VoCoTraining/recipes/headneck_oar/export.py --data JSON --run RUN [RUN] --out FOLDER

The card gets the Dice a structure on the 16 validation cases (native space) and on phantoms that
were not trained on, and how many voxels of a parotid gland were given to the other side.
"""

import argparse
import dataclasses
import json
import platform
from pathlib import Path

import numpy as np
import SimpleITK as sitk
import torch
from train import NAMES

import voco3d
from voco3d import Segmenter
from voco3d.data import Preprocessing, read_image
from voco3d.metrics import dice
from voco3d.models import Card, Code, Model, Structure, read_model, write_model
from voco3d.models.structures import ANATOMICAL_STRUCTURE, LEFT, RIGHT
from voco3d.networks import NetworkConfig, build_network
from voco3d.phantom import make_phantom

STRUCTURES = (
    Structure(
        "brainstem", (244, 214, 49), ANATOMICAL_STRUCTURE, Code("SCT", "15926001", "Brainstem")
    ),
    Structure(
        "spinal cord", (244, 120, 160), ANATOMICAL_STRUCTURE, Code("SCT", "2748008", "Spinal cord")
    ),
    Structure(
        "right parotid gland",
        (68, 172, 230),
        ANATOMICAL_STRUCTURE,
        Code("SCT", "45289007", "Parotid gland"),
        RIGHT,
    ),
    Structure(
        "left parotid gland",
        (111, 200, 120),
        ANATOMICAL_STRUCTURE,
        Code("SCT", "45289007", "Parotid gland"),
        LEFT,
    ),
    Structure(
        "mandible", (226, 202, 160), ANATOMICAL_STRUCTURE, Code("SCT", "91609006", "Mandible")
    ),
)
PAROTIDS = (3, 4)
PHANTOM_SEEDS = range(5000, 5010)

CARD = Card(
    task="Segments brainstem, spinal cord, parotid glands and mandible in head-and-neck CTs",
    description=(
        "A 3-D U-Net trained from scratch, supervised, on radiotherapy planning CTs, mixed with "
        "synthetic phantoms. It fails where it was not trained: children, severe deformity or "
        "resection, bodies other than head and neck (structures may appear where there are none), "
        "MR. The training CTs are coarse (4-5 mm in plane), so fine detail of a sharper CT is not "
        "followed. Outside the treated region many training CTs are blanked but for the contoured "
        "structures, which makes brainstem and spinal cord easier there than in a normal CT: the "
        "figures below include such slices. Only the largest connected part of each structure is "
        "kept: of a mandible that the scan cuts in two, one half is lost."
    ),
    data=(
        "OpenKBP challenge: 99 head-and-neck CTs with clinical contours for training, 16 to choose "
        "the checkpoint (patients of public TCIA collections); phantoms of this package"
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


def training_record(runs: list[Path], remark: str) -> dict[str, object]:
    """Configuration, chosen step and environment of the runs, each started from the one before."""
    return {
        "recipe": "VoCoTraining/recipes/headneck_oar/train.py",
        "runs": [
            {
                "config": json.loads((run / "config.json").read_text()),
                "chosen step": json.loads((run / "best.json").read_text())["step"],
                "minutes": round(torch.load(run / "state.pt", weights_only=True)["minutes"], 1),
            }
            for run in runs
        ],
        "remark": remark,
        "environment": {
            "python": platform.python_version(),
            "torch": torch.__version__,
            "processor": "CPU, 2 cores, AVX2, shared with other work",
            "voco3d": voco3d.__version__,
        },
    }


def export(dataset: Path, runs: list[Path], out: Path, remark: str) -> None:
    """Write the model folder with its measured card."""
    config = json.loads((runs[-1] / "config.json").read_text())
    network_config = NetworkConfig("unet", 1, len(NAMES) + 1, {"filters": config["filters"]})
    network = build_network(network_config)
    network.load_state_dict(torch.load(runs[-1] / "best.pt", weights_only=True))
    model = Model(
        name=out.name,
        network=network_config,
        preprocessing=Preprocessing(tuple(config["spacing"]), tuple(config["intensity"])),
        window=tuple(config["window"]),
        overlap=0.5,
        structures=STRUCTURES,
        weights=out,
        card=dataclasses.replace(CARD, training=training_record(runs, remark)),
        largest_component=True,
    )
    write_model(out, model, network, torch.float16, overwrite=True)
    segmenter = Segmenter(read_model(out))
    results = {
        "OpenKBP validation cases, native space": scores(segmenter, validation_pairs(dataset)),
        "Phantoms that were not trained on": scores(segmenter, phantom_pairs()),
    }
    card = dataclasses.replace(model.card, results=results)
    write_model(out, dataclasses.replace(model, card=card), network, torch.float16, overwrite=True)
    print(json.dumps(results, indent=1))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="dataset.json of OpenKBP")
    parser.add_argument(
        "--run", type=Path, nargs="+", required=True, help="folders of the runs, the last one last"
    )
    parser.add_argument("--out", type=Path, required=True, help="model folder to write")
    parser.add_argument("--remark", default="", help="what the configurations do not say")
    arguments = parser.parse_args()
    export(arguments.data, arguments.run, arguments.out, arguments.remark)
