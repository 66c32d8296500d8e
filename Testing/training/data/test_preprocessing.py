import itertools
import json

import numpy as np
import pytest
import SimpleITK as sitk
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from voco3d.data import Preprocessing
from voco3d.data.grids import network_grid, on_one_grid, sized_grid
from voco3d.data.preprocessing import (
    array_to_image,
    foreground_box,
    image_to_array,
    labels_on_image,
    on_image,
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


@pytest.mark.parametrize(
    ("spacing", "crop", "size", "message"),
    [
        ((1, 1, 1), False, (4, 4, 4), "not both"),
        (None, True, (4, 4, 4), "turn crop_foreground off"),
        (None, False, (4, 4), "three whole numbers"),
        (None, False, (4, 4, 0), "three whole numbers"),
    ],
)
def test_nonsense_sizes_are_refused(spacing, crop, size, message):
    with pytest.raises(VoCoError, match=message):
        Preprocessing(spacing, (0, 1), crop, size)


@pytest.mark.parametrize(
    "preprocessing",
    [
        Preprocessing((1.5, 2, 3), (-200, 300)),
        Preprocessing(None, None, crop_foreground=False),
        Preprocessing(None, (0, 1), crop_foreground=False, size=(7, 8, 9)),
    ],
)
def test_preprocessing_survives_json(preprocessing):
    assert Preprocessing.from_json(json.loads(json.dumps(preprocessing.to_json()))) == preprocessing


def test_preprocessing_without_a_size_is_written_as_before_and_read():
    values = {"spacing": [2.0, 3.0, 4.0], "intensity": [-1.0, 1.0], "crop_foreground": True}
    assert Preprocessing((2.0, 3.0, 4.0), (-1.0, 1.0)).to_json() == values
    assert Preprocessing.from_json(values) == Preprocessing((2.0, 3.0, 4.0), (-1.0, 1.0))
    with pytest.raises(TypeError, match="spacing"):
        Preprocessing.from_json({"intensity": [0, 1]})


NATIVE = Preprocessing(None, None)


def channel(grid=None, seed=0, size=(9, 8, 7)):
    """Numbers of both signs in a box, 0 around it, on an oblique grid."""
    values = np.zeros(size, np.float32)
    values[2:6, 1:7, 3:6] = np.random.default_rng(seed).normal(3, 5, (4, 6, 3))
    values[2, 1, 3] = values[5, 6, 5] = -2  # the corners of the box are below 0
    if grid is None:
        grid = sitk.Image(size, sitk.sitkUInt8)
        grid.SetSpacing((0.7, 1.3, 2.9))
        grid.SetOrigin((-31, 15, 26))
        rotation = sitk.Euler3DTransform()
        rotation.SetRotation(0.2, -0.3, 0.4)
        grid.SetDirection(rotation.GetMatrix())
    return array_to_image(values, grid)


def test_without_a_spacing_the_voxels_are_those_of_the_image():
    image = channel()
    preprocessing = Preprocessing(None, (-100, 100), crop_foreground=False)
    values = to_network(image, preprocessing).array[0] * 200 - 100
    assert values == pytest.approx(image_to_array(sitk.DICOMOrient(image, "RAS")), abs=1e-4)


def test_z_scores_are_of_the_voxels_that_are_not_zero_and_zeros_stay():
    image = channel()
    volume = to_network(image, NATIVE)
    raw = image_to_array(sitk.DICOMOrient(image, "RAS"))
    assert np.array_equal(np.argwhere(raw != 0).min(0), [part.start for part in volume.box])
    assert np.array_equal(np.argwhere(raw != 0).max(0) + 1, [part.stop for part in volume.box])
    whole = to_network(image, Preprocessing(None, None, crop_foreground=False)).array[0]
    assert np.array_equal(whole[volume.box], volume.array[0])
    assert (whole[raw == 0] == 0).all()
    counted = whole[raw != 0]
    assert (counted.mean(), counted.std()) == pytest.approx((0, 1), abs=1e-6)
    expected = (raw[raw != 0] - raw[raw != 0].mean()) / raw[raw != 0].std()
    assert counted == pytest.approx(expected, abs=1e-5)


def test_channels_keep_their_order_and_have_a_z_score_each():
    first, second = channel(seed=1), channel(seed=2) * 40
    both = to_network([first, second], NATIVE).array
    assert both.shape[0] == 2
    for index, image in enumerate((first, second)):
        assert both[index] == pytest.approx(to_network(image, NATIVE).array[0], abs=1e-5)


def test_the_foreground_is_what_any_channel_shows():
    first, second = sitk.Image(channel()), channel() * 0
    second[0, 0, 0] = 5.0
    volume = to_network([first, second], NATIVE)
    nonzero = (
        image_to_array(sitk.DICOMOrient(first, "RAS")) != 0,
        image_to_array(sitk.DICOMOrient(second, "RAS")) != 0,
    )
    assert volume.box == foreground_box(nonzero[0] | nonzero[1])
    assert volume.box != foreground_box(nonzero[0])


def test_an_empty_channel_and_one_of_equal_values_have_finite_z_scores():
    image = channel()
    empty = image * 0
    equal = sitk.Cast(image != 0, sitk.sitkFloat32) * 7
    volume = to_network([image, empty, equal], NATIVE)
    assert np.isfinite(volume.array).all()
    assert not volume.array[1:].any()


@pytest.mark.parametrize("axes", AXES)
def test_channels_may_be_stored_with_other_axes(axes):
    """A voxel of the patient is one voxel of the network's array in all channels."""
    first, second = channel(seed=1), channel(seed=2)
    expected = to_network([first, second], NATIVE)
    turned = to_network([first, sitk.DICOMOrient(second, axes)], NATIVE)
    assert np.array_equal(turned.array, expected.array)


def other_grid(what):
    image = channel()
    if what == "size":
        return image[:, :, 1:]
    if what == "origin":
        image.SetOrigin((-31, 15.2, 26))
    if what == "spacing":
        image.SetSpacing((0.7, 1.3, 2.8))
    if what == "direction":
        image.SetDirection((1, 0, 0, 0, 1, 0, 0, 0, 1))
    if what == "mirrored":
        flipped = sitk.Flip(image, (True, False, False))
        image.SetOrigin(flipped.GetOrigin())
    return image


@pytest.mark.parametrize("what", ["size", "origin", "spacing", "direction", "mirrored"])
def test_channels_on_different_grids_are_refused(what):
    assert on_one_grid(channel(), channel())
    assert not on_one_grid(channel(), other_grid(what))
    with pytest.raises(VoCoError, match="channels lie on different grids: resample them"):
        to_network([channel(), other_grid(what)], NATIVE)


@settings(deadline=None, max_examples=30)
@given(
    size=st.tuples(*[st.integers(2, 9)] * 3),
    new=st.tuples(*[st.integers(1, 20)] * 3),
    seed=st.integers(0, 9),
)
def test_a_size_is_reached_as_monai_resizes(size, new, seed):
    import torch
    from monai.transforms import Resize

    values = np.random.default_rng(seed).normal(size=size).astype(np.float32)
    grid = sitk.DICOMOrient(sitk.Image(size, sitk.sitkFloat32), "RAS")
    grid.SetSpacing((0.7, 1.3, 2.9))
    preprocessing = Preprocessing(None, (-10, 10), crop_foreground=False, size=new)
    ours = to_network(array_to_image(values, grid), preprocessing).array
    theirs = Resize(new, mode="trilinear", align_corners=False)(torch.from_numpy(values)[None])
    assert ours.shape == (1, *new)
    assert ours[0] * 20 - 10 == pytest.approx(theirs[0].numpy(), abs=1e-4)


@pytest.mark.parametrize("axes", ["LPS", "RAS", "SAR", "IPL"])
@pytest.mark.parametrize("size", [(4, 5, 6), (20, 23, 26)])
def test_a_sized_grid_has_the_borders_of_the_image(axes, size):
    image = sitk.DICOMOrient(sitk.DICOMOrient(channel(), axes), "RAS")
    grid = sized_grid(image, size)
    assert grid.GetSize() == size
    for corner in itertools.product((0, 1), repeat=3):
        ends = [
            [-0.5 if low else n - 0.5 for low, n in zip(corner, i.GetSize(), strict=True)]
            for i in (image, grid)
        ]
        place, same = (
            i.TransformContinuousIndexToPhysicalPoint(end)
            for i, end in zip((image, grid), ends, strict=True)
        )
        assert place == pytest.approx(same, abs=1e-9)


@pytest.mark.parametrize("axes", AXES)
def test_a_sized_volume_keeps_left_and_right(axes):
    image = sitk.DICOMOrient(ramp_image(), axes)
    preprocessing = Preprocessing(None, (-1e6, 1e6), crop_foreground=False, size=(10, 12, 14))
    volume = to_network(image, preprocessing)
    values = volume.array[0] * 2e6 - 1e6
    assert np.diff(values[1:-1], axis=0) == pytest.approx(1, abs=0.5)
    assert np.diff(values[:, 1:-1], axis=1) == pytest.approx(150, abs=0.5)
    assert np.diff(values[:, :, 1:-1], axis=2) == pytest.approx(20000, abs=0.5)
    (back,) = on_image(values[None], volume, image)
    inside = (slice(1, -1),) * 3
    assert back[inside] == pytest.approx(image_to_array(image)[inside], abs=0.5)
