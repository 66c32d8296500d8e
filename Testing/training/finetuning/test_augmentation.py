import numpy as np
import pytest
import torch

from voco3d.errors import VoCoError
from voco3d.finetuning.augmentation import change_intensity, draw_motion, mirror_order
from voco3d.finetuning.config import Augmentation

NONE = Augmentation(flip=(0, 0, 0), quarter_turns=0, intensity_probability=0)
SIZE = (6, 5, 4)


def motions(count: int = 200, **options: object):
    random = np.random.default_rng(0)
    changed = {"flip": (0.0, 0.0, 0.0), "quarter_turns": 0.0, **options}
    chosen = Augmentation(**changed)
    return [draw_motion(chosen, SIZE, random) for _ in range(count)]


def test_without_options_a_crop_lies_as_the_patient():
    (motion,) = motions(1)
    assert np.array_equal(motion.matrix, np.eye(3))
    assert not motion.mirrored
    assert motion.displacement is None


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_a_flip_is_along_its_own_axis_and_makes_a_mirror_image(axis):
    chances = tuple(float(a == axis) for a in range(3))
    (motion,) = motions(1, flip=chances)
    expected = np.eye(3)
    expected[axis, axis] = -1
    assert np.array_equal(motion.matrix, expected)
    assert motion.mirrored


def test_mirror_images_are_those_that_no_turn_brings_back():
    """A crop that lies as the patient may not have left and right changed, however it came so."""
    drawn = motions(300, flip=(0.5, 0.5, 0.5), quarter_turns=0.8, rotation=20.0, scale=0.3)
    mirrored = [motion.mirrored for motion in drawn]
    assert mirrored == [bool(np.linalg.det(motion.matrix) < 0) for motion in drawn]
    assert 0.3 < np.mean(mirrored) < 0.7


def test_quarter_turns_are_in_the_x_y_plane_and_as_frequent_as_asked():
    drawn = [motion.matrix for motion in motions(400, quarter_turns=0.6)]
    turns = {tuple(matrix.ravel().astype(int)) for matrix in drawn}
    for matrix in drawn:
        assert np.array_equal(matrix @ matrix.T, np.eye(3))
        assert np.linalg.det(matrix) == pytest.approx(1)
        assert matrix[2].tolist() == [0, 0, 1]
    assert len(turns) == 4
    assert np.mean([np.array_equal(m, np.eye(3)) for m in drawn]) == pytest.approx(0.4, abs=0.08)


def test_rotations_are_orthogonal_about_every_axis_and_of_the_angle_asked():
    matrices = np.stack([motion.matrix for motion in motions(500, rotation=5.0)])
    assert matrices @ matrices.transpose(0, 2, 1) == pytest.approx(
        np.broadcast_to(np.eye(3), matrices.shape), abs=1e-12
    )
    assert np.linalg.det(matrices) == pytest.approx(1)
    for one, other in ((0, 1), (0, 2), (1, 2)):
        angles = np.rad2deg(np.arcsin(matrices[:, one, other]))
        assert angles.std() == pytest.approx(5, rel=0.15)
        assert abs(angles.mean()) < 1


def test_a_wild_rotation_ends_at_45_degrees():
    matrices = [motion.matrix for motion in motions(50, rotation=1000.0)]
    assert min(matrix[2, 2] for matrix in matrices) > 0.49


def test_scale_is_the_same_along_all_axes_and_within_its_limits():
    matrices = [motion.matrix for motion in motions(200, scale=0.2)]
    scales = np.array([matrix[0, 0] for matrix in matrices])
    assert all(np.array_equal(m, np.eye(3) * m[0, 0]) for m in matrices)
    assert 0.8 <= scales.min() < 0.83
    assert 1.17 < scales.max() <= 1.2


def test_a_displacement_is_smooth_and_of_the_size_asked():
    fields = np.stack([motion.displacement for motion in motions(60, elastic=3.0)])
    assert fields.shape == (60, *SIZE, 3)
    assert fields[:, 0, 0, 0].std() == pytest.approx(3, rel=0.2)
    (field,) = (m.displacement for m in [draw_motion(_elastic(), (64, 64, 64), _random())])
    assert np.abs(np.diff(field, axis=0)).max() < np.abs(field).max() / 5


def _elastic() -> Augmentation:
    return Augmentation(flip=(0, 0, 0), quarter_turns=0, elastic=3.0)


def _random() -> np.random.Generator:
    return np.random.default_rng(1)


def test_paired_structures_change_places():
    names = ["brainstem", "right parotid gland", "Left parotid gland", "left lens", "mandible"]
    assert mirror_order(names) == (0, 2, 1, 3, 4)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("kidney_left", "kidney_right"),
        ("LeftParotid", "RightParotid"),
        ("Parotid_L", "Parotid_R"),
        ("lung R", "lung L"),
        ("left upper lobe of left lung", "right upper lobe of right lung"),
    ],
)
def test_sides_are_recognised_in_the_manners_of_data_sets(one, other):
    assert mirror_order([one, "liver", other]) == (2, 1, 0)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("left ventricle blood cavity", "right ventricle blood cavity"),
        ("Left atrium", "Right atrium"),
        ("left_atrial_appendage", "right_atrial_appendage"),
        ("left coronary artery", "right coronary artery"),
        ("liver", "river"),
    ],
)
def test_the_heart_s_left_and_right_are_kinds_and_not_sides(one, other):
    assert mirror_order([one, other]) == (0, 1)


def test_pairs_may_be_said():
    names = ["left ventricle", "right ventricle", "stomach", "left lung", "right lung"]
    assert mirror_order(names, []) == (0, 1, 2, 3, 4)
    assert mirror_order(names, [("Right Ventricle", "left ventricle")]) == (1, 0, 2, 3, 4)


@pytest.mark.parametrize(
    ("pairs", "words"),
    [
        ([("a", "x")], "names x, which is not among a, b, c"),
        ([("a", "b"), ("a", "c")], "two pairs"),
    ],
)
def test_pairs_without_sense_are_refused(pairs, words):
    with pytest.raises(VoCoError, match=words):
        mirror_order(["a", "b", "c"], pairs)


def test_contrast_and_brightness_stay_within_their_limits_and_differ_between_channels():
    options = Augmentation(intensity_scale=0.3, intensity_shift=0.2, intensity_probability=1.0)
    image = torch.stack([torch.zeros(2, 2, 2), torch.ones(2, 2, 2)]).repeat(2, 1, 1, 1)
    random = np.random.default_rng(0)
    changed = torch.stack([change_intensity(image, options, random) for _ in range(300)])
    flat = changed.mean(dim=(2, 3, 4))
    assert torch.allclose(changed, flat[..., None, None, None].expand_as(changed))
    assert 0.19 < flat[:, 0].abs().max() <= 0.2
    assert 0.4 < (flat[:, 1] - 1).abs().max() <= 0.5
    assert (flat[:, 0] - flat[:, 2]).abs().mean() > 0.05


def test_intensities_are_changed_as_often_as_asked():
    image = torch.rand(1, 3, 3, 3, generator=torch.manual_seed(0))
    options = Augmentation(intensity_scale=0.0, intensity_probability=0.3)
    random = np.random.default_rng(0)
    same = [torch.equal(change_intensity(image, options, random), image) for _ in range(400)]
    assert np.mean(same) == pytest.approx(0.7, abs=0.07)
    assert torch.equal(change_intensity(image, NONE, random), image)


def test_noise_is_as_strong_and_as_frequent_as_asked():
    options = Augmentation(intensity_probability=0, noise=0.2, noise_probability=0.5)
    image = torch.zeros(2, 12, 12, 12)
    random = np.random.default_rng(0)
    deviations = np.array(
        [float(change_intensity(image, options, random).std()) for _ in range(200)]
    )
    assert np.mean(deviations == 0) == pytest.approx(0.5, abs=0.1)
    assert 0.17 < deviations.max() < 0.21
    assert deviations[deviations > 0].mean() == pytest.approx(0.1, rel=0.2)
