"""A running service for tests: in a thread of this process, or as a process of its own that can be killed; loopback only."""

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from tocsin.service.config import Config
from tocsin.service.context import Context
from tocsin.service.run import prepare

_WAIT_S = 60.0


@dataclass(frozen=True)
class Served:
    """A service that answers at `url`; `http` is a client of it."""

    url: str
    http: httpx.Client
    context: Context


@contextmanager
def served(config: Config, port: int = 0) -> Iterator[Served]:
    """Run a service in a thread, on a port or on a free one."""
    from dataclasses import replace

    up = threading.Event()
    ports: list[int] = []

    def ready(context: Context, port: int) -> None:
        del context
        ports.append(port)
        up.set()

    prepared = prepare(replace(config, port=port), ready)
    thread = threading.Thread(target=prepared.run, daemon=True)
    thread.start()
    assert up.wait(_WAIT_S), "the service did not start"
    url = f"http://127.0.0.1:{ports[0]}"
    try:
        with httpx.Client(base_url=url, timeout=_WAIT_S, trust_env=False) as http:
            yield Served(url, http, prepared.context)
    finally:
        prepared.stop()
        thread.join(_WAIT_S)
        assert not thread.is_alive(), "the service did not stop"


def free_port() -> int:
    """A port of loopback that nobody holds now."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


@dataclass
class Process:
    """`tocsin serve` as a process of its own."""

    url: str
    process: subprocess.Popen[str]
    log: Path

    def kill(self) -> None:
        """End it as a loss of power does."""
        self.process.kill()
        self.process.wait(_WAIT_S)

    def terminate(self) -> int:
        """Ask it to stop; return its exit status."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(_WAIT_S)


@contextmanager
def process(
    store: str, folder: Path, environment: Mapping[str, str] | None = None, prefix: tuple[str, ...] = ()
) -> Iterator[Process]:
    """Run `tocsin serve` over a store, its log in `folder`; `prefix` is what starts it (prlimit, for example)."""
    port, log = free_port(), folder / f"serve-{time.monotonic_ns()}.log"
    command = [*prefix, sys.executable, "-m", "tocsin.cli", "serve", "--port", str(port)]
    with log.open("w", encoding="utf-8") as to:
        started = subprocess.Popen(
            command,
            stdout=to,
            stderr=subprocess.STDOUT,
            text=True,
            env={**os.environ, "TOCSIN_STORE": store, **(environment or {})},
        )
    found = Process(f"http://127.0.0.1:{port}", started, log)
    try:
        _wait_for(found)
        yield found
    finally:
        if started.poll() is None:
            found.kill()


def _wait_for(found: Process) -> None:
    end = time.monotonic() + _WAIT_S
    while time.monotonic() < end:
        assert found.process.poll() is None, found.log.read_text(encoding="utf-8")
        try:
            httpx.get(f"{found.url}/health", timeout=5, trust_env=False)
            return
        except httpx.TransportError:
            time.sleep(0.05)
    raise AssertionError(found.log.read_text(encoding="utf-8"))


def error_of(answer: httpx.Response) -> dict[str, Any]:
    """The error of an answer, which must be in the one shape and nothing else."""
    body = answer.json()
    assert set(body) == {"error"}, body
    error = body["error"]
    assert set(error) == {"code", "message", "detail"}, body
    assert isinstance(error["code"], str)
    assert error["code"]
    assert isinstance(error["message"], str)
    assert error["message"]
    assert answer.status_code >= 400
    return error
