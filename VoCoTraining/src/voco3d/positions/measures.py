"""What follows from the true and the predicted overlaps of one crop."""

import numpy as np
import numpy.typing as npt
import torch

from voco3d.losses import entropy_loss
from voco3d.positions.results import CropPosition, Point

Floats = npt.NDArray[np.float64]


def predicted_place(predicted: Floats, bases: Floats) -> Floats | None:
    """The centre of the bases, weighted with the predicted overlaps.

    With the true overlaps it is the crop's own centre, wherever the crop lies inside the grid.

    Args:
        predicted: Predicted overlaps ``(base,)``, none negative.
        bases: The bases' centres ``(base, 3)``.

    Returns:
        ``(3,)``; None if every predicted overlap is 0.
    """
    total = predicted.sum()
    return predicted @ bases / total if total > 0 else None


def measure(
    asked: Point, centre: Point, overlaps: npt.ArrayLike, predicted: npt.ArrayLike, bases: Floats
) -> CropPosition:
    """All that is said about a crop.

    Args:
        asked: The centre asked for, RAS mm.
        centre: The crop's centre, RAS mm.
        overlaps: True overlaps y ``(base,)``.
        predicted: Predicted overlaps l ``(base,)``, from 0 to 1.
        bases: The bases' centres ``(base, 3)``, RAS mm.
    """
    y = np.asarray(overlaps, dtype=np.float64)
    l = np.asarray(predicted, dtype=np.float64)  # noqa: E741
    chosen = int(l.argmax())
    place = predicted_place(l, bases)
    loss = entropy_loss(torch.from_numpy(l)[None, None], torch.from_numpy(y)[None, None])
    return CropPosition(
        asked,
        centre,
        tuple(y.tolist()),
        tuple(l.tolist()),
        tuple(np.abs(y - l).tolist()),
        loss.item(),
        chosen + 1,
        bool(y[chosen] == y.max()),
        None if place is None else point(place),
        None if place is None else float(np.linalg.norm(place - np.array(centre))),
    )


def point(values: npt.ArrayLike) -> Point:
    """Three numbers as plain floats."""
    x, y, z = (np.asarray(values, dtype=np.float64) + 0.0).tolist()  # no -0.0
    return (x, y, z)
