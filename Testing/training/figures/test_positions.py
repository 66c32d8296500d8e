"""The pictures of crops show each thing where it is."""

from dataclasses import replace

import numpy as np
import pytest
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from Testing.training.models.position_model import position_model
from Testing.training.positions.pictures import noise
from voco3d.figures.positions import (
    PLANES,
    ROWS,
    draw_arrows,
    draw_cut,
    draw_errors,
    draw_layer,
    draw_positions,
    show_cut,
)
from voco3d.positions import Positioner


@pytest.fixture(scope="module")
def volume(tmp_path_factory):
    folder = tmp_path_factory.mktemp("models") / "m"
    position_model(folder)
    return Positioner(folder, "cpu").open(noise(oblique=True), counts=(2, 1, 2))


@pytest.mark.parametrize("plane", PLANES, ids=lambda plane: plane.name)
def test_a_cut_shows_the_slice_the_crop_the_bases_and_the_place(volume, plane):
    (crop,) = volume.locate(volume.frame.to_ras([[21, 8, 14]]))
    axes = Figure().add_subplot()
    draw_cut(axes, volume, crop, plane)
    spacing = volume.frame.spacing
    centre = volume.frame.to_voxels(crop.centre)
    np.testing.assert_allclose(centre, [21, 8, 14])
    (box,) = [patch for patch in axes.patches if patch.get_gid() == "crop"]
    first = (centre - 8) * spacing
    assert box.get_xy() == pytest.approx((first[plane.across], first[plane.up]))
    assert box.get_width() == pytest.approx(16 * spacing[plane.across])
    place = volume.frame.to_voxels(crop.place) * spacing
    (marker,) = axes.lines
    assert marker.get_xdata()[0] == pytest.approx(place[plane.across])
    assert marker.get_ydata()[0] == pytest.approx(place[plane.up])
    layer = {0: {3, 4}, 1: {1, 2, 3, 4}, 2: {1, 3}}[plane.through]
    numbers = {int(text.get_text()) for text in axes.texts if text.get_text().isdigit()}
    assert numbers == layer
    fills = [p for p in axes.patches if isinstance(p, Rectangle) and p.get_fill()]
    shares = [crop.predicted[number - 1] for number in sorted(layer)]
    assert [patch.get_alpha() for patch in fills] == pytest.approx([0.6 * s for s in shares])


@pytest.mark.parametrize("plane", PLANES, ids=lambda plane: plane.name)
def test_sides_are_where_radiologists_look_for_them(volume, plane):
    axes = Figure().add_subplot()
    show_cut(axes, volume, plane, 5)
    picture = np.asarray(axes.images[0].get_array())
    np.testing.assert_array_equal(picture, np.take(volume.array[0], 5, plane.through).T)
    assert axes.xaxis_inverted()
    assert not axes.yaxis_inverted()
    letters = {text.get_text(): text.xy for text in axes.texts}
    ends = {0: ("R", "L"), 1: ("A", "P"), 2: ("S", "I")}
    left, right = ends[plane.across]  # the axis runs to R or A, and is inverted
    top, bottom = ends[plane.up]
    assert letters[left][0] < letters[right][0]
    assert letters[top][1] > letters[bottom][1]


def test_the_error_map_says_the_distances(volume):
    sweep = volume.sweep(0.5)
    figure = draw_errors(volume, sweep)
    layers = sweep.shape[2]
    panels = [axes for axes in figure.axes if axes.images][::2][:layers]
    for layer, axes in zip(range(layers - 1, -1, -1), panels, strict=True):
        said = {
            text.get_position(): text.get_text() for text in axes.texts if text.get_text().isdigit()
        }
        assert len(said) == sweep.shape[0] * sweep.shape[1]
        for (x, y), says in said.items():
            distances = {
                round(crop.distance)
                for crop in sweep.crops
                if np.allclose(
                    (volume.frame.to_voxels(crop.centre) * volume.frame.spacing)[:2], (x, y)
                )
            }
            assert int(says) in distances
            index = [
                i
                for i, crop in enumerate(sweep.crops)
                if np.allclose(
                    (volume.frame.to_voxels(crop.centre) * volume.frame.spacing)[:2], (x, y)
                )
            ][layer]
            assert int(says) == round(sweep.crops[index].distance)


def nowhere(volume, monkeypatch):
    """Have the network say of no crop that it overlaps a base."""
    embedded = -volume.embed(volume.grid.starts())[:1].expand(volume.grid.n, -1)
    monkeypatch.setattr(volume, "_embedded", embedded)


def test_where_no_place_is_predicted_that_is_shown(volume, monkeypatch):
    nowhere(volume, monkeypatch)
    sweep = volume.sweep(1.0)
    assert np.isnan(sweep.errors()).all()
    figure = draw_errors(volume, sweep)
    said = [text.get_text() for axes in figure.axes for text in axes.texts]
    assert said.count("?") == len(sweep.crops)
    (cells, *_) = [image for axes in figure.axes for image in axes.images if image.zorder == 2]
    assert cells.get_clim() == (0, 1)
    crops = volume.locate([volume.bases.centres[0]])
    figure = draw_positions(volume, crops)
    assert not figure.axes[0].lines
    assert "no place predicted" in {text.get_text() for text in figure.axes[3].texts}
    assert "predicted place" not in {t.get_text() for t in figure.legends[0].get_texts()}


def test_the_legend_names_the_predicted_place_if_any_crop_has_one(volume):
    (crop,) = volume.locate([volume.bases.centres[0]])
    crops = [replace(crop, place=None, distance=None), crop]
    named = {t.get_text() for t in draw_positions(volume, crops).legends[0].get_texts()}
    assert "predicted place" in named


def test_lines_lead_from_true_to_predicted_places(volume):
    sweep = volume.sweep(1.0)
    for layer in range(sweep.shape[2]):
        axes = Figure().add_subplot()
        draw_arrows(axes, volume, sweep, layer)
        crops = [
            crop
            for index, crop in zip(np.ndindex(*sweep.shape), sweep.crops, strict=True)
            if index[2] == layer
        ]
        true, predicted = axes.lines
        for line, name in ((true, "centre"), (predicted, "place")):
            places = [getattr(crop, name) for crop in crops]
            points = volume.frame.to_voxels(places) * volume.frame.spacing
            np.testing.assert_allclose(line.get_xydata(), points[:, :2])
        shown = np.asarray(axes.images[0].get_array())
        z = int(volume.frame.to_voxels(crops[0].centre)[2])
        np.testing.assert_array_equal(shown, volume.array[0, :, :, z].T)


def test_of_many_cells_no_numbers_are_written(volume):
    sweep = volume.sweep(0.0625)
    assert max(sweep.shape[:2]) > 12
    axes = Figure().add_subplot()
    draw_layer(axes, volume, sweep, sweep.errors(), 0)
    assert not [text for text in axes.texts if text.get_text().isdigit()]


def test_the_last_slice_is_shown_for_a_place_at_the_end(volume):
    axes = Figure().add_subplot()
    show_cut(axes, volume, PLANES[0], volume.grid.size[2])
    picture = np.asarray(axes.images[0].get_array())
    np.testing.assert_array_equal(picture, volume.array[0, :, :, -1].T)


def test_z_scores_are_shown_from_the_lowest_to_the_highest(volume, monkeypatch):
    axes = Figure().add_subplot()
    show_cut(axes, volume, PLANES[0], 0)
    assert axes.images[0].get_clim() == (0, 1)
    monkeypatch.setattr(volume, "array", volume.array * 6 - 2)
    show_cut(axes, volume, PLANES[0], 0)
    assert axes.images[1].get_clim() == (volume.array.min(), volume.array.max())


def test_of_many_crops_the_first_are_shown(volume):
    figure = draw_positions(volume, volume.locate_random(ROWS + 2))
    assert len(figure.axes) == 4 * ROWS
    assert f"first {ROWS} of {ROWS + 2}" in figure.get_supxlabel()
