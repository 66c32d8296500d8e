import numpy as np

from voco3d.figures.similarity import draw_similarity


def test_matrices_stand_side_by_side_on_one_scale_with_bases_from_1():
    first = np.full((4, 4), 0.9, np.float32)
    last = np.eye(4, dtype=np.float32)
    last[0, 2] = -0.04
    left, right, _ = draw_similarity({"Step 0": first, "Step 9": last}).axes
    for axes, matrix, title in ((left, first, "Step 0"), (right, last, "Step 9")):
        image = axes.get_images()[0]
        np.testing.assert_array_equal(image.get_array(), matrix)
        assert image.get_clim() == (-1, 1)
        assert axes.get_title(loc="left") == title
        assert [text.get_text() for text in axes.get_xticklabels()] == ["1", "2", "3", "4"]
    written = {text.get_position(): text.get_text() for text in right.texts}
    assert written[(2, 0)] == "0.0"  # column 3, row 1
    assert written[(3, 3)] == "1.0"


def test_large_matrices_are_not_written_out():
    axes, _ = draw_similarity({"Step 0": np.eye(25, dtype=np.float32)}).axes
    assert len(axes.texts) == 0
    assert len(axes.get_xticks()) <= 25
