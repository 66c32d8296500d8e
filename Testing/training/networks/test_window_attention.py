import pytest
import torch
from monai.networks.nets.swin_unetr import BasicLayer, PatchMergingV2

from voco3d.networks.window_attention import Segments, WindowLayer, segments

# 9 tokens: the windows are padded; 8: no padding; 6 and 4: one window, smaller and just as large
SIZES = [(9, 8, 6), (4, 9, 13), (8, 8, 8), (2, 4, 2)]


def layers(dtype):
    """MONAI's layer of two blocks, windows of 4^3, and ours with the same weights."""
    torch.manual_seed(3)
    plain, same = (
        BasicLayer(12, 2, 3, (4, 4, 4), [0.0, 0.0], qkv_bias=True, downsample=PatchMergingV2)
        for _ in range(2)
    )
    for parameter in plain.parameters():
        parameter.data.normal_(std=0.3)
    same.load_state_dict(plain.state_dict())
    return plain.to(dtype), WindowLayer(same).to(dtype)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize(
    ("dtype", "tolerance"), [(torch.float64, 1e-10), (torch.float32, 2e-4)], ids=["64", "32"]
)
def test_values_and_gradients_are_those_of_monai(size, dtype, tolerance):
    plain, ours = layers(dtype)
    image = torch.randn(2, 12, *size, dtype=dtype)
    weights = None
    found = []
    for layer in (plain, ours):
        leaf = image.clone().requires_grad_()
        value = layer(leaf)
        weights = torch.randn_like(value) if weights is None else weights
        (value * weights).sum().backward()
        found.append([value, leaf.grad, *(parameter.grad for parameter in layer.parameters())])
    with torch.no_grad():
        torch.testing.assert_close(ours(image), found[0][0], rtol=tolerance, atol=tolerance)
    for expected, own in zip(*found, strict=True):
        scale = expected.abs().max()
        torch.testing.assert_close(own / scale, expected / scale, rtol=0, atol=tolerance)


def test_the_backward_pass_in_parts_is_the_same(monkeypatch):
    plain, ours = layers(torch.float64)
    monkeypatch.setattr("voco3d.networks.window_attention.SCORES", 1)
    image = torch.randn(2, 12, 9, 8, 8, dtype=torch.float64)
    for layer in (plain, ours):
        layer(image).square().sum().backward()
    for (key, expected), own in zip(plain.named_parameters(), ours.parameters(), strict=True):
        torch.testing.assert_close(own.grad, expected.grad, rtol=1e-9, atol=1e-9, msg=key)


def test_the_keys_are_those_of_monai():
    plain, ours = layers(torch.float32)
    assert list(ours.state_dict()) == list(plain.state_dict())


@pytest.mark.parametrize(
    ("axis", "expected"),
    [
        ((5, 7, 3), [Segments(1, 5, 0, 0)]),
        ((14, 7, 0), [Segments(2, 7, 0, 0)]),
        ((16, 7, 0), [Segments(2, 7, 0, 0), Segments(1, 2, 0, 5)]),
        ((14, 7, 3), [Segments(1, 3, 4, 0), Segments(1, 7, 0, 0), Segments(1, 4, 0, 0)]),
        ((32, 7, 3), [Segments(1, 3, 4, 0), Segments(4, 7, 0, 0), Segments(1, 1, 0, 3)]),
        ((30, 7, 3), [Segments(1, 3, 4, 0), Segments(3, 7, 0, 0), Segments(1, 6, 0, 1)]),
    ],
)
def test_where_windows_cut_an_axis(axis, expected):
    assert segments(*axis) == expected
    assert sum(part.pieces * part.length for part in expected) == axis[0]
