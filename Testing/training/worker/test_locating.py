"""The request ``positions``."""

import pytest
import SimpleITK as sitk

from voco3d.positions import Positioner

MODEL = "headneck-voco"


@pytest.fixture(scope="module")
def middle(phantom):
    """The middle of the phantom, LPS mm."""
    size = phantom.image.GetSize()
    return list(phantom.image.TransformContinuousIndexToPhysicalPoint([n / 2 for n in size]))


def test_it_gives_what_the_library_gives(worker, ct, phantom, middle):
    shifted = [middle[0] + 30, middle[1] - 12, middle[2]]
    found = worker.result("positions", image=str(ct), model=MODEL, crops=[middle, shifted])
    opened = Positioner(MODEL, "cpu").open(phantom.image)
    expected = opened.report(opened.locate([(-x, -y, z) for x, y, z in (middle, shifted)]))
    assert found["bases"]["counts"] == list(expected.bases.counts)
    for crop, other in zip(found["crops"], expected.crops, strict=True):
        assert crop["asked"] == pytest.approx(other.asked)
        assert crop["overlaps"] == pytest.approx(other.overlaps)
        assert crop["predicted"] == pytest.approx(other.predicted, abs=1e-4)


def test_a_further_crop_does_not_embed_the_bases_again(worker, ct, middle):
    ask = {"image": str(ct), "model": MODEL, "grid": [2, 2, 1]}
    first = worker.result("positions", **ask, crops=[])
    assert first["crops"] == []
    id = worker.ask("positions", **ask, crops=[middle])
    assert worker.answer(id)["result"]["bases"] == first["bases"]
    assert {report["what"] for _, report in worker.told("progress", id)} == {"embedding crops"}


def test_another_image_under_the_same_name_is_read_again(worker, phantom, middle, tmp_path):
    file = tmp_path / "image.nrrd"
    ask = {"image": str(file), "model": MODEL, "crops": [middle]}
    sitk.WriteImage(phantom.image, str(file))
    first = worker.result("positions", **ask)
    sitk.WriteImage(sitk.Clamp(phantom.image, upperBound=0.0), str(file))
    assert worker.result("positions", **ask)["crops"] != first["crops"]


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"image": None}, -32602),
        ({"crops": None}, -32602),
        ({"crops": [[1, 2]]}, -32602),
        ({"crops": [3]}, -32602),
        ({"grid": [4, 4]}, -32602),
        ({"grid": [0, 4, 1]}, -32602),
        ({"more": 1}, -32602),
        ({"image": "/none.nrrd"}, 1),
        ({"model": "nothing"}, 1),
        ({"device": "tpu"}, 1),
        ({"crops": [[9000, 0, 0]]}, 1),
    ],
)
def test_what_is_refused(worker, ct, middle, change, code):
    ask = {"image": str(ct), "model": MODEL, "crops": [middle]}
    assert worker.error("positions", **ask | change)[0] == code
