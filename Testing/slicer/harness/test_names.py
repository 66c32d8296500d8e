"""The lists of names: each exists, and each has the file that defines it."""

import pytest

from Testing import harness
from Testing.harness.names import allowed_names
from Testing.harness.qt_module import native_class
from Testing.harness.widgets_ctk import CTK_CLASSES
from Testing.harness.widgets_mrml import MRML_CLASSES

harness.start()

import slicer  # noqa: E402


@pytest.mark.parametrize("module", ["qt", "ctk", "slicer"])
def test_each_name_has_a_source_file(module: str) -> None:
    names = allowed_names(module)
    assert names
    assert all(source.endswith((".h", ".py", ".txt")) for source in names.values())


@pytest.mark.parametrize("name", allowed_names("qt"))
def test_each_name_of_qt_is_a_class(name: str) -> None:
    assert isinstance(native_class(name), type)


def test_each_name_of_ctk_has_a_stand_in() -> None:
    assert set(allowed_names("ctk")) == set(CTK_CLASSES)


def test_each_qmrml_stand_in_is_listed() -> None:
    assert set(MRML_CLASSES) <= set(allowed_names("slicer"))


@pytest.mark.parametrize("name", allowed_names("slicer"))
def test_each_name_of_slicer_is_there(name: str) -> None:
    found = slicer
    for part in name.split("."):
        found = getattr(found, part)
