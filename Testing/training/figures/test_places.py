"""The picture of a place and the same place elsewhere shows each where it is."""

from itertools import product

import numpy as np
import pytest
from matplotlib.figure import Figure

from Testing.training.models.position_model import position_model
from Testing.training.positions.pictures import middle_of, noise
from voco3d.figures.places import GAP, SHOWN, draw_box, draw_place, draw_places
from voco3d.figures.positions import PLANES
from voco3d.positions import PlaceFinder, Positioner

SIDES = np.array([150.0, 160.0, 170.0])


@pytest.fixture(scope="module")
def finder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("models") / "m"
    position_model(folder)
    images = noise((20, 22, 30)), noise((24, 18, 20), (2.0, 3.0, 2.0), oblique=True, seed=5)
    return PlaceFinder(Positioner(folder, "cpu"), *images)


@pytest.mark.parametrize("plane", PLANES, ids=lambda plane: plane.name)
def test_the_crosshair_meets_at_the_place(finder, plane):
    volume = finder.target
    voxels = np.array([21.3, 9.4, 30.6])
    axes = Figure().add_subplot()
    draw_place(axes, volume, tuple(volume.frame.to_ras(voxels)), plane, "red", SIDES)
    picture = np.asarray(axes.images[0].get_array())
    cut = np.take(volume.array[0], int(voxels[plane.through]), plane.through)
    np.testing.assert_array_equal(picture, cut.T)
    x, y = (voxels * volume.frame.spacing)[[plane.across, plane.up]]
    ends = np.array(axes.collections[0].get_segments())
    (right, left), (bottom, top) = axes.get_xlim(), axes.get_ylim()
    np.testing.assert_allclose(ends[0], [(left, y), (x - GAP, y)])
    np.testing.assert_allclose(ends[1], [(x + GAP, y), (right, y)])
    np.testing.assert_allclose(ends[2], [(x, bottom), (x, y - GAP)])
    np.testing.assert_allclose(ends[3], [(x, y + GAP), (x, top)])
    (box,) = axes.patches
    first = np.rint(voxels - 8) * volume.frame.spacing
    assert box.get_xy() == pytest.approx((first[plane.across], first[plane.up]))
    assert box.get_width() == pytest.approx(16 * volume.frame.spacing[plane.across])
    assert box.get_height() == pytest.approx(16 * volume.frame.spacing[plane.up])


@pytest.mark.parametrize("plane", PLANES, ids=lambda plane: plane.name)
def test_sides_and_scale(finder, plane):
    axes = Figure().add_subplot()
    volume = finder.source
    draw_place(axes, volume, tuple(volume.frame.to_ras([16, 16, 24])), plane, "red", SIDES)
    assert axes.xaxis_inverted()
    assert not axes.yaxis_inverted()
    (right, left), (bottom, top) = axes.get_xlim(), axes.get_ylim()
    assert right - left == pytest.approx(SIDES[plane.across])
    assert top - bottom == pytest.approx(SIDES[plane.up])
    middle = (np.array(volume.grid.size) / 2 * volume.frame.spacing)[[plane.across, plane.up]]
    assert ((left + right) / 2, (bottom + top) / 2) == pytest.approx(tuple(middle))
    letters = {text.get_text(): text.xy for text in axes.texts}
    ends = {0: ("R", "L"), 1: ("A", "P"), 2: ("S", "I")}
    (left, right), (above, below) = ends[plane.across], ends[plane.up]
    assert letters[left][0] < letters[right][0]
    assert letters[above][1] > letters[below][1]


def test_source_and_target_each_show_their_place(finder):
    (found,) = finder.find([middle_of(noise((20, 22, 30))) + np.array([9.0, -4.0, 6.0])])
    figure = draw_places(finder, [found])
    assert len(figure.axes) == 6
    for row, volume, place in ((0, finder.source, found.asked), (1, finder.target, found.place)):
        point = volume.frame.to_voxels(place) * volume.frame.spacing
        for axes, plane in zip(figure.axes[3 * row : 3 * row + 3], PLANES, strict=True):
            across, up = axes.collections[0].get_segments()[0][0][1], axes.collections[0]
            assert across == pytest.approx(point[plane.up])
            assert up.get_segments()[2][0][0] == pytest.approx(point[plane.across])
            if row:
                (mark,) = axes.lines
                share = volume.frame.to_voxels(found.relative) * volume.frame.spacing
                assert mark.get_xdata()[0] == pytest.approx(share[plane.across])
                assert mark.get_ydata()[0] == pytest.approx(share[plane.up])
    r, a, s = found.place
    assert f"R {r:.0f}, A {a:.0f}, S {s:.0f} mm" in {t.get_text() for t in figure.axes[3].texts}
    said = {text.get_text() for text in figure.axes[5].texts}
    assert f"similarity {found.similarity:.2f}" in said


def test_of_many_places_the_first_are_shown(finder):
    found = finder.find([middle_of(noise((20, 22, 30)))]) * (SHOWN + 1)
    figure = draw_places(finder, found)
    assert len(figure.axes) == 6 * SHOWN
    assert f"first {SHOWN} of {SHOWN + 1}" in figure.get_supxlabel()


@pytest.mark.parametrize("plane", PLANES, ids=lambda plane: plane.name)
def test_a_box_is_outlined_where_it_is(finder, plane):
    """In a volume whose axes are turned, its outline is that of its corners."""
    corners = finder.target.frame.to_ras(list(product((3, 20), (5, 15), (10, 40))))
    axes = Figure().add_subplot()
    draw_box(axes, finder.target, corners, plane, "red")
    (outline,) = axes.patches
    sides = np.array([(3, 20), (5, 15), (10, 40)]) * finder.target.frame.spacing[:, None]
    x, y = sides[plane.across], sides[plane.up]
    drawn = {tuple(np.round(place, 2)) for place in outline.get_xy()}
    assert drawn == {tuple(np.round(place, 2)) for place in product(x, y)}


def test_both_boxes_are_drawn(finder):
    half = np.array(list(product((-6, 6), repeat=3)))
    (found,) = finder.find_boxes([middle_of(noise((20, 22, 30))) + half])
    figure = draw_places(finder, [found])
    for row, volume, centre in ((0, finder.source, found.asked), (1, finder.target, found.place)):
        middle = volume.frame.to_voxels(centre) * volume.frame.spacing
        for axes, plane in zip(figure.axes[3 * row : 3 * row + 3], PLANES, strict=True):
            _crop, outline = axes.patches
            corners = outline.get_xy()
            seen = (corners.min(axis=0) + corners.max(axis=0)) / 2
            assert seen == pytest.approx(middle[[plane.across, plane.up]])
