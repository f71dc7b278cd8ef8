"""What a row of SDTM is: its own code first, then the names by which treatments are known."""

from functools import cache
from typing import Final

from tocsin.events.concepts import INFUSIONS, Key, Parsed, Resolver
from tocsin.knowledge.codes import codes, device_words
from tocsin.knowledge.reading import therapy_signals
from tocsin.knowledge.sdtm import flow_units, infusion_routes, oxygen_names, treatment_names
from tocsin.sources.sdtm.classes import DM_ROW, FLOW

SYSTEM: Final = "SDTM"
_TREATMENTS: Final = ("EX", "CM", "PR")
_NO_DOSE: Final = "dose"  # a unit that tells no amount: of a therapy it matters that it was given
Candidates = tuple[tuple[str, str], ...]


def parse(key: Key, resolver: Resolver) -> Parsed:
    """Return what a row's key says. Its code is `DOMAIN.VARIABLE=value`, several joined by TAB, `LOINC|code` before them."""
    if key.code == DM_ROW:
        return Parsed((), name=key.code, fate="subject")
    parts = key.code.split("\t")
    name = parts[-1].partition("=")[2] or key.code
    if key.code.startswith("FA."):
        return _finding_about(key)
    if key.code.partition(".")[0] in _TREATMENTS:
        return _treatment(key, parts, name, resolver)
    candidates = tuple(candidate for part in parts for candidate in _coded(part))
    return Parsed(candidates, unit=key.unit, text=key.text, name=name)


def _coded(part: str) -> Candidates:
    """Return a part of a code as its systems know it."""
    system, bar, code = part.partition("|")
    if bar and system == "LOINC":
        return ((system, code),)
    found = [_as_listed(part)]
    if part.startswith("AE.AETERM="):  # CTCAE names terms of this level or the one above
        found.append(_as_listed(part.replace("AE.AETERM=", "AE.AETERM/AELLT=", 1)))
    if part.startswith("CE.CE"):
        found.append(_as_listed(part.replace("CE.CE", "AE.AE", 1)))
    return tuple((SYSTEM, code) for code in found)


@cache
def _listed() -> dict[str, str]:
    """The codes of our list by their spelling without regard to case."""
    return {row.code.casefold(): row.code for row in codes() if row.system == SYSTEM}


def _as_listed(code: str) -> str:
    """Return a code as our list spells it; terms are written in capitals here and there."""
    return _listed().get(code.casefold(), code)


def _finding_about(key: Key) -> Parsed:
    """A finding about an object: the site's own code, or that a device was in use (OCCUR is Y)."""
    test, _, rest = key.code.partition(";")
    thing = rest.partition("=")[2]
    said = (key.text or "").upper()
    if test.endswith("=OCCUR") and said in ("N", "U"):
        return Parsed((), name=key.code, fate="not_happened")
    occurs = test.endswith("=OCCUR") and said == "Y"
    device: Candidates = (("tocsin", "oxygen_device"),) if occurs and _is_device(thing) else ()
    candidates = ((SYSTEM, key.code), (SYSTEM, test), *device)
    return Parsed(candidates, unit=key.unit, text=thing if occurs else key.text, name=key.code)


def _treatment(key: Key, parts: list[str], name: str, resolver: Resolver) -> Parsed:
    """A treatment by its own codes, as a device or oxygen, or by the names of drugs and products."""
    if key.code.endswith(FLOW) and "=" not in key.code:
        return Parsed((("tocsin", "inhaled_o2_flow"),), unit=key.unit, name=key.code)
    names = [part.partition("=")[2] for part in parts]
    candidates = tuple((SYSTEM, _as_listed(part)) for part in parts)
    for called in names:
        candidates += _by_name(called, key.unit)
    found = next((row.signal for row in (resolver.find(*candidate) for candidate in candidates) if row), "")
    device = next((called for called in names if _is_device(called)), None)
    by_bolus = found in INFUSIONS and (key.route or "").upper() not in infusion_routes()
    fate = "not_an_infusion" if by_bolus else None
    return Parsed(candidates, unit=_unit(found, key.unit), route=key.route, text=device, name=name, fate=fate)


def _by_name(name: str, unit: str | None) -> Candidates:
    """Return what a treatment may be by its name."""
    if _is_device(name):
        return (("tocsin", "oxygen_device"),)
    if name.casefold() in oxygen_names():
        is_flow = (unit or "").casefold() in {known.casefold() for known in flow_units()}
        return (("tocsin", "inhaled_o2_flow"),) if is_flow else ()
    folded = name.casefold()
    known = next((of for start, of in treatment_names() if _begins(folded, start)), None)
    listed = ((SYSTEM, _as_listed(f"CM.CMDECOD={name}")),)
    return (*listed, ("tocsin", known)) if known else listed


def _begins(name: str, start: str) -> bool:
    """Return whether a name begins with another as a word of its own."""
    return name.startswith(start) and not name[len(start) : len(start) + 1].isalnum()


def _is_device(name: str) -> bool:
    """Return whether a treatment is an oxygen device."""
    word = device_words().get(name.strip().casefold())
    return word is not None and bool(word.value)


def _unit(found: str, unit: str | None) -> str | None:
    """Return the unit to read by: a therapy's number without a unit is no dose that we know."""
    return unit or (_NO_DOSE if found in therapy_signals() else None)
