"""ADaM: ADCRS, a record per parameter (a scale) and change of grade, with analysis flags and the grade that the site gave."""

import duckdb

from tocsin.exports.sdtm_table import Table, table_of

_ADCRS = """
SELECT getvariable('study') AS STUDYID, f.source_id AS USUBJID, seq AS ASEQ, f.episode AS EPISODE, clock(therapy_time) AS INDXDTM,
    title AS PARAM, upper(f.scale) AS PARAMCD, rank AS PARAMN, f.grade AS AVAL, words AS AVALC, low AS AVALLO, high AS AVALHI,
    clock(time) AS ADTM, ADTM::DATE AS ADT, ADTM AS ASTDTM, clock(until) AS AENDTM,
    date_diff('day', INDXDTM, ADTM) + if(ADT >= INDXDTM::DATE, 1, 0) AS ADY,
    if(peak, 'Y', NULL) AS ANL01FL, if(of_record, 'Y', NULL) AS ANL02FL, AETOXGR,
    'FA' AS SRCDOM, 'FASTRESN' AS SRCVAR, seq AS SRCSEQ
FROM findings f
JOIN tests USING (scale)
JOIN (SELECT place, therapy_time FROM episodes) USING (place)
LEFT JOIN (
    SELECT number, max(r.grade) AS AETOXGR
    FROM findings c JOIN (SELECT place, onset FROM episodes) USING (place)
    JOIN reported r ON r.source_id = c.source_id::VARCHAR AND (r.scale = c.scale OR r.scale = '' AND of_record)
        AND time >= start_at AND (time <= end_at OR NOT has_end AND onset <= end_at)
    GROUP BY number
) USING (number)
ORDER BY number
"""


def adcrs(con: duckdb.DuckDBPyConnection) -> Table:
    """Return ADCRS."""
    return table_of(con, "ADCRS", _ADCRS)
