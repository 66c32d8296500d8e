from dataclasses import replace
from pathlib import Path

import pytest

from Testing.training.finetuning.small_run import CONFIG, changed
from voco3d.data import Preprocessing
from voco3d.errors import VoCoError
from voco3d.finetuning.config import FinetuneConfig, Optimisation
from voco3d.finetuning.config_file import FINETUNING


def parsed(*arguments: str) -> FinetuneConfig:
    return FINETUNING.parse(FINETUNING.parser(), arguments)[1]


CHANGED = [
    CONFIG,
    changed("augmentation", pairs=[("right gland", "left gland")], elastic=2.0),
    changed("augmentation", pairs=[]),
    changed("optimisation", clip=None, frozen_steps=None, average=0.99),
    changed("validation", patience=3),
    replace(CONFIG, preprocessing=Preprocessing(None, None, False), init="some model", store="/s"),
    replace(
        CONFIG,
        task="classification",
        preprocessing=Preprocessing(None, (-200.0, 300.0), False, (32, 32, 16)),
    ),
]


@pytest.mark.parametrize("config", CHANGED)
def test_what_is_written_is_read_again(tmp_path, config):
    FINETUNING.write(tmp_path / "config.yaml", tmp_path / "dataset.json", config)
    assert FINETUNING.read(tmp_path / "config.yaml") == (tmp_path / "dataset.json", config)


def test_the_defaults_are_those_of_the_classes():
    assert parsed() == FinetuneConfig()


def test_every_option_is_a_flag_and_flags_go_before_the_file(tmp_path):
    file = tmp_path / "options.yaml"
    file.write_text(
        "init: mine\nseed: 3\noptimisation: {learning_rate: 1e-3, steps: 9000}\n"
        "preprocessing: {spacing: null, intensity: [0, 1700]}\n"
    )
    config = parsed("--config", str(file), "--seed=4", "--optimisation.warmup", "7")
    assert (config.init, config.seed) == ("mine", 4)
    assert config.optimisation == Optimisation(steps=9000, learning_rate=1e-3, warmup=7)
    assert config.preprocessing == Preprocessing(None, (0.0, 1700.0))
    flags = ["--preprocessing.spacing", "[1,1,2]", "--preprocessing.crop_foreground", "false"]
    assert parsed("--config", str(file), *flags).preprocessing == Preprocessing(
        (1.0, 1.0, 2.0), (0.0, 1700.0), False
    )
    unet = ["--network.name", "unet", "--network.args.filters", "[4, 8]"]
    assert parsed(*unet).network.args == {"filters": [4, 8]}


@pytest.mark.parametrize(
    ("option", "value", "message"),
    [
        ("optimisation.step", "3", "optimisation.step"),
        ("optimisation.steps", "many", r"The option optimisation.steps is wrong.*int.*many"),
        ("task", "regression", "The option task is wrong.*regression"),
        ("crops.size", "[4,4]", "The option crops.size is wrong"),
        ("crops.size", "[4,4,0]", "crops.size must be three whole numbers from 1 up"),
        ("crops.per_case", "0", "crops.per_case must be 1 or more"),
        ("crops.foreground", "1.1", "crops.foreground must be from 0 to 1"),
        ("augmentation.flip", "[0.5,0.5,2]", "augmentation.flip must be probabilities"),
        ("augmentation.quarter_turns", "-1", "augmentation.quarter_turns must be from 0 to 1"),
        ("augmentation.noise_probability", "2", "augmentation.noise_probability must be"),
        ("augmentation.intensity_probability", "2", "augmentation.intensity_probability must"),
        ("augmentation.scale", "1", "augmentation.scale must be below 1"),
        ("augmentation.pairs", "[[a]]", "The option augmentation.pairs is wrong"),
        *(
            (f"augmentation.{name}", "-1", f"augmentation.{name} must be 0 or more")
            for name in ("rotation", "elastic", "intensity_scale", "intensity_shift", "noise")
        ),
        ("optimisation.steps", "0", "optimisation.steps must be 1 or more, but it is 0"),
        ("optimisation.batch", "0", "optimisation.batch must be 1 or more"),
        ("optimisation.accumulate", "0", "optimisation.accumulate must be 1 or more"),
        ("optimisation.learning_rate", "0", "optimisation.learning_rate must be above 0"),
        ("optimisation.warmup", "100000", "optimisation.warmup must be from 0 to below"),
        ("optimisation.encoder_rate", "0", "optimisation.encoder_rate must be above 0"),
        ("optimisation.layer_decay", "1.1", "optimisation.layer_decay must be above 0, at most 1"),
        ("optimisation.frozen_steps", "-1", "optimisation.frozen_steps must be 0 or more"),
        ("optimisation.average", "1", "optimisation.average must be from 0 to below 1"),
        ("optimisation.weight_decay", "-1", "optimisation.weight_decay must be 0 or more"),
        ("optimisation.clip", "0", "optimisation.clip must be above 0, or null"),
        ("validation.every", "-1", "validation.every must be 0 or more"),
        ("validation.overlap", "1", "validation.overlap must be from 0 to below 1"),
        ("validation.patience", "0", "validation.patience must be 1 or more, or null"),
        ("validation.log_every", "0", "validation.log_every must be 1 or more"),
        ("validation.save_every", "0", "validation.save_every must be 1 or more"),
        ("result.overlap", "1", "result.overlap must be from 0 to below 1"),
        ("compute.workers", "-1", "compute.workers must be 0 or more"),
        ("compute.precision", "fp8", "The option compute.precision is wrong.*fp8"),
        ("preprocessing.spacing", "[1,1]", "preprocessing.spacing is wrong"),
        ("preprocessing.spacing", "[1,1,0]", "spacing .* three positive lengths"),
        ("preprocessing.intensity", "[5,1]", r"HU window .* must be \(low, high\)"),
        ("network.args.filters", "[4, 8]", "network.args needs network.name"),
        ("task", "classification", "set preprocessing.size"),
        ("seed", "-1", "seed must be 0 or more"),
        ("config", "nowhere.yaml", "no configuration nowhere.yaml.*finetune-btcv"),
    ],
)
def test_a_wrong_option_is_refused_in_one_sentence(option, value, message):
    with pytest.raises(VoCoError, match=message) as refused:
        parsed(f"--{option}", value)
    assert "\n" not in str(refused.value)


def test_crops_have_no_size_of_the_whole_volume():
    size = Preprocessing(None, (-200.0, 300.0), False, (32, 32, 16))
    with pytest.raises(VoCoError, match="preprocessing.size is for classification"):
        replace(CONFIG, preprocessing=size)


@pytest.mark.parametrize("text", ["sed: 3", "network: {nam: unet}", "- 1", "seed: [", "seed: x"])
def test_a_wrong_file_is_refused_in_one_sentence(tmp_path, text):
    (tmp_path / "options.yaml").write_text(text)
    with pytest.raises(VoCoError) as refused:
        parsed("--config", str(tmp_path / "options.yaml"))
    assert "\n" not in str(refused.value)


def test_a_run_without_its_data_is_refused(tmp_path):
    (tmp_path / "config.yaml").write_text("seed: 1\n")
    with pytest.raises(VoCoError, match="what to train on"):
        FINETUNING.read(tmp_path / "config.yaml")


def test_a_relative_data_list_is_written_whole(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    FINETUNING.write(tmp_path / "config.yaml", Path("dataset.json"), CONFIG)
    assert FINETUNING.read(tmp_path / "config.yaml")[0] == tmp_path / "dataset.json"
