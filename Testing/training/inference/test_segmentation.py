import itertools

import numpy as np
import pytest
import SimpleITK as sitk
import torch

import voco3d
from voco3d.errors import VoCoError
from voco3d.inference import Segmenter, choose_device
from voco3d.metrics import dice

ROTATION = np.array(
    sitk.Euler3DTransform((0, 0, 0), 0.2, -0.3, 0.4).GetMatrix()  # radians, about x, y, z
).reshape(3, 3)


@pytest.fixture(scope="module")
def segmenter(model_folder):
    return Segmenter(model_folder)


@pytest.fixture(scope="module")
def labels(segmenter, phantom):
    return segmenter(phantom.image)


def same_grid(a, b):
    return (
        a.GetSize() == b.GetSize()
        and np.allclose(a.GetSpacing(), b.GetSpacing())
        and np.allclose(a.GetOrigin(), b.GetOrigin())
        and np.allclose(a.GetDirection(), b.GetDirection())
    )


def agreement(a, b):
    """The lowest Dice over the labels of two maps."""
    x, y = sitk.GetArrayFromImage(a), sitk.GetArrayFromImage(b)
    return min(dice(x, y, label) for label in np.unique(y))


def test_the_small_model_uses_all_labels(labels):
    counts = np.bincount(sitk.GetArrayFromImage(labels).ravel(), minlength=3)
    assert counts.min() > 0.02 * counts.sum()


def test_the_result_lies_on_the_inputs_grid(labels, phantom):
    assert same_grid(labels, phantom.image)
    assert labels.GetPixelID() == sitk.sitkUInt8


@pytest.mark.parametrize(
    "axes",
    ["RAS", "LPS", "SAR", "IPL", "ASL", "PIR", "RPI", "LAI"],
)
def test_a_reoriented_copy_gives_the_reoriented_segmentation(axes, segmenter, labels, phantom):
    turned = segmenter(sitk.DICOMOrient(phantom.image, axes))
    assert same_grid(turned, sitk.DICOMOrient(phantom.image, axes))
    assert agreement(turned, sitk.DICOMOrient(labels, axes)) >= 0.99


@pytest.mark.parametrize("flips", itertools.product([False, True], repeat=3))
def test_flipping_the_stored_axes_changes_nothing_in_the_patient(flips, segmenter, labels, phantom):
    flipped = sitk.Flip(phantom.image, flips)
    assert flipped.TransformContinuousIndexToPhysicalPoint((0, 0, 0)) != (
        phantom.image.GetOrigin()
    ) or not any(flips)
    assert agreement(segmenter(flipped), sitk.Flip(labels, flips)) >= 0.99


def test_an_oblique_image_keeps_its_grid_and_its_segmentation(segmenter, labels, phantom):
    oblique = sitk.Image(phantom.image)
    direction = ROTATION @ np.array(phantom.image.GetDirection()).reshape(3, 3)
    oblique.SetDirection(direction.ravel().tolist())
    oblique.SetOrigin((123.0, -45.0, 67.0))
    result = segmenter(oblique)
    assert same_grid(result, oblique)
    assert np.array_equal(sitk.GetArrayFromImage(result), sitk.GetArrayFromImage(labels))


def test_a_mirrored_patient_gets_a_mirrored_segmentation_only_if_the_network_does(
    segmenter, labels, phantom
):
    """Voxels mirrored with the header left alone are another patient, not another orientation."""
    mirrored = sitk.GetImageFromArray(sitk.GetArrayFromImage(phantom.image)[:, :, ::-1])
    mirrored.CopyInformation(phantom.image)
    back = sitk.GetArrayFromImage(segmenter(mirrored))[:, :, ::-1]
    assert not np.array_equal(back, sitk.GetArrayFromImage(labels))


@pytest.mark.parametrize("spacing", [(3.0, 9.0, 5.0), (11.0, 2.5, 4.0), (6.0, 6.0, 1.0)])
def test_anisotropic_spacing(spacing, segmenter, phantom):
    size = [
        round(n * s / t)
        for n, s, t in zip(
            phantom.image.GetSize(), phantom.image.GetSpacing(), spacing, strict=True
        )
    ]
    image = sitk.Resample(
        phantom.image,
        size,
        sitk.Transform(),
        sitk.sitkLinear,
        phantom.image.GetOrigin(),
        spacing,
        phantom.image.GetDirection(),
        -1000,
    )
    result = segmenter(image)
    assert same_grid(result, image)
    assert (
        agreement(segmenter(sitk.DICOMOrient(image, "SAR")), sitk.DICOMOrient(result, "SAR"))
        >= 0.99
    )


@pytest.mark.parametrize("size", [(2, 2, 2), (3, 40, 5), (40, 44, 2)])
def test_images_smaller_than_one_window(size, segmenter, phantom):
    image = sitk.RegionOfInterest(phantom.image, size, (0, 0, 20))
    noise = sitk.AdditiveGaussianNoise(sitk.Cast(image, sitk.sitkFloat32), 50.0, 0.0, 1)
    assert same_grid(segmenter(noise), image)


@pytest.mark.parametrize(
    "pixel", [sitk.sitkUInt8, sitk.sitkUInt16, sitk.sitkInt32, sitk.sitkFloat64]
)
def test_every_pixel_type(pixel, segmenter, phantom):
    image = sitk.Cast(sitk.Clamp(phantom.image, lowerBound=0, upperBound=250), pixel)
    as_float = sitk.Cast(image, sitk.sitkFloat32)
    assert agreement(segmenter(image), segmenter(as_float)) == 1


def test_only_the_classes_asked_for(segmenter, labels, phantom):
    only = segmenter(phantom.image, classes=["Right Parotid Gland"])
    assert np.array_equal(
        sitk.GetArrayFromImage(only), np.where(sitk.GetArrayFromImage(labels) == 2, 2, 0)
    )


def test_the_function_and_the_class_agree(model_folder, labels, phantom):
    result = voco3d.segment(phantom.image, model=model_folder, device="cpu")
    assert np.array_equal(sitk.GetArrayFromImage(result), sitk.GetArrayFromImage(labels))


@pytest.mark.parametrize("overlap", [-0.1, 1.0, 7.0])
def test_overlap_out_of_range(overlap, segmenter, phantom):
    with pytest.raises(VoCoError, match="overlap must be from 0 to below 1"):
        segmenter(phantom.image, overlap=overlap)


def test_unknown_class(segmenter, phantom):
    with pytest.raises(VoCoError, match="no class 'liver': choose from brainstem, right parotid"):
        segmenter(phantom.image, classes=["liver"])


def test_devices():
    assert choose_device("cpu") == torch.device("cpu")
    assert choose_device("auto").type in ("cpu", "cuda", "mps")
    with pytest.raises(VoCoError, match="no device 'tpu'"):
        choose_device("tpu")


@pytest.mark.parametrize("device", ["cuda", "mps"])
def test_a_device_that_is_not_there(device):
    available = torch.cuda.is_available() if device == "cuda" else torch.backends.mps.is_available()
    if available:
        assert choose_device(device).type == device
    else:
        with pytest.raises(VoCoError, match="no usable"):
            choose_device(device)
