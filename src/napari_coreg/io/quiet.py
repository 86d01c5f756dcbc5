"""ITK's messages: kept off the terminal, and turned into one line where they tell of an error."""

from __future__ import annotations

import re
from contextlib import contextmanager
from typing import TYPE_CHECKING

import SimpleITK as sitk

if TYPE_CHECKING:
    from collections.abc import Iterator

_TOLD_BY_ITK = re.compile(r"(?:ITK ERROR|sitk::ERROR)\s*:\s*")
_OBJECT = re.compile(r"^(?:itk::)?\w+\s*\(0x[0-9a-f]+\)\s*:\s*|^\w+\(0x[0-9a-f]+\):\s*")
_NRRD = re.compile(r"^\[\w+\]\s*\w+:\s*")


@contextmanager
def quiet_itk() -> Iterator[None]:
    """Keep ITK's warnings from the terminal while a file is read or written."""
    shown = sitk.ProcessObject.GetGlobalWarningDisplay()
    sitk.ProcessObject.SetGlobalWarningDisplay(False)
    try:
        yield
    finally:
        sitk.ProcessObject.SetGlobalWarningDisplay(shown)


def one_line(error: BaseException) -> str:
    r"""Return what an exception says, without C++ source positions and line breaks.

    Examples
    --------
    >>> one_line(RuntimeError("Exception thrown: a.cxx:12:\nITK ERROR: Reader(0x55d0): Not enough data"))
    'Not enough data'
    """
    text = _TOLD_BY_ITK.split(str(error))[-1]
    text = _OBJECT.sub("", text.strip())
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    if not lines:
        return type(error).__name__
    cause = _NRRD.sub("", lines[-1]) if _NRRD.match(lines[-1]) else lines[0]  # NRRD tells the cause last
    return cause.rstrip(" .:")
