"""Settings are a test's own, and read as after a restart of Slicer."""

import pytest

from Testing import harness

harness.start()

import qt  # noqa: E402
import slicer  # noqa: E402

pytestmark = pytest.mark.usefixtures("harness_session")


@pytest.mark.parametrize("value", ["first", "second"])
def test_settings_start_empty_in_each_test(value: str) -> None:
    settings = qt.QSettings()
    assert settings.value("VoCo/model") is None
    settings.setValue("VoCo/model", value)
    assert qt.QSettings().value("VoCo/model") == value
    assert slicer.app.settings().value("VoCo/model") == value


@pytest.mark.parametrize(
    ("stored", "read"),
    [(True, "true"), (3, "3"), (0.5, "0.5"), (["a", "b"], ("a", "b")), (["a"], "a"), ([], None)],
)
def test_values_come_back_as_text(stored: object, read: object) -> None:
    qt.QSettings().setValue("VoCo/value", stored)
    assert qt.QSettings().value("VoCo/value") == read


def test_slicer_util_reads_settings() -> None:
    qt.QSettings().setValue("VoCo/on", False)
    assert slicer.util.settingsValue("VoCo/on", True, converter=slicer.util.toBool) is False
    assert slicer.util.settingsValue("VoCo/absent", 4, converter=int) == 4
