"""The panel "Compute environment", driven as a user does."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from Testing import harness
from Testing.slicer.worker.connection import FAKE, Loop

import qt  # isort: skip

from VoCoSlicerLib.errors import VoCoSlicerError
from VoCoSlicerLib.widget import environment as panel_file
from VoCoSlicerLib.widget.environment import OTHER, SLICERS, EnvironmentPanel
from VoCoSlicerLib.worker import setup
from VoCoSlicerLib.worker.environment import PythonEnvironment


class Shown:
    """A panel in a window, and how often it said that something changed."""

    def __init__(self) -> None:
        self.changes = 0
        self.window = qt.QWidget()
        self.panel = EnvironmentPanel(qt.QVBoxLayout(self.window), self._changed)
        self.panel.widget.collapsed = False
        self.window.show()

    def _changed(self) -> None:
        self.changes += 1

    def __getattr__(self, name: str) -> Any:
        return getattr(self.panel._ui, name)

    @property
    def status(self) -> str:
        return str(self.statusLabel.text)

    def choose_other(self, place: object) -> None:
        self.pythonComboBox.setCurrentIndex(OTHER)
        self.pathLineEdit.text = str(place)
        self.pathLineEdit.editingFinished()

    def check(self, loop: Loop) -> None:
        self.checkButton.click()
        loop.wait(lambda: self.checkButton.enabled)


@pytest.fixture
def ready(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What Slicer's Python lacks, as the panel sees it: nothing, unless the test says so."""
    missing: list[str] = []
    monkeypatch.setattr(panel_file, "missing_packages", lambda: list(missing))
    monkeypatch.setattr(setup, "missing_packages", lambda: list(missing))
    return missing


@pytest.fixture
def shown(harness_session: None, ready: list[str]) -> Iterator[Shown]:
    shown = Shown()
    yield shown
    shown.panel.cleanup()
    shown.window.close()


@pytest.fixture
def other(tmp_path: Path) -> Path:
    """Another Python, in which `voco3d.worker` is a fake."""
    python = tmp_path / "environment" / "bin" / "python3"
    python.parent.mkdir(parents=True)
    python.write_text(f'#!/bin/sh\nexec "{sys.executable}" "{FAKE}" "$VOCO_FAULT"\n')
    python.chmod(0o755)
    return python


def test_slicers_python_and_automatic_at_first(shown: Shown):
    assert shown.panel.environment().of_slicer
    assert shown.panel.device == "auto"
    assert shown.panel.threads is None
    assert not shown.pathLineEdit.visible
    assert not shown.installButton.visible
    assert shown.status == "Everything that is needed is installed."


def test_the_choices_are_there_in_the_next_session(shown: Shown, other: Path):
    shown.choose_other(other.parents[1])
    shown.panel.device = "cuda"
    shown.threadsSpinBox.setValue(3)
    again = Shown()
    assert again.panel.environment() == PythonEnvironment(str(other))
    assert (again.panel.device, again.panel.threads) == ("cuda", 3)
    assert again.pathLineEdit.visible
    again.pythonComboBox.setCurrentIndex(SLICERS)
    third = Shown()
    assert third.panel.environment().of_slicer
    assert third.pathLineEdit.text == str(other.parents[1]), "kept, for the way back"


def test_the_window_hears_of_every_change_once(shown: Shown, other: Path):
    shown.choose_other(other)
    assert shown.changes == 2  # the kind of Python, and its place
    shown.pathLineEdit.editingFinished()
    assert shown.changes == 2
    shown.panel.device = "cpu"
    shown.threadsSpinBox.setValue(2)
    assert shown.changes == 4


def test_a_place_can_be_chosen_with_the_mouse(shown: Shown, other: Path):
    shown.pythonComboBox.setCurrentIndex(OTHER)
    assert shown.status.startswith("Choose the python file")
    harness.dialogs.answer(str(other.parents[1]))
    shown.browseButton.click()
    assert shown.panel.environment() == PythonEnvironment(str(other))
    harness.dialogs.answer("")
    shown.browseButton.click()
    assert shown.panel.environment() == PythonEnvironment(str(other))


def test_a_place_without_a_python(shown: Shown, tmp_path: Path):
    shown.choose_other(tmp_path / "nothing")
    with pytest.raises(VoCoSlicerError, match="no Python here"):
        shown.panel.environment()
    shown.checkButton.click()
    assert "no Python here" in shown.status
    assert shown.checkButton.enabled


def test_a_check_says_versions_and_devices(shown: Shown, loop: Loop, other: Path):
    shown.choose_other(other)
    shown.checkButton.click()
    assert shown.status == "Checking ..."
    assert not shown.checkButton.enabled
    loop.wait(lambda: shown.checkButton.enabled)
    assert shown.status.splitlines() == [
        "voco3d 0.1.0, python 3.11.7, torch 2.13.0",
        "CPU: 8.0 of 16.0 GB free",
        "2 threads on the processor",
    ]


def test_a_check_offers_the_devices_that_it_found(shown: Shown, loop: Loop, other, monkeypatch):
    monkeypatch.setenv("VOCO_FAULT", "has a graphics card")
    shown.panel.device = "cuda"
    shown.choose_other(other)
    shown.check(loop)
    box = shown.deviceComboBox
    assert [box.itemText(n) for n in range(box.count)] == [
        "Automatic",
        "Processor (CPU)",
        "A graphics card",
    ]
    assert shown.panel.device == "cuda"
    assert "A graphics card: 20.0 of 24.0 GB free" in shown.status


@pytest.mark.parametrize(
    ("fault", "reason"),
    [("other protocol", "does not fit this version"), ("exits at start", "exit code 5")],
)
def test_a_check_says_why_a_python_does_not_fit(shown, loop, other, monkeypatch, fault, reason):
    monkeypatch.setenv("VOCO_FAULT", fault)
    shown.choose_other(other)
    shown.check(loop)
    assert reason in shown.status


def test_another_choice_gives_up_a_check(shown: Shown, loop: Loop, other: Path, monkeypatch):
    monkeypatch.setenv("VOCO_FAULT", "never greets")
    shown.choose_other(other)
    shown.checkButton.click()
    shown.pythonComboBox.setCurrentIndex(SLICERS)
    assert shown.checkButton.enabled
    assert shown.status == "Everything that is needed is installed."


def test_a_panel_that_goes_ends_its_check(shown: Shown, loop: Loop, other: Path, monkeypatch):
    monkeypatch.setenv("VOCO_FAULT", "never greets")
    shown.choose_other(other)
    shown.checkButton.click()
    worker = shown.panel._checking
    shown.panel.cleanup()
    assert not worker.isRunning()
    loop.run(0.1)


def test_what_is_missing_is_said_and_a_check_starts_nothing(shown: Shown, ready: list[str]):
    ready.append("torch>=2.6")
    shown.checkButton.click()
    assert shown.checkButton.enabled
    assert "Not installed yet: torch>=2.6" in shown.status
    assert shown.installButton.visible


def test_apply_goes_on_when_nothing_is_missing(shown: Shown, other: Path, ready: list[str]):
    assert shown.panel.prepare()
    shown.choose_other(other)
    ready.append("torch>=2.6")  # in Slicer's Python, which is not used
    assert shown.panel.prepare()
    assert harness.dialogs.texts == []


def test_apply_asks_and_installs(shown: Shown, ready: list[str], monkeypatch):
    ready += ["monai>=1.5"]
    turns: list[str] = []

    def pip_ensure(requirements: list[str], **named: object) -> None:
        assert "Installing monai" in shown.status
        assert turns, "the window had its turn to show this"
        ready.clear()

    monkeypatch.setattr(setup._slicer_packaging(), "pip_ensure", pip_ensure)
    harness.dialogs.answer("Cancel", "Ok")
    assert not shown.panel.prepare()
    assert ready
    qt.QTimer.singleShot(0, lambda: turns.append("painted"))
    assert shown.panel.prepare()
    assert [dialog.title for dialog in harness.dialogs.shown] == ["VoCo", "VoCo"]
    assert "- monai>=1.5" in harness.dialogs.texts[0]
    assert shown.status == "Everything that is needed is installed."
    assert not shown.installButton.visible


def test_a_failed_installation_is_said(shown: Shown, ready: list[str]):
    ready += ["monai>=1.5"]

    def fail(_installation: object) -> None:
        raise RuntimeError("no network")

    harness.installations.act = fail
    harness.dialogs.answer("Ok", "Ok")
    with pytest.raises(VoCoSlicerError, match="no network"):
        shown.panel.prepare()
    shown.panel._ui.installButton.click()
    assert "The installation failed (no network)" in shown.status
    assert shown.installButton.visible
