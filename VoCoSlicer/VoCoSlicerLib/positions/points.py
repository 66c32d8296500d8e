"""Named points as markups that the user does not move."""

from collections.abc import Mapping, Sequence

import slicer


def show_points(
    node: slicer.vtkMRMLMarkupsFiducialNode, points: Mapping[str, Sequence[float]]
) -> None:
    """Give a node exactly these points, locked, with one event.

    Args:
        node: In a scene; gets display nodes where it has none.
        points: RAS mm in the world by label.
    """
    modifying = node.StartModify()
    try:
        node.SetAndObserveTransformNodeID(None)
        node.SetLocked(True)
        if node.GetNumberOfControlPoints() != len(points):
            node.RemoveAllControlPoints()
            for _ in points:
                node.AddControlPoint(0.0, 0.0, 0.0)
        for number, (label, place) in enumerate(points.items()):
            node.SetNthControlPointLabel(number, label)
            node.SetNthControlPointPosition(number, *place)
            node.SetNthControlPointVisibility(number, True)
        if node.GetDisplayNode() is None:
            node.CreateDefaultDisplayNodes()
        node.GetDisplayNode().SetPropertiesLabelVisibility(False)
        node.GetDisplayNode().SetPointLabelsVisibility(True)
    finally:
        node.EndModify(modifying)
