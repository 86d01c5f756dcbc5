"""Compiles kernels: how, whether it is done, and in a process of its own, so that no window stands still."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from numba import njit

if TYPE_CHECKING:
    from napari_coreg.core.progress import IsCancelled

SECONDS_BETWEEN_LOOKS = 0.05
Function = TypeVar("Function")


def compiled(function: Function) -> Function:
    """Compile a function that frees the interpreter; the machine code is kept on disk."""
    # NaN marks voxels that are not looked at, so the compiler must not assume that there is none.
    fast = {"contract", "reassoc", "nsz", "arcp", "afn"}
    made: Function = njit(cache=True, nogil=True, boundscheck=False, fastmath=fast)(function)
    return made


def is_compiled(kernel: Any) -> bool:
    """Whether the machine code is there already, from this program or kept on disk by an earlier one."""
    stats = getattr(kernel, "stats", None)  # not where numba is told not to compile
    if stats is None or getattr(kernel, "signatures", None):
        return True
    source = Path(kernel.__code__.co_filename)
    kept = Path(stats.cache_path).glob(f"{source.stem}.{kernel.__name__}-*.nbi")
    return any(index.stat().st_mtime >= source.stat().st_mtime for index in kept)


def compile_aside(module: str, arguments: list[str], is_cancelled: IsCancelled) -> bool:
    """Run a module that calls kernels, and so leaves them compiled on the disk; return False where that was cancelled.

    Compiling holds the interpreter for tenths of a second at a time, which a window would show. Where it does not work
    (the program is not plain Python, the disk cannot be written), the kernels are compiled here, when they are called.
    """
    if not Path(sys.executable or "").stem.startswith("python"):
        return True
    process = subprocess.Popen(
        [sys.executable, "-m", module, *arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
    )
    try:
        while process.poll() is None:
            if is_cancelled():
                return False
            time.sleep(SECONDS_BETWEEN_LOOKS)
    finally:
        if process.poll() is None:
            process.kill()
        process.wait()
    return True
