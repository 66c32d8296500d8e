"""The segmentation of one image on its own grid."""

import warnings
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import SimpleITK as sitk
from torch import nn

from voco3d.data import check_image
from voco3d.data.preprocessing import Probabilities, labels_on_image, on_image, to_network
from voco3d.errors import VoCoError
from voco3d.inference.components import largest_components
from voco3d.inference.device import choose_device
from voco3d.inference.memory import free_unused, is_out_of_memory, main_memory
from voco3d.inference.region import Part, Region, cut_to_region
from voco3d.inference.sliding_window import class_probabilities, sum_bytes
from voco3d.inference.stepping_down import Way, Window, smaller_window, step_down
from voco3d.models import DEFAULT, Model, find_model
from voco3d.models.structures import choose
from voco3d.progress import Progress, silent

Note = Callable[[str], object]
"""Takes a sentence to show."""

TOO_LITTLE_MEMORY = (
    "Memory does not suffice for this image and model: close other programs, choose a region of "
    "interest, or use a machine with more memory."
)


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
        self.network = network or self.model.load()[0]

    def window(self, small: bool) -> Window:
        """Sides of the windows in voxels: the model's.

        Args:
            small: About half of them, where the network takes such windows.
        """
        smaller = smaller_window(self.network, self.model.window) if small else None
        return smaller or self.model.window

    def __call__(
        self,
        image: sitk.Image | Sequence[sitk.Image],
        *,
        overlap: float | None = None,
        small_windows: bool = False,
        classes: list[str] | None = None,
        region: Region | None = None,
        progress: Progress = silent,
        note: Note = warnings.warn,
    ) -> sitk.Image:
        """Segment an image.

        Args:
            image: Scalar 3-D image, of any orientation and spacing; a CT in HU. For a model of
                several channels one image each, in the model's order, on one grid.
            overlap: Share by which windows overlap; by default the model's.
            small_windows: See ``window``: less memory, at some cost in quality.
            classes: Names of the structures wanted; all by default. The others become
                background.
            region: Only it is computed; the rest becomes background.
            progress: Told after every window and every class; an exception from it stops the
                work.
            note: Told, in a sentence, when memory ran out and the work goes on with less.

        Returns:
            Label map (uint8) on the (first) image's own grid; label k is the model's k-th
            structure, or what its regions say.

        Raises:
            VoCoError: If the image cannot be segmented, an option is out of range, the region
                holds no voxel, or memory does not suffice in any way.
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
        part = Part.of(images[0], region)
        try:
            volume = to_network(images, self.model.preprocessing)
            cut = volume if region is None else cut_to_region(volume, region, self.model.window)
            if cut is None:
                return part.on_whole(np.zeros(part.image.GetSize(), np.uint8))
            way = Way(self.device, self.window(small_windows))
            probabilities = self._probabilities(cut.array, overlap, way, progress, note)
            classes_in_turn = _reporting(probabilities, progress)
            if regions is None:
                labels = labels_on_image(classes_in_turn, cut, part.image)
                values = set(wanted)
            else:
                labels = regions.labels_of(on_image(classes_in_turn, cut, part.image))
                values = {value for label in wanted for value in regions.members[label - 1]}
            labels[~np.isin(labels, list(values))] = 0
            result = part.on_whole(labels)
            return largest_components(result) if self.model.largest_component else result
        except (MemoryError, RuntimeError) as error:
            if not is_out_of_memory(error):
                raise
            raise VoCoError(TOO_LITTLE_MEMORY) from error

    def _probabilities(
        self,
        array: npt.NDArray[np.float32],
        overlap: float,
        way: Way,
        progress: Progress,
        note: Note,
    ) -> Probabilities:
        """Class probabilities (class, x, y, z), in the first way that memory suffices for."""
        own = way.window
        while True:
            try:
                self._check_room(array.shape[1:], way)
                return class_probabilities(
                    self.network.to(way.device),
                    array,
                    way.window,
                    overlap,
                    way.device,
                    progress,
                    overlapping=self.model.regions is not None,
                    dtype=way.dtype,
                )
            except (MemoryError, RuntimeError) as error:
                following = None
                if is_out_of_memory(error):
                    following = step_down(way, error, self.network, own)
                if following is None:
                    raise
            free_unused(way.device)
            note(f"Memory ran out: continuing with {following}.")
            way = following

    def _check_room(self, size: Sequence[int], way: Way) -> None:
        """Refuse a sum that cannot fit: a system that promises memory it lacks kills the process.

        Raises:
            MemoryError: If it is so.
        """
        needed = sum_bytes(size, self.model.network.out_channels, way.window, way.dtype)
        if needed > main_memory().available:
            raise MemoryError("the sum of the windows does not fit")

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


def _reporting(probabilities: Probabilities, progress: Progress) -> Iterator[Probabilities]:
    """One class after the other, each reported when the next is asked for."""
    for done, probability in enumerate(probabilities):
        progress(done, len(probabilities), "placing on the image")
        yield probability
    progress(len(probabilities), len(probabilities), "placing on the image")
