"""Behind the pages: the form, the calculator's address, times of the address, files by name, the order of the board."""

import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import httpx
import pytest

from tests.support.service import Served, served
from tests.support.ward import ward
from tocsin.service.config import Config
from tocsin.service.errors import Problem
from tocsin.service.pages import forms, patient
from tocsin.service.pages.board import Sort, lines
from tocsin.service.pages.calculator import groups
from tocsin.service.pages.sheet import read_sheet
from tocsin.service.pages.static import address
from tocsin.service.patients import state_of
from tocsin.service.store import Annotation
from tocsin.service.summary import Summary

PARIS = ZoneInfo("Europe/Paris")
NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


class TestForm:
    @pytest.mark.parametrize(
        ("form", "findings"),
        [
            ({"fever": "fever:other"}, (("attribution", "fever:other", ""),)),
            ({"severity": "severity:severe", "fever": ""}, (("attribution", "severity:severe", ""),)),
            ({"ice_score": " 10 "}, (("ice_score", "10.0", "{score}"),)),
            ({"oxygen_device": "bipap"}, (("oxygen_device", "bipap", ""),)),
            (
                {"oxygen_device": "nasal_cannula", "inhaled_o2_flow": "6"},
                (("oxygen_device", "nasal_cannula", ""), ("inhaled_o2_flow", "6.0", "L/min")),
            ),
        ],
    )
    def test_what_is_filled_in_is_read(
        self, form: dict[str, str], findings: tuple[tuple[str, str, str], ...]
    ) -> None:
        assert forms.read_form(form, PARIS).findings == findings

    @pytest.mark.parametrize(
        ("form", "said"),
        [
            ({}, "nothing was filled in"),
            ({"ice_score": "10.5 or so"}, "is a number"),
            ({"ice_score": "11"}, "is 0 to 10"),
            ({"fio2": "19"}, "is 20 to 100"),
            ({"fever": "fever:maybe"}, "write one of"),
            ({"oxygen_device": "<script>"}, "write one of"),
            ({"fever": "fever:crs", "time": "yesterday"}, "write date and clock"),
        ],
    )
    def test_what_cannot_be_is_refused(self, form: dict[str, str], said: str) -> None:
        with pytest.raises(Problem, match=said) as found:
            forms.read_form(form, PARIS)
        assert found.value.status == 422

    @pytest.mark.parametrize(
        ("time", "instant"),
        [
            ("", None),
            ("2026-02-12T20:00", datetime(2026, 2, 12, 19, tzinfo=UTC)),
            ("2026-02-12T20:00Z", datetime(2026, 2, 12, 20, tzinfo=UTC)),
        ],
    )
    def test_a_time_without_a_zone_is_on_the_clocks_of_the_ward(
        self, time: str, instant: datetime | None
    ) -> None:
        assert forms.read_form({"fever": "fever:crs", "time": time}, PARIS).time == instant

    def test_every_word_of_the_form_is_one_that_can_be_kept(self) -> None:
        for group in forms.GROUPS:
            for entry in group.entries:
                for value, text in entry.options[1:]:
                    kind, kept, _ = forms.read_form({entry.name: value}, PARIS).findings[0]
                    said = forms.annotation_words(Annotation("1", NOW, kind, kept, "", "Dr", NOW))
                    assert said.casefold().endswith(text.casefold()), value


@pytest.mark.parametrize(
    ("text", "instant"),
    [
        ("", None),
        ("2026-02-12T20:00", datetime(2026, 2, 12, 19, tzinfo=UTC)),
        ("2026-02-12T20:00+02:00", datetime(2026, 2, 12, 18, tzinfo=UTC)),
        ("2026-02-12T20:00 02:00", datetime(2026, 2, 12, 18, tzinfo=UTC)),  # the plus was lost on the way
    ],
)
def test_an_instant_of_the_address_is_read(text: str, instant: datetime | None) -> None:
    assert patient.instant("at", text, PARIS) == instant


@pytest.mark.parametrize("text", ["soon", "2026-13-01", "0001-01-01T00:00", "9999-12-31T23:59"])
def test_an_instant_that_cannot_be_is_refused(text: str) -> None:
    with pytest.raises(Problem, match="at: write"):
        patient.instant("at", text, PARIS)


def test_the_calculator_asks_for_every_finding_that_calc_knows() -> None:
    from tocsin.grading.fields import crs_readers, icans_readers

    assert {field.name for group in groups() for field in group.fields} == {*crs_readers(), *icans_readers()}


class TestStatic:
    def test_a_file_is_kept_long_and_its_address_changes_with_it(self, service: Served) -> None:
        answer = service.http.get(address("pages.css"))
        assert (answer.status_code, answer.headers["content-type"]) == (200, "text/css; charset=utf-8")
        assert "immutable" in answer.headers["cache-control"]

    @pytest.mark.parametrize(
        "name", ["nothing.css", "..%2f..%2fapp.py", "pages.css%00", "%2e%2e%2fstatic.py"]
    )
    def test_nothing_else_is_served(self, service: Served, name: str) -> None:
        assert service.http.get(f"/static/{name}").status_code == 404


class TestRoutes:
    @pytest.mark.parametrize(
        ("path", "status"),
        [
            ("/patients/nobody", 404),
            ("/patients/nobody/course", 404),
            ("/patients/nobody/leaflet", 404),
            ("/patients/%3Cscript%3E", 422),
            ("/board?sort=colour", 422),
            ("/?patient=nobody", 404),
        ],
    )
    def test_what_is_refused_is_refused_with_its_status(
        self, service: Served, path: str, status: int
    ) -> None:
        assert service.http.get(path).status_code == status

    def test_a_form_without_its_token_is_refused(self, service: Served, car_t: bytes) -> None:
        service.context.patients.ingest("1-car-t-tocilizumab", car_t)
        answer = service.http.post(
            "/patients/1-car-t-tocilizumab/annotations", data={"fever": "fever:crs", "author": "Dr"}
        )
        assert answer.status_code == 403
        assert service.context.store.annotations("1-car-t-tocilizumab") == []

    def test_a_page_is_kept_by_no_cache_and_its_reader_is_noted(self, service: Served, car_t: bytes) -> None:
        service.context.patients.ingest("1-car-t-tocilizumab", car_t)
        answer = service.http.get("/patients/1-car-t-tocilizumab")
        assert answer.headers["cache-control"] == "no-store"
        newest, *_ = service.context.store.audit.lines("1-car-t-tocilizumab")
        assert newest.act == "GET /patients/{id}"


def summary(patient: str, grades: list[int], **more: object) -> Summary:
    """A row of the board."""
    blank = Summary(
        patient=patient, name=None, at="", updated="", version=0, key="", cause="car_t", product=None, therapy_time=None,
        scale="astct", grades=grades, active=True, onset=None, since=None, spark=[], tocilizumab_doses=0,
        last_tocilizumab=None, next_at=None, next_text=None, urgent=[], missing=[], last_record=None, dead=False,
    )  # fmt: skip
    return replace(blank, **more)  # pyright: ignore[reportArgumentType]


def ago(hours: float) -> str:
    """An instant before now."""
    return (NOW - timedelta(hours=hours)).isoformat()


class TestBoard:
    @pytest.mark.parametrize(
        ("sort", "order"),
        [
            ("worst", ["open", "three", "up", "steady", "quiet", "dead"]),
            ("patient", ["dead", "open", "quiet", "steady", "three", "up"]),
            ("missing", ["quiet", "dead", "open", "steady", "three", "up"]),
            ("next", ["steady", "up", "dead", "open", "quiet", "three"]),
        ],
    )
    def test_the_order(self, sort: Sort, order: list[str]) -> None:
        rows = [
            summary("steady", [2], spark=[(ago(40), [2])], next_at=ago(1)),
            summary("up", [2], spark=[(ago(40), [1]), (ago(3), [2])], next_at=ago(-1)),
            summary("dead", [4, 5], dead=True),
            summary("quiet", [0], active=False, missing=["a", "b"]),
            summary("three", [3]),
            summary("open", [3, 4]),
        ]
        assert [line.of.patient for line in lines(rows, NOW, PARIS, sort)] == order
        turned = lines(rows, NOW, PARIS, sort, down=True)
        assert len(turned) == len(order)

    @pytest.mark.parametrize(
        ("spark", "since", "said"),
        [
            ([(ago(40), [1]), (ago(3), [3])], ago(3), "up 2 in 24 h, held 3 h"),
            ([(ago(40), [3]), (ago(3), [2])], ago(3), "down 1 in 24 h, held 3 h"),
            ([(ago(40), [2])], ago(40), "steady, held 40 h"),
            ([(ago(3), [2])], ago(3), "new in 24 h, held 3 h"),
            ([(ago(24), [2])], ago(24), "steady, held 24 h"),
        ],
    )
    def test_the_trend_in_words(self, spark: list[tuple[str, list[int]]], since: str, said: str) -> None:
        line = lines([summary("1", spark[-1][1], spark=spark, since=since)], NOW, PARIS)[0]
        assert line.trend == said


class TestSheet:
    def test_what_was_set_aside_has_its_time_and_its_cross(self) -> None:
        bundle = dict(ward(NOW + timedelta(days=3)))["3-haplo-fluids"]
        state = state_of("3-haplo-fluids", bundle, zone="Europe/Paris")
        found = [(one.value, one.reason, one.time is not None) for one in state.set_aside]
        assert found == [("99 Cel", "looks like fahrenheit", True)]
        sheet = read_sheet(state, (), PARIS, (None, None), None)
        assert [why for _, why in sheet.crosses] == ["99 Cel, looks like fahrenheit"]
        time = state.set_aside[0].time
        assert time is not None
        near = read_sheet(state, (), PARIS, (time - timedelta(hours=6), time + timedelta(hours=6)), None)
        assert "set aside: 99 Cel" in near.drawn["lanes"]

    def test_times_are_on_the_clocks_of_the_ward(self) -> None:
        bundle = dict(ward(NOW))["1-car-t-tocilizumab"]
        sheet = read_sheet(
            state_of("1-car-t-tocilizumab", bundle, at=NOW, zone="Europe/Paris"), (), PARIS, (None, None), NOW
        )
        assert "clock (CET)" in sheet.drawn["lanes"]
        assert sheet.advice is not None
        assert "Norepinephrine 4 ug/min since 06:00" in sheet.advice.grade.why
        assert sheet.link().startswith("/patients/1-car-t-tocilizumab?at=2026-03-01T13")

    @pytest.mark.parametrize(("doses", "shown"), [(1, True), (4, False)])
    def test_the_next_dose_is_only_shown_while_there_may_be_one(self, doses: int, shown: bool) -> None:
        bundle = dict(ward(NOW))["1-car-t-tocilizumab"]
        state = state_of("1-car-t-tocilizumab", bundle, at=NOW)
        assert state.advice is not None
        state = replace(state, advice=replace(state.advice, tocilizumab_doses=doses))
        sheet = read_sheet(state, (), PARIS, (None, None), NOW)
        assert (sheet.next_tocilizumab is not None) == shown


def test_pages_need_no_network(service: Served) -> None:
    for path in ("/", "/board", "/calculator"):
        text = service.http.get(path).text
        assert "http://" not in text.replace("http://www.w3.org", "")
        assert "https://" not in text


def test_an_open_board_does_not_hold_up_the_stop(tmp_path: Path) -> None:
    with httpx.Client(trust_env=False) as reader:
        with served(Config(store=str(tmp_path / "store.db"))) as found:
            asked = reader.build_request("GET", f"{found.url}/board/events")
            stream = reader.send(asked, stream=True)
            assert next(stream.iter_lines()) == "retry: 3000"
            start = time.monotonic()
        assert time.monotonic() - start < 10
        stream.close()
