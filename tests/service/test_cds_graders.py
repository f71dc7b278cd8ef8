"""The processes that answer hooks beside the service: they answer as it does, and their end is nobody's harm."""

import json
import os
import pickle
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import cast

import httpx
import pytest

from tests.service.cds_calls import request, severe, with_value, without
from tests.support.service import Process, error_of, process
from tocsin.errors import UserError
from tocsin.knowledge.cds import Service
from tocsin.service.cds.answers import Answers, Note
from tocsin.service.cds.graders import Bug, Refusal, said_of, wanted
from tocsin.service.errors import Problem
from tocsin.service.store import Store, open_store

VIEW = "/cds-services/tocsin-patient-view"
pytestmark = pytest.mark.skipif(
    not Path("/proc/self/task").exists(), reason="processes are forked on Linux only"
)


def failing(error: Exception) -> Answers:
    class Failing(Answers):
        def of(self, body: bytes, service: Service, note: Note) -> bytes:
            raise error

    return Failing(cast(Store, None), "UTC", "http://127.0.0.1")


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Process]:
    """`tocsin serve` with two processes beside it."""
    folder = tmp_path_factory.mktemp("graders")
    with process(str(folder / "store.db"), folder, {"TOCSIN_CDS_PROCESSES": "2"}) as found:
        yield found


def children(of: int) -> list[int]:
    tasks = Path(f"/proc/{of}/task")
    return [int(one) for task in tasks.iterdir() for one in (task / "children").read_text().split()]


def call(running: Process, sent: object) -> httpx.Response:
    return httpx.post(f"{running.url}{VIEW}", json=sent, timeout=30, trust_env=False)


def test_they_answer_and_the_store_is_one(running: Process) -> None:
    assert len(children(running.process.pid)) == 2
    found = [call(running, request(prefetch=severe())) for _ in range(6)]
    assert {one.status_code for one in found} == {200}
    uuids = {card["uuid"] for one in found for card in one.json()["cards"]}
    assert len(uuids) == 2  # the state and the glucocorticoids, whoever answered
    said = {"card": sorted(uuids)[0], "outcome": "overridden", "outcomeTimestamp": "2026-02-12T19:00:00Z"}
    kept = httpx.post(f"{running.url}{VIEW}/feedback", json={"feedback": [said]}, trust_env=False)
    assert kept.status_code == 200
    for _ in range(4):
        assert len(call(running, request(prefetch=severe())).json()["cards"]) == 1


def test_a_refusal_comes_back_whole(running: Process) -> None:
    missing = call(running, request(prefetch=without(severe(), "vitals")))
    assert missing.status_code == 412
    assert [one["where"] for one in error_of(missing)["detail"]] == ["prefetch.vitals"]
    wrong = call(running, with_value(request(prefetch=severe()), "hookInstance", "x"))
    assert wrong.status_code == 422
    assert (
        httpx.post(
            f"{running.url}{VIEW}", content=b"{", headers={"Content-Type": "application/json"}
        ).status_code
        == 400
    )


@pytest.mark.parametrize("killed", [1, 2])
def test_when_some_die_the_service_answers_all_the_same(tmp_path: Path, killed: int) -> None:
    with process(str(tmp_path / "store.db"), tmp_path, {"TOCSIN_CDS_PROCESSES": "2"}) as found:
        for child in children(found.process.pid)[:killed]:
            os.kill(child, signal.SIGKILL)
        for _ in range(4):
            assert call(found, request(prefetch=severe())).status_code == 200
        assert found.log.read_text().count('"grader gone"') == killed
        assert found.terminate() == 0


def test_they_go_when_the_service_is_killed(tmp_path: Path) -> None:
    with process(str(tmp_path / "store.db"), tmp_path, {"TOCSIN_CDS_PROCESSES": "2"}) as found:
        beside = children(found.process.pid)
        found.kill()
    end = time.monotonic() + 10
    while any(Path(f"/proc/{one}").exists() for one in beside) and time.monotonic() < end:
        time.sleep(0.05)
    assert not any(Path(f"/proc/{one}").exists() for one in beside)


def test_they_end_with_the_service(tmp_path: Path) -> None:
    with process(str(tmp_path / "store.db"), tmp_path, {"TOCSIN_CDS_PROCESSES": "2"}) as found:
        beside = children(found.process.pid)
        assert call(found, request(prefetch=severe())).status_code == 200
        assert found.terminate() == 0
    assert not any(Path(f"/proc/{one}").exists() for one in beside)


@pytest.mark.parametrize(
    ("raised", "said"),
    [
        (
            Problem(412, "missing", "not sent", [{"where": "x"}], {"A": "b"}),
            Refusal(412, "missing", "not sent", [{"where": "x"}], {"A": "b"}),
        ),
        (UserError("no such unit"), Refusal(422, "invalid", "no such unit", None, {})),
    ],
)
def test_a_failure_goes_from_process_to_process(raised: Exception, said: object) -> None:
    assert pickle.loads(pickle.dumps(said_of(failing(raised), b"{}", "tocsin-patient-view", print))) == said


def test_what_cannot_be_noted_is_not_answered(tmp_path: Path) -> None:
    def full(patient: str) -> None:
        raise Problem(503, "disk_full", f"nothing was written of {len(patient)} letters")

    store = open_store(str(tmp_path / "store.db"))
    answers, body = Answers(store, "UTC", "http://127.0.0.1"), json.dumps(request(prefetch=severe())).encode()
    said = said_of(answers, body, "tocsin-patient-view", full)
    assert isinstance(said, Refusal)
    assert said.code == "disk_full"
    store.close()


def test_each_call_is_in_the_audit_log(tmp_path: Path) -> None:
    with process(str(tmp_path / "store.db"), tmp_path, {"TOCSIN_CDS_PROCESSES": "2"}) as found:
        for _ in range(5):
            assert call(found, request(prefetch=severe())).status_code == 200
    store = open_store(str(tmp_path / "store.db"))
    lines = store.audit.lines(request()["context"]["patientId"])
    assert [line.act for line in lines] == ["POST /cds-services/tocsin-patient-view"] * 5
    store.close()


def test_of_a_bug_only_its_kind_and_place_are_told() -> None:
    said = said_of(failing(KeyError("Jane Made-up")), b"{}", "tocsin-patient-view", print)
    assert isinstance(said, Bug)
    assert said.kind == "KeyError"
    assert "Jane" not in repr(said)


@pytest.mark.parametrize(
    ("cores", "asked", "count"),
    [(1, 0, 0), (2, 0, 2), (4, 0, 4), (16, 0, 4), (16, 1, 0), (1, 3, 3), (2, 8, 8)],
)
def test_how_many(monkeypatch: pytest.MonkeyPatch, cores: int, asked: int, count: int) -> None:
    def affinity(pid: int) -> set[int]:
        return set(range(cores))

    monkeypatch.setattr("tocsin.service.cds.graders.os.sched_getaffinity", affinity)
    assert wanted(asked) == count
