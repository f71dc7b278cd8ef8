"""How SDTM is read: its datasets, their variables, and the words that tell what a row is."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType
from typing import Any

from tocsin.knowledge import _files
from tocsin.knowledge.drugs import drugs
from tocsin.knowledge.products import products
from tocsin.knowledge.signals import signal_ids


@dataclass(frozen=True, slots=True)
class Domain:
    """One dataset: its two letters, its class, the variable that says what a row is, and the variables read by kind.

    `text` and `number` map what we call a column (the variable less its prefix, in lower case) to the variable.
    """

    name: str
    kind: str
    topic: str
    text: Mapping[str, str]
    number: Mapping[str, str]


@cache
def domains() -> MappingProxyType[str, Domain]:
    """The datasets that are read, by their two letters."""
    return MappingProxyType({name: _domain(name, row["class"]) for name, row in _table()["domains"].items()})


@cache
def treatment_names() -> tuple[tuple[str, str], ...]:
    """Names of treatments in lower case with their signal, the longest first: brands, spellings, the ids as words."""
    found: dict[str, str] = {}
    for group in _table()["names"].values():
        found.update(group["words"])
    for drug in drugs().values():
        found.update({name.casefold(): drug.id for name in (*drug.brands, *drug.also, _spelled(drug.id))})
    for product in products().values():
        brands = (part.partition("(")[0] for part in product.brand.split(";"))
        names = (product.name, *brands, _spelled(product.id))
        found.update({name.strip().casefold(): product.id for name in names if name.strip()})
    known = {name: signal for name, signal in found.items() if signal in signal_ids()}
    return tuple(sorted(known.items(), key=lambda item: (-len(item[0]), item[0])))


@cache
def crs_terms() -> frozenset[str]:
    """The adverse events that are CRS, in lower case."""
    return frozenset(_table()["crs"]["terms"])


@cache
def derived_category() -> str:
    """The category (CECAT) by which an event of our own export is known."""
    return _table()["derived"]["category"]


@cache
def oxygen_names() -> frozenset[str]:
    """Treatments that are oxygen without a device, in lower case."""
    return frozenset(_table()["oxygen"]["names"])


@cache
def flow_units() -> tuple[str, ...]:
    """The units in which a dose of oxygen is a flow."""
    return tuple(_table()["oxygen"]["flow_units"])


@cache
def blood_specimens() -> tuple[str, ...]:
    """The specimens in which a laboratory test code is our signal; "" is none told."""
    return tuple(_table()["laboratory"]["blood"])


@cache
def groups_outside_blood() -> tuple[str, ...]:
    """The groups of laboratory tests (LBCAT) that are not done in blood."""
    return tuple(_table()["laboratory"]["not_blood_groups"])


@cache
def infusion_routes() -> frozenset[str]:
    """The routes by which a drug runs as an infusion; "" is none told."""
    return frozenset(_table()["infusion"]["routes"])


@cache
def age_days() -> MappingProxyType[str, float]:
    """The days in each unit of AGE."""
    return MappingProxyType(_table()["age_units"]["days"])


def _table() -> dict[str, Any]:
    return _files.toml_table("sdtm.toml")


def _spelled(id: str) -> str:
    return id.replace("_", " ")


def _domain(name: str, kind: str) -> Domain:
    row = _table()["class"][kind]
    prefix = "" if kind == "demographics" else name
    text, number = (
        MappingProxyType({suffix.casefold(): prefix + suffix for suffix in row[of]})
        for of in ("text", "number")
    )
    return Domain(name, kind, prefix + row["topic"], text, number)
