"""Properties, methods and enums are as in Slicer's Python; what Slicer lacks raises."""

from pathlib import Path

import numpy as np
import pytest

from Testing.harness.fixtures import start

start()

import ctk  # noqa: E402
import qt  # noqa: E402
import slicer  # noqa: E402

pytestmark = pytest.mark.usefixtures("harness_session")


def test_a_property_is_an_attribute() -> None:
    button = qt.QPushButton("Apply")
    assert button.text == "Apply"
    button.text = "Cancel"
    button.enabled = False
    assert (button.text, button.enabled) == ("Cancel", False)
    button.setText("Stop")
    assert button.text == "Stop"


def test_a_property_cannot_be_called() -> None:
    with pytest.raises(TypeError):
        qt.QPushButton("Apply").text()


def test_a_property_takes_its_type_only() -> None:
    button, slider = qt.QPushButton(), qt.QSlider()
    with pytest.raises(TypeError):
        button.text = 3
    with pytest.raises(TypeError):
        slider.maximum = "high"


@pytest.mark.parametrize("name", ["txet", "checkStateChanged", "exec", "nodeTypes"])
def test_an_unknown_attribute_raises(name: str) -> None:
    box = qt.QCheckBox()
    with pytest.raises(AttributeError, match=name):
        getattr(box, name)
    with pytest.raises(AttributeError, match=name):
        setattr(box, name, 1)


def test_a_method_cannot_be_overwritten() -> None:
    with pytest.raises(AttributeError, match="overwritten"):
        qt.QWidget().closeEvent = lambda event: None


def test_a_read_only_property_cannot_be_set() -> None:
    with pytest.raises((AttributeError, TypeError)):
        qt.QTableWidget().width = "wide"
    with pytest.raises((AttributeError, TypeError)):
        ctk.ctkSearchBox().acceptableInput = True


def test_classes_that_slicer_lacks_raise() -> None:
    with pytest.raises(AttributeError, match="QSignalBlocker"):
        qt.QSignalBlocker  # noqa: B018
    with pytest.raises(AttributeError, match="ctkFancyButton"):
        ctk.ctkFancyButton  # noqa: B018
    with pytest.raises(AttributeError, match="qMRMLFancyWidget"):
        slicer.qMRMLFancyWidget  # noqa: B018


def test_enum_values_live_on_the_class_and_are_integers() -> None:
    assert qt.Qt.Checked == 2
    assert qt.Qt.AlignRight | qt.Qt.AlignVCenter == 130
    label = qt.QLabel("12.5")
    label.alignment = qt.Qt.AlignRight | qt.Qt.AlignVCenter
    assert label.alignment == 130
    assert label.alignment & qt.Qt.AlignRight
    for absent in ("AlignmentFlag", "AlignRihgt"):
        with pytest.raises(AttributeError):
            getattr(qt.Qt, absent)


def test_an_enum_may_be_given_as_an_integer() -> None:
    item = qt.QListWidgetItem("brainstem")
    item.setCheckState(2)
    assert item.checkState() == qt.Qt.Checked
    label = qt.QLabel()
    label.alignment = 130
    assert label.alignment == qt.Qt.AlignRight | qt.Qt.AlignVCenter


def test_values_that_are_no_objects_have_methods() -> None:
    size = qt.QWidget().size
    assert size.width() > 0
    assert qt.QFileInfo("/a/b.nrrd").fileName() == "b.nrrd"


def test_named_arguments_paths_functions_and_numpy_numbers_are_refused() -> None:
    menu, box = qt.QMenu(), qt.QSpinBox()
    with pytest.raises(TypeError, match="named"):
        box.setRange(0, max=3)
    with pytest.raises(TypeError, match="paths as str"):
        qt.QFile().setFileName(Path("a"))
    with pytest.raises(TypeError, match="functions"):
        menu.addAction("Import", lambda: None)
    with pytest.raises(TypeError, match="int64"):
        box.setValue(np.int64(3))


def test_an_object_keeps_its_identity() -> None:
    parent = qt.QWidget()
    layout = qt.QVBoxLayout(parent)
    button = qt.QPushButton("Apply")
    layout.addWidget(button)
    assert parent.layout() is layout
    assert button.parent() is parent
    assert layout.itemAt(0).widget() is button
    assert parent.findChildren(qt.QPushButton) == (button,)


def test_a_child_is_found_by_its_name() -> None:
    parent = qt.QWidget()
    child = qt.QLabel("here", parent)
    child.name = "note"
    assert child.objectName == "note"
    assert parent.note is child


def test_virtual_methods_can_be_overridden_in_python() -> None:
    class Panel(qt.QWidget):
        def __init__(self) -> None:
            qt.QWidget.__init__(self)
            self.closed = 0

        def closeEvent(self, event: object) -> None:  # noqa: N802
            self.closed += 1

    panel = Panel()
    panel.show()
    panel.close()
    assert panel.closed == 1


def test_ctk_and_mrml_widgets_are_no_instances_of_qt_classes() -> None:
    assert not isinstance(slicer.qMRMLWidget(), qt.QWidget)
    assert isinstance(qt.QCheckBox(), qt.QWidget)
    assert type(ctk.ctkSearchBox()) is ctk.ctkSearchBox


def test_of_ctk_widgets_only_properties_and_slots_are_there() -> None:
    section = ctk.ctkCollapsibleButton()
    section.collapsed = True
    assert (section.collapsed, section.checked) == (True, False)
    section.setText("Inputs")
    assert section.text == "Inputs"
    with pytest.raises(AttributeError, match="setCollapsed"):
        section.setCollapsed(False)
    with pytest.raises(AttributeError, match="_header_height"):
        section._header_height()


def test_a_folded_section_hides_what_is_in_it() -> None:
    section = ctk.ctkCollapsibleButton("Inputs")
    layout = qt.QVBoxLayout(section)
    label = qt.QLabel("Volume")
    layout.addWidget(label)
    section.show()
    assert label.visible
    section.click()
    assert not label.visible
    section.collapsed = False
    assert label.visible


def test_a_deleted_widget_cannot_be_used() -> None:
    label = qt.QLabel("gone")
    label.deleteLater()
    slicer.app.processEvents()
    qt.QApplication.sendPostedEvents(label, 52)
    with pytest.raises(RuntimeError):
        label.text  # noqa: B018
