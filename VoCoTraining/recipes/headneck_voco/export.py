"""Measure pre-training runs on all validation volumes; make the best the bundled model.

    python VoCoTraining/recipes/headneck_voco/export.py --cache CACHE RUN [RUN ...] [--out FOLDER]

Prints a row of VoCoTraining/RESULTS.md for each run. With --out the first run's model is written
in half precision, with a card that holds what was measured of it in that form.
"""

import argparse
import dataclasses
import platform
from pathlib import Path

import torch

import voco3d
from voco3d.data.cache import Cache, open_cache
from voco3d.losses import position_logits
from voco3d.models import Card, Model, read_model, write_model
from voco3d.pretraining.config_file import read_config
from voco3d.pretraining.monitoring.diagnostics import overlap_error, top1
from voco3d.pretraining.volume_crops import Augmentation, Draw, VolumeCrops
from voco3d.training.record import read_rows

CROPS = 64
"""Random crops of each validation volume."""

CARD = Card(
    task="Finds where in the head and neck a crop of a CT lies (VoCo pre-training); an encoder to "
    "fine-tune",
    description=(
        "A small 3-D U-Net encoder with a projector, pre-trained with VoCo on whole head-and-neck "
        "CTs squeezed to 128 x 128 x 32 voxels: a crop spans the whole length of the scan, so it "
        "tells where a crop lies across the body, not along it. It fails where it was not "
        "trained: other parts of the body, children, MR, scans turned to other axes. A mirrored "
        "scan looks like any other to it: it tells the sides of the picture."
    ),
    data=(
        "OpenKBP challenge: 170 head-and-neck CTs without their contours (patients of public TCIA "
        "collections)"
    ),
    licence="Apache-2.0 (data: MIT, OpenKBP challenge repository)",
    authors="SlicerVoCo",
)


@torch.no_grad()
def measure(model: Model, cache: Cache) -> dict[str, float]:
    """Position figures on every validation volume, without augmentation.

    Own bases: a crop against the bases of its own volume, as in training. Reference bases: against
    the mean bases of the training population, where looking alike does not help.
    """
    assert model.positions is not None
    network, reference = model.load_positions()
    crops = VolumeCrops(cache, model.positions.grid, CROPS, Augmentation(0, 0, 0, 0), seed=1)
    own, located, overlaps = [], [], []
    for number, volume in enumerate(cache.part("validation")):
        sample = crops[Draw(number, volume)]
        embedded = network(sample["crops"])[None]
        own.append(position_logits(embedded, network(sample["bases"])[None]))
        located.append(position_logits(embedded, reference[None]))
        overlaps.append(sample["overlaps"][None])
    truth = torch.cat(overlaps)
    return {
        "top-1, own bases": round(top1(torch.cat(own), truth), 3),
        "top-1, reference bases": round(top1(torch.cat(located), truth), 3),
        "overlap error, own bases": round(overlap_error(torch.cat(own), truth), 4),
        "overlap error, reference bases": round(overlap_error(torch.cat(located), truth), 4),
        "chance": round(1 / truth.shape[-1], 3),
    }


def row(run: Path, figures: dict[str, float]) -> str:
    """A line of the table in RESULTS.md."""
    _, config = read_config(run / "config.yaml")
    probe = read_rows(run / "logs" / "probe.csv")[-1]
    cells = (
        config.recipe,
        "yes" if config.crops.augmentation.flip else "no",
        f"{probe['step']:.0f}",
        f"{probe['seconds'] / 60:.0f}",
        f"{figures['top-1, own bases']:.3f}",
        f"{figures['top-1, reference bases']:.3f}",
        f"{probe['untrained']:.2f}",
        f"{figures['overlap error, own bases']:.3f}",
        f"{probe['prediction']:.3f}",
        f"{probe['regularisation']:.3f}",
    )
    return "| " + " | ".join(cells) + " |"


def bundle(run: Path, cache: Cache, out: Path) -> None:
    """Write a run's model in half precision, measure what was written, and put it on the card."""
    model = read_model(run / "model")
    network, bases = model.load_positions()
    title = f"validation: {len(cache.part('validation'))} OpenKBP CTs, {CROPS} crops each"
    training = {
        **model.card.training,
        "steps done": int(read_rows(run / "logs" / "probe.csv")[-1]["step"]),
        "python": platform.python_version(),
        "torch": torch.__version__,
        "voco3d": voco3d.__version__,
    }
    card = dataclasses.replace(CARD, training=training)

    def write(card: Card) -> None:
        named = dataclasses.replace(model, name=out.name, card=card)
        write_model(out, named, network, torch.float16, True, bases)

    write(card)
    results = {title: measure(read_model(out), cache)}
    write(dataclasses.replace(card, results=results))
    print(results)


def main() -> None:
    """Measure the runs and, if asked, bundle the first."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("runs", type=Path, nargs="+", metavar="RUN")
    parser.add_argument("--cache", type=Path, required=True)
    parser.add_argument("--out", type=Path, help="model folder to write")
    arguments = parser.parse_args()
    cache = open_cache(arguments.cache)
    for run in arguments.runs:
        print(row(run, measure(read_model(run / "model"), cache)))
    if arguments.out:
        bundle(arguments.runs[0], cache, arguments.out)


if __name__ == "__main__":
    main()
