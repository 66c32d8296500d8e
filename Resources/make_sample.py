"""Make the module's sample CT and its thumbnail: a synthetic head and neck, nobody's data.

Run it with the module's resource folder: `python Resources/make_sample.py VoCoSlicer/Resources`.
"""

import sys
from pathlib import Path

import numpy as np
import SimpleITK as sitk
from matplotlib.figure import Figure

from voco3d.phantom import make_phantom

NAME = "VoCoHeadNeckPhantom"
SEED = 4000
SIZE = (128, 128, 128)
SPACING = 3.0
WINDOW = (-300.0, 600.0)


def draw_thumbnail(image: sitk.Image, path: Path) -> None:
    """Draw the middle coronal and sagittal slices side by side, 192 x 128 pixels."""
    voxels = sitk.GetArrayFromImage(image)
    _, rows, columns = voxels.shape
    figure = Figure(figsize=(1.92, 1.28), dpi=100, facecolor="black")
    for index, slice_ in enumerate((voxels[:, rows // 2, :], voxels[:, :, columns // 2])):
        axes = figure.add_axes((index / 2, 0, 0.5, 1))
        axes.set_axis_off()
        middle = slice_[:, slice_.shape[1] // 6 : -slice_.shape[1] // 6]
        axes.imshow(middle, origin="lower", cmap="gray", vmin=WINDOW[0], vmax=WINDOW[1])
    figure.savefig(path, facecolor="black")


def make(resources: Path) -> None:
    """Write `SampleData/<name>.nrrd` and `Icons/<name>.png`."""
    image = make_phantom("headneck", SEED, SIZE, SPACING).image
    assert np.array_equal(image.GetDirection(), np.eye(3).ravel())
    writer = sitk.ImageFileWriter()
    writer.SetFileName(str(resources / f"SampleData/{NAME}.nrrd"))
    writer.UseCompressionOn()
    writer.SetCompressionLevel(9)
    writer.Execute(image)
    draw_thumbnail(image, resources / f"Icons/{NAME}.png")


if __name__ == "__main__":
    make(Path(sys.argv[1]))
