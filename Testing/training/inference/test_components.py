import itertools

import numpy as np
import SimpleITK as sitk
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from voco3d.inference.components import largest_components


def parts_of(mask):
    """Connected sets of voxels (26 neighbours), by flooding from every voxel in turn."""
    left = {tuple(index) for index in np.argwhere(mask).tolist()}
    parts = []
    while left:
        front, part = [left.pop()], set()
        while front:
            voxel = front.pop()
            part.add(voxel)
            for step in itertools.product((-1, 0, 1), repeat=3):
                neighbour = tuple(v + s for v, s in zip(voxel, step, strict=True))
                if neighbour in left:
                    left.remove(neighbour)
                    front.append(neighbour)
        parts.append(part)
    return parts


@settings(deadline=None, max_examples=50)
@given(arrays(np.uint8, (4, 5, 6), elements=st.sampled_from([0, 0, 0, 0, 1, 2])))
def test_one_largest_part_of_each_label_stays(labels):
    kept = sitk.GetArrayFromImage(largest_components(sitk.GetImageFromArray(labels)))
    for label in (1, 2):
        parts = parts_of(labels == label)
        left = {tuple(index) for index in np.argwhere(kept == label).tolist()}
        largest = max(map(len, parts), default=0)
        assert left in [part for part in parts if len(part) == largest] or not parts
    assert (kept[labels == 0] == 0).all()


def test_the_grid_stays():
    labels = sitk.Image((4, 5, 6), sitk.sitkUInt8)
    labels.SetSpacing((1, 2, 3))
    labels.SetOrigin((7, 8, 9))
    labels.SetDirection((0, 1, 0, 1, 0, 0, 0, 0, -1))
    kept = largest_components(labels)
    assert kept.GetSpacing() == (1, 2, 3)
    assert kept.GetOrigin() == (7, 8, 9)
    assert kept.GetDirection() == labels.GetDirection()
    assert kept.GetPixelID() == sitk.sitkUInt8
