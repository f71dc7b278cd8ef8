"""`tocsin serve`: how it starts, what it says, how it stops."""

import json
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import httpx
import pytest

from tests.service.conftest import CAR_T
from tests.support.service import free_port, process
from tocsin.cli import THEIRS, run
from tocsin.service.store import open_store

JSON = {"content-type": "application/json"}


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--store", "postgresql://u:hidden@localhost/d"], "put it into PGPASSWORD"),
        (["--config", "/none.toml"], "/none.toml: cannot be read"),
        (["--host", "0.0.0.0"], "open to other machines"),
        (["--host", "no.such.host.invalid"], "open to other machines"),
        (["--port", "65536"], "port 65536: must be 0 to 65535"),
        (["--port", "-1"], "--port = -1: must be 0 or more"),
        (["--store", "/proc/none/x.db"], "/proc/none/x.db"),
    ],
)
def test_a_mistake_is_one_line(
    arguments: list[str],
    says: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    monkeypatch.setattr("tocsin.service.run.Prepared.run", lambda _: pytest.fail("it started"))
    assert run(["serve", *arguments]) == THEIRS
    told = capsys.readouterr()
    assert says in told.err
    assert told.err.count("\n") == 1
    assert "hidden" not in told.err + told.out


def test_a_port_that_is_taken_is_told_at_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert run(["serve", "--port", str(port), "--store", str(tmp_path / "s.db")]) == THEIRS
    assert f"port {port}: Address already in use; give another with --port" in capsys.readouterr().err


def test_without_the_extra_there_is_one_friendly_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in [name for name in sys.modules if name.startswith("tocsin.service.run")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "uvicorn", None)
    assert run(["serve"]) == THEIRS
    assert "pip install 'tocsin[service]'" in capsys.readouterr().err


def test_it_says_where_to_look_where_the_data_lies_and_who_may_enter(tmp_path: Path) -> None:
    with process(str(tmp_path / "s.db"), tmp_path) as found:
        told = found.log.read_text(encoding="utf-8")
        assert f"is ready at {found.url}\n" in told
        assert f"{tmp_path / 's.db'}, 0 patients" in told
        assert "anyone on this machine, and nobody else" in told
        assert "Not a medical device" in told
        assert found.terminate() == 0
        lines = (
            found.log.read_text(encoding="utf-8").removeprefix(told).splitlines() or told.splitlines()[-1:]
        )
        assert {json.loads(line)["route"] for line in lines} == {"/health"}, "nothing but lines of JSON"


@pytest.mark.parametrize("number", [signal.SIGTERM, pytest.param(signal.SIGINT, marks=pytest.mark.slow)])
def test_a_stop_finishes_what_was_begun(tmp_path: Path, car_t: bytes, number: int) -> None:
    with process(str(tmp_path / "s.db"), tmp_path) as found:
        answers: list[int] = []

        def slow_body():  # noqa: ANN202  (the parts of a body)
            yield car_t[:1000]
            time.sleep(1)
            yield car_t[1000:]

        def send() -> None:
            path = f"{found.url}/api/patients/{CAR_T}/bundle"
            answers.append(
                httpx.post(path, content=slow_body(), headers=JSON, timeout=30, trust_env=False).status_code
            )

        sending = threading.Thread(target=send)
        sending.start()
        time.sleep(0.4)
        found.process.send_signal(number)
        assert found.process.wait(30) == 0
        sending.join()
    assert answers == [200]
    store = open_store(str(tmp_path / "s.db"))
    known = store.patient(CAR_T)
    store.close()
    assert known is not None
    assert known.version == 1


def test_nothing_answers_before_the_first_answer_can_be_given(tmp_path: Path) -> None:
    port = free_port()
    command = [
        sys.executable,
        "-m",
        "tocsin.cli",
        "serve",
        "--port",
        str(port),
        "--store",
        str(tmp_path / "s.db"),
    ]
    started = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        while True:
            assert started.poll() is None
            try:
                with socket.create_connection(("127.0.0.1", port), timeout=5):
                    break
            except ConnectionRefusedError:
                time.sleep(0.02)
        begun = time.monotonic()
        answer = httpx.post(f"http://127.0.0.1:{port}/api/calc", json={"temp_c": 39}, trust_env=False)
        assert answer.status_code == 200
        assert time.monotonic() - begun < 2, "compiled before the port opened"
    finally:
        started.terminate()
        assert started.wait(30) == 0


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_it_stays_within_its_memory(tmp_path: Path, car_t: bytes) -> None:
    entries = json.loads(car_t)["entry"]
    seen = [one["resource"] for one in entries if one["resource"]["resourceType"] == "Observation"]
    more = [{"resource": {**seen[place % len(seen)], "id": f"more-{place}"}} for place in range(850)]
    body = json.dumps({"resourceType": "Bundle", "type": "batch", "entry": [*entries, *more]}).encode()
    with process(str(tmp_path / "s.db"), tmp_path) as found:
        for path in ["/api/grade"] * 20 + [f"/api/patients/{CAR_T}/bundle"] * 3:
            assert (
                httpx.post(
                    found.url + path, content=body, headers=JSON, timeout=60, trust_env=False
                ).status_code
                == 200
            )
        status = Path(f"/proc/{found.process.pid}/status").read_text(encoding="utf-8")
        resident = next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS"))
    assert resident < 400 * 1024
