"""The segmentation of one image on its own grid."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import SimpleITK as sitk
from torch import nn

from voco3d.data import check_image
from voco3d.data.preprocessing import array_to_image, labels_on_image, on_image, to_network
from voco3d.errors import VoCoError
from voco3d.inference.components import largest_components
from voco3d.inference.device import choose_device
from voco3d.inference.sliding_window import class_probabilities
from voco3d.models import DEFAULT, Model, find_model
from voco3d.models.structures import choose
from voco3d.progress import Progress, silent


class Segmenter:
    """A model that is loaded once and segments any number of images.

    Args:
        model: Name of a model, a model folder, a checkpoint file, or a ``Model``.
        device: "auto", "cpu", "cuda" or "mps".
        network: The model's network, where it is in memory already; by default it is loaded.

    Raises:
        VoCoError: If the model or the device cannot be used.
    """

    def __init__(
        self,
        model: str | Path | Model = DEFAULT,
        device: str = "auto",
        network: nn.Module | None = None,
    ) -> None:
        self.model = model if isinstance(model, Model) else find_model(model)
        if self.model.categories:
            raise VoCoError(
                f"The model {self.model.name} classifies whole images: choose a model that "
                "segments."
            )
        if not self.model.segments:
            raise VoCoError(
                f"The model {self.model.name} is an encoder without a segmentation head: "
                "fine-tune it first, or choose a model that segments."
            )
        self.device = choose_device(device)
        self.network = (network or self.model.load()[0]).to(self.device)

    def __call__(
        self,
        image: sitk.Image | Sequence[sitk.Image],
        *,
        overlap: float | None = None,
        classes: list[str] | None = None,
        progress: Progress = silent,
    ) -> sitk.Image:
        """Segment an image.

        Args:
            image: Scalar 3-D image, of any orientation and spacing; a CT in HU. For a model of
                several channels one image each, in the model's order, on one grid.
            overlap: Share by which windows overlap; by default the model's.
            classes: Names of the structures wanted; all by default. The others become
                background.
            progress: Told after every window; an exception from it stops the work.

        Returns:
            Label map (uint8) on the (first) image's own grid; label k is the model's k-th
            structure, or what its regions say.

        Raises:
            VoCoError: If the image cannot be segmented, or an option is out of range.
        """
        images = [image] if isinstance(image, sitk.Image) else list(image)
        self.check_channels(len(images))
        for channel in images:
            check_image(channel)
        wanted = choose(self.model.structures, classes)
        overlap = self.model.overlap if overlap is None else overlap
        if not 0 <= overlap < 1:
            raise VoCoError(f"The overlap must be from 0 to below 1, but it is {overlap}.")
        regions = self.model.regions
        volume = to_network(images, self.model.preprocessing)
        probabilities = class_probabilities(
            self.network,
            volume.array,
            self.model.window,
            overlap,
            self.device,
            progress,
            overlapping=regions is not None,
        )
        if regions is None:
            labels = labels_on_image(probabilities, volume, images[0])
            values = set(wanted)
        else:
            labels = regions.labels_of(on_image(probabilities, volume, images[0]))
            values = {value for label in wanted for value in regions.members[label - 1]}
        labels[~np.isin(labels, list(values))] = 0
        result = array_to_image(labels, images[0])
        return largest_components(result) if self.model.largest_component else result

    def check_channels(self, count: int) -> None:
        """Refuse another number of images than the model has channels.

        Raises:
            VoCoError: If they differ.
        """
        self.model.check_channels(count)


def segment(
    image: sitk.Image | Sequence[sitk.Image],
    model: str | Path | Model = DEFAULT,
    *,
    device: str = "auto",
    overlap: float | None = None,
    classes: list[str] | None = None,
    progress: Progress = silent,
) -> sitk.Image:
    """Segment one image: load a model and call it; see ``Segmenter``.

    Example:
        >>> labels = segment(sitk.ReadImage("ct.nii.gz"), model="headneck-oar")
    """
    return Segmenter(model, device)(image, overlap=overlap, classes=classes, progress=progress)
