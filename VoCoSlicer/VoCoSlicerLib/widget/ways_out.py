"""The ways out where a run will not fit: each makes it need less."""

from typing import Any

from slicer.i18n import tr as _

from VoCoSlicerLib.parameters import Overlap, Parameters
from VoCoSlicerLib.widget.environment import CPU, EnvironmentPanel
from VoCoSlicerLib.widget.input import InputPart
from VoCoSlicerLib.widget.message import Kind, MessagePart, connect
from VoCoSlicerLib.widget.region import box_around


class WaysOutPart:
    """The buttons under an estimate."""

    def __init__(
        self, ui: Any, environment: EnvironmentPanel, inputs: InputPart, message: MessagePart
    ) -> None:
        """Take the widgets.

        Args:
            ui: the window's widgets.
            environment: where the device is chosen.
            inputs: what is segmented.
            message: says what to do with a region.
        """
        self._ui, self._environment = ui, environment
        self._inputs, self._message = inputs, message
        self._parameters: Parameters | None = None
        connect(ui.useCpuButton, self._use_cpu)
        connect(ui.smallTilesButton, self._use_small_tiles)
        connect(ui.lessOverlapButton, self._use_less_overlap)
        connect(ui.cropButton, self._crop)

    def set_parameters(self, parameters: Parameters | None) -> None:
        """Change the choices of a scene; None while there is no scene."""
        self._parameters = parameters

    def renew(self) -> None:
        """Offer those that the choices have left."""
        parameters = self._parameters
        if parameters is not None:
            self._ui.useCpuButton.setVisible(self._environment.device != CPU)
            self._ui.lessOverlapButton.setVisible(parameters.overlap is not Overlap.LITTLE)
            self._ui.cropButton.setVisible(parameters.region is None)

    def show(self, smaller_tiles: bool) -> None:
        """Show the buttons; that for smaller tiles only where they need less."""
        self._ui.smallTilesButton.setVisible(smaller_tiles)
        self._ui.waysOutWidget.setVisible(True)

    def hide(self) -> None:
        """Nothing needs a way out."""
        self._ui.waysOutWidget.setVisible(False)

    def _use_cpu(self) -> None:
        self._environment.device = CPU

    def _use_small_tiles(self) -> None:
        if self._parameters is not None:
            self._parameters.small_tiles = True

    def _use_less_overlap(self) -> None:
        if self._parameters is not None:
            self._parameters.overlap = Overlap.LITTLE

    def _crop(self) -> None:
        parameters = self._parameters
        volume_node = None if parameters is None else self._inputs.first_volume(parameters)
        if parameters is None or volume_node is None:
            return
        parameters.region = box_around(volume_node)
        self._ui.advancedCollapsibleButton.collapsed = False
        self._message.show(
            Kind.NOTE,
            _("Drag the box in the slice views around what you need, then press Apply."),
        )
