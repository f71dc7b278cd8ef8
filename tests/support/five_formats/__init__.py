"""One made-up course written as each format's own users would write it: the same subject must give the same grades."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from tests.support.five_formats import csv_layout, fhir, meds, omop, sdtm
from tests.support.five_formats.course import SITE_CODES, ZONE, Course, course
from tests.support.made_up import graded, write_lines
from tocsin.results import Result

__all__ = ["FORMATS", "Course", "Written", "course", "read", "write"]


@dataclass(frozen=True, slots=True)
class Format:
    """How a format is written, where it is put, and what it calls a subject."""

    write: Callable[[Path, Sequence[Course]], int]
    place: str
    name: Callable[[int], str]


@dataclass(frozen=True, slots=True)
class Written:
    """A source on disk, and how many rows were written."""

    format: str
    source: Path
    rows: int
    names: Mapping[str, int]  # what the source calls each subject


FORMATS: Mapping[str, Format] = MappingProxyType(
    {
        "csv": Format(csv_layout.write_csv, "csv", str),
        "fhir bundles": Format(fhir.write_bundles, "bundles", "made-up-{}".format),
        "fhir ndjson": Format(fhir.write_ndjson, "ndjson", "made-up-{}".format),
        "meds": Format(meds.write_meds, "meds", str),
        "omop duckdb": Format(omop.write_duckdb, "cdm.duckdb", str),
        "omop parquet": Format(omop.write_parquet, "cdm", str),
        "sdtm xpt": Format(sdtm.write_xpt, "xpt", sdtm.name),
        "sdtm json": Format(sdtm.write_dataset_json, "json", sdtm.name),
    }
)


def write(folder: Path, format: str, courses: Sequence[Course]) -> Written:
    """Write courses in one format."""
    how = FORMATS[format]
    rows = how.write(folder / how.place, courses)
    return Written(format, folder / how.place, rows, {how.name(one.number): one.number for one in courses})


def read(folder: Path, written: Written, courses: Sequence[Course]) -> Result:
    """Grade a source; a format without a place for a clinician's words has them beside it."""
    codes = write_lines(folder / "codes.csv", SITE_CODES[0], SITE_CODES[1:])
    sides: dict[str, Path] = {}
    if written.format != "csv":
        name = FORMATS[written.format].name
        said = [
            f"{name(one.number)},{time.isoformat()},{word}" for one in courses for time, word in one.words
        ]
        sides["annotations"] = write_lines(folder / "words.csv", "subject_id,time,attribution", said)
    return graded(written.source, codes=codes, settings={"zone": ZONE}, **sides)
