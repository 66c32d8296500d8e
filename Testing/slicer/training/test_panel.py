"""The panel: what the user does, and what the window shows."""

import json
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from Testing import harness
from Testing.slicer.training.small_scene import add_segmentation, add_volume, ball, grid
from Testing.slicer.training.small_training import MANY, ThisPython, end, finetuning, pretraining
from VoCoSlicerLib.errors import VoCoSlicerError
from VoCoSlicerLib.training import presets
from VoCoSlicerLib.training.job_files import read_state
from VoCoSlicerLib.training.jobs import Job
from VoCoSlicerLib.training.processes import is_same


@dataclass
class Environment:
    """The panel "Compute environment", as the training panel sees it."""

    device: str = "cpu"
    agrees: bool = True
    fault: str = ""
    asked: int = 0

    def environment(self) -> ThisPython:
        if self.fault:
            raise VoCoSlicerError(self.fault)
        return ThisPython()

    def prepare(self) -> bool:
        self.asked += 1
        return self.agrees


@dataclass
class Shown:
    """A panel in a window."""

    panel: object
    holder: object
    environment: Environment
    models: list[str] = field(default_factory=list)

    @property
    def ui(self):
        return self.panel._ui

    @property
    def message(self) -> str:
        return self.ui.messageLabel.text if self.ui.messageFrame.visible else ""

    def rows(self) -> list[tuple[str, str]]:
        tree = self.ui.runsTreeWidget
        items = [tree.topLevelItem(row) for row in range(tree.topLevelItemCount)]
        return [(item.text(0), item.text(1)) for item in items]

    def job(self) -> Job:
        return Job(Path(self.ui.runsTreeWidget.topLevelItem(0).data(0, 0x0100)))

    def wait_for(self, phase: str, seconds: float = 60) -> None:
        harness.wait(lambda: self.rows() and self.rows()[0][1] == phase, seconds)


@pytest.fixture
def small(tmp_path, monkeypatch) -> None:
    """One quick preset of each kind, and no wait between two looks."""
    from VoCoSlicerLib.widget import training

    monkeypatch.setattr(training, "LOOK_EVERY", 50)
    monkeypatch.setattr(presets, "FINETUNING", (finetuning(tmp_path),))
    (tmp_path / "pretrain").mkdir()
    monkeypatch.setattr(presets, "PRETRAINING", (pretraining(tmp_path / "pretrain"),))


@pytest.fixture
def show(scene, small):
    """Shows panels, and ends what they started."""
    shown = []

    def show() -> Shown:
        import qt

        from VoCoSlicerLib.widget.training import TrainingPanel

        holder = qt.QWidget()
        layout = qt.QVBoxLayout(holder)
        models: list[str] = []
        environment = Environment()
        panel = TrainingPanel(layout, environment, models.append)
        panel.widget.collapsed = False
        layout.addStretch(1)
        holder.show()
        shown.append(Shown(panel, holder, environment, models))
        return shown[-1]

    yield show
    for each in shown:
        each.panel.cleanup()
        for job in each.panel._runs._jobs.values():
            end(job)


@pytest.fixture
def shown(show) -> Shown:
    return show()


def fill(shown: Shown, tmp_path: Path) -> None:
    (tmp_path / "data").mkdir(exist_ok=True)
    shown.ui.dataPathLineEdit.currentPath = str(tmp_path / "data")
    shown.ui.outputPathLineEdit.currentPath = str(tmp_path / "run")


def many(tmp_path: Path) -> None:
    finetuning(tmp_path, MANY)


def add_cases(scene, count: int = 2, segments=("liver",)) -> None:
    for number in range(count):
        volume = add_volume(scene, grid(), f"CT {number}", seed=number)
        masks = {name: ball(grid(), (-11.0, 8.0, 22.0), 6.5) for name in segments}
        add_segmentation(scene, volume, grid(), masks, f"Drawn {number}")


def tick(shown: Shown) -> None:
    import qt

    widget = shown.ui.casesListWidget
    for row in range(widget.count):
        widget.item(row).setCheckState(qt.Qt.Checked)


def test_from_start_to_a_model_in_the_list(shown, tmp_path):
    fill(shown, tmp_path)
    shown.ui.startButton.click()
    assert "goes on when Slicer is closed" in shown.message
    assert [name for name, _ in shown.rows()] == ["run"]
    shown.wait_for("Finished")
    harness.wait(lambda: shown.models)
    assert shown.models == [str(tmp_path / "run" / "model")]
    harness.wait(lambda: shown.ui.weightsComboBox.findData(str(tmp_path / "run" / "model")) > 0)
    assert not shown.ui.stopButton.enabled
    assert not shown.ui.resumeButton.enabled


def test_stop_and_resume(shown, tmp_path):
    many(tmp_path)
    fill(shown, tmp_path)
    shown.ui.startButton.click()
    shown.wait_for("Training")
    assert shown.ui.stopButton.enabled
    assert not shown.ui.resumeButton.enabled
    assert not shown.ui.removeButton.enabled
    item = shown.ui.runsTreeWidget.topLevelItem(0)
    harness.wait(lambda: f"/ {MANY}, " in item.text(2))
    shown.ui.stopButton.click()
    shown.wait_for("Stopped")
    assert shown.ui.runLabel.text == (
        "Saved: resume it to go on, or finish it to have its model now."
    )
    shown.ui.resumeButton.click()
    shown.wait_for("Training")


def test_stop_and_finish(shown, tmp_path):
    many(tmp_path)
    fill(shown, tmp_path)
    assert not shown.ui.finishButton.enabled
    shown.ui.startButton.click()
    shown.wait_for("Training")
    harness.wait(lambda: f"/ {MANY}, " in shown.ui.runsTreeWidget.topLevelItem(0).text(2))
    assert not shown.ui.finishButton.enabled
    shown.ui.stopButton.click()
    shown.wait_for("Stopped")
    assert shown.ui.finishButton.enabled
    assert shown.models == []
    shown.ui.finishButton.click()
    shown.wait_for("Finished")
    harness.wait(lambda: shown.models)
    assert shown.models == [str(tmp_path / "run" / "model")]
    assert not shown.ui.finishButton.enabled
    assert not shown.ui.resumeButton.enabled


def test_one_that_was_stopped_before_it_had_trained_cannot_be_finished(shown, tmp_path):
    many(tmp_path)
    fill(shown, tmp_path)
    shown.ui.startButton.click()
    shown.ui.stopButton.click()
    shown.wait_for("Stopped")
    assert shown.ui.runLabel.text == "Saved: resume it to go on."
    assert shown.ui.resumeButton.enabled
    assert not shown.ui.finishButton.enabled


def test_slicer_is_closed_and_the_job_found_again(show, tmp_path):
    many(tmp_path)
    first = show()
    fill(first, tmp_path)
    first.ui.startButton.click()
    first.wait_for("Training")
    first.panel.cleanup()
    first.holder.deleteLater()
    state = read_state(tmp_path / "run")
    assert is_same(state.child, state.child_began)
    second = show()
    second.wait_for("Training")
    assert second.ui.outputPathLineEdit.currentPath == str(tmp_path / "run")
    second.ui.stopButton.click()
    second.wait_for("Stopped")


def test_a_model_is_announced_once_also_when_slicer_was_closed(show, tmp_path):
    first = show()
    fill(first, tmp_path)
    first.ui.startButton.click()
    first.panel.cleanup()
    job = Job(tmp_path / "run")
    harness.wait(lambda: job.standing().phase == "finished", 60)
    assert first.models == []
    second = show()
    assert second.models == []  # the window is not complete yet
    harness.wait(lambda: second.models)
    second.panel.update()
    assert second.models == [str(tmp_path / "run" / "model")]
    second.panel.cleanup()
    third = show()
    third.panel.update()
    assert third.models == []


def test_a_pretraining_is_offered_as_weights_not_as_a_model(shown, tmp_path):
    shown.ui.kindComboBox.setCurrentIndex(1)
    fill(shown, tmp_path)
    shown.ui.startButton.click()
    shown.wait_for("Finished")
    assert shown.models == []
    harness.wait(lambda: shown.ui.weightsComboBox.findData(str(tmp_path / "run" / "model")) > 0)


def test_what_is_chosen_is_what_is_run(shown, tmp_path):
    fill(shown, tmp_path)
    weights = shown.ui.weightsComboBox
    weights.setCurrentIndex(weights.findData("headneck-voco"))
    shown.ui.optionsLineEdit.setText("--seed 3 --store 'a b'")
    shown.ui.startButton.click()
    (step,) = shown.job().plan.steps
    assert step.command == "finetune"
    arguments = list(step.arguments)
    assert arguments[arguments.index("--init") + 1] == "headneck-voco"
    assert arguments[arguments.index("--compute.device") + 1] == "cpu"
    assert arguments[-4:] == ["--seed", "3", "--store", "a b"]


def test_weights_of_ones_own(shown, tmp_path):
    fill(shown, tmp_path)
    weights = shown.ui.weightsComboBox
    weights.setCurrentIndex(weights.count - 1)
    assert shown.ui.weightsPathLineEdit.visible
    shown.ui.startButton.click()
    assert "initial weights are not there" in shown.message
    (tmp_path / "my.pt").touch()
    shown.ui.weightsPathLineEdit.currentPath = str(tmp_path / "my.pt")
    shown.ui.startButton.click()
    assert str(tmp_path / "my.pt") in shown.job().plan.steps[0].arguments


@pytest.mark.parametrize(
    ("field", "value", "sentence"),
    [
        ("dataPathLineEdit", "", "Choose the folder with the data."),
        ("dataPathLineEdit", "/nowhere", "The data folder does not exist: choose another."),
        ("outputPathLineEdit", "", "Choose an output folder."),
        ("outputPathLineEdit", "/dev/null", "The output folder is a file: choose a folder."),
        ("outputPathLineEdit", "/dev/null/run", "cannot be written to"),
    ],
)
def test_what_is_missing_is_said(shown, tmp_path, field, value, sentence):
    fill(shown, tmp_path)
    getattr(shown.ui, field).currentPath = value
    shown.ui.startButton.click()
    assert sentence in shown.message
    assert shown.rows() == []


def test_options_that_cannot_be_read(shown, tmp_path):
    fill(shown, tmp_path)
    shown.ui.optionsLineEdit.setText("--store 'a")
    shown.ui.startButton.click()
    assert "quotation mark" in shown.message


def test_bad_data_give_the_sentence(shown, tmp_path):
    finetuning(tmp_path, before="sentence")
    fill(shown, tmp_path)
    shown.ui.startButton.click()
    shown.wait_for("Failed")
    assert shown.ui.runLabel.text == "⚠ /data/x.nii.gz has no label: add one."
    assert shown.ui.resumeButton.enabled
    shown.ui.removeButton.click()
    assert shown.rows() == []
    assert (tmp_path / "run" / "job.json").exists()


def test_python_is_not_ready(shown, tmp_path):
    fill(shown, tmp_path)
    shown.environment.agrees = False
    shown.ui.startButton.click()
    assert shown.rows() == []
    shown.environment.agrees, shown.environment.fault = True, "There is no Python here."
    shown.ui.startButton.click()
    assert shown.message == "There is no Python here."
    assert shown.rows() == []


def choose_scene(shown: Shown, scene, tmp_path: Path) -> None:
    """Two cases of the scene, ticked."""
    add_cases(scene)
    fill(shown, tmp_path)
    shown.ui.sourceComboBox.setCurrentIndex(1)
    tick(shown)


def test_python_is_asked_for_before_the_scene_is_written(shown, scene, tmp_path):
    choose_scene(shown, scene, tmp_path)
    shown.environment.agrees = False
    shown.ui.startButton.click()
    assert shown.ui.startButton.text == "Start training"
    assert not (tmp_path / "run").exists()


def test_an_earlier_data_set_is_kept(shown, scene, tmp_path):
    (tmp_path / "run/data").mkdir(parents=True)
    (tmp_path / "run/data/mine.txt").write_text("mine")
    choose_scene(shown, scene, tmp_path)
    shown.ui.startButton.click()
    harness.wait(shown.rows, 20)
    assert str(tmp_path / "run" / "data-2") in shown.job().plan.steps[0].arguments
    assert [path.name for path in (tmp_path / "run/data").iterdir()] == ["mine.txt"]


def test_a_window_that_goes_leaves_nothing_half_written(shown, scene, tmp_path, monkeypatch):
    from VoCoSlicerLib.widget import training

    monkeypatch.setattr(training, "AT_A_TIME", 0)  # nothing is written by itself
    choose_scene(shown, scene, tmp_path)
    shown.ui.startButton.click()
    next(shown.panel._writing)
    assert (tmp_path / "run" / "data").is_dir()
    shown.panel.cleanup()
    assert not (tmp_path / "run" / "data").exists()


def test_nothing_is_listed_while_the_scene_is_in_the_making(shown, scene):
    shown.ui.sourceComboBox.setCurrentIndex(1)
    scene.StartState(scene.BatchProcessState)
    add_cases(scene)
    shown.panel.update()
    assert shown.ui.casesListWidget.count == 0
    scene.EndState(scene.BatchProcessState)
    shown.panel.update()
    assert shown.ui.casesListWidget.count == 2


def test_the_scene_becomes_a_data_set(shown, scene, tmp_path):
    add_cases(scene)
    fill(shown, tmp_path)
    shown.ui.sourceComboBox.setCurrentIndex(1)
    assert not shown.ui.dataPathLineEdit.visible
    widget = shown.ui.casesListWidget
    texts = [widget.item(row).text() for row in range(widget.count)]
    assert texts == ["CT 0 with Drawn 0", "CT 1 with Drawn 1"]
    tick(shown)
    shown.ui.startButton.click()
    assert shown.ui.startButton.text == "Cancel"
    assert shown.ui.exportProgressBar.visible
    shown.wait_for("Finished")
    assert shown.ui.startButton.text == "Start training"
    content = json.loads((tmp_path / "run" / "data" / "dataset.json").read_text())
    assert content["labels"] == {"0": "background", "1": "liver"}
    assert str(tmp_path / "run" / "data") in shown.job().plan.steps[0].arguments


def test_writing_the_scene_can_be_cancelled(shown, scene, tmp_path, monkeypatch):
    from VoCoSlicerLib.widget import training

    monkeypatch.setattr(training, "AT_A_TIME", 0)  # nothing is written by itself
    add_cases(scene)
    fill(shown, tmp_path)
    shown.ui.sourceComboBox.setCurrentIndex(1)
    tick(shown)
    shown.ui.startButton.click()
    next(shown.panel._writing)
    assert (tmp_path / "run" / "data").is_dir()
    assert shown.ui.startButton.toolTip.startswith("Stop writing")
    shown.ui.startButton.click()
    assert shown.ui.startButton.text == "Start training"
    assert shown.ui.startButton.toolTip.startswith("Check the choices")
    assert not (tmp_path / "run" / "data").exists()
    assert shown.rows() == []


def test_a_scene_that_is_no_data_set(shown, scene, tmp_path):
    add_cases(scene)
    fill(shown, tmp_path)
    shown.ui.sourceComboBox.setCurrentIndex(1)
    shown.ui.startButton.click()
    harness.wait(lambda: shown.message)
    assert shown.message == "No volume is chosen: tick some."
    assert shown.ui.startButton.text == "Start training"
    assert shown.rows() == []


def test_ticks_stay_while_the_scene_changes(shown, scene, tmp_path):
    add_cases(scene)
    shown.ui.sourceComboBox.setCurrentIndex(1)
    tick(shown)
    add_volume(scene, grid(), "New")
    harness.wait(lambda: shown.ui.casesListWidget.count == 3)
    assert [case.volume.GetName() for case in shown.panel._form.ticked()] == ["CT 0", "CT 1"]
    scene.Clear(False)
    harness.wait(lambda: shown.ui.casesListWidget.count == 0)


def test_plots_grow_while_it_trains(shown, scene, tmp_path):
    many(tmp_path)
    fill(shown, tmp_path)
    shown.ui.startButton.click()
    shown.wait_for("Training")
    shown.ui.plotComboBox.setCurrentIndex(1)
    shown.ui.plotButton.click()
    table = next(
        scene.GetNthNode(n)
        for n in range(scene.GetNumberOfNodes())
        if scene.GetNthNode(n).GetAttribute("VoCo.curves") == "training"
    )
    rows, count = table.GetNumberOfRows(), scene.GetNumberOfNodes()
    harness.wait(lambda: table.GetNumberOfRows() > rows + 5)
    harness.wait(lambda: scene.GetNumberOfNodes() >= count)
    chart = scene.GetFirstNodeByClass("vtkMRMLSelectionNode").GetActivePlotChartID()
    assert scene.GetNodeByID(chart).GetTitle() == "run: Dice on the validation cases"
    scene.Clear(False)
    shown.panel.update()
    assert scene.GetNumberOfNodesByClass("vtkMRMLPlotChartNode") == 0
    shown.ui.plotButton.click()
    assert scene.GetNumberOfNodesByClass("vtkMRMLPlotChartNode") == 2


def test_choices_persist(show, tmp_path):
    first = show()
    first.ui.kindComboBox.setCurrentIndex(1)
    fill(first, tmp_path)
    first.ui.optionsLineEdit.setText("--seed 3")
    first.ui.startButton.click()
    second = show()
    assert second.ui.kindComboBox.currentIndex == 1
    assert second.ui.dataPathLineEdit.currentPath == str(tmp_path / "data")
    assert second.ui.optionsLineEdit.text == "--seed 3"


def test_preset_weights_and_source_persist(show, tmp_path, monkeypatch):
    (preset,) = presets.FINETUNING
    other = replace(preset, title="Other", config="other.yaml")
    monkeypatch.setattr(presets, "FINETUNING", (preset, other))
    first = show()
    first.ui.presetComboBox.setCurrentIndex(1)
    weights = first.ui.weightsComboBox
    weights.setCurrentIndex(weights.findData("headneck-oar"))
    first.ui.sourceComboBox.setCurrentIndex(1)
    first.ui.outputPathLineEdit.currentPath = str(tmp_path / "run")
    first.ui.startButton.click()  # without a volume, which it says
    second = show()
    assert second.ui.presetComboBox.currentText == "Other"
    assert second.ui.weightsComboBox.currentText == "headneck-oar"
    assert second.ui.sourceComboBox.currentIndex == 1


def test_settings_that_are_damaged(show):
    import qt

    qt.QSettings().setValue("VoCo/training", "{")
    qt.QSettings().setValue("VoCo/runs", json.dumps({"no": "list"}))
    assert show().rows() == []
