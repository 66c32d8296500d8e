"""Signals: exact names, PythonQt's number of arguments, and exceptions that fail the test."""

import pytest

from Testing.harness import failures
from Testing.harness.fixtures import faults_left, start

start()

import ctk  # noqa: E402
import qt  # noqa: E402
import slicer  # noqa: E402

pytestmark = pytest.mark.usefixtures("harness_session")


def test_a_slot_gets_as_many_arguments_as_it_takes() -> None:
    button, got = qt.QPushButton(), []
    button.checkable = True
    button.clicked.connect(lambda: got.append("none"))
    button.clicked.connect(lambda on: got.append(on))
    button.clicked.connect(lambda *all_: got.append(all_))
    button.clicked.connect(lambda on, extra="x": got.append((on, extra)))
    button.click()
    assert got == ["none", True, (True,), (True, "x")]


def test_signals_by_signature() -> None:
    box, got = qt.QSpinBox(), []
    box.connect("valueChanged(int)", got.append)
    box.value = 3
    box.disconnect("valueChanged(int)", got.append)
    box.value = 4
    assert got == [3]


@pytest.mark.parametrize("signature", ["valueChnaged(int)", "valueChanged(double)", "valueChanged"])
def test_a_misspelt_signal_raises(signature: str) -> None:
    box = qt.QSpinBox()
    with pytest.raises(AttributeError, match="has no signal"):
        box.connect(signature, print)


def test_a_signal_that_is_not_there_raises() -> None:
    with pytest.raises(AttributeError, match="valueChnaged"):
        qt.QSpinBox().valueChnaged.connect(print)
    with pytest.raises(AttributeError, match="emit"):
        qt.QPushButton().clicked.emit(True)


def test_what_is_not_connected_cannot_be_disconnected() -> None:
    assert not qt.QPushButton().clicked.disconnect(print)


def test_a_method_of_another_object_is_a_slot() -> None:
    button, box = qt.QPushButton(), qt.QCheckBox()
    button.connect("clicked()", box.toggle)
    button.click()
    assert box.checked


def test_an_exception_in_a_slot_is_a_fault_of_the_test() -> None:
    def explode() -> None:
        raise ValueError("boom")

    button = qt.QPushButton()
    button.clicked.connect(explode)
    button.click()
    (fault,) = faults_left(set())
    assert "boom" in fault
    assert "explode" in fault
    assert failures.take() == []


def test_an_exception_in_a_timer_or_an_overridden_method_is_a_fault() -> None:
    class Panel(qt.QWidget):
        def showEvent(self, event: object) -> None:  # noqa: N802
            raise ValueError("not shown")

    def explode() -> None:
        raise ValueError("too late")

    panel = Panel()
    panel.show()
    qt.QTimer.singleShot(0, explode)
    qt.QApplication.processEvents()
    faults = "\n".join(faults_left(set()))
    assert "not shown" in faults
    assert "too late" in faults


def test_one_event_reaches_a_slot_once() -> None:
    section, got = ctk.ctkCollapsibleButton(), []
    section.connect("contentsCollapsed(bool)", got.append)
    section.toggled.connect(lambda on: got.append(("shown", on)))
    section.collapsed = True
    section.collapsed = True
    assert got == [True, ("shown", False)]


def test_an_exception_in_an_observer_of_the_scene_is_a_fault() -> None:
    def explode(*_: object) -> None:
        raise ValueError("no such node")

    slicer.mrmlScene.AddObserver(slicer.vtkMRMLScene.NodeAddedEvent, explode)
    slicer.mrmlScene.AddNewNodeByClass("vtkMRMLModelNode", "surface")
    (fault,) = faults_left(set())
    assert "no such node" in fault
