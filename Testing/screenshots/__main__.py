"""Pictures of the panel in every state: ``python -m Testing.screenshots FOLDER``.

They show the test harness, not 3D Slicer, and say so. The runs are real, on a phantom.
"""

import argparse
import os
import signal
import tempfile
from pathlib import Path
from typing import Any

from Testing import harness

harness.start()

import qt  # noqa: E402

from Testing.harness.processes import children  # noqa: E402
from Testing.screenshots.album import PATIENCE, TALL, Album  # noqa: E402
from Testing.screenshots.positions import positions, upside_down  # noqa: E402
from Testing.slicer.window.driver import Driver, load  # noqa: E402
from voco3d.phantom import Phantom, make_phantom  # noqa: E402

TOO_LARGE = {
    "memory": 14.2e9,
    "available": 6.1e9,
    "seconds": 1260.0,
    "windows": 5184,
    "fits": False,
    "smaller_windows": True,
    "advice": ["It will not fit into the memory of the graphics card."],
}


def take_all(folder: Path) -> None:
    """Go through the states as a user does."""
    with tempfile.TemporaryDirectory() as temporary:
        os.environ["VOCO_MODELS"] = str(Path(temporary) / "models")
        window = Driver(harness.load_module("VoCoSlicer"))
        try:
            _go_through(Album(window, folder), window, Path(temporary))
        finally:
            window.unload()
            # Also those that ended and were not heard of: Qt complains of them at the exit.
            harness.wait(lambda: not children(), PATIENCE)


def _go_through(album: Album, window: Driver, temporary: Path) -> None:
    ui = window.ui
    album.take("01-start")
    window.choose_model("VoComni_B")
    album.take("02-weights-to-download")
    window.choose_model("VoComni_nnunet")
    album.take("03-weights-that-do-not-fit")
    window.choose_model("headneck-oar")
    ui.volumeSelector.setCurrentNode(_phantom(temporary, "CT 1", seed=1))
    harness.wait(lambda: not ui.checkLabel.isHidden(), PATIENCE)
    album.take("04-ready")
    ui.structuresCollapsibleButton.collapsed = False
    window.tick("mandible", False)
    album.take("05-structures", TALL)
    ui.structuresCollapsibleButton.collapsed = True
    window.tick("mandible", True)
    _too_large(album, window)
    _run(album, window)
    _several(album, window, temporary)
    _sections(album, window)
    upside_down(album, window, temporary, _made(seed=1))
    positions(album, window, _phantom(temporary, "Follow-up", seed=4))


def _too_large(album: Album, window: Driver) -> None:
    """An estimate that cannot be had on every computer."""
    part: Any = window.loaded.widget.window.estimate
    part._show_estimate(TOO_LARGE)
    album.take("06-too-large")
    window.loaded.widget.window.scene_changed()


def _run(album: Album, window: Driver) -> None:
    ui = window.ui
    ui.overlapComboBox.setCurrentIndex(2)
    window.apply()
    harness.wait(lambda: ui.progressBar.value > 250, PATIENCE)
    album.take("07-running")
    os.kill(window.worker_pid, signal.SIGKILL)
    window.finish(PATIENCE)
    album.take("08-error")
    ui.overlapComboBox.setCurrentIndex(0)
    window.apply()
    window.finish(PATIENCE)
    album.take("09-done", TALL)


def _several(album: Album, window: Driver, temporary: Path) -> None:
    ui = window.ui
    _phantom(temporary, "CT 2", seed=2)
    _phantom(temporary, "CT 3", seed=3)
    ui.inputComboBox.setCurrentIndex(2)
    for row in range(2):
        ui.volumesList.item(row).setCheckState(qt.Qt.Checked)
    harness.wait(lambda: not ui.estimateWidget.isHidden(), PATIENCE)
    album.take("10-several", TALL)
    window.apply()
    harness.wait(lambda: ui.progressBar.value > 600, PATIENCE)
    album.take("11-several-running", TALL)
    window.finish(PATIENCE)
    album.take("12-several-done", TALL)
    ui.inputComboBox.setCurrentIndex(1)
    album.take("13-sequence", TALL)
    ui.inputComboBox.setCurrentIndex(0)


def _sections(album: Album, window: Driver) -> None:
    """Each of the folded sections, with what is above it folded."""
    ui = window.ui
    parts = window.loaded.widget.window
    ui.resultsCollapsibleButton.collapsed = True
    ui.advancedCollapsibleButton.collapsed = False
    album.take("14-advanced")
    ui.advancedCollapsibleButton.collapsed = True
    ui.inputsCollapsibleButton.collapsed = True
    for name, panel in (("15-training", parts.training), ("16-environment", parts.environment)):
        panel.widget.collapsed = False
        album.take(name, TALL)
        panel.widget.collapsed = True
    ui.inputsCollapsibleButton.collapsed = False


def _phantom(folder: Path, name: str, seed: int) -> Any:
    return load(_made(seed).image, folder, name)


def _made(seed: int) -> Phantom:
    return make_phantom("headneck", seed, (40, 44, 48), 6.0)


def main() -> None:
    """Take the pictures."""
    parser = argparse.ArgumentParser(prog="python -m Testing.screenshots", description=__doc__)
    parser.add_argument("folder", type=Path, help="where the pictures go")
    folder = parser.parse_args().folder
    folder.mkdir(parents=True, exist_ok=True)
    take_all(folder)


if __name__ == "__main__":
    main()
