"""Where a segment comes from, in tags that `.mrb` and `.seg.nrrd` files keep."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, unquote

import slicer
import vtk

PREFIX = "VoCo."
OWNER = "VoCo.segment"
"""The tag with the segment's own identifier: a copy of the segment has another identifier."""


@dataclass(frozen=True)
class Provenance:
    """What computed a segment.

    Attributes:
        model: Name of the model.
        structure: The model's name of the structure; the segment's own name may differ.
        hash: SHA-256 of the weights.
        versions: Version by package.
        date: ISO date and time, UTC.
        device: Where it was computed.
        overlap: Overlap of neighbouring windows.
    """

    model: str
    structure: str
    hash: str
    versions: Mapping[str, str]
    date: str
    device: str
    overlap: float | None

    @classmethod
    def of_result(cls, provenance: Mapping[str, Any], structure: str) -> "Provenance":
        """What the worker says about one structure."""
        return cls(
            provenance["model"],
            structure,
            provenance["hash"],
            dict(provenance["versions"]),
            provenance["date"],
            provenance["device"],
            provenance["overlap"],
        )

    def tags(self) -> dict[str, str]:
        """The fields as tags; segmentation files cannot hold ``|`` or line ends in them."""
        values = {
            "model": self.model,
            "structure": self.structure,
            "hash": self.hash,
            "versions": json.dumps(dict(self.versions)),
            "date": self.date,
            "device": self.device,
            "overlap": json.dumps(self.overlap),
        }
        return {PREFIX + key: quote(value, safe=' {}":;,+()') for key, value in values.items()}


def tag_of(segment: slicer.vtkSegment, key: str) -> str | None:
    """The value of a segment's tag; None without it."""
    value = vtk.reference("")
    return str(value) if segment.GetTag(key, value) else None


def provenance_of(segment: slicer.vtkSegment) -> Provenance | None:
    """What computed a segment; None for a segment that no model made."""
    return _from_tags({key: tag_of(segment, PREFIX + key) for key in Provenance.__annotations__})


def provenance_of_node(node: slicer.vtkMRMLSegmentationNode) -> Provenance | None:
    """The last computation that went into a segmentation; its ``structure`` is empty."""
    values = {key: node.GetAttribute(PREFIX + key) for key in Provenance.__annotations__}
    return _from_tags({**values, "structure": ""})


def _from_tags(tags: Mapping[str, str | None]) -> Provenance | None:
    values = {key: unquote(value) for key, value in tags.items() if value is not None}
    if values.keys() != Provenance.__annotations__.keys():
        return None
    return Provenance(
        values["model"],
        values["structure"],
        values["hash"],
        json.loads(values["versions"]),
        values["date"],
        values["device"],
        json.loads(values["overlap"]),
    )
