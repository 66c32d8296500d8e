"""The states of the panel "Contextual positions" and of the check of a volume."""

import os
import signal
from pathlib import Path
from typing import Any

import numpy as np
import SimpleITK as sitk
import slicer

from Testing import harness
from Testing.screenshots.album import LONG, PATIENCE, TALL, Album
from Testing.screenshots.views import can_draw, draw_bases, draw_linked
from Testing.slicer.window.driver import Driver, load
from voco3d.phantom import Phantom

BRAINSTEM = (-3.0, 14.0, -5.0)
"""The middle of the brainstem of the phantom "CT 1", RAS mm."""


def upside_down(album: Album, window: Driver, folder: Path, phantom: Phantom) -> None:
    """A volume whose header is wrong, before Apply."""
    voxels = sitk.GetArrayFromImage(phantom.image)[::-1].copy()
    wrong = sitk.GetImageFromArray(voxels)
    wrong.CopyInformation(phantom.image)
    before = window.ui.volumeSelector.currentNode()
    window.ui.volumeSelector.setCurrentNode(load(wrong, folder, "Wrong header"))
    harness.wait(lambda: "upside down" in window.ui.checkLabel.text, PATIENCE)
    album.take("17-upside-down")
    window.ui.volumeSelector.setCurrentNode(before)


def positions(album: Album, window: Driver, other: Any) -> None:
    """From the empty panel to two linked volumes, with what is above it folded."""
    panel: Any = window.loaded.widget.window.positions
    ui = panel.ui
    window.ui.inputsCollapsibleButton.collapsed = True
    panel.widget.collapsed = False
    album.take("18-positions")
    ui.showBasesButton.click()
    harness.wait(lambda: not ui.basesProgressWidget.isHidden(), PATIENCE)
    album.take("19-positions-starting")
    harness.wait(lambda: panel._view is not None and panel._view.crop is not None, PATIENCE)
    centre = np.add(panel._view.crop_centre(), [20.0, 15.0, 0.0])
    panel._view.crop_node.SetCenterWorld(*centre)
    harness.wait(lambda: np.allclose(panel._view.crop["asked"], centre, atol=0.01), PATIENCE)
    album.take("20-positions-crop", TALL)
    ui.stepComboBox.setCurrentIndex(1)
    ui.sweepButton.click()
    harness.wait(lambda: ui.sweepProgressBar.value > 300, PATIENCE)
    album.take("21-positions-sweeping", TALL)
    harness.wait(lambda: panel._view.errors_node is not None, PATIENCE)
    ui.otherVolumeSelector.setCurrentNode(other)
    ui.linkButton.click()
    harness.wait(lambda: "similarity" in ui.placeLabel.text, PATIENCE)
    ui.similarityGroupBox.collapsed = False
    album.take("22-positions-whole", LONG)
    ui.similarityGroupBox.collapsed = True
    _views(album, panel)
    _busy(album, window, panel)
    _changed(album, window, panel)
    _died(album, window, panel)
    _not_set_up(album, panel)
    ui.linkButton.click()
    ui.removeBasesButton.click()
    panel.widget.collapsed = True
    window.ui.inputsCollapsibleButton.collapsed = False


def _views(album: Album, panel: Any) -> None:
    """What the views show of the bases and of two linked volumes."""
    if not can_draw():
        print("22-positions-views and 22-positions-linked are left out: VTK cannot draw here.")
        return
    logic = slicer.app.applicationLogic()
    panel.ui.linkButton.click()
    draw_bases(panel._view, logic, album.folder / "22-positions-views.png")
    panel._view.show(False)
    _link(panel, mark=1)
    link = panel._place._link
    before = link.found()
    link.place_node.SetCenterWorld(*BRAINSTEM)
    harness.wait(lambda: link.found() != before, PATIENCE)
    draw_linked(link, logic, album.folder / "22-positions-linked.png")
    panel.ui.linkButton.click()
    _link(panel, mark=0)
    panel._view.show(True)


def _link(panel: Any, mark: int) -> None:
    """Link the volumes with a kind of mark, and wait for the first answer."""
    panel.ui.markComboBox.setCurrentIndex(mark)
    harness.wait(lambda: panel.ui.linkButton.enabled, PATIENCE)
    panel.ui.linkButton.click()
    harness.wait(lambda: "similarity" in panel.ui.placeLabel.text, PATIENCE)


def _busy(album: Album, window: Driver, panel: Any) -> None:
    """While a segmentation runs."""
    window.apply()
    harness.wait(lambda: window.ui.progressBar.value > 100, PATIENCE)
    album.take("23-positions-busy", TALL)
    window.ui.applyButton.click()
    window.finish(PATIENCE)
    window.loaded.widget.window._message.clear()


def _changed(album: Album, window: Driver, panel: Any) -> None:
    """The volume was moved after its bases were shown."""
    volume_node = panel._view.volume
    spacing = volume_node.GetSpacing()
    volume_node.SetSpacing(*(1.1 * side for side in spacing))
    panel.update()
    album.take("24-positions-changed", TALL)
    volume_node.SetSpacing(*spacing)
    panel.update()


def _died(album: Album, window: Driver, panel: Any) -> None:
    """The worker is ended by the system in the middle of a sweep."""
    panel.ui.sweepButton.click()
    harness.wait(lambda: panel.ui.sweepProgressBar.value > 100, PATIENCE)
    os.kill(window.worker_pid, signal.SIGKILL)
    harness.wait(lambda: not panel.ui.messageFrame.isHidden(), PATIENCE)
    album.take("25-positions-error", TALL)
    panel._message.clear()


def _not_set_up(album: Album, panel: Any) -> None:
    """PyTorch is not there yet."""
    panel._python.lack = lambda: "Not set up."
    panel.update()
    album.take("26-positions-not-set-up", TALL)
    del panel._python.lack
    panel.update()
