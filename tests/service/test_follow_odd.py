"""Following what is not as it should be: bad resources, wrong clocks, servers that can do less."""

from datetime import timedelta
from pathlib import Path
from threading import Barrier, Thread
from typing import Any

import pytest

from tests.support.fhir_server import START, Fault, FhirServer, Json, Request
from tests.support.followed import (
    ALWAYS,
    NEVER,
    administration,
    following,
    held,
    observation,
    there,
    ward,
)
from tocsin.service.errors import Problem
from tocsin.service.follow import Follower, Habits, Round
from tocsin.service.follow.mark import Mark, read_mark, write_mark
from tocsin.service.store import open_store


def test_a_bad_resource_does_not_hold_up_the_others_and_is_kept_once_it_is_mended(tmp_path: Path) -> None:
    server = ward("a", temperatures=1)
    deep: Json = {}
    for _ in range(300):
        deep = {"extension": [deep]}
    bad: list[Json] = [
        observation("no/id", "a"),
        observation("deep", "a", extension=[deep]),
        observation("others", "a"),
    ]
    for one in bad:
        server.put(one)
    server.put(observation("good", "a"))
    with server.running(), following(server, tmp_path) as (follower, store):
        (server.get("Observation", "others") or {})["subject"] = {
            "reference": "https://elsewhere.example/Patient/b"
        }
        _show_all_of(server, "a")
        done = follower.round()
        assert set(held(store, "a")) == {("Patient", "a"), ("Observation", "a-0"), ("Observation", "good")}
        assert done.tally.aside == 3
        assert done.is_whole
        mark = read_mark(store, "a")
        assert mark is not None
        assert mark.aside == {
            "Observation/no/id": "no_id",
            "Observation/deep": "too_deep",
            "Observation/others": "other_patient",
        }
        assert follower.round().tally.aside == 3  # seen again in the overlap, counted once
        server.put(observation("others", "a"))
        assert follower.round().tally.aside == 2
        assert ("Observation", "others") in held(store, "a")


def _show_all_of(server: FhirServer, patient: str) -> None:
    """Let the server answer every search for a patient with all that it has of the type."""
    usual = server.answer

    def answer(path: str, query: dict[str, str]) -> tuple[int, Any]:
        return usual(
            path, {name: value for name, value in query.items() if name != patient and name != "patient"}
        )

    server.answer = answer  # type: ignore[method-assign]


def test_a_server_that_ignores_the_patient_mixes_nobody_up(tmp_path: Path) -> None:
    server = ward("a", "b")
    _show_all_of(server, "a")
    with server.running(), following(server, tmp_path, ALWAYS) as (follower, store):
        follower.round()
        follower.round()
        assert held(store, "a") == there(server, "a")
        assert held(store, "b") == there(server, "b")


@pytest.mark.parametrize("status", [400, 403, 404])
def test_a_type_that_the_server_does_not_give_holds_up_nothing_else(tmp_path: Path, status: int) -> None:
    server = ward("a", not_served={"DeviceUseStatement": status, "Procedure": status})
    with server.running(), following(server, tmp_path, ALWAYS) as (follower, store):
        done = follower.round()
        assert held(store, "a") == there(server, "a")
        assert done.is_whole
        assert sorted(trouble.split(":")[0] for trouble in done.tally.troubles) == [
            "DeviceUseStatement",
            "Procedure",
        ]
        assert follower.round().tally.gone == 0


def test_a_drug_that_stands_in_another_resource_is_read_with_it(tmp_path: Path) -> None:
    rxnorm = "http://www.nlm.nih.gov/research/umls/rxnorm"
    drug = {
        "resourceType": "Medication",
        "id": "toci",
        "code": {"coding": [{"system": rxnorm, "code": "612865"}]},
    }
    server = ward("a")
    server.put(drug)
    server.put(administration("dose", "a", medicationReference={"reference": "Medication/toci"}))
    server.put(administration("lost", "a", medicationReference={"reference": "Medication/nowhere"}))
    with server.running(), following(server, tmp_path, ALWAYS) as (follower, store):
        follower.round()
        codes = {one.id: one.full_url for one in store.resources("a") if one.type == "Medication"}
        assert codes == {"toci": f"{server.base}/Medication/toci"}
        before = len(server.requests)
        follower.round()
        fetched = [one.path for one in server.requests[before:] if "/Medication/" in one.path]
        assert fetched == ["/fhir/Medication/toci"]  # looked at again, because everything is compared
        server.delete("Medication", "toci")
        follower.round()
        assert "toci" in {one.id for one in store.resources("a")}  # what was given does not become unknown


@pytest.mark.parametrize("hours", [-5, -1, 1, 5])
def test_a_clock_that_is_set_right_loses_nothing(tmp_path: Path, hours: float) -> None:
    server = ward("a")
    with server.running(), following(server, tmp_path) as (follower, store):
        follower.round()
        for step in range(3):
            server.now += timedelta(hours=hours if step == 0 else 0, seconds=30)
            server.put(observation(f"step-{step}", "a", 37 + step))
            server.put(observation("a-0", "a", 38 + step))
            follower.round()
            assert held(store, "a") == there(server, "a")


def test_one_time_far_ahead_does_not_blind_us(tmp_path: Path) -> None:
    server = ward("a")
    with server.running(), following(server, tmp_path) as (follower, store):
        server.put(observation("ahead", "a"), updated=START + timedelta(days=3000))
        follower.round()
        server.now += timedelta(seconds=30)
        server.put(observation("next", "a"))
        follower.round()
        assert held(store, "a") == there(server, "a")


@pytest.mark.parametrize("lacks", ["dates", "sorts", "elements"])
def test_a_server_that_can_do_less_is_followed_too(tmp_path: Path, lacks: str) -> None:
    server = ward("a", temperatures=7, per_page=3, **{lacks: False})
    with server.running(), following(server, tmp_path, ALWAYS) as (follower, store):
        for step in range(3):
            follower.round()
            server.put(observation("a-3", "a", 38 + step))
            server.delete("Observation", f"a-{step}")
        follower.round()
        assert held(store, "a") == there(server, "a")


def test_a_search_that_the_server_forgets_on_the_way_is_begun_again(tmp_path: Path) -> None:
    server = ward("a", temperatures=9, per_page=3)
    forgotten: list[int] = []

    def forget(request: Request) -> Fault | None:
        if request.query.get("_offset") == "6" and len(forgotten) < 2:
            forgotten.append(request.number)
            return Fault("expired")
        return None

    with server.running(), following(server, tmp_path) as (follower, store):
        server.before = forget
        assert follower.round().is_whole
        assert len(forgotten) == 2
        assert held(store, "a") == there(server, "a")


@pytest.mark.parametrize("habits", [NEVER, ALWAYS], ids=["changes", "everything"])
def test_a_search_that_the_server_never_gives_to_its_end_is_said(tmp_path: Path, habits: Habits) -> None:
    server = ward("a", temperatures=9, per_page=3)
    with server.running(), following(server, tmp_path, habits) as (follower, store):
        if habits is ALWAYS:
            follower.round()
            # From now on what changed fits on one page; the list of everything does not.
            server.now += timedelta(hours=1)
            server.put(observation("new", "a"))
            follower.round()
        server.before = lambda request: Fault("expired") if "_offset" in request.query else None
        done = follower.round()
        assert not done.is_whole
        assert list(done.tally.troubles) == [
            "Observation: the server forgets a search before its last page is read; will be tried again"
        ]
        server.before = None
        assert follower.round().is_whole
        assert held(store, "a") == there(server, "a")


def test_a_page_that_comes_twice_doubles_nothing(tmp_path: Path) -> None:
    server = ward("a", temperatures=4)
    with server.running(), following(server, tmp_path) as (follower, store):
        follower.round()
        server.put(observation("a-0", "a", 41))
        follower.round()
        server.before = lambda request: Fault("stale") if request.path == "/fhir/Observation" else None
        server.put(observation("a-1", "a", 41))
        follower.round()
        follower.round()
        server.before = None
        follower.round()
        assert held(store, "a") == there(server, "a")
        assert store.versions("a") == 7  # a patient, four temperatures, two of them twice


def test_two_servers_cannot_share_the_id_of_a_patient(tmp_path: Path) -> None:
    first, second = ward("a"), ward("a", temperatures=5)
    with first.running(), second.running():
        with following(first, tmp_path) as (follower, _):
            follower.round()
        with following(second, tmp_path) as (follower, store):
            (trouble,) = follower.round().tally.troubles
            assert held(store, "a") == there(first, "a")
    assert trouble.startswith(f"a patient of the same id is followed from {first.base}")


def test_two_followers_of_one_group_lose_and_double_nothing(place: str) -> None:
    """Somebody starts a second one by mistake: both write, neither fails, and the last reading counts."""
    server = ward("a", "b", temperatures=9, per_page=3)
    done: list[Round] = []

    def follow(follower: Follower) -> None:
        for _ in range(4):
            done.append(follower.round())

    with server.running(), following(server, place) as (one, store), following(server, place) as (two, _):
        both = [Thread(target=follow, args=(each,)) for each in (one, two)]
        for each in both:
            each.start()
        for step in range(30):
            server.put(observation(f"a-{step % 9}", "a", 36 + step / 10))
        for each in both:
            each.join()
        assert [(each.is_whole, each.tally.troubles) for each in done] == [(True, {})] * 8
        assert one.round().is_whole
        for patient in ("a", "b"):
            assert held(store, patient) == there(server, patient)
            rows = store.resources(patient)
            assert len(rows) == len({(row.type, row.id) for row in rows})


def test_two_who_note_how_far_they_came_at_once_do_not_fail(place: str) -> None:
    store, troubles = open_store(place), list[Problem]()
    start = Barrier(4)

    def note(number: int) -> None:
        for step in range(25):
            start.wait()
            try:
                write_mark(store, f"p{step}", Mark("http://x", swept=float(number)))
            except Problem as problem:
                troubles.append(problem)

    writers = [Thread(target=note, args=(number,)) for number in range(4)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert troubles == []
    mark = read_mark(store, "p24")
    assert mark is not None
    assert mark.swept in range(4)
    store.close()


def test_the_habits_are_ten_minutes() -> None:
    assert Habits() == Habits(timedelta(minutes=10), 600)
    assert NEVER.overlap == Habits().overlap
