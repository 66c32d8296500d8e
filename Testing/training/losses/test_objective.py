import math

import pytest
import torch

from voco3d.errors import VoCoError
from voco3d.losses import (
    RECIPES,
    Embeddings,
    absolute_similarity,
    entropy_loss,
    find_recipe,
    objective,
    position_logits,
    similarity,
    split_loss,
    squared_similarity,
)

LOG_EPSILON = -math.log(1e-6)


def all_terms(name, crops, bases, overlaps):
    """The loss where student and teacher say the same."""
    recipe, said = RECIPES[name], Embeddings(crops, bases)
    return objective(recipe, said, None if recipe.teacher == "none" else said, overlaps)


def example(volumes, dtype=torch.float64):
    random = torch.Generator().manual_seed(8)
    crops = torch.randn(volumes, 3, 8, generator=random, dtype=dtype) + 0.5
    bases = torch.randn(volumes, 4, 8, generator=random, dtype=dtype) + 0.5
    overlaps = torch.rand(volumes, 3, 4, generator=random, dtype=dtype)
    overlaps[..., :2] = 0
    return crops, bases, overlaps / overlaps.sum(dim=-1, keepdim=True)


def test_the_recipes_are_those_of_the_paper_and_of_the_authors_code():
    assert list(RECIPES) == ["paper", "cvpr-code", "tpami"]
    assert {name: recipe.teacher for name, recipe in RECIPES.items()} == {
        "paper": "none",
        "cvpr-code": "network",
        "tpami": "projector",
    }
    assert {name: recipe.width for name, recipe in RECIPES.items()} == {
        "paper": 2048,
        "cvpr-code": 2048,
        "tpami": 1024,
    }
    for name, recipe in RECIPES.items():
        assert find_recipe(name) is recipe


def test_an_unknown_recipe_is_refused_with_the_names_to_choose_from():
    with pytest.raises(VoCoError, match="no recipe 'vooc': choose one of paper, cvpr-code, tpami"):
        find_recipe("vooc")


def test_cosines_and_logits_of_known_angles():
    first = torch.tensor([[[2.0, 0, 0], [1, 1, 0]]])
    second = torch.tensor([[[3.0, 0, 0], [-1, 0, 0], [0, 0, 5]]])
    root = math.sqrt(0.5)
    torch.testing.assert_close(
        similarity(first, second), torch.tensor([[[1.0, -1, 0], [root, -root, 0]]])
    )
    torch.testing.assert_close(
        position_logits(first, second), torch.tensor([[[1.0, 0, 0], [root, 0, 0]]])
    )


def test_prediction_losses_of_a_crop_halfway_between_two_bases():
    """l = (0.8, 0.6) and y = (1, 0): d = (0.2, 0.6)."""
    crops = torch.tensor([[[4.0, 3]]], dtype=torch.float64)
    bases = torch.eye(2, dtype=torch.float64)[None]
    overlaps = torch.tensor([[[1.0, 0]]], dtype=torch.float64)
    logits = position_logits(crops, bases)
    assert entropy_loss(logits, overlaps).item() == pytest.approx(
        -(math.log(0.8) + math.log(0.4)) / 2, abs=1e-12
    )
    positive = -math.log(0.8 + 1e-6)
    assert split_loss(logits, overlaps, "square").item() == pytest.approx(
        positive + 0.36, abs=1e-12
    )
    assert split_loss(logits, overlaps, "log").item() == pytest.approx(
        positive - math.log(0.4 + 1e-6), abs=1e-12
    )


def test_the_split_loss_means_over_the_crops_of_a_volume_and_then_over_volumes():
    """The second volume has one negative, the first has three: each volume counts the same."""
    overlaps = torch.tensor([[[1.0, 0], [0, 0]], [[0.5, 0.5], [1, 0]]], dtype=torch.float64)
    logits = overlaps.clone()
    logits[0, :, 1] = 0.6
    logits[1, 1, 1] = 0.5
    expected = ((0.36 + 0.36 + 0) / 3 + 0.25) / 2
    assert split_loss(logits, overlaps, "square").item() == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize("name", RECIPES)
def test_a_perfect_prediction_costs_nothing(name):
    """Orthogonal bases, and crops whose cosines with them are their overlaps."""
    overlaps = torch.tensor([[0.25, 0.1, 0.5, 0.15], [0, 1, 0, 0], [0, 0, 0.7, 0.3]])
    overlaps = overlaps.double().expand(2, 3, 4)
    rest = (1 - overlaps.square().sum(dim=-1, keepdim=True)).clamp(min=0).sqrt()
    crops = 7 * torch.cat([overlaps, rest], dim=-1)
    bases = 5 * torch.eye(4, 5, dtype=torch.float64).expand(2, 4, 5)
    loss = all_terms(name, crops, bases, overlaps)
    torch.testing.assert_close(loss.logits, overlaps)
    for term in loss[:3]:
        assert term.item() == pytest.approx(0, abs=3e-6)


def test_regularisation_of_bases_that_are_equal_opposite_or_orthogonal():
    vector = torch.tensor([1.0, 2, 3], dtype=torch.float64)
    equal = vector.expand(2, 4, 3)
    opposite = torch.stack([vector, -vector])[None]
    orthogonal = torch.eye(3, dtype=torch.float64)[None]
    for bases, absolute, squared in ((equal, 1, 1), (opposite, 1, 0), (orthogonal, 0, 0)):
        assert absolute_similarity(bases).item() == pytest.approx(absolute)
        assert squared_similarity(bases).item() == pytest.approx(squared)


def test_regularisation_of_one_base_is_0():
    bases = torch.randn(2, 1, 4, requires_grad=True)
    assert absolute_similarity(bases) == 0
    assert squared_similarity(bases) == 0


@pytest.mark.parametrize("name", ["paper", "cvpr-code"])
def test_only_tpami_compares_volumes(name):
    assert all_terms(name, *example(3)).inter_volume == 0


def test_the_inter_volume_term_of_a_single_volume_is_0():
    assert all_terms("tpami", *example(1)).inter_volume == 0


def test_the_inter_volume_term_compares_with_the_next_volume_and_the_last_with_the_first():
    """The teacher takes the bases of the next volume apart; the student is right about none.

    A crop that is right about its own volume, or about the one before, would cost nothing.
    """
    axes = torch.eye(6, dtype=torch.float64)
    bases = axes.reshape(3, 2, 6)
    crops = bases.roll(-1, dims=0)
    teacher = Embeddings(crops, bases)
    overlaps = torch.tensor([[1.0, 0], [0, 1]], dtype=torch.float64).expand(3, 2, 2)

    def cost(student):
        return objective(
            RECIPES["tpami"], Embeddings(student, bases), teacher, overlaps
        ).inter_volume.item()

    assert cost(crops) == pytest.approx(0, abs=3e-6)
    assert cost(bases) == pytest.approx(LOG_EPSILON, abs=3e-6)
    assert cost(bases.roll(1, dims=0)) == pytest.approx(LOG_EPSILON, abs=3e-6)


@pytest.mark.parametrize("name", RECIPES)
def test_the_length_of_an_embedding_does_not_matter(name):
    crops, bases, overlaps = example(2)
    random = torch.Generator().manual_seed(9)

    def stretched(embeddings):
        lengths = torch.rand(*embeddings.shape[:2], 1, generator=random, dtype=torch.float64)
        return embeddings * (0.01 + 100 * lengths)

    one = all_terms(name, crops, bases, overlaps)
    other = all_terms(name, stretched(crops), stretched(bases), overlaps)
    for term, same in zip(one, other, strict=True):
        torch.testing.assert_close(term, same, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("name", ["paper", "cvpr-code"])
def test_a_batch_costs_the_mean_of_its_volumes(name):
    crops, bases, overlaps = example(5)
    batch = all_terms(name, crops, bases, overlaps)
    alone = [
        all_terms(name, crops[v : v + 1], bases[v : v + 1], overlaps[v : v + 1]) for v in range(5)
    ]
    for term in ("prediction", "regularisation"):
        mean = torch.stack([getattr(loss, term) for loss in alone]).mean()
        torch.testing.assert_close(getattr(batch, term), mean)


VECTOR = torch.tensor([0.3, -0.2, 0.5, 0.1])
PLACES = {
    "identical": (VECTOR, VECTOR),
    "parallel": (VECTOR, 3 * VECTOR),
    "opposite": (VECTOR, -VECTOR),
    "crops of zeros": (0 * VECTOR, VECTOR),
    "bases of zeros": (VECTOR, 0 * VECTOR),
    "all of zeros": (0 * VECTOR, 0 * VECTOR),
}


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("name", RECIPES)
def test_values_and_gradients_are_finite_at_the_singular_places(name, place, dtype):
    """Labels of 0, of 1 and between meet cosines of exactly 1, -1 and of no direction at all."""
    crop, base = (vector.to(dtype) for vector in PLACES[place])
    crops = crop.repeat(2, 4, 1).requires_grad_()
    bases = base.repeat(2, 3, 1).requires_grad_()
    overlaps = torch.tensor([[0, 0, 0], [1, 0, 0], [1, 1, 1], [0.5, 0.25, 0.25]], dtype=dtype)
    loss = all_terms(name, crops, bases, overlaps.expand(2, 4, 3))
    total = loss.prediction + loss.regularisation + loss.inter_volume
    assert total.isfinite()
    total.backward()
    for tensor in (crops, bases):
        assert tensor.grad is None or tensor.grad.isfinite().all()


@pytest.mark.parametrize("label", [0.0, 1.0])
def test_a_distance_of_1_costs_the_logarithm_of_the_epsilon(label):
    """A prediction of 1 where there is no overlap, and of 0 where it is whole."""
    overlaps = torch.full((1, 1, 1), label, dtype=torch.float64)
    wrong = 1 - overlaps
    assert entropy_loss(wrong, overlaps).item() == pytest.approx(LOG_EPSILON)
    assert split_loss(wrong, overlaps, "log").item() == pytest.approx(LOG_EPSILON)
    squared = 1 if label == 0 else LOG_EPSILON
    assert split_loss(wrong, overlaps, "square").item() == pytest.approx(squared)


def test_volumes_without_positives_or_without_negatives_leave_that_part_out():
    inside, outside = torch.ones(1, 2, 1), torch.zeros(1, 2, 1)
    assert split_loss(inside, inside, "square").item() == pytest.approx(0, abs=3e-6)
    assert split_loss(torch.full_like(outside, 0.5), outside, "square").item() == 0.25


def test_a_cosine_that_is_rounded_above_1_gives_a_logit_of_1():
    embedding = torch.randn(1, 64, 32, generator=torch.Generator().manual_seed(0)).bfloat16()
    assert similarity(embedding, embedding).max() > 1
    assert position_logits(embedding, embedding).max() == 1


@pytest.mark.parametrize(("name", "given"), [("paper", True), ("cvpr-code", False)])
def test_a_teacher_too_many_or_too_few_is_refused(name, given):
    crops, bases, overlaps = example(2)
    said = Embeddings(crops, bases)
    with pytest.raises(ValueError, match="teacher"):
        objective(RECIPES[name], said, said if given else None, overlaps)
