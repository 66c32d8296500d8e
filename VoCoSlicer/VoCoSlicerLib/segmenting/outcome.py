"""How a run goes on and how it ended, for whoever started it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Protocol

import slicer

from VoCoSlicerLib.scene.measures import StructureMeasure


class End(Enum):
    """How a run ended."""

    DONE = "done"
    CANCELLED = "cancelled"
    FAILED = "failed"


@dataclass(frozen=True)
class Progress:
    """How far a run is.

    Attributes:
        share: of the whole run, 0 to 1.
        what: the step, for the user.
        seconds_left: of this volume, or None.
    """

    share: float
    what: str
    seconds_left: float | None = None


@dataclass(frozen=True)
class ItemResult:
    """What was found in one volume.

    Attributes:
        title: of the volume.
        rows: what was measured of each structure.
        provenance: what computed it.
    """

    title: str
    rows: list[StructureMeasure]
    provenance: Mapping[str, Any]


@dataclass
class Outcome:
    """What a run left.

    Attributes:
        end: how it ended.
        message: why it did not end well, empty if it did.
        detail: a traceback or the end of the worker's log, may be empty.
        nodes: the nodes that hold the results.
        results: what was found, a volume each.
        notes: what the worker remarked.
        failures: a sentence for each volume that could not be segmented.
        seconds: how long it took.
    """

    end: End = End.DONE
    message: str = ""
    detail: str = ""
    nodes: list[slicer.vtkMRMLNode] = field(default_factory=list)
    results: list[ItemResult] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    seconds: float = 0.0


class Listener(Protocol):
    """Whoever wants to know about a run; called in the main thread."""

    def progress(self, progress: Progress) -> None:
        """The run goes on."""

    def note(self, text: str) -> None:
        """Something the user should know while it goes on."""

    def ended(self, outcome: Outcome) -> None:
        """The run is over, whatever way; called once."""
