"""What Slicer's Python gets is what voco3d needs, without what must stay as Slicer ships it."""

import re

import tomllib

from Testing.slicer.extension.places import RESOURCES, ROOT

SHIPPED_BY_SLICER = {"numpy", "scipy", "SimpleITK", "pydicom"}
BY_THE_PYTORCH_EXTENSION = {"torch"}
NOT_NEEDED_IN_SLICER = {"highdicom"}  # Slicer writes DICOM SEG itself


def requirements() -> set[str]:
    lines = (RESOURCES / "requirements.txt").read_text().splitlines()
    return {line for line in lines if line and not line.startswith("#")}


def name_of(requirement: str) -> str:
    return re.match(r"[\w.-]+", requirement)[0]


def test_they_are_the_package_s_own_but_for_what_slicer_has():
    project = tomllib.loads((ROOT / "VoCoTraining/pyproject.toml").read_text())["project"]
    left_out = SHIPPED_BY_SLICER | BY_THE_PYTORCH_EXTENSION | NOT_NEEDED_IN_SLICER

    needed = {entry for entry in project["dependencies"] if name_of(entry) not in left_out}

    assert requirements() == needed


def test_nothing_that_slicer_ships_is_asked_for():
    assert not {name_of(entry).lower() for entry in requirements()} & {
        name.lower() for name in SHIPPED_BY_SLICER | {"vtk", "torch"}
    }
