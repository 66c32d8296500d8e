"""Positions as files: everything as JSON, crops and overlaps as CSV, pictures as PNG."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path

import voco3d
from voco3d.metrics.tables import Row, finite, make_folder, write_rows
from voco3d.positions.results import CropPosition, PositionReport
from voco3d.positions.summary import summarise
from voco3d.positions.sweep import Sweep
from voco3d.writing import write_json, write_together

JSON, CROPS, OVERLAPS, MAP = "positions.json", "crops.csv", "overlaps.csv", "errors.csv"
PICTURES = ("crops.png", "similarity.png", "errors.png")
FILES = (JSON, CROPS, OVERLAPS, MAP, *PICTURES)

OVERLAP_COLUMNS = ("crop", "base", "overlap", "predicted", "difference")


def write_positions(
    folder: Path,
    report: PositionReport,
    sweep: Sweep | None,
    pictures: Mapping[str, bytes],
    ready: Callable[[], None] | None = None,
) -> tuple[str, ...]:
    """Write a report, the sweep behind its error map, and the pictures into a folder.

    Args:
        folder: Made where it is absent.
        report: Crops, at least one, and bases.
        sweep: Crops all over the volume; None for no error map.
        pictures: PNGs by file name.
        ready: Called when all is written beside its place; an exception from it leaves no file.

    Returns:
        The names of the files.

    Raises:
        VoCoError: If a file cannot be written.
    """
    make_folder(folder)
    content = {
        "voco3d": voco3d.__version__,
        **report.to_plain(),
        "summary": finite(summarise(report.crops)),
    }
    crops = _crop_rows(report.crops)
    columns = list(crops[0])
    overlaps = [
        row for number, crop in enumerate(report.crops, start=1) for row in base_rows(number, crop)
    ]
    files: dict[str, Callable[[Path], None]] = {
        JSON: partial(write_json, values=content),
        CROPS: partial(write_rows, rows=crops, columns=columns),
        OVERLAPS: partial(write_rows, rows=overlaps, columns=OVERLAP_COLUMNS),
        **{name: partial(_write_bytes, data=data) for name, data in pictures.items()},
    }
    if sweep is not None:
        content["sweep"] = {"shape": sweep.shape, **finite(summarise(sweep.crops))}
        files[MAP] = partial(write_rows, rows=_crop_rows(sweep.crops), columns=columns)
    write_together({folder / name: write for name, write in files.items()}, ready)
    return tuple(files)


def _crop_rows(crops: Sequence[CropPosition]) -> list[Row]:
    return [crop_row(number, crop) for number, crop in enumerate(crops, start=1)]


def crop_row(number: int, crop: CropPosition) -> Row:
    """One crop as a line of a table; places are RAS mm, None where no place is predicted."""
    return {
        "crop": number,
        **_columns("centre", crop.centre),
        **_columns("predicted", crop.place or (None,) * 3),
        "distance_mm": crop.distance,
        "base": crop.chosen,
        "true_base": max(range(len(crop.overlaps)), key=crop.overlaps.__getitem__) + 1,
        "right": int(crop.right),
        "loss": crop.loss,
    }


def base_rows(number: int, crop: CropPosition) -> list[Row]:
    """True and predicted overlaps of a crop, a line a base, by ``OVERLAP_COLUMNS``."""
    values = zip(crop.overlaps, crop.predicted, crop.differences, strict=True)
    return [
        dict(zip(OVERLAP_COLUMNS, (number, base, *row), strict=True))
        for base, row in enumerate(values, start=1)
    ]


def _columns(name: str, place: tuple[float | None, ...]) -> Row:
    return {f"{name}_{side}": value for side, value in zip("ras", place, strict=True)}


def _write_bytes(path: Path, data: bytes) -> None:
    path.write_bytes(data)
