"""Files: which belong together, how they are read, which labels are the same structure."""

import numpy as np
import pytest
import SimpleITK as sitk

from voco3d.errors import VoCoError
from voco3d.metrics import Pair, evaluate, pair
from voco3d.metrics.label_maps import check_same_grid, read_label_map
from voco3d.models import Code, Regions, Structure
from voco3d.outputs.seg_nrrd import write_seg_nrrd

TISSUE = Code("SCT", "85756007", "Tissue")
DIRECTION = (0, -1, 0, 1, 0, 0, 0, 0, 1)


def label_image(dtype=np.uint8, **boxes) -> sitk.Image:
    """A map of 8 x 7 x 6 voxels of 1 x 2 x 3 mm; ``l2=(1, 4)``: label 2 from x = 1 up to 4."""
    array = np.zeros((6, 7, 8), dtype)
    for name, (start, stop) in boxes.items():
        array[1:4, 1:5, start:stop] = int(name[1:])
    image = sitk.GetImageFromArray(array)
    image.SetSpacing((1, 2, 3))
    image.SetOrigin((-101.3, 40.7, 12.1))
    image.SetDirection(DIRECTION)
    return image


def write(path, **boxes):
    path.parent.mkdir(exist_ok=True)
    sitk.WriteImage(label_image(**boxes), str(path))
    return path


def write_segmentation(path, names: dict[int, str], **boxes):
    structures = {k: Structure(name, (1, 2, 3), TISSUE, TISSUE) for k, name in names.items()}
    write_seg_nrrd(path, label_image(**boxes), structures)
    return path


def test_files_pair_up_by_name_whatever_their_ending(tmp_path):
    for name in ("p/b.seg.nrrd", "p/a.nii.gz", "r/a.nrrd", "r/b.nii.gz"):
        write(tmp_path / name)
    for name in ("r/dataset.json", "p/.part-1-c.nii.gz"):
        (tmp_path / name).touch()
    pairs = pair(tmp_path / "p", tmp_path / "r").pairs
    assert [(p.case, p.predicted.name, p.reference.name) for p in pairs] == [
        ("a", "a.nii.gz", "a.nrrd"),
        ("b", "b.seg.nrrd", "b.nii.gz"),
    ]


def test_files_without_counterpart_are_named_and_refused_or_left_out(tmp_path):
    for name in ("p/a.nii.gz", "p/extra.nii.gz", "r/a.nii.gz", "r/b.nii.gz", "r/c.nii.gz"):
        write(tmp_path / name)
    message = r"2 references have no prediction \(b, c\), and 1 prediction has no reference"
    with pytest.raises(VoCoError, match=message):
        pair(tmp_path / "p", tmp_path / "r")
    pairing = pair(tmp_path / "p", tmp_path / "r", allow_missing=True)
    assert [p.case for p in pairing.pairs] == ["a"]
    assert pairing.without_prediction == ("b", "c")
    assert pairing.without_reference == ("extra",)


@pytest.mark.parametrize(
    ("predictions", "references", "message"),
    [
        ("p", "absent", "absent does not exist"),
        ("p", "r/a.nii.gz", "two files or two folders"),
        ("p", "p", "as prediction and as reference"),
        ("p", "other", "is called like one"),
        ("p", "twice", "has both a.nii.gz and a.nrrd"),
    ],
)
def test_what_does_not_pair_up_is_refused(tmp_path, predictions, references, message):
    for name in ("p/a.nrrd", "r/a.nii.gz", "other/b.nii.gz", "twice/a.nii.gz", "twice/a.nrrd"):
        write(tmp_path / name)
    with pytest.raises(VoCoError, match=message):
        pair(tmp_path / predictions, tmp_path / references, allow_missing=True)


def test_a_label_map_is_read_with_axes_x_y_z(tmp_path):
    read = read_label_map(write(tmp_path / "a.nii.gz", l2=(1, 4)))
    assert read.array.shape == (8, 7, 6)
    assert np.argwhere(read.array == 2).min(axis=0).tolist() == [1, 1, 1]
    assert np.argwhere(read.array == 2).max(axis=0).tolist() == [3, 4, 3]
    assert read.names == {}


def test_whole_numbers_stored_as_floats_are_labels(tmp_path):
    read = read_label_map(write(tmp_path / "a.nii.gz", dtype=np.float32, l2=(1, 4)))
    assert np.unique(read.array).tolist() == [0, 2]


def _truncated(path):
    sitk.WriteImage(label_image(), str(path), useCompression=False)
    path.write_bytes(path.read_bytes()[:-100])


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda path: path.write_bytes(b"no image"), "not an image that can be read"),
        (_truncated, "cannot be read"),
        (
            lambda path: sitk.WriteImage(sitk.Cast(label_image(), sitk.sitkFloat32) + 0.5, path),
            "no whole numbers",
        ),
        (
            lambda path: sitk.WriteImage(sitk.Cast(label_image(), sitk.sitkInt16) - 1, path),
            "negative",
        ),
        (lambda path: sitk.WriteImage(label_image()[:, :, 1], path), "is 2-D"),
        (
            lambda path: sitk.WriteImage(sitk.Compose(label_image(), label_image()), path),
            "several values a voxel",
        ),
    ],
)
def test_what_is_no_label_map_is_refused(tmp_path, spoil, message):
    file = tmp_path / "a.nii"
    spoil(file)
    with pytest.raises(VoCoError, match=message):
        read_label_map(file)


@pytest.mark.parametrize("part", ["spacing", "origin", "direction", "size"])
def test_a_prediction_on_another_grid_is_refused(tmp_path, part):
    reference = read_label_map(write(tmp_path / "r.nrrd"))
    image = label_image()
    if part == "spacing":
        image.SetSpacing((1, 2, 3.02))
    elif part == "origin":
        image.SetOrigin((-101.3, 40.7, 12.15))
    elif part == "direction":
        image.SetDirection((0, 1, 0, 1, 0, 0, 0, 0, 1))
    else:
        image = image[:, :, :5]
    sitk.WriteImage(image, str(tmp_path / "p.nrrd"))
    with pytest.raises(VoCoError, match=r"p\.nrrd lies on another grid than .*r\.nrrd"):
        check_same_grid(read_label_map(tmp_path / "p.nrrd"), reference)


def test_rounding_in_a_header_is_no_other_grid(tmp_path):
    # NIfTI stores the place of an image in single precision.
    reference = read_label_map(write(tmp_path / "r.nrrd"))
    predicted = read_label_map(write(tmp_path / "p.nii.gz"))
    assert predicted.grid.GetOrigin() != reference.grid.GetOrigin()
    check_same_grid(predicted, reference)


def test_distances_follow_the_voxel_size_of_each_axis(tmp_path):
    array = np.zeros((9, 9, 9), np.uint8)
    array[3:6, 3:6, 3:6] = 1
    pairs = []
    for axis, name in enumerate("zyx"):  # SimpleITK's arrays have the axes z, y, x
        for folder, voxels in (("p", np.roll(array, 1, axis)), ("r", array)):
            (tmp_path / folder).mkdir(exist_ok=True)
            image = sitk.GetImageFromArray(voxels)
            image.SetSpacing((1, 2, 5))
            sitk.WriteImage(image, str(tmp_path / folder / f"{name}.nrrd"))
        pairs.append(Pair(name, tmp_path / f"p/{name}.nrrd", tmp_path / f"r/{name}.nrrd"))
    scores = evaluate(pairs).scores
    assert {s.case: s.hausdorff95 for s in scores} == pytest.approx({"x": 1, "y": 2, "z": 5})
    assert [s.dice for s in scores] == pytest.approx([2 / 3] * 3)
    assert [s.reference_ml for s in scores] == pytest.approx([0.27] * 3)


def test_labels_without_names_are_the_same_where_equal(tmp_path):
    predicted = write(tmp_path / "p.nii.gz", l10=(1, 3), l2=(4, 6))
    reference = write(tmp_path / "r.nii.gz", l10=(1, 3), l3=(4, 6))
    evaluation = evaluate([Pair("a", predicted, reference)])
    assert evaluation.structures == ("label 2", "label 3", "label 10")
    found = {s.structure: (s.dice, s.presence) for s in evaluation.scores}
    assert found == {
        "label 2": (0, "not in the reference"),
        "label 3": (0, "missing in the prediction"),
        "label 10": (1, "both"),
    }


def test_segmentation_files_match_by_their_own_names(tmp_path):
    """Left and right stay what the files call them, whatever the labels."""
    predicted = write_segmentation(
        tmp_path / "p.seg.nrrd", {1: "left lung", 2: "right lung"}, l1=(1, 3), l2=(5, 8)
    )
    reference = write_segmentation(
        tmp_path / "r.seg.nrrd", {1: "Right lung", 2: "Left lung"}, l2=(1, 3), l1=(5, 7)
    )
    evaluation = evaluate([Pair("a", predicted, reference)])
    assert evaluation.structures == ("Right lung", "Left lung")
    assert {s.structure: s.dice for s in evaluation.scores} == pytest.approx(
        {"Right lung": 0.8, "Left lung": 1.0}
    )
    plain = write(tmp_path / "p.nii.gz", l2=(1, 3), l1=(5, 7))
    scores = evaluate([Pair("a", plain, reference)]).scores
    assert [(s.structure, s.dice) for s in scores] == [("Right lung", 1), ("Left lung", 1)]
    scores = evaluate([Pair("a", predicted, plain)], {2: "left lung", 1: "right lung"}).scores
    assert {s.structure: s.dice for s in scores} == pytest.approx(
        {"right lung": 0.8, "left lung": 1.0}
    )


def test_labels_without_a_name_are_refused_unless_labels_are_chosen(tmp_path):
    pairs = [Pair("a", write(tmp_path / "p.nii.gz", l1=(1, 3)), write(tmp_path / "r.nii.gz"))]
    write(tmp_path / "r.nii.gz", l1=(1, 3), l7=(4, 6))
    with pytest.raises(VoCoError, match=r"r\.nii\.gz holds the label 7, which is none of the 1"):
        evaluate(pairs, {1: "one"})
    assert [s.structure for s in evaluate(pairs, {1: "one"}, labels=[1]).scores] == ["one"]
    assert [s.structure for s in evaluate(pairs, labels=[7]).scores] == ["label 7"]


def test_segments_that_nobody_asked_for_are_refused_unless_labels_are_chosen(tmp_path):
    reference = write_segmentation(
        tmp_path / "r.seg.nrrd", {1: "node", 2: "lung"}, l2=(1, 3), l1=(5, 7)
    )
    pairs = [Pair("a", write(tmp_path / "p.nii.gz", l1=(1, 3)), reference)]
    with pytest.raises(VoCoError, match=r"holds the label 1 \(node\)"):
        evaluate(pairs, {1: "lung"})
    assert [s.dice for s in evaluate(pairs, {1: "lung"}, labels=[1]).scores] == [1]
    with pytest.raises(VoCoError, match="segments node, lung, none of which is among heart"):
        evaluate(pairs, {1: "heart"}, labels=[1])


def test_a_structure_in_neither_map_is_left_out_of_that_case(tmp_path):
    pairs = [
        Pair(
            case,
            write(tmp_path / f"{case}p.nii.gz", **one),
            write(tmp_path / f"{case}.nrrd", **two),
        )
        for case, one, two in (("a", {"l1": (1, 3)}, {"l1": (1, 3)}), ("b", {}, {}))
    ]
    evaluation = evaluate(pairs, {1: "one", 2: "two"})
    assert [(s.case, s.structure) for s in evaluation.scores] == [("a", "one")]
    assert [(line.structure, line.n) for line in evaluation.summary[:2]] == [("one", 1), ("two", 0)]


def test_progress_goes_from_none_to_all_and_an_exception_in_it_stops(tmp_path):
    pairs = [Pair("a", write(tmp_path / "p.nrrd", l1=(1, 3)), write(tmp_path / "r.nrrd"))] * 2
    seen = []
    evaluate(pairs, progress=lambda done, total, what: seen.append((done, total)))
    assert seen[0] == (0, 2)
    assert seen[-1] == (2, 2)
    assert seen == sorted(seen)

    def cancel(done, total, what):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        evaluate(pairs, progress=cancel)


def test_a_negative_tolerance_is_refused():
    with pytest.raises(VoCoError, match="tolerance must be 0 mm or more"):
        evaluate([], tolerance=-1)


REGIONS = Regions(members=((1, 2, 4), (1, 4), (4,)), written=(2, 1, 4))
NAMES = {1: "whole", 2: "core", 3: "enhancing"}


def tumor(path, written=REGIONS, **boxes):
    """A label map, or for ``.seg.nrrd`` the regions in layers."""
    if not path.name.endswith(".seg.nrrd"):
        return write(path, **boxes)
    structures = {k: Structure(name, (1, 2, 3), TISSUE, TISSUE) for k, name in NAMES.items()}
    write_seg_nrrd(path, label_image(**boxes), structures, written)
    return path


@pytest.mark.parametrize("predicted", ["p.nii.gz", "p.seg.nrrd"])
@pytest.mark.parametrize("reference", ["r.nii.gz", "r.seg.nrrd"])
def test_a_region_is_the_union_of_its_labels_in_both_maps(tmp_path, predicted, reference):
    one = tumor(tmp_path / predicted, l2=(1, 3), l1=(3, 4), l4=(4, 5))
    other = tumor(tmp_path / reference, l2=(1, 2), l1=(2, 4), l4=(4, 6))
    evaluation = evaluate([Pair("a", one, other)], NAMES, regions=REGIONS)
    assert evaluation.structures == ("whole", "core", "enhancing")
    assert {s.structure: s.dice for s in evaluation.scores} == pytest.approx(
        {"whole": 2 * 4 / (4 + 5), "core": 2 * 2 / (2 + 4), "enhancing": 2 / 3}
    )


def test_a_label_of_no_region_is_refused(tmp_path):
    one, other = tumor(tmp_path / "p.nii.gz", l3=(1, 3)), tumor(tmp_path / "r.nii.gz", l2=(1, 3))
    with pytest.raises(VoCoError, match="holds the label 3, which is none of the 3 structures"):
        evaluate([Pair("a", one, other)], NAMES, regions=REGIONS)


def test_overlapping_segments_need_to_be_told_apart_in_a_map_without_names(tmp_path):
    one = tumor(tmp_path / "p.seg.nrrd", l2=(1, 3), l4=(3, 4))
    other = tumor(tmp_path / "r.nii.gz", l2=(1, 3), l4=(3, 4))
    for pairs in (Pair("a", one, other), Pair("a", other, one)):
        with pytest.raises(VoCoError, match="give the model whose regions they are"):
            evaluate([pairs])
    (tmp_path / "other").mkdir()
    same = tumor(tmp_path / "other/p.seg.nrrd", l2=(1, 3), l4=(3, 4))
    assert [s.dice for s in evaluate([Pair("a", one, same)]).scores] == [1, 1, 1]


def test_overlapping_segments_are_no_label_map_for_training(tmp_path):
    with pytest.raises(VoCoError, match="export it as a label map"):
        read_label_map(tumor(tmp_path / "p.seg.nrrd", l2=(1, 3)))


def test_an_image_of_several_values_is_no_segmentation(tmp_path):
    file = tmp_path / "p.nrrd"
    sitk.WriteImage(sitk.Compose(label_image(), label_image()), str(file))
    with pytest.raises(VoCoError, match="names 0 segments"):
        read_label_map(file, overlapping=True)
