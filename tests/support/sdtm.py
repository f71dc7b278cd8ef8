"""Made-up SDTM studies for tests: rows by variable, written in every encoding."""

import csv
import gzip
import io
import json
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.parquet as pq

from tests.support.xpt import xpt_bytes

ENCODINGS: Final = ("xpt", "xpt8", "json", "ndjson", "dsjc", "csv", "csv.gz", "parquet")
SUBJECT: Final = "MADEUP-001"
# The rows of a dataset, each by variable.
Rows = Sequence[Mapping[str, Any]]
Study = Mapping[str, Rows]


def _columns(domain: str, rows: Rows) -> list[str]:
    """Every variable of any row, in the order in which they are met."""
    return list(dict.fromkeys(["STUDYID", "DOMAIN", *(name for row in rows for name in row)]))


def cells(domain: str, rows: Rows) -> tuple[list[str], list[list[Any]]]:
    """The columns and the cells of a dataset, None where a row says nothing."""
    columns = _columns(domain, rows)
    fixed = {"STUDYID": "MADEUP", "DOMAIN": domain.upper()}
    return columns, [[{**fixed, **row}.get(name) for name in columns] for row in rows]


def dataset_json(domain: str, rows: Rows, **head: Any) -> dict[str, Any]:
    """A dataset as the object of Dataset-JSON; `head` changes what it says of itself."""
    columns, table = cells(domain, rows)
    described = [
        {"itemOID": f"IT.{domain}.{name}", "name": name, "label": name, "dataType": _type(table, place)}
        for place, name in enumerate(columns)
    ]
    said = {
        "datasetJSONCreationDateTime": "2026-01-01T00:00:00",
        "datasetJSONVersion": "1.1.0",
        "itemGroupOID": f"IG.{domain.upper()}",
        "records": len(rows),
        "name": domain.upper(),
        "label": domain.upper(),
        "columns": described,
    }
    return {**said, **head, "rows": table}


def _type(table: list[list[Any]], place: int) -> str:
    return "float" if any(isinstance(row[place], int | float) for row in table) else "string"


def write_dataset(folder: Path, domain: str, rows: Rows, encoding: str) -> Path:
    """Write one dataset in one encoding."""
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / f"{domain.lower()}.{encoding.removesuffix('8')}"
    columns, table = cells(domain, rows)
    if encoding in ("xpt", "xpt8"):
        file.write_bytes(xpt_bytes(domain.upper(), columns, table, 8 if encoding == "xpt8" else 5))
    elif encoding == "json":
        file.write_text(json.dumps(dataset_json(domain, rows), indent=1), encoding="utf-8")
    elif encoding in ("ndjson", "dsjc"):
        lines = ndjson(dataset_json(domain, rows))
        file.write_bytes(lines if encoding == "ndjson" else zlib.compress(lines))
    elif encoding == "parquet":
        arrays = [pa.array([row[place] for row in table]) for place in range(len(columns))]
        pq.write_table(pa.table(dict(zip(columns, arrays, strict=True))), file)
    else:
        _write_csv(file, columns, table)
    return file


def ndjson(whole: Mapping[str, Any]) -> bytes:
    """A dataset as lines: its head, then a row each."""
    head = {name: value for name, value in whole.items() if name != "rows"}
    return ("\n".join(json.dumps(line) for line in [head, *whole["rows"]]) + "\n").encode()


def _write_csv(file: Path, columns: list[str], table: list[list[Any]]) -> None:
    text = io.StringIO(newline="")
    csv.writer(text).writerows([columns, *table])
    data = text.getvalue().encode()
    file.write_bytes(gzip.compress(data) if file.suffix == ".gz" else data)


def write_study(folder: Path, study: Study, encoding: str = "csv") -> Path:
    """Write a study, every dataset in one encoding."""
    for domain, rows in study.items():
        if rows:
            write_dataset(folder, domain, rows, encoding)
    return folder


def vital(
    test: str, time: str | None, value: float | None, unit: str, subject: str | None = SUBJECT, **more: Any
) -> dict[str, Any]:
    """A row of VS."""
    known = {
        "USUBJID": subject,
        "VSTESTCD": test,
        "VSTEST": test,
        "VSORRES": None if value is None else f"{value:g}",
    }
    return {
        **known,
        "VSORRESU": unit,
        "VSSTRESC": known["VSORRES"],
        "VSSTRESN": value,
        "VSSTRESU": unit,
        "VSDTC": time,
        **more,
    }


def whole_subject() -> dict[str, list[dict[str, Any]]]:
    """A made-up subject with clock times: CAR-T, fever, a low pressure, norepinephrine, oxygen, tocilizumab, recovery."""
    who = {"USUBJID": SUBJECT}
    return {
        "dm": [{**who, "SUBJID": "001", "RFSTDTC": "2026-03-02T10:00", "BRTHDTC": None, "AGE": 57, "AGEU": "YEARS", "SEX": "F"}],
        "ex": [{**who, "EXSEQ": 1, "EXTRT": "AXICABTAGENE CILOLEUCEL", "EXDOSE": 200, "EXDOSU": "10^6 CELLS",
                "EXROUTE": "INTRAVENOUS", "EXSTDTC": "2026-03-02T10:00", "EXENDTC": "2026-03-02T10:30"}],
        "vs": [
            vital("TEMP", "2026-03-02T09:00", 36.8, "C"),
            vital("WEIGHT", "2026-03-01", 70.0, "kg"),
            vital("TEMP", "2026-03-04T08:00", 38.9, "C"),
            vital("SYSBP", "2026-03-04T08:00", 112.0, "mmHg"),
            vital("DIABP", "2026-03-04T08:00", 64.0, "mmHg"),
            vital("OXYSAT", "2026-03-04T08:00", 95.0, "%"),
            vital("SYSBP", "2026-03-04T12:00", 84.0, "mmHg"),
            vital("TEMP", "2026-03-04T20:00", None, "C", VSSTAT="NOT DONE"),
            vital("SYSBP", "2026-03-05T09:00", 118.0, "mmHg"),
            vital("TEMP", "2026-03-05T09:00", 37.0, "C"),
            vital("TEMP", "2026-03-07T09:00", 36.7, "C"),
        ],
        "cm": [
            {**who, "CMTRT": "LEVOPHED", "CMDECOD": "NOREPINEPHRINE BITARTRATE", "CMDOSE": 0.1, "CMDOSU": "ug/kg/min",
             "CMROUTE": "INTRAVENOUS", "CMSTDTC": "2026-03-04T13:00", "CMENDTC": "2026-03-05T01:00"},
            {**who, "CMTRT": "TOCILIZUMAB", "CMDECOD": "TOCILIZUMAB", "CMDOSE": 560, "CMDOSU": "mg",
             "CMROUTE": "INTRAVENOUS", "CMSTDTC": "2026-03-04T14:00", "CMENDTC": "2026-03-04T15:00"},
            {**who, "CMTRT": "DEXAMETHASONE", "CMDECOD": "DEXAMETHASONE", "CMOCCUR": "N", "CMSTDTC": "2026-03-04T14:00"},
        ],
        "pr": [{**who, "PRTRT": "NASAL CANNULA", "PRDOSE": 3, "PRDOSU": "L/min",
                "PRSTDTC": "2026-03-04T12:30", "PRENDTC": "2026-03-05T06:00"}],
        "lb": [{**who, "LBTESTCD": "CRP", "LBLOINC": "1988-5", "LBORRES": "120", "LBORRESU": "mg/L", "LBSTRESC": "120",
                "LBSTRESN": 120, "LBSTRESU": "mg/L", "LBDTC": "2026-03-04T08:30"}],
        "ae": [{**who, "AETERM": "cytokine release syndrome", "AEDECOD": "Cytokine release syndrome", "AETOXGR": "3",
                "AESTDTC": "2026-03-04T08:00", "AEENDTC": "2026-03-06", "AEOUT": "RECOVERED/RESOLVED", "AESDTH": "N"}],
    }  # fmt: skip
