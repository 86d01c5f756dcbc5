"""Makes silver_truths.json: what is taken for the truth of real pairs, the consensus of independent registrations.

    python benchmarks/silver.py --peers PYTHON

All start where the volumes fit already, by their headers or by one of our own recipes. Those that lie within half a
millimetre of the one in their midst are averaged.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.linalg import expm, logm

from cases import points_of
from linear_peers import PEERS
from napari_coreg import Recipe, load_preset, register
from napari_coreg.core.transforms import to_matrix
from robustness import run_on_files
from starts import SILVER, chris_images, moved, mridir_images, with_header_moved

if TYPE_CHECKING:
    import SimpleITK as sitk
    from numpy.typing import NDArray

    Matrix = NDArray[np.float64]

MEMBERS = ("elastix", "plastimatch", "greedy", "ants", "aladin")
AGREE_MM = 0.5
LIMIT_S = 900.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--peers", required=True, help="interpreter in which the other packages are installed")
    parser.add_argument("--members", nargs="+", choices=list(PEERS), default=list(MEMBERS))
    arguments = parser.parse_args()
    interpreter = str(Path(arguments.peers).absolute())
    fixed, moving, head = chris_images()
    truths = {"chris": _truth(fixed, moving, head, np.eye(4), "mr-mr-same-person", interpreter, arguments.members)}
    fixed, moving, body = mridir_images()
    start = to_matrix(register(fixed, moving, "ct-mr-head").transform)
    truths["mridir"] = _truth(fixed, moving, body, start, "ct-mr-head", interpreter, arguments.members)
    new = SILVER.with_suffix(".part")
    new.write_text(json.dumps(truths, indent=1) + "\n")
    new.replace(SILVER)


def _truth(
    fixed: sitk.Image,
    moving: sitk.Image,
    inside: sitk.Image,
    start: Matrix,
    recipe: str,
    interpreter: str,
    members: list[str],
) -> dict[str, Any]:
    """Return the consensus of `recipe`, with more samples, and the others, and how far from it each of them is."""
    laid = with_header_moved(moving, np.linalg.inv(start))
    found = {f"napari-coreg {recipe}, more samples": to_matrix(register(fixed, laid, _fine(recipe)).transform)}
    for member in members:
        figures = run_on_files("linear_peers.py", interpreter, member, fixed, laid, True, 2, LIMIT_S)
        print(f"{member}: {figures.get('error', 'done')}", flush=True)
        if "matrix" in figures:
            found[member] = np.array(figures["matrix"])
    points = points_of(inside, np.random.default_rng(0), 1000)
    middle = min(found.values(), key=lambda one: np.median([_apart(one, other, points) for other in found.values()]))
    agreeing = {name: matrix for name, matrix in found.items() if _apart(matrix, middle, points) < AGREE_MM}
    inverse = np.linalg.inv(middle)
    mean = middle @ expm(np.mean([np.real(logm(inverse @ matrix)) for matrix in agreeing.values()], axis=0))
    distances = {name: round(_apart(matrix, mean, points), 3) for name, matrix in found.items()}
    print(json.dumps(distances, indent=1), flush=True)
    return {
        "matrix": (start @ mean).tolist(),
        "direction": "fixed -> moving, LPS mm",
        "made_by": f"benchmarks/silver.py: mean in se(3) of what lies within {AGREE_MM} mm of the one in their midst",
        "members_mm_from_it": {name: distances[name] for name in agreeing},
        "left_out_mm_from_it": {name: distances[name] for name in found if name not in agreeing},
    }


def _fine(recipe: str) -> Recipe:
    """Return a preset with more samples and smaller last steps, which starts where the headers say."""
    values = load_preset(recipe).model_dump(mode="json")
    values["initialization"] = "given"
    values["stages"][0]["sampling"]["percentages"] = [100, 50, 20]
    values["stages"][0]["optimizer"]["minimum_step_voxels"] = 0.002
    return Recipe.from_mapping(values)


def _apart(one: Matrix, other: Matrix, points_lps: NDArray[np.float64]) -> float:
    """Return how far apart two matrices take points of the head on average, mm."""
    return float(np.linalg.norm(moved(one, points_lps) - moved(other, points_lps), axis=1).mean())


if __name__ == "__main__":
    main()
