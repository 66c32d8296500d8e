"""SlicerVoCo's standalone package: segment CT volumes with VoCo networks.

``voco3d.segment(image, model="headneck-oar")`` takes and returns a ``SimpleITK.Image``.
"""

from typing import TYPE_CHECKING, Any

from voco3d.errors import VoCoError

if TYPE_CHECKING:
    from voco3d.inference import Segmenter, segment

__all__ = ["Segmenter", "VoCoError", "__version__", "segment"]
__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    """Import what needs torch only when it is used: the command line's help stays quick."""
    if name in ("Segmenter", "segment"):
        from voco3d import inference

        return getattr(inference, name)
    raise AttributeError(f"module 'voco3d' has no attribute {name!r}")
