"""The nodes of a scene that a widget lists, kept up to date."""

from collections.abc import Callable
from typing import Any

import slicer
import vtk

Node = Any
Scene = Any


class NodeList:
    """Observes a scene and says when the nodes that are wanted change.

    Attributes:
        nodes: the wanted nodes, in the order of the scene.
    """

    def __init__(self, wanted: Callable[[Node], bool], on_change: Callable[[], None]) -> None:
        self.nodes: list[Node] = []
        self.scene: Scene = None
        self.on_added: Callable[[Node], None] = lambda node: None
        self.on_about_to_be_removed: Callable[[Node], None] = lambda node: None
        self._wanted = wanted
        self._on_change = on_change
        self._observers: list[tuple[Any, int]] = []
        self._renames: list[tuple[Any, int]] = []

    def follow(self, scene: Scene) -> None:
        """Observe this scene from now on; None for none."""
        self.stop()
        self.scene = scene
        if scene is not None:
            for event, callback in (
                (slicer.vtkMRMLScene.NodeAddedEvent, self._added),
                (slicer.vtkMRMLScene.NodeAboutToBeRemovedEvent, self._about_to_be_removed),
                (slicer.vtkMRMLScene.NodeRemovedEvent, self._removed),
            ):
                self._observers.append((scene, scene.AddObserver(event, callback)))
        self.update()

    def stop(self) -> None:
        """Observe nothing any more."""
        _remove(self._observers)
        _remove(self._renames)

    def update(self) -> None:
        """List the nodes anew."""
        _remove(self._renames)
        count = 0 if self.scene is None else self.scene.GetNumberOfNodes()
        nodes = [self.scene.GetNthNode(index) for index in range(count)]
        self.nodes = [node for node in nodes if self._wanted(node)]
        for node in self.nodes:
            tag = node.AddObserver(vtk.vtkCommand.ModifiedEvent, lambda *_: self._on_change())
            self._renames.append((node, tag))
        self._on_change()

    @vtk.calldata_type(vtk.VTK_OBJECT)
    def _added(self, scene: Scene, event: str, node: Node) -> None:
        if self._wanted(node):
            self.update()
            self.on_added(node)

    @vtk.calldata_type(vtk.VTK_OBJECT)
    def _about_to_be_removed(self, scene: Scene, event: str, node: Node) -> None:
        if node in self.nodes:
            self.on_about_to_be_removed(node)

    @vtk.calldata_type(vtk.VTK_OBJECT)
    def _removed(self, scene: Scene, event: str, node: Node) -> None:
        if node in self.nodes:
            self.update()


def _remove(observers: list[tuple[Any, int]]) -> None:
    for observed, tag in observers:
        observed.RemoveObserver(tag)
    observers.clear()
