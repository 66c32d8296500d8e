"""A trunk, from the upper chest to the hips.

Millimetres in (R, A, S) from the middle of the first lumbar vertebra. The body is a stack around
the cavity of chest and abdomen: wall, fat and skin outside it, organs inside it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from voco3d.phantom.rendering import (
    Canvas,
    Grid,
    Phantom,
    finish,
    irregular_coordinates,
    paint_couch,
    smooth_field,
)
from voco3d.phantom.shapes import (
    Above,
    Common,
    Ellipsoid,
    Grown,
    Point,
    Stack,
    Tube,
    Union,
    Without,
)

NAMES = (
    "right lung",
    "left lung",
    "heart",
    "liver",
    "spleen",
    "right kidney",
    "left kidney",
    "stomach",
    "aorta",
    "inferior vena cava",
    "pancreas",
    "urinary bladder",
    "vertebrae",
    "colon",
)
LABEL = {name: value for value, name in enumerate(NAMES, start=1)}
SPACING = (3.5, 3.5, 4.0)
SIDES = (("right", 1), ("left", -1))


@dataclass(frozen=True)
class Phase:
    """Hounsfield units of what a contrast agent brightens."""

    arteries: float
    veins: float
    myocardium: float
    cortex: float
    medulla: float
    liver: float
    spleen: float
    pancreas: float


@dataclass(frozen=True)
class Frame:
    """The space for the organs: chest and abdomen inside their wall, and the diaphragm."""

    cavity: Stack
    right_dome: Ellipsoid
    left_dome: Ellipsoid
    middle_dome: Ellipsoid


PHASES = (
    Phase(42, 40, 46, 32, 29, 56, 48, 40),
    Phase(300, 70, 95, 180, 70, 66, 105, 95),
    Phase(155, 145, 100, 190, 165, 110, 122, 100),
)


def make_trunk(
    seed: int, size: tuple[int, int, int], spacing: tuple[float, float, float]
) -> Phantom:
    """Make the chest, abdomen and pelvis CT of one synthetic patient."""
    patient, scan = np.random.default_rng([seed, 2]).spawn(2)
    shift = patient.uniform((-8, -8, -8), (8, 8, 8))
    grid = Grid(size, spacing, (float(shift[0]), float(shift[1]) + 35, float(shift[2]) - 30))
    stature = patient.uniform(0.92, 1.02) * patient.uniform(0.95, 1.05, 3)
    r, a, s = irregular_coordinates(patient, grid, patient.uniform(2, 5), 70.0)
    canvas = Canvas((r / stature[0], a / stature[1], s / stature[2]))
    phase = _mixed_phase(patient)
    frame = _frame(patient)
    body = _wall(canvas, patient, grid, frame)
    _bowel(canvas, patient, scan, grid)
    _chest(canvas, patient, frame, phase)
    _upper_abdomen(canvas, patient, frame, phase)
    _kidneys_and_bladder(canvas, patient, phase)
    _spine(canvas, patient)
    _pelvis(canvas, patient)
    _vessels(canvas, patient, phase)
    paint_couch(canvas, patient, grid, body)
    return finish(
        canvas,
        grid,
        scan,
        NAMES,
        body=body & (canvas.hu > -500),
        unevenness=patient.uniform(3, 7),
        texture=patient.uniform(3, 10),
        blur=patient.uniform(1.0, 1.9),
        noise=patient.uniform(6, 18),
        grain=patient.uniform(1.0, 2.0),
    )


def _mixed_phase(rng: Generator) -> Phase:
    """Draw a contrast phase, each of its values off by up to a tenth."""
    phase = PHASES[rng.integers(len(PHASES))]
    return Phase(*(value * rng.uniform(0.9, 1.1) for value in vars(phase).values()))


def _frame(rng: Generator) -> Frame:
    girth, right, left = rng.uniform(-6, 10), rng.uniform(-12, 10), rng.uniform(-12, 12)
    heights = (-290, -270, -250, -160, -90, -20, 60, 150, 225, 275, 300)
    radii = (30, 66, 84, 122, 122 + girth, 128 + girth, 132, 124, 92, 50, 10)
    return Frame(
        cavity=Stack((0, 54), heights, radii, flatness=0.67),
        right_dome=Ellipsoid((69, 54, 4), (76, 94, 88 + right)),
        left_dome=Ellipsoid((-66, 50, -4), (80, 98, 84 + left)),
        middle_dome=Ellipsoid((0, 90, 10), (60, 60, 68)),
    )


def _wall(canvas: Canvas, rng: Generator, grid: Grid, frame: Frame) -> NDArray[np.bool_]:
    """Skin, fat and muscle around the cavity; returns the mask of the body."""
    muscle, fat = rng.uniform(45, 62), rng.uniform(-112, -92)
    thickness = rng.uniform(8, 30)
    back = [
        Tube([(side * 62, -26, 330), (side * 56, -30, -400)], [30, 34], (1.7, 1, 1))
        for _, side in SIDES
    ]
    hips = Ellipsoid((0, 25, -300), (150, 92, 130), boxy=True)
    shoulders = [
        Tube([(side * 60, -5, 235), (side * 165, 10, 250)], [55, 60], (1, 1, 0.9))
        for _, side in SIDES
    ]
    wall = Union([Grown(frame.cavity, 14), *back, hips, *shoulders], blend=22)
    window, depth = canvas.field(Grown(wall, thickness))
    body = np.zeros(canvas.hu.shape, bool)
    body[window] = depth < 0
    canvas.hu[window][depth < 0] = fat
    canvas.hu[window][(depth < 0) & (depth > -2.5)] = rng.uniform(-40, 10)
    marbling = smooth_field(rng, grid, 22.0)[window] < rng.uniform(1.0, 1.6)
    canvas.hu[window][(depth < -thickness) & marbling] = muscle
    canvas.paint(frame.cavity, fat - 4)
    for _, side in SIDES:
        psoas = [(side * 32, 12, -10), (side * 46, 26, -110), (side * 66, 62, -215)]
        canvas.paint(Tube(psoas, [10, 21, 18]), muscle + 3)
        canvas.paint(Tube([(side * 62, -4, -20), (side * 72, -2, -125)], [11, 15]), muscle)
    return body


def _bowel(canvas: Canvas, rng: Generator, scan: Generator, grid: Grid) -> None:
    """Loops of small bowel, and the colon with gas and stool in it."""
    low, high = np.array((-78, 55, -195)), np.array((78, 122, -55))
    oral = rng.uniform(120, 260) if rng.random() < 0.25 else None
    for _ in range(16):
        start = rng.uniform(low, high)
        steps = rng.normal(0, (30, 14, 20), (4, 3)).cumsum(0)
        points = np.clip(start + np.vstack([np.zeros(3), steps]), low, high)
        loop = Tube(points, rng.uniform(9, 13))
        canvas.paint(loop, rng.uniform(35, 75))
        content = rng.uniform(5, 35) if oral is None else oral
        canvas.paint(Grown(loop, -2.5), -900 if rng.random() < 0.08 else content)
    course = np.array(
        [
            (92, 60, -178), (106, 52, -140), (110, 50, -90), (106, 66, -62), (72, 104, -74),
            (30, 118, -88), (-20, 120, -84), (-64, 108, -58), (-102, 62, -4), (-108, 42, -40),
            (-112, 36, -100), (-104, 46, -152), (-78, 60, -180), (-34, 58, -178), (-8, 34, -196),
            (0, 4, -212), (0, -10, -245), (0, 0, -285),
        ]
    )  # fmt: skip
    course = course + rng.normal(0, 4, course.shape)
    fine = np.linspace(0, len(course) - 1, 4 * len(course))
    points = np.stack([np.interp(fine, np.arange(len(course)), axis) for axis in course.T], axis=1)
    calibre = np.interp(fine, [0, 4, 9, 13, 17], [26, 21, 17, 14, 19]) * rng.uniform(0.85, 1.1)
    haustra = 1 + 0.13 * np.cos(np.pi * np.arange(len(points)))
    colon = Tube(points, calibre * haustra)
    window, depth = canvas.field(colon)
    crumbs = smooth_field(scan, grid, 9.0)[window]
    gas = rng.uniform(0.4, 1.3)
    stool = np.where(crumbs > gas, -750.0, rng.uniform(0, 45) - 60 * np.clip(crumbs, 0, 1))
    filling = np.where(canvas.coordinates[1][window] > rng.uniform(112, 124), -960.0, stool)
    inside = depth < 0
    canvas.hu[window][inside] = np.where(depth < -2.5, filling, 45.0)[inside]
    canvas.labels[window][inside] = LABEL["colon"]


def _chest(canvas: Canvas, rng: Generator, frame: Frame, phase: Phase) -> None:
    bone, air = rng.uniform(450, 650), rng.uniform(-870, -790)
    beat = rng.normal(0, 4, 3)
    heart = Union(
        [
            Ellipsoid(np.array((-26, 84, 122)) + beat, (50, 45, 42), lean=-0.25),
            Ellipsoid(np.array((16, 72, 132)) + beat, (34, 36, 42)),
        ],
        blend=20,
    )
    core = Tube([(0, 48, 290), (0, 52, 190), (0, 58, 60)], [26, 34, 30], (0.9, 1.5, 1))
    column = Tube([(0, -6, 320), (0, -6, 20)], 24)
    inside = Grown(frame.cavity, -5)
    for name, side in SIDES:
        half = Ellipsoid((side * 204, 50, 100), (200, 300, 400))
        space = Above(Common([inside, half]), 24, 0.55)
        lung = Without(
            space,
            [frame.right_dome, frame.left_dome, frame.middle_dome, Grown(heart, 5), core, column],
        )
        canvas.paint(lung, air, LABEL[f"{name} lung"])
        mask = canvas.labels == LABEL[f"{name} lung"]
        hilum = np.array((side * 32, 48, 150))
        for _ in range(26):
            way = rng.normal((side * 62, 0, -10), (22, 48, 58))
            bend = hilum + way * 0.5 + rng.normal(0, 8, 3)
            tree = Tube([hilum, bend, hilum + way], [4.5, 2.8, 1.6])
            canvas.paint(tree, rng.uniform(-60, 60), LABEL[f"{name} lung"], within=mask)
        main = Tube([(0, 42, 200), (side * 26, 40, 165), (side * 42, 42, 150)], [8, 6.5, 4.5])
        canvas.paint(Grown(main, 2), 30)
        canvas.paint(main, -970)
    canvas.paint(Tube([(0, 44, 320), (0, 42, 200)], 10), 50)
    canvas.paint(Tube([(0, 44, 320), (0, 42, 198)], 8.5), -985)
    canvas.paint(Tube([(-4, 26, 320), (-6, 30, 120), (-24, 46, 62)], 6.5), 38)
    canvas.paint(Grown(heart, 4), -80, within=canvas.hu > -300)
    canvas.paint(heart, phase.myocardium, LABEL["heart"])
    chambers = [
        Ellipsoid(np.array((-38, 74, 116)) + beat, (25, 23, 30), lean=-0.3),
        Ellipsoid(np.array((-10, 104, 118)) + beat, (30, 14, 27), lean=-0.3),
        Ellipsoid(np.array((-8, 52, 142)) + beat, (27, 15, 20)),
        Ellipsoid(np.array((27, 74, 128)) + beat, (18, 22, 30)),
    ]
    for chamber in chambers:
        canvas.paint(chamber, phase.arteries - 5, LABEL["heart"])
    canvas.paint(
        Tube([(0, 140, 215), (0, 147, 150), (0, 146, 95)], [13, 10, 8], (1.3, 0.6, 1)), bone
    )
    for _, side in SIDES:
        for rib in range(10):
            s = 246 - 24.5 * rib
            width = np.interp(s - 25, [60, 150, 225, 275], [138, 130, 98, 56])
            angles = np.radians(np.linspace(168, 22 + 5 * max(rib - 6, 0), 9))
            drop = np.linspace(0, 1, 9) ** 1.2 * (42 + 3 * rib)
            ring = [
                (
                    side * (width + 3) * np.sin(angle),
                    52 + 0.7 * (width + 2) * np.cos(angle),
                    s - fall,
                )
                for angle, fall in zip(angles, drop, strict=True)
            ]
            canvas.paint_layered(Tube(ring[:8], 5, (1, 1, 1.25)), bone, bone - 300, 2)
            canvas.paint(Tube(ring[7:], 5), rng.uniform(90, 160))
        blade = [(side * 74, -42, 235), (side * 100, -38, 180), (side * 88, -44, 130)]
        canvas.paint(Tube(blade, [6, 4, 3], (1.6, 0.8, 1)), bone)


def _upper_abdomen(canvas: Canvas, rng: Generator, frame: Frame, phase: Phase) -> None:
    inside = Grown(frame.cavity, -4)
    size = rng.uniform(0.93, 1.05)
    liver = Without(
        Common(
            [
                Union(
                    [
                        Grown(frame.right_dome, -4),
                        Ellipsoid((8, 100, 38), (68 * size, 34, 32)),
                    ],
                    blend=16,
                ),
                inside,
            ]
        ),
        [
            Ellipsoid((30, 18, -70), (72, 84, 74)),
            Ellipsoid((0, -4, 20), (34, 52, 140)),
        ],
    )
    stomach = Tube(
        np.array(
            [
                (-56, 40, 58),
                (-70, 66, 36),
                (-62, 94, 4),
                (-34, 108, -22),
                (0, 104, -24),
                (26, 88, -14),
            ]
        )
        + rng.normal(0, 3, (6, 3)),
        np.array([27, 32, 29, 23, 18, 12]) * rng.uniform(0.8, 1.1),
    )
    canvas.paint(stomach, 48, LABEL["stomach"])
    content = rng.choice([rng.uniform(5, 40), rng.uniform(150, 300)], p=[0.8, 0.2])
    canvas.paint(Grown(stomach, -4), content, LABEL["stomach"])
    level = rng.uniform(86, 112)
    window, depth = canvas.field(Grown(stomach, -4))
    canvas.hu[window][(depth < 0) & (canvas.coordinates[1][window] > level)] = -950
    spleen = Union(
        [
            Ellipsoid((-104, 16, 22), (26, 46, 48), lean=0.25),
            Ellipsoid((-94, 2, 36), (24, 28, 30)),
        ],
        blend=10,
    )
    swell = rng.uniform(-4, 5)
    canvas.paint(Common([Grown(spleen, swell), inside]), phase.spleen, LABEL["spleen"])
    canvas.paint(liver, phase.liver, LABEL["liver"])
    mask = canvas.labels == LABEL["liver"]
    hilum = np.array((30, 66, 14))
    for _ in range(10):
        way = rng.normal((45, 5, 15), (24, 36, 28))
        tree = Tube([hilum, hilum + way * 0.5 + rng.normal(0, 8, 3), hilum + way], [5, 3.5, 2])
        canvas.paint(tree, phase.veins, LABEL["liver"], within=mask)
    gallbladder = Tube([(52, 84, -22), (58, 106, -46)], [8, 14])
    canvas.paint(Grown(gallbladder, 1.5), 35)
    canvas.paint(gallbladder, rng.uniform(0, 18))
    duodenum = [(28, 86, -14), (48, 68, -28), (46, 60, -66), (10, 62, -80), (-26, 66, -66)]
    canvas.paint(Tube(duodenum, 11), 45)
    canvas.paint(Tube(duodenum, 8), rng.uniform(5, 30))
    pancreas = Tube(
        np.array(
            [(30, 66, -44), (24, 74, -26), (0, 80, -18), (-28, 70, -4), (-62, 46, 8), (-82, 30, 16)]
        )
        + rng.normal(0, 2, (6, 3)),
        np.array([12, 14, 10, 10, 10, 8]) * rng.uniform(0.85, 1.15),
    )
    canvas.paint(pancreas, phase.pancreas - rng.uniform(0, 15), LABEL["pancreas"])
    splenic = [(20, 62, -10), (-28, 58, -4), (-62, 36, 8), (-90, 20, 20)]
    canvas.paint(Tube(splenic, 4), phase.veins)


def _kidneys_and_bladder(canvas: Canvas, rng: Generator, phase: Phase) -> None:
    for name, side in SIDES:
        label = LABEL[f"{name} kidney"]
        place = rng.normal((0, 0, -12 if side == 1 else 0), (3, 3, 5))
        length, girth = rng.uniform(0.88, 1.1), rng.uniform(21, 25)
        top = np.array((side * 54, 6, -32 + 36 * length)) + place
        bottom = np.array((side * 70, 20, -32 - 36 * length)) + place
        kidney = Tube([top, bottom], girth, (1, 1.05, 1))
        canvas.paint(Grown(kidney, 7), -105)
        canvas.paint_layered(kidney, phase.cortex, phase.medulla, 7, label)
        middle = (top + bottom) / 2
        sinus = Tube(
            [np.add(middle, (-side * 24, 10, 0)), np.add(middle, (-side * 4, 2, 0))],
            [9, 7],
            (1, 1, 2),
        )
        canvas.paint(sinus, -80)
        canvas.paint(Ellipsoid(np.add(middle, (-side * 18, 7, 0)), (7, 6, 9)), rng.uniform(0, 20))
        adrenal = [(side * 30, 22, 20), (side * 42, 14, 30), (side * 50, 2, 18)]
        canvas.paint(Tube(adrenal, 3.5), 30)
    fill = rng.uniform(0.75, 1.15)
    bladder = Ellipsoid((0, 64, -252 + 30 * fill), (44 * fill, 38 * fill, 32 * fill), lean=0.2)
    canvas.paint(Grown(bladder, 5), -95)
    canvas.paint(bladder, 40, LABEL["urinary bladder"])
    canvas.paint(Grown(bladder, -3), rng.uniform(0, 15), LABEL["urinary bladder"])
    canvas.paint(Ellipsoid((0, 40, -262), (24, 18, 16)), rng.uniform(38, 60))


def _vertebrae() -> Iterator[tuple[float, float, float]]:
    """Centre (A, S) of each vertebral body, and its size relative to L1, from L5 upwards."""
    heights = [-137.0, -104, -69, -34, 0, 31, 58]
    while heights[-1] < 330:
        heights.append(heights[-1] + 25 - 0.4 * len(heights))
    for s in heights:
        a = np.interp(s, [-140, -104, -50, 0, 100, 190, 330], [26, 33, 29, 16, -4, -8, 14])
        yield float(a), s, float(np.interp(s, [-140, 0, 300], [1.15, 1.0, 0.72]))


def _spine(canvas: Canvas, rng: Generator) -> None:
    cortex, marrow = rng.uniform(380, 600), rng.uniform(130, 240)
    label = LABEL["vertebrae"]
    levels = list(_vertebrae())
    discs = [(0, a, s) for a, s, _ in levels]
    canvas.paint(Tube([(0, 0, -168), *discs], 14, (1.35, 1, 1)), rng.uniform(70, 110))
    for number, (a, s, size) in enumerate(levels):
        pitch = levels[number + 1][1] - s if number + 1 < len(levels) else 20.0
        body = Ellipsoid((0, a, s), (22 * size, 16 * size, 0.41 * pitch), boxy=True)
        canvas.paint_layered(body, cortex, marrow, 2.0, label)
        rear = a - 16 * size
        for _, side in SIDES:
            arch = [
                (side * 14 * size, rear + 4, s),
                (side * 13 * size, rear - 14, s - 3),
                (0, rear - 24, s - 8),
            ]
            wing = [(side * 14, rear - 8, s), (side * 36 * size, rear - 14, s)]
            canvas.paint_layered(Tube(arch, 5.5 * size), cortex, marrow, 2.2, label)
            canvas.paint_layered(Tube(wing, 4.5 * size, (1, 1, 1.2)), cortex, marrow, 2, label)
        process = Tube([(0, rear - 24, s - 8), (0, rear - 42, s - 14)], 4, (0.8, 1, 2))
        canvas.paint_layered(process, cortex, marrow, 1.8, label)
    canal = [(0, a - 16 * size - 9, s) for a, s, size in levels]
    canvas.paint(Tube(canal, 8.5, (1.2, 1, 1)), rng.uniform(5, 20))
    canvas.paint(Tube(canal[4:], 5), rng.uniform(30, 45))


def _pelvis(canvas: Canvas, rng: Generator) -> None:
    cortex, marrow = rng.uniform(500, 700), rng.uniform(100, 220)
    muscle = rng.uniform(45, 62)
    basin = Ellipsoid((0, 44, -170), (126, 86, 86))
    wings = Above(
        Without(
            Grown(basin, 6),
            [
                Grown(basin, -6),
                Ellipsoid((0, 160, -170), (400, 80, 400)),
                Ellipsoid((0, -40, -170), (44, 80, 150)),
            ],
        ),
        -222,
    )
    above = Ellipsoid((0, 30, -60), (300, 300, 62))
    canvas.paint_layered(Without(wings, [above]), cortex, marrow, 2.5)
    sacrum = [(0, 8, -162), (0, -18, -195), (0, -34, -228), (0, -22, -262)]
    canvas.paint_layered(Tube(sacrum, [24, 22, 14, 6], (1.9, 0.7, 1)), cortex - 150, marrow, 2.5)
    for _, side in SIDES:
        canvas.paint(
            Ellipsoid((side * 74, -42, -235), (64, 36, 74)), muscle, within=canvas.hu > -500
        )
        socket = Ellipsoid((side * 88, 38, -240), (30, 30, 30))
        canvas.paint_layered(socket, cortex, marrow, 3.5)
        canvas.paint(Ellipsoid((side * 90, 38, -240), (26, 26, 26)), 60)
        neck = [(side * 90, 38, -240), (side * 128, 26, -268), (side * 134, 26, -400)]
        canvas.paint_layered(Tube(neck, [23, 18, 16]), cortex, marrow, 3)
        pubis = [(side * 78, 56, -246), (side * 42, 92, -258), (side * 4, 100, -276)]
        canvas.paint_layered(Tube(pubis, [11, 8, 10]), cortex, marrow, 2.5)
        seat = [(side * 78, 14, -250), (side * 58, 0, -310)]
        canvas.paint_layered(Tube(seat, [16, 15]), cortex, marrow, 2.5)


def _vessels(canvas: Canvas, rng: Generator, phase: Phase) -> None:
    def tube(points: list[Point], radii: list[float]) -> Tube:
        return Tube(np.array(points) + rng.normal(0, 1.0, (len(points), 3)), radii)

    wide = rng.uniform(0.9, 1.2)
    canvas.paint(Tube([(16, 92, 160), (14, 84, 190), (-34, 60, 178)], [13, 13, 11]), phase.veins)
    aorta = tube(
        [
            (2, 80, 158), (12, 82, 186), (10, 70, 214), (-6, 48, 226), (-22, 24, 212),
            (-25, 20, 170), (-20, 22, 90), (-14, 38, 20), (-8, 50, -40), (-5, 57, -108),
        ],
        [15 * wide, 15 * wide, 14 * wide, 13, 12.5, 12, 11.5, 11, 9.5, 9],
    )  # fmt: skip
    cava = tube(
        [(20, 56, -108), (22, 52, -50), (24, 46, 10), (26, 52, 60), (24, 64, 98)],
        [11, 11.5, 12, 12.5, 13],
    )
    canvas.paint(cava, phase.veins, LABEL["inferior vena cava"])
    canvas.paint(Tube([(20, 56, 280), (24, 64, 200), (26, 70, 150)], [9, 9.5, 10]), phase.veins)
    canvas.paint(aorta, phase.arteries, LABEL["aorta"])
    if rng.random() < 0.4:
        lumen = canvas.labels == LABEL["aorta"]
        for knot in rng.integers(5, len(aorta.points), 8):
            plaque = Ellipsoid(rng.normal(aorta.points[knot], (6, 6, 9)), (2.5, 2.5, 4))
            canvas.paint(plaque, 600, LABEL["aorta"], within=lumen)
    for _, side in SIDES:
        iliac = [
            (side * 4, 57, -108),
            (side * 34, 44, -168),
            (side * 64, 76, -228),
            (side * 66, 96, -270),
        ]
        canvas.paint(Tube(iliac, [7, 6, 5, 5]), phase.arteries)
        lower = [
            (side * 6 + 14, 54, -108),
            (side * 36, 32, -170),
            (side * 58, 72, -230),
            (side * 56, 92, -275),
        ]
        canvas.paint(Tube(lower, [9, 7, 6, 6]), phase.veins)
        renal = [(0, 46, -28), (side * 48, 16, -34)]
        canvas.paint(Tube(renal, 4), phase.veins, within=canvas.labels == 0)
