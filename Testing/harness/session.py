"""Starting the stand-in, its scene, and loading a module into it."""

import ctypes
import sys
import tempfile
import types
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
_kept: dict[str, Any] = {}
_scenes: list[Any] = []


def start() -> None:
    """Install `qt`, `ctk` and what slicer-core lacks of `slicer`; once is enough."""
    if _kept:
        return
    _spare_none()
    sys.path.insert(0, str(ROOT / "VoCoSlicer"))
    import slicer

    from . import application, failures, i18n, packaging
    from .ctk_module import CtkModule
    from .manners import wrap, wrapper_type
    from .qt_module import QtModule
    from .widgets_mrml import MRML_CLASSES

    failures.record_uncaught()
    app = application.Application()
    settings = tempfile.TemporaryDirectory(prefix="harness-settings-")
    application.use_settings_folder(Path(settings.name))
    _kept.update(app=app, settings=settings, window=application.MainWindow())
    sys.modules["qt"], sys.modules["ctk"] = QtModule("qt"), CtkModule("ctk")
    slicer.app = wrap(app)
    for name, native in MRML_CLASSES.items():
        setattr(slicer, name, wrapper_type(native))
    _install("i18n", i18n)
    _install("packaging", packaging)
    new_scene()

    from . import parameter_node, scripted_module

    _install("parameterNodeWrapper", parameter_node)
    _install("ScriptedLoadableModule", scripted_module)


def _spare_none() -> None:
    """Keep Python alive: PySide6 loses a reference to None with each call that returns nothing.

    Before Python 3.12 None is counted like any other object, and at 0 Python aborts.
    """
    if sys.version_info < (3, 12):
        ctypes.c_ssize_t.from_address(id(None)).value += 1 << 40


def _install(name: str, module: types.ModuleType) -> None:
    import slicer

    sys.modules[f"slicer.{name}"] = module
    setattr(slicer, name, module)


def new_scene() -> Any:
    """Start with an empty scene, as after starting Slicer; returns it.

    Earlier scenes are emptied and kept: VTK crashes when Python collects their logics as garbage.
    """
    import slicer

    from VoCoSlicerLib.scene.headless import HeadlessApplication

    from .modules import Modules

    for earlier in _scenes[-1:]:
        earlier.scene.Clear(False)
    holder = HeadlessApplication()
    _scenes.append(holder)
    holder._application_logic.SetTemporaryPath(slicer.app.temporaryPath)
    _kept["app"].scene_holder = holder
    slicer.mrmlScene = holder.scene
    slicer.modules = Modules(holder)
    return holder.scene


def load_module(name: str = "VoCoSlicer") -> Any:
    """Import a scripted module of this project, make its panel and show it."""
    from .loaded_widget import LoadedWidget

    return LoadedWidget(ROOT / name / f"{name}.py")
