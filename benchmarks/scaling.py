"""How time and memory of the B-spline engine grow with the volume.

    python benchmarks/scaling.py [--sizes 64 128 192 256 320 384] [--recipe bspline] [--threads 2] [--work DIR]

One head, bent by a known field, on cubes of the same 224 mm in ever smaller voxels, each registered in a fresh process.
An evaluation is one value of the metric with its gradient at the finest level; seconds per million voxels should not
depend on the size. Peak memory is that of the process, with imports, both volumes and the result.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import SimpleITK as sitk

from napari_coreg import read_volume, register
from napari_coreg.core.bspline.objective import Objective
from ours import compiling, import_all
from pairs import known_pair
from trial import THREAD_VARIABLES, Clock, scratch_folder

EDGE_MM = 224.0
TITLES = ("size", "evaluation s", "s/million", "evaluations", "run s", "s/million", "peak MB", "start MB", "mean mm")


def main() -> None:
    arguments = _arguments()
    if arguments.folder:
        print(json.dumps(_measure(Path(arguments.folder), arguments)))
        return
    work = Path(arguments.work).resolve()
    pair = known_pair(work, "colin27", 0, remapped=arguments.remapped)
    print(f"{arguments.recipe}, {pair.name}, {arguments.threads} threads of {os.cpu_count()} cores")
    titles = (
        "size",
        "evaluation s",
        "s/million",
        "evaluations",
        "run s",
        "s/million",
        "peak MB",
        "start MB",
        "mean mm",
    )
    print("".join(f"{title:>13}" for title in titles))
    for size in arguments.sizes:
        with scratch_folder() as scratch:
            for name in ("fixed", "moving"):
                _write_cube(pair.folder / f"{name}.nii", size, Path(scratch, f"{name}.nii"))
            figures = _launch(scratch, pair.folder / "points.npz", arguments)
            if figures["compile_s"]:
                print(f"{figures['compile_s']:.1f} s to compile kernels, once on this machine; that run is not counted")
                figures = _launch(scratch, pair.folder / "points.npz", arguments)
        print(_line(size, figures), flush=True)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", type=int, nargs="+", default=[64, 128, 192, 256, 320, 384], help="voxels per axis")
    parser.add_argument("--recipe", default="bspline")
    parser.add_argument("--remapped", action="store_true", help="take the pair of two contrasts")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--work", default=str(Path(tempfile.gettempdir(), "coreg-benchmarks")), help="keeps the pairs")
    parser.add_argument("--folder", help=argparse.SUPPRESS)  # of one size: what the fresh process is told
    parser.add_argument("--points", help=argparse.SUPPRESS)
    return parser.parse_args()


def _write_cube(source: Path, size: int, target: Path) -> None:
    """Write a volume resampled into a cube about its centre."""
    image = sitk.ReadImage(str(source))
    spacing = EDGE_MM / size
    centre = np.array(image.TransformContinuousIndexToPhysicalPoint([(n - 1) / 2 for n in image.GetSize()]))
    origin = (centre - spacing * (size - 1) / 2).tolist()
    identity = np.eye(3).ravel().tolist()
    cube = sitk.Resample(image, [size] * 3, sitk.Transform(), sitk.sitkLinear, origin, [spacing] * 3, identity, 0.0)
    sitk.WriteImage(cube, str(target))


def _launch(folder: str, points: Path, arguments: argparse.Namespace) -> dict[str, Any]:
    threads = dict.fromkeys(THREAD_VARIABLES, str(arguments.threads))
    command = [sys.executable, __file__, "--folder", folder, "--points", str(points), "--recipe", arguments.recipe]
    done = subprocess.run(
        [*command, "--threads", str(arguments.threads)],
        env={**os.environ, **threads},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return json.loads(done.stdout)


def _measure(folder: Path, arguments: argparse.Namespace) -> dict[str, Any]:
    """Register the two volumes of a folder, and return what it took."""
    import_all()
    levels: list[list[float]] = []  # seconds of each evaluation
    evaluate = Objective.__call__

    def timed(objective: Objective, *given: Any) -> Any:
        began = time.perf_counter()
        answer = evaluate(objective, *given)
        if objective.number_of_evaluations == 1:
            levels.append([])
        levels[-1].append(time.perf_counter() - began)
        return answer

    with patch.object(Objective, "__call__", timed), compiling() as compiled, (clock := Clock()):
        fixed, moving = (read_volume(folder / f"{name}.nii").image for name in ("fixed", "moving"))
        result = register(fixed, moving, arguments.recipe, threads=arguments.threads)
    with np.load(arguments.points) as points:
        mapped = np.array([result.transform.TransformPoint(point) for point in points["points_lps"].tolist()])
        mean_mm = float(np.linalg.norm(mapped - points["truth_lps"], axis=1).mean())
    return {
        **clock.figures,
        "compile_s": sum(compiled),
        "evaluation_s": float(np.median(levels[-1])),
        "samples": result.trace[-1].number_of_samples,
        "evaluations": [len(level) for level in levels],
        "mean_mm": mean_mm,
    }


def _line(size: int, figures: dict[str, Any]) -> str:
    cells = (
        f"{size}^3",
        f"{figures['evaluation_s']:.3f}",
        f"{1e6 * figures['evaluation_s'] / figures['samples']:.4f}",
        "+".join(map(str, figures["evaluations"])),
        f"{figures['wall_s']:.2f}",
        f"{1e6 * figures['wall_s'] / size**3:.3f}",
        f"{figures['peak_mb']:.0f}",
        f"{figures['start_mb']:.0f}",
        f"{figures['mean_mm']:.3f}",
    )
    return "".join(f"{cell:>13}" for cell in cells)


if __name__ == "__main__":
    main()
