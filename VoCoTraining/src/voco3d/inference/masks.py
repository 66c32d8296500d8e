"""Where a label map that a model made has each of its structures."""

import numpy as np
import numpy.typing as npt
import SimpleITK as sitk

from voco3d.data.preprocessing import image_to_array
from voco3d.models import Model

Masks = npt.NDArray[np.bool_]


def structure_masks(labels: sitk.Image, model: Model) -> Masks:
    """Take a model's label map apart: ``(structure, x, y, z)``; regions may overlap."""
    array = image_to_array(labels).astype(np.uint8)
    if model.regions is not None:
        return model.regions.masks_of(array)
    return np.stack([array == label for label in range(1, len(model.structures) + 1)])
