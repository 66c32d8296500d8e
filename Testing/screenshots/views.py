"""What slice views and 3-D views show of positions, drawn offscreen by Slicer's own view code.

The nodes are those that the module made; the displayable managers, from slicer-core, are those
that draw in 3D Slicer. Added are the body's surface in 3-D, and a frame with letters for
directions. Left out are the handles of boxes: without a mouse they are drawn far from their box.
"""

import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import slicer
import vtk
from PySide6.QtCore import QRect, Qt
from PySide6.QtGui import QColor, QImage, QPainter
from vtk.util.numpy_support import vtk_to_numpy

from VoCoSlicerLib.positions.bases import Point
from VoCoSlicerLib.positions.same_place import SamePlace
from VoCoSlicerLib.positions.slice_views import show_side_by_side
from VoCoSlicerLib.positions.view import PositionView
from VoCoSlicerLib.scene.nodes import remove_with_display

SIDE = 440
"""Width and height of a view in pixels."""

MARGIN = 1.08
"""Size of a slice view over the size of the volume in it."""

GAP, BAR, CAPTION_HEIGHT = 8, 30, 30
BAR_TEXT, LETTER, CAPTION_TEXT = 17, 18, 14
"""Heights in pixels."""

CAPTION = "Drawn by Slicer's own view code, outside of 3D Slicer"
PAGE, TEXT = QColor("#2b2b2b"), QColor("#e8eaed")

SLICE_MANAGERS = ("vtkMRMLModelSliceDisplayableManager", "vtkMRMLMarkupsDisplayableManager")
SPACE_MANAGERS = (
    "vtkMRMLCameraDisplayableManager",
    "vtkMRMLModelDisplayableManager",
    "vtkMRMLMarkupsDisplayableManager",
)

FROM = np.array([-0.5, 0.8, 0.33])
"""Direction from the patient to the viewer of the 3-D view: in front, on the left, above."""

SKIN_HU, SKIN, SKIN_OPACITY = -300.0, (0.9, 0.78, 0.68), 0.4
"""How the body is drawn in the 3-D view."""

PROBE = "import vtk; w = vtk.vtkRenderWindow(); w.OffScreenRenderingOn(); w.Render()"


def can_draw() -> bool:
    """Whether VTK draws on this computer; tried in a process of its own, which may crash."""
    return subprocess.run([sys.executable, "-c", PROBE], capture_output=True).returncode == 0


def draw_bases(view: PositionView, application_logic: Any, path: Path) -> None:
    """Save an axial and a coronal slice, and the 3-D view, of the bases of a volume.

    Args:
        view: With a crop and a predicted place.
        application_logic: Of the scene.
        path: The PNG file.
    """
    studio = Studio(view.volume.GetScene(), application_logic)
    place = view.place_node.GetNthControlPointPositionWorld(0)
    with _without_handles(view.crop_node):
        pictures = [
            studio.slice("Red", "Axial", view.volume, place),
            studio.slice("Green", "Coronal", view.volume, place),
            studio.space(view.volume),
        ]
    _save(pictures, path)


def draw_linked(link: SamePlace, application_logic: Any, path: Path) -> None:
    """Save the axial slices of "Side by side" through both marks of a link.

    Args:
        link: With an answer.
        application_logic: Of the scene.
        path: The PNG file.
    """
    studio = Studio(link.source.GetScene(), application_logic)
    show_side_by_side(link.source, link.target)
    with _without_handles(link.place_node):
        pictures = [
            studio.slice("Red", "Axial", link.source, link.place()),
            studio.slice("Yellow", "Axial", link.target, link.found()),
        ]
    _save(pictures, path)


class Picture:
    """What a view shows.

    Attributes:
        title: What the view is called.
        color: Of the view's bar, as in Slicer.
        pixels: The view.
        letters: The directions left, right, up and down; empty for a 3-D view.
    """

    def __init__(
        self, title: str, color: Sequence[float], pixels: QImage, letters: str = ""
    ) -> None:
        self.title, self.color = title, QColor.fromRgbF(*color)
        self.pixels, self.letters = pixels, letters


class Studio:
    """Draws the views of a scene.

    Args:
        scene: With view nodes.
        application_logic: Of the scene.
    """

    def __init__(self, scene: Any, application_logic: Any) -> None:
        self._scene, self._logic = scene, application_logic

    def slice(self, name: str, orientation: str, volume_node: Any, place: Point) -> Picture:
        """Draw a slice.

        Args:
            name: Layout name of the view.
            orientation: As Slicer calls it.
            volume_node: What is seen behind the nodes.
            place: Where the slice lies, RAS mm.
        """
        slice_node = self._node("vtkMRMLSliceNode", name)
        composite_node = self._node("vtkMRMLSliceCompositeNode", name)
        logic = slicer.vtkMRMLSliceLogic()
        logic.SetMRMLApplicationLogic(self._logic)
        logic.SetMRMLScene(self._scene)
        logic.SetSliceNode(slice_node)
        logic.SetSliceCompositeNode(composite_node)
        composite_node.SetBackgroundVolumeID(volume_node.GetID())
        for layer in (composite_node.SetForegroundVolumeID, composite_node.SetLabelVolumeID):
            layer(None)
        slice_node.SetOrientation(orientation)
        logic.ResizeSliceNode(SIDE, SIDE)
        logic.FitSliceToBackground()
        width, height, depth = slice_node.GetFieldOfView()
        slice_node.SetFieldOfView(MARGIN * width, MARGIN * height, depth)
        slice_node.JumpSliceByOffsetting(*place)
        logic.UpdatePipeline()
        factory = slicer.vtkMRMLSliceViewDisplayableManagerFactory.GetInstance()
        with self._stage(factory, SLICE_MANAGERS, slice_node) as renderer:
            renderer.AddViewProp(_backdrop(logic.GetImageDataConnection()))
            pixels = _render(renderer)
        logic.DeleteSliceModel()
        logic.SetMRMLScene(None)
        title = f"{orientation}, {volume_node.GetName()}"
        return Picture(title, slice_node.GetLayoutColor(), pixels, _letters(slice_node))

    def space(self, volume_node: Any) -> Picture:
        """Draw the 3-D view, with the surface of the body in a volume."""
        view_node = self._scene.GetFirstNodeByClass("vtkMRMLViewNode")
        camera_node = self._scene.GetFirstNodeByClass("vtkMRMLCameraNode")
        factory = slicer.vtkMRMLThreeDViewDisplayableManagerFactory.GetInstance()
        with (
            _body(volume_node),
            self._stage(factory, SPACE_MANAGERS, view_node) as renderer,
        ):
            _look_at(renderer.ComputeVisiblePropBounds(), camera_node)
            renderer.ResetCameraClippingRange()
            pixels = _render(renderer)
        return Picture("3-D", view_node.GetLayoutColor(), pixels)

    def _node(self, kind: str, name: str) -> Any:
        nodes = self._scene.GetNodesByClass(kind)
        return next(node for node in nodes if node.GetLayoutName() == name)

    @contextmanager
    def _stage(self, factory: Any, managers: Sequence[str], view_node: Any) -> Iterator[Any]:
        """A renderer in which displayable managers draw what a view shows."""
        factory.SetMRMLApplicationLogic(self._logic)
        for manager in managers:
            if not factory.IsDisplayableManagerRegistered(manager):
                factory.RegisterDisplayableManager(manager)
        window, renderer = vtk.vtkRenderWindow(), vtk.vtkRenderer()
        window.OffScreenRenderingOn()
        window.SetSize(SIDE, SIDE)
        window.SetMultiSamples(8)
        window.AddRenderer(renderer)
        interactor = vtk.vtkRenderWindowInteractor()
        interactor.SetRenderWindow(window)
        group = slicer.vtkMRMLDisplayableManagerGroup()
        group.Initialize(factory, renderer)
        group.SetMRMLDisplayableNode(view_node)
        yield renderer
        group.SetMRMLDisplayableNode(None)
        window.Finalize()


@contextmanager
def _without_handles(node: Any) -> Iterator[None]:
    """A markup without what one drags it by, for a while."""
    display = node.GetDisplayNode()
    shown = display.GetHandlesInteractive()
    display.SetHandlesInteractive(False)
    yield
    display.SetHandlesInteractive(shown)


@contextmanager
def _body(volume_node: Any) -> Iterator[None]:
    """The surface of the body, as a model of the scene for a while."""
    matrix, transform = vtk.vtkMatrix4x4(), vtk.vtkTransform()
    volume_node.GetIJKToRASMatrix(matrix)
    transform.SetMatrix(matrix)
    contour, to_ras = vtk.vtkFlyingEdges3D(), vtk.vtkTransformPolyDataFilter()
    contour.SetInputData(volume_node.GetImageData())
    contour.SetValue(0, SKIN_HU)
    contour.ComputeScalarsOff()
    to_ras.SetInputConnection(contour.GetOutputPort())
    to_ras.SetTransform(transform)
    to_ras.Update()
    node = volume_node.GetScene().AddNewNodeByClass("vtkMRMLModelNode", "Body")
    node.SetAndObservePolyData(to_ras.GetOutput())
    node.CreateDefaultDisplayNodes()
    node.GetDisplayNode().SetColor(*SKIN)
    node.GetDisplayNode().SetOpacity(SKIN_OPACITY)
    yield
    remove_with_display(node)


def _backdrop(image: Any) -> Any:
    """The slice itself: in Slicer the view draws it, and no displayable manager."""
    mapper = vtk.vtkImageMapper()
    mapper.SetColorWindow(255.0)
    mapper.SetColorLevel(127.5)
    mapper.SetInputConnection(image)
    actor = vtk.vtkActor2D()
    actor.SetMapper(mapper)
    actor.GetProperty().SetDisplayLocationToBackground()
    return actor


def _render(renderer: Any) -> QImage:
    window = renderer.GetRenderWindow()
    window.Render()
    reader = vtk.vtkWindowToImageFilter()
    reader.SetInput(window)
    reader.ReadFrontBufferOff()
    reader.Update()
    scalars = vtk_to_numpy(reader.GetOutput().GetPointData().GetScalars())
    pixels = np.ascontiguousarray(scalars.reshape(SIDE, SIDE, 3)[::-1])
    return QImage(pixels.data, SIDE, SIDE, 3 * SIDE, QImage.Format.Format_RGB888).copy()


def _look_at(bounds: Sequence[float], camera_node: Any) -> None:
    low, high = np.array(bounds[::2]), np.array(bounds[1::2])
    radius = np.linalg.norm(high - low) / 2
    distance = radius / np.sin(np.radians(camera_node.GetViewAngle() / 2))
    middle = (low + high) / 2
    camera_node.SetFocalPoint(*middle)
    camera_node.SetPosition(*(middle + distance * FROM / np.linalg.norm(FROM)))
    camera_node.SetViewUp(0.0, 0.0, 1.0)


def _letters(slice_node: Any) -> str:
    """Towards what the left, right, upper and lower edge of a slice lie."""
    matrix = slice_node.GetSliceToRAS()
    found = []
    for column in range(2):
        axis = [matrix.GetElement(row, column) for row in range(3)]
        row = int(np.argmax(np.abs(axis)))
        ends = "LPI"[row] + "RAS"[row]
        found.append(ends if axis[row] > 0 else ends[::-1])
    (left, right), (down, up) = found
    return left + right + up + down


def _save(pictures: Sequence[Picture], path: Path) -> None:
    """Put pictures beside each other."""
    width = len(pictures) * (SIDE + GAP) + GAP
    page = QImage(width, GAP + BAR + SIDE + CAPTION_HEIGHT, QImage.Format.Format_RGB888)
    page.fill(PAGE)
    painter = QPainter(page)
    for number, picture in enumerate(pictures):
        _paint(painter, GAP + number * (SIDE + GAP), picture)
    painter.setPen(TEXT)
    _text_height(painter, CAPTION_TEXT)
    caption = QRect(0, page.height() - CAPTION_HEIGHT, width, CAPTION_HEIGHT)
    painter.drawText(caption, Qt.AlignmentFlag.AlignCenter, CAPTION)
    painter.end()
    if not page.save(str(path)):
        raise OSError(f"could not write {path}")
    print(path)


def _paint(painter: QPainter, x: int, picture: Picture) -> None:
    bar, place = QRect(x, GAP, SIDE, BAR), QRect(x, GAP + BAR, SIDE, SIDE)
    painter.fillRect(bar, picture.color)
    painter.setPen(QColor("black"))
    _text_height(painter, BAR_TEXT)
    painter.drawText(bar, Qt.AlignmentFlag.AlignCenter, picture.title)
    painter.drawImage(place, picture.pixels)
    painter.setPen(TEXT)
    _text_height(painter, LETTER)
    flags = Qt.AlignmentFlag
    inside = place.adjusted(GAP, GAP, -GAP, -GAP)
    for letter, edge in zip(
        picture.letters,
        (
            flags.AlignLeft | flags.AlignVCenter,
            flags.AlignRight | flags.AlignVCenter,
            flags.AlignTop | flags.AlignHCenter,
            flags.AlignBottom | flags.AlignHCenter,
        ),
        strict=False,
    ):
        painter.drawText(inside, edge, letter)


def _text_height(painter: QPainter, pixels: int) -> None:
    font = painter.font()
    font.setPixelSize(pixels)
    painter.setFont(font)
