"""The Python that the worker runs in: Slicer's own, or another one of the user's."""

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import slicer
from slicer.i18n import tr as _

from VoCoSlicerLib.errors import VoCoSlicerError

MODULE_FOLDER = Path(__file__).resolve().parents[2]
PACKAGE_FOLDERS = (MODULE_FOLDER / "voco3d-package", MODULE_FOLDER.parent / "VoCoTraining/src")


@dataclass(frozen=True)
class PythonEnvironment:
    """A Python interpreter and what it needs to find `voco3d`.

    Attributes:
        executable: the interpreter's file.
        pythonpath: folders that come first on its module path.
        of_slicer: it is Slicer's own Python, which needs Slicer's environment variables; any
            other Python must not see them.
    """

    executable: str
    pythonpath: tuple[str, ...] = ()
    of_slicer: bool = False

    def variables(self) -> dict[str, str]:
        """All environment variables of a process that runs in this Python."""
        variables = dict(os.environ) if self.of_slicer else _without_slicer()
        # ITK would load Slicer's scene reader, which cannot work outside Slicer.
        variables.pop("ITK_AUTOLOAD_PATH", None)
        folders = [*self.pythonpath, *filter(None, [variables.pop("PYTHONPATH", "")])]
        if folders:
            variables["PYTHONPATH"] = os.pathsep.join(folders)
        variables["PYTHONUTF8"] = "1"
        variables["PYTHONFAULTHANDLER"] = "1"
        return variables


def bundled_package() -> str:
    """The folder that holds the extension's own `voco3d`: installed, or in the source tree.

    Raises:
        VoCoSlicerError: the extension is incomplete.
    """
    for folder in PACKAGE_FOLDERS:
        if (folder / "voco3d/__init__.py").is_file():
            return str(folder)
    raise VoCoSlicerError(
        _(
            "The extension is incomplete (no voco3d): install VoCo again from the Extensions "
            "Manager."
        )
    )


def slicer_python() -> PythonEnvironment:
    """Slicer's own Python with the `voco3d` that comes with the extension.

    Raises:
        VoCoSlicerError: the extension is incomplete.
    """
    launcher = Path(sys.executable)
    # The interpreter itself rather than its launcher: ending a launcher leaves its child running.
    interpreter = launcher.with_name(f"python-real{launcher.suffix if os.name == 'nt' else ''}")
    executable = interpreter if interpreter.is_file() else launcher
    return PythonEnvironment(str(executable), (bundled_package(),), of_slicer=True)


def other_python(path: str) -> PythonEnvironment:
    """Another Python, in which `voco3d` is installed.

    Args:
        path: the interpreter, or the folder of a virtual or conda environment.

    Raises:
        VoCoSlicerError: there is no Python at this path.
    """
    place = Path(path.strip()).expanduser()
    for file in (place, *(place / name for name in INTERPRETERS)):
        if path.strip() and file.is_file() and os.access(file, os.X_OK):
            return PythonEnvironment(str(file))
    raise VoCoSlicerError(
        _("There is no Python here: choose the python file, or the folder of an environment.")
    )


INTERPRETERS = ("bin/python3", "bin/python", "Scripts/python.exe", "python.exe")


def _without_slicer() -> dict[str, str]:
    """The environment that Slicer was started in, without a word of Slicer's own folder."""
    home = Path(slicer.app.slicerHome).resolve()
    found: Mapping[str, str] = slicer.util.startupEnvironment()
    kept = {
        name: os.pathsep.join(part for part in value.split(os.pathsep) if not _inside(part, home))
        for name, value in found.items()
    }
    return {
        name: value
        for name, value in kept.items()
        if name != "PYTHONHOME" and (value or not found[name])
    }


def _inside(path: str, folder: Path) -> bool:
    return os.path.isabs(path) and Path(path).resolve().is_relative_to(folder)
