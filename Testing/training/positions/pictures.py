"""Small images whose geometry is anything but simple."""

import numpy as np
import SimpleITK as sitk


def oblique_direction():
    """Axes that point to no side exactly, the second reversed, nearest to S, R and P."""
    a, b = 0.3, -0.2
    turn = np.array([[np.cos(a), -np.sin(a), 0], [np.sin(a), np.cos(a), 0], [0, 0, 1]])
    tilt = np.array([[1, 0, 0], [0, np.cos(b), -np.sin(b)], [0, np.sin(b), np.cos(b)]])
    exchanged = np.array([[0, -1, 0], [0, 0, 1], [1, 0, 0]], dtype=float)
    return turn @ tilt @ exchanged


def noise(size=(20, 22, 18), spacing=(3.0, 2.0, 2.5), oblique=False, seed=0, low=-100, high=200):
    """An image without air: each voxel of it is inside the body."""
    random = np.random.default_rng(seed)
    image = sitk.GetImageFromArray(random.integers(low, high, size[::-1]).astype(np.int16))
    image.SetSpacing(spacing)
    image.SetOrigin((-31.0, 17.0, 120.0))
    if oblique:
        image.SetDirection(oblique_direction().ravel().tolist())
    return image


def place_of(image, index):
    """RAS mm of a voxel's centre."""
    x, y, z = image.TransformContinuousIndexToPhysicalPoint([float(i) for i in index])
    return np.array([-x, -y, z])


def middle_of(image):
    """RAS mm of the image's centre."""
    return place_of(image, (np.array(image.GetSize()) - 1) / 2)


def body():
    """Something that looks different from every side."""
    array = np.full((24, 20, 28), 0.0)
    x, y, z = np.indices(array.shape)
    array += 6 * x + 3 * y + 1.5 * z - 100
    array[2:8, 3:6, 4:20] = 240
    array[15:20, 12:18, 20:26] = -160
    image = sitk.GetImageFromArray(array.transpose(2, 1, 0).astype(np.int16))
    image.SetSpacing((2.0, 3.0, 2.5))
    image.SetDirection((-1, 0, 0, 0, -1, 0, 0, 0, 1))
    return image
