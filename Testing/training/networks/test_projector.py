import pytest
import torch
from torch import nn

from voco3d.networks import Projector


@pytest.fixture
def projector():
    torch.manual_seed(1)
    return Projector(5, 7).double()


@pytest.fixture
def features():
    return torch.randn(6, 5, dtype=torch.float64, generator=torch.Generator().manual_seed(2))


def test_layers_widths_and_order():
    layers = list(Projector(5, 7))
    kinds = [type(layer) for layer in layers]
    half = [nn.Linear, nn.BatchNorm1d, nn.ReLU]
    assert kinds == [*half, *half, nn.Linear]
    widths = [
        (layer.in_features, layer.out_features) for layer in layers if isinstance(layer, nn.Linear)
    ]
    assert widths == [(5, 7), (7, 7), (7, 7)]
    assert [layer.num_features for layer in layers if isinstance(layer, nn.BatchNorm1d)] == [7, 7]
    assert (Projector(5, 7).in_width, Projector(5, 7).width) == (5, 7)


def test_keys_and_their_order_are_fixed_since_files_hold_them():
    statistics = ("running_mean", "running_var", "num_batches_tracked")
    assert list(Projector(5, 7).state_dict()) == [
        *("linear1.weight", "linear1.bias"),
        *(f"norm1.{name}" for name in statistics),
        *("linear2.weight", "linear2.bias"),
        *(f"norm2.{name}" for name in statistics),
        *("linear3.weight", "linear3.bias"),
    ]


def test_the_normalisation_has_nothing_to_learn():
    names = {name.split(".")[0] for name, _ in Projector(5, 7).named_parameters()}
    assert names == {"linear1", "linear2", "linear3"}


def linear(layer, values):
    return values @ layer.weight.T + layer.bias


def test_in_training_every_channel_is_normalised_over_the_whole_batch(projector, features):
    def normalised(values):
        mean = values.sum(dim=0) / len(values)
        variance = (values - mean).square().sum(dim=0) / len(values)
        return (values - mean) / (variance + 1e-5).sqrt()

    hidden = normalised(linear(projector.linear1, features)).clamp(min=0)
    hidden = normalised(linear(projector.linear2, hidden)).clamp(min=0)
    torch.testing.assert_close(projector(features), linear(projector.linear3, hidden))


def test_in_training_the_company_of_a_crop_matters(projector, features):
    assert not torch.allclose(projector(features)[:3], projector(features[:3]))


def test_training_keeps_running_statistics_and_evaluation_uses_them(projector, features):
    first = linear(projector.linear1, features)
    projector(features)
    torch.testing.assert_close(projector.norm1.running_mean, 0.1 * first.mean(dim=0))
    torch.testing.assert_close(
        projector.norm1.running_var, 0.9 + 0.1 * first.var(dim=0, unbiased=True)
    )

    def normalised(norm, values):
        return (values - norm.running_mean) / (norm.running_var + 1e-5).sqrt()

    hidden = normalised(projector.norm1, first).clamp(min=0)
    hidden = normalised(projector.norm2, linear(projector.linear2, hidden)).clamp(min=0)
    expected = linear(projector.linear3, hidden)
    torch.testing.assert_close(projector.eval()(features), expected)


def test_in_evaluation_an_embedding_does_not_depend_on_its_company(projector, features):
    projector(features)
    projector.eval()
    alone = torch.cat([projector(features[k : k + 1]) for k in range(len(features))])
    torch.testing.assert_close(projector(features), alone)
    torch.testing.assert_close(projector(features.flip(0)), alone.flip(0))


def test_evaluation_changes_nothing(projector, features):
    before = {key: tensor.clone() for key, tensor in projector.state_dict().items()}
    projector.eval()(features)
    for key, tensor in projector.state_dict().items():
        assert torch.equal(tensor, before[key])


def test_works_in_double_precision_and_passes_gradients_to_the_features(projector, features):
    features.requires_grad_()
    embeddings = projector(features)
    assert embeddings.dtype == torch.float64
    assert embeddings.shape == (6, 7)
    weights = torch.randn(embeddings.shape, dtype=torch.float64)
    assert torch.autograd.gradcheck(lambda x: (projector(x) * weights).sum(), features)
