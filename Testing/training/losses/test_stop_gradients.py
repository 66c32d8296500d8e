"""Where the gradients must not go, and that they do go everywhere else."""

import pytest
import torch

from voco3d.losses import RECIPES, Embeddings, absolute_similarity, objective, squared_similarity

WITH_TEACHER = [name for name, recipe in RECIPES.items() if recipe.teacher != "none"]


@pytest.fixture
def inputs():
    """Crops and bases of a student and of a teacher, whose cosines are all positive."""
    random = torch.Generator().manual_seed(3)
    shapes = [(2, 3, 8), (2, 4, 8), (2, 3, 8), (2, 4, 8)]
    return [
        (1 + torch.rand(shape, generator=random, dtype=torch.float64)).requires_grad_()
        for shape in shapes
    ]


OVERLAPS = torch.tensor([[0.6, 0.4, 0.0, 0.0], [0.0, 1.0, 0.0, 0.0], [0.1, 0.2, 0.3, 0.4]])
OVERLAPS = OVERLAPS.double().expand(2, 3, 4)


def terms(name, inputs):
    teacher = None if RECIPES[name].teacher == "none" else Embeddings(*inputs[2:])
    return objective(RECIPES[name], Embeddings(*inputs[:2]), teacher, OVERLAPS)


def receives(term, tensor):
    """Whether a gradient arrives."""
    (gradient,) = torch.autograd.grad(
        term, tensor, retain_graph=True, allow_unused=True, materialize_grads=True
    )
    return bool((gradient != 0).any())


def test_paper_predicts_without_a_gradient_into_the_bases(inputs):
    crops, bases, *_ = inputs
    loss = terms("paper", inputs)
    assert receives(loss.prediction, crops)
    assert not receives(loss.prediction, bases)


def test_paper_regularises_the_bases_alone(inputs):
    crops, bases, *_ = inputs
    loss = terms("paper", inputs)
    assert receives(loss.regularisation, bases)
    assert not receives(loss.regularisation, crops)


def test_cvpr_code_predicts_both_ways(inputs):
    crops, bases, *_ = inputs
    loss = terms("cvpr-code", inputs)
    assert receives(loss.prediction, crops)
    assert receives(loss.prediction, bases)


def test_tpami_predicts_from_the_students_crops_alone(inputs):
    crops, bases, *_ = inputs
    loss = terms("tpami", inputs)
    assert receives(loss.prediction, crops)
    assert not receives(loss.prediction, bases)


def test_tpami_compares_volumes_through_the_students_crops_and_bases(inputs):
    crops, bases, *_ = inputs
    loss = terms("tpami", inputs)
    assert receives(loss.inter_volume, crops)
    assert receives(loss.inter_volume, bases)


@pytest.mark.parametrize("name", WITH_TEACHER)
def test_nothing_goes_into_the_teacher(name, inputs):
    loss = terms(name, inputs)
    total = loss.prediction + loss.regularisation + loss.inter_volume + loss.logits.sum()
    for tensor in inputs[2:]:
        assert not receives(total, tensor)


def test_every_base_is_pushed_by_the_papers_regularisation(inputs):
    absolute_similarity(inputs[1]).backward()
    assert (inputs[1].grad != 0).any(dim=-1).all()


def test_the_last_base_is_pushed_by_none_in_the_authors_regularisation(inputs):
    squared_similarity(inputs[1]).backward()
    pushed = (inputs[1].grad != 0).any(dim=-1)
    assert pushed[:, :-1].all()
    assert not pushed[:, -1].any()
