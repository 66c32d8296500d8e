"""Segment CTs with VoCo models in 3D Slicer: the four classes that Slicer looks for."""

from typing import Any

import qt
import slicer
import vtk
from slicer.i18n import tr as _
from slicer.i18n import translate
from slicer.ScriptedLoadableModule import (
    ScriptedLoadableModule,
    ScriptedLoadableModuleLogic,
    ScriptedLoadableModuleTest,
    ScriptedLoadableModuleWidget,
)
from slicer.util import VTKObservationMixin

from VoCoSlicerLib import self_test
from VoCoSlicerLib.parameters import Parameters
from VoCoSlicerLib.segmenting.segmenter import Segmenter
from VoCoSlicerLib.startup import register
from VoCoSlicerLib.widget.main import Window

HELP = "https://github.com/SlicerVoCo/SlicerVoCo/blob/main/VoCoSlicer/README.md"


class VoCoSlicer(ScriptedLoadableModule):
    """What Slicer shows of the module before it is opened."""

    def __init__(self, parent: Any) -> None:
        ScriptedLoadableModule.__init__(self, parent)
        self.parent.title = _("VoCo")
        self.parent.categories = [translate("qSlicerAbstractCoreModule", "Segmentation")]
        self.parent.dependencies = ["Segmentations", "Sequences", "Markups", "Plots"]
        self.parent.contributors = ["SlicerVoCo"]
        self.parent.helpText = _(
            "Segments CTs with VoCo models, and trains them. Not a medical device, not for "
            'diagnosis or treatment. See the <a href="{address}">documentation</a>.'
        ).format(address=HELP)
        self.parent.acknowledgementText = _("VoCo is the method of Wu, Zhuang and Chen, CVPR 2024.")
        slicer.app.connect("startupCompleted()", register)


class VoCoSlicerWidget(ScriptedLoadableModuleWidget, VTKObservationMixin):
    """The panel; `VoCoSlicerLib.widget` holds its parts."""

    def __init__(self, parent: Any = None) -> None:
        ScriptedLoadableModuleWidget.__init__(self, parent)
        VTKObservationMixin.__init__(self)
        self.logic: VoCoSlicerLogic | None = None
        self.window: Window | None = None
        self._parameters: Parameters | None = None
        self._tags: list[Any] = []

    def setup(self) -> None:
        """Build the panel."""
        ScriptedLoadableModuleWidget.setup(self)
        panel = slicer.util.loadUI(self.resourcePath("UI/VoCoSlicer.ui"))
        self.layout.addWidget(panel)
        self.ui = slicer.util.childWidgetVariables(panel)
        panel.setMRMLScene(slicer.mrmlScene)
        self.logic = VoCoSlicerLogic()
        self.window = Window(self.ui, self.logic.segmenter)
        scene, events = slicer.mrmlScene, slicer.vtkMRMLScene
        self.addObserver(scene, events.StartCloseEvent, self._scene_closes)
        self.addObserver(scene, events.EndCloseEvent, self._scene_opened)
        self.addObserver(scene, events.EndImportEvent, self._scene_opened)
        for event in (events.NodeAddedEvent, events.NodeRemovedEvent):
            self.addObserver(scene, event, self._nodes_changed)
        self._show(self.logic.getParameterNode())

    def cleanup(self) -> None:
        """The module is unloaded or Slicer ends."""
        self._show(None)
        self.removeObservers()
        self.window.cleanup()

    def enter(self) -> None:
        """The user opens the module."""
        self._show(self.logic.getParameterNode())

    def _show(self, parameters: Parameters | None) -> None:
        if self._parameters is not None:
            for tag in self._tags:
                self._parameters.disconnectGui(tag)
            self.removeObserver(self._parameters, vtk.vtkCommand.ModifiedEvent, self._changed)
        self._parameters = parameters
        self.window.set_parameters(parameters)
        if parameters is not None:
            self._tags = [parameters.connectGui(ui) for ui in self.window.uis]
            self.addObserver(parameters, vtk.vtkCommand.ModifiedEvent, self._changed)
            self.window.parameters_changed()

    def _changed(self, _caller: Any = None, _event: Any = None) -> None:
        self.window.parameters_changed()

    def _scene_closes(self, _caller: Any, _event: Any) -> None:
        self._show(None)

    def _scene_opened(self, _caller: Any, _event: Any) -> None:
        self._show(self.logic.getParameterNode())

    def _nodes_changed(self, _caller: Any, _event: Any) -> None:
        self.window.scene_changed()


class VoCoSlicerLogic(ScriptedLoadableModuleLogic):
    """Segmenting without the panel: `VoCoSlicerLogic().segmenter.segment(volumeNode)`."""

    def __init__(self) -> None:
        ScriptedLoadableModuleLogic.__init__(self)
        self.segmenter = Segmenter(later=qt.QTimer.singleShot, wait=slicer.app.processEvents)

    def getParameterNode(self) -> Parameters:  # noqa: N802 - Slicer's name
        """The choices kept in the scene."""
        return Parameters(ScriptedLoadableModuleLogic.getParameterNode(self))


class VoCoSlicerTest(self_test.SelfTest, ScriptedLoadableModuleTest):
    """Slicer's self-test; its cases are in `VoCoSlicerLib.self_test`."""
