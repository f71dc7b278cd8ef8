"""SDTM and ADaM: CRS as clinical events with findings about them, an analysis dataset, and the grades of the site beside ours."""

from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa

from tocsin.engines.output import write_csv, write_json
from tocsin.exports.adam import adcrs
from tocsin.exports.concordance import HEADER, concordance, summary
from tocsin.exports.define_xml import write_define
from tocsin.exports.parts import Options, Written
from tocsin.exports.relations import clock_note, relations
from tocsin.exports.reported import Reported, read_reported
from tocsin.exports.sdtm_events import (
    NUMBERED,
    clinical_events,
    findings_about,
    peaks,
    related_records,
    scale_tests,
    supplement,
)
from tocsin.exports.sdtm_json import write_dataset_json
from tocsin.exports.sdtm_table import Study, Table
from tocsin.exports.sdtm_xpt import write_xpt
from tocsin.knowledge.version import knowledge_hash
from tocsin.results import Result
from tocsin.sources.reported import NAME

_NO_STUDY = "UNKNOWN"  # STUDYID must not be empty


def write(result: Result, folder: Path, options: Options) -> Written:
    """Write `sdtm/` and `adam/`, each dataset as XPT and Dataset-JSON with a define.xml; with reported grades the concordance."""
    file = _reported_file(result, options)
    reports = read_reported(file, result.run) if file else []
    study = Study(
        options.study or _NO_STUDY, result.run["versions"]["tocsin"], knowledge_hash(), datetime.now(UTC)
    )
    counts: dict[str, int] = {}
    for place, (name, tables) in enumerate(_tables(result, reports, study).items()):
        options.progress("writing", place / 2)
        (folder / name).mkdir()
        for table in tables:
            stem = folder / name / table.dataset.name.lower()
            write_xpt(table, stem.with_suffix(".xpt"), study.made)
            write_dataset_json(table, stem.with_suffix(".json"), study)
            counts[table.dataset.name] = table.rows.num_rows
        write_define(tables, folder / name / "define.xml", study)
    notes = _notes(result, options)
    if file:
        notes.append(_concordance(result, reports, folder))
        counts["reported grades"] = len(reports)
    return Written(counts, tuple(notes))


def _reported_file(result: Result, options: Options) -> Path | None:
    """Return the reported grades: the file that was named, else the one that the run kept."""
    if options.reported is not None:
        return options.reported
    kept = result.folder / NAME if result.folder else None
    return kept if kept and kept.is_file() else None


def _tables(result: Result, reports: list[Reported], study: Study) -> dict[str, list[Table]]:
    """Return the datasets of the two standards."""
    with relations(result) as con:
        con.register("reported", _reported_table(reports))
        con.execute("SET VARIABLE study = $1", [study.id])
        con.register("tests", scale_tests())
        con.execute(NUMBERED)
        con.execute(peaks())
        return {
            "sdtm": [clinical_events(con), findings_about(con), supplement(con), related_records(con)],
            "adam": [adcrs(con)],
        }


def _reported_table(reports: list[Reported]) -> pa.Table:
    """Return reported grades as a relation."""
    time = pa.timestamp("us", "UTC")
    return pa.table(
        {
            "source_id": pa.array([report.source_id for report in reports], pa.string()),
            "start_at": pa.array([report.start for report in reports], time),
            "end_at": pa.array([report.until for report in reports], time),
            "has_end": pa.array([report.has_end for report in reports], pa.bool_()),
            "scale": pa.array([report.scale for report in reports], pa.string()),
            "grade": pa.array([report.grade for report in reports], pa.int64()),
        }
    )


def _concordance(result: Result, reports: list[Reported], folder: Path) -> str:
    """Write the concordance; return its sum in a line."""
    pairs = concordance(result, reports)
    write_csv(folder / "concordance.csv", HEADER, (pair.line() for pair in pairs))
    found = summary(pairs)
    write_json(folder / "concordance.json", found)
    said = ", ".join(f"{number} {name}" for name, number in found["verdicts"].items() if number)
    return f"derived against reported grades: {said}; see concordance.csv"


def _notes(result: Result, options: Options) -> list[str]:
    """Return what must be known before the datasets join a study."""
    notes = [
        clock_note(result.run),
        "CE, not AE: an adverse event is what the investigator reports, and these are derived; DM and ADSL are the study's own",
    ]
    if not options.study:
        notes.insert(0, f"STUDYID is {_NO_STUDY}: give --study ID")
    return notes
