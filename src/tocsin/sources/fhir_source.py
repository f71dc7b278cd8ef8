"""FHIR rows as a source: how their codings are read."""

from pathlib import Path

import pyarrow as pa

from tocsin.events.concepts import Key, Parsed
from tocsin.knowledge.reading import AS_THEY_STAND, systems
from tocsin.sources.fhir import open_fhir
from tocsin.sources.flat import FlatRows
from tocsin.sources.source import Opening, Source

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
    return Parsed(
        candidates, unit=key.unit, route=key.route, text=key.text, name=name, bolus_as_stands=ours
    )


def as_source(opening: Opening, rows: FlatRows) -> Source:
    """Return what a FHIR reader handed over as a source."""
    name = "fhir_rows" if isinstance(rows.rows, pa.Table) else rows.rows
    if isinstance(rows.rows, pa.Table):
        opening.con.register(name, rows.rows)
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
