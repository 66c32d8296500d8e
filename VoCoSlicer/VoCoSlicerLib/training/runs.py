"""The jobs that this user has started, also in an earlier Slicer."""

from pathlib import Path
from typing import Protocol

from VoCoSlicerLib.errors import VoCoSlicerError
from VoCoSlicerLib.training.jobs import Job


class Store(Protocol):
    """Keeps folders between two sessions, such as Slicer's settings."""

    def load(self) -> list[str]:
        """The folders that were saved last; none at first."""

    def save(self, folders: list[str]) -> None:
        """Keep these folders in place of the others."""


class KnownRuns:
    """The list of jobs, the newest first.

    Args:
        store: Keeps their folders.
    """

    def __init__(self, store: Store) -> None:
        self.store = store

    def jobs(self) -> list[Job]:
        """The jobs whose folders are there; those of a drive that is away come back with it."""
        jobs = []
        for folder in self.store.load():
            try:
                jobs.append(Job(Path(folder)))
            except VoCoSlicerError:
                continue
        return jobs

    def add(self, job: Job) -> None:
        """Put a job first."""
        folder = str(job.folder)
        self.store.save([folder, *(other for other in self.store.load() if other != folder)])

    def forget(self, job: Job) -> None:
        """Take a job off the list; its folder stays."""
        self.store.save([other for other in self.store.load() if other != str(job.folder)])
