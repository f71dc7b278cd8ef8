"""The NDJSON reader: one SQL text that streams files into flat rows, as `flatten` does one resource.

Every step is a SELECT over the one before.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final

from tocsin.sources.fhir import sql
from tocsin.sources.fhir.concepts import VALUES
from tocsin.sources.fhir.flatten import BY_IDENTIFIER
from tocsin.sources.fhir.people import TWO_SUBJECTS
from tocsin.sources.fhir.scan import PLACE, Scan
from tocsin.sources.fhir.shapes import (
    BACKGROUND,
    NO_INTEREST,
    SHAPES,
    Shape,
    kind_fate,
    place_of,
    status_fate,
    status_fates,
)
from tocsin.sources.flat import FLAT_SCHEMA, SHORT
from tocsin.sources.settings import Settings
from tocsin.sources.source import FILE_STRIDE, sql_text
from tocsin.sources.times import time_sql

# Small tables that the text looks things up in.
NAMED: Final = "fhir_named"
DUPLICATES: Final = "fhir_duplicates"
SHARED: Final = "fhir_shared"
_TEXT: Final = "NULL::VARCHAR"
_SOURCE: Final = (
    f"name || ':' || line || CASE WHEN by_identifier THEN '{BY_IDENTIFIER}' ELSE '' END "
    "|| CASE WHEN part > 0 THEN ' component[' || part || ']' ELSE '' END"
)
_OF_SOURCE: Final = ("place", "line", "by_identifier", "part")
_BUT_SOURCE: Final = [name for name in FLAT_SCHEMA.names if name != "source"]


@dataclass(frozen=True, slots=True)
class Lookups:
    """Which of the small tables have rows."""

    duplicates: bool = False
    shared: bool = False


def rows_sql(scan: Scan, settings: Settings, lookups: Lookups) -> str:
    """Return SQL for the flat rows of a scan, except of lines that only Python can judge."""
    return f"SELECT {', '.join(FLAT_SCHEMA.names)} FROM ({_judged_rows(scan, settings, lookups)})"


def spilled_sql(scan: Scan, settings: Settings, lookups: Lookups) -> str:
    """Return SQL for the same rows as they are spilled: what makes up a source, in its place.

    To write the texts costs a seventh of the whole, and only the rows that go to quarantine are asked for theirs.
    """
    return f"SELECT {', '.join([*_BUT_SOURCE, *_OF_SOURCE])} FROM ({_judged_rows(scan, settings, lookups)})"


def respelt_sql(scan: Scan, spilled: str) -> str:
    """Return SQL for flat rows out of those that were spilled."""
    named = f"SELECT *, {scan.name_sql('place')} AS name FROM {spilled}"
    return f"SELECT {', '.join(FLAT_SCHEMA.names)} FROM (SELECT *, {_SOURCE} AS source FROM ({named}))"


def _judged_rows(scan: Scan, settings: Settings, lookups: Lookups) -> str:
    steps = {
        "lines": scan.lines(sql.columns_sql(sql.columns_of(scan.kinds))),
        "resources": _resources(scan),
        "linked": _linked(scan),
        "items": _items(scan),
        "said": _said(scan, settings),
        "counted": _counted(scan, settings, lookups),
        "judged": _judged(scan, settings, lookups),
    }
    texts = ", ".join(f"{name} AS ({text})" for name, text in steps.items())
    return f"WITH {texts} SELECT * FROM judged"


def odd_lines_sql(scan: Scan) -> str:
    """Return SQL for the lines that only Python can judge: broken ones, and whole Bundles."""
    lines = scan.lines("{resourceType: 'VARCHAR'}")
    return f"SELECT file, line FROM ({lines}) WHERE resourceType IS NULL OR resourceType = 'Bundle'"


def _select(columns: dict[str, str], source: str, replaced: Iterable[str] = ()) -> str:
    """Add columns; `replaced` are fields of FHIR that have the name of a new one."""
    kept = f"* EXCLUDE ({', '.join(replaced)})" if replaced else "*"
    return f"SELECT {kept}, {', '.join(f'{text} AS {name}' for name, text in columns.items())} FROM {source}"


def _by_kind(
    scan: Scan, shapes: Iterable[Shape], expression: Callable[[Shape], str], otherwise: str = _TEXT
) -> str:
    """Return what depends on the resource type. Within a CASE, DuckDB works out again what it has already."""
    texts = {shape.kind: expression(shape) for shape in shapes}
    if len(texts) == 1 and scan.kinds == tuple(texts):
        return texts[scan.kinds[0]]
    cases = " ".join(f"WHEN '{kind}' THEN {text}" for kind, text in texts.items())
    return f"CASE kind {cases} ELSE {otherwise} END" if cases else otherwise


def _first(paths: tuple[str, ...]) -> str:
    return f"coalesce({', '.join(map(sql.path_sql, paths))})" if paths else _TEXT


def _first_place(paths: tuple[str, ...]) -> str:
    cases = " ".join(f"WHEN {sql.path_sql(path)} IS NOT NULL THEN '{place_of(path)}'" for path in paths)
    return f"CASE {cases} ELSE '{place_of(paths[0])}' END" if paths else _TEXT


def _resources(scan: Scan) -> str:
    """What every resource says as a whole, wherever its type keeps it."""
    shapes = scan.shapes
    columns = {
        "who": "CASE WHEN subject IS NULL THEN patient ELSE subject END",
        "time_text": _by_kind(scan, shapes, lambda shape: _first(shape.times)),
        "time_place": _by_kind(scan, shapes, lambda shape: _first_place(shape.times)),
        "until_text": _by_kind(scan, shapes, lambda shape: _first(shape.ends)),
        "until_place": _by_kind(scan, shapes, lambda shape: _first_place(shape.ends)),
        "known_text": _by_kind(
            scan, (shape for shape in shapes if shape.known), lambda shape: f'"{shape.known}"'
        ),
        "status_text": _by_kind(scan, shapes, lambda shape: sql.path_sql(shape.status)),
        "concept": _by_kind(
            scan,
            shapes,
            lambda shape: sql.concept_code_sql(sql.path_sql(shape.concepts[0])),
            "'resource|' || kind",
        ),
    }
    # A Patient who died is the row of the death, which is made elsewhere.
    dead = "resourceType = 'Patient' AND (deceasedDateTime IS NOT NULL OR coalesce(deceasedBoolean = 'true', false))"
    alive = f" AND NOT ({dead})" if "Patient" in scan.kinds else ""
    kinds = f"(SELECT *, resourceType AS kind FROM lines WHERE resourceType <> 'Bundle'{alive})"
    if any(shape.dosage for shape in shapes):
        dose = _by_kind(scan, (shape for shape in shapes if shape.dosage), _dose, "NULL")
        kinds = f"({_select({'dose': dose}, kinds)})"
    return _select(columns | _amounts(scan), kinds)


def _amounts(scan: Scan) -> dict[str, str]:
    """Unit, text, value and comparator of an Observation or a drug, and the drug's route."""
    observed, given = sql.observed_sql(""), sql.given_sql("dose")

    def amount(name: str) -> str:
        measured = [shape for shape in scan.shapes if shape.dosage or shape.kind == "Observation"]
        nothing = "NULL::DOUBLE" if name == "value" else _TEXT
        return _by_kind(scan, measured, lambda shape: (given if shape.dosage else observed)[name], nothing)

    dosed = (shape for shape in scan.shapes if shape.dosage)
    route = _by_kind(scan, dosed, lambda _: sql.concept_code_sql("dose.route"))
    return {f"own_{name}": amount(name) for name in observed} | {"route": route}


def _dose(shape: Shape) -> str:
    """Twin of `concepts.dosage_of`."""
    if shape.dosage != "dosageInstruction":
        return f'"{shape.dosage}"'
    asked = "dosageInstruction[1].doseAndRate[1]"
    rates = ", ".join(f"{name}: {asked}.{name}" for name in ("rateQuantity", "rateRatio"))
    return f"{{route: dosageInstruction[1].route, dose: {asked}.doseQuantity, {rates}}}"


def _linked(scan: Scan) -> str:
    """The code of a drug or device may stand in another resource: contained, or in a file of its own."""
    shapes = [shape for shape in scan.shapes if shape.reference]
    if not shapes:
        return _select({"own_code": "concept", "lost": _TEXT}, "resources")
    target = _by_kind(scan, shapes, lambda shape: f'"{shape.reference}"', "NULL")
    inside = "list_filter(contained, lambda r: '#' || r.id = target.reference)[1]"
    key = "coalesce(nullif(regexp_extract(target.reference, '(?:^|/)((?:Medication|Device)/[^/]+)', 1), ''), "
    found = _select(
        {"inside": inside, "key": key + "target.reference)"}, f"({_select({'target': target}, 'resources')})"
    )
    named = sql.named_code_sql("inside.", "inside.resourceType")
    code = f"coalesce(concept, {named}, {NAMED}.named_code, 'text|' || {sql.clean_sql('target.display')})"
    coded = f"SELECT found.*, {code} AS own_code FROM ({found}) AS found LEFT JOIN {NAMED} USING (key)"
    return _select({"lost": "CASE WHEN own_code IS NULL THEN nullif(target.reference, '') END"}, f"({coded})")


def _items(scan: Scan) -> str:
    """One line per component of an Observation, part 1, 2, ...; part 0 is the resource itself."""
    numbered = "SELECT *, row_number() OVER () AS m FROM"
    if not scan.has_observations:
        return f"{numbered} ({_select({'part': '0'}, 'linked')})"
    valued = " OR ".join(f"{name} IS NOT NULL" for name in VALUES)
    # The resource itself stands in the list as NULL: to copy it there would cost more than all the rest.
    parts = f"CASE WHEN NOT composed THEN [NULL] WHEN {valued} THEN list_prepend(NULL, component) ELSE component END"
    composed = "kind = 'Observation' AND coalesce(len(component), 0) > 0"
    listed = _select({"parts": parts}, f"({_select({'composed': composed}, 'linked')})")
    first = f"CASE WHEN composed AND NOT ({valued}) THEN 0 ELSE 1 END"
    unnested = {"item": "unnest(parts)", "part": f"generate_subscripts(parts, 1) - {first}"}
    return f"{numbered} ({_select(unnested, f'({listed})')})"


def _said(scan: Scan, settings: Settings) -> str:
    """What a row says: whose, when, what, how much."""
    times = {
        name: time_sql(f"{name}_text", settings).time if scan.shapes else "NULL::TIMESTAMP"
        for name in ("time", "until", "known")
    }
    subject = sql.subject_sql("who")
    who = {
        "subject": f"CASE WHEN kind = 'Patient' THEN id ELSE {subject} END"
        if "Patient" in scan.kinds
        else subject,
        "by_identifier": f"kind <> 'Patient' AND {sql.by_identifier_sql('who')}",
    }
    replaced = [name for name in ("subject", "code") if name in sql.columns_of(scan.kinds)]
    return _select({**who, **times, **_what(scan)}, "items", replaced)


def _what(scan: Scan) -> dict[str, str]:
    """Code and amount of a component, else of the resource."""
    component = {"code": sql.concept_code_sql("item.code"), **sql.observed_sql("item.")}
    if not scan.has_observations:
        return {name: f"own_{name}" for name in component}
    return {name: f"CASE WHEN part > 0 THEN {text} ELSE own_{name} END" for name, text in component.items()}


def _counted(scan: Scan, settings: Settings, lookups: Lookups) -> str:
    """Whether a row counts: `fate` says why not."""
    cases = (
        [f"WHEN {PLACE} IN (SELECT place FROM {DUPLICATES}) THEN 'duplicate'"] if lookups.duplicates else []
    )
    for kind in (*SHAPES, *BACKGROUND):
        if fate := kind_fate(kind, settings):
            cases.append(f"WHEN kind = '{kind}' THEN '{fate}'")
    shaped = ", ".join(map(sql_text, SHAPES))
    cases.append(f"WHEN kind NOT IN ({shaped}) THEN '{NO_INTEREST}'")
    status = _by_kind(scan, scan.shapes, _status_fate)
    if scan.has_observations:
        panel = "kind = 'Observation' AND part = 0 AND value IS NULL AND text IS NULL AND len(hasMember) > 0"
        status = f"coalesce({status}, CASE WHEN {panel} THEN 'no_clinical_content' END)"
    return _select({"fate": f"CASE {' '.join(cases)} ELSE {status} END"}, "said")


def _status_fate(shape: Shape) -> str:
    """Twin of `shapes.status_fate`."""
    fates = status_fates(shape.kind)
    fine = ", ".join(sql_text(status) for status, fate in fates.items() if fate is None)
    bad = " ".join(f"WHEN '{status}' THEN '{fate}'" for status, fate in fates.items() if fate)
    unknown = status_fate(shape.kind, None)
    otherwise = sql_text(unknown) if unknown else "NULL"
    # Nearly all are as they should be; what is not is trimmed before it is looked up.
    word = "lower(trim(status_text))"
    looked_up = f"CASE {word} {bad} ELSE {otherwise} END"
    if fine:
        looked_up = f"CASE WHEN status_text IN ({fine}) OR {word} IN ({fine}) THEN NULL ELSE {looked_up} END"
    return looked_up


def _judged(scan: Scan, settings: Settings, lookups: Lookups) -> str:
    """Why a row goes to quarantine, and the columns that are left to say."""
    shared = f"WHEN subject IN (SELECT id FROM {SHARED}) THEN '{TWO_SUBJECTS}'" if lookups.shared else ""
    times = time_sql("time_text", settings).trouble("time")
    untils = time_sql("until_text", settings).trouble("until")
    observed = "WHEN kind = 'Observation' AND value IS NULL AND text IS NULL THEN 'no_value'"
    trouble = (
        f"CASE WHEN fate IS NOT NULL THEN NULL {shared} WHEN subject IS NULL THEN 'no_subject' "
        f"WHEN time IS NULL THEN {times} WHEN until_text IS NOT NULL AND until IS NULL THEN {untils} "
        f"WHEN until < time THEN 'end_before_start' WHEN lost IS NOT NULL THEN 'unresolved_reference' "
        f"{observed if scan.has_observations else ''} END"
    )
    absent, of_part = (
        f"coalesce({sql.concept_text_sql(f'{prefix}dataAbsentReason')}, {prefix}valueQuantity.value)"
        for prefix in ("", "item.")
    )
    value = f"CASE WHEN part > 0 THEN {of_part} ELSE {absent} END" if scan.has_observations else _TEXT
    link = _by_kind(
        scan, (shape for shape in scan.shapes if shape.reference), lambda shape: f"'{shape.reference}'"
    )
    why = {
        TWO_SUBJECTS: ("'subject'", "subject"),
        "no_subject": ("'subject'", "who.reference"),
        "end_before_start": ("until_place", "until_text"),
        "unresolved_reference": (link, "lost"),
        "no_value": ("'valueQuantity'", value),
    }
    column, written = (
        " ".join(f"WHEN '{word}' THEN {pair[n]}" for word, pair in why.items()) for n in (0, 1)
    )
    in_time = "CASE WHEN trouble IS NULL THEN NULL WHEN time IS NULL THEN time_{0} ELSE until_{0} END"
    return _select(
        {
            "row": f"(file * {FILE_STRIDE} + m)::BIGINT",
            "source": _SOURCE,
            "trouble_column": f"CASE trouble {column} ELSE {in_time.format('place')} END",
            "trouble_value": f"left(CASE trouble {written} ELSE {in_time.format('text')} END, {SHORT})",
        },
        f"({_select({'trouble': trouble}, 'counted')})",
    )
