import math

import numpy as np
import pytest

from voco3d.errors import VoCoError
from voco3d.training.record import (
    append_row,
    column,
    drop_arrays,
    keep_rows,
    read_rows,
    step_file,
    write_array,
)

COLUMNS = ("step", "loss", "gpu")


def rows(*steps):
    return [{"step": step, "loss": step / 3, "gpu": math.nan} for step in steps]


def write(path, *steps):
    keep_rows(path, COLUMNS, 0)
    for row in rows(*steps):
        append_row(path, row)


def test_what_is_appended_is_read(tmp_path):
    write(tmp_path / "a.csv", 10, 20, 30)
    read = read_rows(tmp_path / "a.csv")
    np.testing.assert_array_equal(column(read, "step"), [10, 20, 30])
    np.testing.assert_allclose(column(read, "loss"), [10 / 3, 20 / 3, 10], rtol=1e-8)
    assert np.isnan(column(read, "gpu")).all()
    assert np.isnan(column(read, "absent")).all()
    assert (tmp_path / "a.csv").read_text().splitlines()[:2] == ["step,loss,gpu", "10,3.33333333,"]


def test_rows_after_the_step_that_a_run_resumes_from_are_dropped(tmp_path):
    write(tmp_path / "a.csv", 10, 20, 30, 40)
    keep_rows(tmp_path / "a.csv", COLUMNS, 25)
    append_row(tmp_path / "a.csv", rows(30)[0])
    assert column(read_rows(tmp_path / "a.csv"), "step").tolist() == [10, 20, 30]


def test_a_line_that_a_kill_cut_off_is_left_out_and_mended(tmp_path):
    write(tmp_path / "a.csv", 10, 20)
    with (tmp_path / "a.csv").open("a") as file:
        file.write("30,1")
    assert column(read_rows(tmp_path / "a.csv"), "step").tolist() == [10, 20]
    keep_rows(tmp_path / "a.csv", COLUMNS, 99)
    append_row(tmp_path / "a.csv", rows(30)[0])
    assert column(read_rows(tmp_path / "a.csv"), "step").tolist() == [10, 20, 30]


def test_an_absent_or_empty_record_has_no_rows(tmp_path):
    assert read_rows(tmp_path / "a.csv") == []
    (tmp_path / "b.csv").touch()
    assert read_rows(tmp_path / "b.csv") == []


def test_a_record_that_cannot_be_written_is_an_error_of_one_sentence(tmp_path):
    with pytest.raises(VoCoError, match="cannot be written"):
        keep_rows(tmp_path / "absent" / "a.csv", COLUMNS, 0)


def test_arrays_after_a_step_are_dropped(tmp_path):
    for step in (0, 500, 1000):
        write_array(step_file(tmp_path, step), np.full((2, 2), step, dtype=np.float32))
    drop_arrays(tmp_path, 500)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["000000000.npy", "000000500.npy"]
    assert np.load(step_file(tmp_path, 500), allow_pickle=False)[0, 0] == 500
