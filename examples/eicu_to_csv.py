"""eICU (the demo's CSV tables) to Tocsin's CSV layout: events.csv, therapies.csv, subjects.csv.

    python examples/eicu_to_csv.py ../shared/data/eicu-demo-csv OUT --made-up-fever
    tocsin grade OUT --out GRADES --format csv

THE THERAPIES ARE MADE UP. Nobody in eICU had an immunotherapy: each stay gets one CAR-T infusion that never
took place, 24 h before the first charted vasopressor or, without one, at the admission to the unit. With
`--made-up-fever` each stay also gets ONE MADE-UP TEMPERATURE of 38.5 Cel, 12 h after that therapy and marked
`made-up` in its text, because the demo has no temperature series and nothing is graded without fever.
A grade of these patients shows that the program reads real charts and nothing more.

What is carried over, and how:
* A subject is a unit stay (`patientunitstayid`). eICU tells time in minutes from the admission to the unit:
  every stay is laid on the same made-up date, admission being 2000-01-01T00:00:00Z.
* The birth date is made up to the year: 1 January, the charted age before 2000; "> 89" is written as 90.
* Numbers and device words stand as they were charted; Tocsin converts and maps. The unit of an infusion is
  the one in the parentheses of its name; without a unit the rate is unknown and left empty (an empty unit
  would claim the canonical one), but 0 is a stop in any unit. Rates in ml/hr stay so: no concentration is
  guessed. Names that begin with "Volume" are volumes given and no rates.
* `RT Vent On/Off` and the ventilation times of respiratorycare are written with eICU's own device word
  "Ventilator", up to the next `Off` or the charted end.
* FiO2 and flow values lose a percent sign to the unit column; their labels name the other units.
* apacheapsvar has a worst temperature of the first day without a clock time: left out. So are `treatment`
  and `physicalexam`, notes of the day that say when they were written and not when something was done.
* Orders (`medication`) are left out unless `--orders` is given. A death stands at the discharge.
"""

from duckdb import DuckDBPyConnection

from csv_layout import DRUG_NAMES, add, add_made_up_therapies, arguments, literal, load, mapping, write

TABLES = (
    "infusiondrug",
    "medication",
    "patient",
    "respiratorycare",
    "respiratorycharting",
    "vitalaperiodic",
)
ADMITTED = "TIMESTAMP '2000-01-01'"
FEVER_HOURS_AFTER_THERAPY = 12

PRESSURES = {
    "noninvasivesystolic": "systolic_bp",
    "noninvasivediastolic": "diastolic_bp",
    "noninvasivemean": "mean_arterial_pressure",
}
NUMBERS_BY_LABEL = {
    "FiO2": "fio2",
    "FIO2 (%)": "fio2",
    "O2 Percentage": "fio2",
    "LPM O2": "inhaled_o2_flow",
    "Oxygen Flow Rate": "inhaled_o2_flow",
    "SaO2": "spo2",
}
UNIT_BY_LABEL = {"FIO2 (%)": "%", "O2 Percentage": "%", "LPM O2": "LPM", "SaO2": "%"}
DEVICE_LABELS = {
    "O2 Device": "oxygen_device",
    "Oxygen Delivery Method": "oxygen_device",
    "Bipap Delivery Mode": "oxygen_device",
}
VENTILATOR = "Ventilator"

# The start of an infusion's name in lower case; the rest names a bag or a unit.
DRIPS = {
    "norepinephrine": "norepinephrine",
    "epinephrine": "epinephrine",
    "phenylephrine": "phenylephrine",
    "dopamine": "dopamine",
    "vasopressin": "vasopressin",
    "angiotensin": "angiotensin_ii",
    "dobutamine": "dobutamine",
    "milrinone": "milrinone",
}

SYSTEMIC_ROUTE = r"^(iv|intraven|po|oral|ng|feeding|pr|rec|im|intramus|sq|sc|subcut|per ?tube|og|peg)"


def minute(column: str) -> str:
    """An offset column as a moment."""
    return f"{ADMITTED} + to_minutes({column}::BIGINT)"


def add_pressures(con: DuckDBPyConnection) -> None:
    """Cuff pressures."""
    for column, signal in PRESSURES.items():
        add(
            con,
            f"""SELECT patientunitstayid AS subject_id, {minute("observationoffset")} AS time,
            {literal(signal)} AS signal, {column} AS value, 'mmHg' AS unit
            FROM vitalaperiodic WHERE {column} IS NOT NULL""",
        )


def add_oxygen(con: DuckDBPyConnection) -> None:
    """Device words, flows, FiO2 and saturations of the respiratory charting."""
    units = " ".join(f"WHEN {literal(label)} THEN {literal(unit)}" for label, unit in UNIT_BY_LABEL.items())
    add(
        con,
        f"""SELECT patientunitstayid AS subject_id, {minute("respchartoffset")} AS time, signal,
        rtrim(respchartvalue, '% ') AS value,
        CASE WHEN respchartvalue LIKE '%\\%' ESCAPE '\\' THEN '%'
             ELSE CASE respchartvaluelabel {units} END END AS unit
        FROM respiratorycharting JOIN {mapping(NUMBERS_BY_LABEL)} ON respchartvaluelabel = key
        WHERE respchartvalue IS NOT NULL""",
    )
    add(
        con,
        f"""SELECT patientunitstayid AS subject_id, {minute("respchartoffset")} AS time, signal,
        respchartvalue AS text
        FROM respiratorycharting JOIN {mapping(DEVICE_LABELS)} ON respchartvaluelabel = key
        WHERE respchartvalue IS NOT NULL""",
    )


def add_ventilator_charting(con: DuckDBPyConnection) -> None:
    """`RT Vent On/Off`: each Start or Continued runs to the next Off, where there is one."""
    add(
        con,
        f"""WITH vent AS (
            SELECT patientunitstayid AS stay, respchartoffset::BIGINT AS minute, respchartvalue AS word
            FROM respiratorycharting WHERE respchartvaluelabel = 'RT Vent On/Off')
        SELECT vent.stay AS subject_id, {minute("vent.minute")} AS time, 'oxygen_device' AS signal,
        '{VENTILATOR}' AS text, {minute("min(off.minute)")} AS stop
        FROM vent LEFT JOIN vent AS off
            ON off.stay = vent.stay AND off.word = 'Off' AND off.minute > vent.minute
        WHERE vent.word IN ('Start', 'Continued') GROUP BY vent.stay, vent.minute""",
    )


def add_ventilation_times(con: DuckDBPyConnection) -> None:
    """respiratorycare: a start stands in the row of its day, its end only in later rows as the prior end."""
    add(
        con,
        f"""WITH charted AS (
            SELECT patientunitstayid AS stay, ventstartoffset::BIGINT AS start, ventendoffset::BIGINT AS stop
            FROM respiratorycare
            UNION SELECT patientunitstayid, priorventstartoffset::BIGINT, priorventendoffset::BIGINT
            FROM respiratorycare)
        SELECT stay AS subject_id, {minute("start")} AS time, 'oxygen_device' AS signal,
        '{VENTILATOR}' AS text, {minute("min(stop) FILTER (stop <> 0)")} AS stop
        FROM charted WHERE start <> 0 GROUP BY stay, start""",
    )


def add_drips(con: DuckDBPyConnection) -> None:
    """Infusion rates at points in time, and the weight each was reckoned with."""
    con.execute(
        f"""CREATE TEMP TABLE drip AS
        SELECT patientunitstayid AS subject_id, {minute("infusionoffset")} AS time, signal,
        drugrate AS rate, upper(drugrate) = 'OFF' OR try_cast(drugrate AS DOUBLE) = 0 AS stopped,
        try_cast(drugrate AS DOUBLE) IS NOT NULL AS is_number, patientweight,
        regexp_extract(drugname, '\\(([^()]*)\\)\\s*$', 1) AS unit
        FROM infusiondrug JOIN {mapping(DRIPS)} ON starts_with(lower(drugname), key)"""
    )
    add(
        con,
        """SELECT subject_id, time, signal,
        CASE WHEN stopped THEN '0' WHEN is_number AND unit <> '' THEN rate END AS value,
        CASE WHEN unit <> '' THEN unit END AS unit,
        CASE WHEN is_number AND NOT stopped AND unit = '' THEN 'rate without a unit: ' || rate END AS text
        FROM drip""",
    )
    add(
        con,
        """SELECT DISTINCT subject_id, time, 'weight' AS signal, patientweight AS value, 'kg' AS unit
        FROM drip WHERE patientweight IS NOT NULL""",
    )


def add_admission_weight_and_death(con: DuckDBPyConnection) -> None:
    """The weight at admission; a death in the unit or, later, in the hospital."""
    add(
        con,
        f"""SELECT patientunitstayid AS subject_id, {ADMITTED} AS time, 'weight' AS signal,
        admissionweight AS value, 'kg' AS unit FROM patient WHERE admissionweight IS NOT NULL""",
    )
    add(
        con,
        f"""SELECT patientunitstayid AS subject_id, 'death' AS signal,
        CASE WHEN unitdischargestatus = 'Expired' THEN {minute("unitdischargeoffset")}
             ELSE {minute("hospitaldischargeoffset")} END AS time
        FROM patient WHERE unitdischargestatus = 'Expired' OR hospitaldischargestatus = 'Expired'""",
    )


def add_made_up_fever(con: DuckDBPyConnection) -> None:
    """One temperature per stay that nobody measured."""
    add(
        con,
        f"""SELECT subject_id, time + INTERVAL {FEVER_HOURS_AFTER_THERAPY} HOUR AS time,
        'body_temperature' AS signal, '38.5' AS value, 'Cel' AS unit, 'made-up' AS text FROM therapies""",
    )


def add_orders(con: DuckDBPyConnection) -> None:
    """Orders of fever-masking drugs by a systemic route that were not cancelled, at the time they start."""
    for signal, pattern in DRUG_NAMES.items():
        add(
            con,
            f"""SELECT patientunitstayid AS subject_id, {minute("drugstartoffset")} AS time,
            {literal(signal)} AS signal, drugname AS text
            FROM medication
            WHERE drugordercancelled = 'No' AND regexp_matches(drugname, {literal(pattern)}, 'i')
            AND regexp_matches(routeadmin, {literal(SYSTEMIC_ROUTE)}, 'i')""",
        )


SUBJECTS = """SELECT patientunitstayid::BIGINT AS subject_id,
CASE WHEN age = '> 89' THEN '1910-01-01'
     WHEN age IS NOT NULL THEN (2000 - age::INT) || '-01-01' END AS birth_date,
CASE gender WHEN 'Female' THEN 'F' WHEN 'Male' THEN 'M' END AS sex FROM patient"""
ADMISSIONS = f"SELECT patientunitstayid::BIGINT AS subject_id, {ADMITTED} AS admitted FROM patient"
NOTE = """MADE-UP THERAPIES: therapies.csv holds one CAR-T infusion per stay that never took place.
MADE-UP DATES: every stay begins on 2000-01-01; birth dates are 1 January of the year that the age gives.
MADE-UP TEMPERATURES: where events.csv has a body_temperature (marked `made-up`), nobody measured it.
The rest comes from the eICU collaborative research database demo 2.0 (PhysioNet, Open Database License 1.0),
written by examples/eicu_to_csv.py; its first lines say what was carried over and how.
"""


def main() -> None:
    """Convert the folder named on the command line."""
    parser = arguments(__doc__ or "")
    parser.add_argument("--made-up-fever", action="store_true", help="add one made-up temperature per stay")
    options = parser.parse_args()
    con = load(options.source, TABLES)
    for step in (
        add_pressures,
        add_oxygen,
        add_ventilator_charting,
        add_ventilation_times,
        add_drips,
        add_admission_weight_and_death,
    ):
        step(con)
    add_made_up_therapies(con, ADMISSIONS)
    if options.made_up_fever:
        add_made_up_fever(con)
    if options.orders:
        add_orders(con)
    write(con, options.out, SUBJECTS, NOTE)


if __name__ == "__main__":
    main()
