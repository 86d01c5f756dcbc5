"""The dock widget "Register": choose two layers and a recipe, watch the run, keep what came of it."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

from qtpy.QtCore import QEvent, Signal
from qtpy.QtWidgets import QDockWidget, QHBoxLayout, QPushButton, QWidget

from napari_coreg.core.preflight import check_pair
from napari_coreg.core.register import register
from napari_coreg.errors import CoregError
from napari_coreg.plugin.attempts.panel import AttemptsPanel
from napari_coreg.plugin.attempts.remember import remember
from napari_coreg.plugin.compare.widget import open_compare
from napari_coreg.plugin.deformation.dock import open_deformation
from napari_coreg.plugin.layer_run import Check, Ready, Register, Request, adding, request_from_layers
from napari_coreg.plugin.looks import looks_of, stylesheet
from napari_coreg.plugin.parts import Note, VerticalScroll, column, follow
from napari_coreg.plugin.register.check_panel import CheckPanel
from napari_coreg.plugin.register.foreground_layers import ForegroundLayers
from napari_coreg.plugin.register.layers_panel import LayersPanel
from napari_coreg.plugin.register.options_panel import OptionsPanel
from napari_coreg.plugin.register.progress_panel import ProgressPanel
from napari_coreg.plugin.register.recipe_panel import RecipePanel
from napari_coreg.plugin.register.result_panel import ResultPanel
from napari_coreg.plugin.register.run_control import RunControl
from napari_coreg.plugin.register.start_panel import StartPanel
from napari_coreg.plugin.turns import Turns
from napari_coreg.session import session_of

if TYPE_CHECKING:
    from qtpy.QtGui import QHideEvent

    from napari_coreg.core.recipe import Recipe
    from napari_coreg.plugin.register.layers_panel import Chosen
    from napari_coreg.session import Start

_WELCOME = "Open two volumes to begin: drop their files onto the viewer, or take File > Open Sample > Coreg."
_ONE_MORE = "Open a second volume, to be registered to the first."
_REFUSED = "Not run: the check before the run found an error, see below. Nothing was changed."
_FROM_SCREEN = "A layer was moved by hand: the run starts from the layers' position in the viewer."


class RegisterWidget(QWidget):
    """Registers one layer of the viewer to another.

    Parameters
    ----------
    napari_viewer : napari.Viewer or napari.components.ViewerModel
        The viewer; napari gives it.
    register : callable
        `napari_coreg.register`, or something that behaves like it.
    check : callable
        `napari_coreg.core.preflight.check_pair`, or something that behaves like it.
    """

    ended = Signal()  # a run has ended, well or not, and its layers are there

    def __init__(
        self,
        napari_viewer: Any,
        *,
        register: Register = register,
        check: Check = check_pair,
        parent: QWidget | None = None,
    ) -> None:
        self._is_closed = False
        super().__init__(parent)
        self._viewer = napari_viewer
        self._register, self._check = register, check
        self._request: Request | None = None
        self._fixed: Any = None
        self._turns = Turns(self)
        self.foreground = ForegroundLayers(napari_viewer, self._turns, self)
        self._is_ready = False
        self._make_parts()
        self._lay_out()
        self._connect()
        self._follow_theme()
        self._refresh()

    def is_running(self) -> bool:
        """Whether a registration is on its way."""
        return self.control.is_running()

    def run(self) -> None:
        """Start the registration of the chosen layers."""
        request = None if self.is_running() else self._refresh()
        if request is None:
            return
        chosen = self.layers.chosen()
        self._request, self._fixed = request, chosen.fixed
        self.message.say("")
        self.findings.begin(chosen)
        self.result.leave()
        self.control.start(
            request,
            chosen.fixed,
            chosen.moving,
            preview=self.options.preview.isChecked(),
            register=self._register,
            check=self._check,
        )
        self._show_state()
        self._turns.add(partial(self._scroll.ensureWidgetVisible, self.progress))

    def check(self) -> None:
        """Look for what is, or may be, wrong with the chosen layers and the recipe, and run nothing."""
        request = None if self.is_running() else self._refresh()
        if request is not None:
            self.findings.start(request, self.layers.chosen())
            self._show_state()

    def show_foreground(self) -> None:
        """Add the automatic foreground masks of the chosen layers."""
        chosen = self.layers.chosen()
        try:
            self.foreground.show((chosen.fixed, chosen.moving), self.recipe.recipe().preprocessing)
        except CoregError as error:
            self.message.say(str(error), "error")

    def cancel(self) -> None:
        """Ask the run to stop; it does at its next iteration."""
        self.control.cancel()

    def run_as_wanted(self) -> None:
        """Start the registration for another dock widget, and show this one; one that was closed is deaf."""
        if self._is_closed:
            return
        dock = self.parent()
        if isinstance(dock, QDockWidget):
            dock.show()
            dock.raise_()
        self.run()

    def event(self, event: QEvent) -> bool:
        """Stop the run and leave no preview behind when the dock is closed, which takes this widget out of it."""
        if event.type() == QEvent.Type.ParentChange:
            self._is_closed = self.parent() is None
            if self._is_closed:
                self.control.drop()
        return bool(super().event(event))

    def hideEvent(self, event: QHideEvent) -> None:
        """Stop the run with napari itself, which would wait for a paused one for ever."""
        main: QWidget = self
        while main.parentWidget() is not None:
            main = main.parentWidget()
        if main is not self and not main.isVisible():
            self.control.drop()
        super().hideEvent(event)

    def _make_parts(self) -> None:
        self.layers = LayersPanel(self._viewer)
        self.recipe = RecipePanel()
        self.options = OptionsPanel()
        self.run_button = QPushButton("Run")
        self.run_button.setProperty("role", "main")
        self.check_button = QPushButton("Check")
        self.check_button.setToolTip("Look for what is, or may be, wrong with the layers and the recipe; runs nothing.")
        self.cancel_button = QPushButton("Cancel")
        self.cancel_button.setToolTip("Stop the run; no layer is added.")
        self.message = Note()
        self.findings = CheckPanel(self._check)
        self.start = StartPanel(self._viewer)
        self.progress = ProgressPanel()
        self.control = RunControl(self._viewer, self.progress, self._turns, self)
        self.result = ResultPanel()
        self.attempts = AttemptsPanel(self._viewer, self._turns, self.result)

    def _lay_out(self) -> None:
        buttons = QHBoxLayout()
        buttons.addWidget(self.run_button, 2)
        buttons.addWidget(self.check_button, 1)
        buttons.addWidget(self.cancel_button, 1)
        content = QWidget()
        rows = column(content, spacing=8)
        rows.setContentsMargins(10, 10, 10, 10)
        rows.addWidget(self.layers)
        rows.addWidget(self.recipe)
        rows.addWidget(self.options)
        rows.addLayout(buttons)
        rows.addWidget(self.start)
        rows.addWidget(self.message)
        rows.addWidget(self.findings)
        rows.addWidget(self.progress)
        rows.addWidget(self.result)
        rows.addWidget(self.attempts)
        rows.addStretch(1)
        parts = (self.layers, self.recipe.editor, self.progress, self.result)
        content.setMinimumWidth(max(part.minimumSizeHint().width() for part in parts) + 20)  # it never jumps
        self._scroll = VerticalScroll(content)
        column(self).addWidget(self._scroll)

    def _connect(self) -> None:
        self.layers.changed.connect(self._on_changed)
        self.recipe.changed.connect(self._on_changed)
        self.layers.foreground.clicked.connect(self.show_foreground)
        self.run_button.clicked.connect(self.run)
        self.check_button.clicked.connect(self.check)
        self.findings.taken.connect(self._on_fix_taken)
        self.findings.checked.connect(partial(self._scroll.ensureWidgetVisible, self.findings))
        self.findings.failed.connect(partial(self.message.say, role="error"))
        self.findings.ended.connect(self._show_state)
        self.foreground.said.connect(self.message.say)
        self.cancel_button.clicked.connect(self.cancel)
        self.start.changed.connect(self._refresh)
        self.control.changed.connect(self._show_state)
        self.control.checked.connect(self.findings.show_grave)
        self.control.refused.connect(self._on_refused)
        self.control.returned.connect(self._on_returned)
        self.control.failed.connect(self._end)
        follow(self, session_of(self._viewer).run_wanted, self.run_as_wanted)
        self.result.said.connect(self.message.say)
        self.result.deformation_wanted.connect(partial(open_deformation, self._viewer))
        follow(self, self._viewer.events.theme, self._follow_theme)

    def _follow_theme(self) -> None:
        looks = looks_of(self._viewer)
        self.setStyleSheet(stylesheet(looks))
        self.progress.plot.set_looks(looks)

    def _new_request(self, chosen: Chosen, start: Start | None) -> Request:
        request = request_from_layers(
            chosen.fixed,
            chosen.moving,
            self.recipe.recipe(),
            fixed_mask=chosen.fixed_mask,
            moving_mask=chosen.moving_mask,
            initial_transform=None if start is None else start.transform,
            deformation=self.options.deformation.isChecked(),
            magnitude=self.options.magnitude.isChecked(),
            check_swap=self.options.swap.isChecked(),
        )
        return request if start is None else replace(request, start_source=start.source)

    def _refresh(self) -> Request | None:
        """Return what would be run, or say what stands against it, as far as that is cheap to know."""
        if self.is_running():
            return None
        chosen = self.layers.chosen()
        start = self.start.start_for(chosen.fixed, chosen.moving)
        request, text, role = None, "", "note"
        if chosen.fixed is None or chosen.moving is None:
            text = _WELCOME if chosen.fixed is None and chosen.moving is None else _ONE_MORE
        else:
            try:
                request = self._new_request(chosen, start)
            except CoregError as error:
                text, role = str(error), "error"
            else:
                text = _FROM_SCREEN if start is None and request.initial_transform is not None else ""
        self.message.say(text, role)
        self._show_state(ready=request is not None)
        return request

    def _show_state(self, ready: bool | None = None) -> None:
        self._is_ready = self._is_ready if ready is None else ready
        ready, running, checking = self._is_ready, self.is_running(), self.findings.is_busy()
        self.run_button.setEnabled(ready and not running)
        self.run_button.setText("Running..." if running else "Run")
        self.check_button.setEnabled(ready and not running and not checking)
        self.check_button.setText("Checking..." if checking else "Check")
        self.cancel_button.setEnabled(self.control.can_cancel())
        self.start.drop_button.setVisible(not running)
        self.layers.setEnabled(not running)
        self.recipe.setEnabled(not running)

    def _on_changed(self) -> None:
        self.findings.follow(self.layers.chosen())
        self._refresh()

    def _on_fix_taken(self, recipe: Recipe) -> None:
        self.recipe.take(recipe)
        self.check()

    def _on_refused(self) -> None:
        self._end(_REFUSED, "error")
        self._turns.add(partial(self._scroll.ensureWidgetVisible, self.findings))

    def _on_returned(self, ready: Ready) -> None:
        for job in adding(self._viewer, ready):
            self._turns.add(job)
        self._turns.add(partial(self._show_result, ready))

    def _show_result(self, ready: Ready) -> None:
        self._end()
        if self._request is not None:
            ready = remember(self._viewer, self._request, ready)
            compare = partial(open_compare, self._viewer, self._fixed, ready.layers[0])
            self.result.show_result(self._request, ready.result, compare)
            self._turns.add(partial(self._scroll.ensureWidgetVisible, self.result))

    def _end(self, text: str = "", role: str = "note") -> None:
        was_running = self.control.finish()
        self._refresh()
        if text:
            self.message.say(text, role)
        if was_running:
            self.ended.emit()
