"""Register medical volumes: in napari, from Python, on the command line.

Public names are loaded on first use (PEP 562), so importing the package costs nothing: no SimpleITK, no napari, no Qt.
"""

from __future__ import annotations

from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from napari_coreg.core.features_2d import register_2d_features as register_2d_features
    from napari_coreg.core.landmarks import LandmarkFit as LandmarkFit
    from napari_coreg.core.landmarks import fit_landmarks as fit_landmarks
    from napari_coreg.core.preflight import Finding as Finding
    from napari_coreg.core.preflight import check_pair as check_pair
    from napari_coreg.core.presets import load_preset as load_preset
    from napari_coreg.core.presets import preset_names as preset_names
    from napari_coreg.core.progress import Progress as Progress
    from napari_coreg.core.recipe import Recipe as Recipe
    from napari_coreg.core.register import register as register
    from napari_coreg.core.result import RegistrationResult as RegistrationResult
    from napari_coreg.errors import CoregError as CoregError
    from napari_coreg.errors import RegistrationCancelled as RegistrationCancelled
    from napari_coreg.io.point_pairs import read_point_pairs as read_point_pairs
    from napari_coreg.io.points import read_points as read_points
    from napari_coreg.io.transforms import read_transform as read_transform
    from napari_coreg.io.transforms import write_transform as write_transform
    from napari_coreg.io.volumes import read_volume as read_volume
    from napari_coreg.io.volumes import read_volumes as read_volumes
    from napari_coreg.io.volumes import write_volume as write_volume
    from napari_coreg.plugin.align.console import align_by_hand as align_by_hand
    from napari_coreg.plugin.attempts.projects import attempts_of as attempts_of
    from napari_coreg.plugin.attempts.projects import open_project as open_project
    from napari_coreg.plugin.attempts.projects import save_project as save_project
    from napari_coreg.plugin.compare.console import compare_layers as compare_layers
    from napari_coreg.plugin.console import check_layers as check_layers
    from napari_coreg.plugin.console import register_layers as register_layers
    from napari_coreg.plugin.deformation.console import show_deformation as show_deformation
    from napari_coreg.plugin.keep import keep_layer as keep_layer
    from napari_coreg.plugin.landmarks.console import fit_landmark_layers as fit_landmark_layers
    from napari_coreg.plugin.live import reslice_layer as reslice_layer
    from napari_coreg.plugin.orthogonal.console import orthogonal_views as orthogonal_views
    from napari_coreg.plugin.quality.console import measure_quality as measure_quality
    from napari_coreg.plugin.quality.console import save_report as save_report
    from napari_coreg.plugin.warp.console import warp_layers as warp_layers

try:
    __version__ = version("napari-coreg")
except PackageNotFoundError:  # run from a source tree that was never installed
    __version__ = "0+unknown"

_HOME = {
    "CoregError": "napari_coreg.errors",
    "Finding": "napari_coreg.core.preflight",
    "LandmarkFit": "napari_coreg.core.landmarks",
    "Progress": "napari_coreg.core.progress",
    "Recipe": "napari_coreg.core.recipe",
    "RegistrationCancelled": "napari_coreg.errors",
    "RegistrationResult": "napari_coreg.core.result",
    "align_by_hand": "napari_coreg.plugin.align.console",
    "attempts_of": "napari_coreg.plugin.attempts.projects",
    "check_layers": "napari_coreg.plugin.console",
    "check_pair": "napari_coreg.core.preflight",
    "compare_layers": "napari_coreg.plugin.compare.console",
    "fit_landmark_layers": "napari_coreg.plugin.landmarks.console",
    "fit_landmarks": "napari_coreg.core.landmarks",
    "keep_layer": "napari_coreg.plugin.keep",
    "load_preset": "napari_coreg.core.presets",
    "measure_quality": "napari_coreg.plugin.quality.console",
    "open_project": "napari_coreg.plugin.attempts.projects",
    "orthogonal_views": "napari_coreg.plugin.orthogonal.console",
    "preset_names": "napari_coreg.core.presets",
    "read_point_pairs": "napari_coreg.io.point_pairs",
    "read_points": "napari_coreg.io.points",
    "read_transform": "napari_coreg.io.transforms",
    "read_volume": "napari_coreg.io.volumes",
    "read_volumes": "napari_coreg.io.volumes",
    "register": "napari_coreg.core.register",
    "register_2d_features": "napari_coreg.core.features_2d",
    "register_layers": "napari_coreg.plugin.console",
    "reslice_layer": "napari_coreg.plugin.live",
    "save_project": "napari_coreg.plugin.attempts.projects",
    "save_report": "napari_coreg.plugin.quality.console",
    "show_deformation": "napari_coreg.plugin.deformation.console",
    "warp_layers": "napari_coreg.plugin.warp.console",
    "write_transform": "napari_coreg.io.transforms",
    "write_volume": "napari_coreg.io.volumes",
}

__all__ = [
    "CoregError",
    "Finding",
    "LandmarkFit",
    "Progress",
    "Recipe",
    "RegistrationCancelled",
    "RegistrationResult",
    "__version__",
    "align_by_hand",
    "attempts_of",
    "check_layers",
    "check_pair",
    "compare_layers",
    "fit_landmark_layers",
    "fit_landmarks",
    "keep_layer",
    "load_preset",
    "measure_quality",
    "open_project",
    "orthogonal_views",
    "preset_names",
    "read_point_pairs",
    "read_points",
    "read_transform",
    "read_volume",
    "read_volumes",
    "register",
    "register_2d_features",
    "register_layers",
    "reslice_layer",
    "save_project",
    "save_report",
    "show_deformation",
    "warp_layers",
    "write_transform",
    "write_volume",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOME[name]), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *_HOME])
