"""Register medical volumes: in napari, from Python, on the command line.

Public names are loaded on first use (PEP 562), so importing the package costs nothing: no SimpleITK, no napari, no Qt.
"""

from __future__ import annotations

from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from napari_coreg.core.bending import bending_energy as bending_energy
    from napari_coreg.core.consistency import inverse_consistency as inverse_consistency
    from napari_coreg.core.consistency import transitivity as transitivity
    from napari_coreg.core.features_2d import register_2d_features as register_2d_features
    from napari_coreg.core.inverse import Inverse as Inverse
    from napari_coreg.core.inverse import find_inverse as find_inverse
    from napari_coreg.core.inverse import invert_points as invert_points
    from napari_coreg.core.inverse import invert_surface as invert_surface
    from napari_coreg.core.inverse import invert_vectors as invert_vectors
    from napari_coreg.core.label_measures import compare_labels as compare_labels
    from napari_coreg.core.landmarks import LandmarkFit as LandmarkFit
    from napari_coreg.core.landmarks import fit_landmarks as fit_landmarks
    from napari_coreg.core.preflight import Finding as Finding
    from napari_coreg.core.preflight import check_pair as check_pair
    from napari_coreg.core.presets import load_preset as load_preset
    from napari_coreg.core.presets import preset_names as preset_names
    from napari_coreg.core.progress import Progress as Progress
    from napari_coreg.core.recipe import Recipe as Recipe
    from napari_coreg.core.register import register as register
    from napari_coreg.core.repeatability import repeatability as repeatability
    from napari_coreg.core.result import RegistrationResult as RegistrationResult
    from napari_coreg.core.similarity import overlap_mask as overlap_mask
    from napari_coreg.core.similarity import similarity as similarity
    from napari_coreg.core.simulation import SimulatedMove as SimulatedMove
    from napari_coreg.core.simulation import simulate as simulate
    from napari_coreg.core.simulation import simulated_error as simulated_error
    from napari_coreg.core.structure_motion import motion_per_structure as motion_per_structure
    from napari_coreg.core.target_error import leave_one_out as leave_one_out
    from napari_coreg.core.target_error import target_registration_error as target_registration_error
    from napari_coreg.core.warp import Surface as Surface
    from napari_coreg.core.warp import warp_labels as warp_labels
    from napari_coreg.core.warp import warp_points as warp_points
    from napari_coreg.core.warp import warp_surface as warp_surface
    from napari_coreg.core.warp import warp_vectors as warp_vectors
    from napari_coreg.errors import CoregError as CoregError
    from napari_coreg.errors import RegistrationCancelled as RegistrationCancelled
    from napari_coreg.io.point_pairs import read_point_pairs as read_point_pairs
    from napari_coreg.io.points import read_points as read_points
    from napari_coreg.io.points import write_points as write_points
    from napari_coreg.io.rerun import rerun as rerun
    from napari_coreg.io.surfaces import read_surface as read_surface
    from napari_coreg.io.surfaces import write_surface as write_surface
    from napari_coreg.io.transforms import read_transform as read_transform
    from napari_coreg.io.transforms import write_transform as write_transform
    from napari_coreg.io.volumes import read_volume as read_volume
    from napari_coreg.io.volumes import read_volumes as read_volumes
    from napari_coreg.io.volumes import write_volume as write_volume
    from napari_coreg.plugin.again import how_to_repeat as how_to_repeat
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
    from napari_coreg.plugin.quality.long_checks_console import repeatability_of as repeatability_of
    from napari_coreg.plugin.quality.long_checks_console import simulate_layer as simulate_layer
    from napari_coreg.plugin.warp.console import warp_layers as warp_layers

try:
    __version__ = version("napari-coreg")
except PackageNotFoundError:  # run from a source tree that was never installed
    __version__ = "0+unknown"

_HOME = {
    "CoregError": "napari_coreg.errors",
    "Finding": "napari_coreg.core.preflight",
    "Inverse": "napari_coreg.core.inverse",
    "LandmarkFit": "napari_coreg.core.landmarks",
    "Progress": "napari_coreg.core.progress",
    "Recipe": "napari_coreg.core.recipe",
    "RegistrationCancelled": "napari_coreg.errors",
    "RegistrationResult": "napari_coreg.core.result",
    "SimulatedMove": "napari_coreg.core.simulation",
    "Surface": "napari_coreg.core.warp",
    "align_by_hand": "napari_coreg.plugin.align.console",
    "attempts_of": "napari_coreg.plugin.attempts.projects",
    "bending_energy": "napari_coreg.core.bending",
    "check_layers": "napari_coreg.plugin.console",
    "check_pair": "napari_coreg.core.preflight",
    "compare_labels": "napari_coreg.core.label_measures",
    "compare_layers": "napari_coreg.plugin.compare.console",
    "find_inverse": "napari_coreg.core.inverse",
    "fit_landmark_layers": "napari_coreg.plugin.landmarks.console",
    "fit_landmarks": "napari_coreg.core.landmarks",
    "how_to_repeat": "napari_coreg.plugin.again",
    "inverse_consistency": "napari_coreg.core.consistency",
    "invert_points": "napari_coreg.core.inverse",
    "invert_surface": "napari_coreg.core.inverse",
    "invert_vectors": "napari_coreg.core.inverse",
    "keep_layer": "napari_coreg.plugin.keep",
    "leave_one_out": "napari_coreg.core.target_error",
    "load_preset": "napari_coreg.core.presets",
    "measure_quality": "napari_coreg.plugin.quality.console",
    "motion_per_structure": "napari_coreg.core.structure_motion",
    "open_project": "napari_coreg.plugin.attempts.projects",
    "orthogonal_views": "napari_coreg.plugin.orthogonal.console",
    "overlap_mask": "napari_coreg.core.similarity",
    "preset_names": "napari_coreg.core.presets",
    "read_point_pairs": "napari_coreg.io.point_pairs",
    "read_points": "napari_coreg.io.points",
    "read_surface": "napari_coreg.io.surfaces",
    "read_transform": "napari_coreg.io.transforms",
    "read_volume": "napari_coreg.io.volumes",
    "read_volumes": "napari_coreg.io.volumes",
    "register": "napari_coreg.core.register",
    "register_2d_features": "napari_coreg.core.features_2d",
    "register_layers": "napari_coreg.plugin.console",
    "repeatability": "napari_coreg.core.repeatability",
    "repeatability_of": "napari_coreg.plugin.quality.long_checks_console",
    "rerun": "napari_coreg.io.rerun",
    "reslice_layer": "napari_coreg.plugin.live",
    "save_project": "napari_coreg.plugin.attempts.projects",
    "save_report": "napari_coreg.plugin.quality.console",
    "show_deformation": "napari_coreg.plugin.deformation.console",
    "similarity": "napari_coreg.core.similarity",
    "simulate": "napari_coreg.core.simulation",
    "simulate_layer": "napari_coreg.plugin.quality.long_checks_console",
    "simulated_error": "napari_coreg.core.simulation",
    "target_registration_error": "napari_coreg.core.target_error",
    "transitivity": "napari_coreg.core.consistency",
    "warp_labels": "napari_coreg.core.warp",
    "warp_layers": "napari_coreg.plugin.warp.console",
    "warp_points": "napari_coreg.core.warp",
    "warp_surface": "napari_coreg.core.warp",
    "warp_vectors": "napari_coreg.core.warp",
    "write_points": "napari_coreg.io.points",
    "write_surface": "napari_coreg.io.surfaces",
    "write_transform": "napari_coreg.io.transforms",
    "write_volume": "napari_coreg.io.volumes",
}

__all__ = [
    "CoregError",
    "Finding",
    "Inverse",
    "LandmarkFit",
    "Progress",
    "Recipe",
    "RegistrationCancelled",
    "RegistrationResult",
    "SimulatedMove",
    "Surface",
    "__version__",
    "align_by_hand",
    "attempts_of",
    "bending_energy",
    "check_layers",
    "check_pair",
    "compare_labels",
    "compare_layers",
    "find_inverse",
    "fit_landmark_layers",
    "fit_landmarks",
    "how_to_repeat",
    "inverse_consistency",
    "invert_points",
    "invert_surface",
    "invert_vectors",
    "keep_layer",
    "leave_one_out",
    "load_preset",
    "measure_quality",
    "motion_per_structure",
    "open_project",
    "orthogonal_views",
    "overlap_mask",
    "preset_names",
    "read_point_pairs",
    "read_points",
    "read_surface",
    "read_transform",
    "read_volume",
    "read_volumes",
    "register",
    "register_2d_features",
    "register_layers",
    "repeatability",
    "repeatability_of",
    "rerun",
    "reslice_layer",
    "save_project",
    "save_report",
    "show_deformation",
    "similarity",
    "simulate",
    "simulate_layer",
    "simulated_error",
    "target_registration_error",
    "transitivity",
    "warp_labels",
    "warp_layers",
    "warp_points",
    "warp_surface",
    "warp_vectors",
    "write_points",
    "write_surface",
    "write_transform",
    "write_volume",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOME[name]), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *_HOME])
