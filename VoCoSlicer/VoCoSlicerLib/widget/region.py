"""The region of interest: a box that the user drags around what is needed."""

import slicer
from slicer.i18n import tr as _

from VoCoSlicerLib.errors import VoCoSlicerError
from VoCoSlicerLib.scene.geometry import volume_bounds
from VoCoSlicerLib.scene.transfer import volume_inside


def box_around(volume_node: slicer.vtkMRMLScalarVolumeNode) -> slicer.vtkMRMLMarkupsROINode:
    """A new box around a whole volume, for the user to make smaller."""
    region = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLMarkupsROINode", _("Region"))
    region.CreateDefaultDisplayNodes()
    low, high = volume_bounds(volume_node)
    region.SetCenter(((low + high) / 2).tolist())
    region.SetSize((high - low).tolist())
    region.GetDisplayNode().SetFillVisibility(False)
    return region


def check_region(
    region: slicer.vtkMRMLMarkupsROINode, volume_node: slicer.vtkMRMLScalarVolumeNode
) -> None:
    """See that a region holds something of a volume.

    Raises:
        VoCoSlicerError: It does not, or one of the two cannot be used.
    """
    if not volume_inside(region, volume_node):
        text = _(
            "The region {region} lies outside {volume}: drag it onto the volume, or choose "
            "the whole volume under Advanced."
        )
        raise VoCoSlicerError(text.format(region=region.GetName(), volume=volume_node.GetName()))
