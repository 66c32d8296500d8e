"""The list of volumes that are segmented one after the other."""

from collections.abc import Callable, Sequence
from typing import Any

import qt
import slicer

NODE_ID = 0x0100
"""The role of an item's data: `Qt::UserRole`."""


class VolumesPart:
    """A list of the scene's volumes with check boxes."""

    def __init__(self, ui: Any, on_changed: Callable[[], None]) -> None:
        """Take the widget ``volumesList``; ``on_changed`` is called when the user ticks."""
        self._list = ui.volumesList
        self._on_changed = on_changed
        self._filling = False
        self._list.connect("itemChanged(QListWidgetItem*)", self._changed)

    def show(self, ticked: Sequence[slicer.vtkMRMLScalarVolumeNode | None]) -> None:
        """List the volumes of the scene."""
        ids = {node.GetID() for node in ticked if node is not None}
        nodes = slicer.util.getNodesByClass("vtkMRMLScalarVolumeNode")
        shown = [(n.GetID(), n.GetName(), n.GetID() in ids) for n in nodes if _is_for_users(n)]
        if shown == self._shown():
            return
        self._filling = True
        self._list.clear()
        for node_id, name, on in shown:
            item = qt.QListWidgetItem(name)
            item.setFlags(qt.Qt.ItemIsEnabled | qt.Qt.ItemIsUserCheckable)
            item.setData(NODE_ID, node_id)
            item.setCheckState(qt.Qt.Checked if on else qt.Qt.Unchecked)
            self._list.addItem(item)
        self._filling = False

    def ticked(self) -> list[slicer.vtkMRMLScalarVolumeNode]:
        """The volumes that are ticked."""
        nodes = (slicer.mrmlScene.GetNodeByID(i) for i, _name, on in self._shown() if on)
        return [node for node in nodes if node is not None]

    def _shown(self) -> list[tuple[str, str, bool]]:
        items = [self._list.item(row) for row in range(self._list.count)]
        return [(i.data(NODE_ID), i.text(), i.checkState() == qt.Qt.Checked) for i in items]

    def _changed(self, _item: Any) -> None:
        if not self._filling:
            self._on_changed()


def _is_for_users(node: slicer.vtkMRMLScalarVolumeNode) -> bool:
    return not node.GetHideFromEditors() and not node.IsA("vtkMRMLLabelMapVolumeNode")
