import itertools

import numpy as np
import pytest
import SimpleITK as sitk
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from voco3d.data import Preprocessing
from voco3d.data.preprocessing import (
    array_to_image,
    foreground_box,
    image_to_array,
    labels_on_image,
    network_grid,
    to_network,
)
from voco3d.errors import VoCoError

AXES = [
    "".join(p)
    for letters in itertools.permutations(["LR", "AP", "IS"])
    for p in itertools.product(*letters)
]


def ramp_image(size=(5, 6, 7), spacing=(2.0, 3.0, 4.0), origin=(10.0, -20.0, 30.0)):
    """Voxel values tell their place: R + 100 A + 10000 S in mm, of the voxel's centre."""
    image = sitk.Image(size, sitk.sitkFloat32)
    image.SetSpacing(spacing)
    image.SetOrigin(origin)
    for index in np.ndindex(*size):
        left, posterior, superior = image.TransformIndexToPhysicalPoint(index)
        image[index] = -left - 100 * posterior + 10000 * superior
    return image


def test_array_axes_are_x_y_z():
    image = sitk.Image((2, 3, 4), sitk.sitkInt16)
    image[1, 2, 3] = 7
    assert image_to_array(image).shape == (2, 3, 4)
    assert image_to_array(image)[1, 2, 3] == 7
    assert array_to_image(image_to_array(image), image)[1, 2, 3] == 7


def test_an_array_outlives_its_image():
    def array():
        return image_to_array(sitk.Image((64, 64, 64), sitk.sitkFloat32) + 3)

    arrays = [array() for _ in range(20)]
    assert all((a == 3).all() for a in arrays)


def test_the_network_sees_right_anterior_superior():
    image = ramp_image()
    volume = to_network(image, Preprocessing((2, 3, 4), (-1e6, 1e6), crop_foreground=False))
    values = volume.array[0] * 2e6 - 1e6
    assert np.diff(values, axis=0) == pytest.approx(2, abs=0.5)
    assert np.diff(values, axis=1) == pytest.approx(300, abs=0.5)
    assert np.diff(values, axis=2) == pytest.approx(40000, abs=0.5)


@pytest.mark.parametrize("axes", AXES)
def test_every_orientation_gives_the_same_array(axes, phantom):
    preprocessing = Preprocessing((7, 8, 9), (-200, 500))
    turned = sitk.DICOMOrient(phantom.image, axes)
    assert turned.GetDirection() != phantom.image.GetDirection() or axes == "LPS"
    expected = to_network(phantom.image, preprocessing)
    assert np.array_equal(to_network(turned, preprocessing).array, expected.array)


@pytest.mark.parametrize("axes", AXES)
def test_labels_come_back_where_they_belong(axes, phantom):
    turned_labels = sitk.DICOMOrient(phantom.labels, axes)
    turned = sitk.DICOMOrient(phantom.image, axes)
    volume = to_network(turned, Preprocessing((6, 6, 6), (-200, 500)))
    truth = to_network(phantom.labels, Preprocessing((6, 6, 6), (0, 5), crop_foreground=False))
    classes = np.rint(truth.array[0] * 5).astype(int)[volume.box]
    labels = labels_on_image(
        np.eye(6, dtype=np.float32)[classes].transpose(3, 0, 1, 2), volume, turned
    )
    assert np.array_equal(labels, image_to_array(turned_labels))


@settings(deadline=None, max_examples=30)
@given(
    size=st.tuples(*[st.integers(2, 9)] * 3),
    old=st.tuples(*[st.floats(0.5, 6)] * 3),
    new=st.tuples(*[st.floats(0.5, 6)] * 3),
)
def test_the_grid_is_that_of_monai_spacing(size, old, new):
    import torch
    from monai.data import MetaTensor
    from monai.transforms import Spacing

    image = sitk.DICOMOrient(sitk.Image(size, sitk.sitkFloat32), "RAS")
    image.SetSpacing(old)
    rng = np.random.default_rng(0)
    values = rng.normal(size=size).astype(np.float32)
    image = array_to_image(values, image)
    theirs = Spacing(new, mode="bilinear", padding_mode="border", align_corners=True)(
        MetaTensor(torch.from_numpy(values)[None], affine=torch.diag(torch.tensor([*old, 1.0])))
    )
    grid = network_grid(image, new)
    assume(min(grid.GetSize()) > 1)
    assert grid.GetSize() == tuple(theirs.shape[1:])
    ours = to_network(image, Preprocessing(new, (-10, 10), crop_foreground=False)).array
    assert ours[0] * 20 - 10 == pytest.approx(theirs[0].numpy(), abs=2e-3)


def test_the_foreground_box_is_tight():
    array = np.zeros((6, 7, 8), np.float32)
    array[2:4, 1, 3:8] = 1
    assert foreground_box(array) == (slice(2, 4), slice(1, 2), slice(3, 8))


def test_an_empty_volume_is_all_foreground():
    assert np.zeros((3, 4, 5))[foreground_box(np.zeros((3, 4, 5), np.float32))].shape == (3, 4, 5)


@pytest.mark.parametrize(
    ("spacing", "intensity"),
    [((1, 1), (0, 1)), ((1, 1, 0), (0, 1)), ((1, 1, float("nan")), (0, 1)), ((1, 1, 1), (2, 1))],
)
def test_nonsense_preprocessing_is_refused(spacing, intensity):
    with pytest.raises(VoCoError):
        Preprocessing(spacing, intensity)
