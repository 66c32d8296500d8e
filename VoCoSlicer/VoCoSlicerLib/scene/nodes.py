"""New segmentations: their names and their place beside the volume."""

import slicer

from VoCoSlicerLib.scene.texts import tr as _

FILL_OPACITY = 0.4
"""Opacity of a structure's area in the slice views; its outline is opaque."""

NO_ITEM = 0
"""What the subject hierarchy answers for a node that is not in it."""


def segmentation_name(volume_node: slicer.vtkMRMLVolumeNode) -> str:
    """The name for a new segmentation of a volume, not yet used: "CT segmentation"."""
    name = _("{volume} segmentation").format(volume=volume_node.GetName())
    scene = volume_node.GetScene()
    if scene.GetFirstNodeByName(name) is None:
        return name
    number = 2
    while scene.GetFirstNodeByName(f"{name} {number}") is not None:
        number += 1
    return f"{name} {number}"


def new_segmentation(
    volume_node: slicer.vtkMRMLScalarVolumeNode, name: str | None = None
) -> slicer.vtkMRMLSegmentationNode:
    """Add an empty segmentation of a volume to the volume's scene.

    It has the volume's grid as reference geometry, the volume's parent transform, display nodes,
    and a place beside the volume in the subject hierarchy.

    Args:
        volume_node: A volume in a scene.
        name: Name of the node; by default ``segmentation_name``.
    """
    segmentation_node = volume_node.GetScene().AddNewNodeByClass(
        "vtkMRMLSegmentationNode", name or segmentation_name(volume_node)
    )
    segmentation_node.SetAndObserveTransformNodeID(volume_node.GetTransformNodeID())
    segmentation_node.SetReferenceImageGeometryParameterFromVolumeNode(volume_node)
    segmentation_node.CreateDefaultDisplayNodes()
    segmentation_node.GetDisplayNode().SetOpacity2DFill(FILL_OPACITY)
    place_beside(segmentation_node, volume_node)
    return segmentation_node


def place_beside(node: slicer.vtkMRMLNode, volume_node: slicer.vtkMRMLNode) -> None:
    """Give a node the volume's parent (patient, study, folder) in the subject hierarchy.

    The node's item also says which DICOM instances it refers to, where the volume has some.
    """
    hierarchy = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(volume_node.GetScene())
    volume_item = hierarchy.GetItemByDataNode(volume_node)
    if volume_item == NO_ITEM:
        return
    parent = hierarchy.GetItemParent(volume_item)
    item = hierarchy.GetItemByDataNode(node)
    if item == NO_ITEM:
        item = hierarchy.CreateItem(parent, node)
    hierarchy.SetItemParent(item, parent)
    instances = volume_node.GetAttribute("DICOM.instanceUIDs")
    if instances:
        names = slicer.vtkMRMLSubjectHierarchyConstants
        hierarchy.SetItemAttribute(
            item, names.GetDICOMReferencedInstanceUIDsAttributeName(), instances
        )


def remove_with_display(node: slicer.vtkMRMLNode) -> None:
    """Remove a node, its display and storage nodes and its item in the subject hierarchy."""
    scene = node.GetScene()
    hierarchy = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(scene)
    item = hierarchy.GetItemByDataNode(node)
    if item != NO_ITEM:
        with_data_node = recursive = False
        hierarchy.RemoveItem(item, with_data_node, recursive)
    if node.IsA("vtkMRMLDisplayableNode"):
        for number in reversed(range(node.GetNumberOfDisplayNodes())):
            scene.RemoveNode(node.GetNthDisplayNode(number))
    if node.IsA("vtkMRMLStorableNode"):
        for number in reversed(range(node.GetNumberOfStorageNodes())):
            scene.RemoveNode(node.GetNthStorageNode(number))
    scene.RemoveNode(node)
