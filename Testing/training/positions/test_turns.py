"""The 48 turns of a volume."""

from itertools import permutations, product

import numpy as np
import SimpleITK as sitk

from Testing.training.positions.pictures import noise
from voco3d.positions.turns import TURNS, Turn


def test_there_are_48_and_all_differ():
    array = np.arange(8).reshape(2, 2, 2)
    assert len({turn.of(array).tobytes() for turn in TURNS}) == 48
    assert len({turn.axes for turn in TURNS}) == 48
    assert TURNS[0] == Turn()
    assert Turn().axes == "RAS"


def test_a_turn_against_loops():
    array = np.random.default_rng(0).random((2, 3, 4, 5))
    for turn in TURNS:
        turned = turn.of(array)
        for index in np.ndindex(*turned.shape[1:]):
            source = [0, 0, 0]
            for axis in range(3):
                length = turned.shape[1 + axis]
                place = length - 1 - index[axis] if turn.flips[axis] else index[axis]
                source[turn.order[axis]] = place
            assert (turned[(slice(None), *index)] == array[(slice(None), *source)]).all()


def test_axes_are_those_from_which_the_turn_leads_to_ras():
    image = noise((5, 4, 3))
    for letters in ("".join(p) for q in permutations(["RL", "AP", "SI"]) for p in product(*q)):
        (turn,) = [turn for turn in TURNS if turn.axes == letters]
        stored = sitk.GetArrayFromImage(sitk.DICOMOrient(image, letters)).transpose(2, 1, 0)
        expected = sitk.GetArrayFromImage(sitk.DICOMOrient(image, "RAS")).transpose(2, 1, 0)
        np.testing.assert_array_equal(turn.of(stored), expected)


def test_mirrors_are_half_of_them():
    assert sum(turn.is_mirror for turn in TURNS) == 24
    for turn in TURNS:
        matrix = np.zeros((3, 3))
        for axis in range(3):
            matrix[axis, turn.order[axis]] = -1 if turn.flips[axis] else 1
        assert turn.is_mirror == (np.linalg.det(matrix) < 0)
