"""Icons have the size that Slicer shows, and a thumbnail belongs to the sample."""

import struct
from pathlib import Path

import pytest

from Testing.slicer.extension.places import RESOURCES, ROOT

ICONS = [ROOT / "Resources/VoCo.png", RESOURCES / "Icons/VoCoSlicer.png"]


def png_header(path: Path) -> tuple[int, int, int]:
    """Width, height and colour type (6 is RGB with transparency)."""
    data = path.read_bytes()
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    width, height, _, colour = struct.unpack(">IIBB", data[16:26])
    return width, height, colour


@pytest.mark.parametrize("path", ICONS, ids=lambda path: path.name)
def test_icons_are_128_pixels_wide_and_transparent(path: Path):
    assert png_header(path) == (128, 128, 6)


def test_extension_and_module_share_their_icon():
    assert ICONS[0].read_bytes() == ICONS[1].read_bytes()


def test_the_thumbnail_has_the_shape_of_slicers_buttons():
    width, height, _ = png_header(RESOURCES / "Icons/VoCoHeadNeckPhantom.png")

    assert (width, height) == (192, 128)
