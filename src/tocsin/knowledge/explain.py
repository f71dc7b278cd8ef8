"""`explain(id)`: any fact of the knowledge in words, with its source and how sure it is."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType

from tocsin.knowledge import _files
from tocsin.knowledge.audits import Audit, audits
from tocsin.knowledge.causes import Cause, Refused, causes, refusal, refused
from tocsin.knowledge.cibmtr import Question, Revision, questions, revisions
from tocsin.knowledge.drugs import Drug, drugs, fever_mask
from tocsin.knowledge.fhir_export import Extension, fhir_extensions
from tocsin.knowledge.flags import Flag, flags
from tocsin.knowledge.icd10cm import Icd10Code, icd10_codes, notes_of, years_read
from tocsin.knowledge.laboratory import Term as LaboratoryTerm
from tocsin.knowledge.laboratory import terms as laboratory_terms
from tocsin.knowledge.products import Figures, LabelFact, Product, products
from tocsin.knowledge.rules import Rule, rule_tests, rules
from tocsin.knowledge.scales import HypotensionRow, OrganRow, OxygenRow, Scale, grades_of, scale, scales
from tocsin.knowledge.signals import Signal, signals
from tocsin.knowledge.sources import CONFIDENCE, Source, cite, sources
from tocsin.knowledge.timeline import Parameter, parameters
from tocsin.knowledge.vocabulary import HYPOTENSION, OXYGEN, SCALES

TESTS = MappingProxyType(
    {
        "scale": ("tests/unit/knowledge/test_scales.py", "tests/unit/knowledge/test_scale_cells.py"),
        "laboratory": ("tests/spec/laboratory/test_ctcae.py",),
        "timeline": ("tests/unit/knowledge/test_timeline.py",),
        "cause": ("tests/unit/knowledge/test_causes.py",),
        "product": ("tests/unit/knowledge/test_products.py",),
        "drug": ("tests/unit/knowledge/test_drugs.py",),
        "signal": ("tests/unit/knowledge/test_signals.py", "tests/unit/knowledge/test_units.py"),
        "flag": ("tests/unit/knowledge/test_explain.py",),
        "source": ("tests/unit/knowledge/test_sources.py",),
        "rule": ("tests/unit/knowledge/test_rules.py",),
        "label": ("tests/unit/knowledge/test_labels.py", "tests/unit/knowledge/test_label_cells.py"),
        "icd10cm": ("tests/unit/coding/test_code_set.py", "tests/unit/coding/test_claims.py"),
        "audit": ("tests/unit/guidance/test_audit.py",),
        "form": ("tests/unit/exports/test_cibmtr.py",),
        "extension": ("tests/unit/exports/test_fhir.py",),
    }
)
_WEAKEST_FIRST = ("recalled", "interpretation", "verified", "seed", "n/a")


@dataclass(frozen=True, slots=True)
class Explanation:
    """A fact as a person reads it. `strength` is that of a recommendation; a plain fact has none."""

    id: str
    text: str
    source: str
    strength: str | None
    confidence: str
    tests: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Part:
    """What one table says about an id."""

    kind: str
    text: str
    source: tuple[str, ...]
    confidence: str
    strength: str | None = None
    tests: tuple[str, ...] = ()


def explain(id: str) -> Explanation:
    """Everything that the knowledge holds under an id, in one answer.

    Raises `UserError` for an id that nothing has, naming the nearest.

    >>> from tocsin import explain
    >>> explain("astct.hypotension.one").text
    'ASTCT consensus 2019, hypotension one: grade 3. One vasopressor at any dose.'
    """
    name = id.strip()
    if name not in known_ids():
        _files.unknown("id", name, known_ids())
    parts = [part() for part in known_ids()[name]]
    confidence = next(word for word in _WEAKEST_FIRST if word in {part.confidence for part in parts})
    keys = tuple(dict.fromkeys(key for part in parts for key in part.source))
    tests = tuple(dict.fromkeys(test for part in parts for test in (part.tests or TESTS[part.kind])))
    strength = next((part.strength for part in parts if part.strength), None)
    text = "\n".join(part.text for part in parts)
    return Explanation(name, text, cite(keys), strength, CONFIDENCE[confidence], tests)


@cache
def known_ids() -> Mapping[str, tuple[Callable[[], _Part], ...]]:
    """Every id that can be explained, with what explains it."""
    found: dict[str, list[Callable[[], _Part]]] = {}

    def note(id: str, part: Callable[[], _Part]) -> None:
        found.setdefault(id, []).append(part)

    for row in scales():
        note(row.id, lambda row=row: _scale(row))
    for id in SCALES:
        for category in HYPOTENSION:
            note(f"{id}.hypotension.{category}", lambda id=id, word=category: _hypotension(scale(id), word))
        for category in OXYGEN:
            note(f"{id}.oxygen.{category}", lambda id=id, word=category: _oxygen(scale(id), word))
    for row in scales():
        for cell in row.organ:
            note(f"{row.id}.organ.{cell.group}", lambda row=row, cell=cell: _organ(row, cell))
    for row in laboratory_terms():
        note(row.id, lambda row=row: _laboratory(row))
    for row in parameters().values():
        for id in filter(None, (row.key, row.also)):
            note(id, lambda row=row: _parameter(row))
    for row in causes():
        note(row.id, lambda row=row: _cause(row))
    for row in refused():
        note(row.id, lambda row=row: _refused(row))
    for row in products().values():
        note(row.id, lambda row=row: _product(row))
    for row in drugs().values():
        note(row.id, lambda row=row: _drug(row))
    for row in signals():
        note(row.name, lambda row=row: _signal(row))
    for row in flags().values():
        note(row.id, lambda row=row: _flag(row))
    for row in rules().values():
        note(row.id, lambda row=row: _rule(row))
    for row in sources().values():
        note(row.key, lambda row=row: _source(row))
    for row in questions():
        note(f"cibmtr.{row.id}", lambda row=row: _question(row))
    for row in revisions().values():
        note(f"cibmtr.revision.{row.name}", lambda row=row: _revision(row))
    for row in fhir_extensions().values():
        note(f"fhir.{row.id}", lambda row=row: _extension(row))
    for row in icd10_codes().values():
        note(row.id, lambda row=row: _icd10_code(row))
    for row in audits():
        note(f"audit.{row.id}", lambda row=row: _audit(row))
    return MappingProxyType({id: tuple(parts) for id, parts in found.items()})


def _grades(bits: int) -> str:
    return " or ".join(map(str, grades_of(bits)))


def _scale(row: Scale) -> _Part:
    gate = "fever is needed unless waived" if row.fever_gate else "fever is not needed"
    organs = "; it also weighs organ toxicity or care in hospital" if row.organ_toxicity else ""
    recalled = dict.fromkeys(
        f"{axis} {cell.category}"
        for axis, rows in (("hypotension", row.hypotension), ("oxygen", row.oxygen))
        for cell in rows
        if cell.confidence == "recalled"
    )
    doubt = f" Recalled, not re-read: {', '.join(recalled)}." if recalled else ""
    text = f"{row.name}, version {row.version}: {gate}{organs}.{doubt}"
    return _Part("scale", text, row.source, row.confidence)


def _cell(head: str, rows: list[tuple[str, HypotensionRow | OxygenRow]]) -> _Part:
    lines = [
        f"{head}{band}: grade {_grades(row.grades)}. {row.why}"
        + (" This row is recalled, not re-read." if row.confidence == "recalled" else "")
        for band, row in rows
    ]
    weakest = min((row.confidence for _, row in rows), key=_WEAKEST_FIRST.index)
    keys = tuple(dict.fromkeys(key for _, row in rows for key in row.source))
    return _Part("scale", "\n".join(lines), keys, weakest)


def _hypotension(row: Scale, category: str) -> _Part:
    def band(cell: HypotensionRow) -> str:
        run = {None: "", False: ", run under 24 h", True: ", run of 24 h or more"}[cell.run_24h]
        return (f", {cell.dose_band} dose" if cell.dose_band else "") + run

    rows = row.hypotension_rows(category, None)
    return _cell(f"{row.name} {row.version}, hypotension {category}", [(band(cell), cell) for cell in rows])


def _oxygen(row: Scale, category: str) -> _Part:
    bands = {None: "", "below_40": ", FiO2 under 40 %", "at_least_40": ", FiO2 of 40 % or more"}
    rows = row.oxygen_rows(category, None)
    head = f"{row.name} {row.version}, oxygen {category}"
    return _cell(head, [(bands[cell.fio2_band], cell) for cell in rows])


def _organ(row: Scale, cell: OrganRow) -> _Part:
    made = "; ".join(f"CTCAE {grade}: {_grades(bits)}" for grade, bits in enumerate(cell.by_grade))
    text = f"{row.name} {row.version}, {cell.group.replace('_', ' ')}: {made}. {cell.why}"
    return _Part("laboratory", text, cell.source, cell.confidence)


def _laboratory(row: LaboratoryTerm) -> _Part:
    lines = [f"{row.term} ({row.signal}), by CTCAE."]
    for clause in row.clauses:
        of = {
            "limit": "times the limit of normal",
            "baseline": "times the baseline",
            "figure": "as it stands",
        }[clause.against]
        figures = ", ".join(f"grade {grade} past {figure:g}" for grade, figure in clause.figures)
        when = "" if clause.when == "always" else f", {clause.when.replace('_', ' ')}"
        lines.append(f"Version {', '.join(map(str, clause.versions))}{when}: {figures} {of}.")
    return _Part("laboratory", "\n".join(lines), row.source, row.confidence)


def _parameter(row: Parameter) -> _Part:
    text = f"{row.key} = {row.value:g} {row.unit}. {row.meaning}"
    return _Part("timeline", text, row.source, row.confidence)


def _cause(row: Cause) -> _Part:
    also = f" Read also: {', '.join(row.aliases)}." if row.aliases else ""
    text = f"{row.name}: a window of {row.window_d:g} d, graded of record by {row.scale}. {row.why}{also}"
    return _Part("cause", text, row.source, row.confidence)


def _refused(row: Refused) -> _Part:
    return _Part("cause", f"Refused: {refusal(row, row.id)}.", row.source, row.confidence)


def _product(row: Product) -> _Part:
    brand = f" ({row.brand})" if row.brand else ""
    lines = [f"Product {row.name}{brand}: a {row.product_class}, read as the cause {row.cause}."]
    lines += [_figures("CRS", figures) for figures in row.crs_incidence]
    lines += [_figures("Onset", figures) for figures in row.onset]
    lines += [_figures("Duration", figures) for figures in row.duration]
    lines += [_label_fact(head, fact) for head, fact in row.label_facts.items()]
    groups = (*row.crs_incidence, *row.onset, *row.duration, *row.label_facts.values())
    keys = tuple(dict.fromkeys((*row.source, *(key for group in groups for key in group.source))))
    return _Part("product", "\n".join(lines), keys, row.confidence)


def _figures(head: str, row: Figures) -> str:
    figures = ", ".join(value if key == "words" else f"{key} {value}" for key, value in row.figures.items())
    where = f" in {row.population}" if row.population else ""
    recalled = f", of which {', '.join(row.recalled)} recalled" if row.recalled else ""
    return f"{head}{where}: {figures or 'no figure'} [{CONFIDENCE[row.confidence]}{recalled}]."


def _label_fact(head: str, row: LabelFact) -> str:
    where = f", read in {row.jurisdiction}" if row.jurisdiction else ""
    recalled = f", of which {', '.join(row.recalled)} recalled" if row.recalled else ""
    note = f" {row.note}" if row.note else ""
    return f"{head[0].upper()}{head[1:]}: {row.text.rstrip('.')} [{CONFIDENCE[row.confidence]}{recalled}{where}].{note}"


def _drug(row: Drug) -> _Part:
    facts = [f"Drug, {row.role}" + (f" against {row.target}" if row.role == "anticytokine" else "")]
    if row.id in fever_mask():
        facts.append("waives fever from its first dose at or after onset")
    if row.role in ("vasopressor", "inotrope"):
        facts.append("counts as a vasopressor" if row.counts else "is never counted as a vasopressor")
    if row.route:
        facts.append(f"by {row.route} route only" if row.route == "systemic" else "as an infusion only")
    return _Part("drug", "; ".join(facts) + ".", row.source, row.confidence)


def _signal(row: Signal) -> _Part:
    bounds = "" if row.hard_min is None and row.hard_max is None else f", {_bounds(row)}"
    unit = f" in {row.unit}{bounds}" if row.unit else ""
    return _Part("signal", f"Signal, {row.kind}{unit}. {row.notes}".rstrip(), row.source, row.confidence)


def _bounds(row: Signal) -> str:
    low = "" if row.hard_min is None else f"from {row.hard_min:g} "
    return f"accepted {low}" + ("up" if row.hard_max is None else f"to {row.hard_max:g}")


def _flag(row: Flag) -> _Part:
    return _Part("flag", f"Flag: {row.meaning} {row.do}", row.source, row.confidence)


def _source(row: Source) -> _Part:
    url = f" {row.url}" if row.url else ""
    return _Part("source", f"Source, {row.kind}: {row.what}.{url}", (row.key,), "n/a")


def _question(row: Question) -> _Part:
    numbers = ", ".join(f"{number} in revision {name}" for name, number in row.number.items())
    text = f"CIBMTR form 4100, {row.section}, in our words: {row.text} Answers: {row.answers}. "
    return _Part(
        "form",
        text + (f"Question {numbers}." if numbers else "No number is known."),
        row.source,
        row.confidence,
    )


def _revision(row: Revision) -> _Part:
    return _Part("form", f"CIBMTR form 4100, revision {row.name}. {row.what}", row.source, row.confidence)


def _extension(row: Extension) -> _Part:
    return _Part("extension", f"FHIR extension {row.url}. {row.meaning}", row.source, row.confidence)


def _icd10_code(row: Icd10Code) -> _Part:
    year = max(years_read())
    claim = "" if row.billable else " A header: a claim needs one of the codes under it."
    recalled = " (that year is recalled, not read)" if "first_year" in row.recalled else ""
    lines = [f"ICD-10-CM {row.id}, {row.title}. From fiscal year {row.first_year}{recalled}.{claim}"]
    lines += [f"{note.kind}: {note.text}" for note in notes_of(row.id, year)]
    return _Part("icd10cm", "\n".join(lines), row.source, row.confidence)


def _audit(row: Audit) -> _Part:
    lines = [
        f"Audit by {', '.join(row.rules)}. {row.title}.",
        f"Eligible: {row.eligible}",
        f"Met: {row.met}",
        f"Not assessable: {row.not_assessable}",
    ]
    return _Part("audit", "\n".join(lines), row.rule.source, row.rule.confidence)


def _rule(row: Rule) -> _Part:
    lines = [row.text, *(f"{act.text} {_act(act)}" for act in row.cases), *([_act(row)] if row.when else [])]
    if row.lives:
        lines.append(f"Kept by {', '.join(row.lives)}.")
    if row.no_logic:
        lines.append(f"No logic: {row.no_logic}")
    if row.conflicts:
        lines.append(f"To be read beside {', '.join(row.conflicts)}.")
    if row.jurisdiction:
        lines.append(f"Read in {row.jurisdiction}: the US label may say it otherwise.")
    if row.recalled:
        lines.append(f"Recalled in it: {', '.join(row.recalled)}.")
    if row.confidence == "recalled":
        lines.append("Recalled: confirm against the current label.")
    kind = "label" if row.pack == "label" else "rule"
    return _Part(
        kind, "\n".join(lines), row.source, row.confidence, row.strength, rule_tests().get(row.id, ())
    )


def _act(row: Rule) -> str:
    """What kind of advice it is, how urgent, and the precondition as it is written."""
    return f"Advice, {row.kind.replace('_', ' ')}, {row.urgency}: {row.when.text if row.when else ''}."
