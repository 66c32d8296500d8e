"""A CT image file as a volume in the scene."""

from pathlib import Path

import slicer

SOFT_TISSUE_WINDOW = 400.0
"""Width of the displayed intensity range in HU."""

SOFT_TISSUE_LEVEL = 40.0
"""Centre of the displayed intensity range in HU."""


def load_ct(
    scene: slicer.vtkMRMLScene, path: str | Path, name: str
) -> slicer.vtkMRMLScalarVolumeNode:
    """Add a CT image file to the scene, displayed with a soft-tissue window.

    Args:
        scene: the scene that receives the volume.
        path: a 3-D image in any format Slicer reads (NIfTI, NRRD, MetaImage, ...) and in any
            orientation; the node carries its grid in RAS.
        name: the name of the volume in the scene.

    Returns:
        The volume node.

    Raises:
        OSError: the file cannot be read; the scene is left as it was.
    """
    volume_node = scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", name)
    storage_node = scene.AddNewNodeByClass("vtkMRMLVolumeArchetypeStorageNode")
    storage_node.SetFileName(str(path))
    if not storage_node.ReadData(volume_node):
        scene.RemoveNode(storage_node)
        scene.RemoveNode(volume_node)
        raise OSError(f"{path} could not be read as an image volume.")
    volume_node.SetAndObserveStorageNodeID(storage_node.GetID())
    volume_node.CreateDefaultDisplayNodes()
    display_node = volume_node.GetDisplayNode()
    display_node.SetAndObserveColorNodeID("vtkMRMLColorTableNodeGrey")
    display_node.AutoWindowLevelOff()
    display_node.SetWindowLevel(SOFT_TISSUE_WINDOW, SOFT_TISSUE_LEVEL)
    return volume_node
