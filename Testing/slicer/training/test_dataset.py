"""The scene as a data set: geometry against plain numpy, labels, cases held out."""

import json
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
import slicer

from Testing.slicer.training.small_scene import (
    DIRECTIONS,
    SIZE,
    add_segment,
    add_segmentation,
    add_volume,
    ball,
    entry,
    grid,
    places,
    put_under,
    rotation,
)
from VoCoSlicerLib.errors import VoCoSlicerError
from VoCoSlicerLib.training.dataset import (
    SceneCase,
    scene_cases,
    write_dataset,
    writing_dataset,
)

LIVER, KIDNEY = ((-11.0, 8.0, 22.0), 6.5), ((-1.0, 15.0, 26.0), 5.0)
NOTHING = np.zeros(SIZE, bool)
TISSUE = "Some list~SCT^85756007^Tissue~SCT^85756007^Tissue~^^~Another list~^^~^^"


def masks(matrix, size=SIZE) -> dict[str, np.ndarray]:
    return {"liver": ball(matrix, *LIVER, size), "left kidney": ball(matrix, *KIDNEY, size)}


def add_case(scene, number: int = 0, segments=None, matrix=None) -> SceneCase:
    matrix = grid() if matrix is None else matrix
    volume = add_volume(scene, matrix, f"CT {number}", seed=number)
    segments = masks(matrix) if segments is None else segments
    return SceneCase(volume, add_segmentation(scene, volume, matrix, segments, f"Drawn {number}"))


def read(folder: Path) -> dict:
    return json.loads((folder / "dataset.json").read_text())


def entries(folder: Path) -> dict[str, dict]:
    """The cases by file name."""
    content = read(folder)
    found = content.get("training", []) + content.get("validation", [])
    return {Path(one["image"]).stem: one for one in found}


def label_map(folder: Path, case: int) -> sitk.Image:
    return sitk.ReadImage(str(folder / entries(folder)[f"case{case:03}"]["label"]))


def array(image: sitk.Image) -> np.ndarray:
    return sitk.GetArrayFromImage(image).transpose(2, 1, 0)


def places_in(image: sitk.Image) -> np.ndarray:
    """The place of every voxel of a file in RAS in mm, by SimpleITK."""
    lps = [
        image.TransformIndexToPhysicalPoint(tuple(map(int, index)))
        for index in np.ndindex(image.GetSize())
    ]
    return np.reshape(lps, (*image.GetSize(), 3)) * [-1, -1, 1]


def nearest(mask: np.ndarray, matrix: np.ndarray, points: np.ndarray) -> np.ndarray:
    """What a mask on a grid says at places in RAS: one place after the other."""
    flat = np.zeros(points.reshape(-1, 3).shape[0], bool)
    for n, point in enumerate(points.reshape(-1, 3)):
        index = np.linalg.solve(matrix, [*point, 1.0])[:3].round().astype(int)
        if (index >= 0).all() and (index < mask.shape).all():
            flat[n] = mask[tuple(index)]
    return flat.reshape(points.shape[:-1])


@pytest.mark.parametrize("direction", DIRECTIONS.values(), ids=DIRECTIONS)
def test_image_and_labels_lie_where_they_lie_in_the_scene(scene, tmp_path, direction):
    matrix = grid(direction)
    cases = [add_case(scene, 0, matrix=matrix), add_case(scene, 1)]
    write_dataset(cases, tmp_path / "data")
    image = sitk.ReadImage(str(tmp_path / "data" / "images" / "case001.nrrd"))
    labels = label_map(tmp_path / "data", 1)
    np.testing.assert_allclose(places_in(image), places(matrix), atol=1e-6)
    np.testing.assert_array_equal(array(image), slicer_array(cases[0].volume))
    assert image.GetPixelID() == sitk.sitkInt16
    assert labels.GetOrigin() == image.GetOrigin()
    assert labels.GetDirection() == image.GetDirection()
    assert labels.GetSpacing() == image.GetSpacing()
    expected = masks(matrix)
    np.testing.assert_array_equal(array(labels) == 1, expected["liver"])
    np.testing.assert_array_equal(array(labels) == 2, expected["left kidney"])


def slicer_array(volume) -> np.ndarray:
    from vtk.util.numpy_support import vtk_to_numpy

    image = volume.GetImageData()
    return vtk_to_numpy(image.GetPointData().GetScalars()).reshape(image.GetDimensions(), order="F")


@pytest.mark.parametrize("direction", DIRECTIONS.values(), ids=DIRECTIONS)
def test_a_segmentation_on_another_grid(scene, tmp_path, direction):
    """Finer, shifted, turned, and not as large as the volume."""
    own, size = grid(direction, (1.3, 1.7, 1.1), (17, 13, 15), (-7.3, 11.2, 23.1)), (17, 13, 15)
    volume = add_volume(scene, grid(DIRECTIONS["oblique"]))
    drawn = masks(own, size)
    case = SceneCase(volume, add_segmentation(scene, volume, own, drawn))
    write_dataset([case, add_case(scene, 1)], tmp_path / "data")
    labels = label_map(tmp_path / "data", 1)
    for value, mask in enumerate(drawn.values(), start=1):
        expected = nearest(mask, own, places_in(labels))
        assert expected.any()
        np.testing.assert_array_equal(array(labels) == value, expected)


def test_volume_and_segmentation_under_transforms(scene, tmp_path):
    """Of their own, each: what counts is where they are in the world."""
    moved = np.eye(4)
    moved[:3] = np.c_[rotation().T, [3.0, -4.0, 5.0]]
    shifted = np.eye(4)
    shifted[:3, 3] = (2.2, 1.3, -2.6)
    case = add_case(scene, 0)
    put_under(case.volume, moved)
    put_under(case.segmentation, shifted @ moved)
    write_dataset([case, add_case(scene, 1)], tmp_path / "data")
    labels = label_map(tmp_path / "data", 1)
    np.testing.assert_allclose(places_in(labels), places(moved @ grid()), atol=1e-6)
    expected = nearest(masks(grid())["liver"], shifted @ moved @ grid(), places_in(labels))
    assert expected.any()
    assert (expected != masks(grid())["liver"]).any()
    np.testing.assert_array_equal(array(labels) == 1, expected)


def test_segments_that_share_a_label_map(scene, tmp_path):
    """As Slicer keeps segments that do not overlap."""
    case = add_case(scene, 0)
    case.segmentation.GetSegmentation().CollapseBinaryLabelmaps(False)
    assert case.segmentation.GetSegmentation().GetNumberOfLayers() == 1
    write_dataset([case, add_case(scene, 1)], tmp_path / "data")
    labels = array(label_map(tmp_path / "data", 1))
    np.testing.assert_array_equal(labels == 2, masks(grid())["left kidney"])


def test_a_segmentation_of_surfaces(scene, tmp_path):
    """Is made a label map on the volume's grid, and stays as it was in the scene."""
    case = add_case(scene, 0)
    put_under(case.volume, np.diag([4.0, -4.0, 4.0, 1.0]))
    put_under(case.segmentation, np.diag([4.0, -4.0, 4.0, 1.0]))
    segmentation = case.segmentation.GetSegmentation()
    segmentation.SetConversionParameter("Smoothing factor", "0.0")
    case.segmentation.CreateClosedSurfaceRepresentation()
    case.segmentation.SetSourceRepresentationToClosedSurface()
    segmentation.RemoveRepresentation("Binary labelmap")
    write_dataset([case, add_case(scene, 1)], tmp_path / "data")
    labels = array(label_map(tmp_path / "data", 1))
    for value, mask in enumerate(masks(grid()).values(), start=1):
        both = (labels == value) & mask
        assert 2 * both.sum() / ((labels == value).sum() + mask.sum()) > 0.85
    assert not segmentation.ContainsRepresentation("Binary labelmap")


def test_one_label_a_structure_in_all_cases(scene, tmp_path):
    """By the name, in any order and case, or by the terminology."""
    matrix, drawn = grid(), masks(grid())
    first = add_case(scene, 0, {"Liver": drawn["liver"]})
    add_segment(first.segmentation, "x", matrix, drawn["left kidney"], entry("64033007", "Kidney"))
    second = add_case(scene, 1, {})
    kidney, tissue = entry("64033007", "Kidney"), TISSUE
    add_segment(second.segmentation, "left kidney", matrix, drawn["left kidney"], kidney)
    add_segment(second.segmentation, "liver", matrix, drawn["liver"], tissue)
    third = add_case(scene, 2, {})
    add_segment(third.segmentation, "spleen", matrix, drawn["liver"], tissue)
    write_dataset([first, second, third, add_case(scene, 3)], tmp_path / "data")
    names = ["background", "Liver", "x", "spleen"]
    assert read(tmp_path / "data")["labels"] == {str(n): name for n, name in enumerate(names)}
    np.testing.assert_array_equal(array(label_map(tmp_path / "data", 2)) == 1, drawn["liver"])
    np.testing.assert_array_equal(array(label_map(tmp_path / "data", 2)) == 2, drawn["left kidney"])
    np.testing.assert_array_equal(array(label_map(tmp_path / "data", 3)) == 3, drawn["liver"])


def test_left_and_right_stay_apart(scene, tmp_path):
    """Their terminology differs in the modifier only."""
    sides = {"a": "SCT^7771000^Left", "b": "SCT^24028007^Right"}
    cases = []
    for number in range(2):
        case = add_case(scene, number, {})
        for (name, side), mask in zip(sides.items(), masks(grid()).values(), strict=True):
            code = entry("64033007", "Kidney", side)
            add_segment(case.segmentation, f"{name}{number}", grid(), mask, code)
        cases.append(case)
    write_dataset(cases, tmp_path / "data")
    assert read(tmp_path / "data")["labels"] == {"0": "background", "1": "a0", "2": "b0"}


def test_a_terminology_that_two_segments_have_says_nothing(scene, tmp_path):
    mass = entry("4147007", "Mass")
    first, second = add_case(scene, 0, {}), add_case(scene, 1, {})
    for name, mask in masks(grid()).items():
        add_segment(first.segmentation, f"tumour {name}", grid(), mask, mass)
    for name, mask in masks(grid()).items():
        add_segment(second.segmentation, f"tumour {name}", grid(), mask, TISSUE)
    third = add_case(scene, 2, {})
    add_segment(third.segmentation, "cyst", grid(), masks(grid())["liver"], mass)
    write_dataset([first, second, third], tmp_path / "data")
    assert list(read(tmp_path / "data")["labels"].values())[1:] == [
        "tumour liver",
        "tumour left kidney",
        "cyst",
    ]


def test_a_name_with_two_meanings_is_refused(scene, tmp_path):
    cases = []
    for number, side in enumerate(("SCT^7771000^Left", "SCT^24028007^Right")):
        cases.append(add_case(scene, number, {}))
        code = entry("64033007", "Kidney", side)
        mask = masks(grid())["liver"]
        add_segment(cases[-1].segmentation, "kidney", grid(), mask, code)
    with pytest.raises(VoCoSlicerError, match="kidney has another terminology in Drawn 0 than"):
        write_dataset(cases, tmp_path / "data")
    assert not (tmp_path / "data").exists()


def test_cases_that_lack_a_structure_say_so(scene, tmp_path):
    """A missing segment means that nobody looked, an empty one that it is not there."""
    drawn = masks(grid())
    cases = [
        add_case(scene, 0),
        add_case(scene, 1, {"liver": drawn["liver"]}),
        add_case(scene, 2, {"liver": drawn["liver"], "left kidney": NOTHING}),
        add_case(scene, 3),
    ]
    write_dataset(cases, tmp_path / "data")
    found = entries(tmp_path / "data")
    assert found["case002"]["classes"] == ["liver"]
    assert "classes" not in found["case001"]
    assert "classes" not in found["case003"]
    assert set(np.unique(array(label_map(tmp_path / "data", 3)))) == {0, 1}


def test_no_structure_is_only_in_validation(scene, tmp_path):
    drawn = masks(grid())
    only = {"liver": drawn["liver"]}
    cases = [add_case(scene, 0, only), add_case(scene, 1, only), add_case(scene, 2, drawn)]
    write_dataset(cases, tmp_path / "data")
    content = read(tmp_path / "data")
    assert [one["image"] for one in content["validation"]] == ["images/case002.nrrd"]
    assert len(content["training"]) == 2


def test_a_share_of_many_cases_is_held_out(scene, tmp_path):
    write_dataset([add_case(scene, number) for number in range(10)], tmp_path / "data")
    content = read(tmp_path / "data")
    assert [Path(one["image"]).stem for one in content["validation"]] == ["case009", "case010"]


def test_the_images_of_a_patient_stay_together(scene, tmp_path):
    cases = [add_case(scene, number) for number in range(4)]
    hierarchy = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(scene)
    patients = [
        hierarchy.CreateSubjectItem(hierarchy.GetSceneItemID(), f"Name {n}") for n in range(2)
    ]
    for case, number in zip(cases, (1, 0, 0, 1), strict=True):
        study = hierarchy.CreateStudyItem(patients[number], "study")
        hierarchy.CreateItem(study, case.volume)
    write_dataset(cases, tmp_path / "data")
    content = read(tmp_path / "data")
    assert [one["patient"] for one in content["validation"]] == ["patient 1", "patient 1"]
    assert [one["patient"] for one in content["training"]] == ["patient 2", "patient 2"]
    assert "Name" not in (tmp_path / "data" / "dataset.json").read_text()


def test_images_alone_for_pretraining(scene, tmp_path):
    cases = [SceneCase(add_volume(scene, grid(), f"CT {n}")) for n in range(2)]
    write_dataset(cases, tmp_path / "data", labelled=False)
    assert set(read(tmp_path / "data")) == {"name", "training"}
    assert sorted(path.name for path in (tmp_path / "data").iterdir()) == ["dataset.json", "images"]


def test_what_the_scene_has(scene):
    """Every volume with the segmentations made on it; no label maps, no slices."""
    case = add_case(scene, 0)
    again = add_segmentation(scene, case.volume, grid(), masks(grid()), "Again")
    alone = add_volume(scene, grid(), "Alone")
    add_volume(scene, grid(), "Slice", (12, 10, 1))
    scene.AddNewNodeByClass("vtkMRMLLabelMapVolumeNode")
    add_segmentation(scene, None, grid(), masks(grid()))
    assert scene_cases(scene) == [case, SceneCase(case.volume, again), SceneCase(alone)]


def test_what_is_not_a_data_set(scene, tmp_path):
    case, other = add_case(scene, 0), add_case(scene, 1)
    faults = {
        "No volume": [],
        "two cases or more": [case],
        "CT has no segmentation": [case, SceneCase(add_volume(scene, grid()))],
        "CT 0 is ticked with two": [case, SceneCase(case.volume, other.segmentation)],
        "Drawn 2 has two segments called Liver": [
            case,
            add_case(scene, 2, {"Liver": NOTHING, "liver ": NOTHING}),
        ],
        "spleen is empty": [case, add_case(scene, 3, {"spleen": NOTHING})],
        "have no segments": [add_case(scene, 4, {}), add_case(scene, 5, {})],
        "No case can be kept": [
            add_case(scene, 6, {"a": masks(grid())["liver"]}),
            add_case(scene, 7, {"b": masks(grid())["liver"]}),
        ],
    }
    for sentence, cases in faults.items():
        with pytest.raises(VoCoSlicerError, match=sentence):
            write_dataset(cases, tmp_path / "data")
        assert not (tmp_path / "data").exists()


def test_overlapping_segments_are_refused(scene, tmp_path):
    mask = masks(grid())["liver"]
    case = add_case(scene, 0, {"liver": mask, "tumour": np.roll(mask, 1, axis=0)})
    with pytest.raises(VoCoSlicerError, match="liver and tumour overlap in Drawn 0"):
        write_dataset([case, add_case(scene, 1)], tmp_path / "data")


def test_the_segmentation_of_another_volume(scene, tmp_path):
    case = add_case(scene, 0)
    put_under(case.segmentation, np.c_[np.eye(4)[:, :3], [500.0, 0, 0, 1]])
    with pytest.raises(VoCoSlicerError, match="Drawn 0 lies outside CT 0"):
        write_dataset([case, add_case(scene, 1)], tmp_path / "data")


@pytest.mark.parametrize("change", ["moved", "removed"])
def test_a_volume_that_is_changed_meanwhile(scene, tmp_path, change):
    case = add_case(scene, 0)
    steps = writing_dataset([case, add_case(scene, 1)], tmp_path / "data")
    next(steps)
    if change == "moved":
        put_under(case.volume, np.c_[np.eye(4)[:, :3], [1.0, 0, 0, 1]])
    else:
        scene.RemoveNode(case.volume)
    with pytest.raises(VoCoSlicerError, match="CT 0 was changed while"):
        for _ in steps:
            pass
    assert not (tmp_path / "data").exists()


def test_giving_up_leaves_nothing(scene, tmp_path):
    steps = writing_dataset([add_case(scene, 0), add_case(scene, 1)], tmp_path / "data")
    shares = [next(steps) for _ in range(12)]
    assert shares == sorted(shares)
    assert (tmp_path / "data" / "images").is_dir()
    steps.close()
    assert not (tmp_path / "data").exists()


def test_a_folder_that_is_there_is_left_alone(scene, tmp_path):
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "mine").touch()
    with pytest.raises(VoCoSlicerError, match="cannot be written to"):
        write_dataset([add_case(scene, 0), add_case(scene, 1)], tmp_path / "data")
    assert (tmp_path / "data" / "mine").exists()
