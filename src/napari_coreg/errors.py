"""The errors a user can meet: each says what is wrong, which value, and what to do about it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import SimpleITK as sitk


class CoregError(Exception):
    """Base of every error that napari-coreg raises on purpose; its text is fit to be shown as it is."""


class GeometryError(CoregError, ValueError):
    """A volume's grid (size, spacing, origin, direction) cannot be used as it is."""


class VolumeError(CoregError, ValueError):
    """A volume's values cannot be registered: NaN, constant, a kind of pixel that has no order."""


class FileError(CoregError, OSError):
    """A file or folder cannot be read as what it should be, or cannot be written."""


class RecipeError(CoregError, ValueError):
    """A recipe is malformed, unknown, or does not fit the volumes at hand."""


class RegistrationError(CoregError, RuntimeError):
    """The registration ran and could not produce a transform."""


class RegistrationCancelled(CoregError):  # noqa: N818 - a request that was honoured, not a fault
    """The run was cancelled.

    Attributes
    ----------
    transform : SimpleITK.Transform or None
        The last good transform (fixed -> moving, LPS mm), None when no iteration had been made.
    """

    def __init__(self, message: str, transform: sitk.Transform | None = None) -> None:
        super().__init__(message)
        self.transform = transform
