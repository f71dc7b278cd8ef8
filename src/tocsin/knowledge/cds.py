"""What an EHR is offered by CDS Hooks: services, prefetch templates, how loud a card is, which rules speak against an order."""

from dataclasses import dataclass
from functools import cache
from types import MappingProxyType
from typing import Any, Literal, cast

from tocsin.knowledge import _files
from tocsin.knowledge.codes import codes
from tocsin.knowledge.drugs import glucocorticoids
from tocsin.knowledge.fhir_export import fhir_systems

_FILE = "cds.toml"
_CODED = ("LOINC", "SNOMED")  # the systems that EHRs chart observations in

Indicator = Literal["info", "warning", "critical"]
OnlyWith = Literal["always", "therapy", "episode"]


@dataclass(frozen=True, slots=True)
class Service:
    """One service as the discovery names it."""

    id: str
    hook: str
    title: str
    description: str
    usage: str


@dataclass(frozen=True, slots=True)
class Prefetch:
    """One thing to be sent along: `needed` says that no grade can be told without it."""

    key: str
    template: str
    needed: bool
    why: str


@dataclass(frozen=True, slots=True)
class Loudness:
    """From which grade, and for which kinds of advice, a card is a warning or critical."""

    critical_grade: int
    critical_kinds: tuple[str, ...]
    warning_grade: int


@dataclass(frozen=True, slots=True)
class Check:
    """How orders of a drug are checked: how loud a dose above all that the guidance names is, and when it is spoken of at all."""

    over: Indicator
    over_rule: str
    only_with: OnlyWith


@dataclass(frozen=True, slots=True)
class Against:
    """A rule that speaks against an order while advice of this kind holds; an order of a dose in `spares` is what it asks for."""

    rule: str
    kind: str
    indicator: Indicator
    spares: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class OrderRules:
    """The rules that are named where an order is at odds with itself, and how near an order is to a dose worked out."""

    interval_rule: str
    count_rule: str
    unswapped_rule: str
    tolerance_percent: float


@dataclass(frozen=True, slots=True)
class Reason:
    """A reason for going on in spite of a card."""

    code: str
    display: str


@cache
def services() -> MappingProxyType[str, Service]:
    """The services by id."""
    return MappingProxyType({row["id"]: Service(**row) for row in _table("service")})


@cache
def prefetch() -> MappingProxyType[str, Prefetch]:
    """What is to be sent along, by key; the codes stand in the templates."""
    rows = _table("prefetch")
    return MappingProxyType(
        {row["key"]: Prefetch(row["key"], _template(row), row["needed"], row["why"]) for row in rows}
    )


@cache
def loudness() -> Loudness:
    """How loud a card is."""
    row = _files.toml_table(_FILE)["loudness"]
    return Loudness(row["critical_grade"], tuple(row["critical_kinds"]), row["warning_grade"])


@cache
def checks() -> MappingProxyType[str, Check]:
    """How the orders of each drug are checked; a drug that is not there is not spoken of."""
    return MappingProxyType(
        {
            drug: Check(row["over"], row["over_rule"], row["only_with"])
            for row in _table("check")
            for drug in _drugs(row)
        }
    )


@cache
def against(drug: str) -> tuple[Against, ...]:
    """The rules that may speak against an order of a drug."""
    return tuple(
        Against(row["rule"], row["kind"], row["indicator"], tuple(row.get("spares", ())))
        for row in _table("against")
        if drug in _drugs(row)
    )


@cache
def order_rules() -> OrderRules:
    """What orders are judged by beside the doses."""
    row = _files.toml_table(_FILE)["order"]
    return OrderRules(**{name: row[name] for name in OrderRules.__slots__})


@cache
def timing_hours() -> MappingProxyType[str, float]:
    """The hours between doses that a timing code stands for."""
    return MappingProxyType(dict(_files.toml_table(_FILE)["timing"]))


@cache
def reasons() -> tuple[Reason, ...]:
    """The reasons that are offered for overriding a card."""
    return tuple(Reason(**row) for row in _table("reason"))


def _table(name: str) -> list[dict[str, Any]]:
    return cast(list[dict[str, Any]], _files.toml_table(_FILE)[name])


def _drugs(row: dict[str, Any]) -> tuple[str, ...]:
    """The drugs of a row; a class stands for its members."""
    return tuple(
        one for name in row["drugs"] for one in (glucocorticoids() if name == "glucocorticoids" else (name,))
    )


def _template(row: dict[str, Any]) -> str:
    """The template with the codes of its signals, values and what holds them as parts, in the systems that EHRs chart in.

    A search by code finds a panel (a blood pressure, as US Core charts it) only by the code of the panel.
    """
    wanted = set(row.get("signals", ()))
    found = [
        f"{fhir_systems()[code.system]}|{code.code}"
        for code in codes()
        if code.signal in wanted and code.system in _CODED and code.role in ("value", "part")
    ]
    return row["template"].replace("{codes}", ",".join(dict.fromkeys(found)))
