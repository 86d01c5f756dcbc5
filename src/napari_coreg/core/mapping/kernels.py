"""Compiled loops over points: mapped through a chain of transforms with the Jacobian, and solved for by Newton."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from napari_coreg.core.compiling import compiled

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[Any]

LINEAR, FIELD, SPLINE = 0, 1, 2
STILL, EDGE, SLOPE = 0, 1, 2  # what a deformation does beyond its domain
LEVELLING = 8.0, 1.0  # over how many nodes of a field, and cells of a spline, a slope levels off there
JUST_KNOWN = 1e-6  # mm inside, of what lies beyond the outermost nodes of a field by less than half a voxel
LEAST_STEP = 1.0 / 64  # of a Newton step, before it is given up
MOST_STEPS = 25
FAR = 1e9  # mm inside, of what has no edge


class Links(NamedTuple):
    """A chain of transforms as arrays; 2-D ones are put into 3-D, at z = 0.

    Attributes
    ----------
    kinds : array of int, shape (K,)
        LINEAR, FIELD (trilinear between nodes) or SPLINE (cubic), in the order in which they are applied.
    matrices : array, shape (K, 3, 4)
        Of a linear one: the map. Of the others: from LPS mm to nodes of the field, or cells of the spline.
    counts_xyz : array of int, shape (K, 3)
        Nodes of a field, cells of a spline.
    steps_mm : array, shape (K, 3)
        Length of a unit of those.
    offsets : array of int, shape (K,)
        Where their numbers begin in `values`.
    values : array of 32-bit floats
        Displacements of nodes and control points, LPS mm: components side by side, x fastest, then y, then z.
    """

    kinds: Array
    matrices: Array
    counts_xyz: Array
    steps_mm: Array
    offsets: Array
    values: Array


@compiled
def _spline_axis(at: float, cells: int, weights: Array, slopes: Array) -> int:
    """Fill the weights of the four control points around a place in the domain, and their slopes; return the first."""
    first = min(max(int(np.floor(at)), 0), cells - 1)
    t = at - first
    r = 1.0 - t
    weights[0] = r * r * r / 6
    weights[1] = (4 + t * t * (3 * t - 6)) / 6
    weights[2] = (1 + t * (3 + t * (3 - 3 * t))) / 6
    weights[3] = t * t * t / 6
    slopes[0] = -r * r / 2
    slopes[1] = t * (3 * t - 4) / 2
    slopes[2] = (1 + t * (2 - 3 * t)) / 2
    slopes[3] = t * t / 2
    return first


@compiled
def _read_spline(links: Links, k: int, at: Array, work: Array, found: Array) -> None:
    """Read displacement (row 0) and its slopes per cell along x, y, z (rows 1 to 3) at a place in the domain."""
    cells = links.counts_xyz[k]
    x = _spline_axis(at[0], cells[0], work[0], work[3])
    y = _spline_axis(at[1], cells[1], work[1], work[4])
    z = _spline_axis(at[2], cells[2], work[2], work[5])
    row = 3 * (cells[0] + 3)
    corner = links.offsets[k] + 3 * x + row * (y + (cells[1] + 3) * z)
    found[:, :] = 0.0
    values = links.values
    w0, w1, w2, w3 = work[0, 0], work[0, 1], work[0, 2], work[0, 3]
    s0, s1, s2, s3 = work[3, 0], work[3, 1], work[3, 2], work[3, 3]
    for c in range(4):
        for b in range(4):
            start = corner + row * (b + (cells[1] + 3) * c)
            both, across, along = work[1, b] * work[2, c], work[4, b] * work[2, c], work[1, b] * work[5, c]
            for i in range(3):
                v0, v1, v2, v3 = values[start + i], values[start + 3 + i], values[start + 6 + i], values[start + 9 + i]
                value = w0 * v0 + w1 * v1 + w2 * v2 + w3 * v3
                found[0, i] += both * value
                found[1, i] += both * (s0 * v0 + s1 * v1 + s2 * v2 + s3 * v3)
                found[2, i] += across * value
                found[3, i] += along * value


@compiled
def _read_field(links: Links, k: int, at: Array, found: Array) -> None:
    """Read displacement (row 0) and its slopes per node along x, y, z (rows 1 to 3) at a place in the domain."""
    nodes = links.counts_xyz[k]
    x = min(max(int(np.floor(at[0])), 0), max(nodes[0] - 2, 0))
    y = min(max(int(np.floor(at[1])), 0), max(nodes[1] - 2, 0))
    z = min(max(int(np.floor(at[2])), 0), max(nodes[2] - 2, 0))
    a, b, c = at[0] - x, at[1] - y, at[2] - z
    to_x = 3 if nodes[0] > 1 else 0  # to the next node; an axis of one node has none
    to_y = 3 * nodes[0] if nodes[1] > 1 else 0
    to_z = 3 * nodes[0] * nodes[1] if nodes[2] > 1 else 0
    corner = links.offsets[k] + 3 * (x + nodes[0] * (y + nodes[1] * z))
    values = links.values
    for i in range(3):
        near, far = corner + i, corner + i + to_z
        v00, v10 = values[near], values[near + to_y]
        v01, v11 = values[far], values[far + to_y]
        d00, d10 = values[near + to_x] - v00, values[near + to_x + to_y] - v10
        d01, d11 = values[far + to_x] - v01, values[far + to_x + to_y] - v11
        p00, p10, p01, p11 = v00 + a * d00, v10 + a * d10, v01 + a * d01, v11 + a * d11
        q0, q1 = p00 + b * (p10 - p00), p01 + b * (p11 - p01)
        found[0, i] = q0 + c * (q1 - q0)
        found[1, i] = (1 - c) * ((1 - b) * d00 + b * d10) + c * ((1 - b) * d01 + b * d11)
        found[2, i] = (1 - c) * (p10 - p00) + c * (p11 - p01)
        found[3, i] = q1 - q0


@compiled
def _follow(links: Links, beyond_it: int, point: Array, jacobian: Array, work: Array) -> float:
    """Move a point (3,) along the chain, in place, and fill the Jacobian (3, 3).

    Beyond a domain nothing is displaced with `STILL`, as ITK has it; with `SLOPE` a deformation goes on along its slope
    at the edge, levelling off; with `EDGE` a spline too, but a field with its value there, as in its outermost half
    voxel in ITK.

    Returns
    -------
    float
        How far the point came inside of the domains of all deformations, mm; negative outside. Between the nodes of a
        field, and no more than `JUST_KNOWN` in the half voxel around them.
    """
    inside = FAR
    jacobian[:, :] = 0.0
    for i in range(3):
        jacobian[i, i] = 1.0
    at, beyond, found, turned = work[6], work[7], work[8:12], work[12:15]
    for k in range(len(links.kinds)):
        matrix = links.matrices[k]
        for i in range(3):
            at[i] = matrix[i, 0] * point[0] + matrix[i, 1] * point[1] + matrix[i, 2] * point[2] + matrix[i, 3]
        for i in range(3):
            for j in range(3):
                turned[i, j] = (
                    matrix[i, 0] * jacobian[0, j] + matrix[i, 1] * jacobian[1, j] + matrix[i, 2] * jacobian[2, j]
                )
        if links.kinds[k] == LINEAR:
            for i in range(3):
                point[i] = at[i]
                for j in range(3):
                    jacobian[i, j] = turned[i, j]
            continue
        is_field = links.kinds[k] == FIELD
        depth = FAR
        for i in range(3):
            count = links.counts_xyz[k, i]
            low, high = (0.0, count - 1.0) if is_field else (0.0, count + 0.0)
            over = min(at[i] - low, high - at[i])
            if is_field and -0.5 <= over <= 0.0:
                over = 0.5 if count == 1 else JUST_KNOWN / links.steps_mm[k, i]
            depth = min(depth, over * links.steps_mm[k, i])
            kept = min(max(at[i], low), high)
            beyond[i] = at[i] - kept
            at[i] = kept
        inside = min(inside, depth)
        if depth < 0 and beyond_it == STILL:
            continue
        if is_field:
            _read_field(links, k, at, found)
        else:
            _read_spline(links, k, at, work, found)
        for j in range(3):
            over = beyond[j]
            if over == 0.0:
                continue
            level = 1.0 + abs(over) / (LEVELLING[0] if is_field else LEVELLING[1])
            slope = 0.0 if is_field and beyond_it != SLOPE else 1.0
            for i in range(3):
                found[0, i] += slope * found[1 + j, i] * over / level
                found[1 + j, i] *= slope / (level * level)
        for i in range(3):
            point[i] += found[0, i]
            for j in range(3):
                jacobian[i, j] += found[1, i] * turned[0, j] + found[2, i] * turned[1, j] + found[3, i] * turned[2, j]
    return inside


@compiled
def follow(
    index: int, start: int, stop: int, links: Links, beyond_it: int, points: Array, jacobians: Array, inside: Array
) -> None:
    """Move points, in place.

    Parameters
    ----------
    index, start, stop : int
        The chunk; points.
    links : Links
        The chain.
    beyond_it : int
        `STILL`, `EDGE` or `SLOPE`.
    points : array, shape (N, 3)
        Where they are; filled with where they come to.
    jacobians : array, shape (N, 3, 3) or (0, 3, 3)
        Filled, unless it is empty.
    inside : array, shape (N,)
        Filled: how far inside of all domains they came, mm; negative outside.
    """
    work, jacobian = np.zeros((15, 4)), np.zeros((3, 3))
    for n in range(start, stop):
        inside[n] = _follow(links, beyond_it, points[n], jacobian, work)
        if len(jacobians):
            jacobians[n] = jacobian


@compiled
def _step(jacobian: Array, rest: Array, step: Array) -> bool:
    """Solve for Newton's step; False where the map is flat."""
    a, b, c = jacobian[0], jacobian[1], jacobian[2]
    m0 = b[1] * c[2] - b[2] * c[1]
    m1 = b[2] * c[0] - b[0] * c[2]
    m2 = b[0] * c[1] - b[1] * c[0]
    determinant = a[0] * m0 + a[1] * m1 + a[2] * m2
    size = 0.0
    for i in range(3):
        for j in range(3):
            size = max(size, abs(jacobian[i, j]))
    if abs(determinant) <= 1e-9 * size**3:
        return False
    step[0] = (
        rest[0] * m0 + rest[1] * (a[2] * c[1] - a[1] * c[2]) + rest[2] * (a[1] * b[2] - a[2] * b[1])
    ) / determinant
    step[1] = (
        rest[0] * m1 + rest[1] * (a[0] * c[2] - a[2] * c[0]) + rest[2] * (a[2] * b[0] - a[0] * b[2])
    ) / determinant
    step[2] = (
        rest[0] * m2 + rest[1] * (a[1] * c[0] - a[0] * c[1]) + rest[2] * (a[0] * b[1] - a[1] * b[0])
    ) / determinant
    return True


@compiled
def solve(
    index: int,
    start: int,
    stop: int,
    links: Links,
    beyond_it: int,
    targets: Array,
    within_mm: float,
    points: Array,
    left: Array,
    inside: Array,
) -> None:
    """Find the points that the chain takes to targets.

    Newton's method, with steps halved until the distance left falls; it ends at a fold, where it cannot.

    Parameters
    ----------
    index, start, stop : int
        The chunk; targets.
    links : Links
        The chain.
    beyond_it : int
        `EDGE` or `SLOPE`, so that there is a point for every target.
    targets : array, shape (N, 3)
        Where the points are to come.
    within_mm : float
        How near is near enough.
    points : array, shape (N, 3)
        Where to begin; filled with what was found.
    left : array, shape (N,)
        Filled: the distance that is left, mm.
    inside : array, shape (N,)
        As of `follow`.
    """
    work, jacobian, other = np.zeros((15, 4)), np.zeros((3, 3)), np.zeros((3, 3))
    rest, step, there = np.zeros(3), np.zeros(3), np.zeros(3)
    for n in range(start, stop):
        point, target = points[n], targets[n]
        for i in range(3):
            there[i] = point[i]
        deep = _follow(links, beyond_it, there, jacobian, work)
        distance = np.sqrt((target[0] - there[0]) ** 2 + (target[1] - there[1]) ** 2 + (target[2] - there[2]) ** 2)
        for _ in range(MOST_STEPS):
            if not distance > within_mm:
                break
            for i in range(3):
                rest[i] = target[i] - there[i]
            if not _step(jacobian, rest, step):
                break
            length, is_better = 1.0, False
            while length >= LEAST_STEP:
                for i in range(3):
                    there[i] = point[i] + length * step[i]
                reach = _follow(links, beyond_it, there, other, work)
                after = np.sqrt((target[0] - there[0]) ** 2 + (target[1] - there[1]) ** 2 + (target[2] - there[2]) ** 2)
                if after < (1.0 - 0.1 * length) * distance:
                    is_better = True
                    break
                length /= 2
            if not is_better:
                break
            for i in range(3):
                point[i] += length * step[i]
                for j in range(3):
                    jacobian[i, j] = other[i, j]
            distance, deep = after, reach
        left[n], inside[n] = distance, deep
