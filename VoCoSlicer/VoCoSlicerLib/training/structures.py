"""Which segments of several segmentations are the same structure."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import slicer
from slicer.i18n import tr as _

from VoCoSlicerLib.errors import VoCoSlicerError

LARGEST = 255
"""``voco3d`` knows no larger label."""

TISSUE = "SCT^85756007"
"""The type that every segment has until somebody chooses another: it names no structure."""

Code = tuple[str, ...]


@dataclass(frozen=True)
class Structures:
    """The structures of several segmentations.

    Attributes:
        names: The name of each; its label is its place, counted from 1.
        labels: For each segmentation, the label of each of its segments, by segment ID.
    """

    names: tuple[str, ...]
    labels: tuple[dict[str, int], ...]


@dataclass(frozen=True)
class _Meaning:
    """What a segment says it is."""

    segment_id: str
    name: str
    code: Code | None

    @property
    def key(self) -> str:
        return self.name.casefold()


def common_structures(segmentations: Sequence[slicer.vtkMRMLSegmentationNode]) -> Structures:
    """Give each structure one label in all segmentations, in the order in which they appear.

    Segments are one structure where their names are the same, but for upper and lower case, or
    where they have the same terminology, unless a segmentation has two segments with it.

    Raises:
        VoCoSlicerError: A segmentation has two segments of one name, a name has different
            terminologies, there are no segments, or too many.
    """
    meanings = [_meanings(node) for node in segmentations]
    code_of_name = _codes(segmentations, meanings)
    shared = _ambiguous(meanings, code_of_name)
    numbers: dict[object, int] = {}
    names: list[str] = []
    labels = []
    for segments in meanings:
        own = {}
        for segment in segments:
            code = code_of_name.get(segment.key)
            identity = segment.key if code is None or code in shared else code
            if identity not in numbers:
                numbers[identity] = len(names) + 1
                names.append(segment.name)
            own[segment.segment_id] = numbers[identity]
        labels.append(own)
    if not names:
        raise VoCoSlicerError(_("The segmentations have no segments: draw some first."))
    if len(names) > LARGEST:
        raise VoCoSlicerError(
            _("There are {count} structures, and {most} at most can be trained.").format(
                count=len(names), most=LARGEST
            )
        )
    return Structures(tuple(names), tuple(labels))


def _meanings(node: slicer.vtkMRMLSegmentationNode) -> list[_Meaning]:
    segmentation = node.GetSegmentation()
    found = []
    for n in range(segmentation.GetNumberOfSegments()):
        segment = segmentation.GetNthSegment(n)
        name = " ".join(segment.GetName().split()) or segmentation.GetNthSegmentID(n)
        found.append(_Meaning(segmentation.GetNthSegmentID(n), name, _code(segment)))
    twice = [key for key, count in Counter(m.key for m in found).items() if count > 1]
    if twice:
        raise VoCoSlicerError(
            _("{node} has two segments called {name}: rename or merge them.").format(
                node=node.GetName(), name=next(m.name for m in found if m.key == twice[0])
            )
        )
    return found


def _code(segment: slicer.vtkSegment) -> Code | None:
    """Codes of category, type, region and their modifiers; None where they name no structure."""
    parts = segment.GetTerminology().split("~")
    if len(parts) < 4:
        return None
    # The first and the fifth say where the codes are listed
    codes = tuple("^".join(part.split("^")[:2]) for n, part in enumerate(parts) if n not in (0, 4))
    return None if codes[1] in ("^", "", TISSUE) else codes


def _codes(
    segmentations: Sequence[slicer.vtkMRMLSegmentationNode],
    meanings: Sequence[Sequence[_Meaning]],
) -> dict[str, Code]:
    """The terminology that each name has."""
    codes: dict[str, Code] = {}
    where: dict[str, str] = {}
    for node, segments in zip(segmentations, meanings, strict=True):
        for segment in segments:
            if segment.code is None:
                continue
            if codes.setdefault(segment.key, segment.code) != segment.code:
                raise VoCoSlicerError(
                    _(
                        "{name} has another terminology in {one} than in {other}: rename one of "
                        "them, or give both the same."
                    ).format(name=segment.name, one=where[segment.key], other=node.GetName())
                )
            where.setdefault(segment.key, node.GetName())
    return codes


def _ambiguous(meanings: Sequence[Sequence[_Meaning]], codes: dict[str, Code]) -> set[Code]:
    """The terminologies that two segments of one segmentation have."""
    counts = (Counter(codes[m.key] for m in segments if m.key in codes) for segments in meanings)
    return {code for counted in counts for code, count in counted.items() if count > 1}
