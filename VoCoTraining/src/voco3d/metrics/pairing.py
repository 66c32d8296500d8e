"""Which prediction belongs to which reference: files of the same name, whatever their ending."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from voco3d.data.lists import ENDINGS, SEGMENTATION
from voco3d.errors import VoCoError

SHOWN = 5
"""How many names an error message lists."""


@dataclass(frozen=True)
class Pair:
    """The two label maps of a case."""

    case: str
    predicted: Path
    reference: Path


@dataclass(frozen=True)
class Pairing:
    """The label maps of all cases.

    Attributes:
        pairs: Sorted by case.
        without_prediction: Names of references that have no prediction.
        without_reference: Names of predictions that have no reference.
    """

    pairs: tuple[Pair, ...]
    without_prediction: tuple[str, ...] = ()
    without_reference: tuple[str, ...] = ()


def pair(predictions: Path, references: Path, allow_missing: bool = False) -> Pairing:
    """Pair two files, or the label maps in two folders (not in subfolders) by their names.

    Args:
        predictions: File or folder.
        references: File or folder.
        allow_missing: Leave out what has no counterpart.

    Raises:
        VoCoError: If a path does not exist, one is a file and the other a folder, both are the
            same, a name appears twice in a folder, or something has no counterpart and that is
            not allowed; nothing pairs up at all.
    """
    for path in (predictions, references):
        if not path.exists():
            raise VoCoError(f"{path} does not exist: give a label map or a folder of label maps.")
    if predictions.samefile(references):
        raise VoCoError(f"{predictions} was given as prediction and as reference: give two.")
    if predictions.is_dir() != references.is_dir():
        raise VoCoError(
            f"{predictions} and {references} do not pair up: give two files or two folders."
        )
    if references.is_file():
        return Pairing((Pair(case_name(references), predictions, references),))
    predicted, wanted = _label_maps(predictions), _label_maps(references)
    pairing = Pairing(
        tuple(Pair(c, predicted[c], wanted[c]) for c in sorted(predicted.keys() & wanted.keys())),
        tuple(sorted(wanted.keys() - predicted.keys())),
        tuple(sorted(predicted.keys() - wanted.keys())),
    )
    if not pairing.pairs:
        raise VoCoError(
            f"No label map in {predictions} is called like one in {references}: name each "
            "prediction as its reference."
        )
    if not allow_missing and (pairing.without_prediction or pairing.without_reference):
        raise VoCoError(
            f"{unpaired(pairing)}: add or remove files, or leave these out with --allow-missing."
        )
    return pairing


def unpaired(pairing: Pairing) -> str:
    """What has no counterpart, in words; empty where all have one."""
    parts = (
        (pairing.without_prediction, "reference", "prediction"),
        (pairing.without_reference, "prediction", "reference"),
    )
    return ", and ".join(
        f"{len(names)} {what}{'s have' if len(names) > 1 else ' has'} no {other} ({listed(names)})"
        for names, what, other in parts
        if names
    )


def listed(names: Iterable[str]) -> str:
    """The first few names, in words."""
    names = list(names)
    more = [f"and {len(names) - SHOWN} more"] if len(names) > SHOWN else []
    return ", ".join(names[:SHOWN] + more)


def case_name(path: Path) -> str:
    """A file's name without the ending of an image format."""
    lower = path.name.lower()
    ending = next((e for e in (SEGMENTATION, *ENDINGS) if lower.endswith(e)), "")
    return path.name[: len(path.name) - len(ending)]


def _label_maps(folder: Path) -> dict[str, Path]:
    found: dict[str, Path] = {}
    for file in sorted(folder.iterdir()):
        if file.name.startswith(".") or not file.name.lower().endswith(ENDINGS):
            continue
        other = found.setdefault(case_name(file), file)
        if other != file:
            raise VoCoError(f"{folder} has both {other.name} and {file.name}: keep one of them.")
    return found
