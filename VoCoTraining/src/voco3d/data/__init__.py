"""Reading images and bringing them onto a network's grid."""

from voco3d.data.images import check_image, read_image
from voco3d.data.preprocessing import Preprocessing

__all__ = ["Preprocessing", "check_image", "read_image"]
