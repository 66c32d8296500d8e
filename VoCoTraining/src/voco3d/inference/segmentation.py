"""The segmentation of one image on its own grid."""

from pathlib import Path

import numpy as np
import SimpleITK as sitk

from voco3d.data import check_image
from voco3d.data.preprocessing import array_to_image, labels_on_image, to_network
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

    Raises:
        VoCoError: If the model or the device cannot be used.
    """

    def __init__(self, model: str | Path | Model = DEFAULT, device: str = "auto") -> None:
        self.model = model if isinstance(model, Model) else find_model(model)
        if not self.model.segments:
            raise VoCoError(
                f"The model {self.model.name} is an encoder without a segmentation head: "
                "fine-tune it first, or choose a model that segments."
            )
        if self.model.network.in_channels != 1:
            raise VoCoError(
                f"The model {self.model.name} takes {self.model.network.in_channels} channels, "
                "but one image has one."
            )
        self.device = choose_device(device)
        self.network = self.model.load()[0].to(self.device)

    def __call__(
        self,
        image: sitk.Image,
        *,
        overlap: float | None = None,
        classes: list[str] | None = None,
        progress: Progress = silent,
    ) -> sitk.Image:
        """Segment an image.

        Args:
            image: Scalar 3-D CT in HU, of any orientation and spacing.
            overlap: Share by which windows overlap; by default the model's.
            classes: Names of the structures wanted; all by default. The others become
                background.
            progress: Told after every window; an exception from it stops the work.

        Returns:
            Label map (uint8) on the image's own grid; label k is the model's k-th structure.

        Raises:
            VoCoError: If the image cannot be segmented, or an option is out of range.
        """
        check_image(image)
        wanted = choose(self.model.structures, classes)
        overlap = self.model.overlap if overlap is None else overlap
        if not 0 <= overlap < 1:
            raise VoCoError(f"The overlap must be from 0 to below 1, but it is {overlap}.")
        volume = to_network(image, self.model.preprocessing)
        probabilities = class_probabilities(
            self.network, volume.array, self.model.window, overlap, self.device, progress
        )
        labels = labels_on_image(probabilities, volume, image)
        labels[~np.isin(labels, list(wanted))] = 0
        result = array_to_image(labels, image)
        return largest_components(result) if self.model.largest_component else result


def segment(
    image: sitk.Image,
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
