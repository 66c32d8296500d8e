import itertools

import numpy as np
import pytest
import SimpleITK as sitk

from voco3d.data import VolumeSettings, read_image, to_volume
from voco3d.errors import VoCoError

AXES = [
    "".join(p)
    for letters in itertools.permutations(["LR", "AP", "IS"])
    for p in itertools.product(*letters)
]
ALL = {"intensity": (0.0, 1000.0), "foreground": None}


TURN = sitk.VersorTransform((1, 2, 3), np.deg2rad(25))


def turned(image: sitk.Image) -> sitk.Image:
    """The same voxels, turned in the world about an oblique axis."""
    copy = sitk.Image(image)
    matrix = np.array(TURN.GetMatrix()).reshape(3, 3)
    copy.SetDirection((matrix @ np.array(image.GetDirection()).reshape(3, 3)).ravel().tolist())
    copy.SetOrigin(TURN.TransformPoint(image.GetOrigin()))
    return copy


def blob_image(index=(9, 20, 6), size=(30, 34, 20), spacing=(1.0, 1.5, 2.0)):
    """An LPS image with a soft ball around one voxel, and a faint body around it."""
    image = sitk.Image(size, sitk.sitkFloat32)
    image.SetSpacing(spacing)
    image.SetOrigin((-40.0, 25.0, 300.0))
    places = np.stack(np.meshgrid(*(np.arange(n) for n in size), indexing="ij"), -1)
    distance = np.linalg.norm((places - index) * spacing, axis=-1)
    values = np.clip(1000 - 120 * distance, 0, None)
    values[2:-2, 3:-3, 1:-1] += 350
    filled = sitk.GetImageFromArray(values.transpose(2, 1, 0).astype(np.float32))
    filled.CopyInformation(image)
    return filled, filled.TransformIndexToPhysicalPoint(index)


def centre(array):
    """Centre of the bright ball in an (x, y, z) array, in voxels."""
    weight = np.clip(array.astype(float) - 0.5 * array.max(), 0, None)
    return [
        (np.moveaxis(weight, a, -1).sum((0, 1)) @ np.arange(n)) / weight.sum()
        for a, n in enumerate(array.shape)
    ]


@pytest.mark.parametrize(
    "extent", [{"size": (40, 36, 24)}, {"size": None, "spacing": (1.1, 1.1, 1.7)}]
)
@pytest.mark.parametrize("axes", ["LPS", "RAS", "SLP", "AIR"])
@pytest.mark.parametrize("oblique", [False, True])
@pytest.mark.parametrize("foreground", [None, 0.3])
def test_a_marked_place_comes_back(extent, axes, oblique, foreground):
    image, point = blob_image()
    image = sitk.DICOMOrient(image, axes)
    if oblique:
        image, point = turned(image), TURN.TransformPoint(point)
    volume = to_volume([image], VolumeSettings((0.0, 1500.0), foreground, **extent))
    assert volume.array.shape[1:] == volume.grid.GetSize()
    found = volume.grid.TransformContinuousIndexToPhysicalPoint(centre(volume.array[0]))
    assert np.abs(np.subtract(found, point)).max() < 0.25 * min(volume.grid.GetSpacing())


def test_the_axes_point_to_right_anterior_superior():
    image, _ = blob_image(index=(9, 24, 11))
    array = to_volume([image], VolumeSettings((0, 1500), None, (30, 34, 20))).array[0]
    assert centre(array) == pytest.approx((29 - 9, 33 - 24, 11), abs=0.1)


def test_the_right_parotid_is_on_the_right(phantom):
    label = 1 + phantom.names.index("right parotid gland")
    right = sitk.Cast(phantom.labels == label, sitk.sitkFloat32) * 1000
    array = to_volume([right], VolumeSettings(**ALL, size=(40, 44, 48))).array[0]
    assert centre(array)[0] > 20


@pytest.mark.parametrize("axes", AXES)
def test_every_orientation_gives_the_same_volume(axes, phantom):
    settings = VolumeSettings(size=(20, 24, 16))
    expected = to_volume([phantom.image], settings)
    other = to_volume([sitk.DICOMOrient(phantom.image, axes)], settings)
    assert np.array_equal(other.array, expected.array)
    assert other.grid.GetOrigin() == pytest.approx(expected.grid.GetOrigin())


def test_the_box_is_spread_over_the_size():
    """Halving the size averages pairs of voxels: borders lie on borders."""
    values = np.zeros((8, 8, 8), np.float32)
    values[2:6, 2:6, 2:6] = np.random.default_rng(0).uniform(500, 1000, (4, 4, 4))
    image = sitk.GetImageFromArray(values)
    image.SetDirection((-1, 0, 0, 0, -1, 0, 0, 0, 1))
    volume = to_volume([image], VolumeSettings((0, 1000), 0.3, (2, 2, 2), bits=16))
    box = values[2:6, 2:6, 2:6].transpose(2, 1, 0)
    expected = box.reshape(2, 2, 2, 2, 2, 2).mean((1, 3, 5))
    assert volume.array[0] / 65535 * 1000 == pytest.approx(expected, abs=0.02)
    assert volume.grid.GetSpacing() == pytest.approx((2, 2, 2))
    assert volume.grid.GetOrigin() == pytest.approx(
        image.TransformContinuousIndexToPhysicalPoint((2.5, 2.5, 2.5))
    )


def test_the_body_is_above_a_share_of_the_window():
    """0.3 of the way from -175 to 250 HU is -47.5 HU."""
    values = np.full((8, 8, 8), -1000, np.float32)
    values[1:7, 1:7, 1:7] = -48
    values[2:6, 3:6, 2:7] = -47
    image = sitk.GetImageFromArray(values)
    image.SetDirection((-1, 0, 0, 0, -1, 0, 0, 0, 1))
    volume = to_volume([image], VolumeSettings(size=None, spacing=(1, 1, 1)))
    assert volume.grid.GetSize() == (5, 3, 4)
    assert volume.grid.GetOrigin() == pytest.approx(image.TransformIndexToPhysicalPoint((2, 3, 2)))


def test_spacing_keeps_the_voxel_size():
    image, _ = blob_image()
    settings = VolumeSettings((0, 1000), None, None, (1.2, 2.0, 3.0))
    volume = to_volume([image], settings)
    assert volume.grid.GetSpacing() == pytest.approx((1.2, 2.0, 3.0))
    assert volume.grid.GetSize() == (25, 26, 13)
    middles = [
        i.TransformContinuousIndexToPhysicalPoint([(n - 1) / 2 for n in i.GetSize()])
        for i in (image, volume.grid)
    ]
    assert middles[0] == pytest.approx(middles[1])


def test_interpolation_goes_on_beyond_the_outer_voxel_centres():
    """In-plane detail of the first slice stays smooth where slices are made thinner."""
    values = np.tile(np.linspace(0, 1000, 16, dtype=np.float32), (3, 16, 1))
    image = sitk.GetImageFromArray(values)
    image.SetDirection((-1, 0, 0, 0, -1, 0, 0, 0, 1))
    volume = to_volume([image], VolumeSettings(**ALL, size=(64, 16, 12), bits=16))
    assert np.ptp(volume.array[0, :, :, :].astype(int), axis=2).max() <= 1
    inner = volume.array[0, 2:-2, 8, 0].astype(int)
    assert np.ptp(np.diff(inner)) <= 2


def test_the_window_is_spread_over_the_bits():
    values = np.linspace(-300, 400, 5 * 6 * 7, dtype=np.float32).reshape(7, 6, 5)
    image = sitk.GetImageFromArray(values)
    image.SetDirection((-1, 0, 0, 0, -1, 0, 0, 0, 1))
    expected = np.clip((values.transpose(2, 1, 0) + 175) / 425, 0, 1)
    for bits in (8, 16):
        volume = to_volume([image], VolumeSettings(foreground=None, size=(5, 6, 7), bits=bits))
        assert volume.array.dtype == f"uint{bits}"
        assert np.abs(volume.array[0] / (2**bits - 1) - expected).max() < 0.51 / (2**bits - 1)


def test_channels_are_kept_apart():
    one, _ = blob_image()
    two, _ = blob_image(index=(20, 5, 12))
    settings = VolumeSettings((0, 1500), 0.1, (30, 30, 20))
    volume = to_volume([one, two], settings)
    assert volume.array.shape == (2, 30, 30, 20)
    assert np.array_equal(volume.array[1:], to_volume([two, one], settings).array[:1])


def test_channels_on_other_grids_are_refused():
    one, _ = blob_image()
    two = sitk.Image(one)
    two.SetOrigin((0, 0, 0))
    with pytest.raises(VoCoError, match="different grids"):
        to_volume([one, two], VolumeSettings())


@pytest.mark.parametrize("foreground", [0.3, None])
def test_air_is_refused(foreground):
    with pytest.raises(VoCoError, match="nothing but air"):
        to_volume(
            [sitk.Image((5, 5, 5), sitk.sitkInt16) - 1000], VolumeSettings(foreground=foreground)
        )


@pytest.mark.parametrize(
    "wrong",
    [
        {"intensity": (5, 5)},
        {"intensity": (0, float("inf"))},
        {"foreground": 1.0},
        {"foreground": -0.1},
        {"size": (1, 2, 0)},
        {"size": (64, 64)},
        {"size": None},
        {"spacing": (1, 1, 1)},
        {"size": None, "spacing": (1, 0, 1)},
        {"bits": 12},
    ],
)
def test_wrong_settings_are_refused(wrong):
    with pytest.raises(VoCoError):
        VolumeSettings(**wrong)


def test_settings_survive_json():
    for settings in (VolumeSettings(), VolumeSettings((0, 1), None, None, (1.5, 1.5, 2.0), 16)):
        assert VolumeSettings.from_json(settings.to_json()) == settings
    with pytest.raises(VoCoError, match="no volume settings"):
        VolumeSettings.from_json({"colour": 1})


def test_a_real_head_is_cut_to_the_body(shared_data):
    image = sitk.DICOMOrient(read_image(shared_data / "openkbp/images/kbp_001.nii.gz"), "RAS")
    grid = to_volume([image], VolumeSettings(size=(64, 64, 32))).grid
    body = np.argwhere(sitk.GetArrayFromImage(image) > -175 + 0.3 * 425)[:, ::-1]
    corners = ([-0.5] * 3, [n - 0.5 for n in grid.GetSize()])
    first, last = (
        image.TransformPhysicalPointToContinuousIndex(
            grid.TransformContinuousIndexToPhysicalPoint(corner)
        )
        for corner in corners
    )
    assert first == pytest.approx(body.min(0) - 0.5)
    assert last == pytest.approx(body.max(0) + 0.5)
    assert np.prod(body.max(0) + 1 - body.min(0)) < 0.8 * np.prod(image.GetSize())
