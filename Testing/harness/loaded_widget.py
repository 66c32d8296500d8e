"""The module under test as Slicer shows it: entered, left, reloaded, its scene closed."""

import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import qt
import slicer
from PySide6 import QtCore, QtWidgets

from .module_parent import ModuleParent
from .modules import LoadedModule, import_module_file
from .screenshots import save_screenshot
from .waiting import wait


class LoadedWidget:
    """A scripted module with its panel.

    Attributes:
        module: the imported file.
        description: the object of the class `<Name>`.
        widget: the object of the class `<Name>Widget`, after `setup` and `enter`.
        panel: the `qMRMLWidget` around the module's widgets.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.name = path.stem
        self.loaded = False
        self._load()

    @property
    def logic(self) -> Any:
        """The panel's logic."""
        return self.widget.logic

    @property
    def ui(self) -> Any:
        """The panel's widgets by name."""
        return self.widget.ui

    def _load(self) -> None:
        self.module = import_module_file(self.path)
        self.description = getattr(self.module, self.name)(ModuleParent(str(self.path)))
        loaded = LoadedModule(self.name, str(self.path), lambda: self.logic)
        setattr(slicer.modules, self.name.lower(), loaded)
        self.panel = slicer.qMRMLWidget()
        self.panel.setLayout(qt.QVBoxLayout())
        self.panel.setMRMLScene(slicer.mrmlScene)
        self.widget = getattr(self.module, f"{self.name}Widget")(self.panel)
        setattr(slicer.modules, f"{self.name}Widget", self.widget)
        self.widget.setup()
        self.loaded = True
        self.panel.show()
        self.enter()

    def enter(self) -> None:
        """The user opens the module."""
        self.panel.show()
        self._tell("enter")

    def exit(self) -> None:
        """The user goes to another module."""
        self.panel.hide()
        self._tell("exit")

    def _tell(self, method: str) -> None:
        """Call what the module may or may not define."""
        if hasattr(self.widget, method):
            getattr(self.widget, method)()

    def unload(self) -> None:
        """Slicer unloads the module: the panel cleans up and goes."""
        if not self.loaded:
            return
        self.loaded = False
        self.exit()
        slicer.app.moduleManager().moduleAboutToBeUnloaded(self.name)
        for attribute in (self.name.lower(), f"{self.name}Widget"):
            delattr(slicer.modules, attribute)
        self.panel.deleteLater()
        self.process_events()

    def reload(self) -> None:
        """The module is unloaded and loaded again, as with Slicer's Reload button."""
        self.unload()
        self._load()

    def close_scene(self) -> None:
        """The user closes the scene."""
        slicer.mrmlScene.Clear(False)
        self.process_events()

    def save_and_reload_scene(self, folder: Path) -> None:
        """Save the scene as .mrb in a folder, close it, and open it again."""
        bundle, unpacked = folder / "scene.mrb", folder / "scene"
        if not slicer.mrmlScene.WriteToMRB(str(bundle)):
            raise OSError(f"the scene could not be written to {bundle}")
        self.close_scene()
        with zipfile.ZipFile(bundle) as archive:
            archive.extractall(unpacked)
        (scene_file,) = unpacked.rglob("*.mrml")
        slicer.mrmlScene.SetURL(str(scene_file))
        if not slicer.mrmlScene.Import():
            raise OSError(f"the scene could not be read from {scene_file}")
        self.process_events()

    def process_events(self) -> None:
        """Let Qt do what waits, deletions too."""
        QtWidgets.QApplication.processEvents()
        QtWidgets.QApplication.sendPostedEvents(None, QtCore.QEvent.Type.DeferredDelete.value)

    def wait(self, condition: Callable[[], Any], seconds: float = 5.0) -> None:
        """Run the event loop until the condition holds, else TimeoutError."""
        wait(condition, seconds)

    def screenshot(
        self, path: Path, size: tuple[int, int] = (480, 900), dark: bool = False
    ) -> None:
        """Save a picture of the panel, with a caption that says what it is."""
        save_screenshot(self.panel._native, path, size, dark)
