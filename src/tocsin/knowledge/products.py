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
    """The scale by which the label grades CRS; `note` says where the label departs from it."""

    name: str
    note: str
    source: tuple[str, ...]
    confidence: str


@dataclass(frozen=True, slots=True)
class LabelFact:
    """One thing that the label says, whatever the patient's state.

    `recalled` and `verified` name the parts that are less or more sure than the whole; `jurisdiction` says where it was read
    if not in the US label; `status` is the state of a REMS.
    """

    text: str
    source: tuple[str, ...]
    confidence: str
    recalled: tuple[str, ...] = ()
    verified: tuple[str, ...] = ()
    jurisdiction: str = ""
    note: str = ""
    status: str = ""


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
    monitoring: LabelFact | None
    step_up: LabelFact | None
    premedication: LabelFact | None
    rems: LabelFact | None
    source: tuple[str, ...]
    confidence: str

    @property
    def label_facts(self) -> dict[str, LabelFact]:
        """What the label says whatever the patient's state, by what it is about."""
        facts = {
            "monitoring": self.monitoring,
            "step-up": self.step_up,
            "premedication": self.premedication,
            "REMS": self.rems,
        }
        return {name: fact for name, fact in facts.items() if fact is not None}


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
        _label_fact(row.get("monitoring")),
        _label_fact(row.get("step_up")),
        _label_fact(row.get("premedication")),
        _label_fact(row.get("rems")),
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
    if row is None:
        return None
    return LabelScale(row["name"], row.get("note", ""), tuple(row["source"]), row["confidence"])


def _label_fact(row: dict[str, Any] | None) -> LabelFact | None:
    """A fact of one label; what its class says alike comes first."""
    if row is None:
        return None
    lists = ("source", "recalled", "verified")
    cells: dict[str, Any] = {**row, **{key: tuple(row[key]) for key in lists if key in row}}
    if name := cells.pop("class_rule", ""):
        rule = _files.toml_table("products.toml")["class_rule"][name]
        cells["text"] = f"{rule['text']} {cells['text']}".strip()
        cells["source"] = tuple(dict.fromkeys((*rule["source"], *cells["source"])))
    return LabelFact(**cells)
