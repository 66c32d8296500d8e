"""The qMRML widgets that have a stand-in, by name."""

# ruff: noqa: N802, N815 - the names are Slicer's

from typing import ClassVar

from PySide6 import QtCore, QtWidgets
from PySide6.QtCore import Slot

from .node_list import Scene
from .widgets_nodes import NodeComboBox


class MRMLWidget(QtWidgets.QWidget):
    """Slicer/Libs/MRML/Widgets/qMRMLWidget.h: hands its scene on to the widgets in it."""

    stands_in_for = "qMRMLWidget"
    cpp_signatures: ClassVar = {"mrmlSceneChanged(PyObject)": "mrmlSceneChanged(vtkMRMLScene*)"}

    mrmlSceneChanged = QtCore.Signal(object)

    def __init__(self, parent: QtWidgets.QWidget | None = None) -> None:
        super().__init__(parent)
        self._scene: Scene = None

    @Slot(object)
    def setMRMLScene(self, scene: Scene) -> None:
        """Use this scene, here and in the widgets connected to `mrmlSceneChanged`."""
        if scene is not self._scene:
            self._scene = scene
            self.mrmlSceneChanged.emit(scene)

    @Slot(result=object)
    def mrmlScene(self) -> Scene:
        """The scene, or None."""
        return self._scene


MRML_CLASSES: dict[str, type] = {
    stand_in.stands_in_for: stand_in for stand_in in (MRMLWidget, NodeComboBox)
}
