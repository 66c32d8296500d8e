"""The structures of results, and the endings of their files."""

import SimpleITK as sitk

from voco3d.models import Code, Structure
from voco3d.models.structures import ALTERED_STRUCTURE

LIVER_TUMOR = Structure(
    "liver tumor",
    (51, 102, 0),
    ALTERED_STRUCTURE,
    Code("SCT", "108369006", "Neoplasm"),
    region=Code("SCT", "10200004", "Liver"),
)
ENDINGS = (".seg.nrrd", ".nii.gz", ".nrrd", ".mha", ".dcm")
FILE_ENDINGS = ENDINGS[:-1]


def by_label(*structures: Structure) -> dict[int, Structure]:
    return dict(enumerate(structures, start=1))


def of_regions(labels: sitk.Image) -> sitk.Image:
    """The label map with the values 0, 1, 2, 4 instead of 0, 1, 2."""
    array = sitk.GetArrayFromImage(labels)
    array[::2][array[::2] == 2] = 4
    image = sitk.GetImageFromArray(array)
    image.CopyInformation(labels)
    return image
