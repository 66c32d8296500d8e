"""The presets are configurations that voco3d has, with the caches that these say they need."""

import re
from pathlib import Path

import pytest

from VoCoSlicerLib.training.presets import FINETUNING, PRETRAINING, presets

CONFIGS = Path(__file__).resolve().parents[3] / "VoCoTraining" / "src" / "voco3d" / "configs"

NOT_OFFERED = {"compare-demo", "finetune-cc-ccii"}
"""A comparison is no training; classes of whole volumes are nothing that the window can show."""


def test_every_configuration_is_offered():
    offered = [preset.config for preset in (*PRETRAINING, *FINETUNING) if preset.config]
    assert len(set(offered)) == len(offered)
    assert set(offered) | NOT_OFFERED == {path.stem for path in CONFIGS.glob("*.yaml")}


@pytest.mark.parametrize("preset", PRETRAINING, ids=lambda preset: preset.config)
def test_the_cache_is_the_one_that_the_configuration_asks_for(preset):
    text = (CONFIGS / f"{preset.config}.yaml").read_text()
    asked = re.findall(r"voco cache build \w+ \w+ (--.*)", text)
    assert " ".join(preset.cache) in asked


@pytest.mark.parametrize("kind", ["pretrain", "finetune"])
def test_each_kind_has_its_own(kind):
    for preset in presets(kind):
        assert preset.kind == kind
        assert preset.config is None or preset.config.startswith(kind)
        assert preset.title
        assert preset.about.endswith(".")
    assert len({preset.title for preset in presets(kind)}) == len(presets(kind))
