"""Dialogs are recorded and answered, and never wait."""

import pytest

from Testing import harness
from Testing.harness.dialogs import UnansweredDialogError
from Testing.harness.fixtures import faults_left

harness.start()

import ctk  # noqa: E402
import qt  # noqa: E402
import slicer  # noqa: E402

pytestmark = pytest.mark.usefixtures("harness_session")


def test_a_message_needs_no_answer() -> None:
    slicer.util.errorDisplay("Out of memory", detailedText="Traceback")
    slicer.util.warningDisplay("Not all slices")
    qt.QMessageBox.information(None, "VoCo", "Done")
    kinds = [(dialog.kind, dialog.text) for dialog in harness.dialogs.shown]
    assert kinds == [
        ("critical", "Out of memory"),
        ("warning", "Not all slices"),
        ("information", "Done"),
    ]
    assert harness.dialogs.shown[0].details == "Traceback"


def test_a_question_gets_the_queued_answer() -> None:
    harness.dialogs.answer("Yes", "No", "Cancel")
    assert slicer.util.confirmYesNoDisplay("Download?")
    assert not slicer.util.confirmYesNoDisplay("Accept?")
    assert not slicer.util.confirmOkCancelDisplay("Install?", windowTitle="VoCo")
    assert harness.dialogs.texts == ["Download?", "Accept?", "Install?"]
    assert harness.dialogs.shown[-1].buttons == ("Ok", "Cancel")


def test_a_question_without_an_answer_fails() -> None:
    with pytest.raises(UnansweredDialogError):
        slicer.util.confirmYesNoDisplay("Download?")


def test_an_answer_that_is_no_button_fails() -> None:
    harness.dialogs.answer("Maybe")
    with pytest.raises(AssertionError, match="Maybe"):
        slicer.util.confirmYesNoDisplay("Download?")


def test_an_answer_that_nobody_asked_for_is_a_fault() -> None:
    harness.dialogs.answer("Yes")
    assert faults_left(set()) == ["the answer 'Yes' was not asked for"]
    harness.dialogs.clear()


def test_file_dialogs_return_text() -> None:
    harness.dialogs.answer("/a/model.pt", "/a/out.csv", "/a", ["/a/1.nii", "/a/2.nii"], "")
    assert qt.QFileDialog.getOpenFileName(None, "Model", "", "*.pt") == "/a/model.pt"
    assert qt.QFileDialog.getSaveFileName(None, "Table", "", "*.csv") == "/a/out.csv"
    assert qt.QFileDialog.getExistingDirectory(None, "Folder") == "/a"
    assert qt.QFileDialog.getOpenFileNames(None, "Volumes") == ("/a/1.nii", "/a/2.nii")
    assert qt.QFileDialog.getOpenFileName(None, "Model") == ""
    assert [dialog.text for dialog in harness.dialogs.shown[:2]] == ["Model", "Table"]


def test_browsing_for_a_path() -> None:
    edit = ctk.ctkPathLineEdit()
    edit.filters = ctk.ctkPathLineEdit.Dirs
    harness.dialogs.answer("/data/cts")
    edit.browse()
    assert edit.currentPath == "/data/cts"
    assert harness.dialogs.shown[-1].kind == "directory"


def test_any_other_dialog_is_answered_by_a_function_of_it() -> None:
    dialog = qt.QDialog()
    edit = qt.QLineEdit(dialog)
    edit.name = "edit"

    def fill(shown: object) -> bool:
        shown.findChild(type(edit._native)).setText("typed")
        return True

    harness.dialogs.answer(fill)
    assert dialog.exec_() == qt.QDialog.Accepted
    assert edit.text == "typed"


def test_an_error_in_a_try_block_is_shown_and_raised() -> None:
    with (
        pytest.raises(ValueError, match="boom"),
        slicer.util.tryWithErrorDisplay("Segmenting failed.", waitCursor=True),
    ):
        raise ValueError("boom")
    assert harness.dialogs.texts == ["Segmenting failed.\n\nboom"]


def test_installations_are_recorded_only() -> None:
    slicer.packaging.pip_ensure(["no-such-package>=3"], requester="VoCo", prompt_install=False)
    slicer.util.pip_install("other")
    assert [call.function for call in harness.installations.calls] == ["pip_ensure", "pip_install"]
    assert harness.installations.calls[0].options["requester"] == "VoCo"
    with pytest.raises(TypeError):
        slicer.packaging.pip_ensure("x", promt_install=False)
    assert slicer.packaging.pip_check("pytest")
    assert not slicer.packaging.pip_check("pytest<1")
