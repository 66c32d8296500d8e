"""How checkpoints get damaged."""

import zipfile
from pathlib import Path


def truncate(path: Path) -> None:
    """Take the end of a file away."""
    path.write_bytes(path.read_bytes()[:-1000])


def flip_a_bit(path: Path) -> None:
    """Change one bit in the middle of the largest entry of an archive."""
    content = bytearray(path.read_bytes())
    largest = max(zipfile.ZipFile(path).infolist(), key=lambda entry: entry.file_size)
    content[largest.header_offset + largest.file_size // 2] ^= 1
    path.write_bytes(content)
