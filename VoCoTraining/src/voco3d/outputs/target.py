"""Where a segmentation goes: checked before the work, written aside and moved there after it."""

from dataclasses import dataclass
from pathlib import Path

import SimpleITK as sitk

from voco3d import writing
from voco3d.data.lists import SEGMENTATION
from voco3d.errors import VoCoError
from voco3d.models import Model
from voco3d.models.structures import Structure
from voco3d.outputs.dicom_seg import check_source, write_dicom_seg
from voco3d.outputs.seg_nrrd import write_seg_nrrd

LABEL_MAPS = (".nii.gz", ".nrrd", ".mha")
DICOM = ".dcm"


@dataclass(frozen=True)
class Target:
    """An output file that can be written.

    Args:
        path: The file; its ending says the format: ``.seg.nrrd``, ``.nii.gz``, ``.nrrd``,
            ``.mha`` or ``.dcm``.
        overwrite: Replace a file that is there.
        source: The files of the DICOM series that is segmented, in slice order; needed for
            ``.dcm``.

    Raises:
        VoCoError: If the ending is unknown, the folder is absent or not writable, the file
            exists and is not to be replaced, or ``.dcm`` is asked for without a DICOM series that
            a segmentation can refer to.
    """

    path: Path
    overwrite: bool = False
    source: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        endings = (SEGMENTATION, *LABEL_MAPS, DICOM)
        if not self.path.name.endswith(endings) or self.path.name in endings:
            raise VoCoError(
                f"The output {self.path} has no known ending: use one of {', '.join(endings)}."
            )
        if self.path.name.endswith(DICOM) and not self.source:
            raise VoCoError(
                "DICOM SEG needs a DICOM series as input: give a DICOM folder, or another ending "
                f"for the output ({', '.join(endings[:-1])})."
            )
        writing.check_writable(self.path, self.overwrite)
        if self.path.name.endswith(DICOM):
            check_source(self.source)

    def write(self, labels: sitk.Image, structures: dict[int, Structure], model: Model) -> None:
        """Write a segmentation; on any failure nothing is left behind.

        Args:
            labels: Label map (uint8) on the image's grid.
            structures: What each label (or region of the model: 1, 2, ...) means.
            model: The model that made it.

        Raises:
            VoCoError: If the file cannot be written to its end.
        """
        writing.write_aside(self.path, lambda part: self._write(part, labels, structures, model))

    def discard(self) -> None:
        """Remove what was written aside, if anything."""
        writing.discard(self.path)

    def _write(
        self, part: Path, labels: sitk.Image, structures: dict[int, Structure], model: Model
    ) -> None:
        if self.path.name.endswith(DICOM):
            write_dicom_seg(part, labels, structures, model, self.source)
        elif self.path.name.endswith(SEGMENTATION):
            write_seg_nrrd(part, labels, structures, model.regions)
        else:
            writing.write_image(part, labels)
