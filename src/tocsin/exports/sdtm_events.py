"""The SDTM datasets: CE for the episodes, FA for each change of grade, SUPPCE and RELREC."""

import duckdb
import pyarrow as pa

from tocsin.exports.sdtm_table import Table, table_of
from tocsin.grading.words import label
from tocsin.knowledge.scales import scales
from tocsin.knowledge.sdtm import derived_category
from tocsin.knowledge.sdtm_export import sdtm_qualifiers
from tocsin.knowledge.vocabulary import SCALES
from tocsin.sources.source import sql_text

TERM = "CYTOKINE RELEASE SYNDROME"
_LINK = "'CRS-' || episode"  # CELNKID and FALNKID: unique within a subject

_CE = f"""
SELECT getvariable('study') AS STUDYID, 'CE' AS DOMAIN, source_id AS USUBJID, episode AS CESEQ, {_LINK} AS CELNKID,
    '{TERM}' AS CETERM, {sql_text(derived_category())} AS CECAT, if(peak_low = peak_high, peak_low, NULL) AS CETOXGR,
    iso(onset) AS CESTDTC, iso(ended_at) AS CEENDTC, if(ended IS NULL, 'ONGOING', NULL) AS CEENRTPT,
    if(ended IS NULL, 'LAST RECORD', NULL) AS CEENTPT
FROM peaks ORDER BY place
"""
_FA = f"""
SELECT getvariable('study') AS STUDYID, 'FA' AS DOMAIN, source_id AS USUBJID, seq AS FASEQ, {_LINK} AS FALNKID,
    upper(scale) AS FATESTCD, title AS FATEST, '{TERM}' AS FAOBJ, 'CRS GRADE' AS FACAT, words AS FAORRES,
    words AS FASTRESC, grade AS FASTRESN, iso(time) AS FADTC
FROM findings JOIN tests USING (scale) ORDER BY number
"""
_SUPPCE = """
SELECT getvariable('study') AS STUDYID, 'CE' AS RDOMAIN, source_id AS USUBJID, 'CESEQ' AS IDVAR, episode AS IDVARVAL,
    qnam AS QNAM, qlabel AS QLABEL, qval AS QVAL, 'Derived' AS QORIG, NULL AS QEVAL
FROM (
    UNPIVOT (
        SELECT place, source_id, episode, upper(scale) AS CRSSCALE, peak_low::VARCHAR AS PEAKLOW,
            peak_high::VARCHAR AS PEAKHIGH, cause AS CRSCAUSE, product AS CRSPROD, ended AS CRSENDED, icans AS ICANSPK,
            nullif(array_to_string(flags, ','), '') AS CRSFLAGS
        FROM peaks
    ) ON CRSSCALE, PEAKLOW, PEAKHIGH, CRSCAUSE, CRSPROD, CRSENDED, ICANSPK, CRSFLAGS INTO NAME qnam VALUE qval
) JOIN qualifiers USING (qnam)
ORDER BY place, rank
"""
_RELREC = """
SELECT getvariable('study') AS STUDYID, RDOMAIN, NULL AS USUBJID, IDVAR, NULL AS IDVARVAL, RELTYPE, 'CEFA' AS RELID
FROM (VALUES ('CE', 'CELNKID', 'ONE'), ('FA', 'FALNKID', 'MANY')) related(RDOMAIN, IDVAR, RELTYPE)
"""
# The records of FA; ADCRS takes their numbers along.
NUMBERED = """
CREATE TEMP TABLE findings AS
SELECT row_number() OVER (PARTITION BY subject_id ORDER BY number) AS seq, * FROM changes
"""


def peaks() -> str:
    """Return SQL for the episodes with their peak on the scale of record, and that of ICANS in words."""
    low, high = (_of_record(side) for side in ("low", "high"))
    return (
        f"CREATE TEMP VIEW peaks AS SELECT e.*, {low}, {high}, words AS icans "
        "FROM episodes e LEFT JOIN sets ON bits = icans_peak_set"
    )


def _of_record(side: str) -> str:
    cases = " ".join(f"WHEN '{scale}' THEN {scale}_peak_{side}" for scale in SCALES)
    return f"CASE scale {cases} END AS peak_{side}"


def scale_titles() -> dict[str, str]:
    """Return what each scale is called as a test, and as a parameter."""
    return {scale.id: f"CRS Grade by {label(scale)}" for scale in scales()}


def scale_tests() -> pa.Table:
    """Return the scales as tests: the name of each, and its place."""
    titles = scale_titles()
    return pa.table(
        {"scale": list(titles), "title": list(titles.values()), "rank": range(1, len(titles) + 1)}
    )


def clinical_events(con: duckdb.DuckDBPyConnection) -> Table:
    """Return CE: a record per episode."""
    return table_of(con, "CE", _CE)


def findings_about(con: duckdb.DuckDBPyConnection) -> Table:
    """Return FA: a record per scale and change of grade."""
    return table_of(con, "FA", _FA)


def supplement(con: duckdb.DuckDBPyConnection) -> Table:
    """Return SUPPCE: what an episode has beside the variables of CE."""
    qualifiers = sdtm_qualifiers()
    con.register(
        "qualifiers",
        pa.table(
            {
                "rank": range(len(qualifiers)),
                "qnam": [one.name for one in qualifiers],
                "qlabel": [one.label for one in qualifiers],
            }
        ),
    )
    return table_of(con, "SUPPCE", _SUPPCE)


def related_records(con: duckdb.DuckDBPyConnection) -> Table:
    """Return RELREC: one record of CE to many of FA, by their link ids."""
    return table_of(con, "RELREC", _RELREC)
