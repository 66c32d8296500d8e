import hashlib
import json
from pathlib import Path

import pytest
import SimpleITK as sitk

from Testing.conftest import write_dicom_series
from voco3d.data import find_sources
from voco3d.errors import VoCoError


def touch(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()


def listing(folder: Path, **content: object) -> Path:
    path = folder / "dataset.json"
    path.write_text(json.dumps(content))
    return path


def parts(sources):
    return {source.name: source.part for source in sources}


def test_a_folder_with_subfolders(tmp_path):
    touch(
        tmp_path, "a.nii.gz", "b.mha", "more/a.nrrd", "more/notes.txt", ".hidden.nii", "x.seg.nrrd"
    )
    sources = find_sources(tmp_path, 0)
    assert [source.name for source in sources] == ["a", "b", "more/a"]
    assert [source.images for source in sources] == [
        (tmp_path / "a.nii.gz",),
        (tmp_path / "b.mha",),
        (tmp_path / "more/a.nrrd",),
    ]


def test_a_folder_with_dicom_series_is_a_volume(tmp_path, phantom):
    write_dicom_series(phantom.image[:, :, :3], tmp_path / "patient/series")
    touch(tmp_path, "b.nii")
    (tmp_path / "lost link").symlink_to(tmp_path / "nowhere")
    sources = find_sources(tmp_path, 0)
    assert [source.name for source in sources] == ["b", "patient/series"]
    assert sources[1].images == (tmp_path / "patient/series",)


def test_ct_and_mr_together_are_refused(tmp_path, phantom):
    write_dicom_series(phantom.image[:, :, :3], tmp_path / "ct")
    write_dicom_series(phantom.image[:, :, :3], tmp_path / "mr")
    for file in (tmp_path / "mr").iterdir():
        reader = sitk.ReadImage(str(file))
        file.write_bytes(
            file.read_bytes().replace(
                b"\x08\x00\x60\x00CS\x02\x00CT", b"\x08\x00\x60\x00CS\x02\x00MR"
            )
        )
        assert reader.GetMetaData("0008|0060") == "CT"
    with pytest.raises(VoCoError, match=r"mixes modalities: CT .*, MR .*one modality"):
        find_sources(tmp_path)


def test_a_decathlon_list(tmp_path):
    path = listing(
        tmp_path,
        labels={"0": "background"},
        numTraining=2,
        training=[{"image": "./imagesTr/a.nii.gz", "label": "labelsTr/a.nii.gz"}],
        unlabeled_train=[{"image": "imagesTr/b.nii.gz"}],
        validation=[{"image": "imagesTr/c.nii.gz"}],
        unlabeled_validation=[{"image": "imagesTr/d.nii.gz"}],
        test=["./imagesTs/e.nii.gz"],
        unlabeled_test=[{"image": "imagesTs/f.nii.gz"}],
    )
    expected = {
        "imagesTr/a": "training",
        "imagesTr/b": "training",
        "imagesTr/c": "validation",
        "imagesTr/d": "validation",
    }
    assert parts(find_sources(path)) == expected
    assert find_sources(path) == find_sources(tmp_path)
    assert find_sources(path)[0].images == (tmp_path / "imagesTr/a.nii.gz",)


def test_channels_of_a_decathlon_list_stay_in_order(tmp_path):
    listing(tmp_path, training=[{"image": ["z.nii", "a.nii"]}])
    assert find_sources(tmp_path)[0].images == (tmp_path / "z.nii", tmp_path / "a.nii")


def test_an_nnunet_folder(tmp_path):
    listing(tmp_path, channel_names={"0": "CT", "1": "PET"}, file_ending=".nrrd")
    touch(tmp_path, *(f"imagesTr/case_{i}_000{c}.nrrd" for i in (1, 2) for c in (1, 0)))
    touch(
        tmp_path, "imagesTr/case_1_0000.nii.gz", "imagesTs/case_9_0000.nrrd", "labelsTr/case_1.nrrd"
    )
    first, second = find_sources(tmp_path)
    assert (first.name, second.name) == ("case_1", "case_2")
    assert first.images == tuple(tmp_path / f"imagesTr/case_1_000{c}.nrrd" for c in (0, 1))


def test_a_missing_channel_is_refused(tmp_path):
    listing(tmp_path, channel_names={"0": "CT", "1": "PET"}, file_ending=".nrrd")
    touch(tmp_path, "imagesTr/a_0000.nrrd", "imagesTr/a_0001.nrrd", "imagesTr/b_0000.nrrd")
    with pytest.raises(VoCoError, match="Case b has 1 channels, but .* names 2"):
        find_sources(tmp_path)


def test_different_channel_counts_are_refused(tmp_path):
    listing(
        tmp_path,
        training=[{"image": "a.nii"}, {"image": "b.nii"}, {"image": ["c.nii", "d.nii"]}],
    )
    with pytest.raises(VoCoError, match="most have 1, c has 2"):
        find_sources(tmp_path)


@pytest.mark.parametrize("nnunet", [True, False])
def test_an_empty_data_set_is_refused(tmp_path, nnunet):
    if nnunet:
        (tmp_path / "imagesTr").mkdir()
        listing(tmp_path, file_ending=".nii.gz")
    with pytest.raises(VoCoError, match="holds no image"):
        find_sources(tmp_path)


def test_what_is_not_there_is_refused(tmp_path):
    with pytest.raises(VoCoError, match="does not exist"):
        find_sources(tmp_path / "nothing")


@pytest.mark.parametrize("content", ["{", "[1]", "\udcff"])
def test_a_broken_list_is_refused(tmp_path, content):
    (tmp_path / "dataset.json").write_bytes(content.encode("utf-8", "surrogateescape"))
    with pytest.raises(VoCoError, match="data list"):
        find_sources(tmp_path)


def test_a_volume_for_both_parts_is_refused(tmp_path):
    listing(tmp_path, training=[{"image": "a.nii"}], validation=[{"image": "./a.nii"}])
    with pytest.raises(VoCoError, match="a is listed for training and for validation"):
        find_sources(tmp_path)


def test_two_images_of_one_name_are_refused(tmp_path):
    touch(tmp_path, "a.nii", "a.nrrd")
    with pytest.raises(VoCoError, match="Two images are called a"):
        find_sources(tmp_path)


def test_a_share_is_held_out(tmp_path):
    touch(tmp_path, *(f"{i}.nii" for i in range(20)))
    held_out = [
        name for name, part in parts(find_sources(tmp_path, 0.2)).items() if part != "training"
    ]
    assert len(held_out) == 4
    (tmp_path / "moved").mkdir()
    for file in tmp_path.glob("*.nii"):
        file.rename(tmp_path / "moved" / file.name)
    again = parts(find_sources(tmp_path / "moved", 0.2))
    assert [name for name, part in again.items() if part != "training"] == held_out
    assert set(parts(find_sources(tmp_path, 0)).values()) == {"training"}


def test_the_hash_of_the_name_decides_what_is_held_out(tmp_path):
    """Neither the order of the names nor the process has a say in it."""
    names = [str(number) for number in range(20)]
    touch(tmp_path, *(f"{name}.nii" for name in names))
    hashed = sorted(names, key=lambda name: hashlib.sha256(name.encode()).hexdigest())
    found = parts(find_sources(tmp_path, 0.2)).items()
    assert {name for name, part in found if part == "validation"} == set(hashed[:4])


@pytest.mark.parametrize(("volumes", "validation"), [(1, 0), (2, 1), (3, 1)])
def test_few_volumes_keep_one_for_training(tmp_path, volumes, validation):
    touch(tmp_path, *(f"{i}.nii" for i in range(volumes)))
    for share in (0.01, 0.3):
        found = list(parts(find_sources(tmp_path, share)).values())
        assert found.count("validation") == validation
    assert "training" in parts(find_sources(tmp_path, 0.99)).values()


@pytest.mark.parametrize("share", [-0.1, 1.0, float("nan")])
def test_an_impossible_share_is_refused(tmp_path, share):
    with pytest.raises(VoCoError, match="held out"):
        find_sources(tmp_path, share)


def test_the_real_data(shared_data):
    found = list(parts(find_sources(shared_data / "openkbp")).values())
    assert (found.count("training"), found.count("validation")) == (170, 33)
