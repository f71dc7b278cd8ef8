"""Sources: one file a format, each giving the same flat rows."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Literal, get_args

from tocsin.errors import UserError
from tocsin.sources.csv import looks_like_csv, open_csv
from tocsin.sources.fhir import looks_like_fhir
from tocsin.sources.fhir_source import open_fhir_source
from tocsin.sources.meds import looks_like_meds, open_meds
from tocsin.sources.omop import file_of, is_url, looks_like_omop, open_omop
from tocsin.sources.sdtm import looks_like_sdtm, open_sdtm
from tocsin.sources.source import Opening, Source

Format = Literal["auto", "fhir", "meds", "omop", "sdtm", "csv"]
# A PostgreSQL database is a URL, kept as text: a path would lose one of its slashes.
Place = str | Path
_OF_A_RUN = ("run.json", "grades.parquet")
_LOOKS: dict[str, Callable[[Path], bool]] = {
    "csv": looks_like_csv,
    "sdtm": looks_like_sdtm,
    "meds": looks_like_meds,
    "fhir": looks_like_fhir,
}
_OPENS: dict[str, Callable[[Opening, list[Path]], Source]] = {
    "csv": open_csv,
    "sdtm": open_sdtm,
    "meds": open_meds,
    "fhir": open_fhir_source,
}


def as_place(source: Place) -> Place:
    """Return a source as its place: a URL as text, everything else as a path."""
    return source if is_url(source) else Path(source)


def paths_of(places: Sequence[Place]) -> list[Path]:
    """Return the places that are files or folders, without what stands behind a question mark."""
    return [file_of(place) for place in places if not is_url(place)]


def open_source(opening: Opening, places: Sequence[Place], format: str = "auto") -> Source:
    """Open one or more places of one format: files and folders, or the URL of a database.

    Raises UserError when a path is missing, empty, of an unknown format, or when the places differ in format.
    """
    for path in paths_of(places):
        if not path.exists():
            raise UserError(f"{path}: no such file or folder")
        if path.is_dir() and not any(path.iterdir()):
            raise UserError(
                f"{path}: the folder is empty; give FHIR (Bundle, NDJSON), MEDS (parquet), OMOP, SDTM or our CSV layout"
            )
    found = _format(places, format)
    if found == "omop":
        return open_omop(opening, list(places))
    if any(is_url(place) for place in places):
        raise UserError(f"--format {found}: a database is read with --format omop")
    return _OPENS[found](opening, [Path(place) for place in places])


def _format(places: Sequence[Place], format: str) -> str:
    """Return the one format of all places."""
    if format != "auto":
        if format not in get_args(Format):
            raise UserError(f"--format {format}: write one of {', '.join(get_args(Format))}")
        return format
    found = {_detect(place) for place in places}
    if len(found) > 1:
        raise UserError(
            f"{places[0]} and the others are of different formats ({', '.join(sorted(found))}); grade each format by itself"
        )
    return found.pop()


def _detect(place: Place) -> str:
    """Return the format that a place looks like."""
    if looks_like_omop(place):
        return "omop"
    path = Path(place)
    if all((path / name).is_file() for name in _OF_A_RUN):
        raise UserError(
            f"{path}: what `tocsin grade` wrote, not a source; look at it with `tocsin show {path}`"
        )
    for name, looks in _LOOKS.items():
        if looks(path):
            return name
    raise UserError(
        f"{path}: nothing here that we know; give FHIR (Bundle, NDJSON), MEDS (parquet), OMOP, SDTM or our CSV (events.csv)"
    )
