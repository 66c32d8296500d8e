"""The CMake lists name every file, and only files that are there."""

import re

import pytest

from Testing.slicer.extension.cmake_lists import Command, only, read
from Testing.slicer.extension.places import MODULE, RESOURCES, ROOT, code_files

METADATA = (
    "EXTENSION_HOMEPAGE",
    "EXTENSION_CATEGORY",
    "EXTENSION_CONTRIBUTORS",
    "EXTENSION_DESCRIPTION",
    "EXTENSION_ICONURL",
    "EXTENSION_SCREENSHOTURLS",
    "EXTENSION_DEPENDS",
)


@pytest.fixture(scope="module")
def module_list() -> Command:
    return only(read(MODULE / "CMakeLists.txt"), "slicerMacroBuildScriptedModule")


@pytest.fixture(scope="module")
def text() -> str:
    return (ROOT / "CMakeLists.txt").read_text()


def metadata(text: str) -> dict[str, str]:
    return dict(re.findall(r'^set\((EXTENSION_\w+) "([^"\n]*)"\)$', text, re.MULTILINE))


def test_every_python_file_is_listed_once(module_list: Command):
    listed = module_list.after("SCRIPTS")

    assert sorted(listed) == sorted(str(path.relative_to(MODULE)) for path in code_files())


def test_every_resource_is_listed_once(module_list: Command):
    """All but pictures of the documentation, which Slicer does not need."""
    there = [
        str(path.relative_to(MODULE))
        for path in RESOURCES.rglob("*")
        if path.is_file() and "screenshots" not in path.parts
    ]

    assert sorted(module_list.after("RESOURCES")) == sorted(there)


def test_the_module_is_named_after_its_file(module_list: Command):
    assert module_list.after("NAME") == ["VoCoSlicer"]
    assert "WITH_GENERIC_TESTS" in module_list.arguments


def test_each_folder_that_is_added_has_a_list():
    lists = [ROOT / "CMakeLists.txt"]
    for file in lists:
        for command in read(file):
            if command.name == "add_subdirectory":
                lists.append(file.parent / command.arguments[0] / "CMakeLists.txt")
                assert lists[-1].is_file()
    assert {str(file.parent.relative_to(ROOT)) for file in lists[1:]} == {
        "VoCoTraining/src",
        "VoCoSlicer",
        "VoCoSlicer/Testing",
        "VoCoSlicer/Testing/Python",
    }


def test_each_test_for_slicer_is_there_and_listed():
    listed = set()
    for file in MODULE.rglob("CMakeLists.txt"):
        for command in read(file):
            if command.name == "slicer_add_python_unittest":
                listed |= {file.parent / script for script in command.after("SCRIPT")}

    assert listed == {MODULE / "VoCoSlicer.py", *(MODULE / "Testing").rglob("*.py")}


def test_metadata_stand_on_lines_of_their_own_in_quotes(text: str):
    """The Extensions Index reads them with regular expressions."""
    assert set(metadata(text)) == set(METADATA)
    assert text.count("set(EXTENSION_") == len(METADATA)


def test_the_project_is_named_as_the_extension(text: str):
    names = re.findall(r"project\s*\(\s*([^\s)]+)", text, re.IGNORECASE)

    assert names == ["VoCo"]
    assert not names[0].startswith("Slicer")


def test_the_description_is_one_or_two_sentences(text: str):
    description = metadata(text)["EXTENSION_DESCRIPTION"]

    assert 1 <= len(re.findall(r"[.](?:\s|$)", description)) <= 2
    assert "\\" not in description


@pytest.mark.parametrize("name", ["EXTENSION_ICONURL", "EXTENSION_SCREENSHOTURLS"])
def test_pictures_are_files_of_this_repository(text: str, name: str):
    owner_and_repository = metadata(text)["EXTENSION_HOMEPAGE"].removeprefix("https://github.com/")
    start = f"https://raw.githubusercontent.com/{owner_and_repository}/main/"

    for url in metadata(text)[name].split():
        assert url.startswith(start)
        assert (ROOT / url.removeprefix(start)).is_file()
