"""The module `ctk` of Slicer's Python: the classes on `names/ctk.txt`."""

import types
from typing import Any

from .manners import wrapper_type
from .names import allowed_names
from .widgets_ctk import CTK_CLASSES


class CtkModule(types.ModuleType):
    """Gives the classes on the list, and no others."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        if name not in allowed_names("ctk"):
            raise AttributeError(f"ctk.{name} is not on the list Testing/harness/names/ctk.txt")
        return wrapper_type(CTK_CLASSES[name])
