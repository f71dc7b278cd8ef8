"""The store: idempotent by content, history kept, the same on SQLite and on PostgreSQL."""

import json
import sqlite3
import threading
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import delete, insert, update

from tests.service.conftest import bundle, new_database, resource
from tests.support.postgres import Server
from tocsin.errors import UserError
from tocsin.service.errors import Problem
from tocsin.service.intake import read_incoming
from tocsin.service.store import Annotation, Kept, Saved, Store, open_store, schema
from tocsin.service.store.database import instant, micros, reachable

NOON = datetime(2026, 2, 12, 12, tzinfo=UTC)


def save(store: Store, *resources: dict[str, object], patient: str = "p1") -> Saved:
    return store.save_resources(patient, read_incoming(bundle(*resources), patient))


def contents(store: Store, patient: str = "p1") -> list[dict[str, object]]:
    return [json.loads(one.content) for one in store.resources(patient)]


def test_the_same_bundle_twice_changes_nothing(store: Store) -> None:
    pair = resource(id="o1", valueInteger=1), resource(id="o2", valueInteger=2)
    assert save(store, *pair) == Saved(new=2, same=0, version=1)
    assert save(store, *pair) == Saved(new=0, same=2, version=1)
    assert store.versions("p1") == 2


def test_the_order_of_fields_is_no_new_content(store: Store) -> None:
    save(store, {"resourceType": "Medication", "id": "m", "status": "active"})
    assert save(store, {"status": "active", "id": "m", "resourceType": "Medication"}).new == 0


def test_later_content_takes_the_place_of_earlier_and_both_are_kept(store: Store) -> None:
    save(store, resource(valueInteger=1))
    assert save(store, resource(valueInteger=2)) == Saved(1, 0, 2)
    assert [one["valueInteger"] for one in contents(store)] == [2]
    assert store.versions("p1") == 2


def test_a_correction_back_to_the_first_content_counts(store: Store) -> None:
    for value in (1, 2, 1):
        save(store, resource(valueInteger=value))
    assert [one["valueInteger"] for one in contents(store)] == [1]
    assert store.versions("p1") == 3


@pytest.mark.parametrize(
    ("first", "second", "stands"),
    [
        ("2026-02-12T12:00:00Z", "2026-02-12T11:59:59Z", 1),  # late: what is there is newer
        ("2026-02-12T12:00:00Z", "2026-02-12T12:00:00Z", 2),
        ("2026-02-12T12:00:00Z", "2026-02-12T12:00:01Z", 2),
        ("2026-02-12T12:00:00Z", "2026-02-12T12:30:00+01:00", 1),  # zones are reckoned with
        ("2026-02-12T12:00:00Z", "soon", 2),  # no word for when: the order of arrival
    ],
)
def test_what_a_resource_says_of_its_update_decides(
    store: Store, first: str, second: str, stands: int
) -> None:
    save(store, resource(valueInteger=1, meta={"lastUpdated": first}))
    late = resource(valueInteger=2, meta={"lastUpdated": second})
    assert save(store, late).new == 1
    assert [one["valueInteger"] for one in contents(store)] == [stands]
    assert store.versions("p1") == 2
    assert save(store, late).new == 0, "a version that came late is kept once"


def test_versions_of_one_bundle_are_all_kept_and_the_last_counts(store: Store) -> None:
    assert save(store, resource(valueInteger=1), resource(valueInteger=2), resource(valueInteger=2)).new == 2
    assert [one["valueInteger"] for one in contents(store)] == [2]


def test_a_resource_without_an_id_is_known_by_its_content(store: Store) -> None:
    assert save(store, resource(id=None, valueInteger=1), resource(id=None, valueInteger=2)).new == 2
    assert save(store, resource(id=None, valueInteger=1)).new == 0


def test_patients_do_not_touch_each_other(store: Store) -> None:
    save(store, resource(valueInteger=1))
    save(store, resource(valueInteger=9, patient="p2"), patient="p2")
    assert [one["valueInteger"] for one in contents(store, "p2")] == [9]
    assert [(one.patient, one.version) for one in store.patients()] == [("p1", 1), ("p2", 1)]
    assert store.patient("p3") is None
    assert store.resources("p3") == []


def test_many_resources_come_back_in_order(store: Store) -> None:
    many = [resource(id=f"o{place}", valueInteger=place) for place in range(1001)]
    assert save(store, *many).new == 1001
    assert [one["valueInteger"] for one in contents(store)] == list(range(1001))


def test_any_text_is_kept_as_it_came(store: Store) -> None:
    texts = [
        "'; DROP TABLE patients; --",
        "<script>alert(1)</script>",
        "nul \x00 inside",
        "𝔘 ﷽ é",
        "..\\..\\x",
    ]
    save(store, *[resource(id=text, valueString=text) for text in texts])
    assert [one["valueString"] for one in contents(store)] == texts
    assert save(store, *[resource(id=text, valueString=text) for text in texts]).new == 0


def test_side_by_side_nothing_is_doubled_or_lost(store: Store) -> None:
    many = [resource(id=f"o{place}", valueInteger=place) for place in range(40)]
    answers: list[Saved] = []
    threads = [threading.Thread(target=lambda: answers.append(save(store, *many))) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(one.new for one in answers) == [0, 0, 0, 0, 0, 40]
    assert store.versions("p1") == 40


def test_a_write_that_fails_half_way_leaves_nothing(store: Store) -> None:
    class Stop(Exception):
        pass

    def fail() -> None:
        with store.database.writing() as con:
            con.execute(insert(schema.patients).values(patient="p9", version=1, created=0, updated=0))
            raise Stop

    with pytest.raises(Stop):
        fail()
    assert store.patient("p9") is None


def test_annotations_are_kept_in_the_order_they_were_entered(store: Store) -> None:
    save(store, resource())
    said = [
        Annotation("p1", NOON, "attribution", "fever:other", "", "Dr <b>A</b>", NOON),
        Annotation("p1", NOON, "ice_score", "6.0", "{score}", "B", NOON),
    ]
    assert [store.annotate(one) for one in said] == [2, 3]
    assert store.annotations("p1") == said


def test_the_mark_grows_with_every_change_and_with_nothing_else(store: Store) -> None:
    marks = [store.mark()]
    for value in (1, 2):
        save(store, resource(valueInteger=value))
        marks.append(store.mark())
    save(store, resource(valueInteger=2))
    store.annotate(Annotation("p1", NOON, "attribution", "fever:crs", "", "A", NOON))
    marks.append(store.mark())
    assert marks == [0, 1, 2, 3]


def test_a_summary_of_an_older_version_does_not_replace_a_newer(store: Store) -> None:
    save(store, resource())
    for version, body in ((2, "new"), (1, "old"), (2, "newer")):
        store.keep_summary(Kept("p1", version, NOON, body))
    assert [one.body for one in store.summaries()] == ["newer"]


def test_the_audit_log_is_a_chain(store: Store) -> None:
    for patient in ("p1", "p2", None):
        store.audit.append("nurse", "read", patient, page="course")
    assert store.audit.broken_at() is None
    assert [(one.seq, one.patient, one.detail) for one in store.audit.lines()] == [
        (3, None, {"page": "course"}),
        (2, "p2", {"page": "course"}),
        (1, "p1", {"page": "course"}),
    ]
    assert [one.seq for one in store.audit.lines("p1")] == [1]


@pytest.mark.parametrize("change", ["edit", "take out", "take out the first"])
def test_a_change_of_the_audit_log_is_found(store: Store, change: str) -> None:
    for patient in ("p1", "p2", "p3"):
        store.audit.append("nurse", "read", patient)
    line = schema.audit
    with store.database.writing() as con:
        if change == "edit":
            con.execute(update(line).where(line.c.seq == 2).values(who="nobody"))
        else:
            con.execute(delete(line).where(line.c.seq == (2 if change == "take out" else 1)))
    assert store.audit.broken_at() == {"edit": 2, "take out": 3, "take out the first": 2}[change]


def test_lines_written_side_by_side_make_one_chain(store: Store) -> None:
    threads = [threading.Thread(target=store.audit.append, args=("a", "read", "p1")) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert store.audit.count() == 12
    assert store.audit.broken_at() is None


def test_feedback_and_cursors(store: Store) -> None:
    store.feedback.append("card", "patient-view", "overridden", {"reason": "known"}, "ehr")
    assert [(one.outcome, one.body) for one in store.feedback.of("card")] == [
        ("overridden", {"reason": "known"})
    ]
    assert store.feedback.of("other") == []
    assert store.cursors.read("ward") is None
    for page in (1, 2):
        store.cursors.write("ward", {"page": page})
    assert store.cursors.read("ward") == {"page": 2}


def test_a_store_opens_again_with_what_is_in_it(place: str) -> None:
    first = open_store(place)
    save(first, resource(valueInteger=7))
    first.close()
    again = open_store(place)
    assert [one["valueInteger"] for one in contents(again)] == [7]
    assert reachable(again.database)
    again.close()


def test_a_store_of_another_version_is_not_opened(place: str) -> None:
    store = open_store(place)
    with store.database.writing() as con:
        con.execute(update(schema.about).values(value="0"))
    store.close()
    with pytest.raises(UserError, match=r"schema 0, not"):
        open_store(place)


def test_a_store_whose_tables_are_others_is_not_opened(place: str) -> None:
    """A store of the time before a column was there says so at once, not at the first read."""
    store = open_store(place)
    with store.database.writing() as con:
        con.exec_driver_sql("ALTER TABLE cards DROP COLUMN summary")
    store.close()
    with pytest.raises(UserError, match=r"another version of Tocsin \(schema 1, not 1; cards is another\)"):
        open_store(place)


def test_a_store_that_lacks_a_table_gets_it(place: str) -> None:
    store = open_store(place)
    save(store, resource())
    with store.database.writing() as con:
        schema.cursors.drop(con)
    store.close()
    store = open_store(place)
    store.cursors.write("x", {})
    assert [one.patient for one in store.patients()] == ["p1"]
    store.close()


def test_tables_of_somebody_else_are_left_alone(tmp_path: Path, place: str) -> None:
    store = open_store(place)
    with store.database.writing() as con:
        schema.about.drop(con)
    store.close()
    other = tmp_path / "other.db"
    with sqlite3.connect(other) as con:
        con.execute("CREATE TABLE orders (number INTEGER)")
    con.close()
    for one in (place, str(other)):
        with pytest.raises(
            UserError, match="there are tables in it, but no store of Tocsin; name another place"
        ):
            open_store(one)
    with sqlite3.connect(other) as con:
        assert con.execute("SELECT name FROM sqlite_master").fetchall() == [("orders",)]
    con.close()


def test_the_address_of_a_database_says_how_it_is_encrypted(postgres: Server) -> None:
    place = new_database(postgres)
    for how in ("disable", "prefer"):
        store = open_store(f"{place}?sslmode={how}")
        assert "?" not in store.database.name
        store.close()
    for how in ("require", "verify-full"):  # the server of these tests cannot encrypt, so nothing is sent
        with pytest.raises(UserError, match=r"cannot be reached|refused"):
            open_store(f"{place}?sslmode={how}")


def test_a_row_of_the_board_may_come_from_two_at_once(store: Store) -> None:
    """A caller grades a patient while the keeper of the board does so, too."""
    troubles, start = list[Problem](), threading.Barrier(4)
    for step in range(25):
        save(store, resource(patient=f"p{step}"), patient=f"p{step}")

    def keep() -> None:
        for step in range(25):
            start.wait()
            try:
                store.keep_summary(Kept(f"p{step}", 1, NOON, "{}"))
            except Problem as problem:
                troubles.append(problem)

    keepers = [threading.Thread(target=keep) for _ in range(4)]
    for keeper in keepers:
        keeper.start()
    for keeper in keepers:
        keeper.join()
    assert troubles == []
    assert len(store.summaries()) == 25


def test_a_file_of_patients_is_for_its_owner_only(tmp_path: Path) -> None:
    file = tmp_path / "new folder" / "store.db"
    store = open_store(str(file))
    save(store, resource())
    assert all(one.stat().st_mode & 0o077 == 0 for one in file.parent.iterdir())
    store.close()


@pytest.mark.parametrize(
    ("place", "says"),
    [
        ("/proc/nowhere/store.db", "name a file that may be written"),
        ("mysql://localhost/x", r"the store is a file \(SQLite\) or postgresql://"),
        ("postgresql://:::/", "cannot be read|cannot be reached"),
        ("postgresql://nobody:hidden@127.0.0.1:1/none", "cannot be reached"),
        ("postgresql://nobody@127.0.0.1:1/none?password=hidden", "a password belongs into PGPASSWORD"),
        (
            "postgresql://nobody@127.0.0.1:1/none?sslmode=allow",
            "sslmode=verify-full, require, prefer or disable",
        ),
        ("postgresql://nobody@127.0.0.1:1/none?timeout=9", "only sslmode"),
    ],
)
def test_a_store_that_cannot_be_opened_says_so_in_one_line(place: str, says: str) -> None:
    with pytest.raises(UserError, match=says) as raised:
        open_store(place)
    assert "\n" not in raised.value.message
    assert "hidden" not in raised.value.message


def test_a_file_that_is_no_store(tmp_path: Path) -> None:
    file = tmp_path / "notes.txt"
    file.write_text("not a database, but long enough to be taken for one" * 20, encoding="utf-8")
    with pytest.raises(UserError, match="file is not a database"):
        open_store(str(file))


def test_what_the_database_cannot_do_is_one_plain_error(store: Store) -> None:
    with pytest.raises(Problem) as raised, store.database.writing() as con:
        con.exec_driver_sql("SELECT secret FROM nowhere")
    assert (raised.value.status, raised.value.code) == (503, "store_unavailable")
    assert "secret" not in raised.value.message


def test_instants_come_back_as_they_were() -> None:
    for time in (NOON, datetime(1969, 12, 31, tzinfo=UTC), datetime(2026, 1, 1, 0, 0, 0, 1, UTC)):
        assert instant(micros(time)) == time
