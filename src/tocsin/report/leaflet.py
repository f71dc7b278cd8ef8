"""The patient page: what it says to one patient, of whom it needs only the therapy and its date."""

from dataclasses import dataclass
from datetime import date as Date
from datetime import timedelta
from functools import cache
from typing import Any
from zoneinfo import ZoneInfo

from tocsin.errors import UserError
from tocsin.knowledge.causes import Cause, cause_words
from tocsin.knowledge.patient_pages import PatientPage, Statement, patient_page
from tocsin.knowledge.products import cause_of, window_d
from tocsin.knowledge.reading import therapy_signals
from tocsin.knowledge.rules import rule
from tocsin.knowledge.timeline import defaults
from tocsin.records import Records
from tocsin.report.labels import figure, therapy_name
from tocsin.report.leaflet_html import Card, html
from tocsin.report.support import of_signal


@dataclass(frozen=True, slots=True)
class Treatment:
    """The therapy of a patient: its cause, its product where known, and the day of the latest dose where known."""

    cause: Cause
    product: str | None
    day: Date | None

    @property
    def last_day(self) -> Date | None:
        """The last day of the time in which CRS most often starts after this therapy."""
        return self.day and self.day + timedelta(days=window_d(self.cause, self.product))


def leaflet(product: str | None = None, date: Date | None = None, language: str = "en") -> str:
    """Return the patient page as one HTML text that needs no network and no script.

    `product` is the id of a product and `date` the day of its latest dose; without them the page has lines to write on.

    Raises UserError for a product or a language that is not known, or a date without a product.

    >>> from datetime import date
    >>> from tocsin import leaflet
    >>> "from 2 March 2026 to 16 March 2026" in leaflet("tisagenlecleucel", date(2026, 3, 2))
    True
    """
    return draw(treatment_of(product, date), language)


def treatment_of(product: str | None, day: Date | None) -> Treatment | None:
    """Return the therapy that a user names. Raises UserError for an unknown product or a date without one."""
    if product is None and day is not None:
        raise UserError("the date has no product: name the product too, or leave both out")
    return None if product is None else Treatment(cause_of(product), product, day)


def treatment_in(records: Records) -> Treatment:
    """Return the latest therapy of a subject; its day is in the zone that the run was told, else UTC.

    Raises UserError when the kept events hold no therapy.
    """
    given = of_signal(records.events, "index_therapy", *therapy_signals())
    if not given:
        raise UserError(
            f"subject {records.subject['source_id']}: no therapy in events.parquet; name --product and --date, "
            "or grade with --events all"
        )
    last = max(given, key=lambda event: event["time"])
    cause, _, product = (last["text_value"] or _words(last["signal"])).partition("/")
    zone = ZoneInfo(records.run["parameters"]["set"].get("zone", "UTC"))
    return Treatment(cause_words()[cause], product or None, last["time"].astimezone(zone).date())


def _words(signal: str) -> str:
    cause, product = therapy_signals()[signal]
    return f"{cause}/{product or ''}"


def draw(treatment: Treatment | None, language: str) -> str:
    """Return the page in a language for a therapy, or with lines to write on."""
    page = patient_page(language)
    return html(page, card(page, treatment), figures())


def card(page: PatientPage, treatment: Treatment | None) -> Card:
    """Return what is said of the patient's own therapy."""
    if treatment is None:
        return Card(None, None, None, (page.later,))
    start, end = treatment.day, treatment.last_day
    watch = (
        start
        and end
        and page.words["watch_range"].format(start=in_words(page, start), end=in_words(page, end))
    )
    kind = page.therapies[treatment.cause.id]
    name = f"{therapy_name(treatment.cause.id, treatment.product)}, {kind}" if treatment.product else kind
    beside = (*(text for cause, text in page.causes.items() if cause == treatment.cause.id), page.later)
    return Card(name, start and in_words(page, start), watch, beside)


def in_words(page: PatientPage, day: Date) -> str:
    """Return a date as the language writes it."""
    return page.words["day"].format(day=day.day, month=page.months[day.month - 1], year=day.year)


def said(treatment: Treatment | None, language: str) -> dict[str, Any]:
    """Return what the page says as JSON has it: the therapy with its dates, and each statement with its rules."""
    page = patient_page(language)
    own = card(page, treatment)
    sections = [
        {"id": one.id, "title": one.title, "statements": [_statement(line) for line in one.statements]}
        for one in page.sections
    ]
    head = {"language": page.code, "translation": page.translation}
    beside = [_statement(line) for line in own.beside]
    return {
        **head,
        "treatment": own.treatment,
        "date": own.date,
        "watch": own.watch,
        "beside": beside,
        "sections": sections,
    }


def _statement(statement: Statement) -> dict[str, Any]:
    rows = [rule(id) for id in statement.rules]
    basis = [
        {"id": row.id, "source": list(row.source), "strength": row.strength, "confidence": row.confidence}
        for row in rows
    ]
    return {"text": statement.text.format(**figures()), "rules": basis}


@cache
def figures() -> dict[str, str]:
    """The figures that the page takes from the timeline: the fever threshold in both units."""
    fever = defaults().fever_threshold_cel
    return {"fever_c": f"{fever:.1f}", "fever_f": figure(fever * 9 / 5 + 32)}
