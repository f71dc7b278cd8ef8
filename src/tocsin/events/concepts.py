"""What a source's distinct codes mean: each is resolved once, in Python; the rows are then only joined to the answer."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from functools import cache

from tocsin.errors import UserError
from tocsin.events.conversions import Conversion, conversion_of
from tocsin.events.door import ADMINISTERED, PLAIN
from tocsin.knowledge.causes import read_cause, refused_words
from tocsin.knowledge.codes import Code, codes, device_words, excluded_codes, route_words_of_names, routes
from tocsin.knowledge.drugs import drugs
from tocsin.knowledge.reading import systems, therapy_signals, unreadable_units
from tocsin.knowledge.signals import Signal, blank_units, signal, signal_ids
from tocsin.knowledge.vocabulary import ATTRIBUTION, OXYGEN_DEVICE

DEATH_WORDS = {"other": 1, "": 2, "crs": 3}
INFUSIONS = frozenset(row.id for row in drugs().values() if row.route == "infusion")
_NUDGES = {"<": -1, ">": 1}
_VOCABULARIES = frozenset({"LOINC", "SNOMED"})
_ATC_LEVELS = (5, 4, 3)  # how long the codes of its classes are, the nearest first


@dataclass(frozen=True, slots=True)
class Key:
    """What tells one kind of row from another in a source."""

    code: str
    unit: str | None = None
    route: str | None = None
    text: str | None = None


@dataclass(frozen=True, slots=True)
class Parsed:
    """A key as its source reads it: candidates in order, and what the code itself says of unit, fate and pairing."""

    candidates: tuple[tuple[str, str], ...]  # (system, code)
    unit: str | None = None
    route: str | None = None
    text: str | None = None
    name: str = ""  # what a person would read, for unmapped.csv
    fate: str | None = None
    phase: int = PLAIN
    bolus_as_stands: bool = False
    given: bool = False  # the row itself says that a drug was given


@dataclass(frozen=True, slots=True)
class Concept:
    """What the rows of one key are. Without a signal they are of no interest (`fate`); `trouble` quarantines them."""

    signal: int = -1
    conversion: Conversion | None = None
    category: int = -1
    text: str | None = None
    fate: str | None = None
    trouble: str | None = None
    phase: int = PLAIN
    checks_bolus: bool = False
    system: str = ""


@dataclass
class TherapyKinds:
    """The distinct (cause, product) pairs of a run, numbered as they are met."""

    kinds: list[tuple[str, str | None]] = field(default_factory=list[tuple[str, str | None]])

    def number(self, cause: str, product: str | None) -> int:
        """Return the number of a pair, a new one if it is new."""
        if (cause, product) not in self.kinds:
            self.kinds.append((cause, product))
        return self.kinds.index((cause, product))


def therapy_text(cause: str, product: str | None) -> str:
    """Return a therapy as the event table writes it: `cause` or `cause/product`."""
    return f"{cause}/{product}" if product else cause


@cache
def _excluded() -> frozenset[tuple[str, str]]:
    """Codes that look like a signal and are none."""
    return frozenset((row.system, row.code) for row in excluded_codes())


@cache
def _index(rows: tuple[Code, ...]) -> tuple[dict[tuple[str, str], Code], tuple[tuple[str, Code], ...]]:
    """Return the rows by (system, code), and the drug names in lower case with their rows."""
    found: dict[tuple[str, str], Code] = {}
    for row in rows:
        if row.role not in ("support", "part"):
            found.setdefault((row.system, row.code), row)
            if "|" in row.code:
                found.setdefault((row.system, row.code.split("|")[0]), replace(row, value=""))
    drugs_named = tuple(
        (row.code[5:].casefold(), row) for row in found.values() if row.code.startswith("drug|")
    )
    return found, drugs_named


@cache
def _listed() -> tuple[dict[tuple[str, str], Code], tuple[tuple[str, Code], ...]]:
    """Return the index of our own list: to look it up by the whole list would take a millisecond each time."""
    return _index(codes())


class Resolver:
    """Finds the signal of a code: the site's own list first, then `knowledge/codes.csv`."""

    def __init__(self, kinds: TherapyKinds, site: tuple[Code, ...] = ()) -> None:
        self._kinds = kinds
        listed, self._names = _listed()
        self._codes = {**listed, **_index(site)[0]} if site else listed
        self._names = (*_index(site)[1], *self._names)

    def find(self, system: str, code: str) -> Code | None:
        """Return the code's row, None when it is not mapped. Drug names match from their start."""
        if (system, code) in _excluded():
            return None
        if system == "tocsin" and code in signal_ids():
            return Code(code, system, code, code, "", "", "value", "", (), "n/a")
        if system == "MIMIC" and code.startswith("drug|"):
            name = code.removeprefix("drug|").casefold()
            return next((row for start, row in self._names if name.startswith(start)), None)
        return self._codes.get((system, code)) or self._of_class(system, code)

    def _of_class(self, system: str, code: str) -> Code | None:
        """Return the row of the class that a code stands under, where that class is listed: ATC is a tree."""
        if system != "ATC":
            return None
        classes = (self._codes.get((system, code[:length])) for length in _ATC_LEVELS)
        return next((row for row in classes if row is not None), None)

    def rows(self, signals: Iterable[str]) -> list[Code]:
        """Return all codes of some signals."""
        wanted = set(signals)
        return [row for row in self._codes.values() if row.signal in wanted]

    def resolve(self, parsed: Parsed) -> Concept:
        """Return what a parsed key means."""
        for system, code in parsed.candidates:
            row = self.find(system, code)
            if row is not None:
                return self._mapped(parsed, row)
        return Concept(fate=parsed.fate or "unmapped")

    def _mapped(self, parsed: Parsed, row: Code) -> Concept:
        """Return the concept of a key whose signal is known."""
        what = signal(row.signal)
        if parsed.fate is not None:
            return Concept(fate=parsed.fate)
        if not _is_systemic(parsed, row):
            return Concept(fate="not_systemic")
        words = self._words(parsed, row)
        base = Concept(what.id, phase=parsed.phase, system=row.system)
        if words.trouble or words.fate or not what.numeric:
            return replace(base, conversion=Conversion(what.id), category=words.category, text=words.text, fate=words.fate,
                           trouble=words.trouble, signal=what.id if words.fate is None else -1)  # fmt: skip
        said = (parsed.unit or "").strip()
        conversion = conversion_of(
            what, _hint(what, row) if said in blank_units() else said, unreadable_units()
        )
        if conversion is None and row.signal in therapy_signals():
            conversion = Conversion(what.id, unreadable=True)  # given, whatever its dose is counted in
        if conversion is None:
            return replace(base, trouble="unknown_unit", conversion=Conversion(what.id))
        comparator = parsed.text if parsed.text in ("<", "<=", ">", ">=") else None
        conversion = replace(conversion, nudge=_NUDGES.get(comparator or "", 0))
        checks_bolus = row.signal == "iv_fluid_bolus" and not parsed.bolus_as_stands
        return replace(base, conversion=conversion, category=words.category, text=words.text or comparator,
            checks_bolus=checks_bolus,
                       phase=ADMINISTERED if parsed.given and row.signal in INFUSIONS else parsed.phase)  # fmt: skip

    def _words(self, parsed: Parsed, row: Code) -> Concept:
        """Return category and text of a categorical signal; an empty concept for a plain number."""
        if row.signal == "oxygen_device":
            return self._device(row.value, parsed.text)
        if row.signal == "death":
            word = self._death_cause(parsed.text or "")
            return Concept(category=DEATH_WORDS[word], text=word or None)
        if row.signal == "attribution":
            word = (parsed.text or "").strip().casefold()
            return _attribution(word)
        if row.signal == "index_therapy":
            return self._therapy(parsed.text or "")
        if row.signal in therapy_signals():
            cause, product = therapy_signals()[row.signal]
            return Concept(category=self._kinds.number(cause, product), text=therapy_text(cause, product))
        return Concept(text=None if signal(row.signal).numeric else parsed.text or row.value or None)

    def _death_cause(self, text: str) -> str:
        """Return what a death was laid to: our own word, or `crs` where a code of CRS is given; "" leaves it open."""
        if (word := text.strip().casefold()) in DEATH_WORDS:
            return word
        for said in text.split("\t"):
            system, _, code = said.rpartition("|")
            cause = self.find(systems().get(system.casefold(), system), code)
            if cause is not None and cause.signal == "crs":
                return "crs"
        return ""

    def _therapy(self, text: str) -> Concept:
        """Return the therapy that `cause` or `cause/product` names."""
        word, _, product = text.partition("/")
        try:
            cause = read_cause(word).id
        except UserError:
            refused = word.strip().casefold().replace(" ", "_") in refused_words()
            return Concept(trouble="refused_cause" if refused else "unknown_cause")
        name = product.strip().casefold().replace(" ", "_").replace("-", "_") or None
        return Concept(category=self._kinds.number(cause, name), text=therapy_text(cause, name))

    def _device(self, value: str, text: str | None) -> Concept:
        """Return the oxygen device that a code, a coded value or a word names; one that names none is listed as unmapped."""
        if value in OXYGEN_DEVICE:
            return Concept(category=OXYGEN_DEVICE.index(value), text=value)
        if text is None or not text.strip():
            return Concept(trouble="no_value")
        for said in text.split("\t"):
            system, _, word = said.rpartition("|")
            coded = self.find(systems().get(system.casefold(), system), word)
            known = device_words().get(word.strip().casefold())
            named = (
                coded.value
                if coded is not None and coded.signal == "oxygen_device"
                else known.value
                if known is not None
                else ""
            )
            if named in OXYGEN_DEVICE:
                return Concept(category=OXYGEN_DEVICE.index(named), text=named)
        return Concept(fate="unmapped_word")


def _hint(what: Signal, row: Code) -> str:
    """Return the unit to read a value in that came without one.

    A public vocabulary hints at what is usual; a temperature tells its unit better by its size.
    """
    return "" if row.system in _VOCABULARIES and what.missing_unit == "temperature" else row.unit_hint


_GUIDANCE_WORDS = ("severity:", "response:")


def _attribution(word: str) -> Concept:
    """Return the annotation that a word makes; words for the guidance pass, others are quarantined."""
    if word in ATTRIBUTION:
        return Concept(category=ATTRIBUTION.index(word), text=word)
    if word.startswith(_GUIDANCE_WORDS):
        return Concept(text=word)
    return Concept(trouble="unknown_attribution")


def _is_systemic(parsed: Parsed, row: Code) -> bool:
    """Return whether the route of a drug lets it act on the whole body; an unknown route is taken as systemic."""
    if row.signal not in drugs() or not drugs()[row.signal].route:
        return True
    for word in (parsed.route or "").split("\t"):
        known = routes().get(word.split("|")[-1].strip().casefold())
        if known is not None:
            return known.value == "systemic"
    name = f" {parsed.name.casefold()} "
    return not any(word.word in name for word in route_words_of_names())


Parse = Callable[[Key], Parsed]
