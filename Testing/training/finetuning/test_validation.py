"""The Dice that a run is chosen by is what a user would measure."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

from Testing.training.finetuning.small_run import changed, unsaid
from Testing.training.finetuning.tiny_cases import write_cases
from voco3d.cli import main
from voco3d.finetuning.data_list import read_data_list
from voco3d.finetuning.monitor import best_row
from voco3d.finetuning.training import finetune
from voco3d.finetuning.validation import dice_of_case
from voco3d.inference import Segmenter
from voco3d.metrics import dice

REGIONS = {
    "background": 0,
    "all glands": [1, 2, 3],
    "paired glands": [1, 2],
    "left gland": 2,
}


def measured(model: Path, cases, folder: Path, *names: str) -> dict[str, float]:
    """Mean Dice of each structure by `voco segment` and `voco evaluate`."""
    for part in ("predictions", "references"):
        (folder / part).mkdir(parents=True)
    for case in cases:
        shutil.copy(case.label, folder / "references" / f"{case.name}.nii.gz")
        output = str(folder / "predictions" / f"{case.name}.nii.gz")
        images = [str(image) for image in case.images]
        options = ["--model", str(model), "--device", "cpu", "--progress", "none"]
        assert main(["segment", *images, output, *options]) == 0
    sides = [str(folder / part) for part in ("predictions", "references")]
    out = folder / "out"
    arguments = [*sides, "--model", str(model), "--out", str(out), "--progress", "none"]
    assert main(["evaluate", *arguments]) == 0
    summary = json.loads((out / "evaluation.json").read_text())["summary"]
    return {line["structure"]: line["dice"] for line in summary}


def turned(case, folder: Path):
    """A case with other axes: the same patient, stored otherwise."""
    folder.mkdir()
    paths = [*case.images, case.label]
    for path in paths:
        image = sitk.DICOMOrient(sitk.ReadImage(str(path)), "SLA")
        sitk.WriteImage(image, str(folder / path.name))
    images = tuple(folder / path.name for path in case.images)
    return replace(case, images=images, label=folder / case.label.name)


@pytest.fixture(scope="module")
def trained(cases, tmp_path_factory) -> Path:
    """A run that has learnt something of each structure."""
    out = tmp_path_factory.mktemp("runs") / "trained"
    config = changed("optimisation", steps=40, warmup=4, learning_rate=2e-2)
    config = changed("validation", config, every=20, log_every=20)
    finetune(
        changed("augmentation", config, flip=(0.0,) * 3, quarter_turns=0.0), cases, out, unsaid
    )
    return out


def test_the_record_says_what_segment_and_evaluate_find(trained, cases, tmp_path):
    data = read_data_list(cases)
    found = measured(trained / "model", data.cases["validation"], tmp_path)
    best = best_row(trained)
    for name in data.structures:
        assert found[name] == pytest.approx(best[name], abs=1e-6), name
    assert max(best[name] for name in data.structures) > 0.1


def test_a_turned_copy_has_the_same_dice(trained, cases, tmp_path):
    data = read_data_list(cases)
    segmenter = Segmenter(trained / "model", "cpu")
    for case in data.cases["validation"]:
        straight = dice_of_case(segmenter, case, data)
        other = turned(case, tmp_path / case.name)
        assert (
            sitk.ReadImage(str(other.label)).GetSize() != sitk.ReadImage(str(case.label)).GetSize()
        )
        np.testing.assert_allclose(dice_of_case(segmenter, other, data), straight, atol=1e-6)


def test_dice_is_that_of_the_masks_and_none_where_the_case_has_no_contours(trained, cases):
    data = read_data_list(cases)
    case = data.cases["validation"][0]
    segmenter = Segmenter(trained / "model", "cpu")
    predicted = sitk.GetArrayFromImage(segmenter(sitk.ReadImage(str(case.images[0]))))
    reference = sitk.GetArrayFromImage(sitk.ReadImage(str(case.label)))
    partial = replace(case, known=frozenset({0, 2}))
    scores = dice_of_case(segmenter, partial, data)
    assert np.isnan(scores).tolist() == [False, True, False]
    for index in (0, 2):
        assert scores[index] == pytest.approx(dice(predicted, reference, index + 1))


def test_regions_are_compared_as_evaluate_does(tmp_path):
    data_file = write_cases(tmp_path / "data", labels=REGIONS, validation=2, channels=2)
    content = json.loads(data_file.read_text())
    data_file.write_text(json.dumps({**content, "regions_class_order": [3, 1, 2]}))
    config = changed("optimisation", steps=30, warmup=4, learning_rate=2e-2)
    config = changed("validation", config, every=15)
    model = finetune(config, data_file, tmp_path / "run", unsaid)
    data = read_data_list(data_file)
    found = measured(model, data.cases["validation"], tmp_path / "measured")
    best = best_row(tmp_path / "run")
    for name in data.structures:
        assert found[name] == pytest.approx(best[name], abs=1e-6), name
    assert len({round(best[name], 3) for name in data.structures}) > 1


def test_label_values_of_any_size_are_compared_with_the_places_of_the_structures(tmp_path):
    """A model writes 1, 2, ...; a reference may hold other values."""
    labels = {"0": "background", "205": "right gland", "420": "left gland", "850": "cord"}
    data_file = write_cases(tmp_path / "data", labels=labels)
    model = finetune(
        changed("optimisation", steps=20, learning_rate=2e-2), data_file, tmp_path / "run", unsaid
    )
    data = read_data_list(data_file)
    case = data.cases["validation"][0]
    output = tmp_path / f"{case.name}.seg.nrrd"
    segment = ["segment", str(case.images[0]), str(output), "--model", str(model)]
    assert main([*segment, "--device", "cpu", "--progress", "none"]) == 0
    names = ["--names", ",".join(data.structures), "--labels", "205,420,850"]
    out = ["--out", str(tmp_path / "out"), "--progress", "none"]
    assert main(["evaluate", str(output), str(case.label), *names, *out]) == 0
    summary = json.loads((tmp_path / "out" / "evaluation.json").read_text())["summary"]
    found = {line["structure"]: line["dice"] for line in summary}
    best = best_row(tmp_path / "run")
    for name in data.structures:
        assert found[name] == pytest.approx(best[name], abs=1e-6, nan_ok=True), name
