"""DICOM SEG: a segmentation that refers to the series it was made from."""

from pathlib import Path

import highdicom as hd
import numpy as np
import numpy.typing as npt
import pydicom
import SimpleITK as sitk
from pydicom.dataset import Dataset
from pydicom.sr.codedict import codes

import voco3d
from voco3d.errors import VoCoError
from voco3d.models import Model
from voco3d.models.regions import Regions
from voco3d.models.structures import Code, Structure

SERIES_NUMBER = 300
REQUIRED = (
    "SOPClassUID",
    "SOPInstanceUID",
    "StudyInstanceUID",
    "SeriesInstanceUID",
    "FrameOfReferenceUID",
    "ImagePositionPatient",
    "ImageOrientationPatient",
    "PixelSpacing",
)
MAY_BE_EMPTY = (
    "PatientID",
    "PatientName",
    "PatientBirthDate",
    "PatientSex",
    "StudyID",
    "StudyDate",
    "StudyTime",
    "AccessionNumber",
)
"""What a series must state but may leave empty; anonymised ones often do not state it."""
TEXT = 64
"""Characters that DICOM allows in a name or a description."""


def check_source(source: tuple[str, ...]) -> None:
    """Refuse a series that a DICOM SEG cannot refer to.

    Raises:
        VoCoError: If its files lack identifiers, as after too thorough an anonymisation, or
            the place of the slices.
    """
    for file in source:
        header = pydicom.dcmread(file, stop_before_pixels=True, specific_tags=[*REQUIRED])
        lacking = [name for name in REQUIRED if not header.get(name)]
        if lacking:
            raise VoCoError(
                f"The DICOM files lack {', '.join(lacking)}, which a DICOM SEG must refer to: "
                "choose another ending for the output, such as .seg.nrrd."
            )


def write_dicom_seg(
    path: Path,
    labels: sitk.Image,
    structures: dict[int, Structure],
    model: Model,
    source: tuple[str, ...],
) -> None:
    """Write a binary DICOM segmentation.

    Args:
        path: The file.
        labels: Label map on the grid of the series.
        structures: What each label (or region of the model: 1, 2, ...) means; they become
            segments 1, 2, ... in this order.
        model: The model that made it; named as the algorithm. Its regions may overlap.
        source: The files of the series, in the order of the label map's slices.

    Raises:
        OSError: If a file of the series or the segmentation cannot be read or written.
        VoCoError: If the series breaks the rules of DICOM in a way that a segmentation would
            have to repeat.
    """
    algorithm = hd.AlgorithmIdentificationSequence(
        name=f"SlicerVoCo {model.name}"[:TEXT],
        family=codes.DCM.ArtificialIntelligence,
        version=voco3d.__version__,
    )
    try:
        segmentation = hd.seg.Segmentation(
            source_images=[_source_image(file, labels) for file in source],
            pixel_array=_segments(labels, structures, model.regions),
            segmentation_type=hd.seg.SegmentationTypeValues.BINARY,
            segment_descriptions=[
                _description(number, structure, algorithm)
                for number, structure in enumerate(structures.values(), start=1)
            ],
            series_instance_uid=hd.UID(),
            series_number=SERIES_NUMBER,
            sop_instance_uid=hd.UID(),
            instance_number=1,
            manufacturer="SlicerVoCo",
            manufacturer_model_name=model.name[:TEXT],
            software_versions=voco3d.__version__,
            device_serial_number="none",
            content_label="SEGMENTATION",
            content_description=model.card.task[:TEXT],
            series_description=f"SlicerVoCo {model.name}"[:TEXT],
            specific_character_set="ISO_IR 192",
        )
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise VoCoError(
            f"The DICOM series does not allow a DICOM SEG ({error}): choose another ending for "
            "the output, such as .seg.nrrd."
        ) from error
    segmentation.save_as(path)


def _segments(
    labels: sitk.Image, structures: dict[int, Structure], regions: Regions | None
) -> npt.NDArray[np.uint8]:
    """Segment numbers (slice, row, column); for regions (slice, row, column, segment), 0 or 1."""
    voxels = sitk.GetArrayViewFromImage(labels)
    if regions is None:
        number_of = np.zeros(256, dtype=np.uint8)
        number_of[list(structures)] = range(1, len(structures) + 1)
        return number_of[voxels]
    masks = regions.masks_of(voxels)[[number - 1 for number in structures]]
    return np.moveaxis(masks, 0, -1).astype(np.uint8)


def _source_image(file: str, labels: sitk.Image) -> Dataset:
    image = pydicom.dcmread(file, stop_before_pixels=True)
    for name in MAY_BE_EMPTY:
        if name not in image:
            setattr(image, name, None)
    if not image.get("SliceThickness"):
        image.SliceThickness = labels.GetSpacing()[2]
    return image


def _description(
    number: int, structure: Structure, algorithm: hd.AlgorithmIdentificationSequence
) -> hd.seg.SegmentDescription:
    description = hd.seg.SegmentDescription(
        segment_number=number,
        segment_label=structure.name[:TEXT],
        segmented_property_category=_concept(structure.category),
        segmented_property_type=_concept(structure.type),
        algorithm_type=hd.seg.SegmentAlgorithmTypeValues.AUTOMATIC,
        algorithm_identification=algorithm,
        anatomic_regions=[_concept(structure.region)] if structure.region else None,
        display_color=hd.color.CIELabColor.from_rgb(*structure.color),
    )
    if structure.modifier:
        type_item: Dataset = description.SegmentedPropertyTypeCodeSequence[0]
        type_item.SegmentedPropertyTypeModifierCodeSequence = [_concept(structure.modifier)]
    return description


def _concept(code: Code) -> hd.sr.CodedConcept:
    return hd.sr.CodedConcept(value=code.value, scheme_designator=code.scheme, meaning=code.meaning)
