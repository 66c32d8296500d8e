"""The data list that fine-tuning reads, from the cases of a data set."""

import os
from pathlib import Path
from typing import Any

from voco3d.errors import VoCoError
from voco3d.presets.checking import Report
from voco3d.presets.finding import Case
from voco3d.presets.splitting import Split


def data_list(report: Report, parts: Split, place: Path) -> dict[str, Any]:
    """The content of a ``dataset.json``.

    Args:
        report: What there is.
        parts: Cases of each part.
        place: Folder in which the list will lie; paths count from there.

    Raises:
        VoCoError: If the images are slices, which are no volumes yet.
    """
    if report.layout.slices:
        raise VoCoError(
            "The scans are folders of slices, which training does not read: make them volumes "
            "with `voco data stack` first."
        )
    preset = report.preset
    return {
        "name": preset.title,
        "reference": preset.source,
        "licence": preset.licence,
        "channel_names": {str(i): channel for i, channel in enumerate(preset.channels)},
        **_meaning(report),
        **{part: [_entry(case, place) for case in cases] for part, cases in parts.items()},
    }


def _meaning(report: Report) -> dict[str, Any]:
    """What the values of label maps, or the classes of whole images, are called."""
    labels = report.labels
    if labels is None:
        return {"categories": list(report.preset.categories)}
    values = {
        name: list(members) if labels.written else members[0]
        for name, members in labels.members.items()
    }
    regions = {"regions_class_order": list(labels.written)} if labels.written else {}
    return {"labels": {"background": 0, **values}, **regions}


def _entry(case: Case, place: Path) -> dict[str, Any]:
    images = [_from(place, image) for image in case.images]
    return {
        "image": images[0] if len(images) == 1 else images,
        **({} if case.label is None else {"label": _from(place, case.label)}),
        **({} if case.category is None else {"class": case.category}),
        "patient": case.patient,
    }


def _from(place: Path, path: Path) -> str:
    return Path(os.path.relpath(path, place.absolute())).as_posix()
