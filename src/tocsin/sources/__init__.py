"""Sources: one file a format, each giving the same flat rows."""

from collections.abc import Callable
from pathlib import Path
from typing import Literal, get_args

from tocsin.errors import UserError
from tocsin.sources.csv import looks_like_csv, open_csv
from tocsin.sources.fhir import looks_like_fhir
from tocsin.sources.fhir_source import open_fhir_source
from tocsin.sources.meds import looks_like_meds, open_meds
from tocsin.sources.source import Opening, Source

Format = Literal["auto", "fhir", "meds", "csv"]
_LOOKS: dict[str, Callable[[Path], bool]] = {
    "csv": looks_like_csv,
    "meds": looks_like_meds,
    "fhir": looks_like_fhir,
}
_OPENS: dict[str, Callable[[Opening, list[Path]], Source]] = {
    "csv": open_csv,
    "meds": open_meds,
    "fhir": open_fhir_source,
}


def open_source(opening: Opening, paths: list[Path], format: str = "auto") -> Source:
    """Open one or more paths of one format.

    Raises UserError when a path is missing, empty, of an unknown format, or when the paths differ in format.
    """
    for path in paths:
        if not path.exists():
            raise UserError(f"{path}: no such file or folder")
        if path.is_dir() and not any(path.iterdir()):
            raise UserError(
                f"{path}: the folder is empty; give FHIR (Bundle, NDJSON), MEDS (parquet) or our CSV layout"
            )
    return _OPENS[_format(paths, format)](opening, paths)


def _format(paths: list[Path], format: str) -> str:
    """Return the one format of all paths."""
    if format != "auto":
        if format not in _OPENS:
            raise UserError(f"--format {format}: write one of {', '.join(get_args(Format))}")
        return format
    found = {_detect(path) for path in paths}
    if len(found) > 1:
        raise UserError(
            f"{paths[0]} and the others are of different formats ({', '.join(sorted(found))}); grade each format by itself"
        )
    return found.pop()


def _detect(path: Path) -> str:
    """Return the format that a path looks like."""
    for name, looks in _LOOKS.items():
        if looks(path):
            return name
    raise UserError(
        f"{path}: nothing here that we know; give FHIR (Bundle, NDJSON), MEDS (parquet) or our CSV layout (events.csv)"
    )
