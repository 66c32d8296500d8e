import pytest
import torch

from Testing.training.networks.test_networks import SMALL
from voco3d.networks import NETWORKS, Classifier, build_network
from voco3d.training.parameter_groups import parameter_groups


@pytest.fixture(scope="module", params=list(NETWORKS))
def small(request):
    """A network and two images that it takes."""
    config, size = SMALL[request.param]
    torch.manual_seed(0)
    return build_network(config).eval(), torch.randn(2, config.in_channels, *size)


@torch.no_grad()
def test_the_head_on_the_decoded_map_gives_what_the_network_gives(small):
    network, image = small
    decoded = network.decode(network.encoder_maps(image))
    assert decoded.shape == (2, network.decoder_width, *image.shape[2:])
    torch.testing.assert_close(network.head(decoded), network(image))


@torch.no_grad()
def test_maps_come_from_the_finest_to_the_deepest(small):
    network, image = small
    voxels = [map_[0, 0].numel() for map_ in network.encoder_maps(image)]
    assert voxels == sorted(voxels, reverse=True)


@torch.no_grad()
def test_logits_are_a_linear_map_of_the_means_over_space(small):
    network, image = small
    classifier = Classifier(network, 3).eval()
    decoded = network.decode(network.encoder_maps(image))
    expected = []
    for one, features in zip(decoded, network.features(image), strict=True):
        means = [*features.tolist(), *(channel.sum() / channel.numel() for channel in one)]
        weight, bias = classifier.classifier.weight, classifier.classifier.bias
        expected.append([sum(w * m for w, m in zip(row, means, strict=True)) for row in weight])
        expected[-1] = [value + b for value, b in zip(expected[-1], bias, strict=True)]
    logits = classifier(image)
    assert logits.shape == (2, 3)
    torch.testing.assert_close(logits, torch.tensor(expected), rtol=1e-4, atol=1e-5)


def test_all_but_the_segmentation_head_is_trained(small):
    network, image = small
    classifier = Classifier(network, 3)
    classifier.zero_grad()
    classifier(image).square().sum().backward()
    for key, parameter in classifier.named_parameters():
        used = parameter.grad is not None
        assert used == parameter.requires_grad, key
    frozen = {id(parameter) for parameter in classifier.parameters() if not parameter.requires_grad}
    assert {id(parameter) for parameter in network.head.parameters()} <= frozen
    network.head.requires_grad_(True)


def test_the_encoder_is_run_once(small):
    network, image = small
    runs = []
    stem = {"unet": "input_block", "unetr": "vit", "swin_unetr": "swinViT"}[network.config.name]
    hook = network.get_submodule(stem).register_forward_hook(lambda *_: runs.append(stem))
    Classifier(network, 2)(image)
    hook.remove()
    assert runs == [stem]


def test_the_encoder_has_the_levels_of_the_backbone():
    classifier = Classifier(build_network(SMALL["unet"][0]), 3)
    groups = parameter_groups(classifier, 1e-3, 0.5, 0.5)
    names = [f"encoder level {level}" for level in range(4)]
    assert [group["name"] for group in groups] == [*names, "decoder"]
    assert {id(p) for p in classifier.classifier.parameters()} <= {
        id(p) for p in groups[-1]["params"]
    }
    assert classifier.encoder_level("backbone.bottleneck.conv1.conv.weight") == 3
