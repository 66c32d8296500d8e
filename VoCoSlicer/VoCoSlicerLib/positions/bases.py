"""The bases of a volume as boxes: where they lie, and how they are drawn."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import product
from typing import Any

import numpy as np
import vtk
from numpy.typing import NDArray
from vtk.util.numpy_support import numpy_to_vtk, vtk_to_numpy

from VoCoSlicerLib.scene.geometry import Matrix, box_pose

Point = tuple[float, float, float]
"""A place in RAS mm, in the world (transforms included), as the worker takes and gives them."""

Where = tuple[Point, ...]
"""One place, or the eight corners of a box in the order of ``CORNERS``."""

INSIDE = 1 / 3
"""Voxels by which a box is drawn inside its base: the faces of neighbours do not fall together."""

APART = 25.0
"""Millimetres between the numbers of bases that lie behind each other, where there is room."""

ROOM = 0.8
"""Share of a base's side that its number may be moved in."""

OVERLAP = "predicted overlap"
"""The cell scalars that the boxes are coloured by."""

CORNERS = np.array(list(product((-0.5, 0.5), repeat=3)))
FACES = ((0, 1, 3, 2), (4, 6, 7, 5), (0, 4, 5, 1), (2, 3, 7, 6), (0, 2, 6, 4), (1, 5, 7, 3))


@dataclass(frozen=True)
class Bases:
    """Where the bases of a volume lie; base k (from 1) is ``centres[k - 1]``.

    Attributes:
        counts: Bases along the volume's x, y, z; z runs fastest in ``centres``.
        voxels: Sides of a base in voxels of the worker's volume.
        size: Sides of a base in mm.
        axes: Unit vectors of x, y, z in RAS, one a row.
        centres: Centre of each base, RAS mm.
    """

    counts: tuple[int, int, int]
    voxels: tuple[int, int, int]
    size: Point
    axes: tuple[Point, Point, Point]
    centres: tuple[Point, ...]

    @classmethod
    def of_report(cls, bases: Mapping[str, Any]) -> "Bases":
        """What the worker's ``report["bases"]`` says."""
        return cls(
            *(tuple(bases[key]) for key in ("counts", "voxels", "size")),
            *(tuple(map(tuple, bases[key])) for key in ("axes", "centres")),
        )

    def to_text(self) -> str:
        """The bases as an attribute of a node."""
        return json.dumps(asdict(self))

    @classmethod
    def from_text(cls, text: str) -> "Bases":
        """What ``to_text`` gave."""
        return cls.of_report(json.loads(text))

    def middle(self) -> Point:
        """The centre of the whole grid."""
        x, y, z = np.mean(self.centres, axis=0).tolist()
        return (x, y, z)

    def pose(self, centre: Sequence[float]) -> Matrix:
        """The 4 x 4 matrix from a box's own coordinates in mm to RAS, for a box of these axes."""
        return box_pose(np.array(self.axes), centre)

    def corners(self) -> NDArray[np.float64]:
        """The corners of the drawn boxes, ``(base, 8, 3)``."""
        sides = np.array(self.size) * (1 - 2 * INSIDE / np.array(self.voxels))
        return np.array(self.centres)[:, None] + CORNERS * sides @ np.array(self.axes)

    def number_places(self) -> tuple[Point, ...]:
        """Where the numbers are written: near the centre of each base.

        Seen along an axis of the volume, no number is behind another: slice views show all of
        them at once. A grid of one layer has them in the middle of its bases across z.
        """
        x, y, z = np.transpose(list(product(*map(range, self.counts))))
        layers, columns = self.counts[2], max(self.counts[:2])
        moves = np.zeros((len(self.centres), 3))
        for axis, step, steps in ((0, z, layers), (2, (x + y) % columns, columns)):
            apart = min(APART, ROOM * self.size[axis] / steps)
            moves[:, axis] = apart * (step - (steps - 1) / 2)
        return tuple(map(tuple, (self.centres + moves @ np.array(self.axes)).tolist()))

    def boxes(self) -> vtk.vtkPolyData:
        """The drawn boxes: 6 faces a base, base by base, with the cell scalars ``OVERLAP``."""
        points = vtk.vtkPoints()
        points.SetData(numpy_to_vtk(self.corners().reshape(-1, 3), deep=True))
        faces = vtk.vtkCellArray()
        for number in range(len(self.centres)):
            for face in FACES:
                faces.InsertNextCell(4, [8 * number + corner for corner in face])
        mesh = vtk.vtkPolyData()
        mesh.SetPoints(points)
        mesh.SetPolys(faces)
        overlaps = numpy_to_vtk(np.zeros(len(FACES) * len(self.centres), np.float32), deep=True)
        overlaps.SetName(OVERLAP)
        mesh.GetCellData().AddArray(overlaps)
        return mesh


def colour_boxes(mesh: vtk.vtkPolyData, overlaps: Sequence[float]) -> None:
    """Give each base's faces its overlap."""
    scalars = mesh.GetCellData().GetArray(OVERLAP)
    vtk_to_numpy(scalars)[:] = np.repeat(overlaps, len(FACES))
    scalars.Modified()
    mesh.Modified()
