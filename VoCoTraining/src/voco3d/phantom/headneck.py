"""A head and neck, from the vertex to the upper chest.

Millimetres in (R, A, S) from the middle of the brainstem. The neck is written straight, with the
spinal cord on the line r = a = 0; the coordinates are bent afterwards, so that the cord runs
backwards on its way down and the head tilts on the neck.
"""

from __future__ import annotations

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from voco3d.phantom.rendering import (
    AIR,
    Canvas,
    Grid,
    Phantom,
    finish,
    irregular_coordinates,
    paint_couch,
    smooth_field,
)
from voco3d.phantom.shapes import Above, Ellipsoid, Floats, Grown, Point, Tube, Union

NAMES = (
    "brainstem",
    "spinal cord",
    "right parotid gland",
    "left parotid gland",
    "mandible",
)
SPACING = (3.0, 3.0, 3.0)
BRAINSTEM, CORD, PAROTID_RIGHT, PAROTID_LEFT, MANDIBLE = range(1, 6)


def make_headneck(
    seed: int, size: tuple[int, int, int], spacing: tuple[float, float, float]
) -> Phantom:
    """Make the head and neck CT of one synthetic patient."""
    patient, scan = np.random.default_rng([seed, 1]).spawn(2)
    shift = patient.uniform((-8, -12, -12), (8, 12, 12))
    grid = Grid(size, spacing, (float(shift[0]), float(shift[1]) - 4, float(shift[2]) - 66))
    canvas = Canvas(_bent_coordinates(patient, grid))
    body = _soft_tissue(canvas, patient, grid)
    _neck(canvas, patient, grid)
    _skull_and_brain(canvas, patient)
    _spine_and_cord(canvas, patient)
    _face(canvas, patient)
    drop = patient.uniform(-6, 3)
    _jaw_and_parotids(canvas, patient, drop)
    _teeth(canvas, patient, drop)
    _chest(canvas, patient)
    paint_couch(canvas, patient, grid, body)
    _mask(canvas, patient, body)
    if patient.random() < 0.4:  # a scan that ends below the vertex
        above = grid.axes()[2] > patient.uniform(34, 70)
        canvas.hu[:, :, above] = AIR
        body[:, :, above] = False
    return finish(
        canvas,
        grid,
        scan,
        NAMES,
        body=body,
        unevenness=patient.uniform(3, 9),
        texture=patient.uniform(5, 16),
        blur=patient.uniform(0.9, 1.7),
        noise=patient.uniform(4, 16),
        grain=patient.uniform(0.8, 1.8),
    )


def _bent_coordinates(rng: Generator, grid: Grid) -> tuple[Floats, Floats, Floats]:
    """Straight anatomical coordinates of every voxel of a bent, tilted, irregular patient."""
    r, a, s = irregular_coordinates(rng, grid, rng.uniform(1.5, 3.5), 60.0)
    pitch, roll, yaw = np.radians(rng.normal(0, (6.5, 2.5, 3.5))).clip(-0.24, 0.24)
    turning = (1 / (1 + np.exp(np.clip((-75 - s) / 14, -30, 30)))).astype(np.float32)
    up = s + 60
    r, a, s = (
        r + turning * (np.float32(roll) * up + np.float32(yaw) * a),
        a + turning * (np.float32(pitch) * up - np.float32(yaw) * r),
        s - turning * (np.float32(pitch) * a + np.float32(roll) * r),
    )
    below = np.clip(-30 - s, 0, None) * np.float32(1 / 150)
    lean, sag = rng.uniform(5, 35), rng.uniform(5, 30)
    a = a + np.float32(lean) * below + np.float32(sag) * below**2
    stature = rng.uniform(0.92, 1.08)
    stretch = np.float32(1) / (stature * rng.uniform(0.95, 1.05, 3)).astype(np.float32)
    neck_length = np.float32(rng.uniform(-0.1, 0.12))
    s = s + neck_length * np.clip(-90 - s, 0, 90)
    return r * stretch[0], a * stretch[1], s * stretch[2]


def _soft_tissue(canvas: Canvas, rng: Generator, grid: Grid) -> NDArray[np.bool_]:
    """Skin around fat; returns the mask of the body."""
    girth = rng.uniform(0, 9)
    fat = rng.uniform(-112, -88)
    shoulder = rng.uniform(-172, -128)
    width = rng.uniform(165, 205)
    shoulders = Union(
        [
            Ellipsoid((0, 0, shoulder - 115), (width, 82 + girth, 110), boxy=True),
            Tube([(0, -12, shoulder + 32), (width, -8, shoulder - 50)], [44, 52]),
            Tube([(0, -12, shoulder + 32), (-width, -8, shoulder - 50)], [44, 52]),
        ],
        blend=24,
    )
    skin = Union(
        [
            Ellipsoid((0, 9, 41), (80, 100, 80)),
            Ellipsoid((0, -28, -8), (72, 66, 60)),
            Ellipsoid((0, 48, -20), (70, 72, 78), lean=-0.05),
            Tube([(0, 58, -45), (0, 88, -80)], [36 + girth / 2, 33]),
            Tube([(0, 4, -40), (0, 6, -110), (0, 8, -190)], [60, 56 + girth, 66 + girth]),
            shoulders,
        ],
        blend=24,
    )
    nose = Tube([(0, 112, 12), (0, 128, -16), (0, 116, -26)], [6, 10, 12])
    ears = [Ellipsoid((side * 83, -2, -6), (6, 15, 28), lean=-0.2) for side in (1, -1)]
    window, depth = canvas.field(skin)
    body = np.zeros(canvas.hu.shape, bool)
    body[window] = depth < 0
    canvas.hu[window][depth < 0] = fat
    canvas.hu[window][(depth < 0) & (depth > -2.2)] = rng.uniform(-40, 20)
    for shape in (nose, *ears):
        canvas.paint(shape, rng.uniform(10, 40))
    body |= canvas.hu > -900
    window, depth = canvas.field(shoulders)
    flesh = depth < -rng.uniform(4, 8) - 1.5 * girth
    marbling = smooth_field(rng, grid, 26.0)[window] < rng.uniform(0.7, 1.3)
    canvas.hu[window][flesh & marbling] = rng.uniform(45, 62)
    return body


def _skull_and_brain(canvas: Canvas, rng: Generator) -> None:
    brain = rng.uniform(28, 40)
    bone = rng.uniform(750, 1050)
    floor = rng.uniform(-16, -10)
    cranium = Union(
        [
            Above(Ellipsoid((0, 9, 42), (75, 94, 73)), floor, 0.36),
            Ellipsoid((0, -32, -2), (63, 54, 41)),
            *(Ellipsoid((side * 40, 42, 6), (31, 33, 29)) for side in (1, -1)),
        ],
        blend=8,
    )
    thickness = rng.uniform(5.5, 8.5)
    window, depth = canvas.field(cranium)
    layers = ((0, bone + 200), (0.35, bone - 250), (0.65, bone + 250), (1, brain))
    for share, hu in layers:
        canvas.hu[window][depth < -share * thickness] = hu
    inside = np.zeros(canvas.hu.shape, bool)
    inside[window] = depth < -thickness - 1
    for side in (1, -1):
        canvas.paint(Ellipsoid((side * 11, 18, 52), (6, 32, 11), lean=-0.2), 8, within=inside)
        canvas.paint(Ellipsoid((side * 23, -28, -8), (25, 24, 20)), brain + 4, within=inside)
        petrous = Tube([(side * 64, -10, -14), (side * 22, 16, -12)], [15, 8])
        canvas.paint(petrous, bone - 50)
        canvas.paint(Tube([(side * 62, -12, -12), (side * 62, -10, -38)], [14, 7]), bone - 350)
        for _ in range(6):
            cell = rng.normal((side * 60, -10, -18), (5, 6, 8))
            canvas.paint(Ellipsoid(cell, rng.uniform(2, 5, 3)), rng.uniform(-800, -300))
        canvas.paint(Tube([(side * 80, 8, -8), (side * 56, 8, -8)], 3.5), -900)
    canvas.paint(Tube([(0, 18, -30), (0, 34, 4)], [7, 9], (1.8, 1, 1)), bone - 200)
    canvas.paint(Tube([(0, -10, -46), (0, 0, -18)], [15, 20]), rng.uniform(4, 14), within=inside)
    canvas.paint(Tube([(0, -2, -50), (0, 0, -20)], [12, 13], (1.1, 1, 1)), rng.uniform(4, 14))
    girth = rng.uniform(0.88, 1.18)
    stem = Tube(
        [(0, -2, -30), (0, 1, -4), (0, 5, 12)],
        [7.5 * girth, 14 * girth, 12.5 * girth],
        (1.12, 1.0, 1.0),
    )
    canvas.paint(Grown(stem, 2.5), rng.uniform(2, 14))
    canvas.paint(stem, brain + rng.uniform(-3, 8), BRAINSTEM)


def _neck(canvas: Canvas, rng: Generator, grid: Grid) -> None:
    muscle = rng.uniform(48, 66)
    blood = rng.choice([rng.uniform(40, 60), rng.uniform(110, 220)])
    bulk = rng.uniform(0.88, 1.1)
    nape = Tube([(0, -24, -36), (0, -20, -110), (0, -20, -210)], [46, 48, 60], (1, 0.72, 1))
    window, depth = canvas.field(nape)
    marbling = smooth_field(rng, grid, 14.0)[window] < rng.uniform(0.5, 1.2)
    canvas.hu[window][(depth < 0) & marbling] = muscle - 6
    for side in (1, -1):
        strands = [
            ([(17, -31, -35), (19, -32, -110), (22, -34, -330)], (17, 18, 20), 1.0),
            ([(30, -44, -38), (34, -42, -110), (60, -40, -330)], (7, 12, 24), 1.0),
            ([(38, -20, -45), (38, -14, -110), (48, -16, -190)], (9, 12, 15), 1.0),
            ([(34, 4, -70), (30, 8, -120), (44, 14, -200)], (7, 11, 13), 1.0),
            ([(60, -10, -34), (47, 20, -95), (17, 56, -205)], (9, 11, 8), 1.2),
            ([(10, 17, -40), (9, 17, -120), (9, 17, -190)], (6, 6, 6), 1.0),
            ([(10, 60, -100), (9, 60, -145), (9, 60, -190)], (6, 6, 6), 1.0),
        ]
        for points, radii, long in strands:
            path = np.array(points) * (side, 1, 1)
            girth = bulk * rng.uniform(0.92, 1.08) * np.array(radii)
            strand = Tube(path, girth, (1, long, 1))
            canvas.paint(Grown(strand, 1.4), -50)
            canvas.paint(strand, muscle + rng.normal(0, 4))

        def at(r: float, a: float, s: float, side: int = side) -> tuple[float, float, float]:
            return (side * r, a, s)

        carotid = Tube([at(30, 20, -20), at(28, 26, -90), at(20, 34, -190), at(12, 40, -300)], 3.8)
        jugular = Tube([at(36, 14, -20), at(37, 22, -90), at(30, 36, -190)], rng.uniform(4, 7))
        canvas.paint(carotid, blood + 15)
        canvas.paint(jugular, blood)
        gland = Ellipsoid(at(34, 48, -82), (11, 15, 13))
        canvas.paint(gland, rng.uniform(20, 55))
    canvas.paint(
        Tube([(0, 40, -70), (0, 44, -120), (0, 44, -190)], [26, 22, 17], (1.1, 0.9, 1)), muscle
    )
    thyroid = rng.uniform(85, 150)
    for side in (1, -1):
        canvas.paint(Ellipsoid((side * 16, 42, -165), (8, 10, 20)), thyroid)
    cartilage = rng.uniform(90, 260)
    canvas.paint(Tube([(0, 42, -116), (0, 42, -146)], [17, 14], (1, 1.1, 1)), cartilage)
    canvas.paint(Tube([(0, 42, -114), (0, 42, -148)], [14, 11.5], (1, 1.1, 1)), 40)
    canvas.paint(Tube([(0, 42, -110), (0, 42, -340)], [11, 11]), 70)
    airway = [(0, 33, -18), (0, 29, -50), (0, 27, -85), (0, 38, -112), (0, 41, -132)]
    calibre = rng.uniform(0.85, 1.4) * np.array([9, 6, 8, 8, 3.5])
    canvas.paint(Tube(airway, calibre, (1.5, 0.8, 1)), -985)
    canvas.paint(Tube([(0, 41, -132), (0, 42, -150), (0, 41, -340)], [3.5, 8, 8.5]), -990)
    hyoid = [(23, 38, -98), (17, 60, -102), (0, 67, -103), (-17, 60, -102), (-23, 38, -98)]
    canvas.paint(Tube(hyoid, 3.2), 450)


def _spine_and_cord(canvas: Canvas, rng: Generator) -> None:
    cortex, marrow = rng.uniform(550, 800), rng.uniform(220, 380)
    pitch = rng.uniform(17, 20)
    cord = rng.uniform(5.0, 6.8)
    canal = cord + rng.uniform(2.2, 3.4)
    canvas.paint(Tube([(0, 17, -52), (0, 19, -120), (0, 21, -350)], [8, 9, 12], (1.3, 1, 1)), 90)
    dens = Tube([(0, 15, -52), (0, 14, -30)], [6, 4.5])
    atlas = [
        (0, 21, -38), (15, 14, -38), (22, 2, -38), (12, -16, -38), (0, -20, -38)
    ]  # fmt: skip
    for side in (1, -1):
        ring = [(side * r, a, s) for r, a, s in atlas]
        canvas.paint_layered(Tube(ring, [4, 7, 8, 4, 4.5]), cortex, marrow, 2)
        canvas.paint_layered(Tube([ring[2], (side * 36, -2, -40)], [7, 5]), cortex, marrow, 2)
    canvas.paint_layered(dens, cortex, marrow, 2)
    for level in range(16):
        s = -58 - pitch * level * (1 + 0.006 * level)
        grow = 1 + 0.03 * level
        body = Ellipsoid((0, 9 + 8 * grow, s), (13 * grow, 9.5 * grow, pitch * 0.45), boxy=True)
        canvas.paint_layered(body, cortex, marrow, 2.0)
        spur = rng.uniform(0.85, 1.15) * (26 + 3.5 * min(level, 6))
        for side in (1, -1):
            lamina = [(side * 14, 7, s - 1), (side * 13.5, -5, s - 3), (0, -16, s - 6)]
            canvas.paint_layered(Tube(lamina, [4.5, 5, 4.2]), cortex, marrow, 2)
            wing = Tube([(side * 13, 4, s - 1), (side * (24 + level), 2 - level, s)], [5.5, 4.5])
            canvas.paint_layered(wing, cortex, marrow, 2)
        process = Tube([(0, -14, s - 5), (0, -spur, s - 8 - 0.8 * level)], [3.6, 4.2])
        canvas.paint_layered(process, cortex, marrow, 1.8)
    canvas.paint(Tube([(0, 0, -42), (0, 0, -380)], canal, (1.15, 1, 1)), rng.uniform(0, 18))
    path = Tube([(0, -2, -32), (0, 0, -50), (0, 0, -380)], cord, (1.12, 0.95, 1))
    window, field = canvas.field(path)
    lowest = rng.uniform(-240, -190)
    inside = (field < 0) & (canvas.labels[window] != BRAINSTEM)
    canvas.hu[window][inside] = rng.uniform(32, 48)
    canvas.labels[window][inside & (canvas.coordinates[2][window] > lowest)] = CORD


def _face(canvas: Canvas, rng: Generator) -> None:
    bone = rng.uniform(500, 800)
    muscle = rng.uniform(48, 64)
    canvas.paint(Ellipsoid((0, 70, -12), (40, 34, 32), boxy=True), rng.uniform(20, 50))
    for side in (1, -1):
        canvas.paint(Ellipsoid((side * 33, 78, 10), (21, 24, 19)), bone)
        canvas.paint(Ellipsoid((side * 33, 82, 10), (18, 26, 16)), -85)
        canvas.paint(Ellipsoid((side * 33, 90, 10), (12, 12, 12)), rng.uniform(8, 20))
        canvas.paint(Tube([(side * 33, 78, 10), (side * 18, 50, 8)], 2.5), 35)
        arch = [
            (side * 44, 88, -12),
            (side * 64, 68, -12),
            (side * 70, 40, -10),
            (side * 68, 16, -8),
        ]
        canvas.paint_layered(Tube(arch, [8, 5, 3.5, 4.5], (1, 1, 1.3)), bone + 250, bone - 200, 2.5)
        canvas.paint(Ellipsoid((side * 58, 40, 14), (9, 26, 26)), muscle)
        canvas.paint(Ellipsoid((side * 33, 40, -32), (11, 17, 20)), muscle)
        canvas.paint(Tube([(side * 20, 42, -10), (side * 16, 46, -38)], 3.5, (1, 2, 1)), bone)
        sinus = Ellipsoid((side * 29, 73, -16), (15, 17, 18), boxy=True)
        canvas.paint(Grown(sinus, 2.5), bone)
        canvas.paint(sinus, -980 if rng.random() < 0.85 else 25)
        canvas.paint(Ellipsoid((side * 9, 64, 8), (5, 18, 9), boxy=True), rng.uniform(-900, -500))
    canvas.paint(Ellipsoid((0, 108, 8), (9, 7, 16)), bone)
    canvas.paint(Ellipsoid((0, 74, -16), (13, 36, 21), boxy=True), 40)
    for side in (1, -1):
        canvas.paint(Ellipsoid((side * 7, 74, -16), (4.5, 35, 20), boxy=True), -970)
        canvas.paint(Ellipsoid((side * 9, 74, -22), (3.2, 26, 6)), 50)
        canvas.paint(Tube([(side * 7, 104, -24), (side * 6, 122, -28)], 4), -960)
    canvas.paint(Ellipsoid((0, 40, 4), (12, 11, 9), boxy=True), bone)
    canvas.paint(Ellipsoid((0, 40, 4), (10, 9, 7), boxy=True), -970)
    canvas.paint(Ellipsoid((0, 92, 34), (18, 5, 8)), -950 if rng.random() < 0.7 else bone)
    gums = [(27, 62, -42), (25, 84, -42), (14, 98, -43), (0, 102, -43)]
    for side in (1, -1):
        canvas.paint(Tube([(side * r, a, s) for r, a, s in gums], 5, (1, 1, 1.4)), bone)
    canvas.paint(Ellipsoid((0, 74, -38), (27, 32, 2.6), boxy=True), bone)
    canvas.paint(Ellipsoid((0, 66, -62), (30, 40, 24)), muscle)
    canvas.paint(Ellipsoid((0, 70, -62), (1.6, 26, 15)), -20)
    canvas.paint(Ellipsoid((0, 76, -82), (22, 24, 3)), -70)
    opening = rng.uniform(-2, 6)
    if opening > 0.5:
        canvas.paint(Ellipsoid((0, 78, -46), (22, 30, 1 + opening)), -950)


def _jaw_and_parotids(canvas: Canvas, rng: Generator, drop: float) -> None:
    muscle = rng.uniform(48, 64)
    width = rng.uniform(0.92, 1.06)
    cortex, marrow = rng.uniform(1000, 1500), rng.uniform(100, 400)
    gland = rng.uniform(-35, 48)
    size = rng.uniform(0.85, 1.15)
    for side, label in ((1, PAROTID_RIGHT), (-1, PAROTID_LEFT)):
        own = size * rng.uniform(0.92, 1.08)
        middle = np.array((side * 58, 20, -40)) + rng.normal(0, 2, 3)
        parotid = Union(
            [
                Ellipsoid(middle, (11 * own, 16 * own, 24 * own), lean=-0.15),
                Ellipsoid(np.add(middle, (-side * 9, -4, 2)), (11 * own, 9 * own, 16 * own)),
                Ellipsoid(np.add(middle, (side * 5, 14, 2)), (6 * own, 13 * own, 14 * own)),
            ],
            blend=5,
        )
        canvas.paint(Grown(parotid, 2.0), -95)
        canvas.paint(parotid, gland + rng.normal(0, 3), label)
        canvas.paint(Tube([(side * 52, 18, -14), (side * 50, 18, -62)], 2.6), rng.uniform(50, 150))
        masseter = Tube([(side * 60, 52, -18), (side * 57, 46, -68)], 9, (0.9, 2.1, 1))
        canvas.paint(masseter, muscle)
    for side in (1, -1):
        canvas.paint(Ellipsoid((side * 43, 44, -52), (6, 14, 18)), muscle)
    path = [(49, 42, -64), (44, 62, -70), (34, 84, -75), (20, 100, -78), (0, 106, -79)]
    halves = []
    for side in (1, -1):
        body = [(side * width * r, a, s + drop) for r, a, s in path]
        halves += [
            Tube(body, [5.2, 5.6, 6.0, 6.4, 7.0], (1, 1, 2.0)),
            Tube(
                [(side * width * 51, 40, -26 + drop / 3), (side * width * 49, 40, -62 + drop)],
                4.6,
                (1, 3.1, 1.6),
            ),
            Tube([(side * 51, 30, -34), (side * 52, 24, -14)], [5, 5.5], (1.2, 1, 1)),
            Tube([(side * 50, 50, -34), (side * 50, 54, -16)], [4.5, 3]),
        ]
    canvas.paint_layered(Union(halves), cortex, marrow, 2.4, MANDIBLE)


def _teeth(canvas: Canvas, rng: Generator, drop: float) -> None:
    """Two rows of teeth, some missing, some filled with metal that streaks."""
    toothless, filled = rng.random() < 0.1, rng.random() < 0.35
    for level, reach in ((-61 + drop, 0), (-48, 3)):
        for angle in np.linspace(-1.25, 1.25, 14):
            missing, metal = rng.random() < 0.12, filled and rng.random() < 0.25
            place = (33 * np.sin(angle), 58 + reach + 44 * np.cos(angle), level)
            if not (missing or toothless):
                tooth = Ellipsoid(place, (3.6, 3.6, 7), boxy=True)
                canvas.paint(tooth, 3050 if metal else rng.uniform(1400, 2300))
                if metal:
                    _streak(canvas, rng, place)


def _streak(canvas: Canvas, rng: Generator, place: Point) -> None:
    """Dark and bright rays in the slices around a piece of metal."""
    waves = [(count, rng.uniform(0, 6.3), rng.normal(0, 45)) for count in (3, 5, 8, 13)]
    window, _ = canvas.field(Ellipsoid(place, (90, 90, 6)))
    r, a, s = (
        axis[window] - x
        for axis, x in zip(canvas.coordinates, np.asarray(place, np.float32), strict=True)
    )
    angle = np.arctan2(a, r)
    rays = sum(np.float32(size) * np.cos(count * angle + shift) for count, shift, size in waves)
    fading = np.exp(-(r * r + a * a) / 1800 - s * s / 12)
    canvas.hu[window] += np.where(canvas.hu[window] > -900, rays * fading, 0)


def _chest(canvas: Canvas, rng: Generator) -> None:
    cortex, marrow = rng.uniform(500, 800), rng.uniform(150, 300)
    top = rng.uniform(-225, -205)
    canvas.paint(Ellipsoid((0, 20, top - 90), (108, 66, 104)), rng.uniform(-90, 45))
    canvas.paint(Ellipsoid((0, 36, top - 60), (36, 28, 60)), rng.uniform(-60, 40))
    for side in (1, -1):
        canvas.paint(Ellipsoid((side * 56, 12, top - 104), (46, 56, 108)), rng.uniform(-880, -780))
        clavicle = [(side * 18, 66, top + 2), (side * 70, 52, top + 16), (side * 140, 6, top + 28)]
        canvas.paint_layered(Tube(clavicle, [8, 6, 6.5]), cortex + 250, marrow, 2.5)
        scapula = [
            (side * 140, -2, top + 22),
            (side * 105, -46, top + 6),
            (side * 78, -62, top - 60),
        ]
        canvas.paint_layered(Tube(scapula, [8, 5, 4]), cortex, marrow, 2)
        canvas.paint_layered(
            Ellipsoid((side * 158, -2, top + 2), (23, 23, 24)), cortex, marrow, 2.5
        )
        for rib in range(4):
            s = top + 12 - 24 * rib
            reach = 52 + 18 * min(rib, 3)
            ring = [
                (side * 22, -12, s), (side * reach * 0.8, -40, s - 4), (side * reach, 5, s - 16),
                (side * reach * 0.8, 52, s - 30), (side * 20, 78, s - 38),
            ]  # fmt: skip
            canvas.paint_layered(Tube(ring, 4.5), cortex, marrow, 1.8)
    canvas.paint(Tube([(0, 41, top + 20), (0, 36, -380)], 8.8), -990)


def _mask(canvas: Canvas, rng: Generator, body: NDArray[np.bool_]) -> None:
    """Put the thin shell that holds a head still for radiotherapy on two of five."""
    hu = rng.uniform(-500, -100)
    if rng.random() < 0.4:
        window, field = canvas.field(Grown(Ellipsoid((0, 36, 0), (84, 104, 116)), 3))
        shell = (np.abs(field) < 1.3) & ~body[window] & (canvas.coordinates[1][window] > 0)
        canvas.hu[window][shell] = hu
