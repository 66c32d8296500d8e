from dataclasses import replace
from pathlib import Path

import pytest

from Testing.training.pretraining.tiny_cache import CONFIG, changed
from voco3d.errors import VoCoError
from voco3d.geometry import BaseGrid
from voco3d.losses import find_recipe
from voco3d.pretraining.config import Optimisation, PretrainConfig
from voco3d.pretraining.config_file import config_parser, parse, read_config, write_config
from voco3d.pretraining.network import build_position_network
from voco3d.training.config_file import SHIPPED, find_config

NAMES = sorted(path.stem for path in Path(str(SHIPPED)).glob("pretrain-*.yaml"))


def parsed(*arguments: str) -> PretrainConfig:
    return parse(config_parser(), arguments)[1]


def test_what_is_written_is_read_again(tmp_path):
    config = changed("compute", changed("optimisation", clip=None), at_once=3)
    config = replace(config, network=replace(config.network, in_channels=2, init=Path("/w.pt")))
    write_config(tmp_path / "config.yaml", tmp_path / "cache", config)
    assert read_config(tmp_path / "config.yaml") == (tmp_path / "cache", config)


def test_the_defaults_are_those_of_the_classes():
    assert parsed() == PretrainConfig()


def test_every_option_is_a_flag_and_flags_go_before_the_file(tmp_path):
    file = tmp_path / "options.yaml"
    file.write_text("recipe: tpami\nseed: 3\noptimisation: {learning_rate: 1e-3, steps: 9000}\n")
    config = parsed("--config", str(file), "--seed=4", "--optimisation.warmup", "7")
    assert (config.recipe, config.seed) == ("tpami", 4)
    assert config.optimisation == Optimisation(steps=9000, learning_rate=1e-3, warmup=7)
    assert parsed("--crops.counts", "[3,3,2]").crops.counts == (3, 3, 2)
    assert parsed("--network.args.feature_size", "12").network.args == {"feature_size": 12}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--optimisation.step", "3"], "optimisation.step"),
        (["--optimisation.steps", "many"], r"The option optimisation.steps is wrong.*int.*many"),
        (["--crops.counts", "[4,4]"], r"The option crops.counts is wrong"),
        (["--compute.compile", "perhaps"], r"The option compute.compile is wrong.*bool"),
        (["--compute.precision", "fp8"], r"The option compute.precision is wrong.*fp8"),
        (["--config", "nowhere.yaml"], r"no configuration nowhere.yaml.*pretrain-voco-b"),
        (["--optimisation.steps", "0"], "optimisation.steps must be 1 or more, but it is 0"),
        (["--optimisation.warmup", "100000"], "optimisation.warmup must be from 0 to below"),
        (["--teacher.momentum", "1"], "teacher.momentum must be"),
        (["--monitoring.save_every", "0"], "monitoring.save_every must be 1 or more"),
        (["--seed", "-1"], "seed must be 0 or more"),
    ],
)
def test_a_wrong_option_is_refused_in_one_sentence(arguments, message):
    with pytest.raises(VoCoError, match=message) as refused:
        parsed(*arguments)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("text", ["sed: 3", "network: {nam: unet}", "- 1", "seed: [", "seed: x"])
def test_a_wrong_file_is_refused_in_one_sentence(tmp_path, text):
    (tmp_path / "options.yaml").write_text(text)
    with pytest.raises(VoCoError) as refused:
        parsed("--config", str(tmp_path / "options.yaml"))
    assert "\n" not in str(refused.value)


def test_a_run_without_its_cache_is_refused(tmp_path):
    (tmp_path / "config.yaml").write_text("seed: 1\n")
    with pytest.raises(VoCoError, match="what to train on"):
        read_config(tmp_path / "config.yaml")


def test_the_shipped_configurations_are_these():
    assert NAMES == [
        "pretrain-cvpr-code-b",
        "pretrain-demo",
        "pretrain-headneck",
        "pretrain-tpami-b",
        "pretrain-unet",
        "pretrain-unetr",
        "pretrain-voco-b",
        "pretrain-voco-h",
        "pretrain-voco-l",
    ]


@pytest.mark.parametrize("name", NAMES)
def test_a_shipped_configuration_fits_its_network_and_names_its_cache(name):
    config = parsed("--config", name)
    assert config == parsed("--config", f"{name}.yaml")
    if name.endswith(("-l", "-h")):  # large: the same network with other widths
        args = {"feature_size": {"l": 96, "h": 192}[name[-1]]}
        assert config.network.args == args
        config = changed("network", config, args={"feature_size": 12})
    network = build_position_network(config)
    width = config.network.projector_width or find_recipe(config.recipe).width
    assert network.projector.width == width
    size = BaseGrid(config.crops.counts, config.crops.size).size
    head = find_config(name).read_text().partition("recipe:")[0]
    assert "voco cache build" in head
    windows = f"{' x '.join(map(str, size))} voxels"
    assert windows in head or f"--size {' '.join(map(str, size))}" in head


def test_a_file_goes_before_a_shipped_configuration_of_the_same_name(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("pretrain-unet").write_text("seed: 12\n")
    assert parsed("--config", "pretrain-unet").seed == 12


def test_crops_that_do_not_fit_the_network_are_refused():
    with pytest.raises(VoCoError, match="multiples of 4"):
        build_position_network(changed("crops", size=(16, 16, 18)))
    unetr = {"img_size": [32, 32, 32], "feature_size": 4, "hidden_size": 12, "mlp_dim": 8}
    config = changed("network", name="unetr", args=unetr)
    with pytest.raises(VoCoError, match=r"img_size.*\[32, 32, 32\].*\[64, 64, 64\]"):
        build_position_network(changed("crops", config, size=(64, 64, 64)))
    assert CONFIG.network.name == "unet"
