"""A DICOM series with a label map of it, and whether a DICOM SEG lies on it."""

from pathlib import Path

import highdicom as hd
import numpy as np
import pydicom
import pytest
import SimpleITK as sitk

from Testing.conftest import write_dicom_series
from voco3d.data.images import choose_series, read_image, series_files


class Series:
    """A DICOM series of a phantom that is turned, and a label map of it."""

    def __init__(self, folder: Path, image: sitk.Image) -> None:
        write_dicom_series(image, folder)
        self.files = series_files(folder, choose_series(folder, None))
        self.image = read_image(folder)
        voxels = sitk.GetArrayFromImage(self.image)
        array = (voxels > 200).astype(np.uint8)
        array[1:4, 2:7, 3:12] = 2
        self.labels = sitk.GetImageFromArray(array)
        self.labels.CopyInformation(self.image)

    def noise(self) -> sitk.Image:
        """Labels that do not compress."""
        array = np.random.default_rng(5).integers(0, 3, self.labels.GetSize()[::-1], np.uint8)
        image = sitk.GetImageFromArray(array)
        image.CopyInformation(self.image)
        return image


def assert_at_its_place(segmentation: hd.seg.Segmentation, series: Series, labels: list[int]):
    """Every mask of a segmentation lies where the label map has it, and refers to its slice."""
    sources = {header.SOPInstanceUID: header for header in map(pydicom.dcmread, series.files)}
    expected = sitk.GetArrayFromImage(series.labels)
    found = np.zeros((len(labels), *expected.shape), dtype=bool)
    frames = segmentation.PerFrameFunctionalGroupsSequence
    shared = segmentation.SharedFunctionalGroupsSequence[0]
    for frame, mask in zip(frames, segmentation.pixel_array, strict=True):
        identified = frame if "SegmentIdentificationSequence" in frame else shared
        number = identified.SegmentIdentificationSequence[0].ReferencedSegmentNumber
        place = [float(v) for v in frame.PlanePositionSequence[0].ImagePositionPatient]
        x, y, z = series.labels.TransformPhysicalPointToIndex(place)
        assert (x, y) == (0, 0)
        assert series.labels.TransformIndexToPhysicalPoint((x, y, z)) == pytest.approx(place)
        found[number - 1, z] = mask
        (source,) = frame.DerivationImageSequence[0].SourceImageSequence
        assert sources[source.ReferencedSOPInstanceUID].ImagePositionPatient == pytest.approx(place)
    for index, label in enumerate(labels):
        assert np.array_equal(found[index], expected == label)
    direction = np.array(series.image.GetDirection()).reshape(3, 3)
    assert shared.PlaneOrientationSequence[0].ImageOrientationPatient == pytest.approx(
        [*direction[:, 0], *direction[:, 1]]
    )
    assert shared.PixelMeasuresSequence[0].PixelSpacing == pytest.approx([6.0, 6.0])
