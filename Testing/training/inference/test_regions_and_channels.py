"""Images of several channels, and structures that overlap."""

import itertools

import numpy as np
import pytest
import SimpleITK as sitk
import torch

import voco3d
from Testing.conftest import small_model
from Testing.training.inference.test_segmentation import ROTATION, agreement, same_grid
from Testing.training.models.region_model import REGIONS, channels_of, region_model
from voco3d.data import Preprocessing
from voco3d.data.preprocessing import image_to_array, to_network
from voco3d.errors import VoCoError
from voco3d.inference import Segmenter
from voco3d.models import Model
from voco3d.networks import NetworkConfig


@pytest.fixture(scope="module")
def channels(phantom):
    return channels_of(phantom.image)


@pytest.fixture(scope="module")
def segmenter(tmp_path_factory):
    folder = tmp_path_factory.mktemp("models") / "tumor"
    return Segmenter(region_model(folder))


@pytest.fixture(scope="module")
def labels(segmenter, channels):
    return segmenter(channels)


def test_the_label_map_has_the_written_values(labels, phantom):
    counts = np.bincount(sitk.GetArrayFromImage(labels).ravel(), minlength=5)
    assert same_grid(labels, phantom.image)
    assert np.flatnonzero(counts).tolist() == [0, 1, 2, 4]
    assert counts[[0, 1, 2, 4]].min() > 0.01 * counts.sum()


def test_a_region_is_where_its_own_output_is_above_one_half(tmp_path, phantom):
    """One window over the whole image: then the network's output needs no windows to follow."""
    whole = channels_of(phantom.image[:40, :44, :48])
    model = region_model(
        tmp_path / "whole",
        window=(40, 44, 48),
        preprocessing=Preprocessing(None, None, crop_foreground=False),
    )
    array = to_network(whole, model.preprocessing).array
    with torch.inference_mode():
        logits = model.load()[0](torch.from_numpy(array)[None])[0].numpy()
    expected = np.zeros(array.shape[1:])
    for region, value in zip(logits, REGIONS.written, strict=True):
        expected[region > 0] = value
    found = image_to_array(sitk.DICOMOrient(Segmenter(model)(whole), "RAS"))
    assert (found != expected).mean() < 1e-4


def test_the_order_of_the_channels_matters(segmenter, labels, channels):
    swapped = segmenter(channels[::-1])
    assert not np.array_equal(sitk.GetArrayFromImage(swapped), sitk.GetArrayFromImage(labels))


@pytest.mark.parametrize("axes", ["RAS", "SAR", "IPL", "ASL", "PIR", "LAI"])
@pytest.mark.parametrize("turned", [(0,), (1,), (0, 1)])
def test_each_channel_may_be_stored_in_its_own_orientation(
    axes, turned, segmenter, labels, channels
):
    """The result lies on the first channel's grid."""
    stored = [
        sitk.DICOMOrient(channel, axes) if index in turned else channel
        for index, channel in enumerate(channels)
    ]
    result = segmenter(stored)
    assert same_grid(result, stored[0])
    expected = sitk.DICOMOrient(labels, axes) if 0 in turned else labels
    assert agreement(result, expected) >= 0.99


@pytest.mark.parametrize("flips", itertools.product([False, True], repeat=3))
def test_flipping_the_stored_axes_changes_nothing_in_the_patient(
    flips, segmenter, labels, channels
):
    result = segmenter([sitk.Flip(channel, flips) for channel in channels])
    assert agreement(result, sitk.Flip(labels, flips)) >= 0.99


def test_oblique_channels_keep_their_grid_and_their_segmentation(segmenter, labels, channels):
    oblique = []
    for channel in channels:
        image = sitk.Image(channel)
        direction = ROTATION @ np.array(image.GetDirection()).reshape(3, 3)
        image.SetDirection(direction.ravel().tolist())
        image.SetOrigin((123.0, -45.0, 67.0))
        oblique.append(image)
    result = segmenter(oblique)
    assert same_grid(result, oblique[0])
    assert np.array_equal(sitk.GetArrayFromImage(result), sitk.GetArrayFromImage(labels))


def test_a_model_with_a_spacing_gives_regions_on_the_images_grid(tmp_path, channels):
    model = region_model(tmp_path / "coarse", preprocessing=Preprocessing((8.0, 7.0, 9.0), None))
    segmenter = Segmenter(model)
    result = segmenter(channels)
    assert same_grid(result, channels[0])
    turned = segmenter([sitk.DICOMOrient(channel, "SAR") for channel in channels])
    assert agreement(turned, sitk.DICOMOrient(result, "SAR")) >= 0.99


def test_a_chosen_region_keeps_all_its_labels(segmenter, labels, channels):
    core = segmenter(channels, classes=["Tumor core"])
    everything = sitk.GetArrayFromImage(labels)
    expected = np.where(np.isin(everything, (1, 4)), everything, 0)
    assert np.array_equal(sitk.GetArrayFromImage(core), expected)


def test_the_function_takes_channels_too(segmenter, labels, channels):
    result = voco3d.segment(channels, segmenter.model, device="cpu")
    assert np.array_equal(sitk.GetArrayFromImage(result), sitk.GetArrayFromImage(labels))


@pytest.mark.parametrize("count", [0, 1, 3])
def test_another_number_of_channels_is_refused(count, segmenter, channels):
    with pytest.raises(
        VoCoError,
        match=rf"takes 2 images, one a channel \(flair, t1\), but {count} (was|were) given",
    ):
        segmenter([channels[0]] * count)


def test_a_model_of_one_channel_refuses_several(model_folder, phantom):
    with pytest.raises(VoCoError, match="takes one image, but 2 were given"):
        Segmenter(model_folder)([phantom.image] * 2)


def test_channels_without_names(tmp_path, channels):
    network = NetworkConfig("unet", 4, 3, {"filters": [8, 8, 16]})
    with pytest.raises(VoCoError, match="takes 4 images, one a channel, but 2 were given"):
        Segmenter(small_model(tmp_path / "four", network=network))(channels)


def test_channels_on_different_grids_are_refused(segmenter, channels):
    moved = sitk.Image(channels[1])
    moved.SetOrigin((0, 0, 3))
    with pytest.raises(VoCoError, match="different grids"):
        segmenter([channels[0], moved])


def test_a_model_that_classifies_does_not_segment(model_folder):
    from voco3d.models import read_model

    values = vars(read_model(model_folder))
    model = Model(**{**values, "structures": (), "categories": ("normal", "ill")})
    assert not model.segments
    with pytest.raises(VoCoError, match="classifies whole images"):
        Segmenter(model)
