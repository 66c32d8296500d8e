"""Names that exist in real Slicer: `<name> <file of the sources that defines it>`, one a line."""

from functools import cache
from pathlib import Path


@cache
def allowed_names(module: str) -> dict[str, str]:
    """The names of `qt`, `ctk` or `slicer`, each with the file that defines it."""
    lines = (Path(__file__).parent / f"{module}.txt").read_text().splitlines()
    return dict(line.split() for line in lines if line and not line.startswith("#"))
