"""Draws the patient page as HTML: one file, no script, nothing from elsewhere, so that the strictest policy can hold it."""

from base64 import b64encode
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from html import escape
from pathlib import Path

from tocsin.knowledge.patient_pages import PatientPage, Section, Statement
from tocsin.knowledge.rules import Rule, rule
from tocsin.knowledge.sources import CONFIDENCE
from tocsin.knowledge.version import short_hash


@dataclass(frozen=True, slots=True)
class Card:
    """What is said of the patient's own therapy; what is None is a line to write on."""

    treatment: str | None
    date: str | None
    watch: str | None
    beside: tuple[Statement, ...]


def html(page: PatientPage, card: Card, figures: Mapping[str, str]) -> str:
    """Return the whole page."""
    body = "\n".join(_body(page, card, figures))
    style, policy = _style(), leaflet_policy()
    title = escape(page.words["title"])
    return f"""<!doctype html>
<html lang="{page.code}">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>{title}</title>
<style>{style}</style>
</head>
<body>
{body}
</body>
</html>
"""


@cache
def leaflet_policy() -> str:
    """Return the content security policy of the page: nothing but its own style."""
    digest = b64encode(sha256(_style().encode()).digest()).decode()
    return f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"


@cache
def _style() -> str:
    return (Path(__file__).parent / "leaflet.css").read_text(encoding="utf-8")


def _body(page: PatientPage, card: Card, figures: Mapping[str, str]) -> Iterator[str]:
    words = page.words
    yield f"<header>\n<h1>{escape(words['title'])}</h1>"
    yield f'<p class="subtitle">{escape(words["subtitle"])}</p>'
    if page.translation:
        yield f'<p class="unreviewed"><span>{escape(words["unreviewed"])}</span></p>'
    yield "</header>\n<main>"
    first, *rest = page.sections
    yield from _card(page, card)
    for section in (first, *rest):
        yield from _section(section, figures)
    yield "</main>\n<footer>"
    yield f"<p>{escape(words['not_a_device'])}</p>"
    yield from _sources(page)
    yield "</footer>"


def _card(page: PatientPage, card: Card) -> Iterator[str]:
    """Yield the patient's own therapy, and lines for what a hand fills in."""
    words = page.words
    line = f'<span class="hand"><span class="unseen">{escape(words["by_hand"])}</span></span>'
    yield f'<section class="card">\n<h2>{escape(words["card"])}</h2>\n<dl>'
    yield f"<dt>{escape(words['treatment'])}</dt><dd>{escape(card.treatment) if card.treatment else line}</dd>"
    yield f"<dt>{escape(words['date'])}</dt><dd>{escape(card.date) if card.date else line}</dd>"
    later = " ".join(_marked(one, {}) for one in card.beside)
    watch = escape(card.watch) if card.watch else line
    yield f"<dt>{escape(words['watch'])}</dt><dd>{watch}<p>{later}</p></dd>"
    yield f"<dt>{escape(words['phone'])}</dt><dd>{line}</dd>"
    yield "</dl>\n</section>"


def _section(section: Section, figures: Mapping[str, str]) -> Iterator[str]:
    yield f'<section class="{section.id}">\n<h2>{escape(section.title)}</h2>'
    if section.lead:
        yield f"<p>{_marked(section.lead, figures)}</p>"
    if section.is_list:
        points = "\n".join(f"<li>{_marked(one, figures)}</li>" for one in section.say)
        yield f"<ul>\n{points}\n</ul>"
    else:
        yield from (f"<p>{_marked(one, figures)}</p>" for one in section.say)
    yield from (f"<p>{_marked(one, figures)}</p>" for one in section.after)
    yield "</section>"


def _marked(statement: Statement, figures: Mapping[str, str]) -> str:
    """Return a statement that carries the ids of its rules."""
    text = escape(statement.text.format(**figures))
    return f'<span data-rules="{escape(" ".join(statement.rules))}">{text}</span>'


def _sources(page: PatientPage) -> Iterator[str]:
    """Yield the fold that says which rules each part rests on."""
    words = page.words
    yield f"<details>\n<summary>{escape(words['sources'])}</summary>\n<p>{escape(words['sources_note'])}</p>"
    for section in page.sections:
        yield f'<h3>{escape(section.title)}</h3>\n<ul lang="en">'
        for id in dict.fromkeys(id for statement in section.statements for id in statement.rules):
            yield f"<li>{escape(said_of(rule(id)))}</li>"
        yield "</ul>"
    yield f"<p>{escape(words['made'].format(version=short_hash()))}</p>\n</details>"


def said_of(rule: Rule) -> str:
    """Return a rule with its source, strength and confidence, in a line."""
    sure = CONFIDENCE.get(rule.confidence, rule.confidence)
    return f"{rule.id} [{', '.join(rule.source)}; {rule.strength}; {sure}]: {rule.text}"
