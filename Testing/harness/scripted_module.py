"""The module `slicer.ScriptedLoadableModule`: the base classes of a scripted module.

Slicer's own are in Base/Python/slicer/ScriptedLoadableModule.py.
"""

# ruff: noqa: N802, N803 - the names are Slicer's

import unittest
from pathlib import Path
from typing import Any

import qt
import slicer

from .module_parent import ModuleParent


class ScriptedLoadableModule:
    """Describes the module to Slicer through its `parent`."""

    def __init__(self, parent: ModuleParent) -> None:
        self.parent = parent
        self.moduleName = type(self).__name__

    def resourcePath(self, filename: str) -> str:
        """The path of a file in the module's folder Resources."""
        return str(Path(self.parent.path).parent / "Resources" / filename)

    def getDefaultModuleDocumentationLink(self, docPage: str | None = None) -> str:
        """A sentence with a link to Slicer's page on the module."""
        url = slicer.app.documentationBaseUrl + (docPage or f"user_guide/modules/{self.moduleName}")
        return f'<p>For more information see the <a href="{url}">online documentation</a>.</p>'

    def runTest(self, msec: int = 100, **kwargs: Any) -> None:
        """Run the module's self-test class."""
        raise NotImplementedError("the module's self-test runs in 3D Slicer only")


class ScriptedLoadableModuleWidget:
    """The module's panel: `setup` fills `layout`."""

    def __init__(self, parent: Any = None) -> None:
        self.moduleName = type(self).__name__.removesuffix("Widget")
        self.developerMode = False
        made_here = parent is None
        if made_here:
            parent = slicer.qMRMLWidget()
            parent.setLayout(qt.QVBoxLayout())
            parent.setMRMLScene(slicer.mrmlScene)
        self.parent = parent
        self.layout = self.parent.layout()
        if made_here:
            self.setup()
            self.parent.show()
        self._manager().connect("moduleAboutToBeUnloaded(QString)", self._about_to_be_unloaded)

    def _manager(self) -> Any:
        return slicer.app.moduleManager()

    def resourcePath(self, filename: str) -> str:
        """The path of a file in the module's folder Resources."""
        return str(Path(slicer.util.modulePath(self.moduleName)).parent / "Resources" / filename)

    def setup(self) -> None:
        """Make the panel; derived classes call this first."""

    def cleanup(self) -> None:
        """Called before the module is unloaded."""

    def _about_to_be_unloaded(self, moduleName: str) -> None:
        if moduleName == self.moduleName:
            self.cleanup()
            self._manager().disconnect(
                "moduleAboutToBeUnloaded(QString)", self._about_to_be_unloaded
            )


class ScriptedLoadableModuleLogic:
    """What the module does, without its panel."""

    def __init__(self, parent: Any = None) -> None:
        self.moduleName = type(self).__name__.removesuffix("Logic")
        self.isSingletonParameterNode = True

    def getParameterNode(self) -> Any:
        """The module's node of parameters in the scene, made when there is none."""
        if self.isSingletonParameterNode:
            node = slicer.mrmlScene.GetSingletonNode(self.moduleName, "vtkMRMLScriptedModuleNode")
            if node is not None:
                node.SetAttribute("ModuleName", self.moduleName)
                return node
        elif self.getAllParameterNodes():
            return self.getAllParameterNodes()[0]
        return slicer.mrmlScene.AddNode(self.createParameterNode())

    def getAllParameterNodes(self) -> list[Any]:
        """All of the module's nodes of parameters."""
        nodes = slicer.mrmlScene.GetNodesByClass("vtkMRMLScriptedModuleNode")
        return [node for node in nodes if node.GetAttribute("ModuleName") == self.moduleName]

    def createParameterNode(self) -> Any:
        """A node of parameters that is not in the scene yet."""
        node = slicer.mrmlScene.CreateNodeByClass("vtkMRMLScriptedModuleNode")
        node.UnRegister(None)
        if self.isSingletonParameterNode:
            node.SetSingletonTag(self.moduleName)
        node.SetAttribute("ModuleName", self.moduleName)
        node.SetName(slicer.mrmlScene.GenerateUniqueName(self.moduleName))
        return node


class ScriptedLoadableModuleTest(unittest.TestCase):
    """The module's self-test."""

    def runTest(self) -> None:
        """Overridden by the module."""

    def delayDisplay(self, message: str, requestedDelay: Any = None, msec: Any = None) -> None:
        """Say what the test does now."""
        print(message)
