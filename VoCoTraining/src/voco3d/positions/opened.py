"""An image whose bases are embedded: any number of its crops can be located."""

from collections.abc import Sequence
from typing import Literal

import numpy as np
import numpy.typing as npt
from torch import Tensor

from voco3d.errors import VoCoError
from voco3d.geometry import overlap_shares, random_starts
from voco3d.losses import absolute_similarity, position_logits, similarity
from voco3d.positions.crops import CropVolume
from voco3d.positions.encoder import CropEncoder
from voco3d.positions.measures import measure, point
from voco3d.positions.preparing import Prepared
from voco3d.positions.results import Bases, CropPosition, PositionReport
from voco3d.positions.sweep import Sweep, check_step, places_along
from voco3d.progress import Progress, silent


class OpenVolume(CropVolume):
    """What ``Positioner.open`` returns. Its bases stay in memory, so a further crop is quick.

    Attributes:
        bases: Where the bases lie and how alike they look.
        notes: Sentences that a reader should see.
    """

    def __init__(
        self,
        model: str,
        encoder: CropEncoder,
        prepared: Prepared,
        reference: bool,
        notes: tuple[str, ...],
        progress: Progress = silent,
    ) -> None:
        super().__init__(encoder, prepared)
        self._model, self.notes = model, notes
        self._embedded: Tensor
        if reference and encoder.reference is not None:
            self._embedded = encoder.reference
        else:
            self._embedded = self.embed(self.grid.starts(), progress, "embedding bases")
        self.bases = self._describe("reference" if reference else "own")

    def locate(
        self, centres: npt.ArrayLike, progress: Progress = silent
    ) -> tuple[CropPosition, ...]:
        """True and predicted overlaps of crops.

        A crop is moved so that it lies on whole voxels and inside the grid; along an axis with one
        base there is one place only.

        Args:
            centres: Centres of the crops, RAS mm, ``(crop, 3)``.
            progress: Told after every batch; an exception from it stops the work.

        Raises:
            VoCoError: If a centre is not three finite numbers or lies outside the image.
        """
        asked = self.checked(centres)
        return self._locate(asked, self.starts_at(asked), progress)

    def locate_random(
        self, count: int, seed: int = 0, progress: Progress = silent
    ) -> tuple[CropPosition, ...]:
        """``locate`` for crops at random, anywhere inside the grid.

        Raises:
            VoCoError: If ``count`` is below 1.
        """
        if count < 1:
            raise VoCoError(f"Ask for 1 random crop or more, not {count}.")
        starts = random_starts(self.grid, count, np.random.default_rng(seed))
        return self._locate(self.centres_of(starts), starts, progress)

    def sweep(self, step: float = 0.5, progress: Progress = silent) -> Sweep:
        """``locate`` for crops all over the volume.

        Args:
            step: Distance of neighbouring crops as a share of a crop, above 0 up to 1.
            progress: Told after every batch; an exception from it stops the work.

        Raises:
            VoCoError: If the step is out of range.
        """
        check_step(step)
        places = [
            places_along(count, side, step)
            for count, side in zip(self.grid.counts, self.grid.crop, strict=True)
        ]
        starts = np.stack(np.meshgrid(*places, indexing="ij"), axis=-1).reshape(-1, 3)
        crops = self._locate(self.centres_of(starts), starts, progress)
        return Sweep(crops, places, self.grid, self.frame)

    def report(self, crops: Sequence[CropPosition]) -> PositionReport:
        """Everything about these crops of this volume."""
        return PositionReport(
            self._model, self._encoder.embedding, self.notes, self.bases, tuple(crops)
        )

    def _locate(
        self,
        asked: npt.NDArray[np.float64],
        starts: npt.NDArray[np.int64],
        progress: Progress,
    ) -> tuple[CropPosition, ...]:
        embedded = self.embed(starts, progress)
        predicted = position_logits(embedded[None], self._embedded[None])[0].cpu().numpy()
        overlaps = overlap_shares(self.grid.boxes_at(starts), self.grid.boxes())
        centres = self.centres_of(starts)
        bases = np.array(self.bases.centres)
        return tuple(
            measure(point(a), point(c), y, p, bases)
            for a, c, y, p in zip(asked, centres, overlaps, predicted, strict=True)
        )

    def _describe(self, source: Literal["own", "reference"]) -> Bases:
        sides = np.array(self.grid.crop) * self.frame.spacing
        x, y, z = (point(axis) for axis in self.frame.axes.T)
        matrix = similarity(self._embedded[None], self._embedded[None])[0].cpu().double()
        return Bases(
            self.grid.counts,
            self.grid.crop,
            point(sides),
            (x, y, z),
            tuple(map(point, self.centres_of(self.grid.starts()))),
            source,
            tuple(tuple(row) for row in matrix.tolist()),
            float(absolute_similarity(self._embedded[None])),
        )
