"""The forms of Qt Designer agree with the code: classes, parameters and names of widgets."""

import ast
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest

from Testing.harness.names import allowed_names
from Testing.slicer.extension.places import LIBRARY, RESOURCES, code_files
from Testing.slicer.extension.references import tree_of, widget_names

FORMS = sorted((RESOURCES / "UI").glob("*.ui"))


def label(path: Path) -> str:
    return path.name


def form(path: Path) -> ElementTree.Element:
    return ElementTree.parse(path).getroot()


def widgets_and_layouts(root: ElementTree.Element) -> list[ElementTree.Element]:
    return [element for element in root.iter() if element.tag in ("widget", "layout", "action")]


def parameters_in_code() -> set[str]:
    """The parameters of the module's parameter node."""
    (wrapped,) = [
        node
        for node in tree_of(LIBRARY / "parameters.py").body
        if isinstance(node, ast.ClassDef)
        and any(getattr(d, "id", "") == "parameterNodeWrapper" for d in node.decorator_list)
    ]
    return {
        node.target.id
        for node in wrapped.body
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name)
    }


def test_there_are_forms():
    assert RESOURCES / "UI/VoCoSlicer.ui" in FORMS


@pytest.mark.parametrize("path", FORMS, ids=label)
def test_each_class_is_qt_s_or_declared(path: Path):
    root = form(path)
    declared = {element.findtext("class") for element in root.iter("customwidget")}

    for element in widgets_and_layouts(root):
        name = element.get("class", "")
        if element.tag == "action":
            continue
        assert name in allowed_names("qt") or name in declared, name


@pytest.mark.parametrize("path", FORMS, ids=label)
def test_each_declared_class_is_in_slicer_and_used(path: Path):
    root = form(path)
    used = {element.get("class") for element in root.iter("widget")}

    for element in root.iter("customwidget"):
        name = element.findtext("class") or ""
        known = allowed_names("ctk") if name.startswith("ctk") else allowed_names("slicer")
        assert name in known, name
        assert name in used, name
        assert element.findtext("header") == f"{name}.h"


@pytest.mark.parametrize("path", FORMS, ids=label)
def test_names_are_unique_and_given(path: Path):
    names = [element.get("name") for element in widgets_and_layouts(form(path))]

    assert all(names)
    assert len(set(names)) == len(names)


def test_each_parameter_in_a_form_exists():
    in_forms = {
        (element.findtext("string") or "").strip()
        for path in FORMS
        for element in form(path).iter("property")
        if element.get("name") == "SlicerParameterName"
    }

    assert in_forms
    assert in_forms <= parameters_in_code()


@pytest.mark.parametrize("path", FORMS, ids=label)
def test_parameter_names_are_not_translated(path: Path):
    for element in form(path).iter("property"):
        if element.get("name") == "SlicerParameterName":
            string = element.find("string")
            assert element.get("stdset") == "0"
            assert string is not None
            assert string.get("notr") == "true"


@pytest.mark.parametrize("path", FORMS, ids=label)
def test_buddies_and_tab_stops_are_widgets_of_the_form(path: Path):
    root = form(path)
    names = {element.get("name") for element in root.iter("widget")}

    buddies = {
        element.findtext("cstring")
        for element in root.iter("property")
        if element.get("name") == "buddy"
    }
    assert buddies <= names
    assert {element.text for element in root.iter("tabstop")} <= names


CONTROLS = {
    "QPushButton",
    "QToolButton",
    "QComboBox",
    "QCheckBox",
    "QSpinBox",
    "QDoubleSpinBox",
    "QSlider",
    "QLineEdit",
    "QListWidget",
    "QTreeWidget",
    "QTableWidget",
    "ctkPathLineEdit",
    "ctkSearchBox",
    "ctkSliderWidget",
    "qMRMLNodeComboBox",
}
"""What a user works with: what else there is shows something, or folds a section away."""

FRAMES = {
    "QWidget",
    "QFrame",
    "QLabel",
    "QProgressBar",
    "qMRMLWidget",
    "ctkCollapsibleButton",
    "ctkCollapsibleGroupBox",
}


@pytest.mark.parametrize("path", FORMS, ids=label)
def test_every_control_says_what_it_does(path: Path):
    for widget in form(path).iter("widget"):
        assert widget.get("class") in CONTROLS | FRAMES
        if widget.get("class") in CONTROLS:
            tips = [p for p in widget.findall("property") if p.get("name") == "toolTip"]
            assert [p.findtext("string") for p in tips] > [""], widget.get("name")


@pytest.mark.parametrize("path", FORMS, ids=label)
def test_no_key_has_two_meanings_in_a_form(path: Path):
    """Alt and a letter."""
    texts = [element.text or "" for element in form(path).iter("string")]
    keys = [text[text.index("&") + 1].lower() for text in texts if "&" in text]

    assert keys
    assert sorted(keys) == sorted(set(keys))


@pytest.mark.parametrize("path", FORMS, ids=label)
def test_what_users_read_is_translated(path: Path):
    """Only names for the code are not."""
    for string in form(path).iter("string"):
        if string.get("notr") == "true":
            assert " " not in (string.text or "").strip()


def test_each_widget_that_code_names_is_in_a_form():
    names = {element.get("name") for path in FORMS for element in widgets_and_layouts(form(path))}
    missing = [
        str(reference)
        for path in code_files()
        for reference in widget_names(path)
        if reference.chain[0] not in names
    ]

    assert not missing


def test_each_line_of_a_form_stays_on_its_screen():
    """A panel of Slicer is about 400 pixels wide; nothing in the form asks for more."""
    for path in FORMS:
        for element in form(path).iter("property"):
            if element.get("name") in ("minimumSize", "fixedSize"):
                width = element.findtext("size/width") or "0"
                assert int(width) <= 400, path.name
