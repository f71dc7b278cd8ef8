"""What was set aside of a record, with the time that it speaks of."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from tocsin.results import Result
from tocsin.sources.fhir import read_bundle
from tocsin.sources.settings import Settings


@dataclass(frozen=True, slots=True)
class SetAside:
    """A row that could not be used: where it stands, what is wrong with it, and when it is of, where that is known."""

    place: str
    column: str
    value: str
    reason: str
    time: datetime | None


def set_aside(result: Result, bundle: bytes, zone: str) -> tuple[SetAside, ...]:
    """Return what a result could not use of its Bundle."""
    if not result.quarantine.num_rows:
        return ()
    rows: Any = read_bundle(bundle, Settings(zone=zone)).rows
    known = {row["row"]: row for row in rows.select(["row", "source", "time"]).to_pylist()}
    return tuple(_one(line, known.get(line["row"])) for line in result.quarantine.to_pylist())


def _one(line: dict[str, Any], row: dict[str, Any] | None) -> SetAside:
    time = row["time"].replace(tzinfo=UTC) if row and row["time"] is not None else None
    place = str(row["source"]) if row else f"row {line['row']}"
    reason = str(line["reason"]).replace("_", " ")
    return SetAside(place, str(line["column"]), str(line["value"]), reason, time)
