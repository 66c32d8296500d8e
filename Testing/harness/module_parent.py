"""The `parent` that a scripted module describes itself to (qSlicerScriptedLoadableModule.h)."""

from typing import Any

PROPERTIES = (
    "path", "title", "categories", "dependencies", "contributors", "helpText",
    "acknowledgementText", "icon", "hidden", "index", "widgetRepresentationCreationEnabled",
)  # fmt: skip


class ModuleParent:
    """Takes the properties that Slicer's modules have, and no others."""

    path: str

    def __init__(self, path: str) -> None:
        self.path = path

    def __setattr__(self, name: str, value: Any) -> None:
        if name not in PROPERTIES:
            raise AttributeError(f"Slicer's modules have no property {name!r}")
        super().__setattr__(name, value)
