"""`tocsin follow` as a process: a line a round, killed at any request and gone on with, stopped politely, naming nobody."""

import json
import os
import pty
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.support.fhir_server import Fault, FhirServer, Request
from tests.support.followed import ALWAYS, demo_patient, following, grades, held, observation, there, ward

SECRET = "a-token-nobody-may-see"


def start(server: FhirServer, folder: Path, *more: str, **options: object) -> "subprocess.Popen[str]":
    """Start a follower."""
    command = [sys.executable, "-m", "tocsin.cli", "follow", server.base, "--group", "ward"]
    environment = {**os.environ, "TOCSIN_FOLLOW_TOKEN": SECRET}
    return subprocess.Popen(
        [*command, "--store", str(folder / "follow.db"), *more],
        **{"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True, "env": environment, **options},  # type: ignore[arg-type]
    )


def test_killed_at_any_request_it_goes_on_and_loses_nothing(tmp_path: Path) -> None:
    server = FhirServer(per_page=20)
    patient = demo_patient(server, 0)
    server.group(patient)
    process: list[subprocess.Popen[str]] = []
    deadly = {
        3,
        9,
        17,
    }  # counted over all processes: in the first pages, in the second reading, in a later start

    def kill(request: Request) -> None:
        if request.number in deadly:
            process[-1].kill()

    server.before = kill  # type: ignore[assignment]
    with server.running():
        statuses: list[int] = []
        while not statuses or (statuses[-1] != 0 and len(statuses) < 10):
            process.append(start(server, tmp_path, "--once"))
            process[-1].communicate(timeout=60)
            statuses.append(process[-1].returncode)
            server.put(observation("1-005", patient, 37 + len(statuses) / 10))
        assert statuses == [-signal.SIGKILL] * 3 + [0]
        server.before = None
        with following(server, tmp_path, ALWAYS) as (follower, store):
            done = follower.round()
            assert done.tally.new <= 1  # what was written after the last process had ended
            assert held(store, patient) == there(server, patient)
            assert grades(held(store, patient)) == grades(there(server, patient))


def test_a_round_off_a_terminal_is_a_line_of_json_that_names_nobody(tmp_path: Path) -> None:
    server = ward("jane-doe", not_served={"Condition": 400}, token=SECRET)
    with server.running():
        process = start(server, tmp_path, "--once")
        said, log = process.communicate(timeout=60)
    assert (process.returncode, said) == (0, "")
    (line,) = [json.loads(one) for one in log.splitlines()]
    assert line["event"] == "round"
    assert {name: line[name] for name in ("patients", "changed", "new", "gone", "aside")} == {
        "patients": 1, "changed": 1, "new": 4, "gone": 0, "aside": 0,
    }  # fmt: skip
    assert line["troubles"] == {"Condition: the server says 400": 1}
    assert "jane" not in log
    assert SECRET not in log


def test_asked_to_stop_it_stops_at_once_even_while_it_waits(tmp_path: Path) -> None:
    server = ward("a", "b")
    with server.running():
        process = start(server, tmp_path, "--every", "3600")
        assert process.stderr is not None
        assert json.loads(process.stderr.readline())["rest_s"] > 3000
        process.terminate()
        assert process.wait(timeout=5) == 0
        assert process.stderr.read() == ""
        before = len(server.requests)
        with following(server, tmp_path) as (follower, store):
            assert follower.round().tally.new == 0
            assert held(store, "a") == there(server, "a")
        assert all(
            one.query.get("_lastUpdated")
            for one in server.requests[before:]
            if one.path == "/fhir/Observation"
        )


def test_asked_to_stop_while_the_server_is_silent_it_does_not_wait_for_it(tmp_path: Path) -> None:
    server = ward("a")
    server.before = lambda request: Fault("slow") if request.path == "/fhir/Observation" else None
    with server.running():
        process = start(server, tmp_path)
        while not any(one.path == "/fhir/Observation" for one in server.requests):
            time.sleep(0.02)
            assert process.poll() is None
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=5) == 0


def test_on_a_terminal_it_prints_a_calm_line(tmp_path: Path) -> None:
    server = ward("jane-doe", "b", not_served={"Condition": 403})
    ours, theirs = pty.openpty()
    with server.running():
        process = start(server, tmp_path, "--every", "1", stdout=theirs)
        os.close(theirs)
        shown = ""
        while shown.count("\n") < 4:
            shown += os.read(ours, 4096).decode()
        process.terminate()
        assert process.wait(timeout=5) == 0
        os.close(ours)
    first, trouble, *later = shown.splitlines()
    assert first[8:].startswith(" UTC  2 patients, 2 changed, 8 resources new; next in ")
    assert trouble.startswith(
        "  Condition: the server does not allow this (403); ask for the right to read Condition ("
    )
    assert trouble.endswith("), 2 times")
    assert all("2 patients, 0 changed; next in " in line for line in later)  # said once, not in every round
    assert "jane" not in shown


@pytest.mark.parametrize(
    ("more", "line"),
    [
        (("--store", "postgresql://me:word@localhost/x"), "--store: a password here is seen by everyone"),
        (("--every", "0"), "--every"),
        (("--group", "no/id"), "--group no/id: no id of FHIR"),
    ],
)
def test_a_mistake_is_one_line(tmp_path: Path, more: tuple[str, ...], line: str) -> None:
    process = start(FhirServer(), tmp_path, *more)
    _, error = process.communicate(timeout=60)
    assert process.returncode == 2
    assert line in error
    assert len(error.splitlines()) == 1


def test_a_server_that_is_away_ends_a_single_round_with_status_1(tmp_path: Path) -> None:
    server = ward("a")
    with server.running():
        server.before = lambda request: Fault("status", 503)
        process = start(server, tmp_path, "--once")
        _, log = process.communicate(timeout=60)
    assert process.returncode == 1
    assert json.loads(log)["troubles"] == {"Group: the server says 503, 5 times; will be tried again": 1}
