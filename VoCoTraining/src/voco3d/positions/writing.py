"""Positions as files: everything as JSON, crops and overlaps as CSV, pictures as PNG."""

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

import voco3d
from voco3d.metrics.tables import Row, finite, make_folder, write_rows
from voco3d.positions.results import CropPosition, PositionReport
from voco3d.positions.summary import summarise
from voco3d.positions.sweep import Sweep
from voco3d.writing import write_aside, write_json

JSON, CROPS, OVERLAPS, MAP = "positions.json", "crops.csv", "overlaps.csv", "errors.csv"
PICTURES = ("crops.png", "similarity.png", "errors.png")
FILES = (JSON, CROPS, OVERLAPS, MAP, *PICTURES)

OVERLAP_COLUMNS = ("crop", "base", "overlap", "predicted", "difference")


def write_positions(
    folder: Path, report: PositionReport, sweep: Sweep, pictures: Mapping[str, bytes]
) -> None:
    """Write a report, the sweep behind its error map, and the pictures into a folder.

    Args:
        folder: Made where it is absent.
        report: Crops and bases.
        sweep: Crops all over the volume.
        pictures: PNGs by file name.

    Raises:
        VoCoError: If a file cannot be written.
    """
    make_folder(folder)
    content = {
        "voco3d": voco3d.__version__,
        **report.to_plain(),
        "summary": finite(summarise(report.crops)),
        "sweep": {"shape": sweep.shape, **finite(summarise(sweep.crops))},
    }
    crops, swept = (
        [crop_row(number, crop) for number, crop in enumerate(part, start=1)]
        for part in (report.crops, sweep.crops)
    )
    overlaps = [
        row for number, crop in enumerate(report.crops, start=1) for row in base_rows(number, crop)
    ]
    columns = list(crops[0])
    files: dict[str, Callable[[Path], None]] = {
        JSON: partial(write_json, values=content),
        CROPS: partial(write_rows, rows=crops, columns=columns),
        OVERLAPS: partial(write_rows, rows=overlaps, columns=OVERLAP_COLUMNS),
        MAP: partial(write_rows, rows=swept, columns=columns),
        **{name: partial(_write_bytes, data=data) for name, data in pictures.items()},
    }
    for name, write in files.items():
        write_aside(folder / name, write)


def crop_row(number: int, crop: CropPosition) -> Row:
    """One crop as a line of a table; places are RAS mm."""
    nowhere = (float("nan"),) * 3
    return {
        "crop": number,
        **_columns("centre", crop.centre),
        **_columns("predicted", crop.place or nowhere),
        "distance_mm": float("nan") if crop.distance is None else crop.distance,
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


def _columns(name: str, place: tuple[float, ...]) -> Row:
    return {f"{name}_{side}": value for side, value in zip("ras", place, strict=True)}


def _write_bytes(path: Path, data: bytes) -> None:
    path.write_bytes(data)
