"""MIMIC-III (the demo's CSV tables) to Tocsin's CSV layout: events.csv, therapies.csv, subjects.csv.

    python examples/mimic3_to_csv.py ../shared/data/mimic-iii-demo-csv OUT
    tocsin grade OUT --out GRADES --format csv

THE THERAPIES ARE MADE UP. Nobody in MIMIC-III had an immunotherapy: each patient gets one CAR-T infusion
that never took place, 24 h before the first charted vasopressor or, without one, at the first admission to
intensive care. A grade of these patients shows that the program reads real charts and nothing more.

What is carried over, and how:
* Numbers, units and device words stand as they were charted; Tocsin converts and maps. One exception: CareVue
  calls the fraction in `FiO2 Set` "torr", so its unit is left empty and the value reads as a fraction.
* Times are MIMIC-III's own shifted ones. They have no zone and are written as UTC.
* Temperature: the computed twins 677 and 679 and skin temperature (224027 and others) are left out.
* Devices: the words of 226732, 467 and 468. CareVue has no word for a tube: there a charted ventilator mode
  is an invasive ventilator and a BiPAP mode is BiPAP. MetaVision charts modes under a BiPAP mask too, so its
  modes are left out; tubes have words there and ventilation has procedures with a start and an end.
* Vasopressors, MetaVision: start, end and rate of each record; `Rewritten` records did not happen.
* Vasopressors, CareVue: each charted rate is a record without an end; `Stopped` and `D/C'd` are rates of 0,
  whatever else the row says. Rows with only an amount are volumes of a bag, and blank rows say nothing.
* Fluids: crystalloid and colloid records of MetaVision of at least 250 mL within 60 minutes, a bolus for an
  adult (timeline.md 1). CareVue has no duration, so no boluses.
* Rows in error and rows without a value are left out. A death in hospital has a clock time, others a day.
* Prescriptions are orders, so they are left out unless `--orders` is given; they are known to the day only.
"""

from duckdb import DuckDBPyConnection

from csv_layout import DRUG_NAMES, add, add_made_up_therapies, arguments, literal, load, mapping, write

TABLES = (
    "admissions",
    "chartevents",
    "icustays",
    "inputevents_cv",
    "inputevents_mv",
    "patients",
    "prescriptions",
    "procedureevents_mv",
)


def items(signals: dict[str, str]) -> dict[str, str]:
    """Item id to signal, from lists of item ids."""
    return {item: signal for signal, listed in signals.items() for item in listed.split()}


# 6702 is the mean that belongs to the second line 6701/8555 (d_items); 190 and 67 are named by d_items too.
READINGS = items(
    {
        "body_temperature": "676 678 223761 223762 226329",
        "systolic_bp": "51 455 6701 220050 220179 224167 225309 227243",
        "diastolic_bp": "8368 8441 8555 220051 220180 224643 225310 227242",
        "mean_arterial_pressure": "52 443 456 6702 220052 220181 225312",
        "heart_rate": "211 220045",
        "respiratory_rate": "618 220210",
        "spo2": "646 220277",
        "inhaled_o2_flow": "67 470 471 223834 227287 227582",
        "fio2": "190 223835",
        "weight": "762 763 224639 226512 226531 226846",
    }
)
# Where the unit column is empty or wrong and the item's own name says what it is.
UNIT_OF_ITEM = {"190": "", "226531": "lbs", "67": "lpm"}

DEVICE_WORDS = ("226732", "467", "468")
# A mode is a machine at work, unless it is one of the words below.
DEVICE_OF_MODE = {"720": "invasive_ventilation", "68": "bipap"}
NO_MODE = ("Other/Remarks", "Standby")
# An intubation is an act of a minute: it starts the ventilator and does not end it.
DEVICE_OF_PROCEDURE = {
    "225792": "invasive_ventilation",
    "225794": "bipap",
    "224385": "invasive_ventilation",
}
INTUBATION = "224385"

# 30125 is milrinone in d_items (code lists elsewhere call it dopamine).
DRIPS_CAREVUE = items(
    {
        "norepinephrine": "30047 30120",
        "epinephrine": "30044 30119 30309",
        "phenylephrine": "30127 30128",
        "dopamine": "30043 30307",
        "vasopressin": "30051",
        "dobutamine": "30042 30306",
        "milrinone": "30125",
    }
)
DRIPS_METAVISION = items(
    {
        "norepinephrine": "221906",
        "epinephrine": "221289",
        "phenylephrine": "221749",
        "dopamine": "221662",
        "vasopressin": "222315",
        "dobutamine": "221653",
        "milrinone": "221986",
    }
)
DOSES_METAVISION = {"228315": "acetaminophen"}

# Saline, Ringer, half saline, albumin 5 and 25 %, hetastarch; dextrose 5 % only where charted as a bolus.
FLUIDS = ("225158", "225828", "220955", "225159", "220864", "220862", "225174")
DEXTROSE_5 = "220949"
BOLUS_ML, BOLUS_MINUTES = 250, 60

SYSTEMIC_ROUTES = ("IV", "IV BOLUS", "IV DRIP", "PO", "PO/NG", "NG", "OG", "PR", "IM", "SC", "SUBCUT", "ORAL")


def listed(words: tuple[str, ...]) -> str:
    """Words as an SQL list."""
    return "(" + ", ".join(literal(word) for word in words) + ")"


def add_readings(con: DuckDBPyConnection) -> None:
    """Bedside readings with a number, not charted in error."""
    units = " ".join(f"WHEN {literal(item)} THEN {literal(unit)}" for item, unit in UNIT_OF_ITEM.items())
    add(
        con,
        f"""SELECT subject_id, charttime AS time, signal, valuenum AS value,
        CASE itemid {units} ELSE valueuom END AS unit
        FROM chartevents JOIN {mapping(READINGS)} ON itemid = key
        WHERE valuenum IS NOT NULL AND error IS DISTINCT FROM '1'""",
    )


def add_devices(con: DuckDBPyConnection) -> None:
    """Device words as charted, CareVue's modes, and ventilation procedures."""
    charted = "value IS NOT NULL AND error IS DISTINCT FROM '1'"
    add(
        con,
        f"""SELECT subject_id, charttime AS time, 'oxygen_device' AS signal, value AS text
        FROM chartevents WHERE itemid IN {listed(DEVICE_WORDS)} AND {charted}""",
    )
    add(
        con,
        f"""SELECT subject_id, charttime AS time, 'oxygen_device' AS signal, mapping.signal AS text
        FROM chartevents JOIN {mapping(DEVICE_OF_MODE)} ON itemid = key
        WHERE {charted} AND value NOT IN {listed(NO_MODE)}""",
    )
    add(
        con,
        f"""SELECT subject_id, starttime AS time, 'oxygen_device' AS signal, mapping.signal AS text,
        CASE WHEN itemid <> {literal(INTUBATION)} THEN endtime END AS stop
        FROM procedureevents_mv JOIN {mapping(DEVICE_OF_PROCEDURE)} ON itemid = key
        WHERE statusdescription <> 'Rewritten'""",
    )


def add_drips_carevue(con: DuckDBPyConnection) -> None:
    """Rates at points in time; a stop is a rate of 0."""
    add(
        con,
        f"""SELECT subject_id, charttime AS time, signal,
        CASE WHEN stopped IN ('Stopped', 'D/C''d') THEN '0' ELSE rate END AS value, rateuom AS unit
        FROM inputevents_cv JOIN {mapping(DRIPS_CAREVUE)} ON itemid = key
        WHERE rate IS NOT NULL OR stopped IN ('Stopped', 'D/C''d')""",
    )


def add_drips_metavision(con: DuckDBPyConnection) -> None:
    """Rates over intervals, and the weight each was reckoned with."""
    add(
        con,
        f"""SELECT subject_id, starttime AS time, signal, rate AS value, rateuom AS unit, endtime AS stop
        FROM inputevents_mv JOIN {mapping(DRIPS_METAVISION)} ON itemid = key
        WHERE statusdescription <> 'Rewritten'""",
    )
    add(
        con,
        f"""SELECT DISTINCT subject_id, starttime AS time, 'weight' AS signal, patientweight AS value,
        'kg' AS unit FROM inputevents_mv JOIN {mapping(DRIPS_METAVISION)} ON itemid = key
        WHERE statusdescription <> 'Rewritten' AND patientweight IS NOT NULL""",
    )
    add(
        con,
        f"""SELECT subject_id, starttime AS time, signal, amount AS value, amountuom AS unit
        FROM inputevents_mv JOIN {mapping(DOSES_METAVISION)} ON itemid = key
        WHERE statusdescription <> 'Rewritten'""",
    )


def add_boluses(con: DuckDBPyConnection) -> None:
    """Fluid records that are large and quick enough to be a bolus."""
    add(
        con,
        f"""SELECT subject_id, starttime AS time, 'iv_fluid_bolus' AS signal, amount AS value,
        amountuom AS unit, endtime AS stop FROM inputevents_mv
        WHERE statusdescription <> 'Rewritten' AND amountuom = 'ml' AND amount::DOUBLE >= {BOLUS_ML}
        AND endtime::TIMESTAMP - starttime::TIMESTAMP <= INTERVAL {BOLUS_MINUTES} MINUTE
        AND (itemid IN {listed(FLUIDS)}
             OR (itemid = '{DEXTROSE_5}' AND ordercategorydescription = 'Bolus'))""",
    )


def add_deaths(con: DuckDBPyConnection) -> None:
    """The hospital's clock time of death, else the day from the register."""
    add(
        con,
        """SELECT subject_id, coalesce(min(deathtime), min(dod)) AS time, 'death' AS signal,
        min(deathtime) IS NULL AS day_only
        FROM patients LEFT JOIN admissions USING (subject_id) GROUP BY ALL HAVING min(dod) IS NOT NULL""",
    )


def add_orders(con: DuckDBPyConnection) -> None:
    """Prescriptions of fever-masking drugs by a systemic route; they are known to the day only."""
    for signal, pattern in DRUG_NAMES.items():
        add(
            con,
            f"""SELECT subject_id, startdate AS time, {literal(signal)} AS signal, drug AS text,
            CASE WHEN dose_unit_rx = 'mg' THEN try_cast(dose_val_rx AS DOUBLE) END AS value, 'mg' AS unit,
            true AS day_only
            FROM prescriptions WHERE regexp_matches(drug, {literal(pattern)}, 'i')
            AND route IN {listed(SYSTEMIC_ROUTES)}""",
        )


SUBJECTS = "SELECT subject_id::BIGINT AS subject_id, dob AS birth_date, gender AS sex FROM patients"
ADMISSIONS = "SELECT subject_id::BIGINT AS subject_id, intime::TIMESTAMP AS admitted FROM icustays"
NOTE = """MADE-UP THERAPIES: therapies.csv holds one CAR-T infusion per patient that never took place.
The rest comes from the MIMIC-III clinical database demo 1.4 (PhysioNet, Open Database License 1.0),
written by examples/mimic3_to_csv.py; its first lines say what was carried over and how. Its shifted times
are read as UTC.
"""


def main() -> None:
    """Convert the folder named on the command line."""
    options = arguments(__doc__ or "").parse_args()
    con = load(options.source, TABLES)
    for step in (
        add_readings,
        add_devices,
        add_drips_carevue,
        add_drips_metavision,
        add_boluses,
        add_deaths,
    ):
        step(con)
    add_made_up_therapies(con, ADMISSIONS)
    if options.orders:
        add_orders(con)
    write(con, options.out, SUBJECTS, NOTE)


if __name__ == "__main__":
    main()
