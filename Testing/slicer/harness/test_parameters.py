"""Parameter nodes: typed, bound to widgets, kept in the scene, saved and read back."""

from enum import Enum
from pathlib import Path
from typing import Annotated, Any

import pytest

from Testing import harness

harness.start()

import ctk  # noqa: E402
import qt  # noqa: E402
import slicer  # noqa: E402
import vtk  # noqa: E402
from slicer.parameterNodeWrapper import (  # noqa: E402
    Choice,
    Default,
    WithinRange,
    parameterNodeWrapper,
)
from slicer.ScriptedLoadableModule import ScriptedLoadableModuleLogic  # noqa: E402

pytestmark = pytest.mark.usefixtures("harness_session")


class Device(Enum):
    AUTO = "auto"
    CPU = "cpu"


@parameterNodeWrapper
class Choices:
    volume: slicer.vtkMRMLScalarVolumeNode
    others: list[slicer.vtkMRMLScalarVolumeNode]
    names: list[str]
    model: str = "headneck"
    threads: int
    show_3d: bool = True
    overlap: Annotated[float, WithinRange(0, 1), Default(0.5)]
    device: Device
    kind: Annotated[str, Choice(["CT", "MR"])] = "CT"
    folder: Path
    size: tuple[int, int]


class WidgetLogic(ScriptedLoadableModuleLogic):
    def getParameterNode(self) -> Any:  # noqa: N802
        return Choices(super().getParameterNode())


@pytest.fixture
def choices() -> Any:
    return WidgetLogic().getParameterNode()


def add_volume(name: str) -> Any:
    return slicer.mrmlScene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", name)


def test_defaults(choices: Any) -> None:
    assert (choices.volume, choices.others, choices.names) == (None, [], [])
    assert (choices.model, choices.threads, choices.show_3d) == ("headneck", 0, True)
    assert (choices.overlap, choices.device, choices.kind) == (0.5, Device.AUTO, "CT")
    assert (choices.folder, choices.size) == (Path(), (0, 0))
    assert choices.default("overlap").value == 0.5


def test_values_come_back_with_their_type(choices: Any) -> None:
    ct, mr = add_volume("CT"), add_volume("MR")
    values = {
        "volume": ct,
        "others": [mr, ct],
        "names": ["brainstem", "a, b"],
        "threads": 4,
        "show_3d": False,
        "overlap": 0.25,
        "device": Device.CPU,
        "kind": "MR",
        "folder": Path("/data/cts"),
        "size": (3, 4),
    }
    for name, value in values.items():
        setattr(choices, name, value)
    again = WidgetLogic().getParameterNode()
    assert {name: getattr(again, name) for name in values} == values
    assert isinstance(again.show_3d, bool)


@pytest.mark.parametrize(
    ("name", "value", "error"),
    [
        ("threads", "4", TypeError),
        ("threads", None, ValueError),
        ("model", 3, TypeError),
        ("model", None, ValueError),
        ("show_3d", 1, TypeError),
        ("overlap", 1.5, ValueError),
        ("kind", "PET", ValueError),
        ("device", "cpu", TypeError),
        ("folder", "/data", TypeError),
        ("names", ["a", 3], TypeError),
        ("size", (1, 2, 3), ValueError),
        ("modle", "x", AttributeError),
    ],
)
def test_wrong_values_are_refused(choices: Any, name: str, value: object, error: type) -> None:
    with pytest.raises(error):
        setattr(choices, name, value)


def test_a_node_of_another_type_is_refused(choices: Any) -> None:
    model = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLModelNode", "surface")
    with pytest.raises(TypeError):
        choices.volume = model


def test_types_that_slicer_cannot_keep_are_refused() -> None:
    with pytest.raises(TypeError, match="cannot keep"):

        @parameterNodeWrapper
        class _Wrong:
            value: object

    with pytest.raises(ValueError, match="keeps these names"):

        @parameterNodeWrapper
        class _Reserved:
            default: int


def test_a_list_writes_its_changes(choices: Any) -> None:
    again = WidgetLogic().getParameterNode()
    choices.names.append("brainstem")
    assert again.names == ["brainstem"]
    choices.names += ["mandible"]
    assert again.names == ["brainstem", "mandible"]
    del choices.names[0]
    assert again.names == ["mandible"]
    choices.names[0] = "spinal cord"
    assert again.names == ["spinal cord"]


def test_a_removed_node_is_none(choices: Any) -> None:
    ct = add_volume("CT")
    choices.volume = ct
    slicer.mrmlScene.RemoveNode(ct)
    assert choices.volume is None


def test_observers_are_told_of_changes(choices: Any) -> None:
    told = []
    choices.AddObserver(vtk.vtkCommand.ModifiedEvent, lambda *_: told.append(choices.threads))
    choices.threads = 3
    choices.threads = 3
    assert told == [3]


def test_closing_the_scene_brings_the_defaults_back(choices: Any) -> None:
    choices.model, choices.volume = "other", add_volume("CT")
    slicer.mrmlScene.Clear(False)
    again = WidgetLogic().getParameterNode()
    assert (again.model, again.volume) == ("headneck", None)


class Gui:
    """Widgets of every kind that Slicer binds to a parameter."""

    def __init__(self) -> None:
        self.volume = slicer.qMRMLNodeComboBox()
        self.volume.noneEnabled = True
        self.volume.setMRMLScene(slicer.mrmlScene)
        self.model = qt.QLineEdit()
        self.threads = qt.QSpinBox()
        self.show_3d = qt.QCheckBox()
        self.overlap = ctk.ctkSliderWidget()
        self.overlap.singleStep = 0.25
        self.device = qt.QComboBox()
        self.kind = qt.QComboBox()
        self.folder = ctk.ctkPathLineEdit()
        for name, widget in vars(self).items():
            widget.setProperty("SlicerParameterName", name)


def test_widgets_show_the_parameters(choices: Any) -> None:
    gui = Gui()
    choices.connectGui(gui)
    assert gui.volume.nodeTypes == ("vtkMRMLScalarVolumeNode",)
    ct = add_volume("CT")
    choices.volume, choices.model, choices.threads, choices.show_3d = ct, "other", 5, False
    choices.overlap, choices.device, choices.kind = 0.75, Device.CPU, "MR"
    choices.folder = Path("/data")
    assert gui.volume.currentNode() is ct
    assert (gui.model.text, gui.threads.value, gui.show_3d.checked) == ("other", 5, False)
    assert gui.overlap.value == 0.75
    assert (gui.device.currentText, gui.kind.currentText) == ("CPU", "MR")
    assert gui.folder.currentPath == "/data"


def test_parameters_follow_the_widgets(choices: Any) -> None:
    gui = Gui()
    tag = choices.connectGui(gui)
    ct = add_volume("CT")
    gui.volume.setCurrentNode(ct)
    gui.model.text = "other"
    gui.threads.value = 7
    gui.show_3d.checked = False
    gui.overlap.value = 0.25
    gui.device.setCurrentText("CPU")
    gui.kind.currentIndex = 1
    gui.folder.currentPath = "/data"
    assert choices.volume is ct
    assert (choices.model, choices.threads, choices.show_3d) == ("other", 7, False)
    assert (choices.overlap, choices.device, choices.kind) == (0.25, Device.CPU, "MR")
    assert choices.folder == Path("/data")
    choices.disconnectGui(tag)
    gui.threads.value = 9
    assert choices.threads == 7
    choices.threads = 8
    assert gui.threads.value == 9


def test_bindings_that_slicer_lacks_are_refused(choices: Any) -> None:
    for name, widget in (
        ("names", qt.QListWidget()),
        ("threads", qt.QLineEdit()),
        ("model", qt.QComboBox()),
        ("threads", qt.QSlider()),
    ):
        with pytest.raises(RuntimeError):
            choices.connectParametersToGui({name: widget})
    with pytest.raises(ValueError, match="thread"):
        choices.connectParametersToGui({"thread": qt.QSpinBox()})
