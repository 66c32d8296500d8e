"""Regions: label maps written and read back."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from voco3d.errors import VoCoError
from voco3d.models import Regions

TUMOR = Regions(members=((1, 2, 3), (1, 3), (3,)), written=(2, 1, 3))


@st.composite
def nested(draw):
    """Regions as in tumours: each lies in the one before, and each has a label of its own."""
    labels = draw(st.lists(st.integers(1, 255), min_size=1, max_size=6, unique=True))
    members = tuple(tuple(draw(st.permutations(labels[first:]))) for first in range(len(labels)))
    return Regions(members, tuple(labels))


@st.composite
def apart(draw):
    """Regions that share no label; each has several."""
    labels = draw(st.lists(st.integers(1, 255), min_size=4, max_size=8, unique=True))
    cut = draw(st.integers(1, len(labels) - 1))
    parts = (tuple(labels[:cut]), tuple(labels[cut:]))
    return Regions(parts, tuple(draw(st.sampled_from(part)) for part in parts))


ANY = st.one_of(nested(), apart(), st.just(TUMOR))


def label_map(regions, seed):
    values = [0, *sorted({label for region in regions.members for label in region})]
    return np.random.default_rng(seed).choice(values, size=(4, 3, 5)).astype(np.uint8)


@given(ANY, st.integers(0, 99))
def test_regions_written_and_read_back_are_the_same(regions, seed):
    masks = regions.masks_of(label_map(regions, seed))
    written = regions.labels_of(masks.astype(np.float32))
    assert written.dtype == np.uint8
    assert np.array_equal(regions.masks_of(written), masks)


@given(nested(), st.integers(0, 99))
def test_labels_that_are_all_written_come_back(regions, seed):
    labels = label_map(regions, seed)
    assert np.array_equal(regions.labels_of(regions.masks_of(labels).astype(np.float32)), labels)


@given(ANY, st.integers(0, 99))
def test_labels_are_those_of_a_loop_over_voxels(regions, seed):
    shape = (len(regions.members), 3, 4, 2)
    probabilities = np.random.default_rng(seed).uniform(size=shape).astype(np.float32)
    expected = np.zeros(shape[1:], int)
    for voxel in np.ndindex(*shape[1:]):
        for region, value in enumerate(regions.written):
            if probabilities[(region, *voxel)] > 0.5:
                expected[voxel] = value
    assert np.array_equal(regions.labels_of(probabilities), expected)
    assert np.array_equal(regions.labels_of(iter(probabilities)), expected)


def test_one_half_is_not_above_one_half():
    assert not TUMOR.labels_of(np.full((3, 1, 1, 1), 0.5, np.float32)).any()


@given(ANY)
def test_regions_survive_json(regions):
    assert Regions.from_json(regions.to_json()) == regions


@pytest.mark.parametrize(
    ("members", "written", "message"),
    [
        ((), (), "one written value each"),
        (((1, 2), (2,)), (1,), "2 regions and 1 values"),
        (((1, 0),), (1,), "from 1 to 255, but one is 0"),
        (((1, 256),), (1,), "from 1 to 255, but one is 256"),
        (((1, 2), ()), (1, 2), "has no labels"),
        (((1, 2), (2, 1)), (1, 2), "the same ones"),
        (((1,), (2,)), (2, 1), "do not come back"),
        (((1, 2), (2,)), (2, 2), "do not come back"),
        (((2,), (1, 2)), (2, 1), "do not come back"),
    ],
)
def test_regions_that_make_no_sense_are_refused(members, written, message):
    with pytest.raises(VoCoError, match=message):
        Regions(members, written)
