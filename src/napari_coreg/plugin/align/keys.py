"""Keys that move and turn a volume in steps; none of them is one of napari's."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from qtpy.QtCore import QEvent, QObject, Qt
from qtpy.QtOpenGLWidgets import QOpenGLWidget

from napari_coreg.plugin.align.hand import Bursts
from napari_coreg.plugin.viewers import camera_of

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy.typing as npt
    from qtpy.QtWidgets import QWidget

    from napari_coreg.plugin.align.hand import HandAlignment

    FloatArray = npt.NDArray[np.float64]

FINE = 0.1  # of a step, with Shift
DEGREES = 1.0  # of a step
_MOVES = {"U": (1, 0, 0), "J": (-1, 0, 0), "H": (0, -1, 0), "K": (0, 1, 0), "N": (0, 0, 1), "G": (0, 0, -1)}
_TURNS = {"Q": 1.0, "W": -1.0}
_BACK, _FORTH = "Ctrl+Z", "Ctrl+Shift+Z"
HELP = (
    ("H, K", "move left, right"),
    ("U, J", "move up, down"),
    ("G, N", "move a slice back, on"),
    ("Q, W", "turn left, right in the slice"),
    ("with Shift", "a tenth of the step"),
    ("Ctrl+Z", "undo; with Shift redo"),
    ("V", "hide and show the moving volume"),
)


class Keys(QObject):
    """Gives keys to an alignment, as long as it is on.

    Parameters
    ----------
    hand : HandAlignment
        What is moved.
    window : QWidget, optional
        The viewer's window; with it, held keys repeat.
    """

    def __init__(self, hand: HandAlignment, window: QWidget | None = None, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._hand = hand
        self._bursts = Bursts()
        self._bound: list[tuple[Any, Callable[[Any], None]]] = []
        self.step_mm = round_step(float(min(hand.fixed_volume.geometry.spacing_xyz)))
        for letter in (*_MOVES, *_TURNS):
            self._bind(letter, partial(self._take, letter, 1.0))
            self._bind(f"Shift+{letter}", partial(self._take, letter, FINE))
        self._bind(_BACK, hand.undo)
        self._bind(_FORTH, hand.redo)
        self._canvases = [] if window is None else list(window.findChildren(QOpenGLWidget))
        for canvas in self._canvases:
            canvas.installEventFilter(self)
        hand.ended.connect(self.stop)

    def stop(self) -> None:
        """Leave the keys to napari."""
        keymap = self._hand.viewer.keymap
        for key, function in self._bound:
            if keymap.get(key) is function:
                del keymap[key]
        self._bound = []

    def eventFilter(self, _watched: QObject, event: QEvent) -> bool:
        """Repeat a key that is held, as napari does so for the arrows alone."""
        if not self._bound or event.type() not in (QEvent.Type.KeyPress, QEvent.Type.KeyRelease):
            return False
        letter = _letter(event)
        if letter is None or not event.isAutoRepeat():  # type: ignore[attr-defined, unused-ignore]
            return False
        if event.type() == QEvent.Type.KeyPress:
            shift = event.modifiers() & Qt.KeyboardModifier.ShiftModifier  # type: ignore[attr-defined, unused-ignore]
            self._take(letter, FINE if shift else 1.0)
        return True

    def _bind(self, key: str, action: Callable[[], None]) -> None:
        """Bind a key, unless somebody has given it another meaning in this viewer."""
        from napari.utils.key_bindings import coerce_keybinding  # noqa: PLC0415 - only where there is a viewer

        def act(_viewer: Any) -> None:
            action()

        viewer, binding = self._hand.viewer, coerce_keybinding(key)
        if binding in viewer.keymap or any(binding in getattr(c, "class_keymap", {}) for c in type(viewer).__mro__):
            return
        viewer.bind_key(binding, act)
        self._bound.append((binding, act))

    def _take(self, letter: str, part: float) -> None:
        hand, step = self._hand, self._bursts.step(letter)
        up, right, through = screen_axes(hand.viewer, hand.dimension)
        if letter in _TURNS:
            degrees = DEGREES * part * _TURNS[letter]
            if hand.dimension == 2:
                hand.rotate(None, degrees * np.sign(right[0] * up[1] - right[1] * up[0]), step=step)
            else:
                hand.rotate(np.cross(right, up), degrees, step=step)
            return
        along_up, along_right, along_through = np.multiply(_MOVES[letter], self.step_mm * part)
        hand.translate(up * along_up + right * along_right + through * along_through, step=step)


def screen_axes(viewer: Any, dimension: int) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return up, right and towards higher slices as unit vectors in LPS, as 2-D view shows them.

    In 2-D the third is zero, in 3-D view all are those of a view along the first axis.
    """
    shown = list(viewer.dims.displayed[-2:])
    hidden = [axis for axis in range(viewer.dims.ndim - dimension, viewer.dims.ndim) if axis not in shown]
    units = [_unit(viewer, axis, dimension) for axis in (*shown, *hidden)]
    down, right = units[:2]
    through = units[2] if len(units) > 2 else np.zeros(dimension)
    camera = camera_of(viewer)
    vertical, horizontal = getattr(camera, "orientation2d", ("down", "right"))
    up = down if str(vertical).endswith("up") else -down
    return up, -right if str(horizontal).endswith("left") else right, through


def round_step(mm: float) -> float:
    """Return 1, 2 or 5 times a power of ten, the largest that is not above `mm`.

    Examples
    --------
    >>> [round_step(mm) for mm in (0.9, 1.0, 3.4)]
    [0.5, 1.0, 2.0]
    """
    power = 10.0 ** np.floor(np.log10(mm))
    return float(power * max(factor for factor in (1, 2, 5) if factor * power <= mm * (1 + 1e-9)))


def _unit(viewer: Any, axis: int, dimension: int) -> FloatArray:
    unit = np.zeros(dimension)
    own = axis - (viewer.dims.ndim - dimension)
    if own >= 0:
        unit[dimension - 1 - own] = 1.0
    return unit


def _letter(event: Any) -> str | None:
    other = Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.AltModifier | Qt.KeyboardModifier.MetaModifier
    if event.modifiers() & other:
        return None
    return next((name for name in (*_MOVES, *_TURNS) if event.key() == getattr(Qt.Key, f"Key_{name}")), None)
