"""Initialisations that have seen the images that their runs are judged on."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from voco3d.errors import VoCoError
from voco3d.metrics.leaks import check_leaks
from voco3d.metrics.pairing import listed
from voco3d.models import find_model


def leak_warnings(
    initialisations: Mapping[str, str | None], images: Sequence[Path], strict: bool
) -> dict[str, str]:
    """What is to be said, by name, of initialisations that are not known to be new to the images.

    Args:
        initialisations: Models by their name in the table; None for random weights.
        images: What the runs are judged on.
        strict: Refuse instead of warning.

    Raises:
        VoCoError: If ``strict`` and there is something to be said, or a model or an image cannot
            be read.
    """
    warnings: dict[str, str] = {}
    for name, init in initialisations.items():
        if init is None:
            continue
        model = find_model(init)
        # One by one: an image needs no name then by which it belongs to a case
        checks = [check_leaks(model, [image.name], [image]) for image in images]
        seen = [path.name for check in checks for path in check.trained]
        if seen:
            warnings[name] = (
                f"{name} was trained on {len(seen)} of the {len(images)} images that it is judged "
                f"on ({listed(seen)})"
            )
        elif not all(check.stated for check in checks):
            warnings[name] = f"{name} does not state what it was trained on"
    if warnings and strict:
        raise VoCoError(
            f"Refused, since {' and '.join(warnings.values())}: judge initialisations on images "
            "that they have not seen, or leave out strict."
        )
    return warnings
