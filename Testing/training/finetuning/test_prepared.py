import json
import tracemalloc
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

from Testing.training.finetuning.tiny_cases import write_cases
from voco3d.data import Preprocessing
from voco3d.data.preprocessing import image_to_array, to_network
from voco3d.errors import VoCoError
from voco3d.finetuning.data_list import read_data_list
from voco3d.finetuning.prepared import PreparedCase, prepare

WINDOW = Preprocessing((1.5, 1.5, 1.5), (-175.0, 250.0))
EVERYTHING = (slice(None), slice(None), slice(None))


def prepared(path: Path, preprocessing: Preprocessing = WINDOW) -> tuple[PreparedCase, ...]:
    return prepare(read_data_list(path), preprocessing, path.parent / "store")["training"]


def rewrite(path: Path, **changes: object) -> Path:
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))
    return path


def change(file: Path, changed) -> sitk.Image:
    """Replace an image by what ``changed`` makes of it."""
    image = changed(sitk.ReadImage(str(file)))
    sitk.WriteImage(image, str(file))
    return image


def refusal(path: Path) -> str:
    with pytest.raises(VoCoError) as caught:
        prepared(path)
    text = str(caught.value)
    assert "\n" not in text
    assert text.endswith(".")
    assert not list((path.parent / "store").glob(".*"))
    return text


@pytest.fixture
def path(tmp_path) -> Path:
    return write_cases(tmp_path, training=1, validation=1)


def oblique(image: sitk.Image) -> sitk.Image:
    turn = np.array(sitk.Euler3DTransform((0, 0, 0), 0.2, -0.3, 0.1).GetMatrix()).reshape(3, 3)
    image.SetDirection((turn @ np.array(image.GetDirection()).reshape(3, 3)).ravel().tolist())
    return image


@pytest.mark.parametrize("axes", ["LPS", "RAS", "LAI", "SLP", "AIR", "oblique"])
def test_any_orientation_gives_the_same_voxels(path, axes):
    (before,) = prepared(path)
    for file in ("case0_0000.nii.gz", "case0_label.nii.gz"):
        change(
            path.parent / file,
            oblique if axes == "oblique" else lambda image: sitk.DICOMOrient(image, axes),
        )
    (after,) = prepared(path)
    assert np.array_equal(after.image(EVERYTHING), before.image(EVERYTHING))
    assert np.array_equal(after.labels(EVERYTHING), before.labels(EVERYTHING))
    assert after.spacing == pytest.approx((2.0, 2.0, 2.5))
    assert after.shape == (24, 20, 16)


def test_what_is_stored_is_the_image_in_ras_to_half_a_thousandth(path):
    (case,) = prepared(path)
    image = sitk.DICOMOrient(sitk.ReadImage(str(path.parent / "case0_0000.nii.gz")), "RAS")
    expected = (image_to_array(image) + 175) / 425
    stored = case.image(EVERYTHING)
    assert stored.shape == (1, 24, 20, 16)
    assert stored.min() < -1  # not clipped yet
    inside = (expected >= 0) & (expected <= 1)
    assert np.abs(stored[0] - expected)[inside].max() <= 2.0**-12
    assert np.abs(stored[0] - expected).max() < 2e-3
    box = (slice(3, 9), slice(5, 6), slice(0, 16))
    assert np.array_equal(case.image(box), stored[(slice(None), *box)])


def test_labels_are_1_and_the_index_of_their_value_and_places_are_theirs(tmp_path):
    path = write_cases(
        tmp_path, training=1, validation=0, labels={"850": "c", "205": "a", "500": "b"}
    )
    (case,) = prepared(path)
    label = sitk.ReadImage(str(tmp_path / "case0_label.nii.gz"))
    array = image_to_array(sitk.DICOMOrient(label, "RAS"))
    labels = case.labels(EVERYTHING)
    for index, value in enumerate((205, 500, 850), start=1):
        assert np.array_equal(labels == index, array == value)
        assert {tuple(p) for p in case.places[index - 1]} == {
            *map(tuple, np.argwhere(array == value))
        }


def test_of_a_large_structure_some_places_are_remembered_always_the_same(tmp_path):
    path = write_cases(tmp_path, training=1, validation=0, size=(48, 44, 40))
    (one,) = prepared(path)
    (other,) = prepare(read_data_list(path), WINDOW, tmp_path / "elsewhere")["training"]
    labels = one.labels(EVERYTHING)
    assert (labels == 1).sum() > 300
    for index, places in enumerate(one.places, start=1):
        assert len({*map(tuple, places)}) == min(1000, (labels == index).sum())
        assert (labels[tuple(places.T)] == index).all()
        assert np.array_equal(places, other.places[index - 1])


def test_z_scores_are_those_that_an_inference_sees_channel_by_channel(tmp_path):
    path = write_cases(tmp_path, training=1, validation=0, channels=2)
    files = [tmp_path / f"case0_{channel:04}.nii.gz" for channel in range(2)]
    images = [change(file, lambda image: sitk.Mask(image, image > -300)) for file in files]
    preprocessing = Preprocessing(None, None, crop_foreground=False)
    (case,) = prepared(path, preprocessing)
    expected = to_network(images, preprocessing).array
    assert case.image(EVERYTHING) == pytest.approx(expected, abs=5e-3)
    assert (case.image(EVERYTHING)[expected == 0] == 0).all()
    assert np.ptp(expected[1]) != pytest.approx(np.ptp(expected[0]), rel=0.1)


def test_an_absurd_intensity_stays_finite(path):
    def spoiled(image: sitk.Image) -> sitk.Image:
        image = sitk.Cast(image, sitk.sitkFloat32)
        image[3, 3, 3] = 1e30
        return image

    change(path.parent / "case0_0000.nii.gz", spoiled)
    assert np.isfinite(prepared(path)[0].image(EVERYTHING)).all()


def test_an_undeclared_label_is_refused(path):
    change(path.parent / "case0_label.nii.gz", lambda label: label + 2)
    assert "holds the label 4, which" in refusal(path)


@pytest.mark.parametrize("change_grid", ["spacing", "size", "axes"])
def test_a_label_on_another_grid_is_refused(path, change_grid):
    def moved(label: sitk.Image) -> sitk.Image:
        if change_grid == "size":
            return label[1:]
        if change_grid == "axes":
            return sitk.DICOMOrient(label, "LPS")
        label.SetSpacing((2, 2, 2.4))
        return label

    change(path.parent / "case0_label.nii.gz", moved)
    text = refusal(path)
    assert "case0_label.nii.gz lies on another grid than" in text
    assert "prediction" not in text


def _shifted(image: sitk.Image) -> sitk.Image:
    image.SetOrigin((20.0, 31.0, -40.0))
    return image


@pytest.mark.parametrize("moved", [lambda image: image[1:], _shifted])
def test_channels_on_different_grids_are_refused(tmp_path, moved):
    path = write_cases(tmp_path, training=1, validation=0, channels=2)
    change(tmp_path / "case0_0001.nii.gz", moved)
    assert "case0_0001.nii.gz lies on another grid than" in refusal(path)


def test_channels_may_have_their_axes_in_another_order(tmp_path):
    path = write_cases(tmp_path, training=1, validation=0, channels=2)
    (before,) = prepared(path)
    change(tmp_path / "case0_0001.nii.gz", lambda image: sitk.DICOMOrient(image, "SLP"))
    (after,) = prepared(path)
    assert np.array_equal(after.image(EVERYTHING), before.image(EVERYTHING))


def test_a_structure_that_no_training_case_has_is_refused(path):
    """Not even where its voxels are in a validation case."""
    change(path.parent / "case0_label.nii.gz", lambda label: sitk.Mask(label, label != 2))
    assert "has a voxel of left gland" in refusal(path)


def test_a_structure_that_no_training_case_knows_is_refused(path):
    training = json.loads(path.read_text())["training"]
    training[0]["classes"] = ["right gland", "cord"]
    assert "has a voxel of left gland" in refusal(rewrite(path, training=training))


def test_one_image_under_two_names_in_two_parts_is_refused(path):
    image = path.parent / "case0_0000.nii.gz"
    (path.parent / "case1_0000.nii.gz").write_bytes(image.read_bytes())
    text = refusal(path)
    assert "case0_0000.nii.gz (training)" in text
    assert "case1_0000.nii.gz (validation) are the same image" in text


@pytest.mark.parametrize("file", ["case0_0000.nii.gz", "case0_label.nii.gz"])
def test_a_missing_or_damaged_file_is_named(path, file):
    place = path.parent / file
    content = place.read_bytes()
    place.write_bytes(content[: len(content) // 2])
    assert file in refusal(path)
    place.unlink()
    assert file in refusal(path)


def stamps(store: Path) -> dict[Path, int]:
    return {file: file.stat().st_mtime_ns for file in store.rglob("*")}


def test_the_store_is_used_again_and_keyed_by_content(path):
    (one,) = prepared(path)
    before = stamps(path.parent / "store")
    (again,) = prepared(path)
    assert stamps(path.parent / "store") == before
    assert again.folder == one.folder
    moved = (path.parent / "case0_0000.nii.gz").rename(path.parent / "elsewhere.nii.gz")
    training = json.loads(path.read_text())["training"]
    training[0]["image"] = moved.name
    assert prepared(rewrite(path, training=training))[0].folder == one.folder
    assert prepared(path, replace(WINDOW, spacing=(3, 3, 3)))[0].folder == one.folder
    assert prepared(path, replace(WINDOW, intensity=(-175.0, 251.0)))[0].folder != one.folder
    assert before.items() <= stamps(path.parent / "store").items()
    change(moved, lambda image: image + 1)
    assert prepared(path)[0].folder != one.folder


def test_another_label_map_is_another_case(path):
    (one,) = prepared(path)
    labels = one.labels(EVERYTHING)
    change(path.parent / "case0_label.nii.gz", lambda label: sitk.ChangeLabel(label, {1: 2, 2: 1}))
    (other,) = prepared(path)
    assert np.array_equal(other.labels(EVERYTHING), np.array([0, 2, 1, 3])[labels])


@pytest.mark.parametrize("file", ["image.b2nd", "labels.b2nd", "places.npz", "case.json"])
def test_what_was_deleted_from_the_store_is_made_again(path, file):
    (one,) = prepared(path)
    image = one.image(EVERYTHING)
    (one.folder / file).unlink()
    (again,) = prepared(path)
    assert np.array_equal(again.image(EVERYTHING), image)
    assert again.labels(EVERYTHING).any()
    assert not list((path.parent / "store").glob(".*"))


@pytest.mark.parametrize("file", ["image.b2nd", "labels.b2nd", "places.npz", "case.json"])
def test_what_is_damaged_in_the_store_is_named(path, file):
    (case,) = prepared(path)
    (case.folder / file).write_bytes(b"{")
    with pytest.raises(VoCoError, match=f"{case.folder.name}.* damaged: delete it") as caught:
        _prepare_all(path)
    if file.endswith(".b2nd"):
        assert "voco finetune" in str(caught.value)


def _prepare_all(path: Path) -> list[int]:
    """Prepare cases and read them: the sums of labels and intensities."""
    return [
        round(float(array.sum(dtype=np.float64)))
        for case in prepared(path)
        for array in (case.image(EVERYTHING), case.labels(EVERYTHING))
    ]


def test_two_runs_may_prepare_at_once(tmp_path):
    path = write_cases(tmp_path, training=4, validation=0)
    with ThreadPoolExecutor(3) as pool:
        one, other, third = pool.map(_prepare_all, [path] * 3)
    assert one == other == third
    assert len(list((tmp_path / "store").iterdir())) == 4


def test_a_store_that_cannot_be_written_is_refused(path):
    (path.parent / "store").write_text("a file")
    assert "cannot be written" in refusal(path)


def test_many_workers_give_the_same_in_the_same_order(tmp_path):
    path = write_cases(tmp_path, training=4, validation=1)
    data, told = read_data_list(path), []
    one = prepare(data, WINDOW, tmp_path / "one")
    many = prepare(data, WINDOW, tmp_path / "many", 3, lambda *step: told.append(step))
    assert [c.case for c in one["training"]] == [c.case for c in many["training"]]
    assert [c.sha256 for c in one["training"]] == [c.sha256 for c in many["training"]]
    assert told == [(n, 5, "preparing cases") for n in range(1, 6)]


def test_a_case_of_a_category_has_no_labels(tmp_path):
    path = write_cases(tmp_path, training=2, validation=0, categories=["normal", "dense"])
    one, other = prepared(path)
    assert (one.case.category, other.case.category) == (0, 1)
    assert not one.labels(EVERYTHING).any()
    assert one.places == ()


def test_memory_is_a_few_times_that_of_the_image(tmp_path):
    path = write_cases(tmp_path, training=1, validation=0, size=(96, 96, 64))
    prepared(path, replace(WINDOW, intensity=(-100.0, 100.0)))
    tracemalloc.start()
    prepared(path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 14 * 96 * 96 * 64
