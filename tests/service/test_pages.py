"""Behind the pages: the form, the calculator's address, times of the address, files by name."""

import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import httpx
import pytest

from tests.service.conftest import bundle
from tests.support.service import Served, served
from tests.support.ward import ward
from tocsin.service.config import Config
from tocsin.service.errors import Problem
from tocsin.service.follow.mark import Mark, write_mark
from tocsin.service.pages import forms, patient
from tocsin.service.pages.calculator import groups
from tocsin.service.pages.sheet import read_sheet
from tocsin.service.pages.static import address
from tocsin.service.patients import state_of
from tocsin.service.store import Annotation, Store

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
            for entry in group.fields:
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


class TestOneForm:
    def test_it_is_kept_in_one_step(self, service: Served, car_t: bytes) -> None:
        patients, store = service.context.patients, service.context.store
        patients.ingest("1-car-t-tocilizumab", car_t)
        known = store.patient("1-car-t-tocilizumab")
        said = [("oxygen_device", "bipap", ""), ("fio2", "60", ""), ("ice_score", "9", "")]
        kept = patients.annotate_with("1-car-t-tocilizumab", said, time=NOW, author="Dr Made-up")
        assert [one.kind for one in kept] == ["oxygen_device", "fio2", "ice_score"]
        after = store.patient("1-car-t-tocilizumab")
        assert known is not None
        assert after is not None
        assert after.version == known.version + 1
        assert store.annotations("1-car-t-tocilizumab")[-3:] == kept

    def test_one_that_cannot_be_leaves_nothing(self, service: Served, car_t: bytes) -> None:
        patients, store = service.context.patients, service.context.store
        patients.ingest("1-car-t-tocilizumab", car_t)
        before = store.annotations("1-car-t-tocilizumab")
        said = [("ice_score", "9", ""), ("ice_score", "11", "")]
        with pytest.raises(Problem, match="is 0 to 10"):
            patients.annotate_with("1-car-t-tocilizumab", said, time=NOW, author="Dr Made-up")
        assert store.annotations("1-car-t-tocilizumab") == before

    def test_a_write_that_breaks_off_keeps_none_of_it(self, store: Store) -> None:
        store.save_resources("p1", [])
        first = Annotation("p1", NOW, "ice_score", "9", "{score}", "Dr Made-up", NOW)
        broken = replace(first, value=None)  # pyright: ignore[reportArgumentType]
        with pytest.raises(Problem):
            store.annotate(first, broken)
        assert store.annotations("p1") == []


class TestSetAside:
    def test_rows_are_counted_by_their_reason(self) -> None:
        bundle = dict(ward(NOW + timedelta(days=3)))["3-haplo-fluids"]
        state = state_of("3-haplo-fluids", bundle, zone="Europe/Paris")
        fever, other = state.set_aside[0], replace(state.set_aside[0], reason="no value")
        state = replace(state, set_aside=(other, fever, fever))
        sheet = read_sheet(state, (), PARIS, (None, None), None)
        assert [(reason, len(rows)) for reason, rows in sheet.aside] == [
            ("looks like fahrenheit", 2),
            ("no value", 1),
        ]

    def test_what_follow_could_not_keep_is_told_with_its_reason(self, service: Served, car_t: bytes) -> None:
        service.context.patients.ingest("1-car-t-tocilizumab", car_t)
        mark = Mark(
            "https://fhir.example",
            aside={
                "Observation/a": "other_patient",
                "Observation/<b>": "other_patient",
                "Device/c": "new_code",
            },
        )
        write_mark(service.context.store, "1-car-t-tocilizumab", mark)
        text = service.http.get("/patients/1-car-t-tocilizumab").text
        assert "Not kept: 3 resources of the FHIR server" in text
        assert "<strong>2</strong> of another patient" in text
        assert "<strong>1</strong> new code" in text
        assert "<li>Observation/&lt;b&gt;</li>" in text

    def test_a_long_list_is_cut_and_says_so(self, service: Served, car_t: bytes) -> None:
        service.context.patients.ingest("1-car-t-tocilizumab", car_t)
        aside = {f"Observation/{place}": "no_id" for place in range(60)}
        write_mark(service.context.store, "1-car-t-tocilizumab", Mark("https://fhir.example", aside=aside))
        text = service.http.get("/patients/1-car-t-tocilizumab").text
        assert text.count("<li>Observation/") == 50
        assert "and 10 more" in text


def therapy(id: str, given: datetime, celsius: float | None) -> list[dict[str, Any]]:
    """An infusion of CAR-T cells and perhaps a temperature, made up."""
    infusion = {
        "resourceType": "MedicationAdministration",
        "id": "infusion",
        "status": "completed",
        "subject": {"reference": f"Patient/{id}"},
        "effectiveDateTime": given.isoformat(),
        "medicationCodeableConcept": {
            "coding": [{"system": "http://www.nlm.nih.gov/research/umls/rxnorm", "code": "1987398"}]
        },
    }
    reading = {
        "resourceType": "Observation",
        "id": "reading",
        "status": "final",
        "code": {"coding": [{"system": "http://loinc.org", "code": "8310-5"}]},
        "subject": {"reference": f"Patient/{id}"},
        "effectiveDateTime": given.isoformat(),
        "valueQuantity": {"value": celsius, "code": "Cel", "system": "http://unitsofmeasure.org"},
    }
    return [infusion] if celsius is None else [infusion, reading]


def test_a_row_on_other_clocks_than_those_of_now_says_so(tmp_path: Path) -> None:
    given = datetime(2025, 10, 25, 12, tzinfo=UTC)  # in the night after, the clocks of Paris go back
    record = bundle({"resourceType": "Patient", "id": "autumn"}, *therapy("autumn", given, 39.0))
    with served(Config(store=str(tmp_path / "store.db"), zone="Europe/Paris")) as found:
        found.context.patients.ingest("autumn", record)
        text = found.http.get("/patients/autumn?at=2025-10-26T12:00Z").text
        assert "Time (CET)" in text
        assert "25 Oct 14:00 CEST</th>" in text
        text = found.http.get("/patients/autumn?at=2025-10-25T13:00Z").text
        assert "25 Oct 14:00</th>" in text


def test_a_phone_is_sent_a_narrow_course(service: Served, car_t: bytes) -> None:
    service.context.patients.ingest("1-car-t-tocilizumab", car_t)
    at = "?at=2026-02-12T21:00-05:00"
    wide, narrow = (
        service.http.get(f"/patients/1-car-t-tocilizumab/course{at}{more}").text for more in ("", "&narrow=1")
    )
    assert 'viewBox="0 0 1000 ' in wide
    assert 'viewBox="0 0 340 ' in narrow
    assert 'viewBox="0 0 1000 ' not in narrow


class TestWhoHasLittleOnRecord:
    def page(self, service: Served, id: str, *resources: dict[str, Any]) -> str:
        service.context.patients.ingest(id, bundle({"resourceType": "Patient", "id": id}, *resources))
        return service.http.get(f"/patients/{id}").text

    def test_without_a_therapy_nothing_is_promised(self, service: Served) -> None:
        text = self.page(service, "nothing-on-record")
        for said in (
            "No therapy on record",
            "Nothing can be advised without a therapy",
            "<strong>The therapy</strong>: without one",
            "Nothing to draw",
        ):
            assert said in text
        assert "Leaflet for the patient" not in text
        assert "Nothing that the guidance asks for" not in text

    @pytest.mark.parametrize(
        ("celsius", "said", "unsaid"),
        [
            (None, "No temperature is on record", "No fever on record"),
            (37.0, "No fever on record", "No temperature is on record"),
        ],
    )
    def test_no_temperature_is_not_no_fever(
        self, service: Served, celsius: float | None, said: str, unsaid: str
    ) -> None:
        id, given = f"only-therapy-{celsius}", datetime.now(UTC) - timedelta(hours=30)
        text = self.page(service, id, *therapy(id, given, celsius))
        assert said in text
        assert unsaid not in text
        assert "Nothing charted for 30 h" in text


class TestSheet:
    @pytest.mark.parametrize(("hours", "silent"), [(4, False), (4.1, True)])
    def test_a_silence_in_an_episode_is_told(self, hours: float, silent: bool) -> None:
        record = bundle({"resourceType": "Patient", "id": "p1"}, *therapy("p1", NOW, 39.0))
        at = NOW + timedelta(hours=hours)
        sheet = read_sheet(state_of("p1", record, at=at), (), PARIS, (None, None), at)
        assert sheet.active
        assert sheet.has_gone_silent is silent

    def test_the_reason_says_which_moment_it_speaks_of(self) -> None:
        bundle = dict(ward(NOW))["1-car-t-tocilizumab"]
        state = state_of("1-car-t-tocilizumab", bundle, at=NOW)
        sheet = read_sheet(state, (), PARIS, (None, None), NOW)
        assert state.course is not None
        assert sheet.why_at == state.course.rows[-1].time

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
