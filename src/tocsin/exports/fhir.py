"""FHIR R4: a Bundle per subject, and the same resources as NDJSON by type: what was computed and what it rests on."""

from collections import Counter
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO

import orjson

from tocsin.exports.fhir_evidence import evidence, patient
from tocsin.exports.fhir_grades import Made, findings
from tocsin.exports.fhir_terms import BASE, Resource, moment, resource_id
from tocsin.exports.parts import Options, Written, need_events, people
from tocsin.records import Records
from tocsin.results import Result

NOTES = (
    "AdverseEvent carries the ae-grade and resolve-date extensions of the AE Clinical Research R4 Backport, but does not "
    "claim its profile, which wants a study and a seriousness that the records do not say.",
    "Patient holds only id, sex and birth date: leave it out where the real Patient is.",
    "Flags and states between two changes of grade stay in grades.parquet.",
)


def write(result: Result, folder: Path, options: Options) -> Written:
    """Write `bundles/<patient>.json` and `ndjson/<type>.ndjson`."""
    need_events(result)
    made = Made(_device(result), datetime.now(UTC).replace(microsecond=0))
    bundles = folder / "bundles"
    bundles.mkdir()
    with _ndjson(folder / "ndjson") as lines:
        lines.write(made.device)
        for records in people(result, options.progress):
            resources = [*_subject(records, made)]
            for resource in resources:
                lines.write(resource)
            bundle = _bundle([made.device, *resources], made)
            (bundles / f"{resources[0]['id']}.json").write_bytes(orjson.dumps(bundle))
            lines.counts["Bundle"] += 1
    return Written(lines.counts, NOTES)


def _subject(records: Records, made: Made) -> Iterator[Resource]:
    """Yield all resources of a subject, the Patient first."""
    yield patient(records)
    found = evidence(records)
    yield from found
    yield from findings(records, found, made)


def _device(result: Result) -> Resource:
    """Return Tocsin as a Device: the version, and the knowledge that the run was graded with."""
    version, knowledge = result.run["versions"]["tocsin"], result.run["knowledge"]
    return {
        "resourceType": "Device",
        "id": resource_id("tocsin", version, knowledge),
        "deviceName": [{"name": "Tocsin", "type": "user-friendly-name"}],
        "version": [
            {"type": {"text": "software"}, "value": version},
            {"type": {"text": "knowledge"}, "value": knowledge},
        ],
        "note": [
            {
                "text": "Not a medical device: it supports trained people who can check the basis of each statement."
            }
        ],
    }


def _bundle(resources: list[Resource], made: Made) -> Resource:
    """Return resources as a Bundle."""
    return {
        "resourceType": "Bundle",
        "id": resource_id("bundle", resources[1]["id"]),
        "type": "collection",
        "timestamp": moment(made.recorded),
        "entry": [
            {"fullUrl": f"{BASE}/{one['resourceType']}/{one['id']}", "resource": one} for one in resources
        ],
    }


class _Lines:
    """Writes resources into a file for each type, and counts them."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._files: dict[str, BinaryIO] = {}
        self.counts: Counter[str] = Counter()

    def write(self, resource: Resource) -> None:
        """Write one resource."""
        kind = resource["resourceType"]
        if kind not in self._files:
            self._files[kind] = (self._folder / f"{kind}.ndjson").open("wb")
        self._files[kind].write(orjson.dumps(resource, option=orjson.OPT_APPEND_NEWLINE))
        self.counts[kind] += 1

    def close(self) -> None:
        """Finish all files."""
        for file in self._files.values():
            file.close()


@contextmanager
def _ndjson(folder: Path) -> Generator[_Lines]:
    folder.mkdir()
    lines = _Lines(folder)
    try:
        yield lines
    finally:
        lines.close()
