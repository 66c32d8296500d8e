"""Slicer starts without PyTorch, and what needs no window is free of Qt."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from Testing.slicer.extension.places import LIBRARY, MODULE, code_files
from Testing.slicer.extension.references import imports

HEAVY = {"torch", "monai", "voco3d", "SimpleITK", "sitkUtils", "scipy", "skimage", "matplotlib"}
"""Not part of the module: the worker uses them, in a process of its own."""

WINDOW = {"qt", "ctk", "PythonQt", "PySide6", "PyQt5"}


PICTURES = LIBRARY / "pictures"
"""Draws pictures for documentation and demonstration; the window does not use it."""


def may_use_qt(path: Path) -> bool:
    return path in (MODULE / "VoCoSlicer.py", LIBRARY / "worker/process.py") or (
        path.is_relative_to(LIBRARY / "widget")
    )


def label(path: Path) -> str:
    return str(path.relative_to(MODULE))


@pytest.mark.parametrize("path", code_files(), ids=label)
def test_nothing_heavy_is_imported(path: Path):
    heavy = HEAVY - {"matplotlib"} if path.is_relative_to(PICTURES) else HEAVY
    found = [
        f"{name} in line {line}" for name, line, _ in imports(path) if name.split(".")[0] in heavy
    ]

    assert not found


@pytest.mark.parametrize("path", code_files(), ids=label)
def test_the_window_does_not_need_pictures(path: Path):
    names = [name for name, _, _ in imports(path) if name.startswith("VoCoSlicerLib.pictures")]

    assert not names or path.is_relative_to(PICTURES)


@pytest.mark.parametrize("path", code_files(), ids=label)
def test_only_the_window_and_the_process_use_qt(path: Path):
    found = [
        f"{name} in line {line}" for name, line, _ in imports(path) if name.split(".")[0] in WINDOW
    ]

    assert not found or may_use_qt(path)


@pytest.mark.parametrize("path", code_files(), ids=label)
def test_what_must_not_happen_at_import_is_in_functions(path: Path):
    """Other modules of Slicer are loaded after this one, packages are installed on Apply."""
    late = {"SampleData", "PyTorchUtils", "pip"}

    assert not [
        name for name, _, at_import in imports(path) if at_import and name.split(".")[0] in late
    ]


def test_python_compiles_all_files(tmp_path: Path):
    folders = [str(MODULE), str(MODULE.parent / "VoCoTraining/src")]
    answer = subprocess.run(
        [sys.executable, "-m", "compileall", "-q", "-f", *folders],
        env=os.environ | {"PYTHONPYCACHEPREFIX": str(tmp_path)},
        capture_output=True,
        text=True,
    )

    assert answer.returncode == 0, answer.stdout


def test_the_module_loads_without_heavy_packages():
    """Every file, in a fresh Python where PyTorch and the like cannot be imported."""
    names = [
        ".".join(path.relative_to(MODULE).with_suffix("").parts).removesuffix(".__init__")
        for path in code_files()
        if not path.is_relative_to(PICTURES)
    ]
    code = f"""
import importlib, sys
for heavy in {sorted(HEAVY)!r}:
    sys.modules[heavy] = None
from Testing import harness
harness.start()
for name in {names!r}:
    importlib.import_module(name)
"""
    answer = subprocess.run(
        [sys.executable, "-c", code], cwd=MODULE.parent, capture_output=True, text=True
    )
    assert answer.returncode == 0, answer.stderr
