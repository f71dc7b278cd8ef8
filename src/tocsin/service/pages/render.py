"""Fills the templates: every text is escaped, times stand on the clocks of the ward."""

import re
from collections.abc import Callable
from datetime import datetime
from functools import cache
from typing import Any, Final, cast

from fastapi import Request, Response
from fastapi.responses import HTMLResponse
from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape
from markupsafe import Markup, escape

from tocsin.grading.words import label
from tocsin.guidance.advice import NOTE, Item
from tocsin.knowledge.rules import rules
from tocsin.knowledge.scales import scale
from tocsin.knowledge.sources import CONFIDENCE
from tocsin.report.advice_terminal import dose_words
from tocsin.report.labels import clock, day_text, drug_name, grades_text, quantity, therapy_name
from tocsin.report.outline import waits
from tocsin.service.access import page_context
from tocsin.service.pages.static import address
from tocsin.service.unseen import seen

_RULE: Final = re.compile(r"\b[A-Z]{2,4}-(?:\w+-)?\d{3}\b")
_PRIVATE: Final = {"Cache-Control": "no-store"}  # nothing of a patient stays on a shared machine


@cache
def _environment() -> Environment:
    found = Environment(
        loader=PackageLoader("tocsin.service.pages"),
        autoescape=select_autoescape(default=True),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    shared = cast("dict[str, Any]", found.globals)
    shared.update(static=address, note=NOTE, confidence=CONFIDENCE)
    filters = cast("dict[str, Any]", found.filters)
    filters.update(_FILTERS)
    return found


def _clock(time: datetime, now: datetime | None = None) -> str:
    """Return a time as it is said now: the clock alone on the same day."""
    return f"{time:%H:%M}" if now is not None and time.date() == now.date() else clock(time).strip()


def _moment(time: datetime) -> str:
    """Return a time with date, year and zone."""
    return f"{time.day} {time:%b %Y %H:%M} {time:%Z}"


def hours_words(hours: float) -> str:
    """Return a length of time in words: `40 min`, `5.5 h`, `3 d`."""
    if hours < 1:
        return f"{round(hours * 60)} min"
    return f"{hours:.2g} h" if hours < 10 else f"{hours:.0f} h" if hours < 72 else f"{hours / 24:.0f} d"


def therapy_words(cause: str | None, product: str | None) -> str:
    """Return a therapy in words, none where there is none."""
    return therapy_name(cause, product) if cause else "no therapy on record"


def _scale(id: str) -> str:
    return label(scale(id))


def _upper_first(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}"


def _without_head(why: str) -> str:
    """Return a reason without the grade that it begins with, where a heading has said that."""
    head, _, rest = why.partition(": ")
    return _upper_first(rest) if rest and head.startswith(("Grade", "Undecided")) else why


def _kind(item: Item) -> str:
    """Return what kind of advice an item is, in a word."""
    return "wait" if waits(item) else drug_name(item.kind)


def _ruled(text: str) -> str:
    """Return a text in which each rule of the guidance leads to its page."""
    return Markup(_RULE.sub(_rule_link, str(escape(text))))


def _rule_link(found: re.Match[str]) -> str:
    return f'<a href="/rules/{found[0]}">{found[0]}</a>' if found[0] in rules() else found[0]


_FILTERS: Final[dict[str, Callable[..., str]]] = {
    "kind": _kind,
    "ruled": _ruled,
    "clock": _clock,
    "moment": _moment,
    "hours": hours_words,
    "quantity": quantity,
    "grades": grades_text,
    "dose": dose_words,
    "drug": drug_name,
    "day": day_text,
    "scale": _scale,
    "svg": Markup,  # of our own making, and escaped where it was made
    "upper_first": _upper_first,
    "without_head": _without_head,
}


def page(template: str, request: Request, status: int = 200, **values: Any) -> Response:
    """Return a page, with what every page shows of its reader."""
    text = _environment().get_template(template).render(request=request, **page_context(request), **values)
    return HTMLResponse(seen(text), status, headers=_PRIVATE)


def fragment(template: str, **values: Any) -> str:
    """Return a part of a page."""
    return seen(_environment().get_template(template).render(**values))
