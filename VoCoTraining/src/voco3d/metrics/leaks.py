"""Whether images that a model is judged on are among those that it was trained on."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from voco3d.data.cache.sources import sha256
from voco3d.data.images import series_in
from voco3d.errors import VoCoError
from voco3d.metrics.pairing import case_name
from voco3d.models import Model

CHANNEL = re.compile(r"_\d{4}$")
"""What nnU-Net appends to a case's name for each channel."""


UNSTATED_START = "unstated start"
"""Key of a card's ``training``: the model began as weights that do not say what they have seen."""


@dataclass(frozen=True)
class LeakCheck:
    """What is known about the cases' images.

    Attributes:
        trained: Images that the model was trained on.
        unknown: Cases that no image was given for.
        stated: Whether the model states all its training images.
    """

    trained: tuple[Path, ...]
    unknown: tuple[str, ...]
    stated: bool

    @property
    def clean(self) -> bool:
        """Whether all images are known not to be among the model's training images."""
        return self.stated and not (self.trained or self.unknown)


def check_leaks(model: Model, cases: Sequence[str], images: Sequence[Path]) -> LeakCheck:
    """Look for the cases' images among the model's training images, by hash.

    The hash is that of the file's bytes, or of all files of a DICOM folder: an image that was
    saved anew, or in another format, is not recognised.

    Args:
        model: Its card may list first digits of SHA-256 hashes as ``training["images"]``.
        cases: Names of the cases.
        images: Files, DICOM folders, and folders of such. An image belongs to the case that it is
            named after (``CASE`` or ``CASE_0000``); the only image of an only case needs no name.

    Raises:
        VoCoError: If an image cannot be read.
    """
    found = _images_of(cases, list(_each_image(images)))
    known = tuple(str(digits) for digits in model.card.training.get("images", ()) if digits)
    files = [file for paths in found.values() for file in paths]
    return LeakCheck(
        tuple(file for file in files if _hash(file).startswith(known)) if known else (),
        tuple(case for case, paths in found.items() if not paths),
        bool(known) and not model.card.training.get(UNSTATED_START, False),
    )


def _each_image(paths: Iterable[Path]) -> Iterable[Path]:
    for path in paths:
        if not path.exists():
            raise VoCoError(f"The image {path} does not exist: give image files or a folder.")
        if path.is_file() or series_in(path):
            yield path
        else:
            yield from sorted(entry for entry in path.iterdir() if not entry.name.startswith("."))


def _images_of(cases: Sequence[str], images: Sequence[Path]) -> dict[str, list[Path]]:
    if len(cases) == len(images) == 1:
        return {cases[0]: list(images)}
    found: dict[str, list[Path]] = {case: [] for case in cases}
    for image in images:
        name = case_name(image)
        case = name if name in found else CHANNEL.sub("", name)
        if case in found:
            found[case].append(image)
    return found


def _hash(image: Path) -> str:
    try:
        return sha256(image)
    except OSError as error:
        raise VoCoError(f"The image {image} cannot be read: {error.strerror}.") from error
