"""What Tocsin computed, as FHIR resources: an Observation per change of grade and per ICANS assessment, a Condition and an
AdverseEvent per episode, and the Provenance of each."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from tocsin.exports.fhir_evidence import EVENT_ID, event_resource_id
from tocsin.exports.fhir_terms import (
    Resource,
    coding,
    concept,
    diagnosis,
    moment,
    patient_id,
    reference,
    resource_id,
)
from tocsin.exports.parts import source_row
from tocsin.grading.assessments import Assessment, assessments
from tocsin.grading.sets import in_words, members
from tocsin.grading.words import label
from tocsin.knowledge.fhir_export import fhir_extensions
from tocsin.knowledge.scales import scale
from tocsin.knowledge.vocabulary import SCALES
from tocsin.records import Records
from tocsin.report.build import build_course
from tocsin.report.course import Course, Episode, Grades, Row
from tocsin.report.labels import grades_text, therapy_name

COMPUTED: Final = (
    "Computed by Tocsin from the records named in its Provenance; not documented by a clinician."
)
_ACTIVITY: Final = "Grading by rule, from the entities"
_ICANS: Final = "ICANS grade, ASTCT"
_CRS, _SYNDROME = "crs", "Cytokine release syndrome"


@dataclass(frozen=True)
class Made:
    """Who computed, and when."""

    device: Resource
    recorded: datetime


def findings(records: Records, evidence: Sequence[Resource], made: Made) -> list[Resource]:
    """Return all computed resources of a subject; `evidence` are the resources of its events."""
    return list(_Findings(records, evidence, made).all())


class _Findings:
    """Makes the computed resources of one subject."""

    def __init__(self, records: Records, evidence: Sequence[Resource], made: Made) -> None:
        self._records, self._made = records, made
        self._source_id: str = records.subject["source_id"]
        self._who = {"reference": f"Patient/{patient_id(self._source_id)}"}
        self._evidence = {one["id"]: one for one in evidence}
        self._course: Course = build_course(records)

    def all(self) -> Iterator[Resource]:
        """Yield the resources, each with its Provenance behind it."""
        of_episode: dict[int, list[Resource]] = {}
        for row in _changes(self._course.rows):
            found = self._grade(row)
            of_episode.setdefault(row.episode, []).append(found)
            yield found
            events = [one.event_id for one in row.evidence]
            yield from self._provenance([found], self._events(events))
        for one in assessments(self._records.events, self._course.birth_date):
            found = self._icans(one)
            yield found
            yield from self._provenance([found], self._events(self._at(one)))
        for episode in self._course.episodes:
            grades = of_episode[episode.number]
            condition = self._condition(episode, grades)
            event = self._adverse_event(episode, condition)
            yield from (condition, event)
            yield from self._provenance([condition, event], [reference(one) for one in grades])

    def _id(self, *parts: object) -> str:
        return resource_id(self._source_id, *parts)

    def _events(self, event_ids: Sequence[int]) -> list[Resource]:
        """Return References to the resources of some events, with the row of the source that each came from."""
        found = [
            (event_id, self._evidence.get(event_resource_id(self._source_id, event_id)))
            for event_id in event_ids
        ]
        return [
            {
                **reference(one),
                "identifier": {"system": EVENT_ID, "value": str(event_id)},
                "display": source_row(self._records.run, event_id),
            }
            for event_id, one in found
            if one is not None
        ]

    def _observation(self, id: str, time: datetime, name: str, grades: Grades) -> Resource:
        """Return the Observation of a grade; one that the records leave open has no value, but the grades it may be."""
        head: Resource = {
            "resourceType": "Observation", "id": id, "status": "preliminary", "code": concept(name),
            "subject": self._who, "effectiveDateTime": moment(time), "device": reference(self._made.device),
        }  # fmt: skip
        return {**head, **_graded(grades)}

    def _grade(self, row: Row) -> Resource:
        bits = row.sets[row.scale]
        found = self._observation(
            self._id("grade", row.episode, moment(row.time)), row.time, _name(row.scale), bits
        )
        others = [
            {"code": concept(_name(one)), **_graded(row.sets[one])} for one in SCALES if one != row.scale
        ]
        observed = [
            one for one in row.evidence if one.part != "vasopressor"
        ]  # FHIR derives from Observations only
        derived = self._events([one.event_id for one in observed])
        said = [row.why, row.settled_by, *(["This row closes the episode."] if row.closing else [])]
        return {
            **found,
            "component": [*_possible(bits), *others],
            **({"derivedFrom": derived} if derived else {}),
            "note": [{"text": text} for text in said if text],
        }

    def _icans(self, one: Assessment) -> Resource:
        bits = members(one.grades)
        found = self._observation(self._id("icans", moment(one.time)), one.time, _ICANS, bits)
        derived = [
            each for each in self._events(self._at(one)) if each["reference"].startswith("Observation/")
        ]
        possible = _possible(bits)
        return {
            **found,
            **({"component": possible} if possible else {}),
            "derivedFrom": derived,
            "note": [{"text": COMPUTED}],
        }

    def _at(self, one: Assessment) -> list[int]:
        """Return the events of an assessment: the findings of its instant."""
        names = ("ice_score", "capd_score", "consciousness", "seizure")
        return [
            event["event_id"]
            for event in self._records.events
            if event["time"] == one.time and event["signal"] in names
        ]

    def _condition(self, episode: Episode, grades: Sequence[Resource]) -> Resource:
        """Return the diagnosis of an episode; unconfirmed, as nobody has documented it."""
        over = episode.resolved_at
        text = f"{_SYNDROME}, peak grade {grades_text(episode.peak)} ({label(scale(episode.scale))})"
        status = "resolved" if over else "active"
        found: Resource = {
            "resourceType": "Condition", "id": self._id("condition", episode.number),
            "clinicalStatus": {"coding": [coding("condition_clinical", status)]},
            "verificationStatus": {"coding": [coding("condition_verification", "unconfirmed")]},
            "code": diagnosis(_CRS, text, _only(episode.peak)), "subject": self._who,
            "onsetDateTime": moment(episode.onset),
            **({"abatementDateTime": moment(over)} if over else {}),
            "evidence": [{"detail": [reference(one) for one in grades]}],
            "note": [{"text": COMPUTED}],
        }  # fmt: skip
        return found

    def _adverse_event(self, episode: Episode, condition: Resource) -> Resource:
        """Return the adverse event of an episode. How serious it was, and the study, the records do not say."""
        only = _only(episode.peak)
        # The guide means the investigator's grade, and R4 has no other place in an AdverseEvent to say whose it is.
        text = f"Grade {grades_text(episode.peak)}, {label(scale(episode.scale))}, computed"
        text += "" if only is not None else ", left open by the records"
        extension: list[Resource] = [
            {"url": fhir_extensions()["ae_grade"].url, "valueCodeableConcept": concept(text)}
        ]
        if episode.resolved_at:
            when = moment(episode.resolved_at)
            extension.append({"url": fhir_extensions()["resolve_date"].url, "valueDateTime": when})
        suspects = self._therapies(episode)
        return {
            "resourceType": "AdverseEvent", "id": self._id("adverse event", episode.number), "extension": extension,
            "actuality": "actual",
            "event": diagnosis(_CRS, f"{_SYNDROME} after {therapy_name(episode.cause, episode.product)}", only),
            "subject": self._who, "date": moment(episode.onset),
            "resultingCondition": [reference(condition)],
            "outcome": {"coding": [coding("adverse_event_outcome", _outcome(episode, only))]},
            **({"suspectEntity": [{"instance": reference(one)} for one in suspects]} if suspects else {}),
        }  # fmt: skip

    def _therapies(self, episode: Episode) -> list[Resource]:
        """Return the resources of the therapy that an episode belongs to, of a kind that FHIR can suspect."""
        ids = [
            event_resource_id(self._source_id, event["event_id"])
            for event in self._records.events
            if event["time"] == episode.therapy_time
            and str(event["text_value"]).partition("/")[0] == episode.cause
        ]
        found = (self._evidence[one] for one in ids if one in self._evidence)
        return [one for one in found if one["resourceType"] in ("MedicationAdministration", "Procedure")]

    def _provenance(self, targets: Sequence[Resource], sources: Sequence[Resource]) -> Iterator[Resource]:
        """Yield what some resources rest on."""
        yield {
            "resourceType": "Provenance",
            "id": resource_id("provenance", *(one["id"] for one in targets)),
            "target": [reference(one) for one in targets],
            "recorded": moment(self._made.recorded),
            "activity": concept(_ACTIVITY),
            "agent": [{"who": reference(self._made.device)}],
            **({"entity": [{"role": "source", "what": one} for one in sources]} if sources else {}),
        }


def _changes(rows: Sequence[Row]) -> Iterator[Row]:
    """Yield the rows at which a grade changes on some scale, the first and the closing row of each episode among them."""
    before: Row | None = None
    for row in rows:
        if before is None or before.episode != row.episode or before.sets != row.sets or row.closing:
            yield row
        before = row


def _name(id: str) -> str:
    return f"CRS grade, {label(scale(id))}"


def _only(grades: Grades) -> int | None:
    """Return the grade of a set that has one; the peak of an episode is at least 1."""
    return grades[0] if len(grades) == 1 else None


def _graded(grades: Grades) -> dict[str, Any]:
    """Return a grade as a value, or why there is none."""
    only = _only(grades)
    if only is not None:
        return {"valueInteger": only}
    words = in_words(sum(1 << grade for grade in grades))
    return {
        "dataAbsentReason": concept(f"left open by the records: {words}", coding("data_absent", "unknown"))
    }


def _possible(grades: Grades) -> list[Resource]:
    """Return a component for each grade that an open one may be."""
    if _only(grades) is not None:
        return []
    return [{"code": concept("Grade that the records allow"), "valueInteger": grade} for grade in grades]


def _outcome(episode: Episode, only: int | None) -> str:
    """Return how an episode went; fatal only where a death was laid to it."""
    if episode.ended == "death":
        return "fatal" if only == 5 else "unknown"
    if episode.resolved_at:
        return "resolved"
    return "ongoing" if "ongoing_at_last_record" in episode.flags else "unknown"
