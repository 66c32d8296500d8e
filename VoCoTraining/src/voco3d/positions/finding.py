"""The same place in another volume: a follow-up, or another patient."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import product
from typing import Any

import numpy as np
import numpy.typing as npt
import SimpleITK as sitk
import torch
from torch import Tensor

from voco3d.errors import VoCoError
from voco3d.geometry import BaseGrid
from voco3d.losses import similarity
from voco3d.positions.crops import CropVolume
from voco3d.positions.measures import point
from voco3d.positions.positioner import Positioner
from voco3d.positions.results import Point
from voco3d.positions.sweep import places_along
from voco3d.progress import Progress, silent

Floats = npt.NDArray[np.float64]
Starts = npt.NDArray[np.int64]

ALONG = 3
"""Crops along an axis on which a base spans the whole body: else there is one place only."""
FINE = 0.25
"""Distance of the crops of the fine sweep, as a share of a crop."""
REACH = 2
"""Crops of the fine sweep on each side of the best coarse one."""
SOFTNESS = 0.1
"""Similarity by which a crop of the fine sweep counts e times less than the best one."""


@dataclass(frozen=True)
class FoundPlace:
    """A place of one volume in another.

    Attributes:
        asked: In the first volume, RAS mm; of a box, its centre.
        place: The most similar place of the other volume, RAS mm; of a box, its centre.
        similarity: The highest cosine of a crop there with the crop around ``asked``; of a box,
            the mean over its centre and parts.
        relative: The place at the same share of the body's box, for comparison, RAS mm.
        box: The eight corners of the box around ``place``, RAS mm; None for a point.
    """

    asked: Point
    place: Point
    similarity: float
    relative: Point
    box: tuple[Point, ...] | None = None

    def to_plain(self) -> dict[str, Any]:
        """The values for JSON."""
        return asdict(self)


class PlaceFinder:
    """Two volumes, one of which is searched for places of the other.

    A crop around the place is compared with crops all over the other volume, half a crop apart,
    then with crops around the most similar one, a quarter of a crop apart. Of these the mean
    place, weighted by exp(similarity / ``SOFTNESS``), is the answer. Both volumes are cut to the
    body and spread over the same voxels.

    Args:
        positioner: The model.
        source: Image with the places; one for each channel of the model.
        target: Image that is searched.
        progress: Told in the course of the coarse sweep; an exception from it stops the work.

    Raises:
        VoCoError: If an image cannot be used.
    """

    def __init__(
        self,
        positioner: Positioner,
        source: sitk.Image | Sequence[sitk.Image],
        target: sitk.Image | Sequence[sitk.Image],
        progress: Progress = silent,
    ) -> None:
        own = positioner.encoder.grid
        x, y, z = (count if count > 1 else ALONG for count in own.counts)
        self.grid = BaseGrid((x, y, z), own.crop)
        self.source, self.target = (
            CropVolume(positioner.encoder, positioner.prepare(image, self.grid))
            for image in (source, target)
        )
        places = (
            places_along(count, side, 0.5)
            for count, side in zip(self.grid.counts, self.grid.crop, strict=True)
        )
        self._coarse = np.array(list(product(*places)))
        self._embedded = self.target.embed(self._coarse, progress, "sweeping the volume")
        self._known = dict(zip(map(tuple, self._coarse.tolist()), self._embedded, strict=True))

    def find(self, places: npt.ArrayLike, progress: Progress = silent) -> tuple[FoundPlace, ...]:
        """Find places of the source in the target.

        Args:
            places: RAS mm ``(place, 3)``.
            progress: Told after every place; an exception from it stops the work.

        Raises:
            VoCoError: If a place is not three finite numbers or lies outside the source.
        """
        asked = self.source.checked(places)
        found = []
        for one in self._finding(asked):
            found.append(one)
            progress(len(found), len(asked), "finding places")
        return tuple(found)

    def find_boxes(
        self, boxes: npt.ArrayLike, progress: Progress = silent
    ) -> tuple[FoundPlace, ...]:
        """Find boxes of the source in the target.

        The centre of a box and those of its eight parts are found as places are; the box moves by
        the median of their moves, which one part that is led astray does not change much, and
        keeps its sides and axes. Parts outside the source have no say.

        Args:
            boxes: Corners of each box, of any orientation, RAS mm ``(box, 8, 3)``.
            progress: Told after every box; an exception from it stops the work.

        Raises:
            VoCoError: If a box is not eight places of three finite numbers, or its centre lies
                outside the source.
        """
        corners = checked_boxes(boxes)
        self.source.checked(corners.mean(axis=1))
        found = []
        for box in corners:
            found.append(self._find_box(box))
            progress(len(found), len(corners), "finding boxes")
        return tuple(found)

    def _find_box(self, corners: Floats) -> FoundPlace:
        centre = corners.mean(axis=0)
        parts = (corners + centre) / 2
        found = list(self._finding(np.array([centre, *parts[self.source.inside(parts)]])))
        moved = np.median([np.subtract(one.place, one.asked) for one in found], axis=0)
        return replace(
            found[0],
            place=point(centre + moved),
            similarity=float(np.mean([one.similarity for one in found])),
            box=tuple(map(point, corners + moved)),
        )

    def _finding(self, asked: Floats) -> Iterator[FoundPlace]:
        """Find places ``(place, 3)`` one by one."""
        starts = self.source.starts_at(asked)
        wanted = self.source.embed(starts)
        for place, start, embedded in zip(asked, starts, wanted, strict=True):
            yield self._find(place, start, embedded)

    def _find(self, place: Floats, start: Starts, wanted: Tensor) -> FoundPlace:
        first = self._coarse[int(cosines(self._embedded, wanted).argmax())]
        fine = self.around(first)
        alike = cosines(self._embeddings(fine), wanted)
        mean = torch.softmax(alike / SOFTNESS, dim=0).cpu().double().numpy() @ fine
        voxels = self.source.frame.to_voxels(place)
        reached = np.clip(mean + (voxels - start), 0, self.grid.size)
        return FoundPlace(
            point(place),
            point(self.target.frame.to_ras(reached)),
            float(alike.max()),
            point(self.target.frame.to_ras(voxels)),
        )

    def _embeddings(self, starts: Starts) -> Tensor:
        """``(crop, width)`` of crops of the target; each is embedded once: places lie together."""
        wanted = list(map(tuple, starts.tolist()))
        missing = [start for start in wanted if start not in self._known]
        if missing:
            new = self.target.embed(np.array(missing))
            self._known.update(zip(missing, new, strict=True))
        return torch.stack([self._known[start] for start in wanted])

    def around(self, start: Starts) -> Starts:
        """First voxels ``(crop, 3)`` of the crops of the fine sweep around one."""
        steps = np.maximum(1, np.rint(np.array(self.grid.crop) * FINE).astype(np.int64))
        offsets = np.array(list(product(range(-REACH, REACH + 1), repeat=3)))
        starts = start + offsets * steps
        last = np.subtract(self.grid.size, self.grid.crop)
        return starts[((starts >= 0) & (starts <= last)).all(axis=1)]


def checked_boxes(boxes: npt.ArrayLike) -> Floats:
    """Corners of boxes as an array ``(box, 8, 3)``.

    Raises:
        VoCoError: If these are no eight places of three finite numbers a box.
    """
    try:
        corners = np.asarray(boxes, dtype=np.float64)
    except ValueError:
        corners = np.empty(0)
    if corners.ndim != 3 or corners.shape[1:] != (8, 3) or not np.isfinite(corners).all():
        raise VoCoError("A box must be its eight corners, three finite numbers each, in RAS mm.")
    return corners


def cosines(crops: Tensor, wanted: Tensor) -> Tensor:
    """The cosine of each crop ``(crop, width)`` with the one that is wanted ``(width,)``."""
    return similarity(crops[None], wanted[None, None])[0, :, 0]
