from itertools import pairwise

import numpy as np

from voco3d.figures.confusion import draw_confusion

COUNTS = np.array([[3, 1, 0], [0, 5, 5], [0, 0, 0]])


def test_rows_are_references_and_columns_predictions_with_counts_and_shares():
    (axes,) = draw_confusion(COUNTS, ["normal", "CP", "NCP"]).axes
    written = {text.get_position(): text.get_text() for text in axes.texts}
    assert written[(0, 0)] == "3\n75%"
    assert written[(1, 0)] == "1\n25%"  # column, row
    assert written[(2, 1)] == "5\n50%"
    assert written[(0, 1)] == "0\n0%"
    assert written[(2, 2)] == "no case"
    np.testing.assert_allclose(axes.get_images()[0].get_array()[0], [0.75, 0.25, 0])
    assert [text.get_text() for text in axes.get_xticklabels()] == ["normal", "CP", "NCP"]
    assert [text.get_text() for text in axes.get_yticklabels()] == [
        "normal\n(4)",
        "CP\n(10)",
        "NCP\n(0)",
    ]
    bottom, top = axes.get_ylim()
    assert bottom > top  # the first row is on top


def test_long_names_are_broken_into_lines():
    figure = draw_confusion(COUNTS, ["normal", "common pneumonia", "novel coronavirus pneumonia"])
    (axes,) = figure.axes
    figure.draw_without_rendering()
    boxes = [label.get_window_extent() for label in axes.get_xticklabels()]
    for left, right in pairwise(boxes):
        assert left.x1 < right.x0
