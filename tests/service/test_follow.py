"""Following a FHIR server: what is asked for, what is kept, and what becomes of what changes, moves, comes late or goes."""

from datetime import timedelta
from pathlib import Path

import pytest

from tests.support.fhir_server import START, FhirServer, Request
from tests.support.followed import (
    ALWAYS,
    demo_patient,
    following,
    grades,
    held,
    ids,
    observation,
    there,
    ward,
)
from tocsin.service.store import Incoming


def test_the_store_holds_what_the_server_has_and_grades_the_same(tmp_path: Path) -> None:
    server = FhirServer(per_page=40)
    patients = [demo_patient(server, number) for number in (0, 4)]
    server.group(*patients)
    with server.running(), following(server, tmp_path) as (follower, store):
        done = follower.round()
        for patient in patients:
            assert held(store, patient) == there(server, patient)
            assert grades(held(store, patient)) == grades(there(server, patient))
            assert len(grades(held(store, patient))) > 3
        assert (done.patients, done.tally.changed, done.is_whole) == (2, 2, True)
        assert not done.tally.troubles
        again = follower.round()
        assert (again.tally.new, again.tally.changed) == (0, 0)


def test_both_kinds_of_store_are_filled_alike(place: str) -> None:
    server = ward("a", "b", temperatures=7, per_page=3)
    with server.running():
        for step in range(3):  # a new process each time
            with following(server, place, ALWAYS) as (follower, store):
                assert follower.round().is_whole
                for patient in ("a", "b"):
                    assert held(store, patient) == there(server, patient)
            server.put(observation("a-1", "a", 38 + step))
            server.delete("Observation", f"b-{step}")


def test_only_what_the_timeline_reads_is_asked_for(tmp_path: Path) -> None:
    server = ward("a")
    with server.running(), following(server, tmp_path) as (follower, _):
        follower.round()
    asked = {one.path.removeprefix("/fhir/") for one in server.requests}
    assert asked == {
        "Group/ward", "Patient", "Observation", "MedicationAdministration", "Procedure", "DeviceUseStatement", "Condition",
    }  # fmt: skip
    assert all("_lastUpdated" not in one for one in ids(server, "Observation"))
    assert ids(server, "Observation")[0] == {"patient": "a", "_sort": "_lastUpdated", "_count": "500"}
    assert ids(server, "Patient")[0]["_id"] == "a"


def test_later_rounds_ask_from_the_latest_change_less_the_overlap(tmp_path: Path) -> None:
    server = ward("a", temperatures=1)
    with server.running(), following(server, tmp_path) as (follower, store):
        follower.round()
        last = server.put(observation("new", "a"))["meta"]["lastUpdated"]
        follower.round()
        follower.round()
        assert held(store, "a") == there(server, "a")
    asked = ids(server, "Observation")[-1]["_lastUpdated"]
    assert last == "2026-03-04T08:00:04.000+00:00"
    assert asked == "ge2026-03-04T07:50:04.000Z"


def test_a_new_follower_goes_on_where_the_one_before_stopped(tmp_path: Path) -> None:
    server = ward("a")
    with server.running():
        with following(server, tmp_path) as (follower, _):
            follower.round()
        before = len(server.requests)
        server.put(observation("new", "a"))
        with following(server, tmp_path) as (follower, store):
            assert follower.round().tally.new == 1
            assert held(store, "a") == there(server, "a")
        assert all("_lastUpdated" in asked for asked in ids(server, "Observation", before))


def test_a_new_version_takes_the_place_of_the_old_one_and_an_error_is_seen_at_once(tmp_path: Path) -> None:
    server = ward("a")
    with server.running(), following(server, tmp_path) as (follower, store):
        follower.round()
        server.put(observation("a-0", "a", 40.1))
        server.put(observation("a-1", "a", status="entered-in-error"))
        assert follower.round().tally.new == 2
        assert held(store, "a") == there(server, "a")
        assert held(store, "a")["Observation", "a-1"]["status"] == "entered-in-error"
        assert store.versions("a") == 6


@pytest.mark.parametrize(
    ("minutes", "found"),
    [(9.9, True), (10.0, True), (10.1, False)],
)
def test_what_is_committed_late_is_found_within_the_overlap(
    tmp_path: Path, minutes: float, found: bool
) -> None:
    server = ward("a")
    with server.running(), following(server, tmp_path) as (follower, store):
        server.now += timedelta(hours=1)
        last = server.put(observation("last", "a"))
        follower.round()
        server.put(observation("late", "a"), updated=server.now - timedelta(minutes=minutes))
        assert last["meta"]["lastUpdated"]
        follower.round()
        assert (("Observation", "late") in held(store, "a")) is found


def test_what_is_later_still_is_found_when_everything_is_compared(tmp_path: Path) -> None:
    server = ward("a")
    with server.running():
        with following(server, tmp_path) as (follower, _):
            follower.round()
        server.put(observation("late", "a"), updated=START - timedelta(days=3))
        with following(server, tmp_path, ALWAYS) as (follower, store):
            follower.round()
            assert held(store, "a") == there(server, "a")


@pytest.mark.parametrize("sorts", [True, False])
def test_nothing_slips_through_between_pages_that_move(tmp_path: Path, sorts: bool) -> None:
    """While the first pages are read, what stands on them is changed: all the rest moves up by one."""
    server = ward("a", temperatures=9, per_page=3, sorts=sorts)
    moved: list[int] = []

    def move(request: Request) -> None:
        if request.query.get("_offset") in ("3", "6") and len(moved) < 2:
            server.put(observation(f"a-{len(moved)}", "a", 39 + len(moved)))
            moved.append(request.number)

    with server.running(), following(server, tmp_path) as (follower, store):
        server.before = move  # type: ignore[assignment]
        follower.round()
        assert len(moved) == 2
        assert held(store, "a") == there(server, "a")


def test_a_deletion_between_pages_loses_nothing(tmp_path: Path) -> None:
    server = ward("a", temperatures=9, per_page=3)
    asked: list[int] = []

    def vanish(request: Request) -> None:
        if request.query.get("_offset") == "3":
            asked.append(request.number)
            if len(asked) == 1:
                server.delete("Observation", "a-0")

    with server.running(), following(server, tmp_path) as (follower, store):
        server.before = vanish  # type: ignore[assignment]
        follower.round()
        missing = there(server, "a").keys() - held(store, "a").keys()
        assert len(asked) > 1  # read a second time, because the first was in pages
        assert not missing


def test_a_deleted_resource_goes_when_everything_is_compared(tmp_path: Path) -> None:
    server = ward("a", temperatures=7, per_page=3)
    with server.running():
        with following(server, tmp_path) as (follower, _):
            follower.round()
        server.delete("Observation", "a-1")
        with following(server, tmp_path) as (follower, store):
            follower.round()
            assert ("Observation", "a-1") in held(store, "a")
        with following(server, tmp_path, ALWAYS) as (follower, store):
            assert follower.round().tally.gone == 1
            assert held(store, "a") == there(server, "a")
            assert store.versions("a") == 8  # what was, is still known
            server.put(observation("a-1", "a"))
            follower.round()
            assert held(store, "a") == there(server, "a")


def test_what_a_long_list_loses_between_two_pages_is_not_taken_for_deleted(tmp_path: Path) -> None:
    server = ward("a", temperatures=9, per_page=3)

    def vanish(request: Request) -> None:
        if request.query.get("_offset") == "3" and "_elements" in request.query:
            server.delete("Observation", "a-0")

    with server.running(), following(server, tmp_path, ALWAYS) as (follower, store):
        follower.round()
        server.before = vanish  # type: ignore[assignment]
        assert follower.round().tally.gone == 0
        assert ("Observation", "a-3") in held(store, "a")
        server.before = None
        assert follower.round().tally.gone == 1
        assert held(store, "a") == there(server, "a")


def test_a_resource_that_moves_to_another_patient_moves_here_too(tmp_path: Path) -> None:
    server = ward("a", "b")
    with server.running(), following(server, tmp_path, ALWAYS) as (follower, store):
        follower.round()
        server.put(observation("a-1", "b", 41))
        follower.round()
        assert held(store, "a") == there(server, "a")
        assert held(store, "b") == there(server, "b")
        assert follower.round().tally.aside == 0


def test_what_came_in_by_another_door_is_never_let_go(tmp_path: Path) -> None:
    server = ward("a")
    with server.running(), following(server, tmp_path, ALWAYS) as (follower, store):
        store.save_resources("a", [Incoming("Observation", "from-elsewhere", b'{"id":"from-elsewhere"}')])
        follower.round()
        assert follower.round().tally.gone == 0
        assert ("Observation", "from-elsewhere") in held(store, "a")


def test_a_patient_hidden_from_us_keeps_the_record_as_it_was(tmp_path: Path) -> None:
    server = ward("a")
    with server.running(), following(server, tmp_path, ALWAYS) as (follower, store):
        follower.round()
        before = held(store, "a")
        for kind, id in list(before):
            server.delete(kind, id)
        done = follower.round()
        assert held(store, "a") == before
        assert list(done.tally.troubles) == [
            "Patient: a member of the group is on the server no longer; the record stays as it was"
        ]
