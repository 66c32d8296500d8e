"""What is said about crops and bases, as plain values."""

from dataclasses import asdict, dataclass
from typing import Any, Literal

Point = tuple[float, float, float]
"""A place in RAS mm."""

Embedding = Literal["projector", "encoder"]


@dataclass(frozen=True)
class CropPosition:
    """What is true of a crop, and what the network says of it.

    Attributes:
        asked: The centre that was asked for, RAS mm.
        centre: The centre of the crop, RAS mm: as near to ``asked`` as a crop of whole voxels
            inside the grid can be.
        overlaps: Share y of the crop that lies in each base; they sum to 1.
        predicted: Predicted overlap l with each base, from 0 to 1: the cosine of two embeddings,
            0 where it is negative.
        differences: d = abs(y - l) of each base (Equation 2).
        loss: L_pred of this crop, the mean of -log(1 - d) over the bases (Equation 3).
        chosen: Number, from 1, of the base with the highest predicted overlap.
        right: Whether no base overlaps the crop more than the chosen one.
        place: Centre of the bases weighted with their predicted overlaps, RAS mm; None if all
            are 0.
        distance: From ``place`` to ``centre`` in mm; None if there is no place.
    """

    asked: Point
    centre: Point
    overlaps: tuple[float, ...]
    predicted: tuple[float, ...]
    differences: tuple[float, ...]
    loss: float
    chosen: int
    right: bool
    place: Point | None
    distance: float | None

    def to_plain(self) -> dict[str, Any]:
        """The values for JSON."""
        return asdict(self)


@dataclass(frozen=True)
class Bases:
    """The bases of a volume: where they lie, and how alike they look to the network.

    Base k (from 1) is ``centres[k - 1]``; z runs fastest, then y, then x. All have the same size
    and axes, as every crop of the volume does.

    Attributes:
        counts: Bases along the volume's x, y, z.
        voxels: Sides of a base in voxels of the prepared volume.
        size: Sides of a base in mm.
        axes: Unit vectors of x, y, z in RAS, one a row: towards (roughly) right, anterior,
            superior.
        centres: Centre of each base, RAS mm.
        source: "own": cut from the volume itself; "reference": the model's mean over its training
            volumes.
        similarity: Cosine s_ij of each pair of bases, rows of the matrix (Equation 4).
        regularisation: L_reg, the mean of abs(s_ij) over the pairs i != j (Equation 5).
    """

    counts: tuple[int, int, int]
    voxels: tuple[int, int, int]
    size: tuple[float, float, float]
    axes: tuple[Point, Point, Point]
    centres: tuple[Point, ...]
    source: Literal["own", "reference"]
    similarity: tuple[tuple[float, ...], ...]
    regularisation: float

    def to_plain(self) -> dict[str, Any]:
        """The values for JSON."""
        return asdict(self)


@dataclass(frozen=True)
class PositionReport:
    """All that is said about some crops of a volume.

    Attributes:
        model: Name of the model.
        embedding: What is compared: the projector's output, or the encoder's pooled features
            where the model has no projector.
        notes: Sentences that a reader should see.
        bases: The bases.
        crops: The crops that were asked for.
    """

    model: str
    embedding: Embedding
    notes: tuple[str, ...]
    bases: Bases
    crops: tuple[CropPosition, ...]

    def to_plain(self) -> dict[str, Any]:
        """The values for JSON."""
        return asdict(self)
