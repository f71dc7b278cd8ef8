"""The service under load: `patient-view` at 20 requests a second, beside HealthChain doing nothing but answering."""

import json
import os
import random
import re
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
import venv
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median, quantiles
from typing import Any, Final
from uuid import uuid4

from benchmarks.bundle import made_up_bundle
from benchmarks.measure import REPO
from benchmarks.report import Line
from tocsin.demo import demo_folder

PATIENTS, RATE, SECONDS, STEP_SECONDS, ON_BOARD = 200, 20, 60, 12, 500
P50_MS, P99_MS, START_S, MEMORY_MIB, BOARD_MS = 40.0, 150.0, 3.0, 400.0, 200.0
_GROUP: Final = "Service, patient-view with 1,000 resources"
_RATES: Final = (25, 30, 35, 40, 45, 50, 60, 70, 80)
_WAIT_S: Final = 60.0
_HEALTHCHAIN: Final = "healthchain==0.16.1"
_PATTERN: Final = "1-car-t-tocilizumab"  # of the made-up patients of the demo
_TIME: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[+-]\d\d:\d\d")
_KEYS: Final = (
    "patient",
    "vitals",
    "medications",
    "procedures",
    "devices",
    "body",
    "laboratory",
    "conditions",
)
_KEY_OF: Final = {"Patient": "patient", "Observation": "vitals", "MedicationAdministration": "medications"}
Json = dict[str, Any]


def made_up_calls(folder: Path) -> Path:
    """Write one call a patient, each another person with other values, their charts up to now; return the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    document, chance = made_up_bundle().decode(), random.Random(1)
    ends = max(datetime.fromisoformat(found) for found in _TIME.findall(document))
    shift = datetime.now(UTC).replace(microsecond=0) - ends - timedelta(minutes=30)
    for number in range(PATIENTS):
        name, own = f"made-up-{number:03d}", shift + timedelta(seconds=7 * number)
        moved = _shifted(document, own)
        resources = [entry["resource"] for entry in json.loads(moved.replace("made-up", name))["entry"]]
        for resource in resources:
            if "valueQuantity" in resource:
                resource["valueQuantity"]["value"] = round(
                    resource["valueQuantity"]["value"] * chance.uniform(0.995, 1.005), 2
                )
        (folder / f"{number:03d}.json").write_text(json.dumps(_call(name, resources)))
    return folder


def _shifted(document: str, by: timedelta) -> str:
    return _TIME.sub(lambda found: (datetime.fromisoformat(found[0]) + by).isoformat(), document)


def _call(name: str, resources: list[Json]) -> Json:
    prefetch: Json = dict.fromkeys(_KEYS)
    for key in ("vitals", "medications"):
        own = [one for one in resources if _KEY_OF.get(one["resourceType"]) == key]
        entries = [
            {"fullUrl": f"https://made-up.example/{one['resourceType']}/{one['id']}", "resource": one}
            for one in own
        ]
        prefetch[key] = {"resourceType": "Bundle", "type": "searchset", "entry": entries}
    prefetch["patient"] = next(one for one in resources if one["resourceType"] == "Patient")
    context = {"userId": "Practitioner/made-up", "patientId": name}
    return {"hook": "patient-view", "hookInstance": str(uuid4()), "context": context, "prefetch": prefetch}


def _free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


@contextmanager
def _running(command: list[str], url: str, environment: dict[str, str]) -> Generator[tuple[int, float]]:
    """Run a service; give its process id and how long it took to its first answer."""
    began = time.perf_counter()
    process = subprocess.Popen(
        command,
        cwd=REPO,
        env={**os.environ, **environment},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        while not _answers(url):
            if process.poll() is not None or time.perf_counter() - began > _WAIT_S:
                process.kill()
                raise RuntimeError(
                    f"{command[0]}: {(process.stderr.read() if process.stderr else '')[-300:]}"
                )
            time.sleep(0.01)
        yield process.pid, time.perf_counter() - began
    finally:
        process.terminate()
        process.wait(_WAIT_S)


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            return answer.status == 200
    except (urllib.error.URLError, OSError):
        return False


def _loaded(url: str, folder: Path, rate: float, seconds: float, holds: str) -> Json:
    """Send a load from a process of its own; return its 50th and 99th percentile in ms, and what failed."""
    asked = {"url": url, "folder": str(folder), "rate": rate, "seconds": seconds, "holds": holds}
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.load"],
        cwd=REPO,
        input=json.dumps(asked),
        capture_output=True,
        text=True,
    )
    if done.returncode:
        raise RuntimeError(done.stderr[-500:])
    told = json.loads(done.stdout)
    hundredths = quantiles(told["latencies"], n=100)
    return {
        "p50": hundredths[49],
        "p99": hundredths[98],
        "worst": max(told["latencies"]),
        "failed": told["failed"],
    }


def _memory(pid: int) -> float:
    """Return what a process and those that it started hold now, in MiB; pages that they share are counted once."""
    tasks = Path(f"/proc/{pid}/task").iterdir()
    others = [int(one) for task in tasks for one in (task / "children").read_text(encoding="ascii").split()]
    return sum(_own(one) for one in (pid, *others))


def _own(pid: int) -> float:
    """Return the resident pages of a process, each divided by how many share it (PSS), in MiB."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("Pss:"))


def _highest(url: str, folder: Path, holds: str) -> tuple[float, str]:
    """Return the highest rate whose 99th percentile is within the target, and what the next one gave."""
    held = 0.0
    for rate in _RATES:
        told = _loaded(url, folder, rate, STEP_SECONDS, holds)
        if told["failed"] or told["p99"] > P99_MS:
            return (
                held,
                f"at {rate}: p99 {told['p99']:.0f} ms, {len(told['failed'])} failed; {STEP_SECONDS} s each",
            )
        held = rate
    return held, f"the highest tried; {STEP_SECONDS} s each"


def measure(data: Path) -> Iterator[Line]:
    """Yield the measurements of the service."""
    folder = made_up_calls(data / f"calls-{os.getpid()}")
    try:
        yield from _tocsin(data, folder)
        yield from _healthchain(data, folder)
    finally:
        for file in folder.iterdir():
            file.unlink()
        folder.rmdir()


def _tocsin(data: Path, folder: Path) -> Iterator[Line]:
    port, store = _free_port(), data / f"service-{os.getpid()}.db"
    command = [sys.executable, "-m", "tocsin.cli", "serve", "--port", str(port), "--store", str(store)]
    environment = {"TOCSIN_LIMITS_REQUESTS_PER_MINUTE": "0", "TOCSIN_LOG": "off"}
    base, load = f"http://127.0.0.1:{port}", os.getloadavg()[0]
    call = f"{base}/cds-services/tocsin-patient-view"
    with _running(command, f"{base}/health", environment):
        pass  # whatever must be compiled is compiled
    with _running(command, f"{base}/health", environment) as (pid, started):
        yield Line(
            _GROUP, "start to first answer", started, "s", START_S, f"once compiled; load before {load:.1f}"
        )
        _loaded(call, folder, RATE, 3, "summary")
        told = _loaded(call, folder, RATE, SECONDS, "summary")
        note = f"{RATE} requests/s for {SECONDS} s, {PATIENTS} patients in turn; worst {told['worst']:.0f} ms"
        yield Line(_GROUP, "p50", told["p50"], "ms", P50_MS, note)
        yield Line(_GROUP, "p99", told["p99"], "ms", P99_MS, f"load after {os.getloadavg()[0]:.1f}")
        yield Line(_GROUP, "failed", len(told["failed"]), "", 0, "; ".join(told["failed"][:2]))
        rate, why = _highest(call, folder, "summary")
        yield Line(_GROUP, f"highest rate with p99 within {P99_MS:.0f} ms", rate, "requests/s", None, why)
        yield Line(_GROUP, "memory of all its processes under load", _memory(pid), "MiB", MEMORY_MIB)
        yield _board(base)
    for ending in ("", "-wal", "-shm"):
        Path(f"{store}{ending}").unlink(missing_ok=True)


def _board(base: str) -> Line:
    """Return how long the board of many made-up patients takes, each with an episode of these days."""
    document = (demo_folder() / f"{_PATTERN}.json").read_text(encoding="utf-8")
    ends = max(datetime.fromisoformat(found) for found in _TIME.findall(document))
    by = datetime.now(UTC).replace(microsecond=0) - ends - timedelta(hours=1)
    moved = _shifted(document, by)
    for number in range(ON_BOARD):
        name = f"made-up-{number:03d}"
        _fetched(f"{base}/api/patients/{name}/bundle", moved.replace(_PATTERN, name).encode())
    taken: list[float] = []
    for _ in range(15):
        began = time.perf_counter()
        _fetched(f"{base}/board")
        taken.append(1000 * (time.perf_counter() - began))
        time.sleep(0.1)
    note = f"median of {len(taken)} over HTTP; worst {max(taken):.0f} ms"
    return Line(_GROUP, f"board of {ON_BOARD} patients", median(taken), "ms", BOARD_MS, note)


def _fetched(url: str, body: bytes | None = None) -> bytes:
    request = urllib.request.Request(url, body, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=_WAIT_S) as answer:
        return answer.read()


def _healthchain(data: Path, folder: Path) -> Iterator[Line]:
    """Yield the same for HealthChain, or why it could not be measured."""
    group = f"HealthChain beside it ({_HEALTHCHAIN}, answers with no card)"
    try:
        python = _environment(data / "healthchain-venv")
        yield from _nothing(group, python, folder)
    except (RuntimeError, OSError, subprocess.SubprocessError) as error:
        yield Line(group, "not measured", 0, "", None, str(error).strip().splitlines()[-1][:200])


def _nothing(group: str, python: Path, folder: Path) -> Iterator[Line]:
    port = _free_port()
    command, base = (
        [str(python), str(REPO / "benchmarks" / "healthchain_service.py"), str(port)],
        f"http://127.0.0.1:{port}",
    )
    with _running(command, f"{base}/cds/cds-discovery", {}) as (pid, started):
        call = f"{base}/cds/cds-services/nothing"
        _loaded(call, folder, RATE, 3, "cards")
        told = _loaded(call, folder, RATE, SECONDS, "cards")
        yield Line(group, "start to first answer", started, "s")
        yield Line(group, "p50", told["p50"], "ms", None, f"the same load; worst {told['worst']:.0f} ms")
        yield Line(group, "p99", told["p99"], "ms")
        yield Line(group, "failed", len(told["failed"]), "", None, "; ".join(told["failed"][:1]))
        yield Line(group, "memory of all its processes", _memory(pid), "MiB")


def _environment(folder: Path) -> Path:
    """Return the Python of an environment that has HealthChain, made on the first use."""
    python = folder / "bin" / "python"
    if not python.exists():
        venv.create(folder, with_pip=True)
    if subprocess.run([str(python), "-c", "import healthchain"], capture_output=True).returncode:
        install = [str(python), "-m", "pip", "install", "-q", _HEALTHCHAIN]
        subprocess.run(install, check=True, capture_output=True, timeout=600)
    return python
