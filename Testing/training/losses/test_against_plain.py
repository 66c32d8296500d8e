"""Every term of every recipe, value and gradient, against the slow reference in ``plain``."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from Testing.training.losses import plain
from voco3d.losses import RECIPES, Embeddings, objective

TERMS = ("prediction", "regularisation", "inter_volume")
INPUTS = ("student crops", "student bases", "teacher crops", "teacher bases")


def test_every_recipe_has_a_reference():
    assert RECIPES.keys() == plain.RECIPES.keys()


@st.composite
def batches(draw):
    """Embeddings of student and teacher, and labels, in float64.

    ``common`` is a direction that all embeddings share: without it about half of the cosines are
    negative, with much of it nearly none. The labels of a crop are shares in some of the bases:
    in all, in one alone, or in none at all, of a crop that lies outside.
    """
    volumes, crops = draw(st.integers(1, 3)), draw(st.integers(1, 4))
    bases, channels = draw(st.integers(1, 6)), draw(st.integers(2, 8))
    common, scale = draw(st.sampled_from([0.0, 0.5, 2.0])), draw(st.sampled_from([0.01, 1.0, 30.0]))
    overlapped = draw(st.sampled_from([0.0, 0.3, 1.0]))
    whole = draw(st.booleans())
    random = torch.Generator().manual_seed(draw(st.integers(0, 2**32)))

    def embeddings(count):
        shape, options = (volumes, count, channels), {"dtype": torch.float64, "generator": random}
        return scale * (common + torch.randn(shape, **options))

    inputs = [embeddings(count) for count in (crops, bases, crops, bases)]
    shares = torch.rand(volumes, crops, bases, dtype=torch.float64, generator=random)
    chosen = torch.rand(shares.shape, generator=random) < overlapped
    if whole:
        chosen[..., torch.randint(bases, (), generator=random)] = True
    shares = shares * chosen
    return inputs, shares / shares.sum(dim=-1, keepdim=True).clamp(min=1e-12)


def gradients(term, inputs):
    """The gradient of a term with respect to each input, 0 where it does not depend on it."""
    if not term.requires_grad:
        return [torch.zeros_like(tensor) for tensor in inputs]
    return torch.autograd.grad(
        term, inputs, retain_graph=True, allow_unused=True, materialize_grads=True
    )


def scalars(batch):
    """Nested lists of the numbers of a tensor, each with its own graph to it."""
    return [[list(vector) for vector in volume] for volume in batch]


def close(actual, expected, message):
    torch.testing.assert_close(
        actual, expected, rtol=1e-9, atol=1e-9, msg=lambda text: f"{message}: {text}"
    )


@pytest.mark.parametrize("name", RECIPES)
@settings(deadline=None, max_examples=60)
@given(batch=batches())
def test_terms_and_gradients_are_those_of_the_equations(name, batch):
    inputs, overlaps = batch
    for tensor in inputs:
        tensor.requires_grad_()
    crops, bases, teacher_crops, teacher_bases = inputs
    teacher = None
    if RECIPES[name].teacher != "none":
        teacher = Embeddings(teacher_crops, teacher_bases)

    loss = objective(RECIPES[name], Embeddings(crops, bases), teacher, overlaps)
    expected = plain.RECIPES[name](*map(scalars, inputs), scalars(overlaps))

    logits = torch.tensor(plain.constant(expected["logits"]), dtype=torch.float64)
    close(loss.logits.detach(), logits, "logits")
    for term in TERMS:
        actual = getattr(loss, term)
        assert actual.shape == ()
        close(actual.detach(), expected[term].detach(), term)
        for which, one, other in zip(
            INPUTS, gradients(actual, inputs), gradients(expected[term], inputs), strict=True
        ):
            close(one, other, f"gradient of {term} with respect to {which}")
            if which.startswith("teacher"):
                assert (one == 0).all()
