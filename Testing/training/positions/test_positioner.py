"""Any model with an encoder will do, and what does not fit is said in a sentence."""

import numpy as np
import pytest
import SimpleITK as sitk
import torch
import torch.nn.functional as F

from Testing.conftest import small_model
from Testing.training.positions.pictures import middle_of, noise
from voco3d.data import Preprocessing
from voco3d.errors import VoCoError
from voco3d.models import Card, Model, write_model
from voco3d.networks import Classifier, NetworkConfig, build_network
from voco3d.positions import Positioner

ZSCORE = Preprocessing((8.0, 7.0, 6.0), None)


@torch.no_grad()
def test_without_a_projector_the_pooled_encoder_features_are_compared(model_folder):
    positioner = Positioner(model_folder, "cpu")
    volume = positioner.open(noise(oblique=True))
    assert volume.grid.counts == (4, 4, 1)
    assert volume.grid.crop == (24, 24, 24)
    backbone, _ = positioner.model.load()
    parts = volume.array.reshape(1, 4, 24, 4, 24, 1, 24)
    bases = [
        backbone.features(torch.from_numpy(parts[:, i, :, j, :, 0].copy())[None])[0]
        for i in range(4)
        for j in range(4)
    ]
    for i, j in ((0, 1), (2, 7), (5, 15)):
        cosine = F.cosine_similarity(bases[i], bases[j], dim=0).item()
        assert volume.bases.similarity[i][j] == pytest.approx(cosine, abs=1e-5)
    report = volume.report(volume.locate([middle_of(noise(oblique=True))]))
    assert report.embedding == "encoder"
    assert "has no projector" in report.notes[0]
    assert report.to_plain()["model"] == positioner.model.name
    with pytest.raises(VoCoError, match="no reference bases"):
        positioner.open(noise(), reference=True)


def test_the_hu_window_is_the_models(model_folder):
    image = noise()
    volume = Positioner(model_folder, "cpu").open(image)
    values = sitk.GetArrayFromImage(image)
    expected = (np.clip(values, -200, 500).mean() + 200) / 700
    assert volume.array.mean() == pytest.approx(expected, abs=0.02)


def test_large_windows_are_not_used_as_crops(tmp_path):
    small_model(tmp_path / "m", window=(96, 64, 32))
    assert Positioner(tmp_path / "m", "cpu").encoder.grid.crop == (64, 64, 32)


def test_channels_with_z_scores(tmp_path):
    network = NetworkConfig("unet", 2, 3, {"filters": [4, 8, 12]})
    small_model(tmp_path / "m", network=network, preprocessing=ZSCORE, window=(8, 8, 8))
    positioner = Positioner(tmp_path / "m", "cpu")
    images = [noise(oblique=True, seed=seed) for seed in (1, 2)]
    for image in images:  # background around half of it
        image[:10] = 0
    volume = positioner.open(images)
    assert volume.array.shape == (2, 32, 32, 8)
    assert volume.array.mean(axis=(1, 2, 3)) == pytest.approx([0, 0], abs=1e-3)
    kept = images[0][10:]
    np.testing.assert_allclose(volume.frame.to_ras([16, 16, 4]), middle_of(kept), atol=1e-6)
    with pytest.raises(VoCoError, match="takes 2 images"):
        positioner.open(images[0])
    with pytest.raises(VoCoError, match="different grids"):
        positioner.open([images[0], noise()])


def test_a_model_that_classifies(tmp_path):
    network = NetworkConfig("unet", 1, 1, {"filters": [4, 8, 12]})
    folder = tmp_path / "m"
    model = Model(
        "m",
        network,
        Preprocessing(None, (-200.0, 500.0)),
        (8, 8, 8),
        0.5,
        (),
        folder / "models/model.safetensors",
        Card("x"),
        categories=("a", "b"),
    )
    write_model(folder, model, Classifier(build_network(network), 2))
    assert len(Positioner(folder, "cpu").open(noise()).locate_random(2)) == 2


def test_what_does_not_fit_is_refused(positioner):
    flat = sitk.Image(8, 8, sitk.sitkInt16)
    constant = sitk.Image(8, 8, 8, sitk.sitkInt16)
    air = noise(low=-1000, high=-900)
    for image, says in ((flat, "3-D"), (constant, "same value"), (air, "nothing but air")):
        with pytest.raises(VoCoError, match=says):
            positioner.open(image)
    with pytest.raises(VoCoError, match="counts"):
        positioner.open(noise(), counts=(2, 0, 1))
    with pytest.raises(VoCoError, match="are 2 x 2 x 1, not 3 x 3 x 1"):
        positioner.open(noise(), counts=(3, 3, 1), reference=True)
    with pytest.raises(VoCoError, match="no model"):
        Positioner("nothing-of-this-name")
