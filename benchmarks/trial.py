"""One registration in a process of its own: what it is given, how it is measured, and how its result comes back.

Only the standard library is imported at first, so that a command-line peer is measured and not this script; SimpleITK,
which every interpreter has, is imported after the clock has stopped.
"""

from __future__ import annotations

import json
import os
import resource
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import SimpleITK as sitk

THREAD_VARIABLES = (
    "OMP_NUM_THREADS",
    "ITK_GLOBAL_DEFAULT_NUMBER_OF_THREADS",
    "NUMBA_NUM_THREADS",
    "MKL_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "NUMEXPR_NUM_THREADS",
)
LONGEST_S = 3600.0
Matrix = list[list[float]]


@dataclass(frozen=True)
class Trial:
    """What a method is given.

    Attributes
    ----------
    method : str
        Its name.
    pair : str
        Folder that `pairs` filled.
    remapped : bool
        Whether the two have different contrasts.
    threads : int
        How many it may use.
    affine : list of list of float or None
        4 x 4, fixed -> moving, LPS mm: where to start. None: where they lie.
    scratch : str
        Empty folder of its own.
    """

    method: str
    pair: str
    remapped: bool
    threads: int
    affine: list[list[float]] | None
    scratch: str

    @property
    def fixed(self) -> str:
        """Path of the fixed volume."""
        return str(Path(self.pair, "fixed.nii"))

    @property
    def inside(self) -> str:
        """Path of a mask of the head or brain in the fixed volume."""
        return str(Path(self.pair, "inside.nii"))

    @property
    def upright(self) -> str:
        """Path of the fixed volume, its axes reordered to run to L, P and S."""
        return str(Path(self.pair, "upright.nii"))

    @property
    def moving(self) -> str:
        """Path of the moving volume."""
        return str(Path(self.pair, "moving.nii"))

    @property
    def moving_at_start(self) -> str:
        """Path of the moving volume resampled through `affine` onto `upright`; the moving volume itself without one."""
        return self.moving if self.affine is None else str(Path(self.pair, "moving_at_start.nii"))

    def file(self, name: str) -> str:
        """Return the path of a file in the scratch folder."""
        return str(Path(self.scratch, name))


class Clock:
    """Wall and CPU seconds of a block, and the most memory held until its end, by this process and those it started.

    Attributes
    ----------
    figures : dict
        "wall_s", "cpu_s", "peak_mb" and "start_mb": what imports alone had taken. Filled when the block ends.
    """

    def __init__(self) -> None:
        self.figures: dict[str, float] = {}

    def __enter__(self) -> Self:
        self._start_mb = _own_peak_mb()
        self._cpu = sum(os.times()[:4])
        self._wall = time.perf_counter()
        return self

    def __exit__(self, *_: object) -> None:
        self.figures = {
            "wall_s": time.perf_counter() - self._wall,
            "cpu_s": sum(os.times()[:4]) - self._cpu,
            "peak_mb": max(_own_peak_mb(), _megabytes(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)),
            "start_mb": self._start_mb,
        }


def _own_peak_mb() -> float:
    # ru_maxrss begins with what the process that started this one had taken; Linux' VmHWM does not.
    status = Path("/proc/self/status")
    if not status.is_file():
        return _megabytes(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
    line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
    return float(line.split()[1]) / 1024


def _megabytes(maxrss: int) -> float:
    return maxrss / 1024**2 if sys.platform == "darwin" else maxrss / 1024


def launch(script: str, interpreter: str, trial: Trial, limit_s: float = LONGEST_S) -> dict[str, Any]:
    """Run `script` with a trial in a fresh process, and return its figures.

    Returns
    -------
    dict
        What the clock measured, and "field": the displacement (LPS mm) on the fixed grid as a file in the scratch
        folder, or "matrix" (4 x 4, fixed -> moving, LPS mm) from linear methods; or "error" alone, with the message.
    """
    threads = dict.fromkeys(THREAD_VARIABLES, str(trial.threads))
    order = Path(trial.file("trial.json"))
    order.write_text(json.dumps(asdict(trial)))
    command = [interpreter, str(Path(__file__).with_name(script)), str(order)]
    # In a session of its own, so that the programs it started end with it.
    process = subprocess.Popen(
        command,
        cwd=trial.scratch,
        env={**os.environ, **threads},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        out, err = process.communicate(timeout=limit_s)
    except subprocess.TimeoutExpired:
        return {"error": f"not done after {limit_s:.0f} s"}
    finally:
        _end(process)
    answer = Path(trial.file("answer.json"))
    if process.returncode == 0 and answer.is_file():
        return json.loads(answer.read_text())
    said = (err.strip() or out.strip() or "no message").splitlines()
    return {"error": f"exit status {process.returncode}: {said[-1]}"}


def _end(process: subprocess.Popen[str]) -> None:
    """End a process and all that it started, if they still run."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def serve(methods: Mapping[str, Callable[[Trial, Clock], sitk.Image | Matrix]]) -> None:
    """Run the trial named on the command line.

    The `methods` return the displacement on the fixed grid, or a 4 x 4 matrix, fixed -> moving; LPS mm.
    """
    trial = Trial(**json.loads(Path(sys.argv[1]).read_text()))
    clock = Clock()
    found = methods[trial.method](trial, clock)
    answer = {"matrix": found} if isinstance(found, list) else {"field": _written(found, trial.file("field.mha"))}
    Path(trial.file("answer.json")).write_text(json.dumps({**clock.figures, **answer}))


def _written(field: sitk.Image, path: str) -> str:
    import SimpleITK as sitk  # noqa: PLC0415

    sitk.WriteImage(sitk.Cast(field, sitk.sitkVectorFloat32), path)
    return path


def run(*command: str) -> None:
    """Run a command-line program; its last words are the error if it fails."""
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        last_words = " ".join((done.stdout + done.stderr).split())[-400:]
        raise SystemExit(f"{Path(command[0]).name} ended with status {done.returncode}: {last_words}")


def scratch_folder() -> tempfile.TemporaryDirectory[str]:
    """Return a new empty folder, which is deleted when the block ends."""
    return tempfile.TemporaryDirectory(prefix="coreg-trial-")
