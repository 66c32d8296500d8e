"""What a classification is trained on is what it is later given: the whole image, as it lies."""

from collections import Counter

import numpy as np
import pytest
import SimpleITK as sitk
from hypothesis import given
from hypothesis import strategies as st

from Testing.training.finetuning.two_regions import small_config, write_list
from voco3d.data import Preprocessing, read_image
from voco3d.data.preprocessing import to_network
from voco3d.finetuning.config import Augmentation
from voco3d.finetuning.data_list import read_data_list
from voco3d.finetuning.prepared import prepare
from voco3d.finetuning.whole_volumes import WholeVolumes, balanced
from voco3d.training.draws import Draw

STILL = Augmentation((0, 0, 0), None, 0, intensity_probability=0)


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """Phantoms whose voxels are no cubes and whose axes are in another order."""
    file = write_list(tmp_path_factory.mktemp("data"), training=1, validation=0, test=0)
    for number, path in enumerate(sorted(file.parent.glob("*.nii.gz"))):
        image = sitk.ReadImage(str(path))
        image.SetSpacing((16.0, 13.0, 11.0))
        sitk.WriteImage(sitk.DICOMOrient(image, ("LPS", "SAR")[number]), str(path))
    return read_data_list(file)


def volumes(data, folder, **changes):
    config = small_config(**changes)
    return WholeVolumes(prepare(data, config.preprocessing, folder)["training"], config)


@pytest.mark.parametrize("size", [(16, 12, 20), (24, 24, 28), (8, 8, 8)])
def test_a_volume_that_is_not_changed_is_what_the_model_will_see(data, tmp_path, size):
    preprocessing = Preprocessing(None, (-1000.0, 1000.0), False, size)
    samples = volumes(data, tmp_path, preprocessing=preprocessing, augmentation=STILL)
    for index, case in enumerate(data.cases["training"]):
        sample = samples[Draw(5, index)]
        expected = to_network(read_image(case.images[0]), preprocessing).array
        assert (sample["category"], sample["case"]) == (case.category, index)
        assert sample["image"].shape == (1, *size)
        inner = (slice(None), *[slice(1, -1)] * 3)
        np.testing.assert_allclose(sample["image"].numpy()[inner], expected[inner], atol=2e-3)


def test_a_flip_mirrors_the_patient_and_not_another_axis(data, tmp_path):
    size = (16, 12, 20)
    preprocessing = Preprocessing(None, (-1000.0, 1000.0), False, size)
    still, flipped = (
        volumes(
            data,
            tmp_path,
            preprocessing=preprocessing,
            augmentation=Augmentation((flip, 0, 0), None, 0, intensity_probability=0),
        )[Draw(0, 0)]["image"]
        for flip in (0.0, 1.0)
    )
    np.testing.assert_allclose(flipped.numpy(), still.flip(1).numpy(), atol=1e-4)


def test_a_draw_is_a_function_of_its_number(data, tmp_path):
    samples = volumes(data, tmp_path, augmentation=Augmentation(rotation=10.0, noise=0.1))
    one, same, other = (samples[Draw(number, 0)]["image"] for number in (3, 3, 4))
    np.testing.assert_array_equal(one, same)
    assert not np.array_equal(one, other)


@given(st.lists(st.integers(0, 4), min_size=1, max_size=30))
def test_balanced_cases_have_each_category_as_often(categories):
    drawn = balanced(categories)
    assert set(drawn) == set(range(len(categories)))
    counts = Counter(categories[index] for index in drawn)
    assert set(counts.values()) == {max(Counter(categories).values())}
    times = Counter(drawn)
    for category in set(categories):
        own = [times[i] for i, other in enumerate(categories) if other == category]
        assert max(own) - min(own) <= 1
