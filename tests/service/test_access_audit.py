"""The audit log: every read of a patient is in it, a changed line is found, and the command line that looks after both."""

import getpass
import io
import json
import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, delete, insert, select, update

from tests.service.conftest import CAR_T
from tests.support.entry import PASSWORD, People, config_of
from tests.support.service import Served, error_of, served
from tocsin.cli import run
from tocsin.service.access.accounts import Accounts
from tocsin.service.access.people import User
from tocsin.service.store import Store, open_store, schema

JSON = {"content-type": "application/json"}
LINE = schema.audit


@pytest.fixture(scope="module")
def people(tmp_path_factory: pytest.TempPathFactory, car_t: bytes) -> Iterator[People]:
    """A service with accounts and one patient on its board."""
    with served(config_of("accounts", tmp_path_factory.mktemp("audit"))) as service:
        found = People(service, "accounts")
        kept = service.http.post(
            f"/api/patients/{CAR_T}/bundle", content=car_t, headers=JSON | found.token("write")
        )
        assert kept.status_code == 200
        yield found


def newest(service: Served) -> Any:
    """The last line of the log."""
    return service.context.store.audit.lines(most=1)[0]


@pytest.mark.parametrize(
    ("path", "act"),
    [
        (f"/api/patients/{CAR_T}", "GET /api/patients/{id}"),
        (f"/api/patients/{CAR_T}?at=2026-02-12T20:00:00Z", "GET /api/patients/{id}"),
        (f"/patients/{CAR_T}", "GET /patients/{id}"),
        (f"/patients/{CAR_T}/course", "GET /patients/{id}/course"),
        (f"/patients/{CAR_T}/leaflet", "GET /patients/{id}/leaflet"),
    ],
)
def test_every_read_of_a_patient_is_written_down(people: People, path: str, act: str) -> None:
    for headers, who, way in (
        (people.person("read"), "user-read", "accounts"),
        (people.token("read"), "program-read", "token"),
    ):
        before = people.service.context.store.audit.count()
        assert people.service.http.get(path, headers=headers).status_code == 200
        line = newest(people.service)
        assert people.service.context.store.audit.count() == before + 1
        assert (line.who, line.act, line.patient) == (who, act, CAR_T)
        assert line.detail == {"from": "127.0.0.1", "way": way}


@pytest.mark.parametrize("path", ["/board", "/board/rows", "/board/events"])
def test_the_board_is_a_read_of_all_that_are_on_it(people: People, path: str) -> None:
    with people.service.http.stream("GET", path, headers=people.person("read")) as answer:
        assert answer.status_code == 200
    line = newest(people.service)
    assert (line.who, line.act, line.patient) == ("user-read", f"GET {path}", None)
    assert line.detail["patients"] == [CAR_T]
    assert people.service.context.store.audit.lines(CAR_T, 1)[0].seq == line.seq, "found by the patient, too"
    assert people.service.context.store.audit.lines("1-car-t")[:1] == []


@pytest.mark.parametrize(("patient", "status"), [(CAR_T, 303), ("nobody-here", 404)])
def test_to_ask_whether_somebody_is_known_is_a_read(people: People, patient: str, status: int) -> None:
    answer = people.service.http.get("/", params={"patient": patient}, headers=people.person("read"))
    assert answer.status_code == status
    line = newest(people.service)
    assert (line.who, line.act, line.patient) == ("user-read", "GET /", patient)


def test_who_may_not_is_written_down_and_sees_nothing(people: People) -> None:
    answer = people.service.http.post(
        f"/api/patients/{CAR_T}/bundle", content=b"{}", headers=JSON | people.token("read")
    )
    assert error_of(answer)["code"] == "forbidden"
    line = newest(people.service)
    assert (line.who, line.act) == ("program-read", "refused: POST /api/patients/{id}/bundle")


def test_what_cannot_be_written_down_is_not_shown(people: People, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*arguments: Any, **values: Any) -> None:
        raise OSError

    monkeypatch.setattr("tocsin.service.store.audit.AuditLog.append", broken)
    for path in (f"/api/patients/{CAR_T}", f"/patients/{CAR_T}", "/board", "/api/audit"):
        answer = people.service.http.get(path, headers=people.token("admin"))
        assert answer.status_code >= 500
        assert CAR_T not in answer.text


def test_reading_the_log_is_written_down_itself(people: People) -> None:
    headers = people.token("admin")
    body = people.service.http.get("/api/audit", params={"patient": CAR_T}, headers=headers).json()
    assert {line["patient"] for line in body["lines"]} <= {CAR_T, None}
    first = body["lines"][0]
    assert (first["who"], first["act"], first["patient"]) == ("program-admin", "audit log read", CAR_T)
    page = people.service.http.get("/audit", headers=people.person("admin")).text
    assert "GET /patients/{id}/leaflet" in page
    assert newest(people.service).who == "user-admin"


def test_a_failed_sign_in_is_written_down_without_what_was_typed(people: People) -> None:
    http = people.service.http
    http.cookies.clear()
    for name, who in (("user-read", "user-read"), (PASSWORD, "(nobody)")):
        page = http.get("/sign-in", headers={"Accept": "text/html"})
        token = re.search(r'csrf_token" value="(\w+)"', page.text)
        assert token
        http.post("/sign-in", data={"csrf_token": token[1], "name": name, "password": "wrong"})
        line = newest(people.service)
        assert (line.who, line.act, line.detail["locked"]) == (who, "sign-in refused", False)


def edit(con: Connection) -> None:
    con.execute(update(LINE).where(LINE.c.seq == 3).values(who="nobody"))


def another_patient(con: Connection) -> None:
    con.execute(update(LINE).where(LINE.c.seq == 3).values(patient=None))


def another_time(con: Connection) -> None:
    con.execute(update(LINE).where(LINE.c.seq == 3).values(time=LINE.c.time + 1))


def take_out(con: Connection) -> None:
    con.execute(delete(LINE).where(LINE.c.seq == 3))


def swap(con: Connection) -> None:
    for old, new in ((3, 99), (4, 3), (99, 4)):
        con.execute(update(LINE).where(LINE.c.seq == old).values(seq=new))


def take_out_and_close_the_gap(con: Connection) -> None:
    take_out(con)
    for seq in (4, 5):
        con.execute(update(LINE).where(LINE.c.seq == seq).values(seq=seq - 1))


def cut_off_the_end(con: Connection) -> None:
    con.execute(delete(LINE).where(LINE.c.seq >= 4))


def put_in(con: Connection) -> None:
    row = con.execute(select(LINE).where(LINE.c.seq == 5)).mappings().one()
    con.execute(insert(LINE).values(**(dict(row) | {"seq": 6, "before": row["hash"]})))


def put_in_with_its_hash(con: Connection) -> None:
    """Somebody who knows how the hashes are made adds a line that we never wrote."""
    from tocsin.service.store.audit import _hash

    row = con.execute(select(LINE).where(LINE.c.seq == 5)).one()
    line = (6, row.time, "somebody else", row.act, row.patient, row.detail, row.hash)
    names = ("seq", "time", "who", "act", "patient", "detail", "before")
    con.execute(insert(LINE).values(**dict(zip(names, line, strict=True)), hash=_hash(line)))


def write_the_end_anew(con: Connection) -> None:
    """Somebody who knows how the hashes are made, but not that the last one is kept apart."""
    from tocsin.service.store.audit import _hash

    row = con.execute(select(LINE).where(LINE.c.seq == 5)).one()
    line = (5, row.time, "somebody else", row.act, row.patient, row.detail, row.before)
    con.execute(update(LINE).where(LINE.c.seq == 5).values(who="somebody else", hash=_hash(line)))


def empty_it(con: Connection) -> None:
    con.execute(delete(LINE))


CHANGES: list[tuple[Callable[[Connection], None], int]] = [
    (edit, 3),
    (another_patient, 3),
    (another_time, 3),
    (take_out, 4),
    (swap, 3),
    (take_out_and_close_the_gap, 3),
    (cut_off_the_end, 4),
    (put_in, 6),
    (put_in_with_its_hash, 6),
    (write_the_end_anew, 5),
    (empty_it, 1),
]


@pytest.mark.parametrize(("change", "first"), CHANGES, ids=[change.__name__ for change, _ in CHANGES])
def test_a_change_is_found_at_its_line(
    store: Store, change: Callable[[Connection], None], first: int
) -> None:
    for number in range(5):
        store.audit.append("nurse", "read", f"p{number}", **{"from": "192.0.2.1"})
    assert store.audit.broken_at() is None
    with store.database.writing() as con:
        change(con)
    assert store.audit.broken_at() == first
    if change not in (
        put_in,
        put_in_with_its_hash,
    ):  # there the next number is taken: nothing more is written, or shown
        store.audit.append("nurse", "read", "p9")
        assert store.audit.broken_at() in (first, 6), "going on does not hide it"


def tocsin(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    """Run the command; return its status and what it printed."""
    status = run(["serve", *arguments])
    told = capsys.readouterr()
    return status, told.out, told.err


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A store, and a password on the standard input."""
    monkeypatch.setattr(sys, "stdin", io.StringIO(f"{PASSWORD}\n"))
    return str(tmp_path / "ward.db")


def test_accounts_and_tokens_on_the_command_line(place: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert tocsin(capsys, "--store", place, "--add-user", "Ann", "--role", "admin") == (
        0,
        "ann may sign in, role admin\n",
        "",
    )
    status, token, told = tocsin(capsys, "--store", place, "--add-token", "ehr", "--role", "write")
    assert (status, "cannot be shown again" in told) == (0, True)
    store = open_store(place)
    accounts = Accounts(store.database)
    assert accounts.by_token(token.strip()) == User("ehr", "write", "token")
    assert accounts.enter("ann", PASSWORD) == User("ann", "admin", "accounts")
    assert tocsin(capsys, "--store", place, "--remove", "ehr")[:2] == (0, "ehr may no longer enter\n")
    assert accounts.by_token(token.strip()) is None
    acts = [(one.act, one.detail["name"]) for one in reversed(store.audit.lines())]
    assert acts == [("account added", "ann"), ("token added", "ehr"), ("account or token removed", "ehr")]
    store.close()


def test_a_role_is_changed_and_everybody_listed(place: str, capsys: pytest.CaptureFixture[str]) -> None:
    tocsin(capsys, "--store", place, "--add-user", "ann", "--role", "read")
    tocsin(capsys, "--store", place, "--add-token", "ehr", "--role", "write")
    told = tocsin(capsys, "--store", place, "--set-role", "Ann", "--role", "admin")
    assert told == (0, "Ann has the role admin\n", "")
    assert tocsin(capsys, "--store", place, "--set-role", "ehr", "--role", "read")[0] == 0
    assert tocsin(capsys, "--store", place, "--list-accounts")[1] == (
        "ann  account, role admin\nehr  program, role read\n"
    )
    tocsin(capsys, "--store", place, "--remove", "ann")
    assert tocsin(capsys, "--store", place, "--list-accounts")[1].startswith("ann  account, shut out\n")
    store = open_store(place)
    line = store.audit.lines(most=3)[-1]
    assert (line.act, line.detail) == ("role set", {"name": "ann", "role": "admin"})
    store.close()


def test_a_password_from_the_terminal_is_typed_twice(
    place: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    typed = iter([PASSWORD, "another", PASSWORD, PASSWORD])
    monkeypatch.setattr(sys.stdin, "isatty", lambda: True)
    monkeypatch.setattr("tocsin.commands.entry.getpass", lambda prompt: next(typed))
    assert getpass.getpass is not None
    status, _, told = tocsin(capsys, "--store", place, "--add-user", "ann", "--role", "read")
    assert (status, "the two passwords differ" in told) == (2, True)
    assert tocsin(capsys, "--store", place, "--add-user", "ann", "--role", "read")[0] == 0


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--add-user", "ann"], "--role: say what they may do"),
        (["--role", "read"], "--role goes with"),
        (["--add-user", "ann", "--remove", "bob", "--role", "read"], "one at a time"),
        (["--check-audit-log", "--remove", "bob"], "one at a time"),
        (["--add-user", "ann", "--role", "king"], "king"),
        (["--set-role", "ann"], "--role: say what they may do"),
        (["--set-role", "nobody", "--role", "read"], "there is no account"),
        (["--list-accounts", "--role", "read"], "--role goes with"),
        (["--add-user", "a b", "--role", "read"], "a name has letters"),
        (["--set-password", "nobody"], "there is no account"),
        (["--remove", "nobody"], "there is no account"),
    ],
)
def test_what_the_command_line_refuses(
    place: str, capsys: pytest.CaptureFixture[str], arguments: list[str], words: str
) -> None:
    open_store(place).close()
    status, out, told = tocsin(capsys, "--store", place, *arguments)
    assert (status, out) == (2, "")
    assert words in told
    assert told.count("\n") == 1
    assert PASSWORD not in told


@pytest.mark.parametrize(
    "arguments",
    [
        ["--check-audit-log"],
        ["--list-accounts"],
        ["--remove", "ann"],
        ["--set-password", "ann"],
        ["--set-role", "ann", "--role", "read"],
    ],
    ids=lambda arguments: arguments[0],
)
def test_a_store_that_is_not_there_is_not_called_whole(
    place: str, capsys: pytest.CaptureFixture[str], arguments: list[str]
) -> None:
    """Whoever mistypes its place would read that no line is missing."""
    told = tocsin(capsys, "--store", place, *arguments)
    assert told == (2, "", f"error: {place}: there is no store; check --store and the configuration\n")
    assert not Path(place).exists()


def test_a_password_is_no_option() -> None:
    """Whoever lists the processes of a machine reads their command lines."""
    assert run(["serve", "--password", PASSWORD]) == 2


def test_the_log_is_checked_on_the_command_line(place: str, capsys: pytest.CaptureFixture[str]) -> None:
    store = open_store(place)
    for number in range(3):
        store.audit.append("nurse", "read", f"p{number}")
    status, out, _ = tocsin(capsys, "--store", place, "--check-audit-log")
    assert status == 0
    assert "whole: 3 lines" in out
    assert store.audit.lines()[0].hash in out
    with store.database.writing() as con:
        con.execute(update(LINE).where(LINE.c.seq == 2).values(detail=json.dumps({"x": 1})))
    store.close()
    status, out, told = tocsin(capsys, "--store", place, "--check-audit-log")
    assert (status, out) == (1, "")
    assert told == f"error: {place}: the audit log is broken at line 2: it was changed, moved or taken out\n"
