"""What a run shows, makes and checks besides its result."""

from __future__ import annotations

from qtpy.QtWidgets import QCheckBox, QWidget

from napari_coreg.plugin.parts import Section, column
from napari_coreg.plugin.register.preview import COLOURS


class OptionsPanel(Section):
    """Boxes under a heading that is folded at first."""

    def __init__(self, parent: QWidget | None = None) -> None:
        self.preview = QCheckBox("Preview while running")
        self.preview.setToolTip(f"Show the moving volume on the fixed one as it moves. {COLOURS}")
        self.preview.setChecked(True)
        self.deformation = QCheckBox("Add the deformation as arrows")
        self.deformation.setToolTip("A Vectors layer; it is hidden where the transform is linear.")
        self.deformation.setChecked(True)
        self.magnitude = QCheckBox("Add the length of the deformation (mm)")
        self.magnitude.setToolTip("An Image layer on the fixed grid.")
        self.swap = QCheckBox("Check the result the other way round")
        self.swap.setToolTip(
            "Also register fixed to moving; the verdict tells how far the two are from undoing each other. Takes twice "
            "the time. A symmetric recipe does it anyway."
        )
        content = QWidget()
        rows = column(content)
        for box in (self.preview, self.deformation, self.magnitude, self.swap):
            rows.addWidget(box)
        super().__init__(
            "Preview, new layers, checks", content, tooltip="What is shown and made besides the result.", parent=parent
        )
