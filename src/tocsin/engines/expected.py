"""Checks a site's mapping by rows that the site wrote itself: what each must become, and what it does become."""

import csv
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tocsin.engines.stream import bolus_rule
from tocsin.errors import UserError
from tocsin.events.concepts import Concept, Parsed, Resolver, TherapyKinds
from tocsin.events.conversions import Conversion, conversion_table
from tocsin.events.door import CONCEPT, REASONS, USED, Spans, empty_doored, no_pairs, no_weights, pass_rows
from tocsin.knowledge.reading import systems
from tocsin.knowledge.signals import signals
from tocsin.knowledge.timeline import defaults
from tocsin.sources.site_codes import WORD, read_site_codes
from tocsin.timeline.layout import NO_END

GIVEN = ("system", "code", "unit", "value", "text")
EXPECTED = ("signal", "canonical_value", "canonical_text", "reason")
_CLOSE = 1e-6  # how far two values may be apart, as a share
_ANY = np.iinfo(np.int64)


@dataclass(frozen=True)
class Checked:
    """One expected row: where it stands, what was expected and found, and whether they agree."""

    line: int
    code: str
    expected: str
    found: str
    agrees: bool


@dataclass(frozen=True)
class _Became:
    """What a row becomes: an event of a signal with a value and a text, or nothing, for a reason."""

    signal: str = ""
    value: float | None = None
    text: str = ""
    reason: str = ""

    def __str__(self) -> str:
        if self.reason:
            return self.reason
        value = "" if self.value is None else f"{self.value:g}"
        return " ".join(part for part in (self.signal, value, self.text) if part)


def check_expected(file: str | Path, codes: str | Path | None = None) -> tuple[Checked, ...]:
    """Map each row of a file as a source's would be, and compare it with what the file expects of it.

    Columns system, code, unit, value, text say the row, and signal, canonical_value, canonical_text or reason what it must
    become (`unmapped` for a row that must not be mapped). Raises UserError naming file, line and column of what cannot be read.
    """
    path = Path(file)
    if not path.is_file():
        raise UserError(f"--expect {path}: no such file; give a CSV file with the columns {_columns()}")
    resolver = Resolver(TherapyKinds(), read_site_codes(Path(codes)) if codes else ())
    with path.open(encoding="utf-8-sig", newline="") as lines:
        reader = csv.DictReader(lines)
        missing = [name for name in ("system", "code", "signal") if name not in (reader.fieldnames or ())]
        if missing:
            raise UserError(f"--expect {path}: column {missing[0]} is missing; the columns are {_columns()}")
        return tuple(
            _check(f"--expect {path}, line {line}", line, row, resolver) for line, row in enumerate(reader, 2)
        )


def _columns() -> str:
    return ", ".join((*GIVEN, *EXPECTED))


def _check(where: str, line: int, row: dict[str, str | None], resolver: Resolver) -> Checked:
    """Return one row's expectation beside what it becomes."""
    cells = {name: (row.get(name) or "").strip() for name in (*GIVEN, *EXPECTED)}
    number = _number(where, "canonical_value", cells["canonical_value"])
    expected = _Became(cells["signal"], number, cells["canonical_text"], cells["reason"])
    if not expected.signal and not expected.reason:
        raise UserError(
            f"{where}: neither signal nor reason; say what the row becomes, or `unmapped` as the reason"
        )
    found = _becomes(where, cells, resolver)
    return Checked(line, cells["code"], str(expected), str(found), _agree(expected, found))


def _agree(expected: _Became, found: _Became) -> bool:
    if expected.reason or found.reason:
        return expected.reason == found.reason
    if expected.value is None or found.value is None:
        close = expected.value is found.value
    else:
        close = abs(expected.value - found.value) <= _CLOSE * max(1.0, abs(expected.value))
    return close and expected.signal == found.signal and expected.text in ("", found.text)


def _becomes(where: str, cells: dict[str, str], resolver: Resolver) -> _Became:
    """Return what the mapping and the door make of a row."""
    said = cells["system"]
    system = "" if said == WORD else systems().get(said.casefold(), said)
    parsed = Parsed(
        ((system, cells["code"]),), unit=cells["unit"] or None, text=cells["text"] or None, name=cells["code"]
    )
    concept = resolver.resolve(parsed)
    if concept.signal < 0:
        return _Became(reason=concept.fate or "unmapped")
    if concept.trouble:
        return _Became(reason=concept.trouble)
    value = _number(where, "value", cells["value"])
    return _through_the_door(concept, np.nan if value is None else value)


def _through_the_door(concept: Concept, value: float) -> _Became:
    """Return what the door makes of one value."""
    table = conversion_table([concept.conversion or Conversion(concept.signal)])
    concepts = np.zeros(1, CONCEPT)
    concepts["category"] = concept.category
    out = empty_doored(1)
    always = Spans(*(np.array([number], np.int64) for number in (1, _ANY.min + 1, _ANY.max)))
    one, now = np.ones(1, np.int64), np.zeros(1, np.int64)
    pass_rows(table, concepts.view(np.recarray), always, no_weights(), no_pairs(), bolus_rule(defaults()), one, now,
              np.full(1, NO_END), np.array([value]), np.zeros(1, np.int32), out)  # fmt: skip
    if out.reason[0] != USED:
        return _Became(reason=REASONS[int(out.reason[0])])
    kept = None if np.isnan(out.value[0]) else float(out.value[0])
    return _Became(signals()[concept.signal].name, kept, concept.text or "")


def _number(where: str, column: str, text: str) -> float | None:
    if not text:
        return None
    try:
        return float(text)
    except ValueError:
        raise UserError(f"{where}, column {column}: {text!r} is no number; write for example 38.5") from None
