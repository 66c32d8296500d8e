"""Draw the extension's icon: a volume cut into 4 x 4 base crops, and one random crop over it.

Run it with the path of the PNG to write: `python Resources/draw_icon.py Resources/VoCo.png`.
"""

import sys

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.patches import Polygon
from numpy.typing import NDArray

SIZE = 128
GRID = 4
THICKNESS = 1.6
CROP_CORNER, CROP_SIDE, CROP_TOP = (0.55, 0.35), 1.5, 3.1
OVERLAP = LinearSegmentedColormap.from_list("overlap", ["#3566a8", "#43c3d6", "#b8fff0"])
CROP = "#ffb020"


def project(points: NDArray[np.float64]) -> NDArray[np.float64]:
    """Project points (x, y, z) isometrically onto the picture."""
    x, y, z = points.T
    return np.stack([(x - y) * np.sqrt(3) / 2, (x + y) / 2 + z], axis=1)


def face(axes: Axes, corners: list[tuple[float, float, float]], **style: object) -> None:
    """Draw one face of a box."""
    axes.add_patch(Polygon(project(np.array(corners)), joinstyle="round", **style))


def box_faces(
    low: tuple[float, float, float], high: tuple[float, float, float]
) -> dict[str, list[tuple[float, float, float]]]:
    """The three faces of a box that are seen from above and in front."""
    (x0, y0, z0), (x1, y1, z1) = low, high
    return {
        "top": [(x0, y0, z1), (x1, y0, z1), (x1, y1, z1), (x0, y1, z1)],
        "left": [(x0, y0, z0), (x0, y1, z0), (x0, y1, z1), (x0, y0, z1)],
        "right": [(x0, y0, z0), (x1, y0, z0), (x1, y0, z1), (x0, y0, z1)],
    }


def covered(index: int, corner: float) -> float:
    """How much of a base crop the random crop covers along one axis."""
    return max(0.0, min(index + 1.0, corner + CROP_SIDE) - max(float(index), corner))


def draw(path: str) -> None:
    """Draw the icon to a PNG file with a transparent background."""
    figure = Figure(figsize=(1, 1), dpi=SIZE)
    axes = figure.add_axes((0, 0, 1, 1), aspect="equal")
    axes.set_axis_off()
    for x in reversed(range(GRID)):
        for y in reversed(range(GRID)):
            overlap = covered(x, CROP_CORNER[0]) * covered(y, CROP_CORNER[1])
            color = np.array(OVERLAP(overlap)[:3])
            faces = box_faces((x + 0.05, y + 0.05, 0), (x + 0.95, y + 0.95, THICKNESS))
            for side, shade in (("left", 0.55), ("right", 0.75), ("top", 1.0)):
                face(axes, faces[side], facecolor=color * shade, linewidth=0)
    low = (*CROP_CORNER, THICKNESS)
    high = (CROP_CORNER[0] + CROP_SIDE, CROP_CORNER[1] + CROP_SIDE, CROP_TOP)
    for corners in box_faces(low, high).values():
        face(axes, corners, facecolor=(1.0, 0.69, 0.13, 0.13), edgecolor=CROP, linewidth=1.7)
    axes.set(xlim=(-3.7, 3.7), ylim=(-0.8, 6.6))
    figure.savefig(path, dpi=SIZE, transparent=True)


if __name__ == "__main__":
    draw(sys.argv[1])
