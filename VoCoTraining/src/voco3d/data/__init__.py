"""Reading images and bringing them onto a network's grid."""

from voco3d.data.images import check_image, read_image
from voco3d.data.lists import Source, find_sources
from voco3d.data.preprocessing import Preprocessing
from voco3d.data.volume import Volume, VolumeSettings, to_volume

__all__ = [
    "Preprocessing",
    "Source",
    "Volume",
    "VolumeSettings",
    "check_image",
    "find_sources",
    "read_image",
    "to_volume",
]
