"""The check of a volume before Apply: what it says, and that it never stands in the way."""

import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import SimpleITK as sitk
from vtk.util.numpy_support import vtk_to_numpy

from Testing import harness
from Testing.slicer.window.driver import Driver, load
from Testing.slicer.window.positions_window import *  # noqa: F403
from Testing.slicer.window.positions_window import PATIENCE, nodes_in_scene, shown
from voco3d.phantom import Phantom

import slicer  # isort: skip

from VoCoSlicerLib.widget import volume_check


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(volume_check, "PAUSE", 50)


def flipped(image: sitk.Image, axis: int) -> sitk.Image:
    """The voxels in reverse order along an axis, under the same header: the header is wrong."""
    voxels = np.flip(sitk.GetArrayFromImage(image), axis).copy()
    wrong = sitk.GetImageFromArray(voxels)
    wrong.CopyInformation(image)
    return wrong


def reoriented(image: sitk.Image) -> sitk.Image:
    """The voxels in another order, and a header that says so: nothing is wrong."""
    return sitk.DICOMOrient(image, "PIR")


def part(window: Driver) -> Any:
    return window.loaded.widget.window.check


def check(window: Driver, image: sitk.Image, folder: Path, name: str) -> Any:
    """Choose a volume, and wait until it is checked."""
    node = load(image, folder, name)
    window.choose_model("small")
    window.ui.volumeSelector.setCurrentNode(node)
    harness.wait(lambda: part(window)._is_known(node), PATIENCE)
    return node


def test_a_volume_that_lies_as_stated(window: Driver, phantom: Phantom, tmp_path: Path) -> None:
    check(window, phantom.image, tmp_path, "CT")
    assert window.ui.checkLabel.text == "Orientation checked: as stated."
    assert not window.ui.checkLabel.autoFillBackground
    assert shown(window.ui.estimateWidget), "it comes after the estimate"
    window.apply()
    assert not shown(window.ui.checkLabel), "not while a run goes on"
    window.finish()
    assert window.message.startswith("Done in")
    assert not harness.dialogs.shown


@pytest.mark.parametrize(
    ("axis", "looks"), [(0, "upside down"), (1, "flipped front to back")], ids=["feet", "back"]
)
def test_a_wrong_header_is_said_and_asked_about(
    window: Driver, phantom: Phantom, tmp_path: Path, axis: int, looks: str
) -> None:
    check(window, flipped(phantom.image, axis), tmp_path, "CT")
    assert looks in window.ui.checkLabel.text
    assert window.ui.checkLabel.autoFillBackground
    before = nodes_in_scene()
    harness.dialogs.answer("No")
    window.apply()
    assert harness.dialogs.texts == [f"This volume looks {looks}. Segment it all the same?"]
    assert not window.running
    assert window.ui.applyButton.text == "Apply"
    assert nodes_in_scene() == before
    harness.dialogs.answer("Yes")
    window.apply()
    window.finish()
    assert window.message.startswith("Done in")


def test_another_orientation_with_a_right_header_is_fine(
    window: Driver, phantom: Phantom, tmp_path: Path
) -> None:
    check(window, reoriented(phantom.image), tmp_path, "CT")
    assert window.ui.checkLabel.text == "Orientation checked: as stated."


def test_an_unknown_region_is_only_a_note(window: Driver, phantom: Phantom, tmp_path: Path) -> None:
    voxels = sitk.GetArrayFromImage(phantom.image)
    voxels = np.random.default_rng(0).uniform(-1000, 1000, voxels.shape).astype(np.int16)
    noise = sitk.GetImageFromArray(voxels)
    noise.CopyInformation(phantom.image)
    check(window, noise, tmp_path, "noise")
    assert "does not know this part of the body" in window.ui.checkLabel.text
    assert not window.ui.checkLabel.autoFillBackground
    assert part(window).agrees(window.parameters.volume), "nobody is asked"


def test_a_known_volume_is_not_checked_again(
    window: Driver, phantom: Phantom, tmp_path: Path
) -> None:
    first = check(window, phantom.image, tmp_path, "CT")
    check(window, flipped(phantom.image, 0), tmp_path, "wrong")
    asked: list[str] = []
    jobs = window.loaded.widget.window.jobs
    ask = jobs.ask
    jobs.ask = lambda question: (asked.append(question.method), ask(question))
    window.ui.volumeSelector.setCurrentNode(first)
    assert "as stated" in window.ui.checkLabel.text, "at once"
    harness.wait(lambda: shown(window.ui.estimateWidget))
    end = time.monotonic() + 0.5
    harness.wait(lambda: time.monotonic() > end)
    assert not asked


def test_a_volume_that_changed_is_checked_again(
    window: Driver, phantom: Phantom, tmp_path: Path
) -> None:
    node = check(window, phantom.image, tmp_path, "CT")
    image = node.GetImageData()
    scalars = image.GetPointData().GetScalars()
    voxels = vtk_to_numpy(scalars).reshape(image.GetDimensions()[::-1])
    voxels[:] = voxels[::-1].copy()
    scalars.Modified()
    image.Modified()
    assert part(window)._known(node) is None, "what was found is no longer true"
    window.loaded.widget.window._show()
    harness.wait(lambda: "upside down" in window.ui.checkLabel.text, PATIENCE)


def test_apply_does_not_wait_for_a_check(window: Driver, phantom: Phantom, tmp_path: Path) -> None:
    """It stops the check, and asks nothing."""
    node = load(flipped(phantom.image, 0), tmp_path, "CT")
    window.choose_model("small")
    window.ui.volumeSelector.setCurrentNode(node)
    jobs = window.loaded.widget.window.jobs
    harness.wait(lambda: not jobs.idle, PATIENCE)
    started = time.monotonic()
    window.apply()
    harness.wait(lambda: window.running)
    assert time.monotonic() - started < 1.0
    assert not harness.dialogs.shown
    window.finish()
    assert window.message.startswith("Done in")
    harness.wait(lambda: "upside down" in window.ui.checkLabel.text, PATIENCE)


def test_nothing_is_said_of_several_volumes(
    window: Driver, phantom: Phantom, tmp_path: Path
) -> None:
    check(window, flipped(phantom.image, 0), tmp_path, "CT")
    window.ui.inputComboBox.setCurrentIndex(2)
    assert not shown(window.ui.checkLabel)


def test_without_a_model_with_reference_bases_nothing_is_said(
    window: Driver, phantom: Phantom, tmp_path: Path
) -> None:
    part(window)._model = lambda: None
    node = load(phantom.image, tmp_path, "CT")
    window.choose_model("small")
    window.ui.volumeSelector.setCurrentNode(node)
    harness.wait(lambda: shown(window.ui.estimateWidget), PATIENCE)
    end = time.monotonic() + 0.3
    harness.wait(lambda: time.monotonic() > end)
    assert window.loaded.widget.window.jobs.idle
    assert not shown(window.ui.checkLabel)
    window.apply()
    window.finish()
    assert window.message.startswith("Done in")


def test_a_region_that_misses_the_volume_is_refused(window: Driver, ct: Any) -> None:
    """At once: nothing is written, and the worker is not asked."""
    window.choose_model("small")
    region = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLMarkupsROINode", "box")
    region.SetCenter(4000.0, 0.0, 0.0)
    region.SetSize(50.0, 50.0, 50.0)
    window.ui.regionSelector.setCurrentNode(region)
    window.apply()
    assert "The region box lies outside CT" in window.message
    assert not window.running
    assert window.ui.applyButton.text == "Apply"
    centre = [0.0] * 6
    ct.GetRASBounds(centre)
    region.SetCenter(
        *[(low + high) / 2 for low, high in zip(centre[::2], centre[1::2], strict=True)]
    )
    window.apply()
    window.finish()
    assert window.message.startswith("Done in")
