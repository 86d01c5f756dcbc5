"""The anatomy: which tissue stands where, as a continuous function of points in the head's own frame.

The frame is LPS (x to the left, y to the back, z up), millimetres, origin in the middle of the brain. The head is a
stack of coats of paint: each solid covers what was painted before it, with an edge as soft as the voxel that looks.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from napari_coreg.sample_volumes.canvas import Canvas, Tissue
from napari_coreg.sample_volumes.shapes import Waves, blend, column, cut, ellipsoid, length, ring, tube

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_coreg.sample_volumes.shapes import Array, Triple

LANDMARKS: dict[str, Triple] = {
    "frontal_horn_left": (11.0, -40.0, 8.0),
    "frontal_horn_right": (-11.0, -40.0, 8.0),
    "occipital_horn_left": (20.0, 58.0, 6.0),
    "occipital_horn_right": (-20.0, 58.0, 6.0),
    "third_ventricle": (0.0, 8.0, -2.0),
    "fourth_ventricle": (0.0, 33.0, -38.0),
    "pons": (0.0, 13.0, -34.0),
    "thalamus_left": (11.5, 12.0, 4.0),
    "thalamus_right": (-11.5, 12.0, 4.0),
    "eye_left": (32.0, -78.0, -33.0),
    "eye_right": (-32.0, -78.0, -33.0),
    "ear_canal_left": (52.0, 22.0, -38.0),
    "ear_canal_right": (-52.0, 22.0, -38.0),
    "lesion": (30.0, 38.0, 34.0),
    "nose_tip": (0.0, -122.0, -60.0),
}

FOLDS = Waves(wavelength=21.0, count=48, seed=11)
SLOW = Waves(wavelength=60.0, count=12, seed=12)
CELLS = Waves(wavelength=7.0, count=16, seed=13)
PLANES = Waves(wavelength=34.0, count=16, seed=14)

VAULT = ((0.0, 0.0, 5.0), (65.0, 84.0, 60.0))
VENTRICLE_BODY = [
    (11, -40, 8, 2.0), (9, -28, 12, 5.0), (9, -8, 18, 4.6), (12, 14, 20, 5.0), (22, 34, 14, 7.0), (20, 58, 6, 2.2),
]  # fmt: skip
VENTRICLE_TEMPORAL = [(22, 34, 14, 6.0), (31, 30, 0, 4.5), (35, 14, -14, 3.0), (32, -8, -21, 2.0)]
CAUDATE = [(14, -26, 7, 5.5), (15, -14, 13, 5.0), (16, 4, 20, 3.2), (20, 22, 22, 2.2)]
BRAINSTEM = [(0, 15, -10, 12.0), (0, 13, -34, 14.5), (0, 24, -60, 8.5), (0, 30, -82, 6.0), (0, 33, -190, 5.5)]
MANDIBLE = [(52, 0, -46, 4.5), (47, 4, -86, 6.0), (33, -46, -106, 7.0), (14, -76, -112, 7.5), (0, -81, -112, 8.0)]
ZYGOMA = [(34, -88, -48, 4.5), (52, -72, -46, 4.5), (63, -36, -43, 3.5), (63, -2, -41, 4.0)]


def paint_head(points: Array, softness: float) -> Canvas:
    """Paint the whole head.

    Parameters
    ----------
    points : ndarray of float, shape (3, N)
        Points in the head's frame (LPS mm).
    softness : float
        Width of every edge, mm.

    Returns
    -------
    Canvas
        Its coats, in order, are all there is to know about the points.
    """
    canvas = Canvas(points, softness)
    index, _, _ = canvas.near((0, -150, -200), (105, 140, 110))
    _soft_parts(canvas, index)
    _face(canvas)
    _skull(canvas)
    _neck(canvas)
    _sinuses(canvas)
    _orbits(canvas)
    _cerebrum(canvas)
    _hindbrain(canvas)
    _core(canvas)
    _ears(canvas)
    return canvas


def cerebrum_distance(here: Array, mirrored: Array) -> Array:
    """Distance to the smooth hull of both hemispheres."""
    vault = cut(ellipsoid(here, *VAULT), -15 - here[2], 14)
    return blend(vault, ellipsoid(mirrored, (37.5, -2, -20), (24.5, 44, 24)), 8)


def cavity_distance(here: Array, mirrored: Array) -> Array:
    """Distance to the inner face of the skull."""
    brain = blend(cerebrum_distance(here, mirrored), ellipsoid(here, (0, 43, -33), (54, 44, 32)), 8)
    return blend(brain, ellipsoid(here, (0, 0, -18), (20, 24, 12)), 8) - 2.5


def skin_distance(here: Array, mirrored: Array) -> Array:
    """Distance to the outer face of the skin."""
    head = blend(ellipsoid(here, (0, 1, 6), (80, 101, 77)), ellipsoid(here, (0, -40, -56), (69, 61, 68)), 18)
    head = blend(head, ellipsoid(here, (0, -74, -110), (27, 26, 17)), 12)
    neck = np.hypot(here[0] / 58, (here[1] - 20 + 0.12 * (here[2] + 90)) / 64)
    head = blend(head, cut((neck - 1) * 58, here[2] + 60, 20), 26)
    head = blend(head, tube(here, [(0, -96, -26, 8), (0, -106, -48, 8), (0, -111, -60, 11)]), 9)
    head = blend(head, ellipsoid(here, (0, -97, -87), (20, 8, 7)), 6)
    lid = ellipsoid(mirrored, (32, -80, -33), (17, 14, 12))
    head = blend(cut(head, -ellipsoid(mirrored, (31, -106, -34), (19, 15, 11)), 10), lid, 6)
    ear = cut(ellipsoid(mirrored, (77, 26, -30), (9, 17, 30)), -ellipsoid(mirrored, (88, 20, -30), (10, 10, 20)), 3)
    return blend(head, ear, 5)


def _soft_parts(canvas: Canvas, index: NDArray[np.intp]) -> None:
    here = canvas.points[:, index]
    mirrored = np.stack([np.abs(here[0]), here[1], here[2]])
    skin = skin_distance(here, mirrored)
    inside = skin < 4
    index, here, mirrored, skin = index[inside], here[:, inside], mirrored[:, inside], skin[inside]
    canvas.paint(Tissue.SKIN, skin, index)
    fat = 3.2 + 2.2 / (1 + np.exp((here[2] + 50) / 8)) + 0.8 * SLOW.value(here)
    canvas.paint(Tissue.FAT, skin + 2.2, index)
    planes = np.minimum(0.7 - np.abs(PLANES.value(here * column((1, 1, 0.3)))) * 5, -11 - skin)
    canvas.paint(Tissue.MUSCLE, np.maximum(skin + 2.2 + fat, planes), index)
    deep = np.flatnonzero(skin < -1)
    index, here, mirrored = index[deep], here[:, deep], mirrored[:, deep]
    canvas.paint(Tissue.FAT, ellipsoid(mirrored, (42, -62, -74), (12, 14, 14)), index)
    canvas.paint(Tissue.CARTILAGE, ellipsoid(mirrored, (78, 28, -30), (3, 12, 26)), index)
    canvas.paint(Tissue.CARTILAGE, tube(here, [(0, -100, -46, 3), (0, -108, -60, 5)]), index)


def _face(canvas: Canvas) -> None:
    index, here, mirrored = canvas.near((0, -110, -130), (75, 20, -20))
    canvas.paint(Tissue.BONE, ellipsoid(here, (0, -64, -62), (38, 29, 19)), index)
    canvas.paint(Tissue.BONE, tube(here, [(0, -94, -24, 5), (0, -101, -42, 3)]), index)
    for nodes, core in ((ZYGOMA, 2.0), (MANDIBLE, 3.0)):
        distance = tube(mirrored, nodes)
        canvas.paint(Tissue.BONE, distance, index)
        canvas.paint(Tissue.MARROW, distance + core, index)
    canvas.paint(Tissue.BONE, ellipsoid(here, (0, -64, -80), (27, 29, 5)), index)
    canvas.paint(Tissue.BONE, ellipsoid(here, (0, -66, -105), (26, 26, 5)), index)
    canvas.paint(Tissue.MUSCLE, ellipsoid(here, (0, -50, -94), (22, 34, 14)), index)
    canvas.paint(Tissue.AIR, ellipsoid(here, (0, -58, -82.5), (17, 24, 2.2)), index)
    canvas.paint(Tissue.MUSCLE, ellipsoid(mirrored, (55, -14, -78), (6, 18, 24)), index)
    for number in range(8):
        angle = (number + 0.5) * 0.2
        x, y = 24 * np.sin(angle), -62 - 30 * np.cos(angle)
        size = 2.6 + 0.14 * number
        for root, crown in ((-78, -88), (-105, -94)):
            both = here if (number, root) == (4, -105) else mirrored  # one lower tooth is missing on the right
            canvas.paint(Tissue.ENAMEL, tube(both, [(x, y, root, 1.6), (x, y, crown, size)]), index)


def _skull(canvas: Canvas) -> None:
    index, here, mirrored = canvas.near((0, -115, -85), (90, 110, 95))
    cavity = cavity_distance(here, mirrored)
    close = np.flatnonzero((cavity > -3) & (cavity < 18))
    index, here, mirrored, cavity = index[close], here[:, close], mirrored[:, close], cavity[close]
    thick = 6.2 + 0.9 * SLOW.value(here) + 1.6 * np.clip(here[1] / 90, -0.5, 1)
    thick -= 2.2 / (1 + np.exp((here[2] + 22) / 4))
    thick -= 1.8 * np.exp(-(((here[1] + 10) / 25) ** 2) - ((here[2] + 12) / 18) ** 2)
    canvas.paint(Tissue.BONE, cavity - thick, index)
    canvas.paint(Tissue.MARROW, np.maximum(cavity - thick + 1.9, 1.7 - cavity), index)
    for solid in (
        ellipsoid(here, (0, -86, -13), (27, 9, 15)),
        ellipsoid(here, (0, -20, -34), (17, 18, 14)),
        ellipsoid(mirrored, (58, 40, -50), (11, 15, 18)),
        tube(here, [(0, -8, -36, 7), (0, 6, -60, 5)]),
        ring(mirrored, (33, -86, -33), 21, 3.2, axis=1),
    ):
        canvas.paint(Tissue.BONE, np.maximum(solid, -cavity), index)
    canvas.paint(Tissue.DURA, cavity, index)


def _neck(canvas: Canvas) -> None:
    index, here, mirrored = canvas.near((0, -40, -190), (40, 75, -44))
    below = np.where(here[2] < -68, 0.0, (here[2] + 68))
    step = np.mod(here[2] + 72, 18.0) - 9.0
    local = np.stack([here[0], here[1] - 12 - 0.03 * (here[2] + 80), step])
    body = cut(np.hypot(local[0] / 10.5, local[1] / 8.5) * 8.5 - 8.5, np.abs(step) - 7.4, 3)
    canvas.paint(Tissue.BONE, np.maximum(body, below), index)
    canvas.paint(Tissue.MARROW, np.maximum(body + 1.6, below), index)
    local[1] -= 19
    arch = np.hypot(np.hypot(local[0], local[1]) - 13, step * 0.55) - 3.2
    spine = tube(local, [(0, 14, 0, 3.6), (0, 32, -4, 3.0)])
    wing = tube(np.stack([np.abs(local[0]), local[1], step]), [(12, -6, 0, 4.5), (24, -10, -1, 3.0)])
    canvas.paint(Tissue.BONE, np.maximum(np.minimum(np.minimum(arch, spine), wing), below), index)
    canal = tube(here, [(0, 28, -52, 15), (0, 30, -72, 11), (0, 33, -190, 9.5)])
    canvas.paint(Tissue.CSF, canal, index)
    canvas.paint(Tissue.VESSEL, tube(mirrored, [(26, 4, -52, 2.8), (28, 2, -190, 3.4)]), index)
    canvas.paint(Tissue.VESSEL, tube(mirrored, [(34, 12, -58, 4.0), (36, 8, -190, 5.0)]), index)
    throat = tube(here, [(0, -34, -60, 7), (0, -20, -74, 7), (0, -15, -100, 6), (0, -22, -190, 8)])
    canvas.paint(Tissue.MUCOSA, throat - 2, index)
    canvas.paint(Tissue.AIR, throat, index)


def _sinuses(canvas: Canvas) -> None:
    index, here, mirrored = canvas.near((0, -125, -82), (95, 62, 12))
    walls = np.abs(CELLS.value(here))
    nose = ellipsoid(mirrored, (6, -68, -58), (11, 32, 20))
    nostril = tube(mirrored, [(6, -98, -66, 4), (6, -108, -70, 3.6)])
    septum = 1.0 - np.abs(here[0] - 2.0 * np.sin((here[1] + 70) / 14))
    shells = np.minimum(
        tube(mirrored, [(10, -88, -64, 4), (11, -50, -62, 5)]), tube(mirrored, [(9, -82, -52, 2.5), (9, -50, -50, 3.5)])
    )
    smaller_right = np.where(here[0] > 0, 0.0, 1.6)
    frontal = ellipsoid(mirrored, (11, -88, -12), (12, 4.5, 11)) + smaller_right
    ethmoid = np.maximum(ellipsoid(mirrored, (9, -62, -34), (7.5, 22, 11)), 0.9 - walls * 3)
    for cave in (
        np.maximum(np.maximum(np.minimum(nose, nostril), septum), -shells),
        ellipsoid(mirrored, (27, -64, -58), (13, 17, 15)),
        ellipsoid(mirrored, (7.5, -24, -33), (6.8, 11, 9)),
        frontal,
        ethmoid,
    ):
        canvas.paint(Tissue.MUCOSA, cave - 0.6, index)
        canvas.paint(Tissue.AIR, cave, index)


def _ears(canvas: Canvas) -> None:
    index, _, mirrored = canvas.near((0, -10, -82), (95, 62, -15))
    petrous = tube(mirrored, [(20, 4, -36, 4.0), (38, 16, -36, 6.5), (58, 28, -40, 12)])
    canvas.paint(Tissue.BONE, petrous, index)
    walls = np.abs(CELLS.value(mirrored))
    for cave in (
        np.maximum(ellipsoid(mirrored, (58, 40, -48), (8, 11, 15)), 0.8 - walls * 3),
        tube(mirrored, [(48, 20, -38, 3.5), (60, 21, -38, 3.0), (90, 20, -37, 3.6)]),
    ):
        canvas.paint(Tissue.MUCOSA, cave - 0.6, index)
        canvas.paint(Tissue.AIR, cave, index)


def _orbits(canvas: Canvas) -> None:
    index, _, mirrored = canvas.near((0, -105, -60), (60, -10, -8))
    cone = tube(mirrored, [(32, -76, -33, 17.5), (27, -62, -32, 15), (11, -34, -28, 4)])
    canvas.paint(Tissue.BONE, np.maximum(cone - 1.6, -80 - mirrored[1]), index)
    canvas.paint(Tissue.FAT, cone, index)
    for dx, dz in ((-11, 0), (11, 0), (0, -11), (0, 11)):
        strap = [(13.0, -38.0, -29.0, 1.5), (28 + dx, -62, -32 + dz, 2.4), (32 + dx, -74, -33 + dz, 1.2)]
        canvas.paint(Tissue.MUSCLE, tube(mirrored, strap), index)
    canvas.paint(Tissue.WHITE, tube(mirrored, [(31, -66, -33, 2.2), (11, -34, -27, 2.2), (4, -16, -20, 2.2)]), index)
    eye = ellipsoid(mirrored, (32, -78, -33), (12, 12, 12))
    canvas.paint(Tissue.MUSCLE, eye, index)
    canvas.paint(Tissue.VITREOUS, eye + 1.2, index)
    canvas.paint(Tissue.LENS, ellipsoid(mirrored, (32, -86.5, -33), (4.8, 2.2, 4.8)), index)


def fold_distance(here: Array) -> Array:
    """Distance to the sheets along which the cortex folds inwards, as if they went on for ever."""
    unit = (here - column(VAULT[0])) / column(VAULT[1])
    radius = np.maximum(length(unit), 0.05)
    normal = unit / radius
    bent = np.stack([SLOW.value(here[[1, 2, 0]]), SLOW.value(here[[2, 0, 1]]), SLOW.value(here)])
    value, gradient = FOLDS.value_and_gradient(normal * 72 + 4.0 * bent)
    along = gradient[0] * normal[0] + gradient[1] * normal[1] + gradient[2] * normal[2]
    steep = length(gradient - along * normal)
    return np.abs(value) / np.sqrt(steep * steep + 0.09**2) * radius


def _cerebrum(canvas: Canvas) -> None:
    index, here, mirrored = canvas.near((0, -95, -75), (75, 98, 75))
    cavity = cavity_distance(here, mirrored)
    close = np.flatnonzero(cavity < 1)
    index, here, mirrored, cavity = index[close], here[:, close], mirrored[:, close], cavity[close]
    canvas.paint(Tissue.CSF, cavity + 0.9, index)
    hull = cerebrum_distance(here, mirrored)
    depth = np.where(hull < 0, -hull, 0)
    deepest = np.maximum(depth, -0.55 * ellipsoid(here, *VAULT))
    floor = np.maximum(deepest - (13 + 4 * SLOW.value(here)), 0)
    fold = np.hypot(fold_distance(here), floor) - 0.25 - 0.6 / (1 + depth / 5)
    arch = ellipsoid(here * column((0, 1, 1)), (0, 4, 4), (1e3, 43, 25))
    cleft = np.hypot(mirrored[0], np.maximum(-arch, 0)) - 1.1
    lateral = (mirrored[2] + 15 - 0.33 * (mirrored[1] + 32) + 2.5 * np.sin(here[0] / 8)) * 0.9
    ends = np.maximum(np.maximum(25 - mirrored[0], mirrored[1] - 34), -46 - mirrored[1])
    sylvian = np.hypot(lateral, np.maximum(ends, 0)) - 0.9
    pial = np.minimum(np.minimum(-hull, fold), np.minimum(cleft, sylvian))
    thick = 2.7 + 0.25 * SLOW.value(here[[2, 1, 0]])
    canvas.paint(Tissue.CORTEX, -pial, index)
    canvas.paint(Tissue.WHITE, thick - pial, index)
    falx = np.maximum(mirrored[0] - 0.5, np.maximum(18 - arch, -12 - here[2]))
    canvas.paint(Tissue.DURA, falx, index)
    sinus = np.maximum(mirrored[0] + 0.7 * (-5.5 - cavity) - 1.0, np.maximum(-5.5 - cavity, -here[2] - 6))
    canvas.paint(Tissue.VESSEL, np.maximum(sinus, cavity + 0.5), index)


def _hindbrain(canvas: Canvas) -> None:
    index, here, mirrored = canvas.near((0, -5, -190), (56, 84, 6))
    lobes = blend(ellipsoid(mirrored, (25, 50, -37), (28, 30, 24)), ellipsoid(here, (0, 52, -36), (14, 26, 20)), 4)
    lobes = np.maximum(lobes, here[2] + 17 + 0.10 * mirrored[0] - 0.06 * (here[1] - 50))
    reach = np.hypot(here[1] - 32, here[2] + 36)
    angle = np.arctan2(here[2] + 36, here[1] - 32) + 0.004 * mirrored[0] + 0.08 * SLOW.value(here)
    folia = np.hypot(np.abs(np.sin(angle * 11)) * reach / 11, np.maximum(-lobes - 9, 0)) - 0.3
    pial = np.minimum(-lobes, folia)
    canvas.paint(Tissue.CEREBELLAR_GREY, -pial, index)
    canvas.paint(Tissue.CEREBELLAR_WHITE, np.maximum(1.7 - pial, 1.7 + lobes), index)
    canvas.paint(Tissue.CEREBELLAR_WHITE, tube(mirrored, [(10, 16, -36, 6), (20, 40, -36, 7)]), index)
    canvas.paint(Tissue.DEEP_GREY, ellipsoid(mirrored, (15, 42, -36), (6, 5, 3.5)), index)
    canvas.paint(Tissue.BRAINSTEM, tube(here, BRAINSTEM), index)
    canvas.paint(Tissue.VESSEL, tube(here, [(0, -4, -22, 1.6), (0, -2.5, -44, 1.6), (5, 12, -66, 1.6)]), index)
    canvas.paint(Tissue.VENTRICLE, ellipsoid(here, (0, 33, -38), (7, 4.5, 10)), index)
    canvas.paint(Tissue.VENTRICLE, tube(here, [(0, 20, -8, 1.2), (0, 30, -32, 1.4)]), index)


def _core(canvas: Canvas) -> None:
    index, here, mirrored = canvas.near((0, -50, -32), (48, 70, 48))
    canvas.paint(Tissue.DEEP_GREY, ellipsoid(mirrored, (27, -5, 2), (5.5, 17, 10.5)), index)
    canvas.paint(Tissue.DEEP_GREY, ellipsoid(mirrored, (20, -2, 0), (3.6, 10, 6.5)), index)
    canvas.paint(Tissue.DEEP_GREY, ellipsoid(mirrored, (24, 2, -20), (5, 8, 5)), index)
    canvas.paint(Tissue.DEEP_GREY, ellipsoid(mirrored, (11.5, 12, 4), (8.5, 14, 9)), index)
    wider_left = 0.5 * np.tanh(here[0] / 4)
    horns = np.minimum(tube(mirrored, VENTRICLE_BODY), tube(mirrored, VENTRICLE_TEMPORAL)) - wider_left
    canvas.paint(Tissue.VENTRICLE, np.maximum(horns, 0.8 - mirrored[0]), index)
    canvas.paint(Tissue.DEEP_GREY, tube(mirrored, CAUDATE), index)
    canvas.paint(Tissue.VENTRICLE, ellipsoid(here, (0, 8, -2), (2.4, 15, 10)), index)
    lesion = ellipsoid(here, (30, 38, 34), (8, 9, 7)) + 0.8 * CELLS.value(here * 0.4)
    canvas.paint(Tissue.OEDEMA, lesion - 4.5, index)
    canvas.paint(Tissue.LESION, lesion, index)
