"""A real PostgreSQL for tests: Debian's own package, started as user postgres on a free loopback port, torn down after.

A test file takes the fixture by importing it: `from tests.support.postgres import postgres`. Every worker of a parallel run has
a server of its own.
"""

import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

PASSWORD = "not-to-be-shown"


@dataclass(frozen=True)
class Server:
    """A running server; `reader` may only read."""

    port: int
    bin: Path

    def url(self, database: str = "postgres", user: str = "postgres", options: str = "") -> str:
        """The address of a database, with the password that every user has."""
        return f"postgresql://{user}:{PASSWORD}@127.0.0.1:{self.port}/{database}{options}"

    def run(self, sql: str, database: str = "postgres") -> None:
        """Run SQL as the owner of everything."""
        done = subprocess.run(
            [str(self.bin / "psql"), "--no-psqlrc", "--quiet", "-v", "ON_ERROR_STOP=1", self.url(database)],
            input=sql, text=True, capture_output=True,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr


def _installed() -> Path | None:
    """The newest server that Debian's packages have put there."""
    found = sorted(
        Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda file: int(file.parent.parent.name)
    )
    return found[-1].parent if found else None


def _as_postgres(*command: str | Path) -> list[str]:
    """A command run as user postgres: the server refuses to run as root."""
    plain = [str(word) for word in command]
    return ["runuser", "-u", "postgres", "--", *plain] if os.getuid() == 0 else plain


def _call(command: Sequence[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, cwd="/")
    assert done.returncode == 0, f"{command}: {done.stderr}"


def _free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


def _start(folder: Path, bin: Path) -> Server:
    secret = folder / "secret"
    secret.write_text(PASSWORD, encoding="utf-8")
    if os.getuid() == 0:
        shutil.chown(folder, "postgres")
        shutil.chown(secret, "postgres")
    data, port = folder / "data", _free_port()
    made = ["-D", str(data), "-A", "scram-sha-256", "--pwfile", str(secret), "-E", "UTF8", "--no-sync"]
    _call(_as_postgres(bin / "initdb", "-U", "postgres", "--locale=C.UTF-8", *made))
    options = (
        f"-p {port} -h 127.0.0.1 -k {folder} -c fsync=off -c full_page_writes=off -c shared_buffers=64MB"
    )
    _call(
        _as_postgres(
            bin / "pg_ctl", "-D", data, "-l", folder / "log", "-w", "-t", "60", "-o", options, "start"
        )
    )
    return Server(port, bin)


@pytest.fixture(scope="session")
def postgres() -> Iterator[Server]:
    """A server with a user `reader` that may read and nothing else."""
    bin = _installed()
    if bin is None:
        pytest.skip("PostgreSQL is not installed (Debian: apt-get install postgresql)")
    if os.getuid() == 0 and shutil.which("runuser") is None:
        pytest.skip("PostgreSQL refuses to run as root, and runuser is absent")
    pytest.importorskip("adbc_driver_postgresql", reason="the extra `postgres` is not installed")
    folder = Path(tempfile.mkdtemp(prefix="tocsin-postgres-", dir="/tmp"))
    folder.chmod(0o755)
    try:
        server = _start(folder, bin)
        try:
            server.run(f"CREATE USER reader PASSWORD '{PASSWORD}'")
            yield server
        finally:
            _call(_as_postgres(bin / "pg_ctl", "-D", folder / "data", "-m", "immediate", "-w", "stop"))
    finally:
        shutil.rmtree(folder, ignore_errors=True)
