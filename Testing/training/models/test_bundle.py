"""A model folder is a MONAI bundle: MONAI verifies it and runs it to the same label map."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

from Testing.conftest import small_model
from Testing.training.models.region_model import channels_of, region_model
from voco3d.data import Preprocessing
from voco3d.inference import Segmenter
from voco3d.models.catalogue import bundled_folder
from voco3d.networks import NetworkConfig

SCHEMA = Path(__file__).with_name("metadata_schema.json")
BUNDLED = [folder.name for folder in sorted(bundled_folder().iterdir())]


def monai_bundle(*arguments, cwd=None):
    return subprocess.run(
        [sys.executable, "-m", "monai.bundle", *map(str, arguments)],
        capture_output=True,
        text=True,
        cwd=cwd,
        check=False,
    )


def verify(folder, tmp_path):
    schema = shutil.copy(SCHEMA, tmp_path / "schema.json")
    return monai_bundle(
        "verify_metadata", "--meta_file", folder / "configs/metadata.json", "--filepath", schema
    )


def run_monai(folder, image, tmp_path):
    """The label map that ``monai.bundle run`` makes of an image, or of a list of channels."""
    channels = [image] if isinstance(image, sitk.Image) else image
    files = [str(tmp_path / f"image_{i:04d}.nii.gz") for i in range(len(channels))]
    for channel, file in zip(channels, files, strict=True):
        sitk.WriteImage(channel, file)
    file = files[0] if len(files) == 1 else files
    done = monai_bundle(
        "run",
        *("--config_file", folder / "configs/inference.json"),
        *("--meta_file", folder / "configs/metadata.json"),
        *("--bundle_root", folder, "--image", file, "--output_dir", tmp_path / "eval"),
        cwd=tmp_path,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    (written,) = (tmp_path / "eval").rglob("*.nii.gz")
    return sitk.ReadImage(str(written))


def assert_same_label_map(ours, theirs):
    """Equal voxel by voxel, but for rounding where two classes are equally probable."""
    assert ours.GetSize() == theirs.GetSize()
    for get in ("GetSpacing", "GetOrigin", "GetDirection"):
        assert getattr(ours, get)() == pytest.approx(getattr(theirs, get)(), abs=1e-4)
    a, b = sitk.GetArrayFromImage(ours), sitk.GetArrayFromImage(theirs)
    assert len(np.unique(a)) > 1
    assert (a != b).sum() <= 1e-5 * a.size


def test_monai_verifies_the_metadata(model_folder, tmp_path):
    done = verify(model_folder, tmp_path)
    assert done.returncode == 0, done.stderr[-2000:]
    assert "verified with no error" in done.stdout + done.stderr


def test_verification_can_fail(model_folder, tmp_path):
    broken = tmp_path / "broken"
    shutil.copytree(model_folder, broken)
    file = broken / "configs/metadata.json"
    values = json.loads(file.read_text())
    del values["network_data_format"]["inputs"]["image"]["num_channels"]
    file.write_text(json.dumps(values))
    assert verify(broken, tmp_path).returncode != 0


@pytest.mark.parametrize("name", BUNDLED)
def test_bundled_models_are_verified(name, tmp_path):
    assert verify(bundled_folder() / name, tmp_path).returncode == 0


@pytest.mark.parametrize(
    ("axes", "crop_foreground", "largest_component"),
    [("LPS", True, False), ("SAR", True, True), ("LPS", False, True), ("SAR", False, False)],
)
def test_monai_makes_the_same_label_map(
    axes, crop_foreground, largest_component, phantom, tmp_path
):
    folder = tmp_path / "small"
    preprocessing = Preprocessing((8.0, 7.0, 6.5), (-200.0, 500.0), crop_foreground)
    small_model(folder, preprocessing=preprocessing, largest_component=largest_component)
    image = sitk.DICOMOrient(phantom.image, axes)
    assert_same_label_map(Segmenter(folder)(image), run_monai(folder, image, tmp_path))


@pytest.mark.parametrize(
    ("axes", "preprocessing"),
    [
        ("LPS", Preprocessing(None, None)),
        ("SAR", Preprocessing(None, None)),
        ("SAR", Preprocessing(None, None, crop_foreground=False)),
        ("LPS", Preprocessing((8.0, 7.0, 6.5), (0.0, 900.0))),
        ("IPR", Preprocessing(None, (0.0, 900.0), crop_foreground=False, size=(40, 32, 36))),
    ],
)
def test_monai_makes_the_same_label_map_of_regions_and_channels(
    axes, preprocessing, phantom, tmp_path
):
    folder = tmp_path / "tumor"
    region_model(folder, preprocessing=preprocessing)
    channels = [sitk.DICOMOrient(channel, axes) for channel in channels_of(phantom.image)]
    ours = Segmenter(folder)(channels)
    assert set(np.unique(sitk.GetArrayFromImage(ours))) == {0, 1, 2, 4}
    assert_same_label_map(ours, run_monai(folder, channels, tmp_path))


def test_a_bundle_of_several_channels_finds_them_in_its_folder(phantom, tmp_path):
    folder = tmp_path / "tumor"
    region_model(folder)
    assert verify(folder, tmp_path).returncode == 0
    channels = channels_of(phantom.image)
    for index, channel in enumerate(channels):
        sitk.WriteImage(channel, str(folder / f"image_{index:04d}.nii.gz"))
    files = ("--config_file", folder / "configs/inference.json")
    done = monai_bundle("run", *files, "--bundle_root", folder, cwd=tmp_path)
    assert done.returncode == 0, done.stderr[-3000:]
    (written,) = (folder / "eval").rglob("*.nii.gz")
    assert_same_label_map(Segmenter(folder)(channels), sitk.ReadImage(str(written)))


def test_monai_runs_a_swin_unetr_too(phantom, tmp_path):
    folder = tmp_path / "swin"
    network = NetworkConfig("swin_unetr", 1, 3, {"feature_size": 12})
    small_model(folder, network=network, window=(64, 32, 32))
    assert_same_label_map(
        Segmenter(folder)(phantom.image), run_monai(folder, phantom.image, tmp_path)
    )


def test_the_default_model_runs_in_monai(phantom, tmp_path):
    image = sitk.RegionOfInterest(phantom.image, (34, 34, 26), (3, 4, 14))
    folder = bundled_folder() / "headneck-oar"
    assert_same_label_map(Segmenter()(image), run_monai(folder, image, tmp_path))
