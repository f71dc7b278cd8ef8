"""FHIR rows as a source: how their codings are read."""

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa

from tocsin.events.concepts import Key, Parsed
from tocsin.knowledge.reading import AS_THEY_STAND, systems
from tocsin.sources.fhir import open_fhir
from tocsin.sources.flat import FlatRow, FlatRows, flat_table
from tocsin.sources.source import Opening, Source, first_row_of

KEYS = ("code", "unit", "route", "text")
_COLUMNS = (
    "row, source, subject, time, until, known, code, unit, route, coalesce(text, comparator) AS text, value, "
    "fate, trouble, trouble_column, trouble_value"
)


def parse(key: Key) -> Parsed:
    """Return what a resource's codings say: `uri|code` each, in order, `text|...` last."""
    codings = [coding.split("|", 1) for coding in key.code.split("\t") if "|" in coding]
    candidates = tuple((systems().get(uri.casefold(), uri), code) for uri, code in codings if uri != "text")
    name = next((code for uri, code in codings if uri == "text"), key.code)
    ours = any(uri.casefold() in AS_THEY_STAND for uri, _ in codings)
    return Parsed(candidates, unit=key.unit, route=key.route, text=key.text, name=name, bolus_as_stands=ours)


def as_source(opening: Opening, rows: FlatRows) -> Source:
    """Return what a FHIR reader handed over as a source."""
    if isinstance(rows.rows, pa.Table):
        opening.con.register("fhir_rows", rows.rows)
        return source_of(rows, "fhir_rows")
    return source_of(rows, rows.rows)


def source_of(rows: FlatRows, name: str) -> Source:
    """Return FHIR rows as a source; `name` is what they are called in DuckDB, where they are there."""
    return Source(
        format="fhir",
        files=tuple(Path(file) for file in rows.files),
        relation=f"SELECT {_COLUMNS} FROM {name}",
        parse=parse,
        keys=KEYS,
        subjects=rows.subjects,
    )


def open_fhir_source(opening: Opening, paths: list[Path]) -> Source:
    """Open FHIR Bundles, folders of Bundles, and bulk-export folders of NDJSON."""
    return as_source(opening, open_fhir(opening.con, paths, opening.settings, opening.spill))


# What a clinician said: the subject's id in the source, when, and the word.
Annotation = tuple[str, datetime, str]
_ANNOTATIONS = "annotations"


def annotated(rows: FlatRows, annotations: Sequence[Annotation]) -> FlatRows:
    """Return rows of one document with those of a clinician's annotations after them."""
    if not annotations or not isinstance(rows.rows, pa.Table):
        return rows
    lines: list[FlatRow] = [
        (
            _ANNOTATIONS,
            subject,
            _utc(time),
            None,
            None,
            "tocsin|attribution",
            None,
            None,
            word,
            None,
            *[None] * 5,
        )
        for subject, time, word in annotations
    ]
    added = flat_table(lines, first_row_of(len(rows.files)) + 1)
    return FlatRows(pa.concat_tables([rows.rows, added]), rows.subjects, (*rows.files, _ANNOTATIONS))


def _utc(time: datetime) -> datetime:
    """Return an instant as the rows hold it: UTC, without a zone."""
    return time.astimezone(UTC).replace(tzinfo=None) if time.tzinfo else time
