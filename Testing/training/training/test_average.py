import copy

import pytest
import torch
from torch import nn

from voco3d.networks import NetworkConfig, build_network
from voco3d.training.average import MovingAverage


def student() -> nn.Module:
    torch.manual_seed(0)
    module = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4))
    module(torch.randn(8, 3))
    return module


def test_weights_and_statistics_are_averaged_and_counters_taken_over():
    module = student()
    teacher = MovingAverage(copy.deepcopy(module), momentum=0.9)
    expected = {key: value.clone() for key, value in module.state_dict().items()}
    for update in range(1, 4):
        with torch.no_grad():
            for parameter in module.parameters():
                parameter += update
        module(torch.randn(8, 3))
        teacher.update(module)
        for key, value in module.state_dict().items():
            floating = value.is_floating_point()
            expected[key] = 0.9 * expected[key] + 0.1 * value if floating else value.clone()
    for key, value in teacher.average.state_dict().items():
        torch.testing.assert_close(value, expected[key])
    assert teacher.average[1].num_batches_tracked == 4


def test_a_tensor_with_two_keys_is_averaged_once():
    torch.manual_seed(0)
    network = build_network(NetworkConfig("unet", 1, 2, {"filters": [2, 2, 2]}))
    teacher = MovingAverage(copy.deepcopy(network), momentum=0.5)
    before = network.input_block.conv1.conv.weight.clone()
    with torch.no_grad():
        network.input_block.conv1.conv.weight += 1
    teacher.update(network)
    torch.testing.assert_close(teacher.average.input_block.conv1.conv.weight, before + 0.5)


def test_the_teacher_gets_no_gradients_and_the_student_keeps_its_own():
    module = student()
    teacher = MovingAverage(copy.deepcopy(module), momentum=0.9)
    assert not any(parameter.requires_grad for parameter in teacher.parameters())
    assert all(parameter.requires_grad for parameter in module.parameters())


def test_of_the_same_student_nothing_changes():
    module = student()
    teacher = MovingAverage(copy.deepcopy(module), momentum=0.25)
    teacher.update(module)
    for own, other in zip(teacher.average.parameters(), module.parameters(), strict=True):
        assert own.detach().numpy() == pytest.approx(other.detach().numpy())
