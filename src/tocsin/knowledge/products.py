"""The immunotherapies: the cause each belongs to, its codes, and how CRS comes with it."""

from dataclasses import dataclass
from functools import cache
from types import MappingProxyType
from typing import Any

from tocsin.knowledge import _files
from tocsin.knowledge.causes import Cause, cause_words
from tocsin.knowledge.drugs import Codes, read_codes


@dataclass(frozen=True, slots=True)
class Figures:
    """Numbers of one population by name, and which of them are only recalled."""

    population: str
    figures: MappingProxyType[str, Any]
    recalled: tuple[str, ...]
    source: tuple[str, ...]
    confidence: str


@dataclass(frozen=True, slots=True)
class LabelScale:
    """The scale by which the label grades CRS."""

    name: str
    source: tuple[str, ...]
    confidence: str


@dataclass(frozen=True, slots=True)
class Product:
    """One product. `window_d` is None where the window of its cause holds."""

    id: str
    name: str
    brand: str
    cause: str
    product_class: str
    target: str
    indications: tuple[str, ...]
    window_d: float | None
    rxnorm: Codes | None
    atc: Codes | None
    crs_incidence: tuple[Figures, ...]
    onset: tuple[Figures, ...]
    duration: tuple[Figures, ...]
    label_scale: LabelScale | None
    source: tuple[str, ...]
    confidence: str


@cache
def products() -> MappingProxyType[str, Product]:
    """All products by id."""
    return MappingProxyType(
        {row["id"]: _product(row) for row in _files.toml_table("products.toml")["product"]}
    )


def product(id: str) -> Product:
    """One product by its id."""
    if id not in products():
        _files.unknown("product", id, products())
    return products()[id]


def window_d(cause: Cause, product_id: str | None) -> float:
    """The days that a therapy's window is open: the product's own, else its cause's."""
    known = products().get(product_id or "")
    return cause.window_d if known is None or known.window_d is None else known.window_d


def cause_of(product_id: str) -> Cause:
    """The cause that a known product belongs to."""
    return cause_words()[product(product_id).cause]


def _product(row: dict[str, Any]) -> Product:
    return Product(
        row["id"],
        row["name"],
        row.get("brand", ""),
        row["cause"],
        row["class"],
        row.get("target", ""),
        tuple(row["indications"]),
        row.get("window_d"),
        read_codes(row.get("rxnorm")),
        read_codes(row.get("atc")),
        _groups(row, "crs_incidence"),
        _groups(row, "onset"),
        _groups(row, "duration"),
        _label_scale(row.get("label_scale")),
        tuple(row["source"]),
        row["confidence"],
    )


def _groups(row: dict[str, Any], key: str) -> tuple[Figures, ...]:
    return tuple(_figures(line) for line in row.get(key, ()))


def _figures(line: dict[str, Any]) -> Figures:
    apart = ("population", "recalled", "source", "confidence")
    return Figures(
        line.get("population", ""),
        MappingProxyType({key: value for key, value in line.items() if key not in apart}),
        tuple(line.get("recalled", ())),
        tuple(line["source"]),
        line["confidence"],
    )


def _label_scale(row: dict[str, Any] | None) -> LabelScale | None:
    return LabelScale(row["name"], tuple(row["source"]), row["confidence"]) if row else None
