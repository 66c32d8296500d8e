"""Where the parts of the extension lie."""

from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
MODULE = ROOT / "VoCoSlicer"
LIBRARY = MODULE / "VoCoSlicerLib"
RESOURCES = MODULE / "Resources"
PACKAGE = ROOT / "VoCoTraining/src/voco3d"


def code_files() -> list[Path]:
    """The module's Python files, without its tests in Slicer."""
    return [MODULE / "VoCoSlicer.py", *sorted(LIBRARY.rglob("*.py"))]


def package_files() -> set[str]:
    """The files of voco3d, relative to the folder that holds it, without what Python left."""
    return {
        str(path.relative_to(PACKAGE.parent))
        for path in PACKAGE.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
