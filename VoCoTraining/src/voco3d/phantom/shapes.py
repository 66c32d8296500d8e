"""Solid shapes in millimetres: the vocabulary in which an anatomy is written.

A shape has a box and a field. The field is negative inside, zero on the surface and close to the
distance in millimetres around it. Points are (R, A, S): towards the patient's right, front, head.
"""

# Box, field and parts are documented once, in Shape.
# ruff: noqa: D102

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Vector = NDArray[np.float64]
Point = Sequence[float] | Vector


class Shape(ABC):
    """A solid with a bounding box and a field that is negative inside."""

    @abstractmethod
    def box(self) -> tuple[Vector, Vector]:
        """Return the lowest and the highest (R, A, S) corner that the shape can reach, in mm."""

    @abstractmethod
    def field(self, r: Floats, a: Floats, s: Floats) -> Floats:
        """Evaluate the signed, distance-like value in mm at every point."""

    def parts(self) -> Sequence[Shape]:
        """Split into shapes whose union this is, each to evaluate in its own, smaller box."""
        return (self,)


@dataclass(frozen=True)
class Ellipsoid(Shape):
    """An ellipsoid.

    Attributes:
        center: (R, A, S) in mm.
        radii: half axes in mm.
        boxy: squared up towards a box (the fourth power instead of the second).
        lean: mm that the middle moves forward for each mm towards the head.
    """

    center: Point
    radii: Point
    boxy: bool = False
    lean: float = 0.0

    def box(self) -> tuple[Vector, Vector]:
        reach = np.array(self.radii, float)
        reach[1] += abs(self.lean) * reach[2]
        return np.asarray(self.center) - reach, np.asarray(self.center) + reach

    def field(self, r: Floats, a: Floats, s: Floats) -> Floats:
        middle = np.asarray(self.center, np.float32)
        up = s - middle[2]
        forward = a - middle[1]
        if self.lean:
            forward -= np.float32(self.lean) * up
        total: Floats | None = None
        for offset, radius in zip((r - middle[0], forward, up), self.radii, strict=True):
            offset *= np.float32(1 / radius)
            offset *= offset
            if self.boxy:
                offset *= offset
            total = offset if total is None else total + offset
        assert total is not None, "a shape has three axes"
        root: Floats = np.sqrt(total)
        if self.boxy:
            root = np.sqrt(root)
        root -= 1
        root *= min(self.radii)
        return root


@dataclass(frozen=True)
class Tube(Shape):
    """A tube along a polyline, its radius interpolated between the points.

    Attributes:
        points: (R, A, S) of each point in mm.
        radii: radius at each point in mm, or one for all.
        stretch: factor by which the cross-section is stretched along R, A and S.
    """

    points: Sequence[Point] | Vector
    radii: float | Sequence[float] | Vector
    stretch: Point = (1.0, 1.0, 1.0)

    def _radii(self) -> Vector:
        return np.broadcast_to(np.asarray(self.radii, float), (len(self.points),))

    def box(self) -> tuple[Vector, Vector]:
        points = np.asarray(self.points, float)
        reach = self._radii()[:, None] * np.asarray(self.stretch)
        return (points - reach).min(0), (points + reach).max(0)

    def parts(self) -> Sequence[Shape]:
        radii = self._radii()
        return [
            Tube(self.points[k : k + 2], radii[k : k + 2].tolist(), self.stretch)
            for k in range(len(self.points) - 1)
        ]

    def field(self, r: Floats, a: Floats, s: Floats) -> Floats:
        axes = (r, a, s)
        stretch = np.asarray(self.stretch, np.float32)
        points = np.asarray(self.points, np.float32) / stretch
        radii = self._radii().astype(np.float32)
        nearest: Floats | None = None
        for start, way, radius, widening in zip(
            points, np.diff(points, axis=0), radii, np.diff(radii), strict=False
        ):
            axis_steps = way / (way @ way + np.float32(1e-6))
            along = np.full_like(r, -(start @ axis_steps))
            for axis, step, factor in zip(axes, axis_steps, stretch, strict=True):
                if step:
                    along += axis * (step / factor)
            np.clip(along, 0, 1, out=along)
            square = np.zeros_like(r)
            for axis, origin, step, factor in zip(axes, start, way, stretch, strict=True):
                offset = axis / factor if factor != 1 else axis.copy()
                offset -= origin
                if step:
                    offset -= along * step
                offset *= offset
                square += offset
            distance = np.sqrt(square, out=square)
            distance -= radius
            if widening:
                along *= widening
                distance -= along
            nearest = distance if nearest is None else np.minimum(nearest, distance, out=nearest)
        assert nearest is not None, "a tube has two points or more"
        return nearest


@dataclass(frozen=True)
class Stack(Shape):
    """Ellipses stacked along S on a straight axis.

    Attributes:
        center: (R, A) of the axis in mm.
        heights: S of the given ellipses in mm, rising.
        radii: their half axes along R in mm; interpolated between them, and nothing beyond.
        flatness: the half axis along A for one along R.
    """

    center: tuple[float, float]
    heights: Sequence[float]
    radii: Sequence[float]
    flatness: float = 1.0

    def box(self) -> tuple[Vector, Vector]:
        widest = max(self.radii)
        reach = np.array((widest, widest * self.flatness))
        middle = np.array(self.center)
        return (
            np.append(middle - reach, self.heights[0]),
            np.append(middle + reach, self.heights[-1]),
        )

    def field(self, r: Floats, a: Floats, s: Floats) -> Floats:
        offset = (a - np.float32(self.center[1])) * np.float32(1 / self.flatness)
        radius = np.interp(s, self.heights, self.radii).astype(np.float32)
        sides = np.hypot(r - np.float32(self.center[0]), offset) - radius
        low, high = np.float32(self.heights[0]), np.float32(self.heights[-1])
        solid: Floats = np.maximum(sides, np.maximum(low - s, s - high))
        return solid


@dataclass(frozen=True)
class Union(Shape):
    """Several shapes as one, their seams rounded over `blend` mm."""

    shapes: Sequence[Shape]
    blend: float = 0.0

    def box(self) -> tuple[Vector, Vector]:
        lows, highs = zip(*(shape.box() for shape in self.shapes), strict=True)
        return np.min(lows, 0) - self.blend, np.max(highs, 0) + self.blend

    def parts(self) -> Sequence[Shape]:
        if self.blend:
            return (self,)
        return [part for shape in self.shapes for part in shape.parts()]

    def field(self, r: Floats, a: Floats, s: Floats) -> Floats:
        merged = self.shapes[0].field(r, a, s)
        for shape in self.shapes[1:]:
            other = shape.field(r, a, s)
            if self.blend:
                near = np.clip(np.float32(self.blend) - np.abs(merged - other), 0, None)
                merged = np.minimum(merged, other) - near * near * np.float32(0.25 / self.blend)
            else:
                merged = np.minimum(merged, other)
        return merged


@dataclass(frozen=True)
class Above(Shape):
    """The part of a shape above the plane s = height + slope * a."""

    shape: Shape
    height: float
    slope: float = 0.0

    def box(self) -> tuple[Vector, Vector]:
        return self.shape.box()

    def field(self, r: Floats, a: Floats, s: Floats) -> Floats:
        plane = np.float32(self.height) + np.float32(self.slope) * a - s
        upper: Floats = np.maximum(self.shape.field(r, a, s), plane)
        return upper


@dataclass(frozen=True)
class Grown(Shape):
    """A shape with its surface moved outwards by `by` mm (inwards where negative)."""

    shape: Shape
    by: float

    def box(self) -> tuple[Vector, Vector]:
        low, high = self.shape.box()
        return low - self.by, high + self.by

    def parts(self) -> Sequence[Shape]:
        return [Grown(part, self.by) for part in self.shape.parts()] if self.by > 0 else (self,)

    def field(self, r: Floats, a: Floats, s: Floats) -> Floats:
        return self.shape.field(r, a, s) - np.float32(self.by)


@dataclass(frozen=True)
class Common(Shape):
    """What several shapes have in common."""

    shapes: Sequence[Shape]

    def box(self) -> tuple[Vector, Vector]:
        lows, highs = zip(*(shape.box() for shape in self.shapes), strict=True)
        return np.max(lows, 0), np.min(highs, 0)

    def field(self, r: Floats, a: Floats, s: Floats) -> Floats:
        shared = self.shapes[0].field(r, a, s)
        for shape in self.shapes[1:]:
            shared = np.maximum(shared, shape.field(r, a, s))
        return shared


@dataclass(frozen=True)
class Without(Shape):
    """A shape less others."""

    shape: Shape
    others: Sequence[Shape]

    def box(self) -> tuple[Vector, Vector]:
        return self.shape.box()

    def field(self, r: Floats, a: Floats, s: Floats) -> Floats:
        kept = self.shape.field(r, a, s)
        for other in self.others:
            kept = np.maximum(kept, -other.field(r, a, s))
        return kept
