"""The state of each patient: what is on record, graded at an instant, with the advice, the codes and what is missing."""

import hashlib
import threading
from collections import OrderedDict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from functools import cached_property
from typing import Any, Final

import orjson

from tocsin.api import grade_bundle, grade_resources
from tocsin.coding.claim import Claim
from tocsin.coding.icd10cm import code
from tocsin.errors import UserError
from tocsin.guidance.advice import Advice
from tocsin.guidance.advise import advise_situation
from tocsin.guidance.facts import Missing
from tocsin.guidance.situation import Situation, read_situation
from tocsin.records import Records, find_subject, pick
from tocsin.report.advice import explained
from tocsin.report.build import build_course, last_reason
from tocsin.report.course import Course
from tocsin.results import Result
from tocsin.service.errors import Problem
from tocsin.service.findings import WORD, as_observation, checked_finding
from tocsin.service.intake import checked_id, read_incoming
from tocsin.service.set_aside import SetAside, set_aside
from tocsin.service.store import Annotation, Kept, Patient, Saved, Store, Stored
from tocsin.service.summary import Summary, read_summary, summary_of
from tocsin.sources.fhir.concepts import Json, as_list, as_object, clean

_CACHED: Final = 48  # states held in memory: each may be some MiB
_STALE: Final = timedelta(minutes=5)  # holds run out without a record: an active patient is looked at again
_AHEAD: Final = timedelta(minutes=5)  # how far a clinician's clock may be ahead of ours
_EARLIEST: Final = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class PatientState:
    """One patient at an instant: what pages, API and cards are made of.

    `situation`, `advice` and `course` are None where nothing of a therapy is on record by then; the course ends at `at`, nothing
    later is seen.
    """

    patient: str
    name: str | None
    at: datetime
    version: int
    updated: datetime
    result: Result
    records: Records | None
    situation: Situation | None
    advice: Advice | None
    course: Course | None
    set_aside: tuple[SetAside, ...] = ()

    @property
    def why(self) -> str:
        """The reason of the grade in words."""
        return self.advice.grade.why if self.advice else ""

    @cached_property
    def claim(self) -> Claim | None:
        """The ICD-10-CM codes, and what the documentation lacks."""
        if self.records is None or not self.records.episodes:
            return None
        return code(self.result, self.patient)

    @property
    def birth_date(self) -> date | None:
        """The birth date, where it is known to the day."""
        return self.records.subject["birth_date"] if self.records else None

    @property
    def sex(self) -> str | None:
        """The sex on record."""
        return self.records.subject["sex"] if self.records else None

    @property
    def missing(self) -> tuple[Missing, ...]:
        """What is missing to decide."""
        return self.advice.missing if self.advice else ()

    @cached_property
    def quarantine(self) -> list[dict[str, Any]]:
        """The rows that could not be used, and why."""
        return self.result.quarantine.to_pylist()

    @cached_property
    def key(self) -> str:
        """A hash of what a clinician is told: the same state always has the same key, on every machine."""
        return hashlib.sha256(orjson.dumps(_seen(self.patient, self.situation, self.advice))).hexdigest()


def state_of(
    patient: str,
    bundle: bytes,
    annotations: Sequence[Annotation] = (),
    at: datetime | None = None,
    *,
    zone: str = "UTC",
    name: str | None = None,
    version: int = 0,
    updated: datetime = _EARLIEST,
) -> PatientState:
    """Return the state of a patient of a Bundle at an instant, by default at the last record.

    Raises UserError when the bytes are no Bundle.
    """
    words, findings = _said(patient, annotations)
    result = grade_bundle(
        _with_findings(bundle, findings), settings={"zone": zone}, annotations=words, events="all"
    )
    state = _stated(patient, result, at, updated)
    if state.records is not None and state.situation is not None and state.advice is not None:
        course = build_course(state.situation.chart.as_records(state.records))
        state = replace(state, course=course, advice=explained(state.advice, state.situation, course))
    aside = set_aside(result, bundle, zone)
    return replace(state, name=name, version=version, updated=updated, set_aside=aside)


def state_of_resources(
    patient: str,
    resources: Sequence[Json],
    annotations: Sequence[Annotation] = (),
    at: datetime | None = None,
    *,
    zone: str = "UTC",
) -> PatientState:
    """Return the state of a patient of resources, Bundles among them, that are Python already: the reason, but no course."""
    words, findings = _said(patient, annotations)
    found = [*resources, *(as_observation(one, place) for place, one in enumerate(findings))]
    result = grade_resources(found, settings={"zone": zone}, annotations=words, events="all")
    state = _stated(patient, result, at, _EARLIEST)
    if state.records is None or state.situation is None or state.advice is None:
        return state
    why = last_reason(state.situation.chart.as_records(state.records))
    return replace(state, advice=replace(state.advice, grade=replace(state.advice.grade, why=why)))


def _said(
    patient: str, annotations: Sequence[Annotation]
) -> tuple[list[tuple[str, datetime, str]], list[Annotation]]:
    """Return the words of a clinician as the grader takes them, and the findings."""
    words = [(patient, one.time, one.value) for one in annotations if one.kind == WORD]
    return words, [one for one in annotations if one.kind != WORD]


def _stated(patient: str, result: Result, at: datetime | None, updated: datetime) -> PatientState:
    records = _records(result, patient)
    situation = _situation(records, at) if records is not None else None
    return PatientState(
        patient=patient,
        name=None,
        at=situation.chart.at if situation is not None else (at or updated),
        version=0,
        updated=updated,
        result=result,
        records=records,
        situation=situation,
        advice=advise_situation(situation) if situation is not None else None,
        course=None,
    )


def _records(result: Result, patient: str) -> Records | None:
    """Return the records of a patient, None where no therapy is on record."""
    try:
        subject = find_subject(result.subjects, patient, "the record")
    except UserError:
        return None
    if subject["source_id"] != patient:
        return None
    tables = {"grades": result.grades, "episodes": result.episodes, "events": result.events}
    return pick(subject, tables, result.run)


def _situation(records: Records, at: datetime | None) -> Situation | None:
    try:
        return read_situation(records, at)
    except UserError:  # nothing is on record by then
        return None


def _seen(patient: str, situation: Situation | None, advice: Advice | None) -> list[Any]:
    """Return what a clinician is told, as plain values."""
    if situation is None or advice is None:
        return [patient]
    episode = situation.chart.episode if situation.chart.active else None
    items = [
        [
            item.id,
            item.kind,
            item.urgency,
            item.condition,
            item.dose and [item.dose.drug, item.dose.amount, item.dose.unit],
        ]
        for item in advice.items
    ]
    grade = [advice.grade.scale, list(advice.grade.grades), episode and episode["episode"]]
    return [patient, advice.cause, advice.product, grade, items, [one.what for one in advice.missing]]


class Patients:
    """The states of the patients of a store, each computed when something changed and held for a while."""

    def __init__(self, store: Store, zone: str = "UTC") -> None:
        self._store, self._zone = store, zone
        self._lock = threading.Lock()
        self._states: OrderedDict[tuple[str, int, datetime], PatientState] = OrderedDict()

    def ingest(self, patient: str, bundle: bytes) -> Saved:
        """Keep the resources of a Bundle; durable before it returns.

        Raises Problem when it is no FHIR or holds a resource of somebody else.
        """
        checked_id(patient)
        return self._store.save_resources(patient, read_incoming(bundle, patient))

    def annotate(
        self, patient: str, *, time: datetime | None, kind: str, value: str, unit: str, author: str
    ) -> Annotation:
        """Keep what a clinician said of a patient, as `annotate_with` does."""
        return self.annotate_with(patient, [(kind, value, unit)], time=time, author=author)[0]

    def annotate_with(
        self, patient: str, said: Sequence[tuple[str, str, str]], *, time: datetime | None, author: str
    ) -> list[Annotation]:
        """Keep several words and findings of one moment (kind, value, unit), all of them or none; durable before it returns.

        Raises Problem for an unknown patient, word or finding, and for a time that lies ahead.
        """
        self.known(patient)
        entered = datetime.now(UTC)
        since = entered if time is None else time
        if since.tzinfo is None:
            raise Problem(
                422, "invalid", "time: write its zone, such as 2026-02-12T20:00+01:00 or 2026-02-12T19:00Z"
            )
        if since > entered + _AHEAD or since < _EARLIEST:
            raise Problem(
                422, "invalid", f"time: {since.isoformat()} lies ahead of the clock here, or before 1970"
            )
        found = [Annotation(patient, since, *checked_finding(*one), author, entered) for one in said]
        self._store.annotate(*found)
        return found

    def known(self, patient: str) -> Patient:
        """Return a patient of the store. Raises Problem (404) when there is none of that id."""
        found = self._store.patient(checked_id(patient))
        if found is None:
            raise Problem(
                404,
                "unknown_patient",
                f"no patient {patient}: send a Bundle to /api/patients/{patient}/bundle",
            )
        return found

    def state(self, patient: str, at: datetime | None = None) -> PatientState:
        """Return the state of a patient at an instant, by default now. Raises Problem (404) for an unknown one."""
        known, instant = self.known(patient), at or datetime.now(UTC)
        # Two who ask for now within one minute see the same.
        key = (patient, known.version, at or instant.replace(second=0, microsecond=0))
        with self._lock:
            if key in self._states:
                self._states.move_to_end(key)
                return self._states[key]
        state = self._compute(known, instant)
        with self._lock:
            self._states[key] = state
            while len(self._states) > _CACHED:
                self._states.popitem(last=False)
        return state

    def refresh(self, patient: str) -> Summary:
        """Compute the state of a patient now, and keep what the board shows of it."""
        state = self.state(patient)
        summary = summary_of(state)
        body = orjson.dumps(summary.as_json()).decode()
        self._store.keep_summary(Kept(patient, state.version, state.at, body))
        return summary

    def changed(self, patient: str) -> PatientState:
        """Return the state of a patient after a change, the board's row made anew."""
        self.refresh(patient)
        return self.state(patient)

    def board(self) -> list[Summary]:
        """Return the rows of the board as they were last computed, in order of id."""
        return [read_summary(one.body) for one in self._store.summaries()]

    def stale(self) -> list[str]:
        """Return the patients whose row of the board is not of their last version, or too old for an active one."""
        kept = {one.patient: one for one in self._store.summaries()}
        before = datetime.now(UTC) - _STALE
        found: list[str] = []
        for known in self._store.patients():
            row = kept.get(known.patient)
            old = row is not None and row.at < before and read_summary(row.body).active
            if row is None or row.version != known.version or old:
                found.append(known.patient)
        return found

    def _compute(self, known: Patient, at: datetime) -> PatientState:
        resources, annotations = self._store.resources(known.patient), self._store.annotations(known.patient)
        return state_of(
            known.patient,
            _bundle(resources),
            annotations,
            at,
            zone=self._zone,
            name=_name(resources),
            version=known.version,
            updated=known.updated,
        )


def _bundle(resources: Sequence[Stored]) -> bytes:
    """Return what is on record as one Bundle."""
    return _collection(
        b'{"fullUrl":' + orjson.dumps(one.full_url) + b',"resource":' + one.content + b"}"
        for one in resources
    )


def _with_findings(bundle: bytes, findings: Sequence[Annotation]) -> bytes:
    """Return a Bundle with the findings that a clinician entered as Observations beside it: a Bundle may hold another."""
    if not findings:
        return bundle
    entered = [orjson.dumps(as_observation(one, place)) for place, one in enumerate(findings)]
    return _collection(b'{"resource":' + one + b"}" for one in (bundle, *entered))


def _collection(entries: Iterable[bytes]) -> bytes:
    return b'{"resourceType":"Bundle","type":"collection","entry":[' + b",".join(entries) + b"]}"


def _name(resources: Sequence[Stored]) -> str | None:
    """Return the name of the patient as the record writes it."""
    found = next((one for one in resources if one.type == "Patient"), None)
    if found is None:
        return None
    names = [as_object(one) for one in as_list(orjson.loads(found.content).get("name"))]
    chosen = next((one for one in names if one.get("use") == "official"), names[0] if names else {})
    parts = [*as_list(chosen.get("given")), chosen.get("family")]
    return clean(chosen.get("text")) or clean(" ".join(str(part) for part in parts if part))
