"""What a note may lack: one small check for each gap of `knowledge/icd10cm.toml`."""

from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType
from typing import Any, Final

from tocsin.coding.claim import Gap
from tocsin.coding.sequencing import claim_codes, highest
from tocsin.coding.stay import Stay, decided, either
from tocsin.engines.queries import question_of
from tocsin.grading import sets
from tocsin.grading.words import label
from tocsin.knowledge.audits import signal_groups
from tocsin.knowledge.causes import cause_words
from tocsin.knowledge.drugs import drugs, glucocorticoids
from tocsin.knowledge.icans import words_of
from tocsin.knowledge.icd10cm import (
    fiscal_year,
    gap_texts,
    icd10_codes,
    leaf,
    sequence_of,
    starts_on,
    years_read,
)
from tocsin.knowledge.products import products
from tocsin.knowledge.reading import therapy_signals
from tocsin.knowledge.rules import rule
from tocsin.knowledge.scales import scale

Words = Mapping[str, str]
Check = Callable[[Stay, int], Iterator[Words]]
# These checks look for events, and say nothing where a run kept none.
_NEED_EVENTS: Final = frozenset(
    {"therapy_dose", "icans_missing", "seizure", "drug_dose", "infection_workup", "laboratory"}
)


def find_gaps(stay: Stay, year: int) -> list[Gap]:
    """Return what the note may lack, in the order of the knowledge."""
    kept = stay.records.run["parameters"]["events"] != "none"
    found: list[Gap] = []
    for id, text in gap_texts().items():
        if (id in _NEED_EVENTS and not kept) or (text.causes and stay.first["cause"] not in text.causes):
            continue
        found += [_gap(id, words) for words in CHECKS[id](stay, year)]
    return found


def _gap(id: str, words: Words) -> Gap:
    text = gap_texts()[id]
    wanted = rule(text.rule)
    return Gap(
        id=id,
        what=text.what.format(**words),
        why=" ".join(text.why.format(**words).split()),
        kind=text.kind,
        rule=text.rule,
        strength=wanted.strength,
        source=wanted.source,
        confidence=wanted.confidence,
    )


def _crs_code_absent(stay: Stay, year: int) -> Iterator[Words]:
    yield from _absent("D89.839", year)


def _icans_code_absent(stay: Stay, year: int) -> Iterator[Words]:
    if (stay.icans and stay.icans[-1] > 0) or stay.documented("icans"):
        yield from _absent("G92.00", year)


def _absent(code: str, year: int) -> Iterator[Words]:
    first = icd10_codes()[code].first_year
    if year < first:
        since = starts_on(first)
        yield {"year": str(year), "since": f"{since.day} {since:%B %Y}"}


def _year_not_read(stay: Stay, year: int) -> Iterator[Words]:
    last = max(years_read())
    if year > last:
        yield {"year": str(year), "last": str(last)}


def _year_boundary(stay: Stay, year: int) -> Iterator[Words]:
    later = fiscal_year(stay.last_day)
    if later <= year:
        return
    then = [code.code for code in claim_codes(stay, later)]
    same = then == [code.code for code in claim_codes(stay, year)]
    yield {
        "year": str(year),
        "later": str(later),
        "differ": "" if same else f"; by the list of {later} the claim is {', '.join(then)}",
    }


def _grade_undocumented(stay: Stay, year: int) -> Iterator[Words]:
    if stay.documented("crs") or decided(stay.peak) is None:
        return
    computed, unspecified = leaf("crs", stay.peak[0], year), leaf("crs", None, year)
    if computed is not None and unspecified is not None:
        yield {
            "leaf": computed.id,
            "grade": str(stay.peak[0]),
            "scale": label(scale(stay.scale)),
            "unspecified": unspecified.id,
        }


def _grade_undecided(stay: Stay, year: int) -> Iterator[Words]:
    unspecified = leaf("crs", None, year)
    settled = decided(stay.peak) is not None or decided(stay.living_peak) is not None
    if stay.documented("crs") or settled or unspecified is None:
        return
    yield {
        "grades": either(stay.living_peak),
        "scale": label(scale(stay.scale)),
        "ask": " ".join(_questions(stay)),
        "unspecified": unspecified.id,
    }


def _questions(stay: Stay) -> list[str]:
    """Return what would settle the peak: asked of the rows that reach its highest grade without reaching it for certain."""
    low, high = stay.living_peak[0], stay.living_peak[-1]
    column = f"{stay.scale}_set"
    open_rows = [
        row
        for row in stay.rows
        if row["driver"] != "death"
        and sets.members(row[column])[-1] == high
        and sets.members(row[column])[0] <= low
    ]
    return list(dict.fromkeys(question_of(row, stay.scale) for row in open_rows))


def _grade_differs(stay: Stay, year: int) -> Iterator[Words]:
    code = highest(stay, "crs")
    if code is None or code.grade in range(stay.peak[0], stay.peak[-1] + 1):
        return
    when = next(day for found, day in stay.documented("crs") if found is code)
    yield {
        "documented": f"{code.id}, grade {code.grade}",
        "when": f"{when.day} {when:%B %Y}" if when else "no day said",
        "grades": either(stay.peak),
        "scale": label(scale(stay.scale)),
    }


def _grade_documented_twice(stay: Stay, year: int) -> Iterator[Words]:
    codes = sorted(code.id for code, _ in stay.documented("crs"))
    if len(codes) > 1:
        yield {"documented": " and ".join(codes)}


def _death_cause(stay: Stay, year: int) -> Iterator[Words]:
    fatal = leaf("crs", 5, year)
    if not stay.death_unexplained or fatal is None:
        return
    living = leaf("crs", stay.living_peak[0] if len(stay.living_peak) == 1 else None, year)
    yield {"fatal": fatal.id, "other": living.id if living else ""}


def _therapy_link(stay: Stay, year: int) -> Iterator[Words]:
    yield {"therapy": _therapy(stay)}


def _therapy(stay: Stay) -> str:
    product = stay.first["product"]
    known = products().get(product or "")
    if known is not None:
        return f"{known.name} ({known.brand})" if known.brand else known.name
    return product.replace("_", " ") if product else cause_words()[stay.first["cause"]].name


def _product_unnamed(stay: Stay, year: int) -> Iterator[Words]:
    product, cause = stay.first["product"], stay.first["cause"]
    if product is None and cause != "haplo_hct":  # a transplant has no product
        yield {"cause": cause_words()[cause].name, "unknown": ""}
    elif product is not None and product not in products():
        yield {"cause": cause_words()[cause].name, "unknown": f" that is known here ({product})"}


def _therapy_dose(stay: Stay, year: int) -> Iterator[Words]:
    given = [
        event for event in stay.events if _is_therapy(event) and event["time"] == stay.first["therapy_time"]
    ]
    if (
        given
        and stay.first["cause"] != "haplo_hct"
        and all(event["numeric_value"] is None for event in given)
    ):
        yield {}


def _is_therapy(event: Mapping[str, Any]) -> bool:
    return event["signal"] == "index_therapy" or event["signal"] in therapy_signals()


def _cause_code(stay: Stay, year: int) -> Iterator[Words]:
    ask = sequence_of(stay.first["cause"], stay.first["product"]).ask
    if ask:
        yield {"ask": ask}


def _icans_missing(stay: Stay, year: int) -> Iterator[Words]:
    if not stay.documented("icans") and not any(
        event["signal"] in signal_groups()["icans_score"] for event in stay.events
    ):
        yield {}


def _icans_undocumented(stay: Stay, year: int) -> Iterator[Words]:
    if len(stay.icans) != 1 or stay.icans[0] == 0 or stay.documented("icans"):
        return
    computed, unspecified = leaf("icans", stay.icans[0], year), leaf("icans", None, year)
    if computed is not None and unspecified is not None:
        yield {"leaf": computed.id, "grade": f"grade {stay.icans[0]}", "unspecified": unspecified.id}


def _icans_undecided(stay: Stay, year: int) -> Iterator[Words]:
    if len(stay.icans) > 1 and not stay.documented("icans"):
        yield {"grades": either(stay.icans)}


def _seizure(stay: Stay, year: int) -> Iterator[Words]:
    words = words_of("seizure")
    said = [event["text_value"] or "" for event in stay.events if event["signal"] == "seizure"]
    happened = any(words.get(word.casefold(), word) != "none" for word in said)
    if happened and any(line.code.startswith("G92.0") for line in claim_codes(stay, year)):
        yield {}


def _drug_dose(stay: Stay, year: int) -> Iterator[Words]:
    against = [row.id for row in drugs().values() if row.role == "anticytokine"]
    for name in (*against, *glucocorticoids()):
        given = [
            event for event in stay.events if event["signal"] == name and event["time"] >= stay.first["onset"]
        ]
        lacking = sum(event["numeric_value"] is None for event in given)
        if lacking:
            yield {"drug": name, "count": str(lacking), "of": f"{len(given)} records"}


def _infection_workup(stay: Stay, year: int) -> Iterator[Words]:
    if not any(event["signal"] == "blood_culture" for event in stay.events):
        yield {}


def _laboratory(stay: Stay, year: int) -> Iterator[Words]:
    if not any(
        event["signal"] in signal_groups()["laboratory"] and event["time"] >= stay.first["onset"]
        for event in stay.events
    ):
        yield {}


def _outcome_open(stay: Stay, year: int) -> Iterator[Words]:
    if any("ongoing_at_last_record" in episode["flags"] for episode in stay.episodes):
        yield {}


def _events_not_kept(stay: Stay, year: int) -> Iterator[Words]:
    if stay.records.run["parameters"]["events"] == "none":
        yield {}


def _another_stay(stay: Stay, year: int) -> Iterator[Words]:
    earlier = [
        row["therapy_time"]
        for row in stay.records.episodes
        if row["therapy_time"] < stay.first["therapy_time"]
    ]
    if earlier:
        yield {"other": f"{max(earlier).day} {max(earlier):%B %Y}"}


CHECKS: Final[Mapping[str, Check]] = MappingProxyType(
    {
        check.__name__.removeprefix("_"): check
        for check in (
            _crs_code_absent,
            _year_not_read,
            _year_boundary,
            _grade_undocumented,
            _grade_undecided,
            _grade_differs,
            _grade_documented_twice,
            _death_cause,
            _therapy_link,
            _product_unnamed,
            _therapy_dose,
            _cause_code,
            _icans_missing,
            _icans_undocumented,
            _icans_undecided,
            _icans_code_absent,
            _seizure,
            _drug_dose,
            _infection_workup,
            _laboratory,
            _outcome_open,
            _events_not_kept,
            _another_stay,
        )
    }
)
