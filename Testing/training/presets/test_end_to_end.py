"""From a data set as people have it to a figure: check, list, fine-tune, segment, compare."""

from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

from Testing.training.presets.data_sets import DISKS, lay_out, names, write
from voco3d.cli import main
from voco3d.data import read_image
from voco3d.finetuning.config import FinetuneConfig
from voco3d.finetuning.config_file import FINETUNING
from voco3d.finetuning.data_list import read_data_list
from voco3d.finetuning.training import finetune
from voco3d.finetuning.validation import dice_of_case
from voco3d.inference import ImageClassifier, Segmenter
from voco3d.metrics.classification import accuracy, macro_auc
from voco3d.models import read_model
from voco3d.presets import PRESETS

SMALL = (
    *("--network.name", "unet", "--network.args", '{"filters": [4, 8, 8]}'),
    *("--crops.size", "[16, 16, 16]", "--crops.per_case", "2"),
    *("--optimisation.steps", "2", "--optimisation.warmup", "1"),
    *("--validation.every", "1", "--validation.save_every", "1", "--result.overlap", "0.25"),
    *("--compute.precision", "fp32", "--compute.device", "cpu", "--compute.workers", "0"),
)
"""What makes a minute's work of a preset's options, and leaves what is said of its data."""


def config_of(preset: str, *changes: str) -> FinetuneConfig:
    arguments = ["--config", f"finetune-{preset}", *changes]
    return FINETUNING.parse(FINETUNING.parser(), arguments)[1]


@pytest.mark.parametrize("preset", PRESETS.values(), ids=lambda preset: preset.name)
def test_steps_are_the_epochs_of_the_recipe(preset):
    epochs, warmup = {
        "btcv": (1000, 20),
        "lits": (500, 5),
        "msd-spleen": (500, 5),
        "mm-whs": (500, 50),
        "brats21": (100, 5),
        "cc-ccii": (100, 5),
    }[preset.name]
    optimisation = config_of(preset.name).optimisation
    assert optimisation.steps / optimisation.warmup == pytest.approx(epochs / warmup)
    if preset.labels is not None:
        held_out = len(preset.validation) or preset.count / preset.folds
        cases = preset.count - held_out
        assert optimisation.steps == pytest.approx(epochs * cases / optimisation.batch, rel=2e-3)


def list_of(tmp_path: Path, key: str) -> Path:
    """Six cases laid out, checked and listed."""
    disk = DISKS[key]
    lay_out(tmp_path / "data", disk, names(PRESETS[disk.preset], 6))
    file = tmp_path / "dataset.json"
    arguments = ["data", "check", disk.preset, str(tmp_path / "data"), "--write", str(file)]
    assert main([*arguments, "--labels", "--allow-missing", "--progress", "none"]) == 0
    return file


@pytest.mark.parametrize(
    "key", ["btcv raw", "lits raw", "spleen decathlon", "heart raw", "brats raw", "brats nnunet"]
)
def test_a_segmentation_data_set_to_a_figure(tmp_path, key):
    preset = PRESETS[DISKS[key].preset]
    file = list_of(tmp_path, key)
    data = read_data_list(file)
    config = config_of(preset.name, *SMALL)
    model_folder = finetune(config, file, tmp_path / "run", say=lambda text: None)

    model = read_model(model_folder)
    assert [structure.name for structure in model.structures] == list(preset.labels.members)
    assert model.network.in_channels == len(preset.channels)
    assert model.preprocessing == config.preprocessing
    images = [path for part in data.cases.values() for case in part for path in case.images]
    assert len(model.card.training["images"]) == len(images)

    case = data.cases["validation"][0]
    output = tmp_path / "predicted.nii.gz"
    arguments = [*map(str, case.images), str(output), "--model", str(model_folder)]
    assert main(["segment", *arguments, "--device", "cpu", "--progress", "none"]) == 0
    predicted, image = sitk.ReadImage(str(output)), sitk.ReadImage(str(case.images[0]))
    assert predicted.GetSize() == image.GetSize()
    assert predicted.GetDirection() == pytest.approx(image.GetDirection())
    found = set(np.unique(sitk.GetArrayViewFromImage(predicted)).tolist())
    outputs = range(1 + len(model.structures))
    assert found <= {0, *(data.written if model.regions else outputs)}

    scores = dice_of_case(Segmenter(model, "cpu"), case, data)
    assert scores.shape == (len(data.structures),)
    assert ((scores >= 0) & (scores <= 1)).all()
    assert (tmp_path / "run/logs/validation.csv").is_file()


def test_a_classification_data_set_to_a_figure(tmp_path):
    """Scans as pictures of slices, made volumes, to accuracy and AUC."""
    scans = names(PRESETS["cc-ccii"], 12)
    for number, scan in enumerate(scans):
        picture = sitk.GetImageFromArray(
            np.full((16, 16), 20 * (number % 3) + number + 50, np.uint8)
        )
        for place in range(8):
            picture[place, 3] = 0
            write(tmp_path / f"slices/{scan}/{place:04}.png", picture)
    out, file = str(tmp_path / "volumes"), tmp_path / "dataset.json"
    assert main(["data", "stack", str(tmp_path / "slices"), out, "--progress", "none"]) == 0
    arguments = ["data", "check", "cc-ccii", out, "--write", str(file), "--allow-missing"]
    assert main([*arguments, "--fold", "1", "--progress", "none"]) == 0
    data = read_data_list(file)
    assert sorted(case.category for case in data.cases["validation"]) == [0, 1, 2]

    config = config_of("cc-ccii", *SMALL, "--preprocessing.size", "[16, 16, 16]")
    folder = finetune(config, file, tmp_path / "run", say=lambda text: None)
    model = read_model(folder)
    assert model.categories == ("Normal", "CP", "NCP")
    classify = ImageClassifier(model, "cpu")
    found = np.array(
        [classify([read_image(path) for path in c.images]) for c in data.cases["validation"]]
    )
    reference = np.array([case.category for case in data.cases["validation"]])
    assert found.sum(axis=1) == pytest.approx(np.ones(3))
    assert 0 <= accuracy(reference, found) <= 1
    assert 0 <= macro_auc(reference, found) <= 1
