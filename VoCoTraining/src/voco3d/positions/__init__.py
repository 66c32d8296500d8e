"""Where a crop lies in the body, as a network sees it: VoCo's own pretext as a tool."""

from voco3d.positions.checking import VolumeCheck, check_volume
from voco3d.positions.finding import FoundPlace, PlaceFinder
from voco3d.positions.opened import OpenVolume
from voco3d.positions.positioner import Positioner
from voco3d.positions.results import Bases, CropPosition, PositionReport

__all__ = [
    "Bases",
    "CropPosition",
    "FoundPlace",
    "OpenVolume",
    "PlaceFinder",
    "PositionReport",
    "Positioner",
    "VolumeCheck",
    "check_volume",
]
