"""Neurotoxicity at one moment: ICANS by ASTCT and by CTCAE v6.0, and CRES, as sets of grades.

The grade is the worst of the domains that were looked at. The score (ICE, or CAPD for a young child) is what
the scales are built on: not done, it is never a 10 but leaves its whole domain open. Consciousness, seizures,
weakness and oedema that nobody looked for do not widen the set, or nothing would ever be decided: the answer
names them instead. Consciousness that was not charted leaves open what a score means only together with it.
"""

from dataclasses import dataclass, fields, replace
from types import MappingProxyType
from typing import Any, Final

from tocsin.errors import UserError
from tocsin.grading import sets
from tocsin.grading.fields import icans_readers, read_field
from tocsin.grading.snapshot import WEAKEST_FIRST, Graded
from tocsin.grading.words import head, not_recorded, recalled_note
from tocsin.knowledge.icans import IcansRow, IcansScale, icans_number, icans_scales, score_bounds, words_of

SCORES: Final = ("ice", "capd", "cartox10")
DOMAINS: Final = ("consciousness", "seizure", "motor_weakness", "oedema")
LABEL: Final = MappingProxyType({"icans": "ICANS", "icans_ctcae6": "ICANS, CTCAE v6.0", "cres": "CRES"})
NAME: Final = MappingProxyType(
    {
        "age_years": "age",
        "ice": "ICE",
        "capd": "CAPD",
        "cartox10": "CARTOX-10",
        "consciousness": "consciousness",
        "seizure": "seizure",
        "motor_weakness": "deep weakness",
        "oedema": "oedema",
        "death_due_to_icans": "cause of death",
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class IcansSnapshot:
    """One moment's neurology; None is not assessed. A death is an event: not said, none happened."""

    age_years: float | None = None
    ice: int | None = None
    capd: int | None = None
    cartox10: int | None = None
    consciousness: str | None = None
    seizure: str | None = None
    motor_weakness: bool | None = None
    oedema: str | None = None
    death_due_to_icans: bool | None = False

    def __post_init__(self) -> None:
        for field in fields(self):
            value = read_field(field.name, getattr(self, field.name), icans_readers())
            object.__setattr__(self, field.name, value)


def grade_icans(s: IcansSnapshot) -> dict[str, Graded]:
    """The answer of every scale whose findings are there: CRES goes by the CARTOX-10, the others do not."""
    findings = ("ice", "capd", *DOMAINS)
    others = s.death_due_to_icans is not False or any(getattr(s, field) is not None for field in findings)
    asked = {"cres": s.cartox10 is not None}
    return {scale.id: _graded(scale, s) for scale in icans_scales() if asked.get(scale.id, others)}


def icans_set(scale: IcansScale, s: IcansSnapshot) -> int:
    """The grades of one scale, as bits."""
    alive = sets.union(_of_score(scale, s, score) for score in scores_in_force(scale, s))
    if s.death_due_to_icans is None:
        return alive | sets.DEATH
    return sets.DEATH if s.death_due_to_icans else alive


def scores_in_force(scale: IcansScale, s: IcansSnapshot) -> tuple[str, ...]:
    """The scores that may decide: by age; at an unknown age the one that was done, or both."""
    if len(scale.scores) == 1:
        return scale.scores
    if s.age_years is not None:
        return ("ice",) if s.age_years >= icans_number("ice_from_years") else ("capd",)
    done = tuple(score for score in scale.scores if getattr(s, score) is not None)
    return done or scale.scores


def icans_assessment(
    *,
    age_years: float | None = None,
    ice_score: float | None = None,
    capd_score: float | None = None,
    consciousness: str | None = None,
    seizure: str | None = None,
) -> int:
    """The ICANS grades (ASTCT, bits) of what was charted at one instant; 0 if nothing of it can be read.

    Each assessment stands alone. A word or a number that means nothing here is as if it were not charted.
    """
    charted: dict[str, Any] = {
        "ice": ice_score,
        "capd": capd_score,
        "consciousness": consciousness,
        "seizure": seizure,
    }
    readable = {field: value for field, value in charted.items() if _readable(field, value)}
    if not readable:
        return 0
    return icans_set(icans_scales()[0], IcansSnapshot(age_years=age_years, **readable))


def _readable(field: str, value: Any) -> bool:
    try:
        return read_field(field, value, icans_readers()) is not None
    except UserError:
        return False


def _of_score(scale: IcansScale, s: IcansSnapshot, score: str) -> int:
    """The worst of the domains where this score decides."""
    worst = sets.union(row.grades for row in _score_rows(scale, s, score))
    for domain in DOMAINS:
        if rows := _domain_rows(scale, s, domain):
            worst = sets.worse_of(worst, rows[0].grades)
    return worst


def _score_rows(scale: IcansScale, s: IcansSnapshot, score: str) -> tuple[IcansRow, ...]:
    """The rows that a score may mean: all of them where it was not done."""
    value = getattr(s, score)
    return tuple(
        row
        for row in scale.of(score)
        if (value is None or (row.low is not None and row.high is not None and row.low <= value <= row.high))
        and (s.consciousness is None or not row.consciousness or s.consciousness in row.consciousness)
    )


def _domain_rows(scale: IcansScale, s: IcansSnapshot, domain: str) -> tuple[IcansRow, ...]:
    """The row of a domain, or nothing where it was not assessed."""
    value = getattr(s, domain)
    word = {True: "yes", False: "no"}.get(value, value) if value is not None else None
    return tuple(row for row in scale.of(domain) if row.value == word)


def _graded(scale: IcansScale, s: IcansSnapshot) -> Graded:
    bits = icans_set(scale, s)
    open_fields = _settled_by(scale, s, bits)
    rows = () if s.death_due_to_icans else _rows_that_count(scale, s, bits)
    confidences = {row.confidence for row in rows} or {scale.confidence}
    confidence = next(word for word in WEAKEST_FIRST if word in confidences)
    unseen = [domain for domain in DOMAINS if getattr(s, domain) is None and domain not in open_fields]
    not_assessed = (f"not assessed: {', '.join(unseen)}",) if unseen and not s.death_due_to_icans else ()
    return Graded(
        sets.decided(bits),
        sets.members(bits),
        _why(scale, s, bits, open_fields, rows),
        (*open_fields, *not_assessed),
        confidence,
        confidence == "recalled",
        tuple(dict.fromkeys(key for row in rows for key in row.source)) or scale.source,
    )


def _settled_by(scale: IcansScale, s: IcansSnapshot, bits: int) -> tuple[str, ...]:
    """The missing items of which some value would narrow the set."""
    found: list[str] = []
    for field, values in _possible_values(scale, s).items():
        if getattr(s, field) is None:
            filled = [icans_set(scale, replace(s, **{field: value})) for value in values]
            if any(each != bits and each & ~bits == 0 for each in filled):
                found.append(field)
    return tuple(found)


def _possible_values(scale: IcansScale, s: IcansSnapshot) -> dict[str, tuple[float | str | bool, ...]]:
    """Values that stand for all that the items in play may have; a domain nobody looked at is named apart."""
    scores, years = scores_in_force(scale, s), icans_number("ice_from_years")
    values: dict[str, tuple[float | str | bool, ...]] = {}
    if len(scores) > 1:
        values["age_years"] = (years - 1, years)
    for score in scores:
        low, high = score_bounds(score)
        values[score] = tuple(range(int(low), int(high) + 1))
    if any(row.consciousness for score in scores for row in _score_rows(scale, s, score)):
        values["consciousness"] = tuple(dict.fromkeys(words_of("consciousness").values()))
    return {**values, "death_due_to_icans": (False, True)}


def _rows_that_count(scale: IcansScale, s: IcansSnapshot, bits: int) -> tuple[IcansRow, ...]:
    """The rows of the domains that may reach the largest grade of the set."""
    alive = bits & ~sets.DEATH
    scored = [_score_rows(scale, s, score) for score in scores_in_force(scale, s)]
    domains = [*scored, *(_domain_rows(scale, s, domain) for domain in DOMAINS)]
    top = max(sets.largest(sets.union(row.grades for row in rows)) for rows in domains)
    return tuple(
        row
        for rows in domains
        if rows and (sets.largest(sets.union(row.grades for row in rows)) == top or alive.bit_count() > 1)
        for row in rows
        if row.grades & alive
    )


def _why(
    scale: IcansScale, s: IcansSnapshot, bits: int, open_fields: tuple[str, ...], rows: tuple[IcansRow, ...]
) -> str:
    if s.death_due_to_icans:
        return f"{head(bits, LABEL[scale.id])}: death due to ICANS."
    domains = dict.fromkeys(row.domain for row in rows if getattr(s, row.domain) is not None)
    said = ", ".join(_finding(s, domain) for domain in domains)
    text = ", ".join(filter(None, (said, not_recorded(open_fields, NAME))))
    undecided = sets.decided(bits) is None and not open_fields
    texts = [row.why for row in rows if undecided and sets.decided(row.grades) is None]
    tail = [*dict.fromkeys(texts), _wrong_score(scale, s), recalled_note(row.confidence for row in rows)]
    return " ".join(filter(None, (f"{head(bits, LABEL[scale.id])}: {text}.", *tail)))


def _finding(s: IcansSnapshot, domain: str) -> str:
    """One finding in words."""
    value = getattr(s, domain)
    if domain in SCORES:
        return f"{NAME[domain]} {value}"
    if domain == "consciousness":
        return _CONSCIOUSNESS[value]
    absent = value in (False, "none")
    if value == "unspecified":
        return f"{NAME[domain]} of unknown length"
    kind = "" if value is True else f"{value} "
    return f"no {NAME[domain]}" if absent else f"{kind}{NAME[domain]}"


def _wrong_score(scale: IcansScale, s: IcansSnapshot) -> str:
    """A remark where a score was done that is not for this age."""
    in_force = scores_in_force(scale, s)
    unused = [score for score in scale.scores if score not in in_force and getattr(s, score) is not None]
    if not unused or s.age_years is None:
        return ""
    return f"{NAME[unused[0]]} is not used at {s.age_years:g} years."


_CONSCIOUSNESS: Final = MappingProxyType(
    {
        "awake": "awake",
        "spontaneous": "awakens spontaneously",
        "voice": "awakens to voice",
        "touch": "awakens only to touch",
        "pain": "responds to pain",
        "unarousable": "cannot be roused",
    }
)
