"""What one claim is about: the episodes that follow one therapy, their peak, and the grades that the record itself documents."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import cached_property
from itertools import groupby

from tocsin.coding.claim import Grades
from tocsin.grading import sets
from tocsin.knowledge.icd10cm import Icd10Code, Of, fiscal_year, icd10_codes
from tocsin.records import Line, Records, scale_of_record, zone_of

Reported = tuple[int, date | None]  # a grade and the day on which it began


@dataclass(frozen=True)
class Stay:
    """The episodes of one subject after one therapy; `until` is the next therapy that has an episode.

    `reported` holds the grades that the site gave, each with its day; None where the day is not known.
    """

    records: Records
    episodes: tuple[Line, ...]
    until: datetime | None
    named_scale: str | None
    reported: tuple[Reported, ...]

    @property
    def first(self) -> Line:
        """The episode that the stay began with."""
        return self.episodes[0]

    @property
    def scale(self) -> str:
        """The scale that the peak is read from: the one named, else the scale of record."""
        return self.named_scale or scale_of_record(self.records.run, self.first["cause"])

    @cached_property
    def rows(self) -> list[Line]:
        """The grade rows of the episodes."""
        own = {episode["episode"] for episode in self.episodes}
        return [row for row in self.records.grades if row["episode"] in own]

    @cached_property
    def events(self) -> list[Line]:
        """The events from the therapy until the next one that has an episode."""
        return [
            event
            for event in self.records.events
            if event["time"] >= self.first["therapy_time"]
            and (self.until is None or event["time"] < self.until)
        ]

    @cached_property
    def peak(self) -> Grades:
        """The lowest and the highest grade that the peak may be, one where they are the same."""
        return _span([row[f"{self.scale}_set"] for row in self.rows])

    @cached_property
    def living_peak(self) -> Grades:
        """The same without the row of a death."""
        return _span([row[f"{self.scale}_set"] for row in self.rows if row["driver"] != "death"])

    @cached_property
    def icans(self) -> Grades:
        """The same for ICANS; nothing where none was assessed."""
        return _span([episode["icans_peak_set"] for episode in self.episodes if episode["icans_peak_set"]])

    @property
    def death_unexplained(self) -> bool:
        """Whether a death in an episode may or may not be due to CRS."""
        return any(
            row["driver"] == "death" and len(sets.members(row[f"{self.scale}_set"])) > 1 for row in self.rows
        )

    @property
    def day(self) -> date:
        """The day of the onset, in the zone of the record."""
        return self._day(self.first["onset"])

    @property
    def last_day(self) -> date:
        """The day of the last instant that an episode is known to have gone on."""
        ends = [episode["resolved_at"] for episode in self.episodes if episode["resolved_at"]]
        seen = [row["time"] for row in self.rows if not row["closing"]]
        if self.episodes[-1]["ended"] is None:
            seen += [event["time"] for event in self.events[-1:]]
        return self._day(max([*ends, *seen]))

    @property
    def year(self) -> int:
        """The fiscal year of the onset."""
        return fiscal_year(self.day)

    def _day(self, time: datetime) -> date:
        return time.astimezone(zone_of(self.records.run)).date()

    def documented(self, of: Of) -> list[tuple[Icd10Code, date | None]]:
        """Return the leaves that the record itself holds for a condition, each with the day it was first said."""
        found: dict[str, tuple[Icd10Code, date | None]] = {}
        said = [(_code_of(event, of), self._day(event["time"])) for event in self.events]
        said += [(_leaf_of(grade), day) for grade, day in self.reported if of == "crs" and self._holds(day)]
        for code, day in said:
            if code is not None:
                found.setdefault(code.id, (code, day))
        return list(found.values())

    def _holds(self, day: date | None) -> bool:
        """Return whether a day lies in the stay; an unknown one does if there is no other stay."""
        if day is None:
            return len({row["therapy_time"] for row in self.records.episodes}) == 1
        return self._day(self.first["therapy_time"]) <= day and (
            self.until is None or day < self._day(self.until)
        )


def stays(records: Records, named_scale: str | None, reported: Sequence[Reported] = ()) -> list[Stay]:
    """Return the stays of a subject in order of time: an episode that recurs after one therapy joins the one before it."""
    groups = [tuple(rows) for _, rows in groupby(records.episodes, key=lambda row: row["therapy_time"])]
    nexts = [*(group[0]["therapy_time"] for group in groups[1:]), None]
    given = tuple(reported)
    return [
        Stay(records, group, until, named_scale, given) for group, until in zip(groups, nexts, strict=False)
    ]


def _span(bits: Sequence[int]) -> Grades:
    """Return the largest minimum and the largest maximum of some sets, one number where they are the same."""
    members = [sets.members(each) for each in bits]
    low = max((grades[0] for grades in members), default=None)
    high = max((grades[-1] for grades in members), default=None)
    if low is None or high is None:
        return ()
    return (low,) if low == high else (low, high)


def decided(grades: Grades) -> int | None:
    """Return the only grade, None where it is open or there is none."""
    return grades[0] if len(grades) == 1 else None


def either(grades: Grades) -> str:
    """Return grades as people say them: `2 or 3`."""
    return " or ".join(map(str, grades))


def _leaf_of(grade: int) -> Icd10Code | None:
    return next((code for code in icd10_codes().values() if code.of == "crs" and code.grade == grade), None)


def _code_of(event: Line, of: Of) -> Icd10Code | None:
    """Return the leaf with a grade that an event says, if it says one."""
    if event["signal"] != of:
        return None
    said = event["code"].replace(".", "").upper()
    leaves = (code for code in icd10_codes().values() if code.of == of and code.grade is not None)
    return next((code for code in leaves if said.endswith(code.id.replace(".", ""))), None)
