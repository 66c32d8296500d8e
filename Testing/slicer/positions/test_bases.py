"""The boxes that are drawn are the bases that the network sees, on any grid."""

import json
from itertools import product

import numpy as np
import pytest
import SimpleITK as sitk
from vtk.util.numpy_support import vtk_to_numpy

from Testing.slicer.positions.volumes import (
    GRIDS,
    made_up_report,
    open_as_the_worker,
    report_of,
    volume_of,
)
from Testing.slicer.scene.scenes import OBLIQUE, add_volume, rotation, voxel_points
from VoCoSlicerLib.positions.bases import Bases
from VoCoSlicerLib.positions.view import PositionView

FACES = 6


def drawn_faces(view: PositionView) -> np.ndarray:
    """The corners of the faces that the scene draws, ``(base, 6, 4, 3)``."""
    mesh = view.grid_node.GetPolyData()
    faces = [
        [mesh.GetPoint(cell.GetPointId(n)) for n in range(cell.GetNumberOfPoints())]
        for cell in map(mesh.GetCell, range(mesh.GetNumberOfCells()))
    ]
    return np.array(faces).reshape(-1, FACES, 4, 3)


def inside(faces: np.ndarray, places: np.ndarray) -> np.ndarray:
    """Which places lie inside a box, by the planes of its faces."""
    middle = faces.mean(axis=(0, 1))
    within = np.ones(len(places), dtype=bool)
    for face in faces:
        normal = np.cross(face[1] - face[0], face[2] - face[0])
        outwards = normal * np.sign(normal @ (face.mean(axis=0) - middle))
        within &= (places - face[0]) @ outwards <= 0
    return within


def some_voxels(sides) -> np.ndarray:
    """Voxels of a base: its corners and edges, some next to them, some in the middle."""
    return np.array(list(product(*(sorted({0, 1, n // 2, n - 2, n - 1}) for n in sides))))


@pytest.mark.parametrize("place", GRIDS.values(), ids=GRIDS.keys())
def test_each_box_holds_the_voxels_of_its_base(application, phantom, positioner, tmp_path, place):
    volume_node = place(application.scene, phantom.image)
    opened = open_as_the_worker(positioner, volume_node, tmp_path)
    view = PositionView.create(volume_node, "headneck-voco", report_of(opened))
    boxes = drawn_faces(view)
    starts = opened.grid.starts()
    assert len(boxes) == len(starts) == 16
    for number, start in enumerate(starts):
        voxels = opened.frame.to_ras(start + some_voxels(opened.grid.crop) + 0.5)
        holding = [inside(box, voxels) for box in boxes]
        assert holding[number].all()
        assert not np.delete(holding, number, axis=0).any()
        label = view.numbers_node.GetNthControlPointLabel(number)
        place = np.array(view.numbers_node.GetNthControlPointPositionWorld(number))
        assert label == str(number + 1)
        assert inside(boxes[number], place[None]).all()


@pytest.mark.parametrize("counts", [(4, 4, 1), (2, 3, 2), (3, 2, 4), (1, 1, 3), (6, 6, 6)])
def test_no_number_is_behind_another(counts):
    """Seen along any axis: slice views show the numbers of all bases."""
    axes = rotation(0.2, -0.15, 0.3)
    bases = Bases.of_report(made_up_report(counts, axes=axes)["bases"])
    places = np.array(bases.number_places()) @ axes.T
    centres = np.array(bases.centres) @ axes.T
    assert (np.abs(places - centres) <= np.array(bases.size) / 2).all()
    for seen_along in np.eye(3, dtype=bool):
        seen = places[:, ~seen_along]
        distances = np.linalg.norm(seen[:, None] - seen, axis=2)
        np.fill_diagonal(distances, np.inf)
        assert distances.min() > 2.0


def test_the_numbers_of_one_layer_are_in_the_middle_of_their_bases_across_it():
    bases = Bases.of_report(made_up_report((4, 4, 1))["bases"])
    moves = np.subtract(bases.number_places(), bases.centres)
    np.testing.assert_allclose(moves[:, :2], 0.0, atol=1e-9)


@pytest.mark.parametrize("place", GRIDS.values(), ids=GRIDS.keys())
def test_what_is_on_the_left_stays_on_the_left(application, phantom, positioner, tmp_path, place):
    """A piece of metal in the patient's left front: the network sees it in the box around it."""
    image = sitk.Image(phantom.image)
    size = np.array(image.GetSize())
    index = (size * [0.62, 0.38, 0.5]).astype(int)  # LPS: left of the middle, in front of it
    assert image.GetDirection() == (1, 0, 0, 0, 1, 0, 0, 0, 1)
    x, y, z = index.tolist()
    image[x : x + 2, y : y + 2, z : z + 2] = 3000
    volume_node = place(application.scene, image)
    opened = open_as_the_worker(positioner, volume_node, tmp_path)
    view = PositionView.create(volume_node, "headneck-voco", report_of(opened))

    values = vtk_to_numpy(volume_node.GetImageData().GetPointData().GetScalars())
    found = np.nonzero(
        values.reshape(volume_node.GetImageData().GetDimensions(), order="F") == 3000
    )
    metal = voxel_points(volume_node, np.transpose(found)).mean(axis=0)
    holding = [bool(inside(box, metal[None]).all()) for box in drawn_faces(view)]
    assert sum(holding) == 1

    seen = np.argwhere(opened.array[0] == opened.array[0].max()).mean(axis=0)
    number = holding.index(True)
    assert (seen >= opened.grid.starts()[number]).all()
    assert (seen < opened.grid.starts()[number] + opened.grid.crop).all()
    right, anterior, _ = np.array(view.bases.centres[number]) - view.bases.middle()
    assert right < 0 < anterior  # also where the patient is turned, by less than 20 degrees


def test_a_crop_at_a_voxel_is_in_the_box_around_it(application, phantom, positioner, tmp_path):
    """Places go to the worker as they are in the scene, and come back so."""
    volume_node = GRIDS["under transforms"](application.scene, phantom.image)
    opened = open_as_the_worker(positioner, volume_node, tmp_path)
    bases = report_of(opened)["bases"]
    report = report_of(opened, [np.add(bases["centres"][6], [3.0, -2.0, 1.0])])
    view = PositionView.create(volume_node, "headneck-voco", report)
    (number,) = [
        n for n, box in enumerate(drawn_faces(view)) if inside(box, view.crop_centre()).all()
    ]
    assert number == int(np.argmax(report["crops"][0]["overlaps"])) == 6


def test_real_left_parotid_is_in_a_box_on_the_left(application, shared_data, positioner, tmp_path):
    cases = json.loads((shared_data / "openkbp/dataset.json").read_text())["validation"]
    image, labels = (
        sitk.ReadImage(str(shared_data / "openkbp" / cases[0][key])) for key in ("image", "label")
    )
    volume_node = volume_of(application.scene, image)
    label_node = volume_of(application.scene, labels, "labels")
    left = voxel_points(
        label_node,
        np.argwhere(sitk.GetArrayViewFromImage(labels).transpose(2, 1, 0) == 4),
    ).mean(axis=0)
    opened = open_as_the_worker(positioner, volume_node, tmp_path)
    report = report_of(opened, [left])
    view = PositionView.create(volume_node, "headneck-voco", report)
    (number,) = [n for n, box in enumerate(drawn_faces(view)) if inside(box, left[None]).all()]
    assert view.bases.centres[number][0] < view.bases.middle()[0]
    assert report["crops"][0]["overlaps"][number] == max(report["crops"][0]["overlaps"])
    np.testing.assert_allclose(view.crop_centre(), left, atol=1e-6)
    assert not view.stale()


def test_neighbours_do_not_share_faces(application):
    volume_node = add_volume(application.scene)
    report = made_up_report(axes=OBLIQUE.T)
    boxes = drawn_faces(PositionView.create(volume_node, "m", report))
    for box, other in product(boxes, repeat=2):
        if box is not other:
            gap = np.linalg.norm(box.reshape(-1, 1, 3) - other.reshape(1, -1, 3), axis=-1).min()
            assert gap > 0.5  # a third of a voxel of 20 / 16 mm on each side


def test_a_mirrored_box_is_turned_right_handed():
    axes = np.diag([1.0, 1.0, -1.0])
    bases = Bases.of_report(made_up_report(axes=axes)["bases"])
    pose = bases.pose((1.0, 2.0, 3.0))
    assert np.linalg.det(pose[:3, :3]) == pytest.approx(1)
    np.testing.assert_allclose(np.abs(pose[:3, :3]), np.abs(axes))
    assert pose[:3, 3].tolist() == [1, 2, 3]
    assert Bases.from_text(bases.to_text()) == bases
