import pytest
import torch

from voco3d.networks import NetworkConfig, PositionNetwork, Projector, build_network

CROPS = 3
AT_ONCE = [None, 1, 2, 5]
"""All, one by one, with a smaller last part, and more than there are."""


class Case:
    """A network, crops, and what all crops at once give: features, and gradients of a sum that
    weighs each feature of each crop differently."""

    def __init__(self, config, size, dtype):
        torch.manual_seed(0)
        backbone = build_network(config).to(dtype)
        projector = Projector(backbone.feature_width, 16).to(dtype)
        self.network = PositionNetwork(backbone, projector)
        self.crops = torch.randn(CROPS, 1, *size, dtype=dtype)
        features = backbone.features(self.crops)
        self.weights = torch.randn_like(features)
        self.features, self.gradients = features.detach(), self.gradients_of(features)

    def gradients_of(self, features):
        parameters = dict(self.network.backbone.named_parameters())
        found = torch.autograd.grad(
            (features * self.weights).sum(), list(parameters.values()), allow_unused=True
        )
        return {
            name: gradient
            for name, gradient in zip(parameters, found, strict=True)
            if gradient is not None
        }


@pytest.fixture(scope="module")
def unet():
    return Case(NetworkConfig("unet", 1, 2, {"filters": [4, 6, 8]}), (8, 8, 8), torch.float64)


@pytest.fixture(scope="module")
def swin_unetr():
    """In single precision: its attention is several times slower in double.

    Its last instance norm has two voxels here, which makes rounding large.
    """
    config = NetworkConfig("swin_unetr", 1, 2, {"feature_size": 12})
    return Case(config, (64, 32, 32), torch.float32)


def relative(one, other):
    return ((one - other).norm() / other.norm()).item()


@pytest.mark.parametrize("at_once", AT_ONCE)
def test_features_and_gradients_do_not_depend_on_how_many_crops_are_encoded_at_once(unet, at_once):
    features = unet.network.features(unet.crops, at_once)
    assert features.shape == (CROPS, unet.network.backbone.feature_width)
    torch.testing.assert_close(features.detach(), unet.features, rtol=1e-9, atol=1e-12)
    actual = unet.gradients_of(features)
    assert actual.keys() == unet.gradients.keys()
    for name, gradient in actual.items():
        torch.testing.assert_close(gradient, unet.gradients[name], rtol=1e-8, atol=1e-9)


@pytest.mark.parametrize("at_once", AT_ONCE)
def test_a_swin_unetr_too(swin_unetr, at_once):
    features = swin_unetr.network.features(swin_unetr.crops, at_once)
    assert relative(features.detach(), swin_unetr.features) < 1e-3
    actual = swin_unetr.gradients_of(features)
    assert actual.keys() == swin_unetr.gradients.keys()
    one, other = (
        torch.cat([gradient.flatten() for gradient in gradients.values()])
        for gradients in (actual, swin_unetr.gradients)
    )
    assert relative(one, other) < 1e-2


@pytest.mark.parametrize("at_once", AT_ONCE)
def test_without_gradients_there_is_no_graph_and_the_same_values(unet, at_once):
    with torch.no_grad():
        features = unet.network.features(unet.crops, at_once)
    assert not features.requires_grad
    torch.testing.assert_close(features, unet.features, rtol=1e-9, atol=1e-12)


def passes(network, crops, at_once, run):
    """How many crops each pass through the backbone took, ``run`` on the features included."""
    taken = []
    hook = network.backbone.input_block.register_forward_hook(
        lambda module, inputs, output: taken.append(len(inputs[0]))
    )
    run(network.features(crops, at_once))
    hook.remove()
    return taken


def test_parts_are_encoded_a_second_time_only_where_gradients_are_wanted(unet):
    assert passes(unet.network, unet.crops, None, unet.gradients_of) == [3]
    assert sorted(passes(unet.network, unet.crops, 2, unet.gradients_of)) == [1, 1, 2, 2]
    with torch.no_grad():
        assert passes(unet.network, unet.crops, 2, lambda features: None) == [2, 1]


def test_between_the_passes_only_the_features_are_kept(unet):
    """The memory needed must not grow with what the encoder computes on its way."""
    kept = []

    def pack(tensor):
        kept.append(tensor.numel())
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        unet.network.features(unet.crops, 1)
    assert max(kept, default=0) <= unet.crops[0].numel()


@pytest.mark.parametrize("training", [True, False], ids=["training", "evaluation"])
@torch.no_grad()
def test_embeddings_are_the_projected_features(unet, training):
    unet.network.train(training)
    embeddings = unet.network(unet.crops)
    expected = unet.network.projector(unet.features)
    unet.network.train()
    assert embeddings.shape == (CROPS, 16)
    torch.testing.assert_close(embeddings, expected)


def test_keys_name_the_backbone_and_the_projector(unet):
    keys = list(unet.network.state_dict())
    assert {key.split(".")[0] for key in keys} == {"backbone", "projector"}
    backbone = {key.removeprefix("backbone.") for key in keys if key.startswith("backbone.")}
    assert backbone == set(unet.network.backbone.state_dict())
