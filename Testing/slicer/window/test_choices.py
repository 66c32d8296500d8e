"""What the user can choose, before anything is computed."""

import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest

from Testing import harness
from Testing.harness.qt_objects import QSettings
from Testing.slicer.window.driver import Driver, load, shown

import qt  # isort: skip
import slicer  # isort: skip
import vtk  # isort: skip

from VoCoSlicerLib.scene.measures import StructureMeasure  # isort: skip
from VoCoSlicerLib.scene.nodes import new_segmentation  # isort: skip
from VoCoSlicerLib.segmenting.outcome import ItemResult  # isort: skip


def test_the_window_starts_with_the_bundled_model_and_says_what_is_missing(window: Driver) -> None:
    assert window.ui.modelComboBox.currentText == "headneck-oar"
    assert not window.ui.applyButton.enabled
    assert window.ui.applyButton.toolTip == "Choose a volume first."
    info = window.ui.modelInfoLabel.text
    assert "brainstem, spinal cord, parotid glands and mandible" in info
    assert "OpenKBP" in info
    assert re.search(r"mean Dice 0\.\d\d, OpenKBP validation cases", info)


def test_a_volume_that_is_loaded_later_can_be_chosen(window: Driver, ct: Any) -> None:
    window.ui.volumeSelector.setCurrentNode(ct)
    assert window.parameters.volume is ct
    assert window.ui.applyButton.enabled


def test_more_tells_all_about_the_model(window: Driver) -> None:
    before = window.ui.modelInfoLabel.text
    assert "Apache-2.0" not in before
    window.ui.modelInfoLabel.linkActivated("more")
    assert "Apache-2.0" in window.ui.modelInfoLabel.text
    window.ui.modelInfoLabel.linkActivated("less")
    assert window.ui.modelInfoLabel.text == before


def test_the_structures_are_those_of_the_model(window: Driver, small: str) -> None:
    names = ["brainstem", "spinal cord", "right parotid gland", "left parotid gland", "mandible"]
    assert list(window.structures()) == names
    assert all(window.structures().values())
    assert window.ui.structuresCollapsibleButton.text == "Structures (all 5)"


def test_structures_are_filtered_by_name(window: Driver) -> None:
    window.ui.structuresSearchBox.setText("PAROTID")
    assert list(window.structures()) == ["right parotid gland", "left parotid gland"]
    window.ui.noStructuresButton.click()
    window.ui.structuresSearchBox.setText("")
    unticked = [name for name, on in window.structures().items() if not on]
    assert unticked == ["right parotid gland", "left parotid gland"]
    assert window.ui.structuresCollapsibleButton.text == "Structures (3 of 5)"
    window.ui.allStructuresButton.click()
    assert all(window.structures().values())


def test_without_a_structure_there_is_nothing_to_do(window: Driver, ct: Any) -> None:
    window.ui.volumeSelector.setCurrentNode(ct)
    window.ui.noStructuresButton.click()
    assert not window.ui.applyButton.enabled
    assert window.ui.applyButton.toolTip == "Tick at least one structure first."


def test_the_choice_of_structures_is_kept(window: Driver, models: Path, small: str) -> None:
    """Over other models, other scenes and the next session."""
    window.tick("mandible", False)
    window.tick("brainstem", False)
    reload_models(window)
    window.choose_model("small")
    assert window.structures() == {"brainstem": False, "right parotid gland": True}
    for on in (False, True):  # what other models have is not forgotten
        window.tick("right parotid gland", on)
    window.choose_model("headneck-oar")
    unticked = [name for name, on in window.structures().items() if not on]
    assert unticked == ["brainstem", "mandible"]
    window.loaded.close_scene()
    assert [name for name, on in window.structures().items() if not on] == unticked
    window.unload()
    harness.new_scene()
    again = Driver(harness.load_module("VoCoSlicer"))
    assert [name for name, on in again.structures().items() if not on] == unticked
    again.unload()


def reload_models(window: Driver) -> None:
    window.loaded.widget.window.models.reload()


def test_settings_are_written_only_when_a_choice_has_changed(
    window: Driver, ct: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    written: list[str] = []
    write = QSettings.setValue

    def noting(settings: Any, key: str, value: Any) -> None:
        written.append(key)
        write(settings, key, value)

    monkeypatch.setattr(QSettings, "setValue", noting)
    window.ui.volumeSelector.setCurrentNode(ct)
    window.loaded.widget.window.parameters_changed()
    assert "VoCo/lastChoices" not in written
    window.ui.showIn3DCheckBox.setChecked(True)
    window.loaded.widget.window.parameters_changed()
    assert written.count("VoCo/lastChoices") == 1


def test_settings_persist_into_a_new_session(window: Driver, small: str) -> None:
    reload_models(window)
    window.choose_model("small")
    window.ui.showIn3DCheckBox.setChecked(True)
    window.ui.overlapComboBox.setCurrentIndex(2)
    window.ui.smallTilesCheckBox.setChecked(True)
    window.unload()
    harness.new_scene()
    again = Driver(harness.load_module("VoCoSlicer"))
    assert again.ui.modelComboBox.currentText == "small"
    assert again.ui.showIn3DCheckBox.checked
    assert again.ui.overlapComboBox.currentIndex == 2
    assert again.ui.smallTilesCheckBox.checked
    again.unload()


def test_the_window_works_on_after_the_scene_is_closed(
    window: Driver, ct: Any, phantom: Any, tmp_path: Path
) -> None:
    window.ui.volumeSelector.setCurrentNode(ct)
    window.loaded.close_scene()
    assert not window.ui.applyButton.enabled
    other = load(phantom.image, tmp_path, "Other")
    window.ui.volumeSelector.setCurrentNode(other)
    assert window.parameters.volume is other
    assert window.ui.applyButton.enabled


def test_a_saved_scene_reopens_as_it_was(
    window: Driver, small: str, ct: Any, phantom: Any, tmp_path: Path
) -> None:
    reload_models(window)
    other = load(phantom.image, tmp_path, "Other")
    region = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLMarkupsROINode", "Box")
    window.choose_model("small")
    window.tick("brainstem", False)
    window.ui.volumeSelector.setCurrentNode(other)
    window.ui.regionSelector.setCurrentNode(region)
    window.ui.overlapComboBox.setCurrentIndex(1)
    window.ui.smallTilesCheckBox.setChecked(True)
    window.loaded.save_and_reload_scene(tmp_path)
    assert window.ui.volumeSelector.currentNode().GetName() == "Other"
    assert window.ui.regionSelector.currentNode().GetName() == "Box"
    assert window.ui.modelComboBox.currentText == "small"
    assert window.structures() == {"brainstem": False, "right parotid gland": True}
    assert window.ui.overlapComboBox.currentIndex == 1
    assert window.ui.smallTilesCheckBox.checked


def test_a_scene_with_a_model_that_is_not_here(window: Driver, ct: Any) -> None:
    window.ui.volumeSelector.setCurrentNode(ct)
    window.parameters.model = "/elsewhere/mine"
    assert window.ui.modelComboBox.currentText == "mine (missing)"
    assert "not on this computer" in window.ui.modelInfoLabel.text
    assert not window.ui.applyButton.enabled


def test_a_finished_training_is_in_the_list(
    window: Driver, tmp_path: Path, model_folder: Path
) -> None:
    """By itself, and without a change of what is chosen; in the next session it is there again."""
    shutil.copytree(model_folder, tmp_path / "run/model")
    key = str(tmp_path / "run/model")
    training = window.loaded.widget.window.training
    training._news.append(str(tmp_path / "run"))
    training.update()
    assert window.ui.modelComboBox.findData(key) >= 0
    assert window.ui.modelComboBox.currentText == "headneck-oar"
    window.choose_model(key)
    assert list(window.structures()) == ["brainstem", "right parotid gland"]
    window.unload()
    again = Driver(harness.load_module("VoCoSlicer"))
    assert again.ui.modelComboBox.findData(key) >= 0
    again.unload()


@pytest.mark.parametrize(
    "kept", ["{", '{"no": "list"}', '[7, {"key": "/x"}, {"key": "/x", "name": "x", "new": 1}]']
)
def test_damaged_settings_do_not_keep_the_window_from_opening(
    models: Path, harness_session: None, kept: str
) -> None:
    qt.QSettings().setValue("VoCo/models", kept)
    qt.QSettings().setValue("VoCo/lastChoices", kept)
    window = Driver(harness.load_module("VoCoSlicer"))
    assert window.ui.modelComboBox.currentText == "headneck-oar"
    window.unload()


def test_a_damaged_model_is_listed_with_the_reason(window: Driver, models: Path) -> None:
    (models / "broken/configs").mkdir(parents=True)
    (models / "broken/configs/metadata.json").write_text("{}")
    reload_models(window)
    window.choose_model("broken")
    assert "cannot be read" in window.ui.modelInfoLabel.text
    assert not window.ui.applyButton.enabled


def test_an_encoder_says_that_it_does_not_segment(window: Driver, ct: Any) -> None:
    window.ui.volumeSelector.setCurrentNode(ct)
    window.choose_model("headneck-voco")
    assert "does not segment" in window.ui.applyButton.toolTip
    assert not window.ui.applyButton.enabled


def test_the_authors_weights_wait_for_a_download(window: Driver) -> None:
    window.choose_model("VoComni_B")
    assert "Licence: not stated" in window.ui.modelInfoLabel.text
    assert shown(window.ui.releaseWidget)
    window.choose_model("VoComni_nnunet")
    assert "SlicerNNUnet" in window.ui.modelInfoLabel.text
    assert not shown(window.ui.releaseWidget)
    window.choose_model("headneck-oar")
    assert not shown(window.ui.releaseWidget)


@pytest.mark.parametrize("button", ["downloadButton", "importButton"])
def test_no_is_no(window: Driver, models: Path, button: str) -> None:
    """Nothing is fetched without a yes to the licence."""
    window.choose_model("VoComni_B")
    harness.dialogs.answer("No")
    getattr(window.ui, button).click()
    assert "do not state a licence" in harness.dialogs.texts[-1]
    assert not window.loaded.widget.window.models.fetching
    assert not any(models.iterdir())


def test_channels_of_a_model_each_have_a_row(
    window: Driver, ct: Any, models: Path, model_folder: Path
) -> None:
    take_channels(window, models, model_folder, 3)
    window.ui.volumeSelector.setCurrentNode(ct)
    assert shown(window.ui.secondVolumeSelector)
    assert shown(window.ui.thirdVolumeSelector)
    assert not shown(window.ui.fourthVolumeSelector)
    assert not window.ui.applyButton.enabled
    assert "takes 3 volumes" in window.ui.applyButton.toolTip
    window.ui.secondVolumeSelector.setCurrentNode(ct)
    window.ui.thirdVolumeSelector.setCurrentNode(ct)
    assert window.ui.applyButton.enabled


def take_channels(window: Driver, models: Path, model_folder: Path, count: int) -> None:
    """Choose a model that takes several volumes."""
    shutil.copytree(model_folder, models / "channels")
    file = models / "channels/configs/metadata.json"
    metadata = json.loads(file.read_text())
    metadata["voco"]["network"]["in_channels"] = count
    file.write_text(json.dumps(metadata))
    reload_models(window)
    window.choose_model("channels")


def test_a_model_of_channels_takes_no_series(
    window: Driver, ct: Any, models: Path, model_folder: Path
) -> None:
    take_channels(window, models, model_folder, 2)
    window.ui.inputComboBox.setCurrentIndex(2)
    window.ui.volumesList.item(0).setCheckState(qt.Qt.Checked)
    assert not window.ui.applyButton.enabled
    assert "segment them one by one" in window.ui.applyButton.toolTip


def test_a_model_of_more_channels_than_there_are_rows(
    window: Driver, ct: Any, models: Path, model_folder: Path
) -> None:
    take_channels(window, models, model_folder, 5)
    window.ui.volumeSelector.setCurrentNode(ct)
    for name in ("second", "third", "fourth"):
        getattr(window.ui, f"{name}VolumeSelector").setCurrentNode(ct)
    assert not window.ui.applyButton.enabled
    assert "more than this window offers" in window.ui.applyButton.toolTip


def test_the_rows_fit_the_kind_of_input(window: Driver, ct: Any) -> None:
    selectors = ("volumeSelector", "sequenceSelector", "volumesList")
    for index, wanted in enumerate(selectors):
        window.ui.inputComboBox.setCurrentIndex(index)
        assert [name for name in selectors if shown(getattr(window.ui, name))] == [wanted]
    assert not shown(window.ui.segmentationSelector), "each volume gets its own"


def test_the_list_of_volumes_follows_the_scene(
    window: Driver, ct: Any, phantom: Any, tmp_path: Path
) -> None:
    window.ui.inputComboBox.setCurrentIndex(2)
    assert volumes(window) == {"CT": False}
    window.ui.volumesList.item(0).setCheckState(qt.Qt.Checked)
    assert window.ui.applyButton.enabled
    other = load(phantom.image, tmp_path, "Other")
    assert volumes(window) == {"CT": True, "Other": False}
    slicer.mrmlScene.RemoveNode(ct)
    assert volumes(window) == {"Other": False}
    assert not window.ui.applyButton.enabled
    assert other.GetScene() is not None


def volumes(window: Driver) -> dict[str, bool]:
    items = [window.ui.volumesList.item(row) for row in range(window.ui.volumesList.count)]
    return {item.text(): bool(item.checkState()) for item in items}


def test_another_volume_gets_another_segmentation(
    window: Driver, ct: Any, phantom: Any, tmp_path: Path
) -> None:
    """One patient's structures never end up in another patient's segmentation by themselves."""
    window.ui.volumeSelector.setCurrentNode(ct)
    rows = [StructureMeasure("mandible", 12.5, 400.0, False)]
    window.loaded.widget.window.results.show([ItemResult("CT", rows, {})], {}, "by a model")
    segmentation = new_segmentation(ct)
    window.ui.segmentationSelector.setCurrentNode(segmentation)
    other = load(phantom.image, tmp_path, "Other")
    window.ui.volumeSelector.setCurrentNode(other)
    assert window.parameters.segmentation is None
    assert not shown(window.ui.resultsCollapsibleButton), "another patient's table"
    window.ui.segmentationSelector.setCurrentNode(segmentation)
    assert window.parameters.segmentation is segmentation, "the user may"
    window.ui.volumeSelector.setCurrentNode(ct)
    assert window.parameters.segmentation is segmentation


def test_crop_makes_a_box_around_the_volume(window: Driver, ct: Any) -> None:
    """Where the volume is, its transform included."""
    transform = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLLinearTransformNode")
    moved = vtk.vtkMatrix4x4()
    for axis, distance in enumerate((100.0, -50.0, 30.0)):
        moved.SetElement(axis, 3, distance)
    before = [0.0] * 6
    ct.GetRASBounds(before)
    transform.SetMatrixTransformToParent(moved)
    ct.SetAndObserveTransformNodeID(transform.GetID())
    window.ui.volumeSelector.setCurrentNode(ct)
    window.ui.cropButton.click()
    region = window.parameters.region
    assert region is window.ui.regionSelector.currentNode()
    wanted, made = [0.0] * 6, [0.0] * 6
    ct.GetRASBounds(wanted)
    assert wanted[0] == pytest.approx(before[0] + 100.0)
    region.GetRASBounds(made)
    assert made == pytest.approx(wanted)
    assert "Drag the box" in window.message


def test_every_control_has_a_tooltip_and_a_translation(window: Driver) -> None:
    """What can be clicked or typed into says what it does."""
    kinds = ("QPushButton", "QComboBox", "QCheckBox", "qMRMLNodeComboBox", "QListWidget")
    for name in vars(window.ui):
        widget = getattr(window.ui, name)
        if hasattr(widget, "className") and widget.className() in kinds:
            assert widget.toolTip, name


def test_no_key_has_two_meanings() -> None:
    """Alt and a letter, also with the menus of Slicer's main window."""
    from xml.etree import ElementTree

    path = Path(__file__).resolve().parents[3] / "VoCoSlicer/Resources/UI/VoCoSlicer.ui"
    texts = [element.text or "" for element in ElementTree.parse(path).iter("string")]
    keys = [text[text.index("&") + 1].lower() for text in texts if "&" in text]
    assert len(keys) > 10
    assert sorted(keys) == sorted(set(keys))
    assert not {"f", "e", "v", "h"}.intersection(keys)
