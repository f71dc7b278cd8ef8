"""Dataset-JSON 1.1: one file a dataset, its columns described by the same metadata as the transport file."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import orjson

from tocsin.exports.sdtm_table import Study, Table, item_oid
from tocsin.knowledge.sdtm_export import Variable

_BATCH: Final = 65_536  # rows that are put into words at once
# Dates that SAS keeps as numbers stand here as texts, and say which number they are.
_TYPES: Final[dict[str, dict[str, str]]] = {
    "text": {"dataType": "string"},
    "integer": {"dataType": "integer"},
    "datetime": {"dataType": "datetime"},
    "date_number": {"dataType": "date", "targetDataType": "integer", "displayFormat": "DATE9."},
    "datetime_number": {"dataType": "datetime", "targetDataType": "integer", "displayFormat": "DATETIME20."},
}


def write_dataset_json(table: Table, path: Path, study: Study) -> None:
    """Write a dataset as Dataset-JSON."""
    dataset, made = table.dataset, f"{study.made:%Y-%m-%dT%H:%M:%S}"
    head: dict[str, Any] = {
        "datasetJSONCreationDateTime": made,
        "datasetJSONVersion": "1.1.0",
        "fileOID": f"tocsin.{study.id}.{dataset.name}.{made}",
        "originator": "Tocsin",
        "sourceSystem": {"name": "Tocsin", "version": study.tocsin},
        "studyOID": study.oid,
        "metaDataVersionOID": study.version_oid(dataset.standard),
        "metaDataRef": "define.xml",
        "itemGroupOID": f"IG.{dataset.name}",
        "records": table.rows.num_rows,
        "name": dataset.name,
        "label": dataset.label,
        "columns": [_column(table, variable) for variable in dataset.variables],
    }
    with path.open("wb") as file:
        file.write(orjson.dumps(head)[:-1] + b',"rows":[')
        for place, row in enumerate(_rows(table)):
            file.write((b",\n" if place else b"\n") + orjson.dumps(row))
        file.write(b"\n]}\n")


def _column(table: Table, variable: Variable) -> dict[str, Any]:
    """Return what a column says of itself."""
    said: dict[str, Any] = {
        "itemOID": item_oid(table.dataset.name, variable.name),
        "name": variable.name,
        "label": variable.label,
        **_TYPES[variable.type],
    }
    if variable.type == "text":
        said["length"] = table.lengths[variable.name]
    if variable.key is not None:
        said["keySequence"] = variable.key
    return said


def _rows(table: Table) -> Iterator[tuple[Any, ...]]:
    """Yield the rows, dates as texts."""
    for batch in table.rows.to_batches(max_chunksize=_BATCH):
        columns = [_values(variable, batch.column(variable.name)) for variable in table.dataset.variables]
        yield from zip(*columns, strict=True)


def _values(variable: Variable, values: Any) -> list[Any]:
    if variable.type == "date_number":
        return [day and day.isoformat() for day in values.to_pylist()]
    if variable.type == "datetime_number":
        return [time and time.isoformat(timespec="seconds") for time in values.to_pylist()]
    return values.to_pylist()
