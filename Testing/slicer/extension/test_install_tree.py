"""The tree that CMake installs, made with a stand-in of Slicer: module and voco3d, complete."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from Testing.slicer.extension.places import MODULE, ROOT, code_files, package_files

FAKE_SLICER = Path(__file__).with_name("fake_slicer")
MODULES = "lib/Slicer-5.10/qt-scripted-modules"

pytestmark = pytest.mark.skipif(
    shutil.which("cmake") is None, reason="CMake is not on this machine"
)


def cmake(*arguments: str) -> str:
    answer = subprocess.run(["cmake", *arguments], capture_output=True, text=True)
    assert answer.returncode == 0, answer.stdout + answer.stderr
    return answer.stdout


@pytest.fixture(scope="module")
def build(tmp_path_factory: pytest.TempPathFactory) -> Path:
    build = tmp_path_factory.mktemp("build")
    cmake("-S", str(ROOT), "-B", str(build), f"-DSlicer_DIR={FAKE_SLICER}")
    cmake("--build", str(build))
    return build


@pytest.fixture(scope="module")
def installed(build: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of scripted modules of an installed extension, far from the sources."""
    prefix = tmp_path_factory.mktemp("installed")
    cmake("--install", str(build), "--prefix", str(prefix), "--component", "RuntimeLibraries")
    return prefix / MODULES


def run_python(code: str, folder: Path) -> str:
    """Run code in a Python that finds the modules in a folder, and no voco3d elsewhere."""
    variables = os.environ | {"PYTHONPATH": str(folder), "PYTHONDONTWRITEBYTECODE": "1"}
    answer = subprocess.run(
        [sys.executable, "-c", code], env=variables, cwd=folder, capture_output=True, text=True
    )
    assert answer.returncode == 0, answer.stderr
    return answer.stdout


def test_voco3d_is_installed_completely(installed: Path):
    """Every Python file, preset, model and the marker of typed packages, byte for byte."""
    package = installed / "voco3d-package"
    there = {str(p.relative_to(package)) for p in package.rglob("*") if p.is_file()}

    assert there == package_files()
    for name in there:
        source = ROOT / "VoCoTraining/src" / name
        assert (package / name).read_bytes() == source.read_bytes(), name


def test_what_is_installed_works_alone(installed: Path):
    """Its phantom, its presets and its models, from that folder and no other."""
    code = """
import json
import voco3d
from voco3d.models import find_model
from voco3d.phantom import make_phantom
phantom = make_phantom("headneck", 1, (16, 16, 16), 24.0)
model = find_model("headneck-oar")
print(json.dumps({
    "file": voco3d.__file__,
    "size": phantom.image.GetSize(),
    "weights": str(model.weights),
}))
"""
    package = installed / "voco3d-package"

    found = json.loads(run_python(code, package))

    assert Path(found["file"]).is_relative_to(package)
    assert Path(found["weights"]).is_relative_to(package)
    assert found["size"] == [16, 16, 16]


def test_the_module_is_installed_completely(installed: Path):
    names = {str(path.relative_to(MODULE)) for path in code_files()}
    there = {
        str(path.relative_to(installed))
        for path in installed.rglob("*.py")
        if "voco3d-package" not in path.parts
    }

    assert there == names


def test_the_installed_module_finds_the_installed_package(installed: Path):
    code = """
import slicer, sys, types
slicer.i18n = sys.modules["slicer.i18n"] = types.ModuleType("slicer.i18n")
slicer.i18n.tr = str
from VoCoSlicerLib.worker.environment import bundled_package
print(bundled_package())
"""
    assert Path(run_python(code, installed).strip()) == installed / "voco3d-package"


def test_the_installed_resources_are_found(installed: Path):
    code = """
from VoCoSlicerLib.sample_data import SAMPLE_FILE, THUMBNAIL
from VoCoSlicerLib.terminology_list import TERMINOLOGY_FILE
print(*(path for path in (SAMPLE_FILE, THUMBNAIL, TERMINOLOGY_FILE)), sep="\\n")
"""
    for path in map(Path, run_python(code, installed).split()):
        assert path.is_relative_to(installed)
        assert path.is_file()


def test_the_build_tree_is_complete_too(build: Path):
    """Slicer runs modules from there while they are developed and in CTest."""
    package = build / MODULES / "voco3d-package"

    assert {str(p.relative_to(package)) for p in package.rglob("*") if p.is_file()} >= (
        package_files()
    )


def test_slicer_gets_the_tests_and_the_description(build: Path):
    tests = subprocess.run(
        ["ctest", "--test-dir", str(build), "-N"], capture_output=True, text=True
    ).stdout

    assert "py_VoCoSlicer\n" in tests
    assert "py_BundledPackageTest\n" in tests
    assert (build / "description.txt").read_text() == "VoCo\nPyTorch\n"
