"""The estimate with its ways out, and the table, without a worker."""

from pathlib import Path
from typing import Any

import pytest

from Testing import harness
from Testing.slicer.window.driver import Driver, load, nodes_in_scene, shown

import qt  # isort: skip
import slicer  # isort: skip

from VoCoSlicerLib.parameters import Overlap
from VoCoSlicerLib.scene.measures import StructureMeasure
from VoCoSlicerLib.segmenting.outcome import ItemResult
from VoCoSlicerLib.worker import words
from VoCoSlicerLib.worker.messages import USER_ERROR, WorkerError

FITS = {
    "memory": 2.1e9,
    "available": 8e9,
    "seconds": 40.0,
    "windows": 80,
    "fits": True,
    "smaller_windows": True,
    "advice": [],
}
TOO_LARGE = {**FITS, "memory": 14e9, "fits": False, "advice": ["It will not fit."]}


class Oracle:
    """A worker that only estimates."""

    def __init__(self, answer: Any) -> None:
        self.answer = answer
        self.asked: list[dict[str, Any]] = []

    def request(self, method: str, params: dict, on_result: Any, on_error: Any) -> int:
        assert method == "estimate"
        self.asked.append(params)
        answer = self.answer(params) if callable(self.answer) else self.answer
        if isinstance(answer, WorkerError):
            on_error(answer)
        else:
            on_result(answer)
        return len(self.asked)


@pytest.fixture
def ask(window: Driver, ct: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Chooses the volume; the worker answers what the test says."""

    def ask(answer: Any) -> Oracle:
        oracle = Oracle(answer)
        monkeypatch.setattr(window.segmenter, "worker", lambda _environment: oracle)
        monkeypatch.setattr(window.loaded.widget.window.check, "renew", lambda: None)
        window.ui.volumeSelector.setCurrentNode(ct)
        harness.wait(lambda: oracle.asked and shown(window.ui.estimateWidget))
        return oracle

    return ask


def again(oracle: Oracle) -> dict[str, Any]:
    """What is asked after a change."""
    count = len(oracle.asked)
    harness.wait(lambda: len(oracle.asked) > count)
    return oracle.asked[-1]


def test_what_fits_is_one_line(window: Driver, ask: Any, phantom: Any) -> None:
    oracle = ask(FITS)
    text = window.ui.estimateLabel.text
    assert text == "About 40 s and 2.1 GB of memory (8.0 GB free)."
    assert not shown(window.ui.waysOutWidget)
    assert oracle.asked[0]["image"]["size"] == list(phantom.image.GetSize())
    assert oracle.asked[0]["model"] == "headneck-oar"


def test_what_does_not_fit_has_ways_out(window: Driver, ask: Any) -> None:
    oracle = ask(TOO_LARGE)
    assert "It will not fit." in window.ui.estimateLabel.text
    assert shown(window.ui.waysOutWidget)
    assert window.ui.applyButton.enabled, "the user may try"
    window.ui.useCpuButton.click()
    assert again(oracle)["device"] == "cpu"
    assert not shown(window.ui.useCpuButton), "this way is taken"
    assert shown(window.ui.smallTilesButton)
    window.ui.smallTilesButton.click()
    assert again(oracle)["small_windows"]
    assert window.ui.smallTilesCheckBox.checked
    window.ui.lessOverlapButton.click()
    assert again(oracle)["overlap"] == 0.25
    assert window.parameters.overlap is Overlap.LITTLE
    window.ui.cropButton.click()
    assert again(oracle)["region"] is not None
    assert not shown(window.ui.cropButton)


def test_smaller_tiles_are_no_way_out_where_there_are_none(window: Driver, ask: Any) -> None:
    ask({**TOO_LARGE, "smaller_windows": False})
    assert shown(window.ui.waysOutWidget)
    assert not shown(window.ui.smallTilesButton)


def test_advice_is_in_the_users_language(
    window: Driver, ask: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(words, "_sentences", lambda: {"It will not fit.": "Es passt nicht."})
    ask(TOO_LARGE)
    assert window.ui.estimateLabel.text.endswith("free). Es passt nicht.")


def test_an_estimate_that_cannot_be_made_says_why(window: Driver, ask: Any) -> None:
    ask(WorkerError(USER_ERROR, "The model is damaged."))
    assert window.ui.estimateLabel.text == "The model is damaged."
    assert not shown(window.ui.waysOutWidget)


def test_a_late_estimate_of_something_else_is_not_shown(window: Driver, ask: Any) -> None:
    ask(FITS)
    window.ui.volumeSelector.setCurrentNode(None)
    assert not shown(window.ui.estimateWidget)


@pytest.fixture
def four_volumes(window: Driver, ct: Any, phantom: Any, tmp_path: Path) -> list[Any]:
    """All ticked: three on two grids, and one that is no volume of voxels."""
    first_slices = phantom.image[:, :, :10]
    load(first_slices, tmp_path, "Short")
    load(phantom.image, tmp_path, "CT again")
    slicer.mrmlScene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", "Empty")
    window.ui.inputComboBox.setCurrentIndex(2)
    for row in range(4):
        window.ui.volumesList.item(row).setCheckState(qt.Qt.Checked)
    return window.loaded.widget.window._input.volumes.ticked()


def slices(params: dict[str, Any]) -> int:
    return params["image"]["size"][2]


def test_several_volumes_are_estimated_together(
    window: Driver, ask: Any, four_volumes: list[Any]
) -> None:
    """Each grid is asked once; times are added, memory is that of the neediest volume."""
    assert [node.GetName() for node in four_volumes] == ["CT", "Short", "CT again", "Empty"]

    def answer(params: dict[str, Any]) -> dict[str, Any]:
        if slices(params) == 10:
            return {**FITS, "seconds": 5.0, "memory": 1e9, "advice": ["Wait."]}
        return {**FITS, "advice": ["Wait."]}

    oracle = ask(answer)
    assert sorted(map(slices, oracle.asked)) == sorted({10, slices(oracle.asked[0])})
    text = window.ui.estimateLabel.text
    assert text.startswith(
        "About 85 s for all volumes, and up to 2.1 GB of memory (8.0 GB free). Wait. Empty has no"
    )
    assert not shown(window.ui.waysOutWidget)


def test_one_of_several_that_does_not_fit_is_a_warning(
    window: Driver, ask: Any, four_volumes: list[Any]
) -> None:
    ask(lambda params: FITS if slices(params) == 10 else TOO_LARGE)
    assert "It will not fit." in window.ui.estimateLabel.text
    assert "14.0 GB" in window.ui.estimateLabel.text
    assert shown(window.ui.waysOutWidget)


def test_what_cannot_be_estimated_is_named(
    window: Driver, ask: Any, four_volumes: list[Any]
) -> None:
    outside = WorkerError(USER_ERROR, "The box is elsewhere.")
    oracle = ask(lambda params: FITS if slices(params) == 10 else outside)
    assert window.ui.estimateLabel.text.startswith("About 40 s for all")
    assert window.ui.estimateLabel.text.endswith("CT and 1 more: The box is elsewhere.")
    oracle.answer = outside
    window.ui.overlapComboBox.setCurrentIndex(2)
    again(oracle)
    assert "About" not in window.ui.estimateLabel.text


def test_a_sequence_is_one_question_times_its_items(window: Driver, ct: Any, ask: Any) -> None:
    sequence = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSequenceNode", "4-D CT")
    for point in range(7):
        sequence.SetDataNodeAtValue(ct, str(point))
    before = nodes_in_scene()
    window.ui.inputComboBox.setCurrentIndex(1)
    window.ui.sequenceSelector.setCurrentNode(sequence)
    oracle = ask(FITS)
    assert len(oracle.asked) == 1
    assert window.ui.estimateLabel.text.startswith("About 5 min for all volumes")
    assert nodes_in_scene() == before


def test_without_pytorch_it_says_that_apply_sets_it_up(
    window: Driver, ct: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And no worker is started, let alone something installed."""
    from VoCoSlicerLib.widget import chosen_python

    monkeypatch.setattr(chosen_python, "missing_packages", lambda: ["torch"])
    monkeypatch.setattr(window.loaded.widget.window._python, "_complete", None)
    monkeypatch.setattr(window.segmenter, "worker", lambda _environment: pytest.fail("started"))
    window.ui.volumeSelector.setCurrentNode(ct)
    assert "Apply first sets up" in window.ui.estimateLabel.text
    assert not harness.installations.calls


def test_without_a_yes_to_the_set_up_nothing_runs(
    window: Driver, ct: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(window.loaded.widget.window.environment, "prepare", lambda: False)
    window.ui.volumeSelector.setCurrentNode(ct)
    window.apply()
    assert not window.running
    assert "Nothing was installed" in window.message


ROWS = [
    StructureMeasure("brainstem", 21.4, 35.4, False),
    StructureMeasure("spinal cord", 12.5, 24.0, True),
    StructureMeasure("mandible", 0.0, None, False),
]


def show(window: Driver, *titles: str) -> None:
    results = [ItemResult(title, ROWS, {}) for title in titles]
    window.loaded.widget.window.results.show(results, {"brainstem": (255, 0, 0)}, "by a model")


def test_the_table_says_what_was_found(window: Driver) -> None:
    assert not shown(window.ui.resultsCollapsibleButton)
    show(window, "CT")
    assert window.table() == [
        ["brainstem", "21.40", "35", ""],
        ["spinal cord", "12.50", "24", "touches the border"],
        ["mandible", "0.00", "", "not found"],
    ]
    warning, line = window.ui.resultsLabel.text.splitlines()
    assert "One structure touches the border" in warning
    assert line == "by a model"


def test_several_images_are_told_apart(window: Driver) -> None:
    show(window, "CT, first", "second")
    assert [row[0] for row in window.table()] == ["CT, first"] * 3 + ["second"] * 3
    lines = window.loaded.widget.window.results.text().splitlines()
    assert lines[0].startswith("image,")
    assert lines[1].startswith('"CT, first",')
    assert len(lines) == 7
    assert "2 structures touch" in window.ui.resultsLabel.text


def test_the_keyboard_applies_and_cancels(window: Driver, ct: Any) -> None:
    """Ctrl+Enter presses the button, whatever it says."""
    pressed: list[str] = []
    window.ui.volumeSelector.setCurrentNode(ct)
    window.ui.applyButton.connect("clicked(bool)", lambda: pressed.append("x"))
    window.loaded.widget.window._run.button._on_apply = lambda: None
    window.loaded.widget.window._shortcut.activated()
    assert pressed == ["x"]


def test_a_new_scene_has_no_old_table(window: Driver) -> None:
    show(window, "CT")
    window.loaded.close_scene()
    assert not shown(window.ui.resultsCollapsibleButton)
    assert slicer.mrmlScene.GetFirstNodeByClass("vtkMRMLSegmentationNode") is None
