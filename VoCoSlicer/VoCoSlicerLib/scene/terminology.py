"""Standard terminology on segments, which DICOM SEG export writes without asking."""

import re
from typing import NamedTuple

ALGORITHM_TYPE = "DICOM.SegmentAlgorithmType"
ALGORITHM_NAME = "DICOM.SegmentAlgorithmName"
"""Tags that the export writes into the DICOM object; a name must be there unless MANUAL."""

LONGEST_NAME = 64
"""Characters in a DICOM long string, which the algorithm's name is."""


class Code(NamedTuple):
    """A coded concept: scheme, value, meaning."""

    scheme: str
    value: str
    meaning: str


def parse_entry(entry: str) -> tuple[Code, Code, Code | None] | None:
    """Category, type and modifier of a terminology entry, as Slicer writes it in a tag."""
    codes = [_code(part) for part in entry.split("~")[1:4]]
    if len(codes) < 3 or codes[0] is None or codes[1] is None:
        return None
    return codes[0], codes[1], codes[2]


def _code(part: str) -> Code | None:
    values = part.split("^")
    return Code(*values) if len(values) == 3 and all(values) else None


def algorithm_tags(model: str) -> dict[str, str]:
    """The tags of a segment that a model made.

    DICOM forbids backslashes and control characters in a name, segmentation files ``|``.
    """
    name = re.sub(r"[|\\\x00-\x1f]", " ", f"VoCo {model}")[:LONGEST_NAME]
    return {ALGORITHM_TYPE: "AUTOMATIC", ALGORITHM_NAME: name}
