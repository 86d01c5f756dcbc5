"""Register medical volumes: in napari, from Python, on the command line.

Public names are loaded on first use (PEP 562), so importing the package costs nothing: no SimpleITK, no napari, no Qt.
"""

from __future__ import annotations

from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from napari_coreg.core.recipe import Recipe as Recipe

try:
    __version__ = version("napari-coreg")
except PackageNotFoundError:  # run from a source tree that was never installed
    __version__ = "0+unknown"

_HOME = {
    "Recipe": "napari_coreg.core.recipe",
}

__all__ = ["Recipe", "__version__"]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOME[name]), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *_HOME])
