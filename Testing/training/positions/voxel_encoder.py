"""An encoder for which no two places look alike, as a random network's do."""

import numpy as np
import torch

from voco3d.positions import Positioner
from voco3d.positions.encoder import CropEncoder


class VoxelEncoder(CropEncoder):
    """Embeds a crop as its own voxels, around their mean."""

    def __call__(self, array, starts, crop, progress=None, what=""):
        x, y, z = crop
        crops = [array[0, a : a + x, b : b + y, c : c + z].ravel() for a, b, c in starts]
        return torch.from_numpy(np.stack([voxels - voxels.mean() for voxels in crops]))


def voxel_positioner(folder):
    """A positioner with it, for a model folder."""
    positioner = Positioner(folder, "cpu")
    positioner.encoder = VoxelEncoder(positioner.model, torch.device("cpu"))
    return positioner
