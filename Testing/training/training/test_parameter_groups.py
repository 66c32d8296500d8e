import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from voco3d.networks import NetworkConfig, build_network
from voco3d.training.parameter_groups import parameter_groups


class Levelled(nn.Module):
    """A parameter for each given level, under a key that names it."""

    def __init__(self, levels, frozen):
        super().__init__()
        self.encoder_levels = 1 + max((level for level in levels if level is not None), default=0)
        for number, (level, still) in enumerate(zip(levels, frozen, strict=True)):
            parameter = nn.Parameter(torch.zeros(1), requires_grad=not still)
            self.register_parameter(f"{number}_{level}", parameter)

    def encoder_level(self, key):
        level = key.partition("_")[2]
        return None if level == "None" else int(level)


rates = st.floats(0.01, 1)
layers = st.lists(st.tuples(st.none() | st.integers(0, 6), st.booleans()), max_size=20)


@given(layers, rates, rates, rates)
def test_each_trained_parameter_is_in_one_group_at_its_own_rate(layers, rate, encoder, decay):
    network = Levelled([level for level, _ in layers], [still for _, still in layers])
    groups = parameter_groups(network, rate, encoder, decay)
    found = [(id(p), group["lr"]) for group in groups for p in group["params"]]
    expected = {}
    for key, parameter in network.named_parameters():
        if parameter.requires_grad:
            expected[id(parameter)] = rate
            level = network.encoder_level(key)
            if level is not None:
                expected[id(parameter)] *= encoder
                for _ in range(level + 1, network.encoder_levels):
                    expected[id(parameter)] *= decay
    assert len(found) == len(dict(found)) == len(expected)
    assert dict(found) == pytest.approx(expected)
    assert len({group["name"] for group in groups}) == len(groups)
    assert all(group["params"] for group in groups)


NETWORKS = [
    NetworkConfig("unet", 1, 2, {"filters": [4, 6, 8, 10]}),
    NetworkConfig("unetr", 1, 2, {"img_size": [16, 16, 16], "hidden_size": 24, "mlp_dim": 8}),
    NetworkConfig("swin_unetr", 1, 2, {"feature_size": 12}),
]


@pytest.mark.parametrize("config", NETWORKS, ids=lambda config: config.name)
def test_the_groups_of_a_network_are_what_its_optimiser_takes(config):
    network = build_network(config)
    groups = parameter_groups(network, 1e-3, 0.5, 0.5)
    optimiser = torch.optim.AdamW(groups)
    trained = [parameter for parameter in network.parameters() if parameter.requires_grad]
    assert {id(p) for group in optimiser.param_groups for p in group["params"]} == {
        id(parameter) for parameter in trained
    }
    names = [f"encoder level {level}" for level in range(network.encoder_levels)]
    assert [group["name"] for group in optimiser.param_groups] == [*names, "decoder"]
    found = [group["lr"] for group in optimiser.param_groups]
    deepest = network.encoder_levels - 1
    assert found[-1] == 1e-3
    assert found[deepest] == 5e-4
    assert found[0] == pytest.approx(5e-4 * 0.5**deepest)


@settings(max_examples=10)
@given(st.booleans())
def test_a_frozen_encoder_has_no_group(whole):
    network = build_network(NETWORKS[0])
    for key, parameter in network.named_parameters():
        parameter.requires_grad_(not network.is_encoder_key(key) and (whole or "bias" in key))
    (group,) = parameter_groups(network, 1e-3, 1, 1)
    assert (group["name"], group["lr"]) == ("decoder", 1e-3)
