"""A scripted module of its own: loaded, entered, saved, its scene closed, reloaded, unloaded."""

from pathlib import Path
from typing import Any

import pytest

from Testing import harness
from Testing.harness.loaded_widget import LoadedWidget

harness.start()

import slicer  # noqa: E402

pytestmark = pytest.mark.usefixtures("harness_session")

UI = """<?xml version="1.0" encoding="UTF-8"?>
<ui version="4.0">
 <class>Little</class>
 <widget class="qMRMLWidget" name="Little">
  <layout class="QVBoxLayout" name="verticalLayout">
   <item>
    <widget class="ctkCollapsibleButton" name="inputs">
     <property name="text"><string>Inputs</string></property>
     <layout class="QFormLayout" name="formLayout">
      <item row="0" column="1">
       <widget class="qMRMLNodeComboBox" name="volumeSelector">
        <property name="nodeTypes">
         <stringlist><string>vtkMRMLScalarVolumeNode</string></stringlist>
        </property>
        <property name="noneEnabled"><bool>true</bool></property>
        <property name="SlicerParameterName" stdset="0"><string>volume</string></property>
       </widget>
      </item>
     </layout>
    </widget>
   </item>
   <item>
    <widget class="QSpinBox" name="threads">
     <property name="SlicerParameterName" stdset="0"><string>threads</string></property>
    </widget>
   </item>
  </layout>
 </widget>
 <customwidgets>
  <customwidget><class>ctkCollapsibleButton</class><extends>QWidget</extends>
   <header>ctkCollapsibleButton.h</header><container>1</container></customwidget>
  <customwidget><class>qMRMLNodeComboBox</class><extends>QWidget</extends>
   <header>qMRMLNodeComboBox.h</header></customwidget>
  <customwidget><class>qMRMLWidget</class><extends>QWidget</extends>
   <header>qMRMLWidget.h</header><container>1</container></customwidget>
 </customwidgets>
 <connections>
  <connection>
   <sender>Little</sender><signal>mrmlSceneChanged(vtkMRMLScene*)</signal>
   <receiver>volumeSelector</receiver><slot>setMRMLScene(vtkMRMLScene*)</slot>
  </connection>
 </connections>
</ui>
"""

MODULE = """
import slicer
from slicer.ScriptedLoadableModule import *
from slicer.parameterNodeWrapper import parameterNodeWrapper

class Little(ScriptedLoadableModule):
    def __init__(self, parent):
        ScriptedLoadableModule.__init__(self, parent)
        parent.title = "Little"
        parent.categories = ["Segmentation"]

@parameterNodeWrapper
class Choices:
    volume: slicer.vtkMRMLScalarVolumeNode
    threads: int

class LittleWidget(ScriptedLoadableModuleWidget):
    def setup(self):
        ScriptedLoadableModuleWidget.setup(self)
        panel = slicer.util.loadUI(self.resourcePath("UI/Little.ui"))
        self.layout.addWidget(panel)
        self.ui = slicer.util.childWidgetVariables(panel)
        panel.setMRMLScene(slicer.mrmlScene)
        self.logic = LittleLogic()
        self.told = ["setup"]

    def enter(self):
        self.told.append("enter")
        self.choices = self.logic.getParameterNode()
        self.tag = self.choices.connectGui(self.ui)

    def exit(self):
        self.choices.disconnectGui(self.tag)
        self.told.append("exit")

    def cleanup(self):
        self.told.append("cleanup")

class LittleLogic(ScriptedLoadableModuleLogic):
    def getParameterNode(self):
        return Choices(super().getParameterNode())
"""


def write(folder: Path, ui: str = UI, module: str = MODULE) -> Path:
    (folder / "Resources/UI").mkdir(parents=True)
    (folder / "Resources/UI/Little.ui").write_text(ui)
    (folder / "Little.py").write_text(module)
    return folder / "Little.py"


@pytest.fixture
def little(tmp_path: Path) -> Any:
    loaded = LoadedWidget(write(tmp_path / "module"))
    yield loaded
    loaded.unload()


def add_volume(name: str) -> Any:
    return slicer.mrmlScene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", name)


def test_it_is_set_up_entered_left_and_cleaned_up(little: LoadedWidget) -> None:
    widget = little.widget
    assert slicer.util.modulePath("Little") == str(little.path)
    assert slicer.modules.LittleWidget is widget
    little.exit()
    little.enter()
    little.unload()
    assert widget.told == ["setup", "enter", "exit", "enter", "exit", "cleanup"]
    with pytest.raises(AttributeError):
        slicer.modules.little  # noqa: B018


def test_the_ui_file_is_alive(little: LoadedWidget) -> None:
    ui, ct = little.ui, add_volume("CT")
    assert ui.inputs.text == "Inputs"
    ui.volumeSelector.setCurrentNode(ct)
    ui.threads.value = 3
    choices = little.logic.getParameterNode()
    assert (choices.volume, choices.threads) == (ct, 3)


def test_a_saved_scene_reopens_as_it_was(little: LoadedWidget, tmp_path: Path) -> None:
    little.ui.volumeSelector.setCurrentNode(add_volume("CT"))
    little.ui.threads.value = 3
    little.save_and_reload_scene(tmp_path)
    choices = little.logic.getParameterNode()
    assert choices.volume.GetName() == "CT"
    assert choices.threads == 3
    little.exit()
    little.enter()
    assert little.ui.volumeSelector.currentNode() is choices.volume
    assert little.ui.threads.value == 3


def test_closing_the_scene_resets_the_panel(little: LoadedWidget) -> None:
    little.ui.volumeSelector.setCurrentNode(add_volume("CT"))
    little.ui.threads.value = 3
    little.close_scene()
    assert little.ui.volumeSelector.currentNode() is None
    assert little.ui.threads.value == 0


def test_it_can_be_reloaded(little: LoadedWidget) -> None:
    before = little.widget
    little.reload()
    assert before.told[-1] == "cleanup"
    assert little.widget.told == ["setup", "enter"]


def test_the_module_cannot_describe_what_slicer_does_not_know(tmp_path: Path) -> None:
    path = write(tmp_path / "module", module=MODULE.replace("parent.title", "parent.tilte"))
    with pytest.raises(AttributeError, match="tilte"):
        LoadedWidget(path)


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ('property name="noneEnabled"', 'property name="noneEnbaled"'),
        ("<receiver>volumeSelector", "<receiver>volumeSelectr"),
        ("<slot>setMRMLScene", "<slot>setScene"),
        ("<signal>mrmlSceneChanged", "<signal>sceneChanged"),
        ('"QSpinBox" name="threads"', '"QSpinBx" name="threads"'),
        ('"ctkCollapsibleButton" name', '"ctkFoldingButton" name'),
    ],
)
def test_a_fault_in_the_ui_file_raises(right: str, wrong: str, tmp_path: Path) -> None:
    assert right in UI
    with pytest.raises(AttributeError):
        LoadedWidget(write(tmp_path / "module", ui=UI.replace(right, wrong)))


def test_a_parameter_name_that_is_not_there_raises(tmp_path: Path) -> None:
    path = write(tmp_path / "module", ui=UI.replace("<string>threads<", "<string>treads<"))
    with pytest.raises(ValueError, match="treads"):
        LoadedWidget(path)
