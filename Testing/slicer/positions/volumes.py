"""Volumes of a phantom on any grid, and what the network says of them."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import SimpleITK as sitk

from Testing.slicer.scene.scenes import (
    add_transform,
    add_volume,
    affine,
    put_under,
    rotation,
)
from voco3d.positions import OpenVolume, Positioner
from VoCoSlicerLib.positions.volume_file import VolumeFiles
from VoCoSlicerLib.scene.steps import finish

TO_RAS = np.diag([-1.0, -1.0, 1.0])
TURNED = rotation(0.2, -0.15, 0.3)
AXES = np.eye(3)


def volume_of(scene, image: sitk.Image, name: str = "CT"):
    """An image as a volume node, on the image's grid."""
    direction = TO_RAS @ np.reshape(image.GetDirection(), (3, 3))
    return add_volume(
        scene,
        direction,
        values=np.ascontiguousarray(sitk.GetArrayFromImage(image).transpose(2, 1, 0)),
        name=name,
        spacing=image.GetSpacing(),
        origin=TO_RAS @ image.GetOrigin(),
    )


def oriented(code: str) -> Callable[[Any, sitk.Image], Any]:
    return lambda scene, image: volume_of(scene, sitk.DICOMOrient(image, code))


def oblique(scene, image: sitk.Image):
    """The patient lies turned, and so does the grid."""
    turned = sitk.Image(image)
    turned.SetDirection((TURNED @ np.reshape(image.GetDirection(), (3, 3))).ravel().tolist())
    return volume_of(scene, turned)


def oblique_mirrored(scene, image: sitk.Image):
    return oblique(scene, sitk.DICOMOrient(image, "LAI"))


def transformed(scene, image: sitk.Image):
    """Under two transforms that turn, enlarge and move it."""
    node = volume_of(scene, sitk.DICOMOrient(image, "RPS"))
    outer = add_transform(scene, affine(rotation(0.1, 0.2, -0.2) * 1.2, (40.0, -30.0, 15.0)))
    put_under(node, add_transform(scene, affine(TURNED, (5.0, 6.0, 7.0)), outer))
    return node


GRIDS = {
    "LPS": oriented("LPS"),
    "RAS": oriented("RAS"),
    "PIR, permuted": oriented("PIR"),
    "RPS, left-handed": oriented("RPS"),
    "oblique": oblique,
    "oblique, left-handed": oblique_mirrored,
    "under transforms": transformed,
}


def open_as_the_worker(positioner: Positioner, volume_node, folder: Path) -> OpenVolume:
    """The volume as it reaches the worker."""
    path = finish(VolumeFiles(folder).writing(volume_node))
    return positioner.open(sitk.ReadImage(str(path)))


def report_of(opened: OpenVolume, centres: Sequence[Sequence[float]] = ()) -> dict[str, Any]:
    """The worker's answer about crops."""
    return opened.report(opened.locate(centres) if len(centres) else ()).to_plain()


def made_up_report(counts=(2, 3, 2), *, crops: int = 1, axes=AXES, seed: int = 0) -> dict[str, Any]:
    """An answer without a network; the matrix is not symmetric, so that turning it shows."""
    random = np.random.default_rng(seed)
    n = int(np.prod(counts))
    size = np.array([20.0, 30.0, 40.0])
    places = np.stack(np.meshgrid(*map(np.arange, counts), indexing="ij"), axis=-1).reshape(-1, 3)
    centres = (places + 0.5) * size @ np.asarray(axes) + [-30.0, 10.0, 50.0]
    matrix = random.uniform(-0.2, 1.0, (n, n))

    def crop(number: int) -> dict[str, Any]:
        overlaps, predicted = random.dirichlet(np.ones(n)), random.uniform(0, 1, n)
        chosen = int(predicted.argmax())
        return {
            "asked": tuple(centres[number]),
            "centre": tuple(centres[number]),
            "overlaps": tuple(overlaps.tolist()),
            "predicted": tuple(predicted.tolist()),
            "differences": tuple(np.abs(overlaps - predicted).tolist()),
            "loss": 0.25,
            "chosen": chosen + 1,
            "right": bool(overlaps[chosen] == overlaps.max()),
            "place": (1.0, 2.0, 3.0),
            "distance": 12.0,
        }

    return {
        "model": "m",
        "embedding": "projector",
        "notes": ("A note.",),
        "bases": {
            "counts": tuple(counts),
            "voxels": (16, 16, 16),
            "size": tuple(size.tolist()),
            "axes": tuple(map(tuple, np.asarray(axes, dtype=float).tolist())),
            "centres": tuple(map(tuple, centres.tolist())),
            "source": "own",
            "similarity": tuple(map(tuple, matrix.tolist())),
            "regularisation": 0.125,
        },
        "crops": tuple(crop(number) for number in range(crops)),
    }


def write_sweep(
    folder: Path, chosen: np.ndarray, errors: np.ndarray, frame: sitk.Image | None = None
) -> tuple[Path, Path]:
    """The images of a sweep, as the worker writes them; values ``(x, y, z)``."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = folder / "chosen.nrrd", folder / "errors.nrrd"
    for values, path in zip((chosen, errors), paths, strict=True):
        image = sitk.GetImageFromArray(np.ascontiguousarray(values.transpose(2, 1, 0)))
        if frame is not None:
            image.CopyInformation(frame)
        sitk.WriteImage(image, str(path), useCompression=False)
    return paths


def made_up_sweep(folder: Path) -> tuple[Path, Path]:
    chosen = np.arange(24, dtype=np.uint8).reshape(2, 3, 4) % 12 + 1
    errors = np.arange(24, dtype=np.float32).reshape(2, 3, 4)
    return write_sweep(folder, chosen, errors)
