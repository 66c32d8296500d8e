import json

import pytest

from voco3d.errors import VoCoError
from voco3d.networks import NetworkConfig


@pytest.mark.parametrize(
    "config",
    [
        NetworkConfig("swin_unetr", 1, 21, {"feature_size": "L"}),
        NetworkConfig("unet", 4, 3, {"filters": (16, 32, 64)}),
        NetworkConfig("unetr", 2, 5),
        NetworkConfig("unet", 1, 2, {"nested": {"a": [1, 2.5, None, True, "x"]}}),
    ],
)
def test_survives_a_round_trip_through_json(config):
    assert NetworkConfig.from_json(json.loads(json.dumps(config.to_json()))) == config


def test_args_are_optional_in_json():
    values = {"name": "unet", "in_channels": 1, "out_channels": 2}
    assert NetworkConfig.from_json(values) == NetworkConfig("unet", 1, 2, {})


def test_does_not_share_its_args_with_the_caller():
    args = {"filters": [4, 8, 8]}
    config = NetworkConfig("unet", 1, 2, args)
    args["filters"].append(16)
    assert config.args == {"filters": [4, 8, 8]}


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ([], "mapping"),
        ("unet", "mapping"),
        ({"name": "unet", "in_channels": 1}, "lacks out_channels"),
        ({"name": "unet", "in_channels": 1, "out_channels": 2, "depth": 3}, "depth"),
        ({"name": 3, "in_channels": 1, "out_channels": 2}, "name"),
        ({"name": "unet", "in_channels": 0, "out_channels": 2}, "in_channels"),
        ({"name": "unet", "in_channels": 1, "out_channels": "2"}, "out_channels"),
        ({"name": "unet", "in_channels": True, "out_channels": 2}, "in_channels"),
        ({"name": "unet", "in_channels": 1.0, "out_channels": 2}, "in_channels"),
        ({"name": "unet", "in_channels": 1, "out_channels": 2, "args": [1]}, "args"),
        ({"name": "unet", "in_channels": 1, "out_channels": 2, "args": {1: 2}}, "args"),
        ({"name": "unet", "in_channels": 1, "out_channels": 2, "args": {"a": {1}}}, "JSON"),
    ],
)
def test_bad_values_are_named(values, says):
    with pytest.raises(VoCoError, match=says):
        NetworkConfig.from_json(values)
