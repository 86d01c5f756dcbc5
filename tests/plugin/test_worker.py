from __future__ import annotations

import threading

import pytest
from napari.utils.notifications import notification_manager

from napari_coreg.core.preflight import Finding
from napari_coreg.core.presets import load_preset
from napari_coreg.errors import RegistrationError
from napari_coreg.plugin.layer_run import request_from_layers
from napari_coreg.plugin.worker import RegistrationWorker, TaskWorker


@pytest.fixture
def request_(pair):
    return request_from_layers(pair.layers["fixed"], pair.layers["moving"], load_preset("rigid"))


class Heard:
    """What a worker's signals carried, and in which thread."""

    def __init__(self, worker: TaskWorker) -> None:
        self.said: list[tuple[str, object]] = []
        self.threads: set[int] = set()
        for name in ("checked", "progressed", "moved", "returned", "failed", "errored"):
            getattr(worker, name).connect(lambda value, name=name: self.hear(name, value))
        for name in ("refused", "registered", "cancelled", "finished"):
            getattr(worker, name).connect(lambda name=name: self.hear(name, None))

    def hear(self, name: str, value: object) -> None:
        self.said.append((name, value))
        self.threads.add(threading.get_ident())

    def names(self) -> list[str]:
        return [name for name, _ in self.said]

    def values(self, name: str) -> list:
        return [value for said, value in self.said if said == name]


def run(qtbot, request_, register, **settings) -> Heard:
    worker = RegistrationWorker(request_, register=register, **settings)
    heard = Heard(worker)
    with qtbot.waitSignal(worker.finished, timeout=10_000):
        worker.start()
    qtbot.waitUntil(lambda: "finished" in heard.names())
    return heard


def test_a_run_ends_with_its_result_and_ready_layers(qtbot, request_, fake_register):
    heard = run(qtbot, request_, fake_register)
    (ready,) = heard.values("returned")
    assert [layer.name for layer in ready.layers] == ["moving registered to fixed", "Deformation of moving"]
    assert heard.names()[-1] == "finished"
    assert heard.threads == {threading.get_ident()}


def test_every_iteration_arrives_in_few_portions(qtbot, request_, fake_register):
    fake_register.iterations = 200
    heard = run(qtbot, request_, fake_register)
    updates = heard.values("progressed")
    moments = [moment for update in updates for moment in update.moments]
    assert [(moment.level, moment.iteration) for moment in moments] == [
        (level, i + 1) for level in range(2) for i in range(200)
    ]
    assert len(updates) < 40
    assert updates[-1].latest.fraction == 1.0
    assert all(moment.current_transform is None for moment in moments)


def test_the_preview_gets_the_transform_as_it_stands(qtbot, request_, fake_register):
    heard = run(qtbot, request_, fake_register)
    assert heard.values("moved")[0].TransformPoint((0.0, 0.0, 0.0)) == (0.0, 4.0, 0.0)


def test_a_run_that_ends_soon_shows_no_preview(qtbot, request_, fake_register, monkeypatch):
    monkeypatch.setattr("napari_coreg.plugin.register.preview.PATIENCE_SECONDS", 60.0)
    heard = run(qtbot, request_, fake_register)
    assert not heard.values("moved")


def test_there_is_no_preview_when_it_is_not_wanted(qtbot, request_, fake_register):
    heard = run(qtbot, request_, fake_register, preview=False)
    assert not heard.values("moved")


def test_quitting_cancels_and_nothing_is_returned(qtbot, request_, fake_register):
    fake_register.gate = threading.Event()
    worker = RegistrationWorker(request_, register=fake_register)
    heard = Heard(worker)
    with qtbot.waitSignal(worker.progressed):
        worker.start()
    with qtbot.waitSignal(worker.finished):
        worker.quit()
    assert "cancelled" in heard.names()
    assert not {"returned", "failed", "errored"} & set(heard.names())


def test_an_error_on_purpose_is_one_sentence(qtbot, request_, fake_register):
    fake_register.error = RegistrationError("the volumes do not overlap")
    heard = run(qtbot, request_, fake_register)
    assert heard.values("failed") == ["the volumes do not overlap"]
    assert not {"returned", "cancelled", "errored"} & set(heard.names())


def test_an_unexpected_error_reaches_naparis_notifications(qtbot, request_, fake_register, monkeypatch):
    received = []
    monkeypatch.setattr(notification_manager, "receive_error", lambda *error: received.append(error[0]))
    fake_register.error = ZeroDivisionError("oh")
    heard = run(qtbot, request_, fake_register)
    assert [type(error) for error in heard.values("errored")] == [ZeroDivisionError]
    assert received == [ZeroDivisionError]
    assert not heard.values("returned")


def test_what_the_check_finds_is_told_before_the_run(qtbot, request_, fake_register, fake_check):
    fake_check.findings = (Finding("warning", "overlap", "the volumes overlap little", "12 %", ""),)
    heard = run(qtbot, request_, fake_register, check=fake_check)
    assert heard.names()[0] == "checked"
    assert heard.values("checked") == [fake_check.findings]
    assert "returned" in heard.names()


def test_an_error_that_the_check_finds_stops_it(qtbot, request_, fake_register, fake_check):
    fake_check.findings = (Finding("error", "nan", "a voxel is NaN", "1", ""),)
    heard = run(qtbot, request_, fake_register, check=fake_check)
    assert heard.names() == ["checked", "refused", "finished"]
    assert fake_register.calls == []
