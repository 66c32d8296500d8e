"""From Apply to the result in the scene, with a real worker."""

import os
import shutil
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import SimpleITK as sitk

from Testing import harness
from Testing.slicer.window.driver import Driver, load, nodes_in_scene, shown

import qt  # isort: skip
import slicer  # isort: skip

from VoCoSlicerLib.scene.labelmaps import segment_mask, segments
from VoCoSlicerLib.worker.environment import slicer_python
from VoCoSlicerLib.worker.process import Worker

OBLIQUE = sitk.Euler3DTransform((0, 0, 0), 0.15, -0.2, 0.3).GetMatrix()
FLIPPED = (-1.0, 0, 0, 0, 1.0, 0, 0, 0, -1.0)


def ras_points(segment: Any) -> np.ndarray:
    """The places of a segment's voxels in mm."""
    mask, index_to_ras = segment_mask(segment)
    indices = np.argwhere(mask)
    return indices @ index_to_ras[:3, :3].T + index_to_ras[:3, 3]


@pytest.fixture(scope="module")
def warm_models(model_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The user's models, for all tests here: a worker that runs keeps looking there."""
    folder = tmp_path_factory.mktemp("warm-models")
    shutil.copytree(model_folder, folder / "small")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("VOCO_MODELS", str(folder))
        yield folder


@pytest.fixture(scope="module")
def warm(warm_models: Path) -> Iterator[Worker]:
    """A worker that has read its libraries: that takes seconds, and is done once."""
    harness.start()
    worker = Worker(slicer_python())
    worker.start()
    yield worker
    worker.stop()


@pytest.fixture
def models(warm_models: Path) -> Path:
    return warm_models


@pytest.fixture
def small(warm_models: Path) -> str:
    return "small"


@pytest.fixture
def window(warm: Worker, harness_session: None) -> Iterator[Driver]:
    """The window, connected to the worker that is there already."""
    driver = Driver(harness.load_module("VoCoSlicer"))
    driver.segmenter._worker = warm
    yield driver
    driver.segmenter.cancel()
    driver.finish()
    driver.segmenter._worker = None
    driver.unload()


@pytest.fixture
def own_worker(ready: Driver) -> Iterator[Driver]:
    """The window with a worker of its own, which the test may end."""
    warm, ready.segmenter._worker = ready.segmenter._worker, None
    yield ready
    ready.segmenter.close()
    ready.segmenter._worker = warm


@pytest.fixture
def ready(window: Driver, small: str, ct: Any) -> Driver:
    """The window with a volume and the small model chosen."""
    window.choose_model("small")
    window.ui.volumeSelector.setCurrentNode(ct)
    return window


def test_from_apply_to_the_result(ready: Driver, ct: Any) -> None:
    segmentation = ready.segment()
    assert ready.message.startswith("Done in")
    assert segmentation.GetName() == "CT segmentation"
    names = [segment.GetName() for segment in segments(segmentation)]
    assert names == ["brainstem", "right parotid gland"]
    assert segments(segmentation)[0].GetColor() == pytest.approx((1, 0, 0))
    assert ready.ui.segmentationSelector.currentNode() is segmentation
    assert [row[0] for row in ready.table()] == names
    assert all(float(row[1]) > 0 for row in ready.table())
    assert "small" in ready.ui.resultsLabel.text
    assert ready.ui.applyButton.text == "Apply"
    assert ready.ui.applyButton.enabled


@pytest.mark.parametrize("direction", [FLIPPED, OBLIQUE], ids=["flipped", "oblique"])
def test_the_result_lies_where_the_patient_is(
    window: Driver, phantom: Any, tmp_path: Path, direction: tuple[float, ...]
) -> None:
    """With the bundled model and any grid, left stays left: compared with the phantom's truth."""
    size = phantom.image.GetSize()
    grid = sitk.Image(size, sitk.sitkInt16)
    grid.SetSpacing(phantom.image.GetSpacing())
    grid.SetDirection(direction)
    middle = [(n - 1) / 2 for n in size]
    wanted = np.array(phantom.image.TransformContinuousIndexToPhysicalPoint(middle))
    grid.SetOrigin((wanted - grid.TransformContinuousIndexToPhysicalPoint(middle)).tolist())
    image = sitk.Resample(phantom.image, grid, sitk.Transform(), sitk.sitkLinear, -1000.0)
    ct = load(image, tmp_path, "CT")
    window.choose_model("headneck-oar")
    window.ui.overlapComboBox.setCurrentIndex(1)
    window.ui.volumeSelector.setCurrentNode(ct)
    found = {segment.GetName(): segment for segment in segments(window.segment())}
    labels = sitk.GetArrayViewFromImage(phantom.labels)
    for label, name in enumerate(phantom.names, start=1):
        if name not in ("right parotid gland", "left parotid gland", "mandible"):
            continue
        truth = [
            phantom.labels.TransformContinuousIndexToPhysicalPoint([float(n) for n in index[::-1]])
            for index in np.argwhere(labels == label)
        ]
        truth_ras = np.mean(truth, axis=0) * [-1, -1, 1]
        assert np.linalg.norm(ras_points(found[name]).mean(axis=0) - truth_ras) < 12, name


def test_only_the_ticked_structures_come(ready: Driver) -> None:
    ready.tick("brainstem", False)
    segmentation = ready.segment()
    assert [s.GetName() for s in segments(segmentation)] == ["right parotid gland"]


def test_a_segmentation_of_the_users_keeps_what_is_hers(ready: Driver, ct: Any) -> None:
    segmentation = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentationNode", "mine")
    segmentation.GetSegmentation().AddEmptySegment("tumour", "tumour")
    ready.ui.segmentationSelector.setCurrentNode(segmentation)
    assert ready.segment() is segmentation
    names = [segment.GetName() for segment in segments(segmentation)]
    assert names == ["tumour", "brainstem", "right parotid gland"]
    ready.segment()
    assert [segment.GetName() for segment in segments(segmentation)] == names, "replaced, not added"


def test_the_second_apply_is_warm(ready: Driver) -> None:
    """The same process, with the model in memory: it computes within a second."""
    ready.segment()
    process = ready.segmenter._worker._process
    started = time.monotonic()
    ready.apply()
    ready.computing()
    assert time.monotonic() - started < 1.0
    ready.finish()
    assert ready.segmenter._worker._process is process


def test_progress_names_the_step(ready: Driver) -> None:
    texts: list[str] = []
    timer = qt.QTimer()
    timer.setInterval(5)
    timer.connect("timeout()", lambda: texts.append(ready.ui.progressLabel.text))
    timer.start()
    ready.segment()
    timer.stop()
    assert len(set(texts)) >= 3, set(texts)
    assert not shown(ready.ui.progressWidget)


def test_nothing_can_be_changed_during_a_run(ready: Driver) -> None:
    ready.apply()
    assert ready.ui.applyButton.text == "Cancel"
    sections = ("inputs", "structures", "advanced")
    assert not any(getattr(ready.ui, f"{name}CollapsibleButton").enabled for name in sections)
    ready.finish()
    assert all(getattr(ready.ui, f"{name}CollapsibleButton").enabled for name in sections)


def slow(window: Driver) -> None:
    """A run that takes long: much overlap, the larger model."""
    window.choose_model("headneck-oar")
    window.ui.overlapComboBox.setCurrentIndex(2)


def test_cancel_ends_in_time_and_leaves_the_scene(ready: Driver) -> None:
    slow(ready)
    before = nodes_in_scene()
    ready.apply()
    ready.computing()
    started = time.monotonic()
    ready.ui.applyButton.click()
    assert not ready.ui.applyButton.enabled
    ready.finish()
    assert time.monotonic() - started < 2.0
    assert nodes_in_scene() == before
    assert ready.message == "Cancelled: the scene is as it was."
    assert ready.ui.applyButton.text == "Apply"


def test_apply_after_cancel(ready: Driver) -> None:
    ready.apply()
    ready.ui.applyButton.click()
    ready.finish()
    assert ready.segment() is not None


@pytest.mark.skipif(os.name == "nt", reason="signals")
@pytest.mark.parametrize("kind", ["killed", "hung"])
def test_a_worker_that_fails_in_the_middle(
    own_worker: Driver, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One clear message, the scene as it was, and the next Apply works."""
    own_worker.segment()
    worker = own_worker.segmenter._worker
    monkeypatch.setattr(worker, "_limits", type(worker._limits)(30.0, 1.0, 1.5))
    slow(own_worker)
    before = nodes_in_scene()
    own_worker.apply()
    own_worker.computing()
    pid = own_worker.worker_pid
    os.kill(pid, signal.SIGKILL if kind == "killed" else signal.SIGSTOP)
    own_worker.finish()
    assert nodes_in_scene() == before
    assert "worker" in own_worker.message, own_worker.message
    own_worker.choose_model("small")
    assert own_worker.segment() is not None
    assert own_worker.message.startswith("Done")


def test_deleting_the_volume_during_a_run(ready: Driver, ct: Any) -> None:
    slow(ready)
    ready.apply()
    ready.computing()
    slicer.mrmlScene.RemoveNode(ct)
    ready.finish()
    assert "CT was removed" in ready.message
    assert not slicer.util.getNodesByClass("vtkMRMLSegmentationNode")
    assert not ready.ui.applyButton.enabled


def test_closing_the_scene_during_a_run(ready: Driver) -> None:
    slow(ready)
    ready.apply()
    ready.computing()
    ready.loaded.close_scene()
    ready.finish()
    assert not slicer.util.getNodesByClass("vtkMRMLSegmentationNode")
    assert ready.ui.applyButton.text == "Apply"
    assert not ready.ui.applyButton.enabled
    assert "scene was closed" in ready.message


def test_unloading_the_module_during_a_run(own_worker: Driver) -> None:
    slow(own_worker)
    own_worker.apply()
    own_worker.computing()
    pid = own_worker.worker_pid
    folder = Path(slicer.app.temporaryPath)
    assert list(folder.glob("VoCo-*"))
    own_worker.unload()
    assert not list(folder.glob("VoCo-*"))
    harness.wait(lambda: not alive(pid), 5)
    assert not slicer.util.getNodesByClass("vtkMRMLSegmentationNode")


def alive(pid: int) -> bool:
    try:
        return "Z" not in Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except OSError:
        return False


def test_a_region_limits_what_is_computed(ready: Driver, ct: Any) -> None:
    region = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLMarkupsROINode", "Box")
    bounds = [0.0] * 6
    ct.GetRASBounds(bounds)
    center = [(a + b) / 2 for a, b in zip(bounds[::2], bounds[1::2], strict=True)]
    region.SetCenter(center)
    region.SetSize([60.0, 60.0, 60.0])
    ready.ui.regionSelector.setCurrentNode(region)
    segmentation = ready.segment()
    for segment in segments(segmentation):
        points = ras_points(segment)
        if len(points):
            assert np.abs(points - center).max() <= 30 + 6


def test_the_estimate_is_there_before_apply(ready: Driver) -> None:
    harness.wait(lambda: shown(ready.ui.estimateWidget), 120)
    text = ready.ui.estimateLabel.text
    assert text.startswith("About")
    assert "memory" in text
    assert not shown(ready.ui.waysOutWidget)


def test_several_volumes(ready: Driver, phantom: Any, tmp_path: Path) -> None:
    load(phantom.image, tmp_path, "Other")
    ready.ui.inputComboBox.setCurrentIndex(2)
    for row in range(2):
        ready.ui.volumesList.item(row).setCheckState(qt.Qt.Checked)
    ready.apply()
    ready.finish()
    made = slicer.util.getNodesByClass("vtkMRMLSegmentationNode")
    assert sorted(node.GetName() for node in made) == ["CT segmentation", "Other segmentation"]
    assert [row[0] for row in ready.table()] == ["CT", "CT", "Other", "Other"]
    csv = ready.loaded.widget.window.results.text().splitlines()
    assert csv[0].startswith("image,")
    assert len(csv) == 5


def test_a_sequence(ready: Driver, ct: Any) -> None:
    sequence = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSequenceNode", "4-D CT")
    for time_point in ("0", "1"):
        sequence.SetDataNodeAtValue(ct, time_point)
    ready.ui.inputComboBox.setCurrentIndex(1)
    ready.ui.sequenceSelector.setCurrentNode(sequence)
    ready.apply()
    ready.finish()
    assert ready.message.startswith("Done"), ready.message
    sequences = slicer.util.getNodesByClass("vtkMRMLSequenceNode")
    (made,) = [node for node in sequences if node is not sequence]
    assert made.GetNumberOfDataNodes() == 2
    assert made.GetNthDataNode(0).IsA("vtkMRMLSegmentationNode")


def test_the_table_is_copied_and_exported(ready: Driver, tmp_path: Path) -> None:
    ready.segment()
    ready.ui.copyButton.click()
    copied = qt.QApplication.clipboard().text()
    assert "brainstem\t" in copied
    harness.dialogs.answer(str(tmp_path / "table"))
    ready.ui.exportButton.click()
    written = (tmp_path / "table.csv").read_text()
    assert written.replace(",", "\t") == copied
    assert len(written.splitlines()) == 3


def test_a_table_that_cannot_be_written(ready: Driver, tmp_path: Path) -> None:
    ready.segment()
    harness.dialogs.answer(str(tmp_path / "nowhere/table.csv"))
    ready.ui.exportButton.click()
    assert "could not be written" in ready.message


def test_the_corrected_segmentation_is_measured_again(ready: Driver) -> None:
    segmentation = ready.segment()
    segmentation.GetSegmentation().GetNthSegment(0).SetName("Hirnstamm")
    before = [row[1] for row in ready.table()]
    ready.ui.measureButton.click()
    harness.wait(lambda: ready.table()[0][0] == "Hirnstamm")
    assert [row[1] for row in ready.table()] == before


def test_show_in_3d(ready: Driver) -> None:
    segmentation = ready.segment()
    assert not has_surface(segmentation)
    ready.ui.showIn3DCheckBox.setChecked(True)
    harness.wait(lambda: has_surface(segmentation))
    ready.segment()
    assert has_surface(segmentation)


def has_surface(segmentation: Any) -> bool:
    display = segmentation.GetDisplayNode()
    made = segmentation.GetSegmentation().ContainsRepresentation("Closed surface")
    return bool(made and display is not None and display.GetVisibility3D())


def test_a_script_segments_without_the_window(
    warm: Worker, harness_session: None, small: str, phantom: Any, tmp_path: Path
) -> None:
    from VoCoSlicerLib.errors import VoCoSlicerError
    from VoCoSlicerLib.segmenting.segmenter import Segmenter

    segmenter = Segmenter(qt.QTimer.singleShot, slicer.app.processEvents)
    segmenter._worker = warm
    volume = load(phantom.image, tmp_path, "CT")
    segmentation = segmenter.segment(volume, "small", structures=["brainstem"])
    assert [segment.GetName() for segment in segments(segmentation)] == ["brainstem"]
    with pytest.raises(VoCoSlicerError, match="nosuchmodel"):
        segmenter.segment(volume, "nosuchmodel")


def test_a_model_of_the_users_own(ready: Driver, tmp_path: Path, model_folder: Path) -> None:
    """Checked when chosen, in the list, there again in the next session."""
    shutil.copytree(model_folder, tmp_path / "mine")
    ready.loaded.widget.window.models.add(str(tmp_path / "mine"))
    harness.wait(lambda: ready.message.startswith("small is in the model list"), 120)
    assert ready.parameters.model == str(tmp_path / "mine")
    assert list(ready.structures()) == ["brainstem", "right parotid gland"]
    assert ready.segment() is not None
    ready.segmenter._worker = None  # the next tests need it
    ready.unload()
    again = Driver(harness.load_module("VoCoSlicer"))
    again.choose_model(str(tmp_path / "mine"))
    shutil.rmtree(tmp_path / "mine")
    again.loaded.widget.window.models.reload()
    assert "no longer where it was" in again.ui.modelInfoLabel.text
    assert not again.ui.applyButton.enabled
    again.unload()


def test_a_model_that_does_not_fit_says_why(ready: Driver, tmp_path: Path) -> None:
    (tmp_path / "weights.pt").write_text("no weights")
    before = ready.model_titles()
    ready.loaded.widget.window.models.add(str(tmp_path / "weights.pt"))
    harness.wait(lambda: "cannot be used" in ready.message, 120)
    assert ready.model_titles() == before
