"""``voco segment`` with models of several channels and overlapping regions."""

from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

import voco3d
from Testing.training.cli.files import voxels
from Testing.training.models.region_model import channels_of, region_model
from voco3d.phantom import Phantom


@pytest.fixture(scope="session")
def tumor(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models") / "tumor"
    region_model(folder)
    return folder


@pytest.fixture(scope="session")
def channels(tmp_path_factory: pytest.TempPathFactory, phantom: Phantom) -> list[Path]:
    folder = tmp_path_factory.mktemp("channels")
    files = [folder / "flair.nii.gz", folder / "t1.nii.gz"]
    for channel, file in zip(channels_of(phantom.image), files, strict=True):
        sitk.WriteImage(channel, str(file))
    return files


def test_segment_several_channels(voco, channels, out, tumor):
    file = out / "result.nrrd"
    result = voco("segment", *channels, file, "--model", tumor)
    assert result.code == 0
    assert "whole tumor, tumor core, enhancing tumor" in result.out
    expected = voco3d.segment([sitk.ReadImage(str(channel)) for channel in channels], tumor)
    assert np.array_equal(voxels(file), sitk.GetArrayFromImage(expected))
    assert set(np.unique(voxels(file))) == {0, 1, 2, 4}


def test_segment_another_number_of_channels(voco, channels, ct, out, tumor, model_folder):
    refusal = voco("segment", channels[0], out / "r.nrrd", "--model", tumor).refusal()
    assert "takes 2 images, one a channel (flair, t1), but 1 was given" in refusal
    refusal = voco("segment", ct, ct, out / "r.nrrd", "--model", model_folder).refusal()
    assert "takes one image, but 2 were given" in refusal
    assert not list(out.iterdir())


def test_segment_does_not_replace_any_channel(voco, channels, tumor):
    before = channels[1].read_bytes()
    result = voco("segment", *channels, channels[1], "--model", tumor, "--overwrite")
    assert "is the input" in result.refusal()
    assert channels[1].read_bytes() == before


def test_a_series_is_chosen_for_one_input_only(voco, channels, out, tumor):
    result = voco("segment", *channels, out / "r.nrrd", "--model", tumor, "--series", "1.2")
    assert "give one input" in result.refusal()


def test_a_model_of_channels_and_regions_is_described(voco, tumor):
    printed = voco("models", "info", tumor).out
    for line in (
        "spacing      the image's own",
        "intensity    z-score of each channel's voxels that are not 0",
        "channel 1    flair",
        "channel 2    t1",
        "region 1     whole tumor: ",
    ):
        assert line in printed
