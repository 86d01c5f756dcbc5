"""Keeps finished runs among a viewer's attempts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from napari_coreg.attempts import Attempt
from napari_coreg.io.attempt_record import VolumeOrigin
from napari_coreg.plugin.attempts.layers import layers_of_attempts, light
from napari_coreg.plugin.layer_run import Ready
from napari_coreg.plugin.layers import METADATA_KEY
from napari_coreg.session import session_of

if TYPE_CHECKING:
    from napari_coreg.core.result import RegistrationResult
    from napari_coreg.plugin.layer_run import Request
    from napari_coreg.plugin.layers import LayerVolume


def remember(viewer: Any, request: Request, ready: Ready) -> Ready:
    """Keep a finished run, whose layers are in the viewer, among the attempts, and show it alone of them.

    Returns
    -------
    Ready
        With a result that shares its volumes with the attempts of the same pair.
    """
    layers_of_attempts(viewer)
    attempts = session_of(viewer).attempts
    attempt = Attempt(
        name=attempts.new_name(),
        result=ready.result,
        fixed=_origin(request.fixed, ready.result, "fixed"),
        moving=_origin(request.moving, ready.result, "moving"),
        layers=ready.layers,
        request=light(request),
    )
    attempts.share(attempt)
    result: Any = attempt.result
    for layer in ready.layers:
        own = layer.metadata.get(METADATA_KEY, {})
        if "result" in own:
            own["result"] = result
    attempts.add(attempt)
    return Ready(result, ready.layers)


def _origin(volume: LayerVolume, result: RegistrationResult, role: str) -> VolumeOrigin:
    kind = "image" if volume.kind == "image" else "labels"
    return VolumeOrigin(volume.name, kind, volume.origin.get("path"), result.fingerprints.get(role))
