"""OMOP CDM 5.4: CRS as a cohort, as episodes with clock times, and each change of grade as an observation."""

import json
from pathlib import Path

import pyarrow.csv as pa_csv
import pyarrow.parquet as pq

from tocsin.exports.parts import Options, Written
from tocsin.exports.relations import clock_note, relations
from tocsin.knowledge.omop_export import export_concepts
from tocsin.results import Result

_LARGEST = 2**31 - 1  # what an integer column of the CDM holds
_COHORT = "1"  # cohort_definition_id
TABLES = {
    "cohort_definition": f"""
        SELECT {_COHORT}::INTEGER AS cohort_definition_id,
            'Cytokine release syndrome after an index therapy (Tocsin)' AS cohort_definition_name,
            $definition::VARCHAR AS cohort_definition_description,
            $cohort_definition_type::INTEGER AS definition_type_concept_id, $syntax::VARCHAR AS cohort_definition_syntax,
            $cohort_subject::INTEGER AS subject_concept_id, NULL::DATE AS cohort_initiation_date""",
    "cohort": f"""
        SELECT {_COHORT}::INTEGER AS cohort_definition_id, subject_id, clock(onset)::DATE AS cohort_start_date,
            clock(last_seen)::DATE AS cohort_end_date
        FROM episodes ORDER BY place""",
    "episode": """
        SELECT place + 1 AS episode_id, subject_id AS person_id, $episode::INTEGER AS episode_concept_id,
            clock(onset)::DATE AS episode_start_date, clock(onset) AS episode_start_datetime,
            clock(ended_at)::DATE AS episode_end_date, clock(ended_at) AS episode_end_datetime,
            NULL::BIGINT AS episode_parent_id, episode::INTEGER AS episode_number,
            $episode_object::INTEGER AS episode_object_concept_id, $episode_type::INTEGER AS episode_type_concept_id,
            left(concat_ws('/', 'crs', cause, product), 50) AS episode_source_value,
            NULL::INTEGER AS episode_source_concept_id
        FROM episodes ORDER BY place""",
    "episode_event": """
        SELECT place + 1 AS episode_id, number AS event_id,
            $field_observation_id::INTEGER AS episode_event_field_concept_id
        FROM changes ORDER BY number""",
    "observation": """
        SELECT number AS observation_id, subject_id AS person_id, $observation::INTEGER AS observation_concept_id,
            clock(time)::DATE AS observation_date, clock(time) AS observation_datetime,
            $observation_type::INTEGER AS observation_type_concept_id, grade::DOUBLE AS value_as_number,
            if(grade IS NULL, words, NULL) AS value_as_string, NULL::INTEGER AS value_as_concept_id,
            NULL::INTEGER AS qualifier_concept_id, NULL::INTEGER AS unit_concept_id, NULL::INTEGER AS provider_id,
            NULL::INTEGER AS visit_occurrence_id, NULL::INTEGER AS visit_detail_id,
            'crs_grade:' || scale AS observation_source_value, NULL::INTEGER AS observation_source_concept_id,
            NULL::VARCHAR AS unit_source_value, if(of_record, 'scale of record', NULL) AS qualifier_source_value,
            words AS value_source_value, NULL::BIGINT AS observation_event_id,
            NULL::INTEGER AS obs_event_field_concept_id
        FROM changes ORDER BY number""",
}


def write(result: Result, folder: Path, options: Options) -> Written:
    """Write the five tables, each as CSV for a loader and as parquet."""
    options.progress("writing", 0)
    said = {**export_concepts(), "definition": _definition(result), "syntax": _syntax(result)}
    counts: dict[str, int] = {}
    with relations(result) as con:
        for place, (name, sql) in enumerate(TABLES.items()):
            options.progress("writing", place / len(TABLES))
            given = {key: value for key, value in said.items() if f"${key}:" in sql}
            table = con.sql(sql, params=given).to_arrow_table()
            pa_csv.write_csv(table, folder / f"{name}.csv")
            pq.write_table(table, folder / f"{name}.parquet", compression="zstd")
            counts[name] = table.num_rows
    return Written(counts, tuple(_notes(result)))


def _definition(result: Result) -> str:
    """Return the cohort in words."""
    fever = result.run["parameters"]["fever_threshold_cel"]
    return (
        f"Subjects with an index therapy and, inside its exposure window, a temperature of {fever} Cel or more: from the first "
        "such reading until fever, hypotension and hypoxia have resolved, else to the last change of state on record."
    )


def _syntax(result: Result) -> str:
    """Return what made the cohort: versions and parameters."""
    run = result.run
    made = {
        "tocsin": run["versions"]["tocsin"],
        "knowledge": run["knowledge"],
        "parameters": run["parameters"],
    }
    return json.dumps(made, sort_keys=True)


def _notes(result: Result) -> list[str]:
    """Return what must be known before the tables are loaded."""
    graded = set(result.episodes["subject_id"].to_pylist())
    subjects = [row for row in result.subjects.to_pylist() if row["subject_id"] in graded]
    notes = [
        "episode_id and observation_id count from 1: add an offset where the warehouse has such rows",
        clock_note(result.run),
        "a concept is 0 where no standard one could be verified: observation_source_value names the scale",
    ]
    if any(str(row["subject_id"]) != str(row["source_id"]) for row in subjects):
        notes.insert(
            0,
            "person_id is the run's subject_id, not the source's own id: subjects.parquet of the run has both",
        )
    if any(row["subject_id"] > _LARGEST for row in subjects):
        notes.insert(
            0,
            f"some person_id are over {_LARGEST:,}, which the CDM's integer columns cannot hold: use bigint",
        )
    return notes
