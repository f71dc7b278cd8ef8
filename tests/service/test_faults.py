"""Faults: a process killed while it writes, a disk that is full, a database that goes and comes back."""

import os
import shlex
import shutil
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import select

from tests.service.conftest import bundle, new_database, resource
from tests.support.postgres import Server
from tests.support.service import Process, Served, error_of, process, served
from tocsin.service.config import Config
from tocsin.service.store import open_store, schema

JSON = {"content-type": "application/json"}
_EACH = 25  # resources of one Bundle


def part(number: int) -> bytes:
    return bundle(*[resource(id=f"{number}-{place}", valueInteger=place) for place in range(_EACH)])


def send(url: str, number: int) -> int:
    return httpx.post(
        f"{url}/api/patients/p1/bundle", content=part(number), headers=JSON, timeout=30, trust_env=False
    ).status_code


def ids_kept(place: str) -> Counter[str]:
    """How often each resource is kept as the current one."""
    store = open_store(place)
    asked = select(schema.resources.c.id).where(schema.resources.c.current)
    with store.database.reading() as con:
        found = Counter(con.execute(asked).scalars().all())
    assert store.audit.broken_at() is None
    store.close()
    return found


def kill_while_writing(found: Process, first: int, seconds: float) -> list[int]:
    """Send Bundles from two callers until the process is killed; return the numbers of those that were acknowledged."""
    acknowledged: list[int] = []

    def send_on(start: int) -> None:
        for number in range(start, start + 10_000, 2):
            try:
                if send(found.url, number) == 200:
                    acknowledged.append(number)
            except httpx.TransportError:
                return

    callers = [threading.Thread(target=send_on, args=(first + place,)) for place in range(2)]
    for caller in callers:
        caller.start()
    time.sleep(seconds)
    found.kill()
    for caller in callers:
        caller.join()
    return acknowledged


@pytest.mark.parametrize(
    ("kind", "rounds"),
    [
        ("sqlite", 1),
        pytest.param("sqlite", 5, marks=pytest.mark.slow),
        pytest.param("postgresql", 3, marks=pytest.mark.slow),
    ],
)
def test_a_kill_loses_nothing_acknowledged_and_doubles_nothing(
    kind: str, rounds: int, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    place = str(tmp_path / "s.db") if kind == "sqlite" else new_database(request.getfixturevalue("postgres"))
    acknowledged: list[int] = []
    for turn in range(rounds):
        with process(place, tmp_path) as found:
            acknowledged += kill_while_writing(found, turn * 10_000, 1.0 + 0.37 * turn)
        kept = ids_kept(place)
        assert set(kept.values()) <= {1}, "nothing is doubled"
        lost = [number for number in acknowledged for of in range(_EACH) if f"{number}-{of}" not in kept]
        assert not lost, "nothing acknowledged is lost"
        parts = Counter(id.split("-")[0] for id in kept)
        assert set(parts.values()) <= {_EACH}, "a Bundle is there whole or not at all"
    assert len(acknowledged) > rounds, "something was acknowledged before each kill"


def test_a_full_disk_is_told_and_leaves_what_was_there(tmp_path: Path) -> None:
    place = str(tmp_path / "s.db")
    with served(Config(store=place)) as found:
        assert send(found.url, 1) == 200
        fill(found)
        answers = [post(found, number) for number in range(2, 60)]
        failed = [one for one in answers if one.status_code != 200]
        assert failed
        assert all((one.status_code, error_of(one)["code"]) == (503, "store_full") for one in failed)
        assert all(int(one.headers["retry-after"]) for one in failed)
        assert found.http.get("/api/calc").status_code == 405, "what needs no store still answers"
        good = [number for number, one in enumerate(answers, 2) if one.status_code == 200]
        make_room(found)
        assert send(found.url, 99) == 200, "with room again it goes on"
    parts = Counter(id.split("-")[0] for id in ids_kept(place))
    assert set(parts.values()) == {_EACH}
    assert {int(number) for number in parts} == {1, 99, *good}


def post(found: Served, number: int) -> httpx.Response:
    return found.http.post("/api/patients/p1/bundle", content=part(number), headers=JSON)


def fill(found: Served) -> None:
    """Let the file of the store grow no further."""
    limit_pages(found, "max_page_count = 1")


def make_room(found: Served) -> None:
    limit_pages(found, "max_page_count = 1000000")


def limit_pages(found: Served, said: str) -> None:
    from sqlalchemy import event

    engine = found.context.store.database.engine
    engine.dispose()
    event.listen(engine, "connect", lambda con, _: con.execute(f"PRAGMA {said}"))


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("prlimit") is None, reason="prlimit is absent (Debian: util-linux)")
def test_a_file_that_may_not_grow_is_told_and_leaves_what_was_there(tmp_path: Path) -> None:
    place = str(tmp_path / "s.db")
    open_store(place).close()
    with process(place, tmp_path, prefix=("prlimit", f"--fsize={600_000}")) as found:
        codes = [send(found.url, number) for number in range(120)]
        assert {200, 503} == set(codes)
        assert httpx.get(f"{found.url}/api/patients/p1", trust_env=False).status_code in (200, 503)
        assert found.process.poll() is None, "the service goes on"
    parts = Counter(id.split("-")[0] for id in ids_kept(place))
    assert set(parts.values()) == {_EACH}
    assert {int(number) for number in parts} >= {number for number, code in enumerate(codes) if code == 200}


@contextmanager
def stopped(server: Server) -> Iterator[None]:
    """Stop a server, and start it again with the options it had."""
    psql = [str(server.bin / "psql"), "--no-psqlrc", "-At", server.url(), "-c", "SHOW data_directory"]
    data = Path(subprocess.run(psql, capture_output=True, text=True, check=True).stdout.strip())
    words = shlex.split((data / "postmaster.opts").read_text(encoding="utf-8"))[1:]
    options = shlex.join(words[: words.index("-D")] + words[words.index("-D") + 2 :])
    ctl = [str(server.bin / "pg_ctl"), "-D", str(data), "-w", "-l", str(data.parent / "log")]
    as_owner = ["runuser", "-u", "postgres", "--"] if os.getuid() == 0 else []
    subprocess.run([*as_owner, *ctl, "-m", "immediate", "stop"], check=True, capture_output=True, cwd="/")
    try:
        yield
    finally:
        subprocess.run([*as_owner, *ctl, "-o", options, "start"], check=True, capture_output=True, cwd="/")


def test_a_database_that_goes_and_comes_back(postgres: Server) -> None:
    with served(Config(store=new_database(postgres))) as found:
        assert post(found, 1).status_code == 200
        with stopped(postgres):
            for answer in (
                found.http.get("/health"),
                post(found, 2),
                found.http.get("/api/patients/p1"),
                found.http.post("/api/patients/p1/annotations", json={"word": "fever:other"}),
            ):
                assert (answer.status_code, error_of(answer)["code"]) == (503, "store_unavailable")
            calc = found.http.post("/api/calc", json={"temp_c": 39})
            assert calc.status_code == 200, "what needs no store goes on"
        assert found.http.get("/health").status_code == 200, "without a restart"
        assert [post(found, number).json()["new"] for number in (1, 2)] == [0, _EACH]


@pytest.mark.parametrize("how", ["moved away", "another in its place"])
def test_a_file_that_is_taken_away_takes_nothing_acknowledged_along(tmp_path: Path, how: str) -> None:
    """What is written into a file that has lost its name is gone with the process."""
    place, aside = tmp_path / "s.db", tmp_path / "aside.db"
    with served(Config(store=str(place))) as found:
        assert post(found, 1).status_code == 200
        place.rename(aside)
        if how == "another in its place":
            place.touch()
        for answer in (found.http.get("/health"), post(found, 2), found.http.get("/api/patients/p1")):
            assert (answer.status_code, error_of(answer)["code"]) == (503, "store_unavailable")
        aside.replace(place)
        assert [post(found, number).json()["new"] for number in (1, 2)] == [0, _EACH]
    assert set(ids_kept(str(place)).values()) == {1}


def test_a_connection_that_is_cut_in_the_middle_of_a_write_leaves_nothing(postgres: Server) -> None:
    address = new_database(postgres)
    with served(Config(store=address)) as found:
        assert post(found, 1).status_code == 200
        cut = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND datname <> 'postgres'"
        seen: list[Any] = []
        sending = threading.Thread(
            target=lambda: seen.extend(post(found, number).status_code for number in range(2, 22))
        )
        sending.start()
        while sending.is_alive():
            postgres.run(cut)
        sending.join()
        assert set(seen) <= {200, 503}
        assert post(found, 99).status_code == 200
    parts = Counter(id.split("-")[0] for id in ids_kept(address))
    assert set(parts.values()) == {_EACH}
    assert {int(number) for number in parts} >= {
        1,
        99,
        *(number for number, code in enumerate(seen, 2) if code == 200),
    }


def test_a_writer_waits_for_another_process(tmp_path: Path) -> None:
    import sqlite3

    place = str(tmp_path / "s.db")
    with served(Config(store=place)) as found:
        other = sqlite3.connect(place, isolation_level=None, check_same_thread=False)
        other.execute("BEGIN IMMEDIATE")
        letting_go = threading.Timer(0.7, other.rollback)
        letting_go.start()
        assert post(found, 1).status_code == 200
        letting_go.join()
        other.close()
