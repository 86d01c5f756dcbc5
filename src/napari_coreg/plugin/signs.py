"""Paints the signs of findings and verdicts: a shape and a mark each, so that none is told by its colour alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from qtpy.QtCore import QPointF, QRectF, Qt
from qtpy.QtGui import QColor, QPainter, QPainterPath, QPen, QPixmap, QPolygonF
from qtpy.QtWidgets import QLabel, QSizePolicy, QWidget

if TYPE_CHECKING:
    from napari_coreg.plugin.looks import Rgb

Sign = Literal["good", "note", "doubt", "wrong"]

_DARK: Rgb = (28, 24, 8)
_LIGHT: Rgb = (255, 255, 255)
#: Face and mark: 4.5:1 to each other, and the face 2.9:1 to the backgrounds of napari's dark and light theme, but for
#: the yellow on light, whose shape has an edge in the colour of its mark.
COLOURS: dict[Sign, tuple[Rgb, Rgb]] = {
    "good": ((30, 130, 76), _LIGHT),
    "note": ((46, 120, 200), _LIGHT),
    "doubt": ((240, 185, 40), _DARK),
    "wrong": ((208, 44, 52), _LIGHT),
}
SIDE = 16  # pixels


def sign_label(sign: Sign, tooltip: str = "", parent: QWidget | None = None) -> QLabel:
    """Return a label that shows a sign at the height of a line of text."""
    label = QLabel(parent)
    label.setPixmap(pixmap(sign, label.devicePixelRatioF()))
    label.setToolTip(tooltip)
    label.setAccessibleName(tooltip)
    label.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)  # a style may put a margin around it
    return label


def pixmap(sign: Sign, ratio: float = 1.0, *, inverted: bool = False) -> QPixmap:
    """Return a sign of 16 x 16 pixels: a disc, a triangle or an octagon with its mark.

    Parameters
    ----------
    sign : {"good", "note", "doubt", "wrong"}
        Which one.
    ratio : float
        Pixels of the screen in one pixel of Qt's.
    inverted : bool
        Whether face and mark change colours, for a place that has the colour of the face.
    """
    face, mark = (QColor(*colour) for colour in COLOURS[sign][:: -1 if inverted else 1])
    picture = QPixmap(round(SIDE * ratio), round(SIDE * ratio))
    picture.setDevicePixelRatio(ratio)
    picture.fill(Qt.GlobalColor.transparent)
    painter = QPainter(picture)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(QPen(mark, 1.0) if sign == "doubt" and not inverted else Qt.PenStyle.NoPen)
    painter.setBrush(face)
    painter.drawPath(_shape(sign))
    painter.setPen(QPen(mark, 2.0, Qt.PenStyle.SolidLine, Qt.PenCapStyle.RoundCap, Qt.PenJoinStyle.RoundJoin))
    painter.setBrush(Qt.BrushStyle.NoBrush)
    for stroke in _mark(sign):
        painter.drawPolyline(QPolygonF([QPointF(x, y) for x, y in stroke]))
    painter.end()
    return picture


def _shape(sign: Sign) -> QPainterPath:
    path = QPainterPath()
    if sign in ("good", "note"):
        path.addEllipse(QRectF(0.5, 0.5, 15.0, 15.0))
    else:
        corners = [(8.0, 0.8), (15.5, 15.0), (0.5, 15.0)]
        if sign == "wrong":
            corners = [(4.7, 0.5), (11.3, 0.5), (15.5, 4.7), (15.5, 11.3)]
            corners += [(11.3, 15.5), (4.7, 15.5), (0.5, 11.3), (0.5, 4.7)]
        path.addPolygon(QPolygonF([QPointF(x, y) for x, y in corners]))
        path.closeSubpath()
    return path


def _mark(sign: Sign) -> list[list[tuple[float, float]]]:
    """Return the strokes of the mark; a dot is one that ends where it begins."""
    strokes: dict[Sign, list[list[tuple[float, float]]]] = {
        "good": [[(4.4, 8.4), (7.0, 11.0), (11.6, 5.4)]],
        "note": [[(8.0, 4.4), (8.0, 4.45)], [(8.0, 7.6), (8.0, 11.8)]],
        "doubt": [[(8.0, 6.0), (8.0, 9.4)], [(8.0, 12.4), (8.0, 12.45)]],
        "wrong": [[(5.4, 5.4), (10.6, 10.6)], [(10.6, 5.4), (5.4, 10.6)]],
    }
    return strokes[sign]
