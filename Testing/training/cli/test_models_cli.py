"""``voco models``: add, list, describe."""

import json
import re
from pathlib import Path

import pytest
import SimpleITK as sitk
import torch

from Testing.conftest import small_model
from Testing.training.models.position_model import position_model
from Testing.training.outputs.disk import full_disk
from voco3d.networks import NetworkConfig, build_network

SWIN = NetworkConfig("swin_unetr", 1, 21, {"feature_size": 12})


def checkpoint(file: Path, wanted: str = "", dropped: str = "-") -> dict[str, torch.Tensor]:
    """A checkpoint as the authors wrap it; returns its tensors by the network's own keys."""
    torch.manual_seed(0)
    network = build_network(SWIN)
    tensors = {
        key: tensor
        for key, tensor in network.state_dict().items()
        if key.startswith(wanted or ("swinViT", "encoder", "decoder", "out")) and dropped not in key
    }
    theirs = {
        "module.backbone." + key.replace("swinViT", "swin_vit"): tensor
        for key, tensor in tensors.items()
    }
    torch.save({"epoch": 7, "state_dict": theirs}, file)
    return tensors


def test_add_list_describe_and_use_a_model(voco, tmp_path, ct, out, user_models):
    tensors = checkpoint(tmp_path / "release.pt")
    result = voco("models", "add", tmp_path / "release.pt", "--name", "trunk", "--spacing", "6")
    assert (result.code, result.err) == (0, "")
    fates = dict(line.split()[1::-1] for line in result.out.splitlines() if "in the file" in line)
    assert fates == dict.fromkeys(tensors, "loaded")
    assert "(in the file: module.backbone.swin_vit.patch_embed.proj.weight)" in result.out
    assert "100.0 % of the parameters loaded" in result.out
    assert f"{user_models / 'trunk'}: " in result.out
    assert [folder.name for folder in user_models.iterdir()] == ["trunk"]

    listed = voco("models", "list")
    assert listed.code == 0
    assert re.search(r"^trunk +20 ", listed.out, re.MULTILINE)

    described = voco("models", "info", "trunk")
    assert described.code == 0
    assert "swin_unetr {'feature_size': 12}" in described.out
    assert "6 x 6 x 6 mm" in described.out
    assert re.search(r"label 2 +right kidney: Kidney \(SCT 64033007\), Right", described.out)

    file = user_models / "trunk/configs/metadata.json"
    metadata = json.loads(file.read_text())
    assert metadata["voco"]["window"] == [96, 96, 96]
    metadata["voco"]["window"] = [64, 64, 64]  # a third of the time
    file.write_text(json.dumps(metadata))
    result = voco("segment", ct, out / "r.seg.nrrd", "--model", "trunk", "--progress", "none")
    assert result.code == 0
    header = sitk.ReadImage(str(out / "r.seg.nrrd"))
    assert header.GetMetaData("Segment0_Name") == "spleen"
    assert header.GetMetaData("Segment19_Name") == "lung cancer"

    assert "exists already" in voco("models", "add", tmp_path / "release.pt", "--name", "trunk").err
    assert (
        voco("models", "add", tmp_path / "release.pt", "--name", "trunk", "--overwrite").code == 0
    )
    assert "1.5 x 1.5 x 1.5 mm" in voco("models", "info", "trunk").out


def test_an_encoder_can_be_added_but_does_not_segment(voco, tmp_path, ct, out, user_models):
    tensors = checkpoint(tmp_path / "ssl_head.pt", wanted=("swinViT", "encoder"))
    result = voco("models", "add", tmp_path / "ssl_head.pt")
    assert result.code == 0
    lines = result.out.splitlines()
    assert sum(line.startswith("loaded ") for line in lines) == len(tensors)
    assert any(line.startswith("missing ") and "decoder1." in line for line in lines)
    assert "Encoder" in voco("models", "list").out
    result = voco("segment", ct, out / "r.nrrd", "--model", "ssl_head")
    assert "is an encoder without a segmentation head: fine-tune it first" in result.refusal()
    assert not list(out.iterdir())


def test_a_partial_encoder_is_added_only_on_request(voco, tmp_path, user_models):
    checkpoint(tmp_path / "part.pt", dropped="encoder3.")
    refusal = voco("models", "add", tmp_path / "part.pt").refusal()
    assert "encoder3." in refusal
    assert not user_models.exists()
    result = voco("models", "add", tmp_path / "part.pt", "--allow-partial")
    assert result.code == 0
    assert re.search(r"^missing +encoder3\.", result.out, re.MULTILINE)
    assert (user_models / "part").is_dir()


def test_the_first_layer_is_inflated_on_request(voco, tmp_path, ct, out, user_models):
    checkpoint(tmp_path / "release.pt")
    result = voco("models", "add", tmp_path / "release.pt", "--in-channels", "4")
    assert result.code == 0
    inflated = re.findall(r"^inflated +(\S+)", result.out, re.MULTILINE)
    assert "swinViT.patch_embed.proj.weight" in inflated
    assert len(inflated) == 3
    result = voco("segment", ct, out / "r.nrrd", "--model", "release")
    assert "takes 4 images, one a channel, but 1 was given" in result.refusal()


@pytest.mark.parametrize(
    ("option", "sentence"),
    [
        ("--spacing=0", "must be three positive lengths"),
        ("--spacing=-1.5", "must be three positive lengths"),
        ("--spacing=nan", "must be three positive lengths"),
        ("--in-channels=0", "must be a whole number from 1 up"),
        ("--classes=a,b", "2 classes, but its network gives 20"),
        ("--name=../elsewhere", "cannot be a model's name"),
        ("--name=", "cannot be a model's name"),
        ("--name=.hidden", "cannot be a model's name"),
    ],
)
def test_bad_options_of_add(voco, tmp_path, user_models, option, sentence):
    checkpoint(tmp_path / "release.pt")
    result = voco("models", "add", tmp_path / "release.pt", option)
    assert re.search(sentence, result.refusal())
    assert [file.name for file in tmp_path.iterdir()] == ["release.pt"]


def test_an_intensity_window_the_wrong_way_round(voco, tmp_path, user_models):
    checkpoint(tmp_path / "release.pt")
    result = voco("models", "add", tmp_path / "release.pt", "--intensity", "250", "-175")
    assert "HU window" in result.refusal()


def test_a_full_disk_leaves_no_model(voco, tmp_path, user_models):
    checkpoint(tmp_path / "release.pt")
    with full_disk(200_000):
        result = voco("models", "add", tmp_path / "release.pt")
    assert "cannot be written" in result.refusal()
    assert not list(user_models.iterdir())


def test_a_damaged_model_does_not_hide_the_others(voco, user_models):
    small_model(user_models / "good")
    small_model(user_models / "bad")
    (user_models / "bad/configs/metadata.json").write_text("{}")
    result = voco("models", "list")
    assert (result.code, result.err) == (0, "")
    assert re.search(r"^bad +- +- +- +cannot be used: .*metadata.json", result.out, re.MULTILINE)
    assert re.search(r"^good +2 ", result.out, re.MULTILINE)


def test_names_and_licences_are_not_cut_off(voco, tmp_path, user_models):
    name = "a-model-with-quite-a-long-name-" + "x" * 60
    small_model(user_models / name)
    assert name in voco("models", "list").out


def test_a_model_that_predicts_positions(voco, ct, out, user_models):
    position_model(user_models / "positions")
    small_model(user_models / "good")
    listed = voco("models", "list")
    assert re.search(r"^positions +0 +4 bases +\S.*Encoder for position", listed.out, re.MULTILINE)
    assert re.search(r"^good +2 +- ", listed.out, re.MULTILINE)
    described = voco("models", "info", "positions")
    assert (described.code, described.err) == (0, "")
    for line in (
        "positions    recipe paper, 6 channels",
        "positions    bases 2 x 2 x 1 of 16 x 16 x 16 voxels",
        "positions    volumes -175 to 250 HU, cut to the body (> 0.3), 32 x 32 x 16 voxels, 8 bits",
        "- top-1 base: 0.71",
    ):
        assert line in described.out.splitlines()
    result = voco("segment", ct, out / "r.nrrd", "--model", "positions")
    assert "is an encoder without a segmentation head: fine-tune it first" in result.refusal()
    assert not list(out.iterdir())


def test_damaged_positions_do_not_hide_the_others(voco, user_models):
    position_model(user_models / "bad")
    small_model(user_models / "good")
    file = user_models / "bad/configs/metadata.json"
    file.write_text(file.read_text().replace('"recipe"', '"cook"'))
    result = voco("models", "list")
    assert (result.code, result.err) == (0, "")
    assert re.search(r"^bad +- +- +- +cannot be used: .*metadata.json", result.out, re.MULTILINE)
    assert re.search(r"^good +2 ", result.out, re.MULTILINE)
