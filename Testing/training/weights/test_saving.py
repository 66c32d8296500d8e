"""Writing weights."""

import os

import pytest
import torch
from monai.networks.nets import DynUNet
from safetensors.torch import load_file

from voco3d.errors import VoCoError
from voco3d.networks import NetworkConfig, build_network
from voco3d.weights import infer_network, load_weights, read_tensors, save_weights

UNET = NetworkConfig("unet", 1, 3, {"filters": [4, 6, 8]})


@pytest.fixture
def network():
    torch.manual_seed(0)
    return build_network(UNET).eval()


@torch.no_grad()
def test_a_saved_network_comes_back_exactly(tmp_path, network):
    save_weights(tmp_path / "a.safetensors", network)
    checkpoint = read_tensors(tmp_path / "a.safetensors")
    config = infer_network(checkpoint)
    loaded = build_network(config).eval()
    assert load_weights(loaded, checkpoint).complete
    image = torch.randn(1, 1, 16, 16, 16)
    assert config == UNET
    assert torch.equal(loaded(image), network(image))
    assert os.listdir(tmp_path) == ["a.safetensors"]


@torch.no_grad()
def test_float16_halves_the_file_and_stays_close(tmp_path, network):
    save_weights(tmp_path / "32.safetensors", network)
    save_weights(tmp_path / "16.safetensors", network, torch.float16)
    tensors = load_file(tmp_path / "16.safetensors")
    assert {value.dtype for value in tensors.values()} == {torch.float16}
    stored = [sum(v.nbytes for v in load_file(path).values()) for path in tmp_path.iterdir()]
    assert max(stored) == 2 * min(stored)
    loaded = build_network(UNET).eval()
    load_weights(loaded, read_tensors(tmp_path / "16.safetensors"))
    image = torch.randn(1, 1, 16, 16, 16)
    torch.testing.assert_close(loaded(image), network(image), atol=0.02, rtol=0)


def test_a_tensor_with_two_keys_is_stored_once(tmp_path, network):
    save_weights(tmp_path / "a.safetensors", network)
    tensors = load_file(tmp_path / "a.safetensors")
    assert sum(v.numel() for v in tensors.values()) == sum(v.numel() for v in network.parameters())


@torch.no_grad()
def test_plain_monai_reads_the_file(tmp_path, network):
    save_weights(tmp_path / "a.safetensors", network)
    plain = DynUNet(3, 1, 3, [3, 3, 3], [1, 2, 2], [2, 2], filters=[4, 6, 8]).eval()
    plain.load_state_dict(load_file(tmp_path / "a.safetensors"), strict=False)
    image = torch.randn(1, 1, 16, 16, 16)
    assert torch.equal(plain(image), network(image))


def test_integer_tensors_keep_their_type(tmp_path):
    swin = build_network(NetworkConfig("swin_unetr", 1, 2, {"feature_size": 12}))
    save_weights(tmp_path / "a.safetensors", swin, torch.float16)
    tensors = load_file(tmp_path / "a.safetensors")
    assert len(tensors) == 167
    index = "swinViT.layers1.0.blocks.0.attn.relative_position_index"
    assert tensors[index].dtype == torch.int64
    assert torch.equal(tensors[index], swin.state_dict()[index])


def test_an_existing_file_is_replaced(tmp_path, network):
    path = tmp_path / "a.safetensors"
    path.write_text("old")
    save_weights(str(path), network)
    assert read_tensors(path).tensors


@pytest.mark.parametrize(("value", "dtype"), [(1e6, torch.float16), (float("nan"), torch.float32)])
def test_values_that_do_not_fit_are_refused(tmp_path, network, value, dtype):
    with torch.no_grad():
        network.bottleneck.conv1.conv.weight[0, 0, 0, 0, 0] = value
    with pytest.raises(VoCoError, match=r"bottleneck\.conv1\.conv\.weight are not finite"):
        save_weights(tmp_path / "a.safetensors", network, dtype)
    assert not any(tmp_path.iterdir())


def test_a_missing_folder_is_an_error(tmp_path, network):
    with pytest.raises(VoCoError, match="cannot be written"):
        save_weights(tmp_path / "none" / "a.safetensors", network)


def test_a_folder_in_the_way_is_an_error_and_leaves_nothing_behind(tmp_path, network):
    (tmp_path / "a.safetensors").mkdir()
    with pytest.raises(VoCoError, match="cannot be written"):
        save_weights(tmp_path / "a.safetensors", network)
    assert os.listdir(tmp_path) == ["a.safetensors"]
