"""The census of a source: its distinct kinds of rows, how many of each, and what each means."""

from dataclasses import dataclass
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from tocsin.episodes import Column
from tocsin.events.accounting import Accounting
from tocsin.events.concepts import Concept, Key, Resolver
from tocsin.events.conversions import Conversion, conversion_table
from tocsin.events.door import ADMINISTERED, CONCEPT, START
from tocsin.knowledge.reading import relevant_words, therapy_signals
from tocsin.knowledge.signals import signal_ids, signals
from tocsin.sources.meds import END_FATE
from tocsin.sources.source import Source

DEVICE_WORD = "oxygen device word"  # what a word for an oxygen device that no list has looks like
NO_CODE = "no_code"  # such rows are quarantined, whatever else they hold
Counts = dict[
    Key, dict[tuple[str | None, bool], int]
]  # rows by why they did not happen, and whether in trouble
USED_FATES = frozenset({"subject"})  # rows that tell of the subject itself: birth, sex


@dataclass(frozen=True)
class Kind:
    """One distinct kind of row, how often it stands in the source, and its meaning."""

    key: Key
    name: str
    concept: Concept
    rows: int  # rows that stand as they should
    troubled: int  # rows with which the reader had trouble
    fates: dict[str, int]  # rows that did not happen, by why


@dataclass(frozen=True)
class Census:
    """All kinds of a source. The place of a kind is its `concept` number in the rows."""

    kinds: tuple[Kind, ...]
    conversions: NDArray[Any]  # CONVERSION records
    concepts: NDArray[Any]  # CONCEPT records

    def places(self, *names: str) -> list[int]:
        """Return the places of the kinds whose signal is one of these."""
        ids = {row.id for row in signals() if row.name in names}
        return [place for place in self.mapped() if self.kinds[place].concept.signal in ids]

    def mapped(self) -> list[int]:
        """Return the places of the kinds that can become events."""
        return [
            place
            for place, kind in enumerate(self.kinds)
            if kind.concept.signal >= 0 and not is_refused(kind)
        ]

    def rare_codes(self) -> list[str]:
        """Return the codes of therapies, weights, and the starts and ends of pairs."""
        early = {*self.places("index_therapy", "weight", *therapy_signals())}
        paired = {
            place
            for place, kind in enumerate(self.kinds)
            if kind.concept.phase == START or kind.concept.fate == END_FATE
        }
        return sorted({self.kinds[place].key.code for place in early | paired})

    def table(self) -> pa.Table:
        """Return concept number and key columns of the mapped kinds, for the join."""
        chosen = [place for place, kind in enumerate(self.kinds) if kind.concept.signal >= 0]
        columns: dict[str, Column] = {"concept": pa.array(chosen, pa.int32())}
        for name in ("code", "unit", "route", "text"):
            columns[name] = pa.array([getattr(self.kinds[place].key, name) for place in chosen], pa.string())
        refused = [
            self.kinds[place].concept.trouble if is_refused(self.kinds[place]) else None for place in chosen
        ]
        columns["refused"] = pa.array(refused, pa.string())
        return pa.table(columns)


def is_refused(kind: Kind) -> bool:
    """Return whether a kind is a therapy that cannot be one: it opens no window, so it is refused wherever it stands."""
    return kind.concept.trouble is not None and kind.concept.signal == signal_ids()["index_therapy"]


def take_census(con: duckdb.DuckDBPyConnection, source: Source, resolver: Resolver) -> Census:
    """Count the kinds of a source's rows and resolve each."""
    keys = ", ".join(source.keys)
    flat = "fate, trouble IS NOT NULL AS troubled" if source.flat else "NULL AS fate, false AS troubled"
    sql = f"SELECT {keys}, {flat}, {source.counted} AS n FROM ({source.relation}) GROUP BY ALL ORDER BY ALL"
    counted: Counts = {}
    for row in con.sql(sql).fetchall():
        key = Key(**{name: row[place] for place, name in enumerate(source.keys)})
        counted.setdefault(key, {})[row[-3], bool(row[-2])] = int(row[-1])
    return census_of(counted, source, resolver)


def census_of(counted: Counts, source: Source, resolver: Resolver) -> Census:
    """Resolve each kind that was counted."""
    kinds = tuple(_kind(key, counts, source, resolver) for key, counts in counted.items())
    table = conversion_table([kind.concept.conversion or Conversion(0) for kind in kinds])
    return Census(kinds, table, _concept_arrays(kinds, table))


def _kind(key: Key, counts: dict[tuple[str | None, bool], int], source: Source, resolver: Resolver) -> Kind:
    """Return one kind with its meaning."""
    fates = {fate: n for (fate, _), n in counts.items() if fate is not None}
    if key.code is None:  # pyright: ignore[reportUnnecessaryComparison]  # a broken line has no code
        return Kind(
            Key(""),
            "",
            Concept(fate=NO_CODE),
            counts.get((None, False), 0),
            counts.get((None, True), 0),
            fates,
        )
    parsed = source.parse(key)
    concept = resolver.resolve(parsed)
    return Kind(
        key,
        parsed.name or key.code,
        concept,
        counts.get((None, False), 0),
        counts.get((None, True), 0),
        fates,
    )


def _concept_arrays(kinds: tuple[Kind, ...], table: NDArray[Any]) -> NDArray[Any]:
    """Return the kinds as the door reads them; a kind's conversion has the kind's own place."""
    found = np.zeros(len(kinds), CONCEPT)
    found["conversion"] = np.arange(len(kinds))
    for name in ("category", "phase", "checks_bolus"):
        found[name] = [getattr(kind.concept, name) for kind in kinds]
    found["troubled"] = [kind.concept.trouble is not None for kind in kinds]
    found["anytime"] = [kind.concept.signal == signal_ids()["weight"] for kind in kinds]
    by_size = np.isfinite(table["low"]).any(axis=1) if len(table) else np.zeros(0, np.bool_)
    odd = (
        table["weight_op"]
        + table["nudge"] ** 2
        + table["only_readings"]
        + table["unreadable"]
        + found["checks_bolus"]
    )
    found["plain"] = (odd == 0) & ~by_size & (table["numeric"] == 1) & (found["phase"] != ADMINISTERED)
    return found.view(np.recarray)


def account_for_kinds(census: Census, accounting: Accounting) -> None:
    """Count all rows, and those whose kind alone makes them of no interest or used."""
    for kind in census.kinds:
        concept = kind.concept
        accounting.rows_read += kind.rows + kind.troubled + sum(kind.fates.values())
        for fate, rows in kind.fates.items():
            _count(accounting, fate, rows, kind.name)
        if concept.signal < 0 and concept.fate not in (END_FATE, NO_CODE):
            _count(accounting, concept.fate or "unmapped", kind.rows + kind.troubled, kind.name)


def _count(accounting: Accounting, fate: str, rows: int, name: str) -> None:
    """Count rows by their fate."""
    if fate in USED_FATES:
        accounting.rows_used += rows
    else:
        accounting.no_interest(fate, rows, name)


def unmapped(census: Census) -> list[tuple[str, str, str, int]]:
    """Return (code, text, hint, rows) of kinds that look relevant but are not mapped, most frequent first."""
    found: list[tuple[str, str, str, int]] = []
    for kind in census.kinds:
        if kind.concept.fate not in ("unmapped", "unmapped_word"):
            continue
        said = f"{kind.name} {kind.key.code} {kind.key.text or ''}".casefold()
        hint = next((hint for word, hint in relevant_words().items() if word in said), None)
        if kind.concept.fate == "unmapped_word":
            hint = DEVICE_WORD
        if hint is not None and kind.rows + kind.troubled:
            found.append((kind.key.code, kind.key.text or "", hint, kind.rows + kind.troubled))
    return sorted(found, key=lambda row: (-row[3], row[0], row[1]))


def starts(census: Census) -> dict[int, str]:
    """Return the kinds that open a pair: place -> code."""
    return {
        place: census.kinds[place].key.code
        for place in census.mapped()
        if census.kinds[place].concept.phase == START
    }
