"""The part of the dock widget "Quality" with the checks that run the recipe again."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QWidget

if TYPE_CHECKING:
    from collections.abc import Mapping

    import SimpleITK as sitk

    from napari_coreg.core.quality.record import Row
    from napari_coreg.core.quality.subject import Subject


@dataclass(frozen=True, eq=False)
class LongCheckOutcome:
    """What one of the checks found.

    Attributes
    ----------
    subject : Subject
        What was checked.
    rows : tuple of Row
        Its numbers, for the table and the report; those of the same measures are outdated by them.
    maps : mapping of str to SimpleITK.Image
        As in `Assessment.maps`: "inverse_consistency_mm", "repeatability_mm" or "simulated_error_mm".
    """

    subject: Subject
    rows: tuple[Row, ...]
    maps: Mapping[str, sitk.Image] = field(repr=False)


class LongChecksPanel(QWidget):
    """Runs the recipe of a registration again, to see how consistent, repeatable and accurate it is.

    Parameters
    ----------
    viewer : napari.components.ViewerModel
        Where its maps go.
    """

    measured = Signal(object)  # a LongCheckOutcome: its rows and maps join those of the assessment
    said = Signal(str, str)  # a sentence and its role

    def __init__(self, viewer: Any, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._viewer = viewer
        self._subject: Subject | None = None

    def set_subject(self, subject: Subject | None, name: str) -> None:
        """Check this registration from now on; None where nothing is measured yet, which ends what runs.

        Parameters
        ----------
        subject : Subject or None
            As it was measured; without a recipe there is nothing to run again.
        name : str
            What was registered, for the names of layers.
        """
        self._subject = subject

    def is_busy(self) -> bool:
        """Whether a check is running."""
        return False

    def cancel(self) -> None:
        """End what runs."""
