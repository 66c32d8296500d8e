"""Pictures: size, caption, light and dark."""

from pathlib import Path

import pytest

from Testing import harness
from Testing.harness.palettes import DARK, LIGHT
from Testing.harness.screenshots import CAPTION_HEIGHT, save_screenshot

harness.start()

import qt  # noqa: E402
from PySide6.QtGui import QImage  # noqa: E402
from PySide6.QtWidgets import QLabel, QVBoxLayout, QWidget  # noqa: E402

pytestmark = pytest.mark.usefixtures("harness_session")


@pytest.mark.parametrize(("dark", "color"), [(False, LIGHT["Window"]), (True, DARK["Window"])])
def test_a_picture_has_its_size_colours_and_caption(dark: bool, color: str, tmp_path: Path) -> None:
    panel = qt.QWidget()
    panel.show()
    path = tmp_path / "pictures/panel.png"
    save_screenshot(panel._native, path, (300, 200), dark)
    picture = QImage(str(path))
    assert (picture.width(), picture.height()) == (300, 200)
    assert picture.pixelColor(5, 5).name() == color
    rows = range(200 - CAPTION_HEIGHT, 200)
    written = {picture.pixelColor(x, y).name() for x in range(300) for y in rows}
    assert len(written) > 1


def test_a_panel_that_is_too_tall_is_cut_and_not_squeezed(tmp_path: Path) -> None:
    panel, text = QWidget(), QLabel("one two three four five six seven eight nine ten " * 20)
    text.setWordWrap(True)
    QVBoxLayout(panel).addWidget(text)
    panel.show()
    save_screenshot(panel, tmp_path / "panel.png", (300, 100))
    assert QImage(str(tmp_path / "panel.png")).height() == 100
    assert text.height() >= text.heightForWidth(text.width()) > 100
