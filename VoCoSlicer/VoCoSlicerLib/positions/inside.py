"""Whether a place lies in a volume."""

import numpy as np
import slicer

from VoCoSlicerLib.positions.bases import Point
from VoCoSlicerLib.scene.geometry import index_to_world


def is_inside(place: Point, volume_node: slicer.vtkMRMLScalarVolumeNode) -> bool:
    """Whether a place lies in one of a volume's voxels.

    Args:
        place: RAS mm in the world.
        volume_node: A volume with voxels; its transform counts.

    Raises:
        VoCoSlicerError: A transform above the volume is not linear.
    """
    index = (np.linalg.inv(index_to_world(volume_node)) @ [*place, 1.0])[:3]
    size = np.array(volume_node.GetImageData().GetDimensions())
    return bool((index >= -0.5).all() and (index <= size - 0.5).all())
