"""The situation of one patient at one instant: every fact that a rule may ask about, read from the record and nothing else."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType

from tocsin.guidance import course, findings, person, state, therapy, treatment
from tocsin.guidance.chart import Chart, open_chart
from tocsin.guidance.facts import Missing, any_of, yes_no
from tocsin.guidance.person import Person, read_person
from tocsin.guidance.therapy import Therapy, read_therapy
from tocsin.guidance.treatment import Treatment, read_treatment
from tocsin.knowledge.conditions import Value
from tocsin.records import Records


@dataclass(frozen=True)
class Situation:
    """The facts by their ids in facts.toml (None is unknown), and what they were read from."""

    chart: Chart
    person: Person
    therapy: Therapy
    treatment: Treatment
    facts: Mapping[str, Value]
    doubts: tuple[Missing, ...]  # what stands against itself


def read_situation(records: Records, at: datetime | None = None) -> Situation:
    """Return the situation at `at`, by default at the last record; nothing later is seen.

    Raises UserError where nothing is on record by then.
    """
    return situation_of(open_chart(records, at))


def situation_of(chart: Chart) -> Situation:
    """Return the situation of a chart."""
    who, therapy_now = read_person(chart), read_therapy(chart)
    given = read_treatment(chart, who)
    facts = {
        **therapy.facts(therapy_now, chart),
        **person.facts(who),
        **state.facts(chart, therapy_now),
        **treatment.facts(chart, given, who),
        **findings.facts(chart, therapy_now),
    }
    facts |= course.facts(chart, given, yes_no(facts["severe"]))
    facts["managed_as_severe"] = any_of(
        yes_no(facts["severe"]), yes_no(facts["deteriorating_on_symptomatic_care"])
    )
    doubts = tuple(_contradictions(chart))
    return Situation(chart, who, therapy_now, given, MappingProxyType(facts), doubts)


def _contradictions(chart: Chart) -> list[Missing]:
    """Return where two words of one episode stand against each other: the later one stands."""
    return [found for kind in ("severity", "response") if (found := _contradiction(chart, kind)) is not None]


def _contradiction(chart: Chart, kind: str) -> Missing | None:
    words = state.said(chart, kind, chart.since) if chart.active else []
    if len({one["text_value"] for one in words}) < 2:
        return None
    said = ", ".join(
        f"{str(one['text_value']).partition(':')[2].replace('_', ' ')} at {one['time'].astimezone(chart.zone):%d %b %H:%M}"
        for one in words[-2:]
    )
    return Missing(
        f"one word on the {kind}", f"annotations stand against each other ({said}): the later one is followed"
    )
