"""What the concepts and source values of a CDM mean: looked up in its own vocabulary, where there is one."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Final

from tocsin.events.concepts import INFUSIONS, Key, Parsed, Resolver
from tocsin.knowledge.codes import Code, device_words, excluded_codes
from tocsin.knowledge.omop import omop_values
from tocsin.knowledge.reading import systems, therapy_signals
from tocsin.knowledge.signals import signal, signals
from tocsin.sources.omop.warehouse import Warehouse
from tocsin.sources.source import sql_text

SOURCE_VALUE: Final = "source_value"  # the system under which --codes maps a table's own words
THERAPIES: Final = ("index_therapy", *therapy_signals())
DRUGS: Final = tuple(row.name for row in signals() if row.kind == "drug")
_AT_ONCE = 5_000  # concepts that one query names
# The tables whose rows say that something was given or done; in the others a substance is not a dose of it.
_GIVES = ("drug_exposure", "device_exposure", "procedure_occurrence")
_CHARTS = ("measurement", "observation")
# Source values that tell their system by their shape; a bare number tells none.
_SHAPES: Final[dict[str, tuple[tuple[str, re.Pattern[str]], ...]]] = {
    table: tuple((system, re.compile(shape)) for system, shape in shapes)
    for table, shapes in {
        "measurement": (("LOINC", r"\d{1,5}-\d"),),
        "observation": (("LOINC", r"\d{1,5}-\d"), ("CPT/HCPCS", r"[A-Z]\d{4}|\d{4}T")),
        "drug_exposure": (("CPT/HCPCS", r"[A-Z]\d{4}|\d{4}T"), ("ATC", r"[A-Z]\d{2}[A-Z]{2}\d{2}")),
        "device_exposure": (("CPT/HCPCS", r"[A-Z]\d{4}|\d{4}T"),),
        "procedure_occurrence": (("CPT/HCPCS", r"[A-Z]\d{4}|\d{4}T"), ("ICD10PCS", r"[0-9A-HJ-NP-Z]{7}")),
        "condition_occurrence": (("ICD10CM", r"[A-Z]\d[0-9A-Z]\.[0-9A-Z]{1,4}"),),
        "death": (("ICD10CM", r"[A-Z]\d[0-9A-Z]\.[0-9A-Z]{1,4}"),),
    }.items()
}


@dataclass(frozen=True, slots=True)
class Concept:
    """One concept of the source's vocabulary, its system under our name."""

    system: str
    code: str
    name: str


@dataclass(frozen=True, slots=True)
class Coded:
    """How a row is coded: by a standard concept, the source's own concept, the source's own words."""

    table: str
    concept: int
    source_concept: int
    source_value: str

    def text(self, name: str) -> str:
        """Return the codes as one text, what a person would read behind `text|`."""
        ids = dict.fromkeys(id for id in (self.concept, self.source_concept) if id)
        said = [f"OMOP|{id}" for id in ids]
        if self.source_value:
            said.append(f"{SOURCE_VALUE}|{_flat(self.source_value)}")
        return "\t".join([*(said or ["OMOP|0"]), f"text|{_flat(name)}", f"table|{self.table}"])


@dataclass(frozen=True, slots=True)
class Meaning:
    """What rows coded so mean: the candidates in order, the one that is mapped, and why they may not count."""

    candidates: tuple[tuple[str, str], ...]
    name: str
    row: Code | None
    fate: str | None

    @property
    def word(self) -> str:
        """How the value is read: as a device, as a word, as a number or not at all."""
        if self.row is None or self.fate is not None:
            return "none"
        if self.row.signal == "oxygen_device":
            return "device"
        return "number" if signal(self.row.signal).numeric else "word"

    @property
    def is_infusion(self) -> bool:
        """Whether only a rate tells how much is given."""
        return self.row is not None and self.row.signal in INFUSIONS


def _flat(text: str) -> str:
    return text.replace("\t", " ")


def _lists(ids: Iterable[int]) -> Iterator[str]:
    """Yield numbers as lists for SQL, not too many at once."""
    rest = iter(sorted(set(ids)))
    while some := list(islice(rest, _AT_ONCE)):
        yield ", ".join(map(str, some))


class Vocabulary:
    """Looks concepts up where the source lives, each once."""

    def __init__(self, warehouse: Warehouse, resolver: Resolver) -> None:
        self._warehouse, self._resolver = warehouse, resolver
        self._known: dict[int, Concept] = {}
        self._asked: set[int] = set()
        self._excluded = frozenset((row.system, row.code) for row in excluded_codes())
        self._ancestors: dict[int, list[int]] = {}
        self._several: set[int] = set()  # drugs of more than one ingredient

    def _rows(self, sqls: Iterable[str]) -> list[tuple[object, ...]]:
        """Return the rows of queries on the vocabulary."""
        found: list[tuple[object, ...]] = []
        for sql in sqls:
            self._warehouse.run(sql, "omop_found")
            found += self._warehouse.con.execute("FROM omop_found").fetchall()
        return found

    def learn(self, ids: Iterable[int]) -> None:
        """Look up concepts that are not known yet."""
        new = {id for id in ids if id} - self._asked
        self._asked |= new
        if "concept" not in self._warehouse.vocabulary or not new:
            return
        ref = self._warehouse.vocabulary["concept"]
        for id, vocabulary, code, name in self._rows(
            "SELECT CAST(t.concept_id AS bigint) AS id, CAST(t.vocabulary_id AS varchar) AS v, "
            "CAST(t.concept_code AS varchar) AS c, CAST(t.concept_name AS varchar) AS n "
            f"FROM {ref} AS t WHERE t.concept_id IN ({listed})"
            for listed in _lists(new)
        ):
            system = str(vocabulary)
            self._known[int(str(id))] = Concept(
                systems().get(system.casefold(), system), str(code), str(name or "")
            )

    def get(self, id: int) -> Concept | None:
        """Return a concept that was learnt, None when the vocabulary lacks it."""
        return self._known.get(id)

    def ids_of(self, names: Iterable[str], *, descend: bool = True) -> set[int]:
        """Return the concepts of some signals: by number, by code, and the drugs that hold a substance among them."""
        rows = self._resolver.rows(names)
        found = {int(row.code) for row in rows if row.system == "OMOP" and row.code.isdecimal()}
        if "concept" in self._warehouse.vocabulary:
            found |= {int(str(row[0])) for row in self._rows(self._by_code(rows))}
        drugs = {row.code for row in rows if row.signal in DRUGS}
        if descend and drugs and "concept_ancestor" in self._warehouse.vocabulary:
            ref = self._warehouse.vocabulary["concept_ancestor"]
            found |= {
                int(str(row[0]))
                for row in self._rows(
                    "SELECT DISTINCT CAST(t.descendant_concept_id AS bigint) AS id "
                    f"FROM {ref} AS t WHERE t.ancestor_concept_id IN ({listed})"
                    for listed in _lists(found)
                )
            }
        return found

    def _by_code(self, rows: Iterable[Code]) -> Iterator[str]:
        """Yield queries for the concepts of codes, a query for each system."""
        ref = self._warehouse.vocabulary["concept"]
        by_system: dict[str, set[str]] = {}
        for row in rows:
            if row.system not in ("OMOP", "MIMIC", "tocsin", SOURCE_VALUE):
                by_system.setdefault(row.system, set()).add(row.code)
        for system, codes in sorted(by_system.items()):
            spellings = {system.casefold(), *(word for word, named in systems().items() if named == system)}
            yield (
                f"SELECT CAST(t.concept_id AS bigint) AS id FROM {ref} AS t WHERE t.concept_code IN ({_texts(codes)}) "
                f"AND lower(t.vocabulary_id) IN ({_texts(spellings)})"
            )

    def learn_drugs(self, ids: Iterable[int]) -> None:
        """Look up which of our substances the drugs of some concepts hold, and which hold several."""
        wanted = sorted({id for id in ids if id})
        if not {"concept", "concept_ancestor"} <= self._warehouse.vocabulary.keys() or not wanted:
            return
        ours = ", ".join(map(str, sorted(self.ids_of(DRUGS, descend=False)))) or "0"
        words, above = (self._warehouse.vocabulary[name] for name in ("concept", "concept_ancestor"))
        for drug, ancestor in self._rows(
            "SELECT CAST(t.descendant_concept_id AS bigint) AS d, CAST(t.ancestor_concept_id AS bigint) AS a "
            f"FROM {above} AS t WHERE t.descendant_concept_id IN ({listed}) AND t.ancestor_concept_id IN ({ours}) "
            "ORDER BY t.descendant_concept_id, t.min_levels_of_separation, t.ancestor_concept_id"
            for listed in _lists(wanted)
        ):
            self._ancestors.setdefault(int(str(drug)), []).append(int(str(ancestor)))
        self.learn(ancestor for found in self._ancestors.values() for ancestor in found)
        self._several |= {
            int(str(row[0]))
            for row in self._rows(
                f"SELECT CAST(t.descendant_concept_id AS bigint) AS d FROM {above} AS t JOIN {words} AS c "
                "ON c.concept_id = t.ancestor_concept_id WHERE c.concept_class_id = 'Ingredient' "
                f"AND c.vocabulary_id LIKE 'RxNorm%' AND t.descendant_concept_id IN ({listed}) "
                "GROUP BY t.descendant_concept_id HAVING count(DISTINCT t.ancestor_concept_id) > 1"
                for listed in _lists(self._ancestors)
            )
        }

    def strengths(self, ids: Iterable[int]) -> dict[int, tuple[float, int]]:
        """Return the amount in one piece (a tablet) and its unit, of drugs that hold one substance in such pieces."""
        if "drug_strength" not in self._warehouse.vocabulary:
            return {}
        ref = self._warehouse.vocabulary["drug_strength"]
        found = self._rows(
            "SELECT CAST(t.drug_concept_id AS bigint) AS d, min(CAST(t.amount_value AS float8)) AS a, "
            f"min(CAST(t.amount_unit_concept_id AS bigint)) AS u FROM {ref} AS t WHERE t.drug_concept_id IN ({listed}) "
            "GROUP BY t.drug_concept_id HAVING count(*) = 1"
            for listed in _lists(ids)
        )
        return {
            int(str(drug)): (float(str(amount)), int(str(unit)))
            for drug, amount, unit in found
            if amount is not None and unit is not None
        }

    def meaning(self, coded: Coded) -> Meaning:
        """Return what rows coded so mean. Their concepts must have been learnt."""
        candidates = tuple(self._candidates(coded))
        standard, own = self.get(coded.concept), self.get(coded.source_concept)
        name = (standard and standard.name) or (own and own.name) or coded.source_value
        if self._excluded.intersection(candidates):
            return Meaning((), name, None, "excluded")
        row = next((row for one in candidates if (row := self._resolver.find(*one)) is not None), None)
        return Meaning(candidates, name, row, _fate(coded.table, row) if row else None)

    def _candidates(self, coded: Coded) -> Iterator[tuple[str, str]]:
        """Yield (system, code) in order: the source's own words and concept tell more than the standard concept."""
        if coded.table == "death":
            yield "tocsin", "death"
            return
        if coded.source_value:
            yield SOURCE_VALUE, coded.source_value
        for id in (coded.source_concept, coded.concept):
            if id:
                yield "OMOP", str(id)
                concept = self.get(id)
                if concept is not None:
                    yield concept.system, concept.code
        if not coded.concept:
            yield from of_source_value(coded)
        if coded.table == "drug_exposure":
            yield from self._of_ancestors(coded.concept)

    def _of_ancestors(self, id: int) -> Iterator[tuple[str, str]]:
        """Yield the substances of a drug; a vasopressor beside another substance is no infusion of it."""
        for ancestor in self._ancestors.get(id, ()):
            concept = self.get(ancestor)
            for system, code in (
                ("OMOP", str(ancestor)),
                *(((concept.system, concept.code),) if concept else ()),
            ):
                row = self._resolver.find(system, code)
                if row is not None and not (id in self._several and row.signal in INFUSIONS):
                    yield system, code

    def death_cause(self, coded: Coded) -> str | None:
        """Return `crs` for a death whose cause is coded as CRS; any other cause may be what CRS came on top of."""
        stated = Coded("condition_occurrence", coded.concept, coded.source_concept, coded.source_value)
        row = self.meaning(stated).row
        return "crs" if row is not None and row.signal == "crs" else None

    def unit(self, id: int, said: str) -> str:
        """Return a unit as text: the concept's where it says one, else the source's own words."""
        if not id:
            return said
        concept = self.get(id)
        return omop_values("unit").get(id) or (concept.code if concept else "") or said or f"OMOP {id}"

    def route(self, id: int, said: str) -> str:
        """Return a route as words with tabs between them."""
        concept = self.get(id)
        words = [omop_values("route").get(id, ""), f"{concept.system}|{concept.code}" if concept else ""]
        return "\t".join(word for word in (*words, concept.name if concept else "", said) if word)

    def words(self, id: int) -> tuple[str, str]:
        """Return the value that a concept says, for a device (with tabs) and as one word."""
        concept = self.get(id)
        if concept is None:
            return f"OMOP|{id}", f"OMOP {id}"
        return f"OMOP|{id}\t{concept.system}|{concept.code}\t{_flat(concept.name)}", concept.name


def of_source_value(coded: Coded) -> Iterator[tuple[str, str]]:
    """Yield what a source value alone can mean: a code that its shape tells, a drug's name, a device's name."""
    said = coded.source_value.strip()
    for system, shape in _SHAPES.get(coded.table, ()):
        if shape.fullmatch(said):
            yield system, said
    if said and coded.table == "drug_exposure":
        yield "MIMIC", f"drug|{said}"
    if coded.table in _GIVES and said.casefold() in device_words():
        yield "tocsin", "oxygen_device"


def source_values_of(rows: Iterable[Code]) -> tuple[set[str], set[str]]:
    """Return the source values that may say one of some codes, and the beginnings (in lower case) of others."""
    shaped = {system for shapes in _SHAPES.values() for system, _ in shapes}
    rows = list(rows)
    words = {row.code for row in rows if row.system == SOURCE_VALUE or row.system in shaped}
    names = {row.code.removeprefix("drug|").casefold() for row in rows if row.code.startswith("drug|")}
    return words, names


def _texts(words: Iterable[str]) -> str:
    return ", ".join(map(sql_text, sorted(words)))


def _fate(table: str, row: Code) -> str | None:
    """Return why rows of a table cannot say a signal: a drug's name in a chart or a diagnosis is no dose of it."""
    if table in _GIVES or table == "death":
        return None
    if row.signal in THERAPIES:
        return None if table == "observation" and row.role != "substance" else "not_given"
    is_drug = signal(row.signal).kind == "drug"
    if table in _CHARTS:
        return "not_given" if is_drug and row.signal not in INFUSIONS else None
    return "not_given" if is_drug or signal(row.signal).kind in ("device", "procedure") else None


@dataclass(frozen=True)
class ParseOmop:
    """Reads a key by the meaning that its code was given when the source was opened."""

    meanings: dict[str, Meaning]

    def __call__(self, key: Key) -> Parsed:
        """Return what a key means."""
        meaning = self.meanings.get(key.code)
        if meaning is None:
            return Parsed((), name=key.code, fate="subject")
        return Parsed(
            meaning.candidates,
            unit=key.unit,
            route=key.route,
            text=key.text,
            name=meaning.name,
            fate=meaning.fate,
        )
