"""The picture of a segmented volume."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from matplotlib.image import imread

from Testing.slicer.conftest import answer
from VoCoSlicerLib.pictures.views import HEIGHT, LEGEND_WIDTH, WIDTH, render_views

LIBRARY = Path(__file__).resolve().parents[2] / "VoCoSlicer"


def draw(volume_node, segmentation_node, path):
    render_views(volume_node, segmentation_node, path)
    return imread(path)[:, :, :3]


def panels(picture):
    """The axial, surface, coronal and sagittal panel."""
    height, width = HEIGHT // 2, (WIDTH - LEGEND_WIDTH) // 2
    return [
        picture[row : row + height, column : column + width]
        for row in (0, height)
        for column in (0, width)
    ]


def place(panel, color):
    """Where a colour is in the panel: 0 to 1 from the left and from the top."""
    found = np.argwhere(np.abs(panel - color).max(axis=2) < 0.02)
    assert len(found) > 50
    row, column = found.mean(axis=0) / panel.shape[:2]
    return column, row


def test_size_and_legend(shown, structures, tmp_path):
    picture = draw(*shown, tmp_path / "views.png")
    assert picture.shape == (1200, 1600, 3)
    legend = picture[:, -LEGEND_WIDTH:]
    rows = [place(legend, structure.color)[1] for structure in structures]
    assert rows == sorted(rows)


def test_right_front_and_head_are_where_they_belong(fitted, structures, tmp_path):
    nodes = [
        fitted.scene.GetFirstNodeByClass(name)
        for name in ("vtkMRMLScalarVolumeNode", "vtkMRMLSegmentationNode")
    ]
    axial, surfaces, coronal, sagittal = panels(draw(*nodes, tmp_path / "views.png"))
    right, left, mandible = (structure.color for structure in structures)
    for panel in (axial, coronal):
        assert place(panel, right)[0] < 0.4
        assert place(panel, left)[0] > 0.6
    assert place(axial, mandible)[1] < place(axial, right)[1] - 0.1
    assert place(sagittal, mandible)[0] < 0.4
    assert place(coronal, right)[1] < 0.48
    shaded = np.ptp(surfaces, axis=2) > 0.1
    for channel, expected in ((2, 0.25), (1, 0.75), (0, 0.5)):
        hue = shaded & (surfaces.argmax(axis=2) == channel)
        assert np.argwhere(hue)[:, 1].mean() / surfaces.shape[1] == pytest.approx(expected, abs=0.1)


def test_no_structure(shown_empty, tmp_path):
    assert draw(*shown_empty, tmp_path / "views.png").shape == (1200, 1600, 3)


def test_unwritable_place(shown, tmp_path):
    with pytest.raises(OSError, match="absent"):
        render_views(*shown, tmp_path / "absent" / "views.png")


SCRIPT = """
import json, sys
from VoCoSlicerLib.pictures import layout, views
from VoCoSlicerLib.scene import bundle, ct, headless, import_result
application = headless.HeadlessApplication()
nodes = ct.load_ct(application.scene, sys.argv[1], "CT"),
computed = json.loads(sys.argv[4])
nodes += import_result.apply_to_new_segmentation(*nodes, sys.argv[2], computed),
import_result.show_3d(nodes[1], True)
layout.fit_views(application.scene, *nodes)
bundle.save_bundle(application.scene, sys.argv[3] + "/scene.mrb")
views.render_views(*nodes, sys.argv[3] + "/views.png")
libraries = [line.split()[-1] for line in open("/proc/self/maps")]
print(json.dumps([sorted(sys.modules), sorted(set(libraries))]))
"""


def test_needs_no_display_graphics_library_or_torch(result, structures, tmp_path):
    environment = {k: v for k, v in os.environ.items() if k != "DISPLAY"}
    computed = json.dumps(answer([structure.name for structure in structures]))
    finished = subprocess.run(
        [sys.executable, "-c", SCRIPT, result.ct, result.segmentation, tmp_path, computed],
        env=environment | {"PYTHONPATH": str(LIBRARY)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert "ERROR" not in finished.stderr
    modules, libraries = json.loads(finished.stdout)
    assert not {"torch", "monai", "voco3d", "qt", "PySide6"} & set(modules)
    system = {Path(library).name.split(".")[0] for library in libraries}
    assert not {"libGL", "libGLX", "libEGL", "libOSMesa", "libX11"} & system
