"""`slicer.modules`: the logics of Slicer's modules, and the scripted module under test."""

import importlib.util
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import slicer

# Modules of which slicer-core has the logic, as slicer.modules.<name>.
LOGICS = {
    "plots": "vtkSlicerPlotsLogic",
    "sequences": "vtkSlicerSequencesLogic",
    "tables": "vtkSlicerTablesLogic",
    "terminologies": "vtkSlicerTerminologiesModuleLogic",
    "volumes": "vtkSlicerVolumesLogic",
}
SCENE_LOGICS = {
    "colors": "Colors",
    "markups": "Markups",
    "segmentations": "Segmentations",
    "subjecthierarchy": "SubjectHierarchy",
}


class LoadedModule:
    """A module, as `slicer.modules.segmentations`."""

    def __init__(self, name: str, path: str, logic: Callable[[], Any]) -> None:
        self.name = name
        self.path = path
        self.logic = logic


class Modules:
    """Attributes are the modules that are loaded, in lower case."""

    def __init__(self, scene_holder: Any) -> None:
        self._scene_holder = scene_holder
        self._logics = {
            attribute: scene_holder._module_logics[name] for attribute, name in SCENE_LOGICS.items()
        }
        for name in (*SCENE_LOGICS, *LOGICS):
            setattr(self, name, LoadedModule(name, "", partial(self._logic, name)))

    def _logic(self, name: str) -> Any:
        if name not in self._logics:
            logic = getattr(slicer, LOGICS[name])()
            logic.SetMRMLScene(self._scene_holder.scene)
            logic.SetMRMLApplicationLogic(self._scene_holder._application_logic)
            self._logics[name] = logic
        return self._logics[name]

    def __getattr__(self, name: str) -> Any:
        raise AttributeError(f"no module {name!r} is loaded")


def import_module_file(path: Path) -> Any:
    """Import a scripted module's file as Slicer does: its folder is on the path."""
    if str(path.parent) not in sys.path:
        sys.path.insert(0, str(path.parent))
    specification = importlib.util.spec_from_file_location(path.stem, path)
    assert specification is not None
    assert specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    sys.modules[path.stem] = module
    specification.loader.exec_module(module)
    return module
