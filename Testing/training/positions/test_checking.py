"""Whether a volume is what the model knows, and lies as it says."""

import json

import numpy as np
import pytest
import SimpleITK as sitk

from Testing.conftest import small_model
from Testing.training.models.position_model import position_model
from Testing.training.positions.pictures import body, noise
from Testing.training.positions.voxel_encoder import voxel_positioner
from voco3d.errors import VoCoError
from voco3d.positions import Positioner, check_volume
from voco3d.positions.checking import MARGIN, judge, turn_cosines, with_axes
from voco3d.positions.turns import TURNS, Turn


@pytest.fixture(scope="module")
def knowing(tmp_path_factory):
    """A model whose reference bases are those of the body itself."""
    folder = tmp_path_factory.mktemp("models") / "knowing"
    position_model(folder)
    positioner = voxel_positioner(folder)
    volume = positioner.open(body())
    positioner.encoder.reference = volume.embed(volume.grid.starts())
    return positioner


def misstated(turn):
    """The body, stored so that ``turn`` brings it back, and stated to be RAS all the same."""
    (back,) = [t for t in TURNS if np.array_equal(t.of(turn.of(INDEX)), INDEX)]
    return with_axes(body(), back)


INDEX = np.arange(2 * 3 * 4).reshape(2, 3, 4)


def test_every_turn_of_a_known_volume_is_found(knowing):
    for turn in TURNS[::7]:
        cosines = turn_cosines(knowing, misstated(turn))
        means = sorted((values.mean(), other) for other, values in cosines.items())
        assert means[-1][1] == turn
        assert means[-1][0] > 0.999
        assert means[-2][0] < 0.97
    check = check_volume(knowing, misstated(Turn((2, 0, 1), (False, True, False))))
    assert check.known
    assert check.similarity > 0.999
    assert check.axes == Turn((2, 0, 1), (False, True, False)).axes
    assert check.stated < check.similarity - 0.1


def test_a_turned_volume_gives_the_same_cosines_in_another_order(knowing):
    """So 48 scores of a volume tell what is answered of it in all 48 orientations."""
    plain = turn_cosines(knowing, body())
    assert np.std([values.mean() for values in plain.values()]) > 0.1
    turn = Turn((1, 2, 0), (True, False, True))
    turned = turn_cosines(knowing, with_axes(body(), turn))
    for other in TURNS:
        (both,) = [t for t in TURNS if np.array_equal(t.of(INDEX), other.of(turn.of(INDEX)))]
        np.testing.assert_allclose(turned[other], plain[both], atol=5e-3)


@pytest.mark.parametrize("axes", ["PIR", "LAS", "SLA"])
def test_the_axes_that_the_file_states_do_not_matter(knowing, axes):
    expected = turn_cosines(knowing, body())
    found = turn_cosines(knowing, sitk.DICOMOrient(body(), axes))
    for turn in TURNS:
        np.testing.assert_allclose(found[turn], expected[turn], atol=5e-3)


def test_the_cosines_against_loops(knowing):
    found = turn_cosines(knowing, body())
    grid = knowing.encoder.grid
    for turn in TURNS[1::11]:
        array = knowing.prepare(with_axes(body(), turn), grid).array[0].astype(float)
        for base, (x, y, z) in enumerate(grid.starts()):
            crop = array[x : x + 16, y : y + 16, z : z + 16].ravel()
            crop -= crop.mean()
            reference = knowing.encoder.reference[base].double().numpy()
            cosine = crop @ reference / np.linalg.norm(crop) / np.linalg.norm(reference)
            assert found[turn][base] == pytest.approx(cosine, abs=5e-3)


def made(best, lead, top=0.9):
    """Scores that fall by each lead where a turn differs from the best one."""
    scores = {}
    for turn in TURNS:
        value = top - lead[0] * (turn.order != best.order)
        for axis in range(3):
            value -= lead[1 + axis] * (turn.flips[axis] != best.flips[axis])
        scores[turn] = np.full(4, value)
    return scores


CLEAR, NEAR = 0.2, MARGIN / 2


def test_a_flip_leads_those_without_it_in_the_same_order_of_axes():
    """A turn that also exchanges the axes is the business of their lead."""
    scores = made(Turn(), (CLEAR,) * 4)
    scores[Turn((1, 0, 2), (False, False, True))] = np.full(4, 0.89)
    check = judge("m", scores)
    assert check.margins["axes"] == pytest.approx(0.01)
    assert check.margins["head-feet"] == pytest.approx(CLEAR)


@pytest.mark.parametrize(
    ("best", "lead", "answer", "wrong", "says"),
    [
        (Turn(), (CLEAR,) * 4, "as stated", (), "It lies as stated."),
        (Turn(), (CLEAR, 0, CLEAR, CLEAR), "as stated", (), "Cannot tell: left-right."),
        (Turn(), (CLEAR, CLEAR, CLEAR, NEAR), "cannot tell", (), "Nothing contradicts"),
        (Turn(), (NEAR, CLEAR, CLEAR, CLEAR), "cannot tell", (), "cannot be told"),
        (
            Turn(flips=(False, False, True)),
            (CLEAR, 0, CLEAR, CLEAR),
            "not as stated",
            ("head-feet",),
            "looks upside down.",
        ),
        (
            Turn(flips=(True, True, False)),
            (CLEAR, NEAR, CLEAR, CLEAR),
            "not as stated",
            ("front-back",),
            "looks flipped front-back.",
        ),
        (
            Turn(flips=(True, False, True)),
            (CLEAR, CLEAR, CLEAR, CLEAR),
            "not as stated",
            ("left-right", "head-feet"),
            "looks flipped left-right and upside down.",
        ),
        (Turn(flips=(False, False, True)), (CLEAR, 0, 0, NEAR), "cannot tell", (), "Nothing"),
        (
            Turn((0, 2, 1), (True, False, True)),
            (CLEAR, NEAR, CLEAR, CLEAR),
            "not as stated",
            ("axes", "head-feet"),
            "run to R or L, I, A.",
        ),
        (
            Turn((2, 1, 0), (False, True, False)),
            (NEAR, CLEAR, CLEAR, CLEAR),
            "cannot tell",
            (),
            "cannot be told",
        ),
    ],
)
def test_only_what_leads_clearly_is_told(best, lead, answer, wrong, says):
    check = judge("m", made(best, lead))
    assert check.answer == answer
    assert check.wrong == wrong
    assert says in " ".join(check.sentences)
    assert check.axes == best.axes
    names = ("axes", "left-right", "front-back", "head-feet")
    for name, value in zip(names, lead, strict=True):
        assert check.margins[name] == pytest.approx(value)
        assert (name in check.told) == (value >= MARGIN and lead[0] >= MARGIN)
    assert json.loads(json.dumps(check.to_plain()))["answer"] == answer


def test_of_what_the_model_does_not_know_nothing_is_told():
    check = judge("m", made(Turn(flips=(False, False, True)), (CLEAR,) * 4, top=0.3))
    assert not check.known
    assert (check.answer, check.told, check.wrong) == ("cannot tell", (), ())
    assert "does not look like the volumes that m was trained on" in check.sentences[0]


def test_the_region_of_the_body_is_told_where_the_model_states_one():
    scores = made(Turn(), (CLEAR,) * 4)
    check = judge("m", scores, "head and neck")
    assert check.region == "head and neck"
    assert check.sentences == (
        "It looks like head and neck, as in the volumes that m was trained on (similarity 0.90).",
        "It lies as stated.",
    )
    assert judge("m", scores).region is None
    assert judge("m", scores).sentences[0] == (
        "It looks like the volumes that m was trained on (similarity 0.90)."
    )
    strange = judge("m", made(Turn(), (CLEAR,) * 4, top=0.3), "head and neck")
    assert strange.region is None
    assert strange.sentences == (
        "It does not look like head and neck as m knows it (similarity 0.30): another region of "
        "the body, or a part of it.",
        "How it lies cannot be told.",
    )


def test_the_region_is_that_of_the_model(tmp_path):
    position_model(tmp_path / "m", body_region="a box")
    positioner = Positioner(tmp_path / "m", "cpu")
    sentences = check_volume(positioner, noise()).sentences
    assert "a box" in sentences[0]


def test_a_model_without_reference_bases_is_refused(tmp_path):
    small_model(tmp_path / "m")
    with pytest.raises(VoCoError, match="no reference bases"):
        check_volume(Positioner(tmp_path / "m", "cpu"), noise())


def test_what_cannot_be_checked_is_refused(knowing):
    with pytest.raises(VoCoError, match="takes one image, but 2 were given"):
        check_volume(knowing, [body(), body()])
    constant = sitk.Image(8, 8, 8, sitk.sitkInt16)
    with pytest.raises(VoCoError, match="same value"):
        check_volume(knowing, constant)


def test_a_callback_can_stop_it(knowing):
    def stop(done, total, what):
        assert total == 48
        raise InterruptedError

    with pytest.raises(InterruptedError):
        check_volume(knowing, body(), stop)


def test_the_sides_of_voxels_are_turned_with_them():
    turned = with_axes(body(), Turn((2, 0, 1), (False, True, False)))
    assert turned.GetSize() == (28, 24, 20)
    assert turned.GetSpacing() == (2.5, 2.0, 3.0)
    array, before = (sitk.GetArrayFromImage(image) for image in (turned, body()))
    assert array[3, 23 - 5, 7] == before[7, 3, 5]  # (z, y, x) each
