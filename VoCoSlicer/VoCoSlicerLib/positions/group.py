"""Nodes that belong together: found again in an opened scene, removed whole."""

from collections.abc import Iterator

import slicer

from VoCoSlicerLib.scene.nodes import NO_ITEM, remove_with_display

PART = "VoCo.positions"
"""Attribute of each node, and of the folder: which part it is."""

HEAD = "VoCo.head"
"""Reference of the head to itself: a copy of it refers to the original, and is no head."""

FOLDER = "folder"


class NodeGroup:
    """A head node that refers to the other parts, in a folder of the subject hierarchy.

    Args:
        head: What ``start`` or ``heads`` returned.
    """

    def __init__(self, head: slicer.vtkMRMLNode) -> None:
        self.head = head

    @classmethod
    def start(
        cls,
        beside: slicer.vtkMRMLNode,
        folder_name: str,
        kind: str,
        part: str,
        name: str,
    ) -> "NodeGroup":
        """Make a folder beside a node of the scene, and the head in it.

        Args:
            beside: Whose parent in the subject hierarchy (patient, study) the folder gets.
            folder_name: Name of the folder.
            kind: Class of the head.
            part: Which part the head is.
            name: Name of the head.
        """
        scene = beside.GetScene()
        hierarchy = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(scene)
        item = hierarchy.GetItemByDataNode(beside)
        parent = hierarchy.GetSceneItemID() if item == NO_ITEM else hierarchy.GetItemParent(item)
        folder = hierarchy.CreateFolderItem(parent, folder_name)
        hierarchy.SetItemAttribute(folder, PART, FOLDER)
        head = _new_node(scene, kind, part, name)
        head.SetNodeReferenceID(HEAD, head.GetID())
        _put(hierarchy, head, folder)
        return cls(head)

    @staticmethod
    def heads(scene: slicer.vtkMRMLScene, kind: str, part: str) -> Iterator[slicer.vtkMRMLNode]:
        """The heads of the groups of a scene."""
        for number in range(scene.GetNumberOfNodesByClass(kind)):
            node = scene.GetNthNodeByClass(number, kind)
            if node.GetAttribute(PART) == part and node.GetNodeReference(HEAD) is node:
                yield node

    @property
    def exists(self) -> bool:
        """Whether the head is still in a scene."""
        return self.head.GetScene() is not None

    def find(self, part: str) -> slicer.vtkMRMLNode | None:
        """A part; None while the scene has none."""
        return self.head.GetNodeReference(_role(part)) if self.exists else None

    def add(self, kind: str, part: str, name: str) -> slicer.vtkMRMLNode:
        """Make a part, in the folder of the head."""
        node = _new_node(self.head.GetScene(), kind, part, name)
        self.head.SetNodeReferenceID(_role(part), node.GetID())
        hierarchy = self._hierarchy()
        _put(hierarchy, node, hierarchy.GetItemParent(hierarchy.GetItemByDataNode(self.head)))
        return node

    def find_or_add(self, kind: str, part: str, name: str) -> tuple[slicer.vtkMRMLNode, bool]:
        """A part, and whether it is a new one."""
        node = self.find(part)
        return (self.add(kind, part, name), True) if node is None else (node, False)

    def parts(self) -> list[slicer.vtkMRMLNode]:
        """All nodes of the group, the head last."""
        roles: list[str] = []
        self.head.GetNodeReferenceRoles(roles)
        found = [self.head.GetNodeReference(role) for role in roles if role.startswith(_role(""))]
        return [*(node for node in found if node is not None), self.head]

    def remove_part(self, part: str) -> None:
        """Remove a part, if the scene has it."""
        node = self.find(part)
        if node is not None:
            remove_with_display(node)

    def remove(self) -> None:
        """Remove the nodes and the folder; what else is in the folder moves beside it."""
        if not self.exists:
            return
        hierarchy = self._hierarchy()
        folders = {
            hierarchy.GetItemParent(hierarchy.GetItemByDataNode(node)) for node in self.parts()
        }
        for node in self.parts():
            remove_with_display(node)
        for folder in folders:
            if hierarchy.GetItemAttribute(folder, PART) == FOLDER:
                with_data_node = True  # a folder that was hidden has a display node
                recursive = False  # its other children take the folder's place
                hierarchy.RemoveItem(folder, with_data_node, recursive)

    def _hierarchy(self) -> slicer.vtkMRMLSubjectHierarchyNode:
        return slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(self.head.GetScene())


def _role(part: str) -> str:
    return f"{PART}.{part}"


def _new_node(scene: slicer.vtkMRMLScene, kind: str, part: str, name: str) -> slicer.vtkMRMLNode:
    node = scene.AddNewNodeByClass(kind, name)
    node.SetAttribute(PART, part)
    return node


def _put(
    hierarchy: slicer.vtkMRMLSubjectHierarchyNode, node: slicer.vtkMRMLNode, folder: int
) -> None:
    item = hierarchy.GetItemByDataNode(node)
    if item == NO_ITEM:
        item = hierarchy.CreateItem(folder, node)
    hierarchy.SetItemParent(item, folder)
