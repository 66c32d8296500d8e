"""The images of a sweep lie where its crops lie; a damaged one changes nothing."""

import numpy as np
import pytest
import SimpleITK as sitk

from Testing.slicer.positions.volumes import (
    GRIDS,
    made_up_report,
    made_up_sweep,
    open_as_the_worker,
    report_of,
    write_sweep,
)
from Testing.slicer.scene.scenes import add_volume, array_of, voxel_points
from VoCoSlicerLib.errors import VoCoSlicerError
from VoCoSlicerLib.positions.view import PositionView

REPORT = made_up_report()


@pytest.fixture
def view(application):
    return PositionView.create(add_volume(application.scene), "m", REPORT)


@pytest.mark.parametrize("place", [GRIDS["RAS"], GRIDS["oblique, left-handed"],
                                   GRIDS["under transforms"]])  # fmt: skip
def test_each_voxel_lies_in_the_middle_of_its_crop(
    application, phantom, positioner, tmp_path, place
):
    volume_node = place(application.scene, phantom.image)
    opened = open_as_the_worker(positioner, volume_node, tmp_path)
    sweep = opened.sweep(0.5)
    view = PositionView.create(volume_node, "headneck-voco", report_of(opened))
    frame = sweep.frame().grid(sweep.shape)
    view.show_sweep(
        *write_sweep(
            tmp_path / "s",
            sweep.chosen().astype(np.uint8),
            sweep.errors().astype(np.float32),
            frame,
        )
    )
    indices = list(np.ndindex(*sweep.shape))
    for node, expected in (
        (view.chosen_node, [crop.chosen for crop in sweep.crops]),
        (view.errors_node, [crop.distance for crop in sweep.crops]),
    ):
        places = voxel_points(node, indices)
        centres = np.array([crop.centre for crop in sweep.crops])
        np.testing.assert_allclose(places, centres, atol=1e-6)
        found = [array_of(node)[index] for index in indices]
        np.testing.assert_allclose(found, expected, rtol=1e-6)


def test_each_base_has_a_colour_of_its_own(view, tmp_path):
    view.show_sweep(*made_up_sweep(tmp_path))
    colours = view.chosen_node.GetDisplayNode().GetColorNode()
    assert colours.GetNumberOfColors() == 13
    shown = []
    for number in range(13):
        colour = [0.0] * 4
        colours.GetColor(number, colour)
        shown.append(tuple(colour))
    assert shown[0][3] == 0
    assert all(colour[3] == 1 for colour in shown[1:])
    apart = [
        np.abs(np.subtract(a, b)).max() for n, a in enumerate(shown[1:]) for b in shown[1:][:n]
    ]
    assert min(apart) > 0.05
    assert colours.GetColorName(4) == "base 4"


def test_distances_range_from_zero_to_the_largest(view, tmp_path):
    chosen = np.ones((2, 2, 2), np.uint16)
    errors = np.arange(8, dtype=np.float32).reshape(2, 2, 2)
    errors[1, 1, 1] = np.nan
    view.show_sweep(*write_sweep(tmp_path, chosen, errors))
    display = view.errors_node.GetDisplayNode()
    assert (display.GetWindowLevelMin(), display.GetWindowLevelMax()) == (0, 6)
    assert not display.GetAutoWindowLevel()
    assert not display.GetInterpolate()
    assert np.isnan(array_of(view.errors_node)[1, 1, 1])


@pytest.mark.filterwarnings("error")
def test_no_place_predicted_anywhere(view, tmp_path):
    nothing = np.full((2, 2, 2), np.nan, np.float32)
    view.show_sweep(*write_sweep(tmp_path, np.ones((2, 2, 2), np.uint8), nothing))
    assert view.errors_node.GetDisplayNode().GetWindow() > 0


def test_a_second_sweep_takes_the_place_of_the_first(application, view, tmp_path):
    view.show_sweep(*made_up_sweep(tmp_path / "1"))
    count, first = application.scene.GetNumberOfNodes(), view.chosen_node
    chosen = np.full((3, 2, 1), 12, np.uint16)
    view.show_sweep(*write_sweep(tmp_path / "2", chosen, np.ones((3, 2, 1), np.float32)))
    assert application.scene.GetNumberOfNodes() == count
    assert view.chosen_node is first
    np.testing.assert_array_equal(array_of(view.chosen_node), chosen)


def test_the_files_are_needed_no_more(view, tmp_path):
    paths = made_up_sweep(tmp_path)
    view.show_sweep(*paths)
    assert view.chosen_node.GetStorageNode() is None
    assert view.errors_node.GetStorageNode() is None


def cut_off(chosen, errors):
    errors.write_bytes(errors.read_bytes()[:-1])


def longer(chosen, errors):
    chosen.write_bytes(chosen.read_bytes() + b"\0")


def gone(chosen, errors):
    errors.unlink()


def empty(chosen, errors):
    chosen.write_bytes(b"")


def exchanged(chosen, errors):
    chosen.rename(errors.with_name("aside"))
    errors.rename(chosen)
    errors.with_name("aside").rename(errors)


def elsewhere(chosen, errors):
    image = sitk.ReadImage(str(errors))
    image.SetOrigin((1.0, 0.0, 0.0))
    sitk.WriteImage(image, str(errors))


def other_size(chosen, errors):
    sitk.WriteImage(sitk.ReadImage(str(errors))[:1], str(errors))


def whole_numbers(chosen, errors):
    sitk.WriteImage(sitk.Cast(sitk.ReadImage(str(errors)), sitk.sitkUInt8), str(errors))


def components(chosen, errors):
    image = sitk.ReadImage(str(errors))
    sitk.WriteImage(sitk.Compose(image, image), str(errors))


@pytest.mark.parametrize(
    "what",
    [cut_off, longer, gone, empty, exchanged, elsewhere, other_size, whole_numbers, components],
)
def test_damaged_files_are_refused_and_earlier_images_stay(application, view, tmp_path, what):
    view.show_sweep(*made_up_sweep(tmp_path / "good"))
    before = array_of(view.chosen_node).copy(), array_of(view.errors_node).copy()
    paths = made_up_sweep(tmp_path / "bad")
    what(*paths)
    with pytest.raises(VoCoSlicerError, match=r"damaged or cut off.*sweep again"):
        view.show_sweep(*paths)
    np.testing.assert_array_equal(array_of(view.chosen_node), before[0])
    np.testing.assert_array_equal(array_of(view.errors_node), before[1])


def test_a_first_sweep_that_is_damaged_leaves_no_node(application, view, tmp_path):
    count = application.scene.GetNumberOfNodes()
    paths = made_up_sweep(tmp_path)
    cut_off(*paths)
    with pytest.raises(VoCoSlicerError):
        view.show_sweep(*paths)
    assert application.scene.GetNumberOfNodes() == count
    assert view.chosen_node is view.errors_node is None
