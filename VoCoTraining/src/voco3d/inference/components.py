"""Connected parts of a structure."""

import numpy as np
import SimpleITK as sitk


def largest_components(labels: sitk.Image) -> sitk.Image:
    """Keep, of each label, only its largest connected part; the rest becomes background.

    Voxels that touch at a face, an edge or a corner are connected, as in MONAI's
    ``KeepLargestConnectedComponent``.

    Args:
        labels: Label map (uint8).
    """
    kept = sitk.GetArrayFromImage(labels)
    for label in np.unique(kept[kept > 0]):
        parts = sitk.ConnectedComponent(labels == int(label), True)
        by_size = sitk.RelabelComponent(parts, sortByObjectSize=True)
        kept[sitk.GetArrayViewFromImage(by_size) > 1] = 0
    image = sitk.GetImageFromArray(kept)
    image.CopyInformation(labels)
    return image
