"""The data sets as people have them, in small: names and folders as distributed, tiny volumes."""

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path

import numpy as np
import SimpleITK as sitk

from voco3d.presets import PRESETS, Preset


@dataclass(frozen=True)
class Disk:
    """How a data set lies on a disk; ``{}`` stands for a case's name or number.

    Attributes:
        preset: Its name.
        images: Path of the image of each channel, in the preset's order.
        label: Path of the label map.
        values: Values in a label map.
        numeric: Names are numbers, which the paths format.
    """

    preset: str
    images: tuple[str, ...]
    label: str | None
    values: tuple[int, ...] = ()
    numeric: bool = True

    def image_paths(self, case: str) -> list[str]:
        return [path.format(self._number(case)) for path in self.images]

    def label_path(self, case: str) -> str:
        assert self.label is not None
        return self.label.format(self._number(case))

    def _number(self, case: str) -> int | str:
        return int(case) if self.numeric else case


MODALITIES = ("flair", "t1ce", "t1", "t2")
HEART = (205, 420, 500, 550, 600, 820, 850)

DISKS = {
    "btcv raw": Disk(
        "btcv",
        ("RawData/Training/img/img{:04}.nii.gz",),
        "RawData/Training/label/label{:04}.nii.gz",
        tuple(range(1, 14)),
    ),
    "btcv decathlon": Disk(
        "btcv",
        ("imagesTr/img{:04}.nii.gz",),
        "labelsTr/label{:04}.nii.gz",
        tuple(range(1, 14)),
    ),
    "btcv nnunet": Disk(
        "btcv",
        ("Dataset017_BTCV/imagesTr/BTCV_{:03}_0000.nii.gz",),
        "Dataset017_BTCV/labelsTr/BTCV_{:03}.nii.gz",
        tuple(range(1, 14)),
    ),
    "lits raw": Disk(
        "lits", ("Training Batch 1/volume-{}.nii",), "Training Batch 1/segmentation-{}.nii", (1, 2)
    ),
    "lits packed": Disk("lits", ("ct/volume-{}.nii.gz",), "seg/segmentation-{}.nii.gz", (1, 2)),
    "lits decathlon": Disk(
        "lits",
        ("Task03_Liver/imagesTr/liver_{}.nii.gz",),
        "Task03_Liver/labelsTr/liver_{}.nii.gz",
        (1, 2),
    ),
    "spleen decathlon": Disk(
        "msd-spleen",
        ("Task09_Spleen/imagesTr/spleen_{}.nii.gz",),
        "Task09_Spleen/labelsTr/spleen_{}.nii.gz",
        (1,),
    ),
    "spleen nnunet": Disk(
        "msd-spleen",
        ("imagesTr/spleen_{}_0000.nii.gz",),
        "labelsTr/spleen_{}.nii.gz",
        (1,),
    ),
    "heart raw": Disk(
        "mm-whs",
        ("ct_train/ct_train_{}_image.nii.gz",),
        "ct_train/ct_train_{}_label.nii.gz",
        HEART,
    ),
    "heart apart": Disk(
        "mm-whs", ("images/ct_train_{}_image.nii.gz",), "labels/ct_train_{}_label.nii.gz", HEART
    ),
    "brats raw": Disk(
        "brats21",
        tuple(f"{{0}}/{{0}}_{modality}.nii.gz" for modality in MODALITIES),
        "{0}/{0}_seg.nii.gz",
        (1, 2, 4),
        numeric=False,
    ),
    "brats nnunet": Disk(
        "brats21",
        tuple(f"imagesTr/{{}}_{number}.nii.gz" for number in ("0003", "0001", "0000", "0002")),
        "labelsTr/{}.nii.gz",
        (1, 2, 3),
        numeric=False,
    ),
    "ccii volumes": Disk("cc-ccii", ("{}.nii.gz",), None, numeric=False),
    "ccii folders": Disk("cc-ccii", ("data/{}/scan.nii.gz",), None, numeric=False),
}


def volume(
    values: Sequence[int], number: int = 0, channel: int = 0
) -> tuple[sitk.Image, sitk.Image]:
    """An image and its label map: a block a value, brighter from value to value.

    16 x 16 x 8 voxels of 2 x 2.5 x 3 mm, turned and moved as a scan may be.
    """
    rng = np.random.default_rng((number, channel))
    labels = np.zeros((16, 16, 8), np.int16)
    array = rng.normal(-80, 10, labels.shape)
    for index, (value, (x, y)) in enumerate(zip(values, product(range(4), range(4)), strict=False)):
        block = (slice(4 * x, 4 * x + 3), slice(4 * y, 4 * y + 3), slice(2, 7))
        labels[block] = value
        array[block] += 20 * (index + 1) + 5 * channel
    images = []
    for voxels in (array.round().astype(np.int16), labels):
        image = sitk.GetImageFromArray(voxels.T)
        image.SetSpacing((2.0, 2.5, 3.0))
        image.SetOrigin((11.0, -7.0, 30.0 + number))
        image.SetDirection((-1.0, 0.0, 0.0, 0.0, -1.0, 0.0, 0.0, 0.0, 1.0))
        images.append(image)
    return images[0], images[1]


def names(preset: Preset, count: int | None = None) -> list[str]:
    """Names of cases, all of them or a few: of classification class, patient and scan."""
    count = count or preset.count
    if preset.categories:
        return [f"{preset.categories[i % 3]}/{i}/{1000 + i}" for i in range(count)]
    if not preset.cases:
        return [f"BraTS2021_{i:05}" for i in range(count)]
    apart = [case for case in preset.cases if case not in preset.validation]
    return (
        [*preset.validation, *apart][:count]
        if count == preset.count
        else [
            *preset.validation[: count // 3],
            *apart[: count - count // 3],
        ]
    )


def small(name: str, count: int = 6) -> Preset:
    """The preset as if the data set had a few cases only."""
    preset = PRESETS[name]
    cases = names(preset, count)
    return replace(preset, count=count, cases=tuple(cases) if preset.cases else ())


def lay_out(folder: Path, disk: Disk, cases: Sequence[str]) -> None:
    """Write cases, each with volumes of its own."""
    for number, case in enumerate(cases):
        for channel, path in enumerate(disk.image_paths(case)):
            image, label = volume(disk.values, number, channel)
            write(folder / path, image)
        if disk.label is not None:
            write(folder / disk.label_path(case), label)


def link(folder: Path, disk: Disk, cases: Sequence[str]) -> None:
    """Lay out many cases quickly: all have the same volume, stored once."""
    first, *others = cases
    lay_out(folder, disk, [first])
    for case in others:
        for path, of in zip(_paths(disk, case), _paths(disk, first), strict=True):
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            os.link(folder / of, folder / path)


def write(path: Path, image: sitk.Image) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    sitk.WriteImage(image, str(path))


def _paths(disk: Disk, case: str) -> Iterator[str]:
    yield from disk.image_paths(case)
    if disk.label is not None:
        yield disk.label_path(case)
