"""The region of interest: a box that the user drags around what is needed."""

import slicer
from slicer.i18n import tr as _

from VoCoSlicerLib.errors import VoCoSlicerError
from VoCoSlicerLib.scene.transfer import volume_inside


def box_around(volume_node: slicer.vtkMRMLScalarVolumeNode) -> slicer.vtkMRMLMarkupsROINode:
    """A new box around a whole volume, for the user to make smaller."""
    region = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLMarkupsROINode", _("Region"))
    region.CreateDefaultDisplayNodes()
    bounds = [0.0] * 6
    volume_node.GetRASBounds(bounds)
    sides = list(zip(bounds[::2], bounds[1::2], strict=True))
    region.SetCenter([(low + high) / 2 for low, high in sides])
    region.SetSize([high - low for low, high in sides])
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
