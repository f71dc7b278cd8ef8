"""What a row of each class of SDTM datasets says: findings, interventions, events, demographics."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final

from tocsin.knowledge.codes import device_words
from tocsin.knowledge.sdtm import (
    Domain,
    blood_specimens,
    crs_terms,
    derived_category,
    flow_units,
    groups_outside_blood,
)
from tocsin.sources.sdtm.dates import PARTIAL
from tocsin.sources.source import sql_text

DM_ROW: Final = "DM"  # the code of a row of DM that tells of no death
DEATH_ROW: Final = "DM.DTHFL=Y"
FLOW: Final = "DOSE"  # the code of the flow that a row about an oxygen device tells beside it: PR.PRDOSE
TAB: Final = "chr(9)"
_COMPARED: Final = r"^([<>]=?)\s*([0-9]+\.?[0-9]*|\.[0-9]+)$"


@dataclass(frozen=True, slots=True)
class Piece:
    """What a row says, as SQL over the columns of `plain_sql`; `time` and `until` name a column, `where` which rows."""

    code: str
    time: str
    until: str | None = None
    unit: str = "NULL"
    route: str = "NULL"
    text: str = "NULL"
    value: str = "NULL"
    fate: str = "NULL"
    bad: str = "NULL"  # reason, variable and value of what else is wrong, between TABs
    where: str = "true"
    death: bool = False


def pieces_of(domain: Domain) -> list[Piece]:
    """Return what the rows of a dataset say; with several pieces each row is in one, but for the flow of a device."""
    return _OF_CLASS[domain.kind](domain)


def _findings(domain: Domain) -> list[Piece]:
    """A finding: the standard result in its unit, else a standard result behind < or >, else the original result."""
    compared = f"regexp_matches(stresc, '{_COMPARED}')", f"regexp_matches(orres, '{_COMPARED}')"
    original = "TRY_CAST(orres AS DOUBLE)"
    value = (
        f"CASE WHEN stresn IS NOT NULL THEN stresn WHEN {compared[0]} THEN {_figure('stresc')} "
        f"WHEN {original} IS NOT NULL THEN {original} WHEN {compared[1]} THEN {_figure('orres')} END"
    )
    unit = f"CASE WHEN stresn IS NOT NULL OR coalesce({compared[0]}, false) THEN stresu ELSE orresu END"
    text = (
        f"CASE WHEN stresn IS NOT NULL THEN NULL WHEN {compared[0]} THEN {_sign('stresc')} "
        f"WHEN {original} IS NOT NULL THEN NULL WHEN {compared[1]} THEN {_sign('orres')} ELSE coalesce(stresc, orres) END"
    )
    fates = ["WHEN upper(stat) = 'NOT DONE' THEN 'not_done'"]
    if domain.name == "LB":
        elsewhere = (
            f"upper(coalesce(spec, '')) NOT IN ({_listed(blood_specimens())}) "
            f"OR upper(coalesce(cat, '')) IN ({_listed(groups_outside_blood())})"
        )
        fates.append(f"WHEN loinc IS NULL AND ({elsewhere}) THEN 'not_in_blood'")
    return [
        Piece(
            code=_finding_code(domain),
            time="dtc",
            unit=unit,
            text=text,
            value=value,
            fate=f"CASE {' '.join(fates)} END",
            bad=_not_a_number(domain, "stresn"),
        )
    ]


def _finding_code(domain: Domain) -> str:
    """Return SQL for what was found: the test, of a laboratory its LOINC code first, of a finding about with its object."""
    test = f"'{domain.name}.{domain.text['testcd']}=' || testcd"
    if domain.name == "FA":
        return f"{test} || coalesce(';{domain.text['obj']}=' || obj, '')"
    return f"nullif(concat_ws({TAB}, 'LOINC|' || loinc, {test}), '')"


def _interventions(domain: Domain) -> list[Piece]:
    """A treatment with its dose, route and interval; a row about an oxygen device may tell a flow as well."""
    fates = ["WHEN upper(occur) = 'N' OR upper(stat) = 'NOT DONE' THEN 'not_given'"]
    if domain.name == "EX":
        fates.append("WHEN dose = 0 THEN 'not_given'")
    fate = f"CASE {' '.join(fates)} END"
    given = Piece(
        code=_named(domain, "decod", "trt"),
        time="stdtc",
        until="endtc",
        unit="dosu",
        route="route",
        value="dose",
        fate=fate,
        bad=_not_a_number(domain, "dose"),
    )
    devices = [word for word, meaning in device_words().items() if meaning.value]
    is_flow = f"dose IS NOT NULL AND lower(dosu) IN ({_listed(unit.casefold() for unit in flow_units())})"
    is_device = f"(lower(decod) IN ({_listed(devices)}) OR lower(trt) IN ({_listed(devices)}))"
    flow = Piece(
        code=f"'{domain.name}.{domain.name}{FLOW}'",
        time="stdtc",
        unit="dosu",
        value="dose",
        fate=fate,
        where=f"{is_flow} AND {is_device}",
    )
    return [given, flow] if domain.name != "EX" else [given]


def _events(domain: Domain) -> list[Piece]:
    """An event with its interval; a fatal one is the death, at its end, a disposition at its start."""
    fate = (
        f"CASE WHEN cat = {sql_text(derived_category())} THEN 'derived_by_tocsin' "
        "WHEN upper(occur) = 'N' OR upper(stat) = 'NOT DONE' THEN 'not_happened' END"
    )
    code = _named(domain, "decod", "term")
    if domain.name == "AE":
        fatal = "coalesce(upper(sdth) = 'Y' OR upper(out) = 'FATAL', false)"
        said = "CASE WHEN upper(sdth) = 'Y' THEN 'AE.AESDTH=Y' ELSE 'AE.AEOUT=FATAL' END"
        crs = f"CASE WHEN lower(coalesce(decod, term)) IN ({_listed(crs_terms())}) THEN 'crs' END"
        death = Piece(code=said, time="endtc", text=crs, fate=fate, where=fatal, death=True)
    elif domain.name == "DS":
        fatal = "coalesce(upper(decod) = 'DEATH', false)"
        death = Piece(code="'DS.DSDECOD=DEATH'", time="stdtc", fate=fate, where=fatal, death=True)
    else:
        return [Piece(code=code, time="stdtc", until="endtc", fate=fate)]
    return [death, Piece(code=code, time="stdtc", until="endtc", fate=fate, where=f"NOT {fatal}")]


def _demographics(domain: Domain) -> list[Piece]:
    """A subject; one who died is the death as well."""
    del domain
    died = "(dthdtc IS NOT NULL OR coalesce(upper(dthfl) = 'Y', false))"
    birth = (
        f"CASE WHEN brthdtc IS NOT NULL AND NOT regexp_full_match(brthdtc, '{PARTIAL}') "
        f"THEN 'bad_date' || {TAB} || 'BRTHDTC' || {TAB} || brthdtc WHEN age_text IS NOT NULL "
        f"THEN 'not_a_number' || {TAB} || 'AGE' || {TAB} || age_text END"
    )
    return [
        # A row that tells of nobody, or of no birth that can be, must not count as used: it has no code.
        Piece(
            code=f"CASE WHEN subject IS NOT NULL AND ({birth}) IS NULL THEN '{DM_ROW}' END",
            time="dthdtc",
            bad=birth,
            where=f"NOT {died}",
        ),
        Piece(code=f"'{DEATH_ROW}'", time="dthdtc", where=died, death=True),
    ]


_OF_CLASS: Final[dict[str, Callable[[Domain], list[Piece]]]] = {
    "findings": _findings,
    "interventions": _interventions,
    "events": _events,
    "demographics": _demographics,
}


def _named(domain: Domain, *columns: str) -> str:
    """Return SQL for what a row is called: the coded name first, then the words of the site."""
    parts = ", ".join(f"'{domain.name}.{domain.text[column]}=' || {column}" for column in columns)
    return f"nullif(concat_ws({TAB}, {parts}), '')"


def _figure(column: str) -> str:
    return f"TRY_CAST(regexp_extract({column}, '{_COMPARED}', 2) AS DOUBLE)"


def _sign(column: str) -> str:
    return f"regexp_extract({column}, '{_COMPARED}', 1)"


def _not_a_number(domain: Domain, column: str) -> str:
    variable = domain.number[column]
    return f"CASE WHEN {column}_text IS NOT NULL THEN 'not_a_number' || {TAB} || '{variable}' || {TAB} || {column}_text END"


def _listed(words: Iterable[str]) -> str:
    return ", ".join(sql_text(word) for word in sorted(words))
