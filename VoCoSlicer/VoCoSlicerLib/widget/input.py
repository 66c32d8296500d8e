"""What is segmented: a volume, with further channels where the model takes them, or many."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import slicer
from slicer.i18n import tr as _

from VoCoSlicerLib.errors import VoCoSlicerError
from VoCoSlicerLib.parameters import Input, Parameters
from VoCoSlicerLib.scene.batches import Series, VolumeSeries
from VoCoSlicerLib.scene.sequences import SequenceSeries
from VoCoSlicerLib.segmenting.one_volume import OneVolume
from VoCoSlicerLib.widget.batch import VolumesPart

CHANNELS = ("second", "third", "fourth")
"""The further channels, as they are named among the parameters and the widgets."""


@dataclass(frozen=True)
class Chosen:
    """What the user chose to segment.

    Attributes:
        series: the volumes and where their results go.
        further_channels: of a model that takes several volumes.
        needed: nodes without which the run makes no sense.
    """

    series: Series
    further_channels: list[slicer.vtkMRMLScalarVolumeNode]
    needed: list[slicer.vtkMRMLNode]


class InputPart:
    """The rows above the model."""

    def __init__(self, ui: Any, on_volumes: Callable[[], None]) -> None:
        """Take the widgets; ``on_volumes`` is called when other volumes are ticked."""
        self._ui = ui
        self.volumes = VolumesPart(ui, on_volumes)

    def show(self, parameters: Parameters, channels: int) -> None:
        """Show the rows that the kind of input needs."""
        kind = parameters.input
        self._show_row("volume", kind is Input.VOLUME)
        self._show_row("sequence", kind is Input.SEQUENCE)
        self._ui.volumesLabel.setVisible(kind is Input.VOLUMES)
        self._ui.volumesList.setVisible(kind is Input.VOLUMES)
        for number, name in enumerate(CHANNELS, start=2):
            self._show_row(f"{name}Volume", kind is Input.VOLUME and number <= channels)
        self._ui.volumeLabel.setText(_("Channel 1:") if channels > 1 else _("Vol&ume:"))
        one = kind is Input.VOLUME
        self._ui.segmentationLabel.setVisible(one)
        self._ui.segmentationSelector.setVisible(one)
        if kind is Input.VOLUMES:
            self.volumes.show(list(parameters.volumes))

    def hindrance(self, parameters: Parameters, channels: int) -> str:
        """Why what is chosen cannot be segmented; empty when it can."""
        if parameters.input is Input.SEQUENCE:
            if parameters.sequence is None:
                return _("Choose a sequence first.")
        elif parameters.input is Input.VOLUMES:
            if not self.volumes.ticked():
                return _("Tick at least one volume first.")
        elif parameters.volume is None:
            return _("Choose a volume first.")
        elif None in self._further_channels(parameters, channels):
            return _("The model takes {count} volumes: choose one for each channel.").format(
                count=channels
            )
        if channels > 1 and parameters.input is not Input.VOLUME:
            return _("The model takes {count} volumes at once: segment them one by one.").format(
                count=channels
            )
        if channels > 1 + len(CHANNELS):
            return _("The model takes {count} volumes, more than this window offers.").format(
                count=channels
            )
        return ""

    def first_volume(self, parameters: Parameters) -> slicer.vtkMRMLScalarVolumeNode | None:
        """The volume, or the first of many."""
        if parameters.input is Input.VOLUME:
            return parameters.volume
        if parameters.input is Input.SEQUENCE:
            sequence = parameters.sequence
            if sequence is None or sequence.GetNumberOfDataNodes() == 0:
                return None
            node = sequence.GetNthDataNode(0)
            return node if node.IsA("vtkMRMLScalarVolumeNode") else None
        ticked = self.volumes.ticked()
        return ticked[0] if ticked else None

    def chosen(self, parameters: Parameters, channels: int) -> Chosen:
        """What to segment.

        Raises:
            VoCoSlicerError: Something is missing or cannot be segmented.
        """
        hindrance = self.hindrance(parameters, channels)
        if hindrance:
            raise VoCoSlicerError(hindrance)
        if parameters.input is Input.SEQUENCE:
            return Chosen(SequenceSeries(parameters.sequence), [], [parameters.sequence])
        if parameters.input is Input.VOLUMES:
            return Chosen(VolumeSeries(self.volumes.ticked()), [], [])
        volume, segmentation = parameters.volume, parameters.segmentation
        further = [node for node in self._further_channels(parameters, channels) if node]
        needed = [node for node in (volume, segmentation, *further) if node is not None]
        return Chosen(OneVolume(volume, segmentation), further, needed)

    def _further_channels(
        self, parameters: Parameters, channels: int
    ) -> list[slicer.vtkMRMLScalarVolumeNode | None]:
        return [getattr(parameters, f"{name}_volume") for name in CHANNELS[: channels - 1]]

    def _show_row(self, name: str, on: bool) -> None:
        getattr(self._ui, f"{name}Label").setVisible(on)
        getattr(self._ui, f"{name}Selector").setVisible(on)
