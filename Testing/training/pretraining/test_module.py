import copy
import math
from dataclasses import replace

import pytest
import torch

from Testing.training.pretraining.tiny_cache import CONFIG, changed
from voco3d.errors import VoCoError
from voco3d.losses import Embeddings, objective
from voco3d.networks import PositionNetwork
from voco3d.pretraining.config import Network, PretrainConfig
from voco3d.pretraining.module import VoCoModule
from voco3d.pretraining.network import build_position_network

NETWORKS = {
    "unet": (CONFIG.network, (16, 16, 16)),
    "swin_unetr": (Network("swin_unetr", {"feature_size": 12}, projector_width=32), (64, 32, 32)),
    "unetr": (
        Network(
            "unetr",
            {
                "img_size": [32, 32, 16],
                "feature_size": 4,
                "hidden_size": 12,
                "mlp_dim": 8,
                "num_heads": 3,
            },
            projector_width=32,
        ),
        (32, 32, 16),
    ),
}
RECIPES = ("paper", "cvpr-code", "tpami")


def make_module(config: PretrainConfig = CONFIG) -> VoCoModule:
    torch.manual_seed(0)
    network = build_position_network(config)
    return VoCoModule(config, network, ["a", "b", "c"]).train()


def make_batch(config: PretrainConfig = CONFIG, volumes: int = 2) -> dict[str, torch.Tensor]:
    torch.manual_seed(1)
    n, k = math.prod(config.crops.counts), config.crops.random
    overlaps = torch.rand(volumes, k, n) * (torch.rand(volumes, k, n) > 0.4)
    return {
        "bases": torch.rand(volumes, n, 1, *config.crops.size),
        "crops": torch.rand(volumes, k, 1, *config.crops.size),
        "overlaps": overlaps / overlaps.sum(dim=-1, keepdim=True).clamp(min=1e-3),
        "volume": torch.arange(volumes),
    }


def plain_terms(module: VoCoModule, batch: dict[str, torch.Tensor]):
    """The terms of a step, with separate passes: projector statistics are over all crops."""

    def embed(network: PositionNetwork, projector) -> Embeddings:
        parts = [batch["bases"], batch["crops"]]
        features = [network.features(part.flatten(0, 1)) for part in parts]
        n, k = (part.shape[1] * len(part) for part in parts)
        bases, crops = projector(torch.cat(features)).split([n, k])
        return Embeddings(crops.unflatten(0, (2, -1)), bases.unflatten(0, (2, -1)))

    student = embed(module.network, module.network.projector)
    teacher = None
    if module.recipe.teacher == "network":
        teacher = embed(module.teacher.average, module.teacher.average.projector)
    if module.recipe.teacher == "projector":
        teacher = embed(module.network, module.teacher.average)
    return objective(module.recipe, student, teacher, batch["overlaps"])


@pytest.mark.parametrize("recipe", RECIPES)
def test_a_step_is_the_objective_of_all_crops(recipe):
    config = changed(
        "optimisation",
        replace(CONFIG, recipe=recipe),
        prediction_weight=0.5,
        regularisation_weight=2.0,
        inter_volume_weight=0.25,
    )
    config = changed("teacher", config, start="random", momentum=0.75)
    module, batch = make_module(config), make_batch(config)
    plain = copy.deepcopy(module)
    if plain.teacher is not None:
        whole = recipe == "cvpr-code"
        plain.teacher.update(plain.network if whole else plain.network.projector)
    terms = plain_terms(plain, batch)
    expected = 0.5 * terms.prediction + 2 * terms.regularisation + 0.25 * terms.inter_volume
    out = module.training_step(batch, 0)
    torch.testing.assert_close(out["loss"], expected)
    for name in ("prediction", "regularisation", "inter_volume"):
        torch.testing.assert_close(out[name], getattr(terms, name).detach())
    assert (out["inter_volume"] > 0) == (recipe == "tpami")
    out["loss"].backward()
    expected.backward()
    for own, other in zip(module.parameters(), plain.parameters(), strict=True):
        torch.testing.assert_close(own.grad, other.grad, rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("kind", NETWORKS)
def test_what_is_trained_gets_a_gradient_and_nothing_else(kind):
    network, size = NETWORKS[kind]
    config = changed(
        "crops",
        replace(CONFIG, network=network, recipe="tpami"),
        size=size,
        counts=(2, 1, 1),
        random=1,
    )
    module = make_module(config)
    module.training_step(make_batch(config), 0)["loss"].backward()
    for key, parameter in module.named_parameters():
        wanted = key.startswith("network.projector.") or (
            key.startswith("network.backbone.")
            and module.network.backbone.is_encoder_key(key.removeprefix("network.backbone."))
        )
        wanted = wanted and "norm_cross_attn" not in key  # MONAI's transformer does not use it
        assert parameter.requires_grad == wanted, key
        assert (parameter.grad is not None) == wanted, key


def test_parts_at_a_time_give_the_same_gradients():
    whole, parts = make_module(), make_module(changed("compute", at_once=3))
    for module in (whole, parts):
        module.training_step(make_batch(), 0)["loss"].backward()
    for one, other in zip(whole.parameters(), parts.parameters(), strict=True):
        torch.testing.assert_close(one.grad, other.grad, atol=1e-5, rtol=1e-3)


@pytest.mark.parametrize(("start", "same"), [("student", True), ("random", False)])
def test_the_teacher_begins_as_the_student_or_random(start, same):
    module = make_module(changed("teacher", replace(CONFIG, recipe="cvpr-code"), start=start))
    weights = [
        network.projector.linear1.weight for network in (module.network, module.teacher.average)
    ]
    assert torch.equal(*weights) == same


def test_the_teacher_moves_once_a_step_before_it_is_used():
    config = changed("optimisation", replace(CONFIG, recipe="cvpr-code"), accumulate=2)
    module = make_module(config)
    updates = []
    module.teacher.update = lambda student: updates.append(student is module.network)
    for batch_idx in range(4):
        module.training_step(make_batch(config), batch_idx)
        assert updates == [True] * (batch_idx // 2 + 1)


def test_what_is_random_in_a_step_depends_on_the_step_alone():
    module = make_module()
    drawn = []
    for noise in (1, 2):
        torch.manual_seed(noise)
        module.training_step(make_batch(), 0)
        torch.manual_seed(noise)
        module._begin_step()
        drawn.append(torch.rand(3))
    assert torch.equal(*drawn)


def test_what_is_random_is_another_in_each_step_and_process(monkeypatch):
    module = make_module()
    drawn = set()
    for step, rank in ((0, 0), (1, 0), (0, 1), (1, 1)):
        monkeypatch.setattr(VoCoModule, "global_step", step)
        monkeypatch.setattr(VoCoModule, "global_rank", rank)
        module._begin_step()
        drawn.add(torch.rand(()).item())
    assert len(drawn) == 4


def test_behind_the_encoder_all_is_in_single_precision():
    module = make_module()
    seen = []
    module.network.backbone.input_block.register_forward_hook(
        lambda layer, arguments, out: seen.append(out.dtype)
    )
    module.network.projector.linear1.register_forward_hook(
        lambda layer, arguments, out: seen.append(out.dtype)
    )
    with torch.autocast("cpu", torch.bfloat16):
        loss = module.training_step(make_batch(), 0)["loss"]
    assert loss.dtype == torch.float32
    assert seen[-1] == torch.float32


def test_a_loss_that_is_not_finite_names_the_volumes():
    batch = make_batch()
    batch["bases"][1, 0, 0, 0, 0, 0] = math.nan
    batch["volume"] = torch.tensor([2, 1])
    with pytest.raises(VoCoError, match=r"At step 0 the loss is nan.*\(c, b\)"):
        make_module().training_step(batch, 0)


@pytest.mark.parametrize(("precision", "stops"), [("fp32", True), ("bf16", True), ("fp16", False)])
def test_a_gradient_that_is_not_finite_stops_unless_a_scaler_handles_it(precision, stops):
    module = make_module(changed("compute", precision=precision))
    module.training_step(make_batch(), 0)["loss"].backward()
    module.network.projector.linear1.weight.grad[0, 0] = math.inf
    if not stops:
        module.configure_gradient_clipping(None)
        assert module.gradient_norm == math.inf
        return
    with pytest.raises(VoCoError, match=r"gradient's norm is inf.*\(a, b\)"):
        module.configure_gradient_clipping(None)


@pytest.mark.parametrize("clip", [None, 0.01])
def test_the_gradient_is_measured_before_it_is_clipped(clip):
    module = make_module(changed("optimisation", clip=clip))
    module.training_step(make_batch(), 0)["loss"].backward()

    def norm() -> float:
        grads = [p.grad.double().flatten() for p in module.parameters() if p.grad is not None]
        return torch.cat(grads).norm().item()

    before = norm()
    module.configure_gradient_clipping(None)
    assert module.gradient_norm == pytest.approx(before, rel=1e-4)
    assert norm() == pytest.approx(min(before, clip or before), rel=1e-3)


def test_the_encoder_can_be_compiled():
    """Without a compiler on the test machine: the compiled function is the encoder's."""
    module = make_module(changed("compute", compile=True))
    assert module._encode.__wrapped__ is PositionNetwork.features
