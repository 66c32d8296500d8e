"""qMRMLNodeComboBox: chooses, makes and removes nodes of the scene."""

# ruff: noqa: N802, N815 - the names are Slicer's

from typing import Any, ClassVar

import slicer
from PySide6 import QtCore, QtWidgets
from PySide6.QtCore import Slot

from .dialogs import Dialog, dialogs
from .node_list import Node, NodeList, Scene
from .properties import stored

CREATE, REMOVE, RENAME = "create", "remove", "rename"


class NodeComboBox(QtWidgets.QWidget):
    """Slicer/Libs/MRML/Widgets/qMRMLNodeComboBox.h."""

    stands_in_for = "qMRMLNodeComboBox"
    cpp_signatures: ClassVar = {
        f"{name}(PyObject)": f"{name}(vtkMRMLNode*)"
        for name in (
            "currentNodeChanged",
            "nodeAboutToBeRemoved",
            "nodeActivated",
            "nodeAdded",
            "nodeAddedByUserAction",
        )
    }

    currentNodeChanged = QtCore.Signal(object)
    currentNodeIDChanged = QtCore.Signal(str)
    nodeAboutToBeRemoved = QtCore.Signal(object)
    nodeActivated = QtCore.Signal(object)
    nodeAdded = QtCore.Signal(object)
    nodeAddedByUserAction = QtCore.Signal(object)

    nodeTypes = stored("nodeTypes", "QStringList", [])
    showHidden = stored("showHidden", bool, False)
    showChildNodeTypes = stored("showChildNodeTypes", bool, True)
    hideChildNodeTypes = stored("hideChildNodeTypes", "QStringList", [])
    baseName = stored("baseName", str, "")
    noneEnabled = stored("noneEnabled", bool, False)
    noneDisplay = stored("noneDisplay", str, "None")
    addEnabled = stored("addEnabled", bool, True)
    removeEnabled = stored("removeEnabled", bool, True)
    editEnabled = stored("editEnabled", bool, False)
    renameEnabled = stored("renameEnabled", bool, False)
    selectNodeUponCreation = stored("selectNodeUponCreation", bool, True)

    def __init__(self, parent: QtWidgets.QWidget | None = None) -> None:
        super().__init__(parent)
        layout = QtWidgets.QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        self._combo = QtWidgets.QComboBox()
        self._combo.setSizePolicy(QtWidgets.QSizePolicy.Policy.Expanding,
                                  QtWidgets.QSizePolicy.Policy.Fixed)  # fmt: skip
        self._combo.activated.connect(self._chosen)
        layout.addWidget(self._combo)
        self.setFocusProxy(self._combo)
        self._current: Node = None
        self._attributes: list[tuple[str, str, Any]] = []
        self._nodes = NodeList(self._shows, self._nodes_changed)
        self._nodes.on_added = self.nodeAdded.emit
        self._nodes.on_about_to_be_removed = self.nodeAboutToBeRemoved.emit
        self.destroyed.connect(self._nodes.stop)
        self.setEnabled(False)

    @Slot(object)
    def setMRMLScene(self, scene: Scene) -> None:
        """List the nodes of this scene; without one the widget is disabled."""
        if scene is not self._nodes.scene:
            self._nodes.follow(scene)
            self.setEnabled(scene is not None)

    @Slot(result=object)
    def mrmlScene(self) -> Scene:
        """The scene, or None."""
        return self._nodes.scene

    def _shows(self, node: Node) -> bool:
        if not any(node.IsA(kind) for kind in self.nodeTypes):
            return False
        if not self.showChildNodeTypes and node.GetClassName() not in self.nodeTypes:
            return False
        if any(node.IsA(kind) for kind in self.hideChildNodeTypes):
            return False
        if node.GetHideFromEditors() and not self.showHidden:
            return False
        return all(
            node.GetAttribute(name) is not None and value in (None, node.GetAttribute(name))
            for kind, name, value in self._attributes
            if node.IsA(kind)
        )

    def _list_changed(self) -> None:
        self._nodes.update()

    _nodeTypes_changed = _showHidden_changed = _showChildNodeTypes_changed = _list_changed
    _hideChildNodeTypes_changed = _noneEnabled_changed = _noneDisplay_changed = _list_changed
    _addEnabled_changed = _removeEnabled_changed = _renameEnabled_changed = _list_changed
    _baseName_changed = _list_changed

    def _nodes_changed(self) -> None:
        nodes = self._nodes.nodes
        current = self._current if self._current in nodes else None
        if current is None and not self.noneEnabled and nodes:
            current = nodes[0]
        self._show(current)
        self._choose(current)

    def _show(self, current: Node) -> None:
        self._combo.clear()
        if self.noneEnabled:
            self._combo.addItem(self.noneDisplay, "")
        for node in self._nodes.nodes:
            self._combo.addItem(node.GetName() or "", node.GetID())
        self._combo.setCurrentIndex(
            self._combo.findData("" if current is None else current.GetID())
        )
        if self.nodeTypes and self._nodes.scene is not None:
            for enabled, action, text in (
                (self.addEnabled, CREATE, f"Create new {self._new_name()}"),
                (self.removeEnabled, REMOVE, "Delete current node"),
                (self.renameEnabled, RENAME, "Rename current node..."),
            ):
                if enabled:
                    self._combo.addItem(text, (action,))

    def _choose(self, node: Node) -> None:
        if node is not self._current:
            self._current = node
            self.currentNodeChanged.emit(node)
            self.currentNodeIDChanged.emit(self._current_id())

    def _chosen(self, index: int) -> None:
        key = self._combo.itemData(index)
        if isinstance(key, str):
            node = self._nodes.scene.GetNodeByID(key) if key else None
            self._choose(node)
            self.nodeActivated.emit(node)
            return
        self._show(self._current)
        if key[0] == CREATE:
            self.nodeAddedByUserAction.emit(self.addNode())
        elif key[0] == REMOVE:
            self.removeCurrentNode()
        else:
            self.renameCurrentNode()

    @Slot(result=object)
    def currentNode(self) -> Node:
        """The chosen node, or None."""
        return self._current

    @Slot(object)
    def setCurrentNode(self, node: Node) -> None:
        """Choose a node; one that is not listed counts as None."""
        if isinstance(node, str):
            node = self._nodes.scene.GetNodeByID(node)
        if node is not None and not isinstance(node, slicer.vtkMRMLNode):
            raise TypeError(f"setCurrentNode takes a node, not {node!r}")
        node = node if node in self._nodes.nodes else None
        self._show(node)
        self._choose(node)

    def _current_id(self) -> str:
        return "" if self._current is None else self._current.GetID()

    @Slot(str)
    def setCurrentNodeID(self, node_id: str) -> None:
        """Choose a node by its ID."""
        scene = self._nodes.scene
        self.setCurrentNode(None if scene is None or not node_id else scene.GetNodeByID(node_id))

    currentNodeID = QtCore.Property(str, _current_id, setCurrentNodeID)

    @Slot(int)
    def setCurrentNodeIndex(self, index: int) -> None:
        """Choose the n-th node of the list."""
        self.setCurrentNode(self.nodeFromIndex(index))

    @Slot(result=int)
    def nodeCount(self) -> int:
        """How many nodes are listed."""
        return len(self._nodes.nodes)

    @Slot(int, result=object)
    def nodeFromIndex(self, index: int) -> Node:
        """The n-th node of the list, or None."""
        return self._nodes.nodes[index] if 0 <= index < self.nodeCount() else None

    @Slot(result=object)
    def addNode(self, node_type: str = "") -> Node:
        """Add a node of the first type, or of the given one, to the scene."""
        scene = self._nodes.scene
        name = scene.GenerateUniqueName(self._new_name())
        node = scene.AddNewNodeByClass(node_type or self.nodeTypes[0], name)
        for kind, attribute, value in self._attributes:
            if node.IsA(kind):
                node.SetAttribute(attribute, value or "")
        if self.selectNodeUponCreation:
            self.setCurrentNode(node)
        return node

    @Slot()
    def removeCurrentNode(self) -> None:
        """Remove the chosen node from the scene."""
        if self._current is not None:
            self._nodes.scene.RemoveNode(self._current)

    @Slot()
    def renameCurrentNode(self) -> None:
        """Ask for another name of the chosen node."""
        if self._current is not None:
            self._current.SetName(str(dialogs.next_answer(Dialog("text", "New name"))))

    @Slot(str, str)
    def addAttribute(self, node_type: str, name: str, value: Any = None) -> None:
        """List nodes of this type only if they have the attribute (with this value)."""
        self._attributes.append((node_type, name, value))
        self._nodes.update()

    @Slot(str, str)
    def removeAttribute(self, node_type: str, name: str) -> None:
        """Undo `addAttribute`."""
        self._attributes = [a for a in self._attributes if a[:2] != (node_type, name)]
        self._nodes.update()

    def _new_name(self) -> str:
        if self.baseName:
            return str(self.baseName)
        return str(getattr(slicer, self.nodeTypes[0])().GetNodeTagName())
