"""A model that is loaded once and locates crops of any number of images."""

from collections.abc import Sequence
from pathlib import Path

import SimpleITK as sitk
from torch import Tensor

from voco3d.data import check_image
from voco3d.errors import VoCoError
from voco3d.geometry import BaseGrid
from voco3d.inference.device import choose_device
from voco3d.models import Model, find_model
from voco3d.positions.encoder import CropEncoder
from voco3d.positions.opened import OpenVolume
from voco3d.positions.preparing import Prepared, prepare, settings_for
from voco3d.progress import Progress, silent


class Positioner:
    """A model that is loaded once and locates crops of any number of images.

    Any model with an encoder will do. Without a projector (models that segment, the authors'
    released SSL heads) the pooled features of the encoder are compared, and the results say so.

    Args:
        model: Name of a model, a model folder, a checkpoint file, or a ``Model``.
        device: "auto", "cpu", "cuda" or "mps".

    Example:
        >>> volume = Positioner("headneck-voco").open(sitk.ReadImage("ct.nii.gz"))
        >>> volume.locate([[10.0, -20.0, 35.0]])[0].to_plain()  # RAS mm
        >>> volume.report(volume.locate_random(8)).to_plain()

    Raises:
        VoCoError: If the model or the device cannot be used.
    """

    def __init__(self, model: str | Path | Model, device: str = "auto") -> None:
        self.model = model if isinstance(model, Model) else find_model(model)
        self.encoder = CropEncoder(self.model, choose_device(device))

    def open(
        self,
        image: sitk.Image | Sequence[sitk.Image],
        *,
        counts: tuple[int, int, int] | None = None,
        reference: bool = False,
        progress: Progress = silent,
    ) -> OpenVolume:
        """Prepare an image and embed its bases, once.

        Args:
            image: Scalar 3-D image, of any orientation and spacing; a CT in HU. For a model of
                several channels one image each, in the model's order, on one grid.
            counts: Bases along x, y and z; by default the model's.
            reference: Compare with the model's reference bases (the mean over its training
                volumes) instead of the image's own.
            progress: Told after every batch of bases; an exception from it stops the work.

        Raises:
            VoCoError: If the image cannot be used, a count is below 1, or the model has no
                reference bases for these counts.
        """
        own = self.encoder.grid
        grid = own if counts is None else BaseGrid(counts, own.crop)
        if reference:
            self.reference(grid)
        prepared = self.prepare(image, grid)
        notes = self._notes(grid, prepared.covered)
        return OpenVolume(self.model.name, self.encoder, prepared, reference, notes, progress)

    def prepare(self, image: sitk.Image | Sequence[sitk.Image], grid: BaseGrid) -> Prepared:
        """Bring an image onto a base grid, without embedding anything.

        Raises:
            VoCoError: If the image cannot be used.
        """
        images = [image] if isinstance(image, sitk.Image) else list(image)
        self.model.check_channels(len(images))
        for channel in images:
            check_image(channel)
        return prepare(images, settings_for(self.encoder.volume, self.encoder.grid, grid), grid)

    def reference(self, grid: BaseGrid | None = None) -> Tensor:
        """The reference bases ``(n, width)``.

        Raises:
            VoCoError: If the model has none, or none for these counts.
        """
        if self.encoder.reference is None:
            raise VoCoError(
                f"The model {self.model.name} has no reference bases: choose one that pre-training "
                "made, or do without them."
            )
        if grid is not None and grid.counts != self.encoder.grid.counts:
            raise VoCoError(
                f"The reference bases of {self.model.name} are {_by(self.encoder.grid.counts)}, "
                f"not {_by(grid.counts)}: leave the grid or the reference out."
            )
        return self.encoder.reference

    def _notes(self, grid: BaseGrid, covered: float) -> tuple[str, ...]:
        notes = []
        if self.encoder.embedding == "encoder":
            notes.append(
                f"The model {self.model.name} has no projector: the pooled features of its encoder "
                "are compared, which were not trained to tell overlaps."
            )
        elif grid.counts != self.encoder.grid.counts:
            notes.append(
                f"The model {self.model.name} was trained with {_by(self.encoder.grid.counts)} "
                f"bases, not {_by(grid.counts)}."
            )
        if covered < 1:
            notes.append(f"The bases cover the middle {covered:.0%} of the body's box.")
        return tuple(notes)


def _by(counts: tuple[int, int, int]) -> str:
    return " x ".join(map(str, counts))
