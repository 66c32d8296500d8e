"""Both halves together: what voco3d writes, VoCoSlicerLib shows."""

import csv
import subprocess
import sys
from pathlib import Path
from zipfile import ZipFile

import numpy as np
import pytest
import SimpleITK as sitk
from vtk.util.numpy_support import vtk_to_numpy

from Testing.slicer.conftest import show
from Testing.training.models.region_model import REGIONS, channels_of, region_model
from voco3d import Segmenter
from voco3d.metrics import measure
from voco3d.models.structures import choose
from voco3d.outputs.seg_nrrd import terminology
from voco3d.outputs.target import Target
from VoCoSlicerLib.scene.ct import load_ct
from VoCoSlicerLib.scene.headless import HeadlessApplication
from VoCoSlicerLib.scene.labelmaps import segment_volumes

DEMO = Path(__file__).parents[1] / "demo/demo.py"


@pytest.mark.parametrize("axes", ["LPS", "SAR"])
def test_a_result_arrives_in_the_scene(axes, phantom, model_folder, tmp_path):
    image = sitk.DICOMOrient(phantom.image, axes)
    segmenter = Segmenter(model_folder)
    labels = segmenter(image)
    structures = choose(segmenter.model.structures, None)
    sitk.WriteImage(image, str(tmp_path / "ct.nii.gz"))
    Target(tmp_path / "result.seg.nrrd").write(labels, structures, segmenter.model)

    application = HeadlessApplication()
    volume_node = load_ct(application.scene, tmp_path / "ct.nii.gz", "CT")
    node = show(volume_node, tmp_path / "result.seg.nrrd", [s.name for s in structures.values()])

    segmentation = node.GetSegmentation()
    shown = [segmentation.GetNthSegment(i) for i in range(segmentation.GetNumberOfSegments())]
    assert [segment.GetName() for segment in shown] == [s.name for s in structures.values()]
    for segment, structure in zip(shown, structures.values(), strict=True):
        assert np.array(segment.GetColor()) * 255 == pytest.approx(structure.color, abs=0.01)
        assert terminology(structure) in str(segment)
    expected = {m.name: m.millilitres for m in measure(labels, image, structures)}
    assert segment_volumes(node) == pytest.approx(expected, rel=1e-5)
    shown_labels = shown[0].GetRepresentation("Binary labelmap")
    voxels = vtk_to_numpy(shown_labels.GetPointData().GetScalars())
    assert np.array_equal(
        np.bincount(voxels, minlength=3)[1:],
        np.bincount(sitk.GetArrayFromImage(labels).ravel(), minlength=3)[1:],
    )


@pytest.mark.parametrize("axes", ["LPS", "SAR"])
def test_overlapping_regions_arrive_whole(axes, phantom, tmp_path):
    channels = [sitk.DICOMOrient(channel, axes) for channel in channels_of(phantom.image)]
    segmenter = Segmenter(region_model(tmp_path / "tumor"))
    labels = segmenter(channels)
    structures = choose(segmenter.model.structures, None)
    sitk.WriteImage(channels[0], str(tmp_path / "mr.nii.gz"))
    Target(tmp_path / "result.seg.nrrd").write(labels, structures, segmenter.model)

    application = HeadlessApplication()
    volume_node = load_ct(application.scene, tmp_path / "mr.nii.gz", "MR")
    node = show(volume_node, tmp_path / "result.seg.nrrd", [s.name for s in structures.values()])
    masks = REGIONS.masks_of(sitk.GetArrayFromImage(labels))
    expected = {
        structure.name: mask.sum() * np.prod(labels.GetSpacing()) / 1000
        for structure, mask in zip(structures.values(), masks, strict=True)
    }
    assert segment_volumes(node) == pytest.approx(expected, rel=1e-5)


@pytest.fixture(scope="module")
def demo_output(phantom, tmp_path_factory):
    folder = tmp_path_factory.mktemp("demo")
    neck = sitk.RegionOfInterest(phantom.image, (36, 38, 26), (2, 3, 14))
    sitk.WriteImage(neck, str(folder / "neck.nii.gz"))
    done = subprocess.run(
        [sys.executable, DEMO, "--input", folder / "neck.nii.gz", "--output", folder / "out"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return folder / "out", done.stdout


def test_the_demo_leaves_all_its_files(demo_output):
    out, printed = demo_output
    for name in ("segmentation.seg.nrrd", "labels.nii.gz", "scene.mrb", "views.png", "volumes.csv"):
        assert (out / name).stat().st_size > 0
        assert str(out / name) in printed
    assert printed.rstrip().endswith(" s")
    assert any(n.endswith(".seg.nrrd") for n in ZipFile(out / "scene.mrb").namelist())


def test_the_demo_measures_its_label_map(demo_output):
    out, _ = demo_output
    labels = sitk.ReadImage(str(out / "labels.nii.gz"))
    counts = np.bincount(sitk.GetArrayFromImage(labels).ravel(), minlength=6)
    rows = list(csv.DictReader((out / "volumes.csv").open()))
    assert len(rows) == 5
    for row, count in zip(rows, counts[1:], strict=True):
        assert float(row["volume_ml"]) == pytest.approx(count * 6**3 / 1000, abs=0.01)


def test_the_demo_says_in_a_sentence_what_is_wrong(tmp_path):
    done = subprocess.run(
        [sys.executable, DEMO, "--input", tmp_path / "none.nii", "--output", tmp_path / "out"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert done.stderr.startswith("demo: ")
    assert done.stderr.count("\n") == 1
    assert not (tmp_path / "out").exists()
