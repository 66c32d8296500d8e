"""The entry for the Extensions Index says the same as the CMake list."""

import json
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import jsonschema
import pytest

from Testing.slicer.extension.places import ROOT
from Testing.slicer.extension.test_cmake_lists import metadata

SCHEMA = json.loads(Path(__file__).with_name("catalogue_schema.json").read_text())


@pytest.fixture(scope="module")
def entry() -> dict[str, Any]:
    return json.loads((ROOT / "VoCo.json").read_text())


@pytest.fixture(scope="module")
def cmake() -> dict[str, str]:
    return metadata((ROOT / "CMakeLists.txt").read_text())


def test_it_follows_the_schema(entry: dict[str, Any]):
    jsonschema.validate(entry, SCHEMA)


def test_it_agrees_with_the_cmake_list(entry: dict[str, Any], cmake: dict[str, str]):
    assert entry["category"] == cmake["EXTENSION_CATEGORY"]
    assert entry["build_dependencies"] == cmake["EXTENSION_DEPENDS"].split()
    assert entry["scm_url"] == cmake["EXTENSION_HOMEPAGE"] + ".git"


def test_the_repository_is_named_as_the_index_wants(entry: dict[str, Any]):
    assert Path(urlsplit(entry["scm_url"]).path).stem == "SlicerVoCo"


def test_it_is_written_as_the_index_formats_it(entry: dict[str, Any]):
    """Sorted keys, two spaces, arrays over several lines."""
    text = json.dumps(entry, indent=2, sort_keys=True) + "\n"

    assert (ROOT / "VoCo.json").read_text() == text


def test_tier_3_has_what_the_index_asks_for():
    """Licence in the root, the tutorial with pictures, the sample data named in it."""
    assert (ROOT / "LICENSE").read_text().strip().startswith("Apache License")
    tutorial = (ROOT / "VoCoSlicer/README.md").read_text()
    assert "VoCoHeadNeckPhantom" in tutorial
    assert tutorial.count("![") >= 3
