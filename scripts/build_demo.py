"""Writes the bundled made-up patients as FHIR R4 Bundles; with --check it only names what has drifted.

Each comes from a chart sheet in `demo_charts/`: `key: value` lines, then days (`== 2026-02-09`) of lines:

    08:00 vitals T S/D/M HR SPO2      temperature, pressures, heart rate, saturation; `-` was not taken
    08:00 temp 99.3 [degF]            a temperature in a unit of its own
    08:00 lab|score|weight ...        a result, in the unit that Tocsin reckons in
    08:00 oxygen DEVICE FLOW FIO2     what was charted at the bedside; `flow` and `fio2` alone as well
    08:00 device-use|procedure DEVICE until WHEN     a device with its interval
    08:00 infusion DRUG RATE UNIT until WHEN [stopped] | open
    08:00 bolus ML until WHEN         sodium chloride 0.9 %
    08:00 drug|order DRUG AMOUNT ROUTE
    08:00 therapy SIGNAL [DOSE or text] / note ATTRIBUTION / culture TEXT

`!status` at the end of a line sets the status of its resource. Nobody's record stands behind any of it.
"""

import json
import sys
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

from tocsin.knowledge.codes import codes
from tocsin.knowledge.signals import signal

ROOT = Path(__file__).resolve().parent.parent
SHEETS = ROOT / "scripts" / "demo_charts"
DEMO = ROOT / "src" / "tocsin" / "demo"
SERVER = "https://made-up.example"

Json = dict[str, Any]
Coding = tuple[str, str, str]  # system, code, display

LOINC = "http://loinc.org"
SNOMED = "http://snomed.info/sct"
RXNORM = "http://www.nlm.nih.gov/research/umls/rxnorm"
UCUM = "http://unitsofmeasure.org"
SYSTEMS = {"LOINC": LOINC, "RxNorm": RXNORM}
OURS = "urn:tocsin:signal"
MADE_UP = "urn:tocsin:made-up"

# Drugs that the sheets call by their own name: antibacterials are one signal, and cyclophosphamide is none of ours, on purpose.
NAMED = {"cefepime": "20481", "meropenem": "29561", "cyclophosphamide": "3002"}
PRESSURES = ("systolic_bp", "diastolic_bp", "mean_arterial_pressure")
PRESSURE_PANEL = (LOINC, "85354-9", "Blood pressure panel")
ROUTES: dict[str, Coding] = {
    "iv": (SNOMED, "47625008", "Intravenous route"),
    "oral": (SNOMED, "26643006", "Oral route"),
    "sc": (SNOMED, "34206005", "Subcutaneous route"),
    "eye": (SNOMED, "54485002", "Ophthalmic route"),
}
LAB_TURNAROUND = timedelta(minutes=90)


@dataclass
class Sheet:
    """A chart sheet being read: its head, the present line's time and status, what has been written."""

    head: dict[str, str]
    clock: datetime = datetime.min
    status: str | None = None
    resources: list[Json] = field(default_factory=list[Json])

    def instant(self, time: datetime) -> str:
        """A time as FHIR writes it."""
        return f"{time.isoformat()}{self.head['zone']}"

    def later(self, text: str) -> str:
        """The end of an interval: `HH:MM` of the same day, or `MM-DDTHH:MM`."""
        day = f"{self.clock:%Y-%m-%d}T" if len(text) == 5 else f"{self.clock:%Y}-"
        return self.instant(datetime.fromisoformat(day + text))

    def url(self, kind: str, name: str) -> str:
        """The full URL of a resource."""
        url = f"{SERVER}/{kind}/{name}"
        return f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_URL, url)}" if self.head["refer"] == "urn" else url

    def reference(self, kind: str, name: str) -> Json:
        """A reference in the way of this sheet: relative, absolute, or by urn:uuid."""
        relative = self.head["refer"] == "relative"
        return {"reference": f"{kind}/{name}" if relative else self.url(kind, name)}

    def add(self, kind: str, status: str, body: Json) -> None:
        """Write one resource about the patient; the status of the line wins."""
        name = f"{self.head['id'][0]}-{len(self.resources) + 1:03}"
        first: Json = {"resourceType": kind, "id": name, "status": self.status or status}
        self.resources.append(first | {"subject": self.reference("Patient", self.head["id"])} | body)

    def observe(self, what: Coding, value: Json, **more: Any) -> None:
        """Write an Observation of the present time."""
        body: Json = {"code": concept(what), "effectiveDateTime": self.instant(self.clock)}
        self.add("Observation", "final", body | more | value)

    def measure(self, name: str, value: str, unit: str | None = None, **more: Any) -> None:
        """Write a measurement, unless it was not taken."""
        if value != "-":
            self.observe(coding(name), {"valueQuantity": result(name, value, unit)}, **more)

    def medicate(self, drug: Coding, when: Json, dosage: Json, status: str = "completed") -> None:
        """Write a MedicationAdministration."""
        body: Json = {"medicationCodeableConcept": concept(drug)} | when | {"dosage": dosage}
        self.add("MedicationAdministration", status, body)


@cache
def coding(name: str) -> Coding:
    """The first code of a signal in the code lists, else our own; a measurement goes without its name."""
    words = name.replace("_", " ")
    if name in NAMED:
        return RXNORM, NAMED[name], words
    found = next((row for row in codes() if row.signal == name and row.system in SYSTEMS), None)
    if found is None:
        return OURS, name, words
    return SYSTEMS[found.system], found.code, "" if found.system == "LOINC" else words


@cache
def device_code(device: str) -> Coding:
    """The first SNOMED CT code of an oxygen device."""
    found = next(row for row in codes() if row.value == device and row.system == "SNOMED")
    return SNOMED, found.code, found.display


def concept(coding: Coding, text: str | None = None) -> Json:
    """A CodeableConcept of one coding."""
    system, code, display = coding
    named = {"display": display} if display else {}
    found: Json = {"coding": [{"system": system, "code": code} | named]}
    return found | {"text": text} if text else found


def quantity(text: str, unit: str) -> Json:
    """A Quantity in UCUM, the number as it was charted."""
    value = float(text) if "." in text else int(text)
    return {"value": value, "unit": unit, "system": UCUM, "code": unit}


def result(name: str, value: str, unit: str | None = None) -> Json:
    """The Quantity of a result, in the signal's own unit if no other is named."""
    return quantity(value, unit or signal(name).unit)


def vitals(sheet: Sheet, temperature: str, pressures: str, rate: str, saturation: str) -> None:
    """One round of vital signs; the pressures are one panel."""
    sheet.measure("body_temperature", temperature)
    if pressures != "-":
        parts = zip(PRESSURES, pressures.split("/"), strict=True)
        values = [{"code": concept(coding(n)), "valueQuantity": result(n, v)} for n, v in parts]
        sheet.observe(PRESSURE_PANEL, {"component": values})
    sheet.measure("heart_rate", rate)
    sheet.measure("spo2", saturation)


def lab(sheet: Sheet, name: str, value: str) -> None:
    """A laboratory result, known only after a while."""
    sheet.measure(name, value, issued=sheet.instant(sheet.clock + LAB_TURNAROUND))


def score(sheet: Sheet, name: str, value: str) -> None:
    """A score of the neurological check."""
    sheet.observe(coding(f"{name}_score"), {"valueQuantity": quantity(value, "{score}")})


def oxygen(sheet: Sheet, device: str, flow: str, fio2: str) -> None:
    """The oxygen device as charted, with flow and FiO2 where they were."""
    value = concept(device_code(device), device.replace("_", " "))
    sheet.observe(coding("oxygen_device"), {"valueCodeableConcept": value})
    sheet.measure("inhaled_o2_flow", flow)
    sheet.measure("fio2", fio2)


def device_use(sheet: Sheet, device: str, _until: str, end: str) -> None:
    """A device with its interval, as a DeviceUseStatement of a Device in the same Bundle."""
    name = f"{sheet.head['id'][0]}-device"
    word = device.replace("_", " ")
    machine: Json = {"resourceType": "Device", "id": name, "type": concept(device_code(device), word)}
    sheet.resources.append(machine)
    period = {"start": sheet.instant(sheet.clock), "end": sheet.later(end)}
    reference = sheet.reference("Device", name) | {"display": word}
    sheet.add("DeviceUseStatement", "completed", {"timingPeriod": period, "device": reference})


def procedure(sheet: Sheet, device: str, _until: str, end: str) -> None:
    """Ventilation with its interval, as a Procedure."""
    period = {"start": sheet.instant(sheet.clock), "end": sheet.later(end)}
    sheet.add("Procedure", "completed", {"code": concept(device_code(device)), "performedPeriod": period})


def infusion(sheet: Sheet, drug: str, rate: str, unit: str, *how: str) -> None:
    """An infusion at one rate: until a time, or still open."""
    period = {"start": sheet.instant(sheet.clock)}
    status = "in-progress"
    if how[0] == "until":
        period["end"] = sheet.later(how[1])
        status = how[2] if len(how) > 2 else "completed"
    dosage: Json = {"route": concept(ROUTES["iv"]), "rateQuantity": quantity(rate, unit)}
    sheet.medicate(coding(drug), {"effectivePeriod": period}, dosage, status)


def bolus(sheet: Sheet, volume: str, _until: str, end: str) -> None:
    """A fluid bolus: a volume and how long it ran."""
    period = {"start": sheet.instant(sheet.clock), "end": sheet.later(end)}
    dosage: Json = {"route": concept(ROUTES["iv"]), "dose": quantity(volume, "mL")}
    sheet.medicate(coding("iv_fluid_bolus"), {"effectivePeriod": period}, dosage)


def drug(sheet: Sheet, name: str, amount: str, route: str) -> None:
    """One dose of a drug."""
    dosage: Json = {"route": concept(ROUTES[route]), "dose": quantity(amount, "mg")}
    sheet.medicate(coding(name), {"effectiveDateTime": sheet.instant(sheet.clock)}, dosage)


def order(sheet: Sheet, name: str, amount: str, route: str) -> None:
    """An order, which gives nothing."""
    doses = [{"doseQuantity": quantity(amount, "mg")}]
    body: Json = {"intent": "order", "medicationCodeableConcept": concept(coding(name))}
    body |= {"authoredOn": sheet.instant(sheet.clock)}
    dosage: Json = {"route": concept(ROUTES[route]), "doseAndRate": doses}
    sheet.add("MedicationRequest", "active", body | {"dosageInstruction": [dosage]})


def therapy(sheet: Sheet, name: str, what: str = "") -> None:
    """The therapy: a product with a code, a Procedure of our own coding, or cause and product in words."""
    now = sheet.instant(sheet.clock)
    if name == "index_therapy":
        sheet.observe(coding(name), {"valueString": what})
    elif coding(name)[0] == RXNORM:
        dosage: Json = {"route": concept(ROUTES["iv"]), "dose": quantity(what, "10*6")}
        sheet.medicate(coding(name), {"effectiveDateTime": now}, dosage)
    else:
        sheet.add("Procedure", "completed", {"code": concept(coding(name)), "performedDateTime": now})


def note(sheet: Sheet, attribution: str) -> None:
    """What the team attributes to what, from now on."""
    sheet.observe(coding("attribution"), {"valueString": attribution})


def culture(sheet: Sheet, *words: str) -> None:
    """A blood culture, drawn now and known ten hours later."""
    known = sheet.instant(sheet.clock + timedelta(hours=10))
    value: Json = {"valueCodeableConcept": {"text": " ".join(words)}}
    sheet.observe(coding("blood_culture"), value, issued=known)


def flow(sheet: Sheet, value: str) -> None:
    """An oxygen flow charted without its device."""
    sheet.measure("inhaled_o2_flow", value)


def fio2(sheet: Sheet, value: str) -> None:
    """An FiO2 charted without its device."""
    sheet.measure("fio2", value)


def weight(sheet: Sheet, value: str) -> None:
    """The body weight."""
    sheet.measure("weight", value)


def temp(sheet: Sheet, value: str, unit: str) -> None:
    """A temperature in a unit of its own."""
    sheet.measure("body_temperature", value, unit)


CHARTED: dict[str, Callable[..., None]] = {
    "vitals": vitals,
    "temp": temp,
    "lab": lab,
    "score": score,
    "weight": weight,
    "oxygen": oxygen,
    "flow": flow,
    "fio2": fio2,
    "device-use": device_use,
    "procedure": procedure,
    "infusion": infusion,
    "bolus": bolus,
    "drug": drug,
    "order": order,
    "therapy": therapy,
    "note": note,
    "culture": culture,
}


def read(text: str) -> Sheet:
    """Read a chart sheet."""
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    heads = [line for line in lines if not line[0].isdigit() and not line.startswith("==")]
    sheet = Sheet({key: value for key, _, value in (line.partition(": ") for line in heads)})
    day = ""
    for line in lines[len(heads) :]:
        if line.startswith("=="):
            day = line.removeprefix("== ")
            continue
        said, _, status = line.partition(" !")
        time, kind, *words = said.split()
        sheet.clock, sheet.status = datetime.fromisoformat(f"{day}T{time}"), status or None
        CHARTED[kind](sheet, *words)
    return sheet


def patient(sheet: Sheet) -> Json:
    """The Patient, marked as made up wherever a reader may look."""
    head = sheet.head
    tags = [
        {"system": MADE_UP, "code": "made-up", "display": "made-up patient"},
        {
            "system": "http://terminology.hl7.org/CodeSystem/v3-ActReason",
            "code": "HTEST",
            "display": "test health data",
        },
    ]
    found: Json = {
        "resourceType": "Patient",
        "id": head["id"],
        "meta": {"tag": tags},
        "identifier": [{"system": MADE_UP, "value": head["id"]}],
        "name": [{"family": "Made-up", "given": [head["given"]]}],
        "gender": head["gender"],
        "birthDate": head["born"],
    }
    if "died" in head:
        found["deceasedDateTime"] = sheet.instant(datetime.fromisoformat(head["died"]))
    return found


def bundle(sheet: Sheet) -> str:
    """The Bundle as text: one line per entry."""
    entries = [
        json.dumps(
            {"fullUrl": sheet.url(each["resourceType"], each["id"]), "resource": each},
            ensure_ascii=False,
            separators=(",", ":"),
        )
        for each in [patient(sheet), *sheet.resources]
    ]
    meta = json.dumps({"tag": [{"system": MADE_UP, "code": "made-up", "display": "made-up patient"}]})
    name = sheet.head["id"]
    head = (
        f'{{\n"resourceType": "Bundle", "id": "{name}", "meta": {meta}, "type": "collection",\n"entry": [\n'
    )
    return head + ",\n".join(entries) + "\n]\n}\n"


README = """# The bundled made-up patients

Eight FHIR R4 Bundles for `tocsin demo`. All of it is made up: no real person, and no part of a real record,
stands behind any of them. Each Patient has the family name "Made-up", the tag "made-up patient" and the
identifier system `urn:tocsin:made-up`.

| file | shows |
|---|---|
{rows}

`scripts/build_demo.py` writes this folder from the chart sheets in `scripts/demo_charts/`; change a sheet,
then run `python -m scripts.build_demo`. Antibiotics and cyclophosphamide are there to stay unmapped, as in
real records.
"""


def files() -> Iterator[tuple[Path, str]]:
    """Each file of the folder and the text that it should have."""
    sheets = [read(path.read_text("utf-8")) for path in sorted(SHEETS.glob("*.chart"))]
    for sheet in sheets:
        yield DEMO / f"{sheet.head['id']}.json", bundle(sheet)
    rows = [f"| `{sheet.head['id']}.json` | {sheet.head['shows']} |" for sheet in sheets]
    yield DEMO / "README.md", README.format(rows="\n".join(rows))


def main() -> int:
    """Write the folder, or check it."""
    texts = dict(files())
    if "--check" in sys.argv[1:]:
        stale = [p.name for p, text in texts.items() if not p.exists() or p.read_text("utf-8") != text]
        for name in stale:
            print(f"{name} is not what its sheet says: run `python -m scripts.build_demo`", file=sys.stderr)
        return 1 if stale else 0
    DEMO.mkdir(parents=True, exist_ok=True)
    for path, text in texts.items():
        path.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
