"""Works the acceptance facts out of the raw files with the standard library and DuckDB, nothing of Tocsin.

    python tests/acceptance/facts/derive.py ../shared/data

writes patients.json and sources.json beside itself. README.md says what each number means; the times of
oxygen_by_eye.csv were read by a person from the charts.
"""

import csv
import gzip
import json
import sys
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import duckdb

HERE = Path(__file__).parent
COUNTED = ("norepinephrine", "epinephrine", "phenylephrine", "dopamine", "angiotensin_ii")
TIMEOUT = timedelta(hours=24)
EICU_ADMISSION = datetime(2000, 1, 1)

MIMIC3_SUBJECTS = (10064, 10076, 10094, 40310, 44154, 44212)
MEDS_SUBJECTS = (10002428, 10003400, 10007818, 10039708)
EICU_STAYS = (1564685, 1568171, 3211766, 3230503)

CAREVUE = {"30120": "norepinephrine", "30128": "phenylephrine", "30043": "dopamine", "30051": "vasopressin"}
METAVISION = {
    "221906": "norepinephrine",
    "221289": "epinephrine",
    "221749": "phenylephrine",
    "221662": "dopamine",
    "222315": "vasopressin",
}
FAHRENHEIT = ("678", "223761")
CELSIUS = ("676", "223762", "226329", "50825")


class Record(NamedTuple):
    """One charted line of an infusion: open without an end; a stop has running = False."""

    start: datetime
    end: datetime | None
    running: bool


Infusions = dict[str, list[Record]]


def rows(path: Path) -> Iterator[dict[str, str]]:
    """The rows of a gzipped CSV file."""
    with gzip.open(path, "rt", encoding="utf-8", newline="") as file:
        yield from csv.DictReader(file)


def runs(records: list[Record]) -> list[tuple[datetime, datetime]]:
    """Unbroken stretches of one agent (timeline.md 2): an open record ends at the next one or after 24 h."""
    times = sorted({record.start for record in records})
    stops = [t for t in times if not any(r.running for r in records if r.start == t)]
    pieces: list[tuple[datetime, datetime]] = []
    for record in records:
        if record.running:
            later = [t for t in times if t > record.start]
            end = record.end or min([record.start + TIMEOUT, *later])
            pieces.append((record.start, min([end, *[t for t in stops if t > record.start]])))
    joined: list[tuple[datetime, datetime]] = []
    for start, end in sorted(pieces):
        if joined and start <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(end, joined[-1][1]))
        else:
            joined.append((start, end))
    return joined


def most_at_once(stretches: Iterable[tuple[datetime, datetime]]) -> int:
    """The largest number of stretches that overlap; one that ends as another starts does not."""
    edges = sorted([edge for s, e in stretches for edge in ((s, 1), (e, -1))])
    level = best = 0
    for _, step in edges:
        level += step
        best = max(best, level)
    return best


def pressor_facts(infusions: Infusions, death: datetime | None) -> dict[str, Any]:
    """What is knowable about the vasopressors of a subject; a death ends everything."""
    by_agent = {
        agent: [(s, min(e, death) if death else e) for s, e in runs(records) if not death or s < death]
        for agent, records in sorted(infusions.items())
    }
    by_agent = {agent: found for agent, found in by_agent.items() if found}
    counted = {agent: found for agent, found in by_agent.items() if agent in COUNTED}
    stretches = [stretch for found in counted.values() for stretch in found]
    return {
        "counted": sorted(counted),
        "counted_ever": len(counted),
        "counted_at_once": most_at_once(stretches),
        "first_start": min(s for s, _ in stretches).isoformat(),
        "last_stop": max(e for _, e in stretches).isoformat(),
        "hours_with_any": round(hours(stretches), 3),
        "runs": {
            agent: {"number": len(found), "first": found[0][0].isoformat(), "last": found[-1][1].isoformat()}
            for agent, found in by_agent.items()
        },
    }


def hours(stretches: list[tuple[datetime, datetime]]) -> float:
    """Hours covered by at least one stretch."""
    merged = runs([Record(start, end, True) for start, end in stretches])
    return sum((end - start).total_seconds() for start, end in merged) / 3600


def temperature_facts(readings: Iterable[tuple[str, float]]) -> dict[str, int]:
    """Readings, fevers (100.4 F is 38.0 Cel), and Celsius that must be Fahrenheit."""
    readings = list(readings)
    return {
        "readings": len(readings),
        "at_least_38": sum(value >= (100.4 if item in FAHRENHEIT else 38.0) for item, value in readings),
        "celsius_that_look_fahrenheit": sum(
            95 <= value <= 110 for item, value in readings if item in CELSIUS
        ),
    }


def mimic3(folder: Path) -> list[dict[str, Any]]:
    """Six patients of MIMIC-III: three charted in CareVue, three in MetaVision."""
    infusions: dict[str, Infusions] = defaultdict(lambda: defaultdict(list))
    for row in rows(folder / "inputevents_cv.csv.gz"):
        stopped = row["stopped"] in ("Stopped", "D/C'd")
        if row["itemid"] in CAREVUE and (row["rate"] or stopped):
            on = not stopped and float(row["rate"]) > 0
            record = Record(datetime.fromisoformat(row["charttime"]), None, on)
            infusions[row["subject_id"]][CAREVUE[row["itemid"]]].append(record)
    for row in rows(folder / "inputevents_mv.csv.gz"):
        if row["itemid"] in METAVISION and row["statusdescription"] != "Rewritten":
            start, end = (datetime.fromisoformat(row[c]) for c in ("starttime", "endtime"))
            record = Record(start, end, float(row["rate"]) > 0)
            infusions[row["subject_id"]][METAVISION[row["itemid"]]].append(record)
    temperatures: dict[str, list[tuple[str, float]]] = defaultdict(list)
    for row in rows(folder / "chartevents.csv.gz"):
        if row["itemid"] in FAHRENHEIT + CELSIUS and row["valuenum"] and row["error"] != "1":
            temperatures[row["subject_id"]].append((row["itemid"], float(row["valuenum"])))
    deaths = {
        row["subject_id"]: datetime.fromisoformat(row["deathtime"])
        for row in rows(folder / "admissions.csv.gz")
        if row["deathtime"]
    }
    return [
        {
            "source": "mimic3",
            "subject_id": subject,
            "death": deaths[str(subject)].isoformat() if str(subject) in deaths else None,
            "temperature": temperature_facts(temperatures[str(subject)]),
            "vasopressors": pressor_facts(infusions[str(subject)], deaths.get(str(subject))),
        }
        for subject in MIMIC3_SUBJECTS
    ]


def meds(parquet: Path) -> list[dict[str, Any]]:
    """Four patients of MIMIC-IV in MEDS form; the k-th START of a code goes with its k-th END."""
    facts: list[dict[str, Any]] = []
    for subject in MEDS_SUBJECTS:
        found = duckdb.execute(
            "SELECT code, time, numeric_value FROM read_parquet(?) WHERE subject_id = ? ORDER BY time",
            [str(parquet), subject],
        ).fetchall()
        death = next((time for code, time, _ in found if code == "MEDS_DEATH" and time.hour), None)
        infusions: Infusions = {}
        for item, agent in METAVISION.items():
            starts = [(t, v) for code, t, v in found if code == f"INFUSION_START//{item}"]
            ends = [t for code, t, _ in found if code == f"INFUSION_END//{item}"]
            infusions[agent] = [Record(t, end, v > 0) for (t, v), end in zip(starts, ends, strict=True)]
        readings = [
            (code.split("//")[1], value)
            for code, _, value in found
            if code.startswith("LAB//") and code.split("//")[1] in FAHRENHEIT + CELSIUS and value is not None
        ]
        facts.append(
            {
                "source": "mimic4_meds",
                "subject_id": subject,
                "death": death.isoformat() if death else None,
                "rows": len(found),
                "temperature": temperature_facts(readings),
                "start_end_pairs": {METAVISION[i]: len(infusions[METAVISION[i]]) for i in METAVISION},
                "vasopressors": pressor_facts(infusions, death),
            }
        )
    return facts


def eicu(folder: Path) -> list[dict[str, Any]]:
    """Four stays of eICU, minutes laid on the converter's made-up date."""
    agents = (*COUNTED, "vasopressin")
    infusions: dict[str, Infusions] = defaultdict(lambda: defaultdict(list))
    for row in rows(folder / "infusiondrug.csv.gz"):
        agent = next((a for a in agents if row["drugname"].lower().startswith(a)), None)
        if agent:
            at = EICU_ADMISSION + timedelta(minutes=int(row["infusionoffset"]))
            on = not row["drugrate"] or float(row["drugrate"]) > 0
            infusions[row["patientunitstayid"]][agent].append(Record(at, None, on))
    deaths = {
        row["patientunitstayid"]: EICU_ADMISSION + timedelta(minutes=int(row["unitdischargeoffset"]))
        for row in rows(folder / "patient.csv.gz")
        if row["unitdischargestatus"] == "Expired"
    }
    return [
        {
            "source": "eicu",
            "subject_id": stay,
            "death": deaths[str(stay)].isoformat() if str(stay) in deaths else None,
            "vasopressors": pressor_facts(infusions[str(stay)], deaths.get(str(stay))),
        }
        for stay in EICU_STAYS
    ]


def words(found: Iterable[str]) -> dict[str, int]:
    """Words with counts, most frequent first."""
    return dict(sorted(Counter(found).items(), key=lambda pair: (-pair[1], pair[0])))


def device_words(data: Path) -> dict[str, dict[str, int]]:
    """Every word charted as an oxygen device, as it is spelt."""
    chart = [
        (row["itemid"], row["value"])
        for row in rows(data / "mimic-iii-demo-csv/chartevents.csv.gz")
        if row["itemid"] in ("226732", "467", "468") and row["value"] and row["error"] != "1"
    ]
    eicu_labels = ("O2 Device", "Oxygen Delivery Method", "Bipap Delivery Mode", "RT Vent On/Off")
    respiratory = [
        (row["respchartvaluelabel"], row["respchartvalue"])
        for row in rows(data / "eicu-demo-csv/respiratorycharting.csv.gz")
        if row["respchartvaluelabel"] in eicu_labels
    ]
    found = {f"mimic3 {item}": words(w for i, w in chart if i == item) for item in ("226732", "467", "468")}
    return found | {f"eicu {label}": words(w for k, w in respiratory if k == label) for label in eicu_labels}


def file_rows(data: Path) -> dict[str, dict[str, int]]:
    """Rows of every CSV and NDJSON file of the real sets."""
    counts: dict[str, dict[str, int]] = {}
    folders = ("mimic-iii-demo-csv", "eicu-demo-csv", "mimic-iv-demo-csv/hosp", "mimic-iv-demo-csv/icu")
    for name in folders:
        counts[name] = {p.name: sum(1 for _ in rows(p)) for p in sorted((data / name).glob("*.csv.gz"))}
    for name in ("fhir-ndjson-pathling9", "fhir-bulk-synthea10"):
        found = sorted((data / name).glob("*.ndjson.gz"))
        counts[name] = {p.name: len(gzip.decompress(p.read_bytes()).splitlines()) for p in found}
    return {name: files | {"total": sum(files.values())} for name, files in counts.items()}


def meds_facts(parquet: Path) -> dict[str, Any]:
    """Rows per code family, and START and END rows per vasopressor."""
    con = duckdb.connect()
    con.execute("CREATE VIEW meds AS SELECT * FROM read_parquet($$" + str(parquet) + "$$)")
    items = "|".join((*METAVISION, *FAHRENHEIT, *CELSIUS, "22005[0-2]", "2201(79|80|81)", "220277"))
    oxygen = "223834|223835|227287|227582|226732|50815|50816|225309|225310|225312|224639|226512|226531"
    family = con.execute(
        "SELECT split_part(code, '//', 1) AS family, count(*) AS n, count(numeric_value) FROM meds "
        "GROUP BY family ORDER BY n DESC, family"
    ).fetchall()
    codes = con.execute(
        "SELECT code, count(*), count(numeric_value) FROM meds WHERE regexp_matches(code, ?) "
        "OR code IN ('SUBJECT_WEIGHT_AT_INFUSION//KG', 'MEDS_BIRTH', 'MEDS_DEATH', 'GENDER//F', 'GENDER//M') "
        "GROUP BY 1 ORDER BY 1",
        [
            f"^(LAB|INFUSION_START|INFUSION_END)//({items}|{oxygen})(//|$)|^PROCEDURE//[A-Z]+//(22579[24]|224385)$"
        ],
    ).fetchall()
    totals = con.execute("SELECT count(*), count(DISTINCT subject_id) FROM meds").fetchall()[0]
    return {
        "rows": totals[0],
        "subjects": totals[1],
        "families": {name: {"rows": n, "with_number": m} for name, n, m in family},
        "codes": {name: {"rows": n, "with_number": m} for name, n, m in codes},
    }


def twins(data: Path, parquet: Path) -> list[dict[str, Any]]:
    """Each Observation of the two MIMIC-IV bundles, and the MEDS rows of the same local time."""
    found: list[dict[str, Any]] = []
    for path in sorted((data / "fhir-bundles").glob("mimic-iv-*.json")):
        subject = int(path.stem.rsplit("-", 1)[1])
        for entry in json.loads(path.read_text(encoding="utf-8"))["entry"]:
            resource = entry["resource"]
            if resource["resourceType"] != "Observation":
                continue
            item = resource["code"]["coding"][0]["code"]
            local = datetime.fromisoformat(resource["effectiveDateTime"]).replace(tzinfo=None)
            quantity = resource["valueQuantity"]
            rows_of_meds = duckdb.execute(
                "SELECT code, numeric_value FROM read_parquet(?) WHERE subject_id = ? AND time = ? "
                "AND split_part(code, '//', 2) = ?",
                [str(parquet), subject, local, item],
            ).fetchall()
            found.append(
                {
                    "subject_id": subject,
                    "item": item,
                    "fhir_time": resource["effectiveDateTime"],
                    "meds_time": local.isoformat(),
                    "fhir_unit": quantity["unit"],
                    "meds_codes": [code for code, _ in rows_of_meds],
                    "same_value": [abs(v - quantity["value"]) < 1e-5 for _, v in rows_of_meds],
                }
            )
    return found


def main() -> None:
    """Write both files beside this one."""
    data = Path(sys.argv[1])
    parquet = data / "mimic-iv-demo-meds/data/train/0.parquet"
    patients = [
        *mimic3(data / "mimic-iii-demo-csv"),
        *meds(parquet),
        *eicu(data / "eicu-demo-csv"),
    ]
    sources = {
        "file_rows": file_rows(data),
        "device_words": device_words(data),
        "meds": meds_facts(parquet),
        "fhir_and_meds": twins(data, parquet),
    }
    for name, content in (("patients", patients), ("sources", sources)):
        (HERE / f"{name}.json").write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
