"""The same place in another volume: a follow-up, or another patient."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import product
from typing import Any

import numpy as np
import numpy.typing as npt
import SimpleITK as sitk
import torch
from torch import Tensor

from voco3d.geometry import BaseGrid
from voco3d.losses import similarity
from voco3d.positions.crops import CropVolume
from voco3d.positions.measures import point
from voco3d.positions.positioner import Positioner
from voco3d.positions.results import Point
from voco3d.positions.sweep import places_along
from voco3d.progress import Progress, silent

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
        asked: In the first volume, RAS mm.
        place: The most similar place of the other volume, RAS mm.
        similarity: The highest cosine of a crop there with the crop around ``asked``.
        relative: The place at the same share of the body's box, for comparison, RAS mm.
    """

    asked: Point
    place: Point
    similarity: float
    relative: Point

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
        starts = self.source.starts_at(asked)
        wanted = self.source.embed(starts)
        found = []
        for number, (place, start, embedded) in enumerate(zip(asked, starts, wanted, strict=True)):
            found.append(self._find(place, start, embedded))
            progress(number + 1, len(asked), "finding places")
        return tuple(found)

    def _find(self, place: npt.NDArray[np.float64], start: Starts, wanted: Tensor) -> FoundPlace:
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


def cosines(crops: Tensor, wanted: Tensor) -> Tensor:
    """The cosine of each crop ``(crop, width)`` with the one that is wanted ``(width,)``."""
    return similarity(crops[None], wanted[None, None])[0, :, 0]
