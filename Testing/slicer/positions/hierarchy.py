"""What the subject hierarchy of a scene holds."""

import slicer
import vtk


def hierarchy_of(scene):
    return slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(scene)


def folder_of(node) -> int:
    hierarchy = hierarchy_of(node.GetScene())
    return hierarchy.GetItemParent(hierarchy.GetItemByDataNode(node))


def nodes_in(scene, folder: int) -> list:
    hierarchy = hierarchy_of(scene)
    found = vtk.vtkIdList()
    hierarchy.GetItemChildren(folder, found, True)
    return [hierarchy.GetItemDataNode(found.GetId(n)) for n in range(found.GetNumberOfIds())]


def item_names(scene) -> list[str]:
    hierarchy = hierarchy_of(scene)
    found = vtk.vtkIdList()
    hierarchy.GetItemChildren(hierarchy.GetSceneItemID(), found, True)
    return sorted(hierarchy.GetItemName(found.GetId(n)) for n in range(found.GetNumberOfIds()))


def node_ids(scene) -> set[str]:
    return {scene.GetNthNode(n).GetID() for n in range(scene.GetNumberOfNodes())}


def storage_ids(node) -> set[str]:
    return {node.GetNthStorageNodeID(n) for n in range(node.GetNumberOfStorageNodes())}
