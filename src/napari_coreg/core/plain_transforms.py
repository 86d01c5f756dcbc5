"""Transforms as plain data that JSON can hold, and their fingerprints: to the last bit."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

import numpy as np
import SimpleITK as sitk

from napari_coreg.core.transforms import is_linear, parts

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_IDENTITY, _UNNAMED = "IdentityTransform", "Transform"
_ANY_DIMENSION = ("AffineTransform", "TranslationTransform", "ScaleTransform")


def transform_fingerprint(transform: sitk.Transform) -> str:
    """Return the SHA-256 of the kinds and parameters of a transform's parts, as "sha256:<hex>".

    Two transforms with the same one are the same to the last bit, however they are nested.

    Examples
    --------
    >>> shift = sitk.TranslationTransform(2, (1.0, 2.0))
    >>> transform_fingerprint(sitk.CompositeTransform([shift])) == transform_fingerprint(shift)
    True
    """
    digest = hashlib.sha256()
    for part in parts(transform):
        digest.update(repr((_kind(part), part.GetDimension())).encode())
        digest.update(_bytes(part.GetFixedParameters()))
        digest.update(_parameters(part))
    return f"sha256:{digest.hexdigest()}"


def to_plain(transform: sitk.Transform) -> list[dict[str, Any]] | None:
    """Return a linear transform as plain data, in the order in which its parts are applied; None where it is not.

    Examples
    --------
    >>> to_plain(sitk.TranslationTransform(2, (1.0, 2.0)))
    [{'kind': 'TranslationTransform', 'dimension': 2, 'fixed_parameters': [], 'parameters': [1.0, 2.0]}]
    """
    chain = parts(transform)
    if not is_linear(transform) or any(_kind(part) == _UNNAMED for part in chain):
        return None
    return [
        {
            "kind": _kind(part),
            "dimension": part.GetDimension(),
            "fixed_parameters": list(part.GetFixedParameters()),
            "parameters": list(part.GetParameters()),
        }
        for part in chain
    ]


def from_plain(plain: Sequence[Mapping[str, Any]]) -> sitk.Transform:
    """Return the transform that `to_plain` wrote.

    Raises
    ------
    ValueError
        If it is none.

    Examples
    --------
    >>> from_plain(to_plain(sitk.TranslationTransform(2, (1.0, 2.0)))).TransformPoint((0.0, 0.0))
    (1.0, 2.0)
    """
    try:
        chain = [_part(part) for part in plain]
    except (KeyError, TypeError, RuntimeError) as error:
        raise ValueError(f"not a readable transform ({str(error).splitlines()[-1]})") from error
    if not chain:
        raise ValueError("a transform has at least one part")
    return chain[0] if len(chain) == 1 else sitk.CompositeTransform(list(reversed(chain)))


def as_saved(transform: sitk.Transform) -> sitk.Transform:
    """Return a transform as it comes back from a file: ITK works out a matrix anew from its parameters.

    That may change its last bit. A run that begins from it can be repeated from the file, bit for bit.
    """
    plain = to_plain(transform)
    return transform if not plain else from_plain(plain)


def start_to_record(transform: sitk.Transform | None) -> dict[str, Any] | None:
    """Return what a record holds of the transform where a run began: its fingerprint, and where linear all of it."""
    if transform is None:
        return None
    return {"fingerprint": transform_fingerprint(transform), "parts": to_plain(transform)}


def _part(plain: Mapping[str, Any]) -> sitk.Transform:
    kind, n = str(plain["kind"]), int(plain["dimension"])
    if kind == _IDENTITY:
        return sitk.Transform(n, sitk.sitkIdentity)
    make = getattr(sitk, kind, None)
    if kind == _UNNAMED or not (isinstance(make, type) and issubclass(make, sitk.Transform)):
        raise ValueError(f"there is no transform {kind!r}")
    part: sitk.Transform = make(n) if kind in _ANY_DIMENSION else make()
    part.SetFixedParameters([float(value) for value in plain["fixed_parameters"]])
    part.SetParameters([float(value) for value in plain["parameters"]])
    return part


def _kind(part: sitk.Transform) -> str:
    return _IDENTITY if part.GetTransformEnum() == sitk.sitkIdentity else str(part.GetName())


def _parameters(part: sitk.Transform) -> bytes:
    if part.GetTransformEnum() != sitk.sitkDisplacementField:
        return _bytes(part.GetParameters())
    field = sitk.DisplacementFieldTransform(part).GetDisplacementField()  # not as millions of Python's numbers
    return np.ascontiguousarray(sitk.GetArrayViewFromImage(field), dtype="<f8").tobytes()


def _bytes(values: tuple[float, ...]) -> bytes:
    return np.asarray(values, dtype="<f8").tobytes()
