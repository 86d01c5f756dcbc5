"""Layers that several dock widgets hide come back with the last of them, in whatever order these let go."""

from __future__ import annotations

from itertools import permutations
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from napari_coreg import align_by_hand, compare_layers
from napari_coreg.plugin.compare.console import comparison_of
from napari_coreg.plugin.hiding import hiding_of

if TYPE_CHECKING:
    from napari.components import ViewerModel


@pytest.mark.parametrize("order", list(permutations("abc")))
@pytest.mark.parametrize("visible", [True, False])
def test_a_layer_is_as_before_when_the_last_one_lets_go(
    viewer: ViewerModel, order: tuple[str, ...], visible: bool
) -> None:
    layer = viewer.add_image(np.zeros((4, 4)), visible=visible)
    hiding, holders = hiding_of(viewer), {name: object() for name in "abc"}
    for holder in holders.values():
        hiding.hide(layer, holder)
    for name in order:
        assert not layer.visible
        hiding.give_back(holders[name])
    assert layer.visible == visible


def test_what_is_shown_while_it_is_hidden_is_seen_afterwards(viewer: ViewerModel) -> None:
    layer, holder = viewer.add_image(np.zeros((4, 4)), visible=False), object()
    hiding_of(viewer).hide(layer, holder)
    hiding_of(viewer).show(layer, True)
    assert not layer.visible
    assert hiding_of(viewer).is_shown(layer)
    hiding_of(viewer).give_back(holder)
    assert layer.visible


def seen(viewer: ViewerModel) -> list[Any]:
    return [layer.name for layer in viewer.layers if layer.visible]


def test_comparing_ends_an_alignment_by_hand_and_gives_all_back(pair: ViewerModel) -> None:
    hand = align_by_hand(pair, "fixed", "moving")
    compare_layers(pair, "fixed", "moving")
    assert not hand.is_on
    comparison_of(pair).end()
    assert seen(pair) == ["fixed", "moving"]


def test_aligning_by_hand_ends_a_comparison_and_gives_all_back(pair: ViewerModel) -> None:
    compare_layers(pair, "fixed", "moving")
    hand = align_by_hand(pair, "fixed", "moving")
    assert not comparison_of(pair).is_on
    hand.end()
    assert seen(pair) == ["fixed", "moving"]
