"""What the dock widgets of a viewer share."""

from __future__ import annotations

import gc
import weakref

import SimpleITK as sitk

from napari_coreg.session import Start, session_of


class Viewer:
    """Something that a session can belong to."""


def test_a_viewer_has_one_session_and_another_viewer_another():
    one, other = Viewer(), Viewer()
    assert session_of(one) is session_of(one)
    assert session_of(one) is not session_of(other)
    assert session_of(one).attempts is not session_of(other).attempts


def test_a_proxy_has_the_session_of_what_it_stands_for():
    viewer, proxy = Viewer(), Viewer()
    proxy.__wrapped__ = viewer
    assert session_of(proxy) is session_of(viewer)


def test_a_session_goes_with_its_viewer():
    viewer = Viewer()
    session = weakref.ref(session_of(viewer))
    del viewer
    gc.collect()
    assert session() is None


def test_a_start_is_told_once_and_holds_for_its_pair():
    viewer, fixed, moving = Viewer(), object(), object()
    session, told = session_of(viewer), []
    session.start_changed.connect(told.append)
    start = Start(sitk.TranslationTransform(3), "by hand", fixed, moving)
    session.start = start
    session.start = start
    assert told == [start]
    assert start.holds_for(fixed, moving)
    assert not start.holds_for(moving, fixed)
