"""Only a region is computed, and what is in it is as in a run over the whole image."""

import itertools

import numpy as np
import pytest
import SimpleITK as sitk
from hypothesis import given, settings
from hypothesis import strategies as st

from Testing.conftest import small_model
from Testing.training.inference.test_segmentation import ROTATION, same_grid
from voco3d.data.preprocessing import image_to_array, to_network
from voco3d.errors import VoCoError
from voco3d.inference import Region, Segmenter
from voco3d.inference.region import Part, Placed, cut_to_region, with_context
from voco3d.metrics import dice


def region_of(centre, sides, rotation=None):
    """A box of ``sides`` mm around ``centre``, LPS mm."""
    matrix = np.eye(4)
    matrix[:3, :3] = (np.eye(3) if rotation is None else rotation) * sides
    matrix[:3, 3] = centre
    return Region(tuple(matrix.ravel().tolist()))


def inside(image, region):
    """Which voxels have their centre in a region, voxel by voxel: (x, y, z)."""
    to_cube = np.linalg.inv(np.reshape(region.matrix, (4, 4)))
    mask = np.zeros(image.GetSize(), bool)
    for index in itertools.product(*map(range, image.GetSize())):
        place = to_cube @ [*image.TransformIndexToPhysicalPoint(index), 1]
        mask[index] = (np.abs(place[:3]) <= 0.5 + 1e-9).all()
    return mask


def middle_of(image):
    middle = [(n - 1) / 2 for n in image.GetSize()]
    return np.array(image.TransformContinuousIndexToPhysicalPoint(middle))


def oblique(size=(9, 10, 11), spacing=(2.0, 3.0, 1.5)):
    image = sitk.Image(list(size), sitk.sitkUInt8)
    image.SetSpacing(spacing)
    image.SetOrigin((12.0, -7.0, 30.0))
    image.SetDirection((ROTATION @ np.diag([-1, 1, -1])).ravel().tolist())
    return image


@pytest.fixture(scope="module")
def segmenter(model_folder):
    return Segmenter(model_folder)


@pytest.fixture(scope="module")
def labels(segmenter, phantom):
    return segmenter(phantom.image)


ANGLES = st.tuples(*[st.floats(-3, 3)] * 3)


@settings(deadline=None, max_examples=40)
@given(
    angles=ANGLES,
    sides=st.tuples(*[st.floats(0.5, 40)] * 3),
    shift=st.tuples(*[st.floats(-15, 15)] * 3),
)
def test_the_part_of_a_region_is_the_voxels_in_it(angles, sides, shift):
    image = oblique()
    rotation = np.array(sitk.Euler3DTransform((0, 0, 0), *angles).GetMatrix()).reshape(3, 3)
    region = region_of(middle_of(image) + shift, sides, rotation)
    expected = inside(image, region)
    if not expected.any():
        with pytest.raises(VoCoError, match="holds no voxel"):
            Part.of(image, region)
        return
    part = Part.of(image, region)
    ones = np.ones(part.image.GetSize(), np.uint8)
    whole = part.on_whole(ones)
    assert same_grid(whole, image)
    assert np.array_equal(image_to_array(whole) > 0, expected)
    first = [side.start for side in part.box]
    assert part.image.GetOrigin() == pytest.approx(image.TransformIndexToPhysicalPoint(first))


@settings(deadline=None, max_examples=100)
@given(
    n=st.integers(1, 60),
    ends=st.tuples(st.integers(0, 59), st.integers(1, 60)),
    window=st.integers(4, 40),
)
def test_context_reaches_around_what_is_wanted_and_fills_a_window(n, ends, window):
    start, stop = min(ends[0], n - 1), min(max(ends[1], ends[0] + 1), n)
    if stop <= start:
        return
    seen = with_context(slice(start, stop), slice(0, n), window)
    assert 0 <= seen.start <= start < stop <= seen.stop <= n
    assert seen.stop - seen.start >= min(n, window)
    around = int(0.25 * window)
    assert seen.start <= max(0, start - around)
    assert seen.stop >= min(n, stop + around)
    assert seen.stop - seen.start <= max(window, stop - start + 2 * around) or (
        seen.start == 0 or seen.stop == n
    )


def test_the_border_of_a_region_is_computed_with_what_lies_around_it(segmenter, labels, phantom):
    """With nothing around it the same region differs from the whole run much more.

    This network normalises each window by its content: it differs wherever windows do.
    """
    region = region_of(middle_of(phantom.image), (72, 84, 90), ROTATION)
    mask = inside(phantom.image, region)
    whole = np.where(mask, image_to_array(labels), 0)
    found = image_to_array(segmenter(phantom.image, region=region))
    assert (found[~mask] == 0).all()
    assert np.unique(found).tolist() == [0, 1, 2]
    part = Part.of(phantom.image, region)
    alone = np.zeros_like(found)
    alone[part.box] = image_to_array(segmenter(part.image))
    alone[~mask] = 0
    for label in (1, 2):
        assert dice(found, whole, label) > dice(alone, whole, label) + 0.05


@pytest.mark.parametrize("axes", ["RAS", "SAR", "IPL", "LAI"])
def test_a_region_lies_in_the_patient_not_on_the_axes(axes, segmenter, phantom):
    region = region_of(middle_of(phantom.image) + np.array([20, -10, 15]), (60, 100, 80), ROTATION)
    stored = sitk.DICOMOrient(phantom.image, axes)
    result = segmenter(stored, region=region)
    expected = sitk.DICOMOrient(segmenter(phantom.image, region=region), axes)
    assert same_grid(result, stored)
    here, there = image_to_array(result), image_to_array(expected)
    assert min(dice(here, there, label) for label in (1, 2)) >= 0.99


def test_a_region_is_computed_in_fewer_windows(segmenter, phantom):
    def windows(region):
        totals = {}
        segmenter(
            phantom.image,
            overlap=0.5,
            region=region,
            progress=lambda done, total, what: totals.update({what: total}),
        )
        return totals["segmenting"]

    assert windows(region_of(middle_of(phantom.image), (50, 50, 50))) == 1 < windows(None)


def test_a_region_in_the_margin_of_air_is_empty_and_computes_nothing(tmp_path, phantom):
    padded = sitk.ConstantPad(phantom.image, (30, 0, 0), (0, 0, 0), -1000)
    region = region_of(padded.TransformIndexToPhysicalPoint((3, 20, 20)), (12, 12, 12))
    calls = []
    result = Segmenter(small_model(tmp_path / "small"))(
        padded, region=region, progress=lambda *state: calls.append(state)
    )
    assert same_grid(result, padded)
    assert not sitk.GetArrayFromImage(result).any()
    assert not calls


def test_what_is_computed_keeps_its_place_in_the_grid(segmenter, phantom):
    image = sitk.ConstantPad(phantom.image, (9, 7, 5), (2, 3, 4), -1000)
    volume = to_network(image, segmenter.model.preprocessing)
    region = region_of(middle_of(image), (40, 40, 40))
    assert min(side.start for side in volume.box) > 0
    cut = cut_to_region(volume, region, (8, 8, 8))
    first = [side.start for side in volume.box]
    inner = tuple(
        slice(side.start - f, side.stop - f) for side, f in zip(cut.box, first, strict=True)
    )
    assert cut.array.size < volume.array.size
    assert np.array_equal(cut.array, volume.array[(slice(None), *inner)])
    corners = Placed.of(cut.grid).index_of(
        np.array([middle_of(image) + sign * np.full(3, 20.0) for sign in (-1, 1)])
    )
    for (a, b), side in zip(corners.T, cut.box, strict=True):
        assert side.start <= min(a, b) - 1
        assert side.stop - 1 >= max(a, b) + 1


@pytest.mark.parametrize(
    ("matrix", "sentence"),
    [
        ([1.0] * 15, "16 numbers"),
        ([*[1.0, 0, 0, 0, 0, 1, 0, 0, 0, 0, float("nan"), 0], 0, 0, 0, 1], "16 numbers"),
        ([1.0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1], "no volume"),
        ([1.0, 1, 0, 0, 1, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1], "no volume"),
        ([1.0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 1, 0, 0, 1], "last row"),
    ],
)
def test_a_region_that_is_no_box(matrix, sentence):
    with pytest.raises(VoCoError, match=sentence):
        Region(tuple(matrix))


def test_a_region_far_away(segmenter, phantom):
    with pytest.raises(VoCoError, match="holds no voxel of the image"):
        segmenter(phantom.image, region=region_of((9000, 0, 0), (10, 10, 10)))
