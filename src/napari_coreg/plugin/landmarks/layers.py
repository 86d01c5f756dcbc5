"""Two Points layers over two volumes that show one list of landmarks; an edit of either layer is one of the list."""

from __future__ import annotations

from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from psygnal import Signal

from napari_coreg.errors import CoregError, GeometryError, VolumeError
from napari_coreg.plugin.landmarks.pairs import LandmarkPairs
from napari_coreg.plugin.landmarks.rows import TEXT, match_rows, rows_of, with_features_of_others
from napari_coreg.plugin.landmarks.values import OTHER, SIDES
from napari_coreg.plugin.layers import METADATA_KEY, points_from_layer, points_to_layer, read_layer
from napari_coreg.plugin.placement import PLACEMENT_EVENTS, displayed_matrix, map_points

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray

    from napari_coreg.plugin.landmarks.values import Side
    from napari_coreg.plugin.layers import LayerVolume

_SIZE = 0.022  # of the volume's longest edge
_TEXT_GAP = 0.6  # from the middle of a point to its text, in sizes of the point


class LandmarkLayers:
    """Landmarks of two volumes, and the Points layers that show them.

    Parameters
    ----------
    fixed, moving : napari.layers.Image
        The volumes; they are not changed. Landmarks stay on their voxels when a volume is moved in the viewer.

    Attributes
    ----------
    pairs : LandmarkPairs
        The landmarks; change them there, and the layers follow.
    added : psygnal.Signal
        A point was added to one of the layers: its key, the side, and whether that completed a landmark.
    failed : psygnal.Signal
        One sentence on an edit that cannot be taken in.
    current : int or None
        The landmark whose estimated place a point added on that side is meant for.
    """

    added = Signal(int, str, bool)
    failed = Signal(str)

    def __init__(self, fixed: Any, moving: Any) -> None:
        self.images: dict[Side, Any] = {"fixed": fixed, "moving": moving}
        self.pairs = LandmarkPairs()
        self.current: int | None = None
        self._layers: dict[Side, Any] = {}
        self._seen: dict[Side, NDArray[np.float64]] = {}  # the data as we know them; napari changes arrays in place
        self._keys: dict[Side, tuple[int, ...]] = {}
        self._looks: dict[Side, tuple[str, ...]] = {}  # colours and symbols as they were written last
        self._writing = False
        self._expecting = False  # napari has announced an event of the data
        self._stops: dict[str, list[Callable[[], None]]] = {"images": [], "fixed": [], "moving": []}
        self._volumes = {side: read_layer(self.images[side], min_voxels=1) for side in SIDES}
        for side in SIDES:
            for name in PLACEMENT_EVENTS:
                self._listen("images", getattr(self.images[side].events, name), partial(self._on_volume_moved, side))
        self.pairs.changed.connect(self.render)

    def layer(self, side: Side) -> Any:
        """Return the Points layer of one volume, or None."""
        return self._layers.get(side)

    def side_of(self, layer: Any) -> Side | None:
        """Return on which side a Points or Image layer is, or None."""
        sides = (side for side in SIDES if layer is not None and layer in (self.layer(side), self.images[side]))
        return next(sides, None)

    def volume(self, side: Side) -> LayerVolume:
        """Return one of the volumes as it lies now.

        Raises
        ------
        CoregError
            It cannot be read any more.
        """
        return read_layer(self.images[side], min_voxels=1)

    def make(self, side: Side) -> Any:
        """Return a new Points layer for one volume, with the landmarks in it; it is not added to a viewer.

        napari shows a point in the slices within half a unit of the data. So the scale of the layer is the size of a
        point: it is seen wherever it is cut, and no voxel is that large, so the steps of the slider stay as they are.
        """
        from napari.layers import Points  # noqa: PLC0415 - loaded already wherever a viewer exists

        image, grid = self.images[side], self._volumes[side].geometry
        size_mm = max(_SIZE * max(np.multiply(grid.size_xyz, grid.spacing_xyz)), *grid.spacing_xyz)
        layer = Points(
            np.empty((0, image.ndim)),
            ndim=image.ndim,
            name=f"{image.name} landmarks",
            units=image.units,
            axis_labels=("z", "y", "x")[-image.ndim :],
            size=1,
            border_color="black",
            metadata={METADATA_KEY: {"landmarks": side}},
        )
        layer.scale = size_mm / np.diag(displayed_matrix(layer))[-2::-1]  # from a matrix in xyz
        self.adopt(side, layer)
        return layer

    def adopt(self, side: Side, layer: Any) -> None:
        """Show the landmarks of one volume in this Points layer, and take in the points it has already.

        Raises
        ------
        CoregError
            It has other axes than the volume.
        """
        if layer is self.layer(OTHER[side]):
            raise VolumeError(f"{layer.name!r} has the landmarks of the other volume: choose another Points layer.")
        points = points_from_layer(layer, self._volumes[side])
        names = [str(name) for name in layer.features["name"]] if "name" in layer.features else [""] * len(points)
        self.release(side)
        self._layers[side] = layer
        self._looks.pop(side, None)
        with self._alone():
            self._keys[side] = self.pairs.take(side, points, names) if len(points) else ()
        with self._alone():
            if "label" not in layer.features:
                layer.features = layer.features.assign(label=np.full(len(layer.data), "", dtype=object))
            layer.text = {**TEXT, "translation": [*[0.0] * (layer.ndim - 1), _TEXT_GAP * float(layer.current_size)]}
        self.render()
        for event, method in (
            (layer.events.data, self._on_data),
            (layer.events.set_data, self._on_refreshed),
            (layer.events.features, self._on_features),
            *((getattr(layer.events, name), self._on_layer_moved) for name in PLACEMENT_EVENTS if name != "data"),
        ):
            self._listen(side, event, partial(method, side))

    def release(self, side: Side) -> None:
        """Let go of a layer; it stays as it is, and the landmarks stay in `pairs`."""
        self._deafen(side)
        self._layers.pop(side, None)

    def close(self) -> None:
        """Let go of all layers."""
        for group in self._stops:
            self._deafen(group)
        self._layers = {}

    def row_of(self, side: Side, key: int) -> int | None:
        """Return the row of a landmark in a layer, or None."""
        keys = self._keys.get(side, ())
        return keys.index(key) if self.layer(side) is not None and key in keys else None

    def select(self, key: int) -> None:
        """Select a landmark in both layers."""
        for side in SIDES:
            row, layer = self.row_of(side, key), self.layer(side)
            if layer is not None and layer.selected_data != ({row} - {None}):
                layer.selected_data = {row} - {None}

    def render(self) -> None:
        """Bring the layers into step with the landmarks."""
        for side in SIDES:
            if self.layer(side) is not None and not self._writing:
                with self._alone():
                    self._write(side)

    def _write(self, side: Side) -> None:
        layer, rows = self._layers[side], rows_of(self.pairs, side)
        points = [point for landmark in self.pairs.shown(side) if (point := landmark.at(side)) is not None]
        data = points_to_layer(points, self._volumes[side], layer) if points else np.empty((0, layer.ndim))
        before = self._keys.get(side, ())
        features = with_features_of_others(layer.features, before, rows)
        if data.shape != layer.data.shape or not np.allclose(data, layer.data, rtol=0, atol=1e-9):
            selected = {before[row] for row in layer.selected_data if row < len(before)}
            layer.selected_data = set()  # napari would look for rows that are gone
            layer.data = data
            layer.selected_data = {row for row, key in enumerate(rows.keys) if key in selected}
        self._keys[side] = rows.keys
        self._seen[side] = np.array(layer.data)
        if any(name not in layer.features or list(layer.features[name]) != features[name] for name in features):
            layer.features = features
        if len(data) and self._looks.get(side) != rows.looks:
            layer.face_color = rows.colours
            layer.symbol = rows.symbols
            layer.text.color = layer.face_color
        self._looks[side] = rows.looks

    def _on_data(self, side: Side, event: Any) -> None:
        action = str(event.action)
        if not self._writing:
            self._expecting = action in {"adding", "removing", "changing"}
            if not self._expecting:
                removed = event.data_indices if action == "removed" else ()
                self._take_in(side, tuple(int(index) for index in removed))

    def _on_refreshed(self, side: Side, _event: Any) -> None:
        """Notice points that came without an event of the data, as pasted ones do."""
        if not (self._writing or self._expecting) and len(self._layers[side].data) > len(self._seen[side]):
            self._take_in(side, ())

    def _take_in(self, side: Side, removed: tuple[int, ...]) -> None:
        layer, before, keys = self._layers[side], self._seen[side], self._keys[side]
        if np.shape(layer.data) == before.shape and np.array_equal(layer.data, before):
            return
        found = match_rows(before, np.asarray(layer.data), removed)
        try:
            points = points_from_layer(layer, self._volumes[side])
            if not np.isfinite(points).all():
                raise GeometryError(f"A point of {layer.name!r} was given no finite place: it is left as it was.")
        except CoregError as error:
            self.failed.emit(str(error))
            self.render()
            return
        gone = {key for row, key in enumerate(keys) if row not in found}
        moved = {
            keys[row]: points[index]
            for index, row in enumerate(found)
            if row is not None and not np.array_equal(before[row], layer.data[index])
        }
        news = [points[index] for index, row in enumerate(found) if row is None]
        with self._alone(), self.pairs.one_step():
            self.pairs.remove(gone)
            self.pairs.place_all(moved, side)
            told = [self._add(side, point) for point in news]
        self.render()
        for key, completed in told[-1:]:  # one at a time by hand, many by a script
            self.added.emit(key, side, completed)

    def _add(self, side: Side, point: NDArray[np.float64]) -> tuple[int, bool]:
        current = self.pairs.find(self.current)
        meant = current.key if current is not None and current.guessed == side else self.pairs.waiting(side)
        if meant is None:
            return self.pairs.add(side, point.tolist()), False
        self.pairs.place(meant, side, point.tolist())
        return meant, True

    def _on_features(self, side: Side, _event: Any) -> None:
        """Take names over that were changed in napari's own table of features."""
        layer = self._layers[side]
        if self._writing or "name" not in layer.features or len(layer.features) != len(self._keys[side]):
            return
        names = dict(zip(self._keys[side], (str(name) for name in layer.features["name"]), strict=True))
        self.pairs.rename(names)

    def _on_layer_moved(self, _side: Side, _event: Any) -> None:
        """Keep the points on their voxels when the Points layer itself is moved or scaled."""
        self.render()

    def _on_volume_moved(self, side: Side, _event: Any) -> None:
        """Keep the points on their voxels when the volume is moved."""
        before = self._volumes[side]
        try:
            now = self.volume(side)
        except CoregError as error:
            self.failed.emit(str(error))
            return
        self._volumes[side] = now
        if now.geometry != before.geometry and now.geometry.size_xyz == before.geometry.size_xyz:
            matrix = now.geometry.index_to_lps @ np.linalg.inv(before.geometry.index_to_lps)
            self.pairs.remap(side, partial(map_points, matrix))
        else:
            self.render()

    def _listen(self, group: str, event: Any, callback: Callable[[Any], None]) -> None:
        event.connect(callback)
        self._stops[group].append(partial(event.disconnect, callback))

    def _deafen(self, group: str) -> None:
        for stop in self._stops[group]:
            stop()
        self._stops[group] = []

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Hear no events of the layers, and write nothing into them from elsewhere, within."""
        before, self._writing = self._writing, True
        try:
            yield
        finally:
            self._writing = before
