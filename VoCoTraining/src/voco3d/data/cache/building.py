"""Building a cache: every source once, in parallel, going on where an earlier build stopped."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from voco3d.data.cache.index import (
    CachedVolume,
    Index,
    has_index,
    open_journal,
    read_index,
    write_index,
)
from voco3d.data.cache.making import VOLUMES, Made, make_volume, updated
from voco3d.data.cache.sources import has_stamps
from voco3d.data.cache.workers import workers
from voco3d.data.lists import Source
from voco3d.data.volume import VolumeSettings
from voco3d.errors import VoCoError
from voco3d.progress import Progress, silent


@dataclass
class BuildReport:
    """What a build did, by the names of the sources.

    Attributes:
        cached: Read and written.
        reused: Cached before, and unchanged since.
        skipped: Left out, with the reason.
        dropped: Cached before, and no longer among the sources.
    """

    cached: list[str] = field(default_factory=list)
    reused: list[str] = field(default_factory=list)
    skipped: dict[str, str] = field(default_factory=dict)
    dropped: list[str] = field(default_factory=list)


def build_cache(
    sources: Sequence[Source],
    folder: Path,
    settings: VolumeSettings,
    *,
    count: int | None = None,
    scheduler: str | None = None,
    overwrite: bool = False,
    progress: Progress = silent,
) -> BuildReport:
    """Bring a cache up to date with its sources.

    What is cached already and unchanged is kept; what changed is made anew; what is no longer
    among the sources is dropped. A source that cannot be used is skipped and reported. A build
    that is stopped or killed goes on when it is run again.

    Args:
        sources: The volumes, as ``find_sources`` gives them.
        folder: The cache; made if it is not there.
        settings: What is done to every volume.
        count: Processes on this machine; by default one a core.
        scheduler: Address of a dask scheduler, whose workers are used instead. They must see the
            data and the cache under the same paths.
        overwrite: Replace a cache that was made with other settings or by another version.
        progress: Told of every source.

    Raises:
        VoCoError: If the folder holds a cache of other settings or another version, or other
            things; if a file cannot be written; or if the workers fail.
    """
    folder = folder.absolute()
    index = _begin(folder, settings, overwrite)
    report = BuildReport()
    names = {source.name for source in sources}
    report.dropped = [name for name in index.volumes if name not in names]
    kept = {name: volume for name, volume in index.volumes.items() if name in names}
    new = []
    for source in sources:
        known = kept.get(source.name)
        if known is not None and not _is_whole(folder, known):
            known = None
            del kept[source.name]
        if known is not None and has_stamps(known, source.images):
            kept[source.name] = updated(known, source, known.stamps)
            report.reused.append(source.name)
        else:
            new.append((source, known))
    index = Index(settings, kept)
    write_index(folder, index)
    progress(len(report.reused), len(sources), "caching")
    if new:
        _make(new, folder, index, report, count, scheduler, progress)
        write_index(folder, index)
    _remove_unused(folder, index)
    return report


def remove_unfinished(folder: Path) -> None:
    """Remove files of a cache that a build was writing when it was stopped."""
    for part in (*folder.glob(".part-*"), *(folder / VOLUMES).glob(".part-*")):
        part.unlink(missing_ok=True)


def _begin(folder: Path, settings: VolumeSettings, overwrite: bool) -> Index:
    """The index to go on from; nothing is written into a folder that is no cache."""
    is_cache = has_index(folder)
    try:
        if not is_cache and folder.exists():
            others = {path.name for path in folder.iterdir()} - {VOLUMES}
            if any(not name.startswith(".") for name in others):
                raise VoCoError(f"{folder} holds other things: choose a new folder for the cache.")
        (folder / VOLUMES).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise VoCoError(f"The cache {folder} cannot be made: {error.strerror}.") from error
    if not is_cache or overwrite:
        return Index(settings, {})
    index = read_index(folder)
    if index.settings != settings:
        old, new = index.settings.to_json(), settings.to_json()
        differences = ", ".join(
            f"{k} {old[k]} instead of {new[k]}" for k in new if old[k] != new[k]
        )
        raise VoCoError(
            f"{folder} was made with other settings ({differences}): choose another folder, or say "
            "--overwrite to replace it."
        )
    return index


def _is_whole(folder: Path, volume: CachedVolume) -> bool:
    try:
        return (folder / volume.file).stat().st_size == volume.bytes
    except OSError:
        return False


def _make(
    new: Sequence[tuple[Source, CachedVolume | None]],
    folder: Path,
    index: Index,
    report: BuildReport,
    count: int | None,
    scheduler: str | None,
    progress: Progress,
) -> None:
    settled = {index.volumes[name].sha256: name for name in report.reused}
    before = len(report.reused)
    with workers(count, scheduler) as executor, open_journal(folder) as journal:
        futures = [
            executor.submit(make_volume, source, index.settings, folder, known)
            for source, known in new
        ]
        for done, ((source, _), future) in enumerate(zip(new, futures, strict=True), start=1):
            made = future.result()
            if made.volume is not None:
                first = settled.setdefault(made.volume.sha256, source.name)
                if first != source.name:
                    made = Made(None, reason=f"It is the same image as {first}.")
            if made.volume is None:
                index.volumes.pop(source.name, None)
                report.skipped[source.name] = made.reason
            else:
                index.volumes[source.name] = made.volume
                journal.add(made.volume)
                (report.reused if made.reused else report.cached).append(source.name)
            progress(before + done, before + len(new), "caching")


def _remove_unused(folder: Path, index: Index) -> None:
    """Remove the files of changed and dropped sources, and what a killed build left."""
    used = {folder / volume.file for volume in index.volumes.values()}
    for file in (folder / VOLUMES).iterdir():
        if file not in used:
            file.unlink(missing_ok=True)
