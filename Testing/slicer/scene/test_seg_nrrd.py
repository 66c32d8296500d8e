"""The worker's file is read whole or refused; it never ends the program."""

import gzip
import tracemalloc
from contextlib import suppress

import numpy as np
import pytest
import SimpleITK as sitk
import slicer
from hypothesis import given, settings
from hypothesis import strategies as st
from vtk.util.numpy_support import vtk_to_numpy

from Testing.slicer.scene.scenes import (
    OBLIQUE,
    ORIENTATIONS,
    STRUCTURES,
    add_volume,
    describe_segmentation,
    ids_by_name,
    same_places,
    segment_points,
    some_masks,
    write_result,
)
from Testing.training.models.region_model import REGIONS
from voco3d.models import Code, Structure
from voco3d.outputs.seg_nrrd import write_seg_nrrd
from VoCoSlicerLib.errors import VoCoSlicerError
from VoCoSlicerLib.scene import nrrd
from VoCoSlicerLib.scene.headless import HeadlessApplication
from VoCoSlicerLib.scene.seg_nrrd import reading_seg_nrrd
from VoCoSlicerLib.scene.steps import finish

DAMAGED = "damaged or cut off"


def read(path):
    return finish(reading_seg_nrrd(path))


def as_node(scene, content):
    """What was read as a node, to compare with what Slicer itself reads."""
    node = scene.AddNewNodeByClass("vtkMRMLSegmentationNode", "read")
    node.CreateDefaultDisplayNodes()
    for described in content.segments.values():
        segment = slicer.vtkSegment()
        segment.SetName(described.name)
        segment.SetColor(*described.color)
        segment.SetTerminology(described.terminology)
        segment.SetLabelValue(described.label)
        segment.AddRepresentation("Binary labelmap", content.layers[described.layer])
        node.GetSegmentation().AddSegment(segment, described.name)
    return node


def as_slicer_reads(scene, path):
    node = scene.AddNewNodeByClass("vtkMRMLSegmentationNode", "slicer")
    storage = scene.AddNewNodeByClass("vtkMRMLSegmentationStorageNode")
    storage.SetFileName(str(path))
    assert storage.ReadData(node)
    return node


def assert_read_as_slicer_does(scene, path):
    own, slicers = as_node(scene, read(path)), as_slicer_reads(scene, path)
    own_described = describe_segmentation(own)
    assert any(described["points"] for described in own_described.values())
    assert list(own_described) == list(ids_by_name(slicers))
    theirs = describe_segmentation(slicers)
    for one, other in zip(own_described.values(), theirs.values(), strict=True):
        assert same_places(np.array(one.pop("points")), np.array(other.pop("points")))
        assert one["color"] == pytest.approx(other.pop("color"), abs=1e-6)
        one.pop("color")
        assert one == other


@pytest.fixture
def result_file(application, tmp_path):
    volume_node = add_volume(application.scene, OBLIQUE)
    return write_result(volume_node, tmp_path / "r", some_masks())[0]


@pytest.mark.parametrize("direction", [*ORIENTATIONS[::7], OBLIQUE])
@pytest.mark.parametrize("chunk", [5, 2**20])
def test_it_is_what_slicer_reads(application, tmp_path, direction, chunk, monkeypatch):
    monkeypatch.setattr(nrrd, "CHUNK", chunk)
    volume_node = add_volume(application.scene, direction)
    path, _ = write_result(volume_node, tmp_path, some_masks())
    assert_read_as_slicer_does(application.scene, path)


@pytest.mark.parametrize("compressed", [False, True])
@pytest.mark.parametrize("chunk", [3, 7, 2**20])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_layers_of_overlapping_structures(
    application, tmp_path, compressed, chunk, dtype, monkeypatch
):
    monkeypatch.setattr(nrrd, "CHUNK", chunk)
    labels = sitk.GetImageFromArray(np.random.default_rng(3).integers(0, 4, (4, 5, 6), np.uint8))
    labels.SetDirection(OBLIQUE.ravel().tolist())
    labels.SetSpacing((0.5, 1.5, 2.5))
    labels.SetOrigin((3.0, 5.0, 7.0))
    structures = dict(enumerate(STRUCTURES.values(), 1))
    path = tmp_path / "r.seg.nrrd"
    write_seg_nrrd(path, labels, structures, REGIONS)
    image = sitk.ReadImage(str(path))
    cast = sitk.Cast(image, sitk.sitkVectorUInt8 if dtype == np.uint8 else sitk.sitkVectorUInt16)
    for key in image.GetMetaDataKeys():
        cast.SetMetaData(key, image.GetMetaData(key))
    sitk.WriteImage(cast, str(path), useCompression=compressed)
    content = read(path)
    assert [segment.layer for segment in content.segments.values()] == [0, 1, 2]
    for layer, mask in zip(
        content.layers, REGIONS.masks_of(sitk.GetArrayViewFromImage(labels)), strict=True
    ):
        found = vtk_to_numpy(layer.GetPointData().GetScalars())
        assert found.dtype == dtype
        np.testing.assert_array_equal(found.reshape(mask.shape), mask)
    assert_read_as_slicer_does(application.scene, path)


def test_odd_names_survive(application, tmp_path):
    name = 'Läsion := "a" \\ new\nline, 100%'
    labels = sitk.GetImageFromArray(np.ones((4, 5, 6), np.uint8))
    structure = Structure(name, (1, 2, 3), *(Code("SCT", "1", "ä: b"),) * 2)
    write_seg_nrrd(tmp_path / "r.seg.nrrd", labels, {1: structure})
    (segment,) = read(tmp_path / "r.seg.nrrd").segments.values()
    assert segment.name == name
    assert segment.terminology.split("~")[1] == "SCT^1^ä: b"


def test_it_is_read_in_short_steps(result_file, monkeypatch):
    monkeypatch.setattr(nrrd, "CHUNK", 20)
    shares = list(reading_seg_nrrd(result_file))
    assert len(shares) > 5
    assert shares == sorted(shares)
    assert shares[-1] == 1


@settings(max_examples=60, deadline=None)
@given(share=st.floats(0, 1, exclude_max=True), compressed=st.booleans())
def test_a_file_cut_off_anywhere_is_refused(tmp_path_factory, share, compressed):
    folder = tmp_path_factory.mktemp("cut")
    volume_node = add_volume(HeadlessApplication().scene)
    path, _ = write_result(volume_node, folder, some_masks())
    if not compressed:
        sitk.WriteImage(sitk.ReadImage(str(path)), str(path), useCompression=False)
    whole = path.read_bytes()
    path.write_bytes(whole[: int(len(whole) * share)])
    with pytest.raises(VoCoSlicerError, match=DAMAGED):
        read(path)


@settings(max_examples=60, deadline=None)
@given(position=st.floats(0, 1, exclude_max=True), value=st.integers(0, 255))
def test_a_damaged_file_is_read_or_refused_in_a_sentence(tmp_path_factory, position, value):
    folder = tmp_path_factory.mktemp("damaged")
    path, _ = write_result(add_volume(HeadlessApplication().scene), folder, some_masks())
    data = bytearray(path.read_bytes())
    data[int(len(data) * position)] = value
    path.write_bytes(data)
    with suppress(VoCoSlicerError):
        assert read(path).layers


@pytest.mark.parametrize("content", [None, b"", b"not an image", b"NRRD0004\n\n", b"\x1f\x8b" * 99])
def test_other_files_are_refused(tmp_path, content):
    path = tmp_path / "r.seg.nrrd"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(VoCoSlicerError, match=DAMAGED):
        read(path)


def test_more_voxels_than_announced_are_refused(result_file):
    sitk.WriteImage(sitk.ReadImage(str(result_file)), str(result_file), useCompression=False)
    result_file.write_bytes(result_file.read_bytes() + b"\0")
    with pytest.raises(VoCoSlicerError, match=DAMAGED):
        read(result_file)


@pytest.mark.parametrize("compressed", [False, True])
@pytest.mark.parametrize("sizes", [b"70000 60000 50000", b"4294967296 4294967296 4"])
def test_a_header_that_announces_too_much_takes_no_memory(result_file, compressed, sizes):
    """The second product is 0 in 64 bits."""
    sitk.WriteImage(sitk.ReadImage(str(result_file)), str(result_file), useCompression=compressed)
    exchange(result_file, b"sizes: 7 6 5", b"sizes: " + sizes)
    with pytest.raises(VoCoSlicerError, match=DAMAGED):
        read(result_file)


def exchange(path, old: bytes, new: bytes) -> None:
    content = path.read_bytes()
    assert content.count(old) == 1
    path.write_bytes(content.replace(old, new))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"sizes: 7 6 5", b"sizes: 7 6 0"),
        (b"sizes: 7 6 5", b"sizes: -7 -6 5"),
        (b"sizes: 7 6 5", b"sizes: 7 30"),
        (b"sizes: 7 6 5", b"sizes: 7 6 4"),
        (b"sizes: 7 6 5", b"sizes: 1 1 7 6 5"),
        (b"space: left-posterior-superior", b"space: right-anterior-superior"),
        (b"encoding: gzip", b"encoding: bzip2"),
        (b"type: unsigned char", b"type: float"),
        (b"type: unsigned char", b"type: block"),
        (b"Segment0_Color:=", b"Segment0_Color:=1 "),
    ],
)
def test_a_header_that_no_result_has_is_refused(result_file, old, new):
    assert read(result_file).layers
    exchange(result_file, old, new)
    with pytest.raises(VoCoSlicerError, match=DAMAGED):
        read(result_file)


@pytest.mark.parametrize("missing", range(1, 9))
def test_the_check_sum_at_the_end_must_be_there(result_file, missing):
    """All voxels are there without it, but nobody knows whether they are right."""
    result_file.write_bytes(result_file.read_bytes()[:-missing])
    with pytest.raises(VoCoSlicerError, match=DAMAGED):
        read(result_file)


def test_a_wrong_check_sum_is_noticed(result_file):
    content = bytearray(result_file.read_bytes())
    content[-8] ^= 1  # the first of its four bytes; the stream's length follows
    result_file.write_bytes(content)
    with pytest.raises(VoCoSlicerError, match=DAMAGED):
        read(result_file)


def write_raw(path, dtype: str, endian: str, tail: bytes = b"") -> np.ndarray:
    """A label map of two bytes a voxel, uncompressed, as its bytes are told to lie."""
    values = np.random.default_rng(4).integers(0, 1000, (3, 4, 5)).astype(dtype)
    header = (
        "NRRD0004\ntype: unsigned short\ndimension: 3\nspace: left-posterior-superior\n"
        "sizes: 3 4 5\nspace directions: (1,0,0) (0,1,0) (0,0,1)\nkinds: domain domain domain\n"
        f"endian: {endian}\nencoding: raw\nspace origin: (0,0,0)\n\n"
    )
    path.write_bytes(header.encode() + values.tobytes(order="F") + tail)
    return values


@pytest.mark.parametrize(("dtype", "endian"), [("<u2", "little"), (">u2", "big")])
def test_both_orders_of_bytes(tmp_path, dtype, endian):
    values = write_raw(tmp_path / "r.seg.nrrd", dtype, endian)
    (layer,) = read(tmp_path / "r.seg.nrrd").layers
    found = vtk_to_numpy(layer.GetPointData().GetScalars())
    np.testing.assert_array_equal(found.reshape((3, 4, 5), order="F"), values)


def test_half_a_voxel_too_many_is_refused(tmp_path):
    write_raw(tmp_path / "r.seg.nrrd", "<u2", "little", b"\0")
    with pytest.raises(VoCoSlicerError, match=DAMAGED):
        read(tmp_path / "r.seg.nrrd")


@pytest.mark.parametrize("start", [b"", b"NRRD0004\n"])
def test_a_line_without_end_takes_no_memory(tmp_path, start):
    path = tmp_path / "r.seg.nrrd"
    with path.open("wb") as file:
        file.write(start)
        file.truncate(64 * nrrd.LONGEST_LINE)
    tracemalloc.start()
    with pytest.raises(VoCoSlicerError, match=DAMAGED):
        read(path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 8 * nrrd.LONGEST_LINE


def test_a_file_that_grows_without_end_is_taken_bit_by_bit(tmp_path, monkeypatch):
    """A few bytes of gzip that stand for far more voxels than the header says."""
    path = tmp_path / "r.seg.nrrd"
    write_raw(path, "<u2", "little")
    header = path.read_bytes().partition(b"\n\n")[0].replace(b"encoding: raw", b"encoding: gzip")
    path.write_bytes(header + b"\n\n" + gzip.compress(bytes(64 * nrrd.CHUNK)))
    tracemalloc.start()
    with pytest.raises(VoCoSlicerError, match=DAMAGED):
        read(path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 8 * nrrd.CHUNK


def test_a_whole_stream_of_too_few_voxels_is_refused(result_file):
    content = result_file.read_bytes()
    result_file.write_bytes(content.replace(b"sizes: 7 6 5", b"sizes: 7 6 6"))
    assert b"sizes: 7 6 6" in result_file.read_bytes()
    with pytest.raises(VoCoSlicerError, match=DAMAGED):
        read(result_file)


@pytest.mark.parametrize("layer", [b"1", b"-1"])
def test_a_segment_in_a_layer_that_is_not_there(result_file, layer):
    exchange(result_file, b"Segment1_Layer:=0", b"Segment1_Layer:=" + layer)
    with pytest.raises(VoCoSlicerError, match=DAMAGED):
        read(result_file)


def test_labels_are_whole_numbers(result_file):
    image = sitk.ReadImage(str(result_file))
    fractions = sitk.Cast(image, sitk.sitkFloat32)
    for key in image.GetMetaDataKeys():
        fractions.SetMetaData(key, image.GetMetaData(key))
    sitk.WriteImage(fractions, str(result_file))
    with pytest.raises(VoCoSlicerError, match=DAMAGED):
        read(result_file)


def test_places_of_segments_are_compared_strictly(application, tmp_path):
    """The tests' own yardstick: a mirrored or a moved result is another one."""
    volume_node = add_volume(application.scene, OBLIQUE)
    path, _ = write_result(volume_node, tmp_path, some_masks())
    node = as_node(application.scene, read(path))
    points = segment_points(node, "mandible")
    assert same_places(points, points[::-1])
    assert not same_places(points, points * [-1, 1, 1])
    assert not same_places(points, points + 0.1)
    assert not same_places(points, points[:-1])
