"""Who is followed: members who come and go, are merged or hidden, and what a group may hold beside patients."""

from pathlib import Path
from typing import Any

import pytest

from tests.support.fhir_server import Fault, Json
from tests.support.followed import ALWAYS, following, held, ids, observation, person, there, ward
from tocsin.errors import UserError


def test_who_joins_is_read_and_who_leaves_is_asked_for_no_more(tmp_path: Path) -> None:
    server = ward("a", "b")
    server.group("a")
    with server.running(), following(server, tmp_path) as (follower, store):
        follower.round()
        server.group("b", "a", inactive=("a",))
        before = len(server.requests)
        done = follower.round()
        assert (done.patients, done.joined, done.left) == (1, 1, 1)
        assert held(store, "b") == there(server, "b")
        assert held(store, "a") == there(server, "a")  # kept, as it was
        assert {asked["patient"] for asked in ids(server, "Observation", before)} == {"b"}
        server.put(observation("a-late", "a"))
        server.group("a", "b")
        follower.round()
        assert held(store, "a") == there(server, "a")


def test_something_else_in_place_of_the_group_is_no_group_without_members(tmp_path: Path) -> None:
    server = ward("a")
    outcome: Json = {"resourceType": "OperationOutcome", "issue": []}
    usual = server.answer
    with server.running(), following(server, tmp_path) as (follower, _):
        server.answer = lambda path, query: (200, outcome)  # type: ignore[method-assign]
        with pytest.raises(UserError, match="the server answers with something else"):
            follower.round()
        server.answer = usual  # type: ignore[method-assign]
        assert follower.round().patients == 1
        server.answer = lambda path, query: (200, outcome)  # type: ignore[method-assign]
        done = follower.round()
        assert (done.left, done.is_whole) == (0, False)


def test_a_group_without_members_is_no_error(tmp_path: Path) -> None:
    server = ward()
    with server.running(), following(server, tmp_path) as (follower, _):
        done = follower.round()
        assert (done.patients, done.is_whole, done.tally.troubles) == (0, True, {})


def test_a_member_that_is_no_patient_is_said_and_passed_over(tmp_path: Path) -> None:
    server = ward("a")
    entities = [
        {"reference": "Practitioner/x"},
        {"identifier": {"value": "7"}},
        {"reference": "Patient/.."},
        {"reference": 7},
    ]
    with server.running(), following(server, tmp_path) as (follower, store):
        members = [{"entity": one} for one in [*entities, {"reference": f"{server.base}/Patient/a"}]]
        server.put({"resourceType": "Group", "id": "ward", "member": members})
        done = follower.round()
        assert done.patients == 1
        assert done.tally.troubles == {"Group: a member is no reference to a Patient": 4}
        assert held(store, "a") == there(server, "a")


def test_a_member_of_another_server_is_not_taken_for_the_one_of_the_same_id_here(tmp_path: Path) -> None:
    server = ward("a", "b")
    listed = ("https://elsewhere.example/fhir/Patient/a", "Patient/b")
    server.put(
        {"resourceType": "Group", "id": "ward", "member": [{"entity": {"reference": one}} for one in listed]}
    )
    with server.running(), following(server, tmp_path) as (follower, store):
        done = follower.round()
        assert [one.patient for one in store.patients()] == ["b"]
        assert done.tally.troubles == {
            "Group: a member is a patient of another server; only those of this one are read": 1
        }


def test_a_patient_we_may_not_look_at_does_not_hold_up_the_others(tmp_path: Path) -> None:
    server = ward("a", "b", "c")
    with server.running(), following(server, tmp_path, ALWAYS) as (follower, store):
        follower.round()
        before = held(store, "a")
        server.before = lambda request: Fault("status", 403) if request.path == "/fhir/Patient/a" else None
        for step in range(2):
            server.put(observation(f"new-{step}", "c"))
            done = follower.round()
            assert list(done.tally.troubles) == [
                "Patient: the server does not allow this (403); ask for the right to read Patient"
            ]
            assert held(store, "c") == there(server, "c")
        assert held(store, "a") == before


def test_a_patient_who_was_merged_into_another_is_said_to_be(tmp_path: Path) -> None:
    server = ward("a", "b")
    with server.running(), following(server, tmp_path, ALWAYS) as (follower, store):
        follower.round()
        link = {"other": {"reference": "Patient/b"}, "type": "replaced-by"}
        server.put({**person("a"), "active": False, "link": [link]})
        for place in range(3):
            server.put(observation(f"a-{place}", "b", 40 + place / 10))
        done = follower.round()
        assert list(done.tally.troubles) == [
            "Patient: a member of the group was merged into another; put that one into the group"
        ]
        for patient in ("a", "b"):
            assert held(store, patient) == there(server, patient)
        server.put({**person("a"), "link": [{**link, "type": "replaces"}]})
        assert not follower.round().tally.troubles


def test_a_server_that_shows_another_in_place_of_a_merged_patient_empties_no_record(tmp_path: Path) -> None:
    server = ward("a", "b")
    usual = server.answer

    def answer(path: str, query: dict[str, str]) -> tuple[int, Any]:
        there_now = {name: "b" if value == "a" else value for name, value in query.items()}
        return usual(path.replace("/Patient/a", "/Patient/b"), there_now)

    with server.running(), following(server, tmp_path, ALWAYS) as (follower, store):
        follower.round()
        before = held(store, "a")
        server.answer = answer  # type: ignore[method-assign]
        done = follower.round()
        assert held(store, "a") == before
        assert done.tally.gone == 0
        assert any("on the server no longer" in trouble for trouble in done.tally.troubles)


def test_a_person_who_dies_is_seen_dead(tmp_path: Path) -> None:
    server = ward("a")
    with server.running(), following(server, tmp_path) as (follower, store):
        follower.round()
        server.put({**person("a"), "deceasedDateTime": "2026-03-04T09:00:00Z"})
        follower.round()
        assert held(store, "a")["Patient", "a"]["deceasedDateTime"] == "2026-03-04T09:00:00Z"
