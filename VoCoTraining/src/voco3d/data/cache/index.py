"""What a cache holds: ``index.json``, and a journal of what a running build has added.

A build appends a line a volume to the journal, since writing the whole index after each of many
thousand volumes would take longer than making them. When it ends, the index is written beside its
place and moved there, and the journal is removed. If it was killed, the journal is still there.
"""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, fields
from functools import partial
from pathlib import Path
from typing import Any, TextIO

from voco3d.data.volume import VolumeSettings
from voco3d.errors import VoCoError
from voco3d.writing import write_aside, write_json

FORMAT = "voco3d cache"
VERSION = 1
INDEX = "index.json"
JOURNAL = "journal.jsonl"

Stamp = tuple[int, int]
"""Bytes of an image's files, and when they last changed in ns."""


@dataclass(frozen=True)
class CachedVolume:
    """One volume of a cache.

    Attributes:
        name: The source's name.
        part: "training" or "validation".
        sources: Its image files or DICOM folders, one a channel.
        sha256: Hash of each source's bytes.
        stamps: Size and time of each source.
        shape: Of the array: (channel, x, y, z).
        spacing: Voxel size along x, y, z in mm.
        origin: Centre of the first voxel in the world (LPS, mm).
        direction: Direction cosines of the axes as columns, row by row (LPS).
        file: The file with the voxels, below the cache's folder.
        bytes: Size of that file.
    """

    name: str
    part: str
    sources: tuple[Path, ...]
    sha256: tuple[str, ...]
    stamps: tuple[Stamp, ...]
    shape: tuple[int, int, int, int]
    spacing: tuple[float, float, float]
    origin: tuple[float, float, float]
    direction: tuple[float, ...]
    file: str
    bytes: int

    def to_json(self) -> dict[str, Any]:
        """The volume's entry as JSON values."""
        return {**asdict(self), "sources": [str(path) for path in self.sources]}

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> "CachedVolume":
        """The volume that ``to_json`` wrote.

        Raises:
            KeyError: If a value is missing.
        """
        entry = {field.name: values[field.name] for field in fields(cls)}
        entry = {k: tuple(v) if isinstance(v, list) else v for k, v in entry.items()}
        entry["sources"] = tuple(map(Path, entry["sources"]))
        entry["stamps"] = tuple(map(tuple, entry["stamps"]))
        return cls(**entry)


@dataclass(frozen=True)
class Index:
    """The settings that all volumes of a cache were made with, and the volumes by name."""

    settings: VolumeSettings
    volumes: dict[str, CachedVolume]


def has_index(folder: Path) -> bool:
    """Whether a folder is a cache."""
    return (folder / INDEX).is_file()


def read_index(folder: Path) -> Index:
    """Read what a cache holds, with what an unfinished build has added.

    Raises:
        VoCoError: If the folder is no cache, or one that this version cannot read.
    """
    path = folder / INDEX
    if not path.is_file():
        raise VoCoError(f"{folder} is not a training cache: make one with `voco cache build`.")
    unreadable = VoCoError(
        f"{path} is damaged: build the cache again with --overwrite, or in another folder."
    )
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        if content["format"] != FORMAT:
            raise unreadable
        if content["version"] != VERSION:
            raise VoCoError(
                f"{folder} is a cache of format version {content['version']}, and this voco reads "
                f"version {VERSION}: build it again with --overwrite, or in another folder."
            )
        settings = VolumeSettings.from_json(content["settings"])
        entries = [CachedVolume.from_json(entry) for entry in content["volumes"]]
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise unreadable from error
    volumes = {volume.name: volume for volume in (*entries, *_read_journal(folder))}
    return Index(settings, volumes)


def write_index(folder: Path, index: Index) -> None:
    """Write the index beside its place and move it there; then the journal is obsolete.

    Raises:
        VoCoError: If it cannot be written; then the older index and the journal stay.
    """
    volumes = sorted(index.volumes.values(), key=lambda volume: volume.name)
    content = {
        "format": FORMAT,
        "version": VERSION,
        "settings": index.settings.to_json(),
        "volumes": [volume.to_json() for volume in volumes],
    }
    write_aside(folder / INDEX, partial(write_json, values=content))
    (folder / JOURNAL).unlink(missing_ok=True)


@dataclass(frozen=True)
class Journal:
    """Takes one volume after the other."""

    stream: TextIO

    def add(self, volume: CachedVolume) -> None:
        """Append a volume, so that it outlives the build.

        Raises:
            OSError: If it cannot be written.
        """
        self.stream.write(json.dumps(volume.to_json()) + "\n")
        self.stream.flush()


@contextmanager
def open_journal(folder: Path) -> Iterator[Journal]:
    """A new journal, which stays until the index is written.

    Raises:
        VoCoError: If it cannot be written.
    """
    path = folder / JOURNAL
    try:
        with path.open("w", encoding="utf-8") as stream:
            yield Journal(stream)
    except OSError as error:
        raise VoCoError(
            f"{path} cannot be written ({error.strerror}): free some space and build again; what "
            "is cached stays."
        ) from error


def _read_journal(folder: Path) -> list[CachedVolume]:
    """The journal's volumes; its last line may have been cut off by what ended the build."""
    try:
        lines = (folder / JOURNAL).read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return []
    volumes = []
    for line in lines:
        try:
            volumes.append(CachedVolume.from_json(json.loads(line)))
        except (ValueError, KeyError, TypeError):
            break
    return volumes
