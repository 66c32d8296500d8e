import io

import numpy as np
import pytest
from matplotlib.colors import to_rgb
from PIL import Image

from voco3d.figures.examples import draw_examples, draw_place, show_axial
from voco3d.figures.style import PREDICTED, TRUE, new_figure, to_png
from voco3d.geometry import BaseGrid, overlap_shares
from voco3d.pretraining.monitoring.examples import Examples

GRID = BaseGrid((4, 4, 1), (16, 16, 8))


def pixels(figure):
    return np.asarray(Image.open(io.BytesIO(to_png(figure))).convert("RGB")) / 255


def place_of(axes, x, y, shape):
    """Row and column of a voxel position in the PNG, which has twice the figure's pixels."""
    across, up = axes.transData.transform((x, y)) * 2
    return round(shape[0] - up), round(across)


def marked_example():
    """A crop of white in a black volume, in front on the patient's right."""
    start = np.array([40, 36, 0])
    slice_ = np.zeros((64, 64), np.uint8)
    slice_[40:56, 36:52] = 255
    overlaps = overlap_shares(GRID.boxes_at(start[None]), GRID.boxes()).astype(np.float32)
    return Examples(
        GRID,
        np.array([0]),
        slice_[None],
        np.full((1, 16, 16), 255, np.uint8),
        start[None],
        overlaps,
    )


def test_the_patients_right_is_on_the_left_and_anterior_on_top():
    picture = np.zeros((40, 20), np.uint8)
    picture[30:, 15:] = 255  # right (x grows to the right), anterior (y grows to the front)
    figure = new_figure(4, 4)
    axes = figure.subplots()
    show_axial(axes, picture)
    image = pixels(figure)
    box = axes.get_window_extent()
    left, right = round(box.x0 * 2), round(box.x1 * 2)
    top, bottom = (round(image.shape[0] - v * 2) for v in (box.y1, box.y0))
    part = image[top:bottom, left:right].mean(-1)
    height, width = part.shape
    assert part[: height // 5, : width // 5].mean() > 0.9
    assert part[: height // 5, -width // 5 :].mean() < 0.1
    assert part[-height // 5 :, : width // 5].mean() < 0.1
    where = {text.get_text(): text.get_window_extent() for text in axes.texts}
    assert where["R"].x1 <= box.x0 + 1
    assert where["L"].x0 >= box.x1 - 1
    assert where["A"].y0 >= box.y1 - 1
    assert where["P"].y1 <= box.y0 + 1


def test_the_crops_box_surrounds_the_marked_crop_to_the_pixel():
    examples = marked_example()
    figure = draw_examples(examples, np.eye(16, dtype=np.float32)[[0]])
    image = pixels(figure)
    axes = figure.axes[0]
    orange = np.abs(image - to_rgb(TRUE)).max(-1) < 0.1
    for x, y in ((40, 44), (56, 44), (48, 36), (48, 52)):
        row, across = place_of(axes, x, y, image.shape)
        assert orange[row - 3 : row + 4, across - 3 : across + 4].any(), (x, y)
    for (x, y), white in (((48, 44), True), ((36, 44), False), ((60, 44), False)):
        row, across = place_of(axes, x, y + 2, image.shape)
        assert (image[row, across].mean() > 0.9) == white
    row, across = place_of(axes, 48, 44, image.shape)
    box = axes.get_window_extent()
    assert across < box.x0 + box.x1  # the patient's right is on the left of the picture
    assert row < image.shape[0] - (box.y0 + box.y1)  # and the front is on top


def test_bases_are_numbered_from_1_where_they_lie():
    figure = draw_examples(marked_example(), np.eye(16, dtype=np.float32)[[0]])
    numbers = {t.get_text(): t.xy for t in figure.axes[0].texts if t.get_text().isdigit()}
    assert set(numbers) == {str(i) for i in range(1, 17)}
    for base, (x, y, _) in enumerate(GRID.starts()):
        assert numbers[str(base + 1)] == (x + 16, y + 16)


def test_only_the_bases_of_the_crops_layer_are_drawn():
    grid = BaseGrid((2, 2, 3), (8, 8, 8))
    for z, layer in ((0, 0), (6, 1), (9, 1), (16, 2)):
        axes = new_figure(2, 2).subplots()
        draw_place(axes, np.zeros((16, 16), np.uint8), grid, np.array([3, 3, z]), 0)
        numbers = [int(t.get_text()) - 1 for t in axes.texts if t.get_text().isdigit()]
        assert numbers == [i for i in range(12) if i % 3 == layer]


def test_the_base_chosen_is_shaded():
    axes = new_figure(2, 2).subplots()
    draw_place(axes, np.zeros((64, 64), np.uint8), GRID, np.array([0, 0, 0]), 6)
    shaded = [p for p in axes.patches if p.get_facecolor()[:3] == to_rgb(PREDICTED)]
    assert [patch.get_xy() for patch in shaded] == [tuple(GRID.starts()[6][:2])]


@pytest.mark.parametrize(("chosen", "says"), [(14, "✓ base 15"), (3, "✗ base 4 instead of 11")])
def test_bars_show_true_and_predicted_overlaps(chosen, says):
    examples = marked_example()
    logits = np.linspace(0.0, 0.3, 16, dtype=np.float32)
    logits[chosen] = 0.9
    bars = draw_examples(examples, logits[None]).axes[2]
    true, predicted = bars.containers
    assert [bar.get_height() for bar in true] == pytest.approx(examples.overlaps[0].tolist())
    assert [bar.get_height() for bar in predicted] == pytest.approx(logits.tolist())
    assert [bar.get_center()[0] for bar in predicted] == pytest.approx(list(range(1, 17)))
    assert bars.texts[0].get_text() == says
