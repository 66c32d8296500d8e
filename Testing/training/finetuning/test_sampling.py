import itertools

import numpy as np
import pytest
import SimpleITK as sitk
from hypothesis import given, settings
from hypothesis import strategies as st

from Testing.training.finetuning.tiny_cases import body
from voco3d.data import Preprocessing
from voco3d.data.preprocessing import image_to_array, to_network
from voco3d.finetuning.sampling import (
    box_of,
    crop_points,
    interpolate,
    interpolate_labelled,
    onto_border,
)

AXES = [
    "".join(p)
    for letters in itertools.permutations(["LR", "AP", "IS"])
    for p in itertools.product(*letters)
]


def plain_value(image: np.ndarray, point: np.ndarray) -> float:
    """Trilinear interpolation at one point; 0 outside."""
    total = 0.0
    for voxel in np.ndindex(*image.shape):
        weight = np.prod(np.maximum(0, 1 - np.abs(np.array(voxel) - point)))
        total += float(weight) * float(image[voxel])
    return total


def drawn(seed: int, points: tuple[int, int, int] = (2, 3, 2)):
    """A small image, small labels, and points in them and around them."""
    random = np.random.default_rng(seed)
    shape = tuple(random.integers(1, 5, 3).tolist())
    image = random.normal(0, 1, (2, *shape)).astype(np.float32)
    labels = random.integers(0, 4, shape).astype(np.uint8)
    places = random.uniform(-2, 5, (*points, 3))
    whole = random.random(places.shape) < 0.3
    return image, labels, np.where(whole, np.rint(places), places).astype(np.float32)


@settings(deadline=None, max_examples=25)
@given(st.integers(0, 10**6))
def test_interpolation_is_that_of_a_plain_loop(seed):
    image, labels, points = drawn(seed)
    values, shares = (t.numpy() for t in interpolate_labelled(image, labels, 4, points))
    np.testing.assert_array_equal(values, interpolate(image, points).numpy())
    assert shares.shape == (5, *points.shape[:3])
    assert shares.sum(axis=0) == pytest.approx(1, abs=1e-5)
    assert not shares[4].any()
    for place in np.ndindex(*points.shape[:3]):
        for channel in range(2):
            expected = plain_value(image[channel], points[place])
            assert values[channel][place] == pytest.approx(expected, abs=1e-4)
        for label in range(1, 4):
            expected = plain_value(labels == label, points[place])
            assert shares[label][place] == pytest.approx(expected, abs=1e-4)


@settings(deadline=None, max_examples=25)
@given(st.integers(0, 10**6))
def test_the_box_of_points_holds_all_that_they_need(seed):
    image, _, points = drawn(seed)
    box = box_of(points, image.shape[1:])
    part = image[(slice(None), *box)]
    assert part.size
    start = np.array([side.start for side in box], np.float32)
    assert interpolate(part, points - start).numpy() == pytest.approx(
        interpolate(image, points).numpy(), abs=1e-5
    )


def test_the_box_of_points_is_no_larger_than_they_need():
    points = np.array([[[[2.2, 3.0, 4.9], [5.1, 3.0, 6.5]]]], np.float32)
    assert box_of(points, (20, 20, 20)) == (slice(2, 7), slice(3, 5), slice(4, 8))


@settings(deadline=None, max_examples=20)
@given(st.integers(0, 10**6))
def test_the_points_of_a_crop_are_those_of_a_plain_loop(seed):
    random = np.random.default_rng(seed)
    size = (3, 2, 4)
    spacing, own = random.uniform(0.5, 3, 3), random.uniform(0.5, 3, 3)
    centre, matrix = random.uniform(0, 200, 3), random.normal(0, 1, (3, 3))
    moved = random.normal(0, 2, (*size, 3)).astype(np.float32)
    points = crop_points(size, spacing, centre, matrix, own, moved)
    assert points.dtype == np.float32
    for voxel in np.ndindex(*size):
        offset = [(voxel[a] - (size[a] - 1) / 2) * spacing[a] for a in range(3)]
        for axis in range(3):
            millimetres = sum(matrix[axis, a] * offset[a] for a in range(3)) + moved[voxel][axis]
            expected = centre[axis] + millimetres / own[axis]
            assert points[voxel][axis] == pytest.approx(expected, abs=1e-3)


def test_beyond_the_border_an_image_repeats_as_far_as_asked_and_then_ends():
    image = np.arange(1, 5, dtype=np.float32).reshape(1, 4, 1, 1)
    x = [-0.9, -0.5, -0.2, 0.5, 3.0, 3.5, 3.8]
    points = np.zeros((len(x), 1, 1, 3), np.float32)
    points[:, 0, 0, 0] = x
    held = onto_border(points, (4, 1, 1), np.array([0.5, 0.5, 0.5]))
    expected = [0, 1, 1, 1.5, 4, 4, 0]
    assert interpolate(image, held).flatten().numpy() == pytest.approx(expected, abs=1e-5)
    points[..., 2] = 0.6  # beyond the border along another axis
    held = onto_border(points, (4, 1, 1), np.array([0.5, 0.5, 0.5]))
    assert not interpolate(image, held).any()


def network_points(image: sitk.Image, grid: sitk.Image) -> np.ndarray:
    """Where the voxels of a crop that covers the network's grid lie in a RAS image."""
    size, own = grid.GetSize(), np.array(image.GetSpacing())
    spacing = np.array(grid.GetSpacing())
    centre = (np.array(size) - 1) / 2 * spacing / own
    points = crop_points(size, spacing, centre, np.eye(3), own)
    return onto_border(points, image.GetSize(), spacing / own / 2)


@pytest.mark.parametrize("axes", [*AXES[::11], "oblique"])
@pytest.mark.parametrize("spacing", [(3.1, 4.7, 2.2), None])
def test_a_crop_on_the_network_s_grid_is_what_an_inference_sees(axes, spacing):
    """Every voxel, whatever the image's axes; shares are the interpolated masks."""
    image, label = body(2, (24, 20, 16), (2.0, 2.0, 2.5))
    if axes == "oblique":
        turn = sitk.Euler3DTransform((0, 0, 0), 0.2, -0.3, 0.1).GetMatrix()
        for one in (image, label):
            one.SetDirection((np.array(turn).reshape(3, 3) @ np.diag((-1, -1, 1))).ravel().tolist())
    else:
        image, label = sitk.DICOMOrient(image, axes), sitk.DICOMOrient(label, axes)
    preprocessing = Preprocessing(spacing, (-200.0, 300.0), crop_foreground=False)
    volume = to_network(image, preprocessing)
    ras, labels = sitk.DICOMOrient(image, "RAS"), sitk.DICOMOrient(label, "RAS")
    points = network_points(ras, volume.grid)
    intensities = (image_to_array(ras)[None] + 200) / 500
    values = image_to_array(labels).astype(np.uint8)
    seen, shares = (t.numpy() for t in interpolate_labelled(intensities, values, 3, points))
    assert seen.clip(0, 1) == pytest.approx(volume.array, abs=1e-3)
    for value in (1, 2, 3):
        mask = to_network(
            sitk.Cast(label == value, sitk.sitkFloat32) * 500 - 200, preprocessing
        ).array
        assert shares[value] == pytest.approx(mask[0], abs=1e-3)
        assert mask.max() > 0.5
