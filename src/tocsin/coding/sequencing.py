"""The codes of a stay in claim order: the cause, cytokine release syndrome, ICANS, the adverse effect of the drug."""

from dataclasses import dataclass, replace
from typing import Final

from tocsin.coding.claim import Basis, ClaimCode
from tocsin.coding.stay import Stay, decided, either
from tocsin.grading.words import label
from tocsin.knowledge.icd10cm import Icd10Code, Of, first_valid, leaf, notes_of, sequence_of
from tocsin.knowledge.rules import rule
from tocsin.knowledge.scales import scale

DIED: Final = 5  # the grade that only a death laid to CRS has
_WEAKEST_FIRST: Final = ("recalled", "interpretation", "seed", "verified")


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a code is on the claim."""

    why: str
    basis: Basis
    rule: str
    source: tuple[str, ...] = ()
    confidence: str = "verified"
    instead: str | None = None


def claim_codes(stay: Stay, year: int) -> list[ClaimCode]:
    """Return the codes of a stay in claim order, by the list of a year."""
    order = sequence_of(stay.first["cause"], stay.first["product"])
    found: list[ClaimCode | None] = [
        _line(
            first_valid(order.first, year),
            Reason(order.why, "therapy", order.rule, order.source, order.confidence),
            year,
        ),
        _crs(stay, year),
        _icans(stay, year),
        _line(
            first_valid(order.drug, year),
            Reason(order.drug_why, "therapy", order.rule, order.source, order.drug_confidence),
            year,
        ),
    ]
    return [code for code in found if code is not None]


def _crs(stay: Stay, year: int) -> ClaimCode | None:
    """Return the leaf of the documented grade, else that of the peak of record, else the one without a grade."""
    name, grade = label(scale(stay.scale)), decided(stay.peak)
    if grade is None:
        why = f"The peak by {name} is open, {either(stay.peak)}."
        return _graded(stay, "crs", year, None, Reason(why, "computed", "CON-010"))
    when = "Death laid to CRS" if grade == DIED else f"Peak grade {grade} by {name}"
    why = f"{when}, computed from the record: to be documented by the clinician."
    return _graded(stay, "crs", year, grade, Reason(why, "computed", "COD-002"))


def _icans(stay: Stay, year: int) -> ClaimCode | None:
    """Return the ICANS leaf where ICANS is documented or its charted scores rule out grade 0."""
    grade = decided(stay.icans)
    if not stay.documented("icans") and min(stay.icans, default=0) == 0:
        return None
    if grade is None:
        why = f"The charted scores leave the grade open, {either(stay.icans)}."
        return _graded(stay, "icans", year, None, Reason(why, "computed", "NEU-001"))
    why = f"Largest charted assessment: grade {grade} (ASTCT ICANS), computed from the record."
    return _graded(stay, "icans", year, grade, Reason(why, "computed", "NEU-001"))


def _graded(stay: Stay, of: Of, year: int, grade: int | None, computed: Reason) -> ClaimCode | None:
    """Return the leaf of the documented grade, else that of a computed one with what to use until it is documented."""
    documented = highest(stay, of)
    if documented is not None:
        said = Reason("The grade that the record documents.", "documented", computed.rule)
        return _line(documented if documented.first_year <= year else None, said, year)
    unspecified = leaf(of, None, year)
    if grade is None or unspecified is None:
        return _line(unspecified, computed, year)
    return _line(leaf(of, grade, year), replace(computed, instead=unspecified.id), year)


def highest(stay: Stay, of: Of) -> Icd10Code | None:
    """Return the documented leaf of the highest grade."""
    return max((code for code, _ in stay.documented(of)), key=lambda code: code.grade or 0, default=None)


def _line(code: Icd10Code | None, reason: Reason, year: int) -> ClaimCode | None:
    """Return a line of the claim; None where the year has no such code."""
    if code is None:
        return None
    return ClaimCode(
        code=code.id,
        title=code.title,
        why=reason.why,
        basis=reason.basis,
        instead=reason.instead,
        first_fiscal_year=code.first_year,
        rule=reason.rule,
        source=tuple(dict.fromkeys((*code.source, *reason.source))),
        strength=rule(reason.rule).strength,
        confidence=min(code.confidence, reason.confidence, key=_WEAKEST_FIRST.index),
        recalled=code.recalled,
        notes=tuple(f"{note.kind}: {note.text}" for note in notes_of(code.id, year)),
    )
