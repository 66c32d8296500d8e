"""The main job from end to end: a CT becomes a segmentation, a Slicer scene and a picture.

python Testing/demo/demo.py --output demo-output [--input IMAGE_OR_DICOM_FOLDER]
"""

import argparse
import hashlib
import sys
import time
from collections.abc import Iterable, Mapping
from datetime import datetime, timezone
from functools import partial
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "VoCoSlicer"))

from voco3d import Segmenter, VoCoError
from voco3d.cli.progress import show_progress
from voco3d.cli.stopping import Stopped, stop_on_signals
from voco3d.data import read_image
from voco3d.metrics import measure, write_csv
from voco3d.models import Structure
from voco3d.models.structures import choose
from voco3d.outputs.target import Target
from voco3d.phantom import make_phantom
from voco3d.worker.machine import versions
from voco3d.writing import write_aside, write_image
from VoCoSlicerLib.errors import VoCoSlicerError
from VoCoSlicerLib.pictures.layout import fit_views
from VoCoSlicerLib.pictures.views import render_views
from VoCoSlicerLib.scene.bundle import save_bundle
from VoCoSlicerLib.scene.ct import load_ct
from VoCoSlicerLib.scene.headless import HeadlessApplication
from VoCoSlicerLib.scene.import_result import apply_to_new_segmentation, show_3d

SEED = 7
"""The default patient: a synthetic head and neck that the model was not trained on."""


def answer(segmenter: Segmenter, structures: Iterable[Structure]) -> dict[str, Any]:
    """What the worker would answer: the structures, and what computed them."""
    model = segmenter.model
    return {
        "structures": [{"name": structure.name} for structure in structures],
        "provenance": {
            "model": model.name,
            "hash": hashlib.sha256(model.weights.read_bytes()).hexdigest(),
            "versions": versions(),
            "date": datetime.now(timezone.utc).isoformat(timespec="seconds"),
            "device": segmenter.device.type,
            "overlap": model.overlap,
        },
    }


def write_scene(
    image: Path, segmentation: Path, result: Mapping[str, Any], scene: Path, picture: Path
) -> None:
    """Put the result into a Slicer scene, as the module does, save it and draw it."""
    application = HeadlessApplication()
    volume_node = load_ct(application.scene, image, "CT")
    segmentation_node = apply_to_new_segmentation(volume_node, segmentation, result)
    show_3d(segmentation_node, True)
    fit_views(application.scene, volume_node, segmentation_node)
    save_bundle(application.scene, scene)
    render_views(volume_node, segmentation_node, picture)


def demo(source: Path | None, output: Path) -> None:
    """Segment ``source``, or a phantom, and leave all results in ``output``."""
    started = time.monotonic()
    image = make_phantom("headneck", SEED).image if source is None else read_image(source)
    output.mkdir(parents=True, exist_ok=True)
    ct = output / "ct.nii.gz"
    write_aside(ct, partial(write_image, image=image))

    segmenter = Segmenter()
    structures = choose(segmenter.model.structures, None)
    with show_progress("bar") as progress:
        labels = segmenter(image, progress=progress)
    files = {
        name: output / name
        for name in (
            "segmentation.seg.nrrd",
            "labels.nii.gz",
            "scene.mrb",
            "views.png",
            "volumes.csv",
        )
    }
    for name in ("segmentation.seg.nrrd", "labels.nii.gz"):
        Target(files[name], overwrite=True).write(labels, structures, segmenter.model)
    measurements = measure(labels, image, structures)
    write_csv(files["volumes.csv"], measurements)
    write_scene(
        ct,
        files["segmentation.seg.nrrd"],
        answer(segmenter, structures.values()),
        files["scene.mrb"],
        files["views.png"],
    )

    for m in measurements:
        print(f"{m.name:24} {m.millilitres:8.1f} ml {m.mean_hu:8.0f} HU")
    for file in files.values():
        print(file)
    print(f"{time.monotonic() - started:.1f} s")


def main() -> int:
    """Run the demo; exit codes as those of ``voco``."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--input", type=Path, help="image file or DICOM folder")
    parser.add_argument("--output", type=Path, default=Path("demo-output"))
    arguments = parser.parse_args()
    try:
        with stop_on_signals():
            demo(arguments.input, arguments.output)
    except (VoCoError, VoCoSlicerError, OSError) as error:
        print(f"demo: {error}", file=sys.stderr)
        return 2
    except Stopped as stopped:
        return stopped.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
