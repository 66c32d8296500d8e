"""What is written is what was found."""

import csv
import json

import pytest

import voco3d
from Testing.training.positions.pictures import noise
from voco3d.figures.positions import pictures
from voco3d.positions.writing import FILES, OVERLAP_COLUMNS, write_positions


def rows(path):
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def written(opened, tmp_path_factory):
    folder = tmp_path_factory.mktemp("out") / "positions"
    crops = opened.locate_random(3, seed=1)
    sweep = opened.sweep(1.0)
    write_positions(folder, opened.report(crops), sweep, pictures(opened, crops, sweep))
    return folder, crops, sweep


def test_all_files_are_there_and_nothing_else(written):
    folder, _, _ = written
    assert {path.name for path in folder.iterdir()} == set(FILES)
    for name in FILES:
        if name.endswith(".png"):
            assert (folder / name).read_bytes().startswith(b"\x89PNG")


def test_json_holds_everything(written, opened):
    folder, crops, sweep = written
    content = json.loads((folder / "positions.json").read_text())
    assert content["model"] == "positions"
    assert content["voco3d"] == voco3d.__version__
    assert content["embedding"] == "projector"
    assert content["bases"] == json.loads(json.dumps(opened.bases.to_plain()))
    assert content["crops"] == json.loads(json.dumps([crop.to_plain() for crop in crops]))
    assert content["summary"]["crops"] == 3
    assert content["sweep"]["shape"] == list(sweep.shape)
    assert content["sweep"]["crops"] == len(sweep.crops)


def test_tables_hold_a_row_a_crop_and_a_row_an_overlap(written):
    folder, crops, sweep = written
    table = rows(folder / "crops.csv")
    for number, (row, crop) in enumerate(zip(table, crops, strict=True), start=1):
        assert int(row["crop"]) == number
        for side, centre, place in zip("ras", crop.centre, crop.place, strict=True):
            assert float(row[f"centre_{side}"]) == pytest.approx(centre, rel=1e-5)
            assert float(row[f"predicted_{side}"]) == pytest.approx(place, rel=1e-5)
        assert float(row["distance_mm"]) == pytest.approx(crop.distance, rel=1e-5)
        assert int(row["base"]) == crop.chosen
        assert crop.overlaps[int(row["true_base"]) - 1] == max(crop.overlaps)
        assert int(row["right"]) == crop.right
        assert float(row["loss"]) == pytest.approx(crop.loss, rel=1e-5)
    overlaps = rows(folder / "overlaps.csv")
    assert tuple(overlaps[0]) == OVERLAP_COLUMNS
    expected = [
        (number, base, *values)
        for number, crop in enumerate(crops, start=1)
        for base, values in enumerate(
            zip(crop.overlaps, crop.predicted, crop.differences, strict=True), start=1
        )
    ]
    for row, line in zip(overlaps, expected, strict=True):
        assert [float(value) for value in row.values()] == pytest.approx(line, rel=1e-5)
    errors = rows(folder / "errors.csv")
    assert list(errors[0]) == list(table[0])
    for row, crop in zip(errors, sweep.crops, strict=True):
        assert float(row["distance_mm"]) == pytest.approx(crop.distance, rel=1e-5)
        assert float(row["centre_r"]) == pytest.approx(crop.centre[0], rel=1e-5)


def test_a_crop_without_a_predicted_place_is_written_too(positioner, tmp_path, monkeypatch):
    volume = positioner.open(noise())
    monkeypatch.setattr(volume, "_embedded", -volume.embed(volume.grid.starts())[:1].expand(4, -1))
    crops = volume.locate([volume.bases.centres[0]])
    assert crops[0].place is None
    sweep = volume.sweep(1.0)
    write_positions(tmp_path / "out", volume.report(crops), sweep, pictures(volume, crops, sweep))
    text = (tmp_path / "out/positions.json").read_text()
    assert "NaN" not in text
    content = json.loads(text)
    for part in ("summary", "sweep"):
        assert content[part]["median_distance_mm"] is None
    for table in ("crops.csv", "errors.csv"):
        (row, *_) = rows(tmp_path / "out" / table)
        assert [row["distance_mm"], *(row[f"predicted_{side}"] for side in "ras")] == [""] * 4


def test_without_a_sweep_there_is_no_error_map(opened, tmp_path):
    crops = opened.locate_random(1)
    drawn = pictures(opened, crops, None)
    written = write_positions(tmp_path / "out", opened.report(crops), None, drawn)
    assert {path.name for path in (tmp_path / "out").iterdir()} == set(written)
    assert set(FILES) - set(written) == {"errors.csv", "errors.png"}
    assert "sweep" not in json.loads((tmp_path / "out/positions.json").read_text())


def test_pictures_can_be_stopped_and_files_too(opened, tmp_path):
    crops = opened.locate_random(1)
    told = []
    drawn = pictures(opened, crops, None, lambda *state: told.append(state))
    assert told == [(0, 2, "drawing"), (1, 2, "drawing")]

    def stop():
        raise StopIteration

    with pytest.raises(StopIteration):
        write_positions(tmp_path / "out", opened.report(crops), None, drawn, stop)
    assert not list((tmp_path / "out").iterdir())
