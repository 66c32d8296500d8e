"""Painting shapes into a CT: the grid, the bent coordinates, Hounsfield units, blur and noise."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import SimpleITK
from numpy.random import Generator
from numpy.typing import NDArray

from voco3d.phantom.shapes import Floats, Shape

AIR = -1000.0
FAR = 1e3
LATTICE_REACH = 480.0


@dataclass(frozen=True)
class Phantom:
    """A synthetic CT with exact labels.

    Attributes:
        image: int16 Hounsfield units, LPS with identity direction.
        labels: uint8 on the same grid; 0 is background and k + 1 is `names[k]`.
        names: the structures in the order of their labels.
    """

    image: SimpleITK.Image
    labels: SimpleITK.Image
    names: tuple[str, ...]


@dataclass(frozen=True)
class Grid:
    """A voxel grid along R, A and S, centred at a point of the patient.

    Attributes:
        size: number of voxels along R, A, S.
        spacing: mm along R, A, S.
        center: (R, A, S) of the middle of the grid in mm.
    """

    size: tuple[int, int, int]
    spacing: tuple[float, float, float]
    center: tuple[float, float, float]

    def axes(self) -> tuple[Floats, Floats, Floats]:
        """Voxel positions along R, A and S in mm, rising along each."""
        r, a, s = (
            (middle + (np.arange(n) - (n - 1) / 2) * step).astype(np.float32)
            for n, step, middle in zip(self.size, self.spacing, self.center, strict=True)
        )
        return r, a, s


def smooth_field(rng: Generator, grid: Grid, knot: float) -> Floats:
    """Draw a smooth random field of about unit standard deviation, a cubic B-spline in space.

    The same generator state gives the same field in millimetres whatever the grid.

    Args:
        rng: source of the coefficients.
        grid: where to evaluate.
        knot: distance of the knots in mm: the scale of the field.

    Returns:
        (size R, size A, size S).
    """
    count = int(2 * LATTICE_REACH / knot) + 1
    values = rng.standard_normal((count, count, count)).astype(np.float32)
    for axis in grid.axes():
        knots = (np.arange(count) - (count - 1) / 2) * knot
        away = np.abs(axis[:, None] - knots) / knot
        inner = 2 / 3 - away**2 + away**3 / 2
        outer = np.clip(2 - away, 0, None) ** 3 / 6
        weights = np.where(away < 1, inner, outer).astype(np.float32)
        values = np.tensordot(values, weights, axes=(0, 1))
    return values * np.float32(2.9)


def irregular_coordinates(
    rng: Generator, grid: Grid, wobble: float, knot: float
) -> tuple[Floats, Floats, Floats]:
    """R, A and S of every voxel in mm, each displaced by a smooth random field.

    Args:
        rng: source of the displacement.
        grid: where.
        wobble: standard deviation of the displacement, mm.
        knot: scale of the displacement, mm.
    """
    r, a, s = (
        axis + np.float32(wobble) * smooth_field(rng, grid, knot)
        for axis in np.meshgrid(*grid.axes(), indexing="ij", sparse=True)
    )
    return r, a, s


def smeared(volume: Floats, grid: Grid, sigma: float) -> Floats:
    """Blur a volume by a Gaussian whose standard deviation is in mm."""
    for axis, step in enumerate(grid.spacing):
        radius = int(np.ceil(2.5 * sigma / step))
        offsets = np.arange(-radius, radius + 1)
        kernel = np.exp(-0.5 * np.square(offsets * step / sigma))
        kernel /= kernel.sum()
        pad = [(radius, radius) if k == axis else (0, 0) for k in range(3)]
        padded = np.moveaxis(np.pad(volume, pad, mode="edge"), axis, 0)
        count = volume.shape[axis]
        total = sum(
            np.float32(weight) * padded[start : start + count]
            for start, weight in enumerate(kernel)
        )
        volume = np.moveaxis(np.asarray(total), 0, axis)
    return volume


class Canvas:
    """A volume to paint shapes into, through bent anatomical coordinates.

    Args:
        coordinates: anatomical (R, A, S) in mm of every voxel, each of the grid's size.
    """

    def __init__(self, coordinates: tuple[Floats, Floats, Floats]) -> None:
        self.coordinates = coordinates
        self.hu: Floats = np.full(coordinates[0].shape, AIR, np.float32)
        self.labels: NDArray[np.uint8] = np.zeros(coordinates[0].shape, np.uint8)
        self._ranges = [
            (
                axis.min(axis=tuple({0, 1, 2} - {k})),
                axis.max(axis=tuple({0, 1, 2} - {k})),
            )
            for k, axis in enumerate(coordinates)
        ]

    def window(self, shape: Shape) -> tuple[slice, slice, slice]:
        """Find the voxels that can lie in a shape's box."""
        low, high = shape.box()
        slices = []
        for (least, most), start, end in zip(self._ranges, low, high, strict=True):
            hit = np.flatnonzero((least <= end) & (most >= start))
            slices.append(slice(hit[0], hit[-1] + 1) if hit.size else slice(0, 0))
        return slices[0], slices[1], slices[2]

    def field(self, shape: Shape) -> tuple[tuple[slice, slice, slice], Floats]:
        """Evaluate a shape's field and return it behind its window.

        Outside the shape the field of one with parts is only right in sign.
        """
        window = self.window(shape)
        parts = shape.parts()
        if len(parts) == 1:
            return window, shape.field(*(axis[window] for axis in self.coordinates))
        field = np.full(self.hu[window].shape, FAR, np.float32)
        for part in parts:
            inner = self.window(part)
            own = part.field(*(axis[inner] for axis in self.coordinates))
            there = tuple(
                slice(small.start - large.start, small.stop - large.start)
                for small, large in zip(inner, window, strict=True)
            )
            np.minimum(field[there], own, out=field[there])
        return window, field

    def paint(
        self, shape: Shape, hu: float, label: int = 0, within: NDArray[np.bool_] | None = None
    ) -> None:
        """Fill a shape: its voxels take a Hounsfield value and a label, whatever was there.

        Args:
            shape: what to fill.
            hu: Hounsfield units.
            label: label value, 0 for none.
            within: paint only where this mask of the whole volume is true.
        """
        window, field = self.field(shape)
        inside = field < 0
        if within is not None:
            inside &= within[window]
        self.hu[window][inside] = hu
        self.labels[window][inside] = label

    def paint_layered(
        self, shape: Shape, rim: float, core: float, thickness: float, label: int = 0
    ) -> None:
        """Fill a shape with a core and a rim of some mm around it, as a bone or a kidney has."""
        window, field = self.field(shape)
        inside = field < 0
        self.hu[window][inside] = np.where(field[inside] < -thickness, core, rim)
        self.labels[window][inside] = label


def paint_couch(canvas: Canvas, rng: Generator, grid: Grid, body: NDArray[np.bool_]) -> None:
    """Lay the body on a flat or curved couch, in three of five cases."""
    r, a, _ = np.meshgrid(*grid.axes(), indexing="ij", sparse=True)
    sag, width, height = rng.uniform(0, 0.0012), rng.uniform(150, 220), rng.uniform(-8, 0)
    board, skin = rng.uniform(-900, -780), rng.uniform(-400, -100)
    if rng.random() < 0.6 and body.any():
        back = grid.axes()[1][np.flatnonzero(body.any(axis=(0, 2)))[0]]
        depth = np.broadcast_to(a - np.float32(back + height + sag * r**2), body.shape)
        free = ~body & (np.abs(r) < width)
        canvas.hu[free & (np.abs(depth + 6) < 6)] = board
        canvas.hu[free & (np.abs(depth) < 1.6)] = skin


def finish(
    canvas: Canvas,
    grid: Grid,
    rng: Generator,
    names: Sequence[str],
    *,
    body: NDArray[np.bool_],
    unevenness: float,
    texture: float,
    blur: float,
    noise: float,
    grain: float,
) -> Phantom:
    """Turn a painted canvas into a CT: uneven tissue, partial volume, correlated noise.

    Args:
        canvas: what was painted.
        grid: its grid.
        rng: source of the noise.
        names: structure names in label order.
        body: where tissue is uneven.
        unevenness: standard deviation of tissue over centimetres, HU.
        texture: standard deviation of tissue over millimetres, HU.
        blur: standard deviation of the point spread, mm.
        noise: standard deviation of the noise, HU.
        grain: correlation length of the noise, mm.

    Returns:
        The phantom, in LPS.
    """
    tissue = np.float32(unevenness) * smooth_field(rng, grid, 24.0)
    tissue += np.float32(texture) * smooth_field(rng, grid, 8.0)
    hu = canvas.hu + tissue * body
    hu = smeared(hu, grid, blur)
    speckle = smeared(rng.standard_normal(hu.shape, np.float32), grid, grain)
    hu += speckle * np.float32(noise / max(float(speckle.std()), 1e-6))
    hu = np.clip(np.rint(hu), -1000, 3071).astype(np.int16)
    return Phantom(_to_sitk(hu, grid), _to_sitk(canvas.labels, grid), tuple(names))


def _to_sitk(volume: NDArray[np.int16] | NDArray[np.uint8], grid: Grid) -> SimpleITK.Image:
    """Turn an array along R, A, S into an LPS image with identity direction."""
    image = SimpleITK.GetImageFromArray(np.ascontiguousarray(volume[::-1, ::-1].transpose(2, 1, 0)))
    image.SetSpacing(grid.spacing)
    r, a, s = grid.axes()
    image.SetOrigin((-float(r[-1]), -float(a[-1]), float(s[0])))
    return image
