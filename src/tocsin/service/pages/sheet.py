"""What the page of a patient shows, worked out once: the state in words, the pictures, and the ways to zoom."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cached_property
from types import MappingProxyType
from typing import Final
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from tocsin.grading.words import label
from tocsin.guidance.advice import Advice, Due, Item
from tocsin.guidance.clocks import read_clock
from tocsin.knowledge.dosing import dose
from tocsin.knowledge.flags import flags
from tocsin.knowledge.scales import scale
from tocsin.knowledge.sources import Source, source
from tocsin.report import outline
from tocsin.report.build import views
from tocsin.report.course import Course, Episode, Mark, Row
from tocsin.report.labels import day_text, days, drug_name
from tocsin.report.sentences import episode_sentence
from tocsin.report.svg import NARROW, PARTS, WIDE, Picture, course_svg, window_of
from tocsin.service.pages.forms import annotation_words
from tocsin.service.pages.render import therapy_words
from tocsin.service.patients import PatientState
from tocsin.service.set_aside import SetAside
from tocsin.service.store import Annotation

_HOUR: Final = timedelta(hours=1)
_DAY: Final = timedelta(days=1)
SILENT: Final = timedelta(hours=4)  # in an episode a silence so long is told
_NEAR: Final = timedelta(minutes=2)  # an address has whole minutes, and time goes on
_YEAR: Final = timedelta(days=365.25)
_CONDITIONS: Final = ("hlh", "sepsis", "tumor_lysis", "pulmonary_embolism", "heart_failure")
# Why a resource of a FHIR server is not kept, by the code of the refusal.
_UNKEPT: Final = {
    "other_patient": "of another patient",
    "not_fhir": "not FHIR as it can be read",
    "not_json": "not FHIR as it can be read",
    "no_id": "without an id",
    "too_deep": "nested too deep",
}
Span = tuple[datetime | None, datetime | None]


@dataclass(frozen=True)
class Sheet:
    """The page of one patient at an instant."""

    state: PatientState
    said: Sequence[Annotation]
    zone: ZoneInfo
    span: Span  # what was asked to be drawn
    asked: datetime | None  # the instant that was asked for, None for now
    unread: Mapping[str, str] = field(default_factory=dict[str, str])  # what `follow` could not keep
    narrow: bool = False  # whether the course is drawn for a phone

    @property
    def id(self) -> str:
        """The patient's id in the source."""
        return self.state.patient

    @property
    def name(self) -> str:
        """The name, or the id where there is none."""
        return self.state.name or self.state.patient

    @cached_property
    def at(self) -> datetime:
        """The instant, on the clocks of the ward."""
        return self.state.at.astimezone(self.zone)

    @property
    def advice(self) -> Advice | None:
        """The advice at that instant."""
        return self.state.advice

    @property
    def course(self) -> Course | None:
        """The course up to that instant."""
        return self.state.course

    @property
    def active(self) -> bool:
        """Whether an episode is under way."""
        return self.state.situation is not None and self.state.situation.chart.active

    @property
    def dead(self) -> datetime | None:
        """When the patient died."""
        death = self.state.situation.chart.death if self.state.situation else None
        return death.astimezone(self.zone) if death else None

    @property
    def age(self) -> str:
        """The age in words."""
        born = self.state.birth_date
        if born is None:
            return "birth date unknown"
        years = (self.at.date() - born) / _YEAR
        age = f"{int(years)} years" if years >= 2 else f"{int(years * 12)} months"
        return f"born {born.day} {born:%b %Y}, {age}"

    @property
    def therapy(self) -> str:
        """The therapy in words."""
        return (
            therapy_words(self.advice.cause, self.advice.product)
            if self.advice
            else therapy_words(None, None)
        )

    @property
    def therapy_time(self) -> datetime | None:
        """When the therapy was given, the latest dose."""
        given = self.state.situation.therapy.time if self.state.situation else None
        return given.astimezone(self.zone) if given else None

    @property
    def day_zero(self) -> datetime | None:
        """The instant that days are counted from: that of the picture."""
        return self.picture.view.therapy_time if self.picture else self.therapy_time

    @property
    def day(self) -> str:
        """The day since the therapy."""
        return day_text(days(self.at, self.day_zero)) if self.day_zero else ""

    @property
    def why_at(self) -> datetime | None:
        """The instant that the reason of the grade speaks of: the last change of the state."""
        return self.rows[-1].time.astimezone(self.zone) if self.rows else None

    @property
    def next_check(self) -> Due | None:
        """The next look that is due."""
        return outline.next_check(self.advice) if self.advice else None

    @property
    def last_record(self) -> datetime | None:
        """The last record that was seen."""
        return (
            self.course.recorded[-1].astimezone(self.zone) if self.course and self.course.recorded else None
        )

    @property
    def silent(self) -> float:
        """The hours since the last record."""
        return (self.at - self.last_record) / _HOUR if self.last_record else 0.0

    @property
    def has_gone_silent(self) -> bool:
        """Whether nothing was charted for so long that the record says little of now."""
        return timedelta(hours=self.silent) > (SILENT if self.active else _DAY)

    @property
    def held(self) -> float | None:
        """For how many hours the grade has been what it is."""
        since = self.advice.grade.since if self.advice else None
        return (self.at - since) / _HOUR if since else None

    @property
    def scale(self) -> str:
        """The name of the scale of record."""
        named = self.advice.grade.scale if self.advice else None
        return label(scale(named)) if named else ""

    @property
    def tocilizumab(self) -> tuple[int, int | None]:
        """The doses of tocilizumab in the episode, and how many there may be."""
        return (self.advice.tocilizumab_doses if self.advice else 0), dose("tocilizumab_from_30").max_doses

    @cached_property
    def last_tocilizumab(self) -> datetime | None:
        """When tocilizumab was last given."""
        given = self.state.situation.treatment.tocilizumab if self.state.situation else ()
        return max(given).astimezone(self.zone) if given else None

    @cached_property
    def next_tocilizumab(self) -> datetime | None:
        """The earliest next dose: only after a first one, in an episode under way, and while one more may be given."""
        given, most = self.tocilizumab
        if (
            self.state.situation is None
            or not self.active
            or not given
            or (most is not None and given >= most)
        ):
            return None
        reading = read_clock("tocilizumab_repeat", self.state.situation)
        return reading.earliest.astimezone(self.zone) if reading and reading.earliest else None

    @cached_property
    def picture(self) -> Picture | None:
        """What is drawn."""
        if self.course is None or not self.course.recorded:
            return None
        start, end = self.span
        ahead = [
            time + _HOUR
            for time in (self.at, self.next_tocilizumab)
            if time and self.active and not self.dead
        ]
        view = window_of(self.course, start, end)
        if end is None and ahead and max(ahead) - view.end < timedelta(days=2):
            view = window_of(self.course, view.start, max(view.end - 11 * _HOUR, *ahead))
        layout = NARROW if self.narrow else WIDE
        return Picture(self.course, view, self.at, self.next_tocilizumab, self.crosses, layout)

    @property
    def crosses(self) -> list[tuple[datetime, str]]:
        """The readings that were set aside and whose time is known."""
        return [
            (one.time.astimezone(self.zone), f"{one.value}, {one.reason}")
            for one in self.state.set_aside
            if one.time
        ]

    @property
    def aside(self) -> list[tuple[str, list[SetAside]]]:
        """The rows that were set aside by their reason, the commonest first."""
        reasons = Counter(one.reason for one in self.state.set_aside)
        return [
            (reason, [one for one in self.state.set_aside if one.reason == reason])
            for reason, _ in reasons.most_common()
        ]

    @property
    def unkept(self) -> list[tuple[str, list[str]]]:
        """The resources of the FHIR server that could not be kept, by the reason in words."""
        found: dict[str, list[str]] = {}
        for name, code in self.unread.items():
            found.setdefault(_UNKEPT.get(code, drug_name(code)), []).append(name)
        return sorted(found.items())

    @cached_property
    def drawn(self) -> dict[str, str]:
        """The pictures by part; a part without anything is left out."""
        if self.picture is None:
            return {}
        return {part: text for part in PARTS if (text := course_svg(self.picture, part))}

    @property
    def sentences(self) -> list[str]:
        """Each episode in words."""
        return [episode_sentence(self.course, one) for one in self.course.episodes] if self.course else []

    @property
    def episode(self) -> Episode | None:
        """The last episode."""
        return self.course.episodes[-1] if self.course and self.course.episodes else None

    @property
    def rows(self) -> tuple[Row, ...]:
        """The rows of the course."""
        return self.course.rows if self.course else ()

    @property
    def flags(self) -> list[tuple[str, str]]:
        """Each flag of the course with what it means and what to do."""
        raised = {flag for row in self.rows for flag in row.flags}
        raised |= {flag for one in (self.course.episodes if self.course else ()) for flag in one.flags}
        return [(flag, f"{flags()[flag].meaning} {flags()[flag].do}") for flag in sorted(raised)]

    @property
    def sections(self) -> list[tuple[str, str, list[Item]]]:
        """What to do, by urgency: how urgent, the heading, the items."""
        if self.advice is None:
            return []
        found: list[tuple[str, str, list[Item]]] = []
        for urgency, head in (("now", "Now"), ("soon", "Soon")):
            found.append((urgency, head, outline.certain(self.advice, urgency, "consensus")))
            found.append((urgency, f"{head}, by the label", outline.certain(self.advice, urgency, "label")))
        found[2:2] = [
            ("open", f"If {what} (the record leaves it open)", items)
            for what, items in outline.open_acts(self.advice)
        ]
        return [(urgency, head, items) for urgency, head, items in found if items]

    @property
    def acts_now(self) -> bool:
        """Whether an act is asked for now, not a look alone."""
        return bool(self.advice and outline.acts_now(self.advice))

    @property
    def work_up(self) -> list[tuple[str, list[Item]]]:
        """The checklist by how far the record ticks it."""
        items = outline.work_up(self.advice) if self.advice else []
        grouped = [
            (head, [one for one in items if one.check and one.check.state == state])
            for state, head in outline.CHECKED
        ]
        return [(head, found) for head, found in grouped if found]

    @property
    def differential(self) -> list[Item]:
        """What else it may be."""
        return outline.differential(self.advice) if self.advice else []

    @property
    def rest(self) -> list[Item]:
        """What is routine, for information, or open and no act."""
        return outline.rest(self.advice) if self.advice else []

    @property
    def assessments(self) -> list[tuple[str, Mark]]:
        """The last of each neurological score."""
        return [(lane.name, lane.marks[-1]) for lane in self.course.neuro] if self.course else []

    @property
    def conditions(self) -> list[tuple[str, datetime]]:
        """Other conditions on record, each with its last time."""
        events = self.state.situation.chart.events if self.state.situation else ()
        found = {
            event["signal"]: event["time"].astimezone(self.zone)
            for event in events
            if event["signal"] in _CONDITIONS
        }
        return [(drug_name(name), time) for name, time in found.items()]

    @property
    def cited(self) -> list[Source]:
        """The sources of everything that is advised."""
        keys = [key for item in (self.advice.items if self.advice else ()) for key in item.source]
        found = {source(key).key: source(key) for key in keys}
        return list(found.values())

    @property
    def notes(self) -> list[tuple[Annotation, str]]:
        """What clinicians said, the latest first, in words."""
        return [(one, annotation_words(one)) for one in reversed(self.said)]

    @property
    def zooms(self) -> list[tuple[str, str, bool]]:
        """The ways to another stretch of the course: what it is called, its address, and whether it is the one drawn."""
        if self.picture is None or self.course is None:
            return []
        view, first, last = self.picture.view, self.course.recorded[0], self.course.recorded[-1]
        length = view.end - view.start
        middle = view.start + length / 2
        known: list[tuple[str, datetime, datetime]] = [
            (
                f"Episode {one.episodes[0].number}" if len(one.episodes) == 1 else "Episodes",
                one.start,
                one.end,
            )
            for one in views(self.course)
        ]
        known += [
            ("All", first - _HOUR, max(last, view.end if self.active else last) + _HOUR),
            ("Last 24 h", self.at - 24 * _HOUR, self.at + _HOUR),
            ("Last 72 h", self.at - 72 * _HOUR, self.at + _HOUR),
            ("Earlier", view.start - length / 2, view.end - length / 2),
            ("Later", view.start + length / 2, view.end + length / 2),
            ("Closer", middle - max(length / 4, _HOUR), middle + max(length / 4, _HOUR)),
            ("Wider", middle - length, middle + length),
        ]
        return [
            (name, self.link(start, end), max(abs(start - view.start), abs(end - view.end)) < _NEAR)
            for name, start, end in known
        ]

    def link(
        self, start: datetime | None = None, end: datetime | None = None, at: datetime | None = None
    ) -> str:
        """Return the address of this page over a stretch of time."""
        said = {"at": at or self.asked, "from": start, "to": end}
        query = {name: _written(time, self.zone) for name, time in said.items() if time is not None}
        return f"/patients/{self.id}" + (f"?{urlencode(query)}" if query else "")


def _written(time: datetime, zone: ZoneInfo) -> str:
    return time.astimezone(zone).isoformat(timespec="minutes")


def read_sheet(
    state: PatientState,
    said: Sequence[Annotation],
    zone: ZoneInfo,
    span: Span,
    asked: datetime | None,
    unread: Mapping[str, str] = MappingProxyType({}),
    *,
    narrow: bool = False,
) -> Sheet:
    """Return the page of a patient. Raises UserError when the span to draw ends before it begins."""
    sheet = Sheet(state, said, zone, span, asked, unread, narrow)
    _ = sheet.drawn  # on the thread that is meant for work
    return sheet
