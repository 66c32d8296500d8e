"""Which Python runs, and that Slicer's variables do not reach a Python that is not Slicer's."""

import os
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
import slicer

from Testing.slicer.worker.connection import Asked
from VoCoSlicerLib.errors import VoCoSlicerError
from VoCoSlicerLib.worker import environment
from VoCoSlicerLib.worker.check import Report, check
from VoCoSlicerLib.worker.environment import (
    PythonEnvironment,
    bundled_package,
    other_python,
    slicer_python,
)


def make_executable(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("#!/bin/sh\n")
    path.chmod(0o755)
    return path


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Slicer's folder, in which it was started, and variables as launcher and user set them."""
    home = tmp_path / "Slicer"
    home.mkdir()
    monkeypatch.chdir(home)

    application = SimpleNamespace(slicerHome=str(home))

    variables = {
        "PATH": f"{home}/bin{os.pathsep}/usr/bin{os.pathsep}relative",
        "LD_LIBRARY_PATH": f"{home}/lib/Slicer-5.12{os.pathsep}{home}/lib",
        "PYTHONHOME": "/somewhere/else",
        "PYTHONPATH": f"{home}/lib/Python{os.pathsep}/home/user/modules",
        "ITK_AUTOLOAD_PATH": "/somewhere/ITKFactories",
        "SLICER_HOME_LIKE": f"{home}-other",
        "LANG": "de_DE.UTF-8",
        "EMPTY": "",
    }
    monkeypatch.setattr(slicer, "app", application)
    monkeypatch.setattr(slicer.util, "startupEnvironment", lambda: variables)
    return home


def test_nothing_of_slicers_folder_reaches_another_python(home: Path):
    variables = PythonEnvironment("/usr/bin/python3").variables()
    assert variables == {
        "PATH": f"/usr/bin{os.pathsep}relative",
        "PYTHONPATH": "/home/user/modules",
        "SLICER_HOME_LIKE": f"{home}-other",
        "LANG": "de_DE.UTF-8",
        "EMPTY": "",
        "PYTHONUTF8": "1",
        "PYTHONFAULTHANDLER": "1",
    }


def test_a_link_into_slicers_folder_does_not_pass_either(home: Path, tmp_path: Path):
    (tmp_path / "link").symlink_to(home)
    slicer.util.startupEnvironment()["PATH"] = f"{tmp_path}/link/bin"
    assert "PATH" not in PythonEnvironment("/usr/bin/python3").variables()


def test_slicers_own_python_gets_slicers_variables(home: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("PYTHONHOME", f"{home}/lib/Python")
    monkeypatch.setenv("PYTHONPATH", f"{home}/lib/Python/Lib")
    monkeypatch.setenv("ITK_AUTOLOAD_PATH", f"{home}/lib/ITKFactories")
    variables = PythonEnvironment("python-real", ("/voco",), of_slicer=True).variables()
    assert variables["PYTHONHOME"] == f"{home}/lib/Python"
    assert variables["PYTHONPATH"] == os.pathsep.join(("/voco", f"{home}/lib/Python/Lib"))
    assert "ITK_AUTOLOAD_PATH" not in variables


def test_the_process_gets_exactly_these_variables(fake, loop):
    python = PythonEnvironment(sys.executable, ("/a folder", "/ü"), of_slicer=True)
    asked = Asked(fake(environment=python), "variables")
    loop.wait(lambda: asked.ended)
    ignored = {"LC_CTYPE", "PYTEST_CURRENT_TEST"}
    seen = {name: value for name, value in asked.result.items() if name not in ignored}
    expected = {name: value for name, value in python.variables().items() if name not in ignored}
    assert seen == expected


def test_slicers_interpreter_is_taken_rather_than_its_launcher(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    launcher = make_executable(tmp_path / "PythonSlicer")
    monkeypatch.setattr(sys, "executable", str(launcher))
    assert slicer_python().executable == str(launcher)
    interpreter = make_executable(tmp_path / "python-real")
    assert slicer_python().executable == str(interpreter)
    assert slicer_python().of_slicer
    assert slicer_python().pythonpath == (bundled_package(),)


def test_the_bundled_package_is_found_installed_or_in_the_source_tree(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    assert (Path(bundled_package()) / "voco3d/__init__.py").is_file()
    module = Path(environment.__file__).parents[2]
    expected = (module / "voco3d-package", module.parent / "VoCoTraining/src")
    assert expected == environment.PACKAGE_FOLDERS
    places = (tmp_path / "installed", tmp_path / "source")
    monkeypatch.setattr(environment, "PACKAGE_FOLDERS", places)
    with pytest.raises(VoCoSlicerError, match="install VoCo again"):
        bundled_package()
    make_executable(places[1] / "voco3d/__init__.py")
    assert bundled_package() == str(places[1])
    make_executable(places[0] / "voco3d/__init__.py")
    assert bundled_package() == str(places[0])


@pytest.mark.parametrize(
    "file", ["bin/python3", "bin/python", "Scripts/python.exe", "python.exe", "my python"]
)
def test_another_python_is_a_file_or_the_folder_of_an_environment(tmp_path: Path, file: str):
    python = make_executable(tmp_path / "an environment" / file)
    assert other_python(f" {python} ") == PythonEnvironment(str(python))
    if file != "my python":
        assert other_python(str(tmp_path / "an environment")) == PythonEnvironment(str(python))


@pytest.mark.parametrize("path", ["", "  ", "/nowhere", "."])
def test_a_place_without_a_python_is_said(path: str):
    with pytest.raises(VoCoSlicerError, match="no Python here"):
        other_python(path)


def test_nothing_given_is_not_the_current_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    make_executable(tmp_path / "bin/python3")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(VoCoSlicerError, match="no Python here"):
        other_python(" ")


def test_a_file_that_cannot_run_is_no_python(tmp_path: Path):
    (tmp_path / "python").write_text("")
    with pytest.raises(VoCoSlicerError, match="no Python here"):
        other_python(str(tmp_path / "python"))


def checked(loop, python: PythonEnvironment) -> Report:
    reports: list[Report] = []
    worker = check(python, reports.append)
    loop.wait(lambda: reports, 60)
    assert not worker.isRunning()
    (report,) = reports
    return report


def test_a_check_of_a_python_that_does_not_run(loop):
    report = checked(loop, PythonEnvironment("/nowhere/python", of_slicer=True))
    assert "could not be started" in report.reason
    assert report.devices == ()


def test_a_check_of_a_python_without_voco3d(loop, tmp_path: Path):
    """A Python that starts and lacks everything."""
    python = tmp_path / "python"
    python.write_text(f'#!/bin/sh\nexec "{sys.executable}" -S -E "$@"\n')
    python.chmod(0o755)
    report = checked(loop, PythonEnvironment(str(python), of_slicer=True))
    assert "has no voco3d" in report.reason
