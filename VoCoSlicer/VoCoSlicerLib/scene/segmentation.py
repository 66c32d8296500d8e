"""A `.seg.nrrd` result as a segmentation in the scene."""

from pathlib import Path

import slicer

FILL_OPACITY = 0.4
"""Opacity of a structure's area in the slice views; its outline is opaque."""


def show_segmentation(
    scene: slicer.vtkMRMLScene,
    volume_node: slicer.vtkMRMLScalarVolumeNode,
    path: str | Path,
    name: str,
) -> slicer.vtkMRMLSegmentationNode:
    """Add a segmentation file to the scene, visible in the slice views and in 3-D.

    Segment names, colours and terminology come from the file's own header fields. The
    segmentation takes the geometry of the volume as its reference, and gets a closed surface
    with Slicer's default smoothing.

    Args:
        scene: the scene that receives the segmentation.
        volume_node: the segmented volume.
        path: a `.seg.nrrd` file on the volume's grid.
        name: the name of the segmentation in the scene.

    Returns:
        The segmentation node.

    Raises:
        OSError: the file cannot be read; the scene is left as it was.
    """
    segmentation_node = scene.AddNewNodeByClass("vtkMRMLSegmentationNode", name)
    storage_node = scene.AddNewNodeByClass("vtkMRMLSegmentationStorageNode")
    storage_node.SetFileName(str(path))
    if not storage_node.ReadData(segmentation_node):
        scene.RemoveNode(storage_node)
        scene.RemoveNode(segmentation_node)
        raise OSError(f"{path} could not be read as a segmentation.")
    segmentation_node.SetAndObserveStorageNodeID(storage_node.GetID())
    segmentation_node.SetReferenceImageGeometryParameterFromVolumeNode(volume_node)
    segmentation_node.CreateDefaultDisplayNodes()
    segmentation_node.CreateClosedSurfaceRepresentation()
    display_node = segmentation_node.GetDisplayNode()
    display_node.SetPreferredDisplayRepresentationName3D("Closed surface")
    display_node.SetOpacity2DFill(FILL_OPACITY)
    return segmentation_node
