"""What a volume was like, kept in the scene to tell later whether it still is."""

import json
import zlib
from dataclasses import asdict, dataclass
from itertools import product

import numpy as np
import slicer
from numpy.typing import NDArray
from vtk.util.numpy_support import vtk_to_numpy

from VoCoSlicerLib.errors import VoCoSlicerError
from VoCoSlicerLib.scene.geometry import Matrix, index_to_ras, index_to_world

SAMPLE = 2**16
"""Voxels that are looked at, spread over the volume: a change of single others goes unseen."""

GOLDEN = 0.6180339887498949
"""Multiples of it fall evenly between two integers, whatever the sides of the volume."""

MOVED = 0.01
"""Millimetres by which a corner may lie elsewhere."""


@dataclass(frozen=True)
class VolumeState:
    """A volume's grid in the world and a check sum of its voxels.

    The slices of a left-handed grid are taken from the last to the first, as Slicer does when it
    reads one from a file: the volume is still the same.

    Attributes:
        size: Voxels along i, j, k.
        matrix: From indices to RAS mm in the world, 16 numbers row by row.
        voxels: The check sum.
    """

    size: tuple[int, ...]
    matrix: tuple[float, ...]
    voxels: int

    @classmethod
    def of(cls, volume_node: slicer.vtkMRMLScalarVolumeNode) -> "VolumeState":
        """How a volume is now, in some 20 ms at most.

        Raises:
            VoCoSlicerError: A transform above it is not linear.
        """
        image = volume_node.GetImageData()
        size, matrix = image.GetDimensions(), index_to_world(volume_node)
        scalars = vtk_to_numpy(image.GetPointData().GetScalars()).reshape(-1)
        sample = _sample(len(scalars))
        if np.linalg.det(index_to_ras(volume_node)[:3, :3]) < 0:
            matrix = matrix @ _slices_reversed(size)
            slice_, rest = np.divmod(sample, size[0] * size[1])
            sample = (size[2] - 1 - slice_) * size[0] * size[1] + rest
        return cls(size, tuple(matrix.ravel().tolist()), zlib.crc32(scalars[sample].tobytes()))

    def to_text(self) -> str:
        """The state as an attribute of a node."""
        return json.dumps(asdict(self))

    @classmethod
    def from_text(cls, text: str) -> "VolumeState":
        """What ``to_text`` gave."""
        values = json.loads(text)
        return cls(tuple(values["size"]), tuple(values["matrix"]), values["voxels"])

    def is_of(self, volume_node: slicer.vtkMRMLScalarVolumeNode | None) -> bool:
        """Whether a volume is like this now; False for one that is gone."""
        if volume_node is None or volume_node.GetImageData() is None:
            return False
        try:
            now = VolumeState.of(volume_node)
        except VoCoSlicerError:
            return False
        if (now.size, now.voxels) != (self.size, self.voxels):
            return False
        return bool(np.abs(now._corners() - self._corners()).max() <= MOVED)

    def _corners(self) -> NDArray[np.float64]:
        indices = np.array([(*corner, 1) for corner in product(*((0, n - 1) for n in self.size))])
        return indices @ np.reshape(self.matrix, (4, 4)).T


def _slices_reversed(size: tuple[int, ...]) -> Matrix:
    """The matrix from the indices of reversed slices to those of the volume."""
    matrix = np.diag([1.0, 1.0, -1.0, 1.0])
    matrix[2, 3] = size[2] - 1
    return matrix


def _sample(count: int) -> NDArray[np.int64]:
    if count <= SAMPLE:
        return np.arange(count)
    return (np.arange(SAMPLE) * GOLDEN % 1 * count).astype(np.int64)
