"""To which category a whole image belongs."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import SimpleITK as sitk
import torch
from torch import nn

from voco3d.data import check_image
from voco3d.data.preprocessing import to_network
from voco3d.inference.device import choose_device
from voco3d.models import Model, find_model


class ImageClassifier:
    """A model that is loaded once and classifies any number of images.

    Args:
        model: Name of a model, a model folder, or a ``Model``.
        device: "auto", "cpu", "cuda" or "mps".
        network: The model's network, where it is in memory already; by default it is loaded.

    Raises:
        VoCoError: If the model does not classify, or it or the device cannot be used.
    """

    def __init__(
        self, model: str | Path | Model, device: str = "auto", network: nn.Module | None = None
    ) -> None:
        self.model = model if isinstance(model, Model) else find_model(model)
        self.device = choose_device(device)
        self.network = (network or self.model.load_classifier()).to(self.device)

    @torch.inference_mode()
    def __call__(self, image: sitk.Image | Sequence[sitk.Image]) -> npt.NDArray[np.float64]:
        """Classify an image.

        Args:
            image: Scalar 3-D image, of any orientation and spacing; a CT in HU. For a model of
                several channels one image each, in the model's order, on one grid.

        Returns:
            The probability of each of the model's categories, ``(category,)``; they sum to 1.

        Raises:
            VoCoError: If the image cannot be classified.
        """
        images = [image] if isinstance(image, sitk.Image) else list(image)
        self.model.check_channels(len(images))
        for channel in images:
            check_image(channel)
        volume = to_network(images, self.model.preprocessing)
        logits = self.network(torch.from_numpy(volume.array)[None].to(self.device))
        probabilities: npt.NDArray[np.float64] = logits[0].double().softmax(dim=0).cpu().numpy()
        return probabilities


def classify(
    image: sitk.Image | Sequence[sitk.Image], model: str | Path | Model, *, device: str = "auto"
) -> dict[str, float]:
    """The probability of each category of an image, by its name; see ``ImageClassifier``.

    Example:
        >>> classify(sitk.ReadImage("ct.nii.gz"), model="RUN/model")
    """
    classifier = ImageClassifier(model, device)
    return dict(zip(classifier.model.categories, classifier(image).tolist(), strict=True))
