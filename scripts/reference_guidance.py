"""The guidance reference: what each of its rules says, where it acts and what proves it; and the rule book of case tables."""

import tomllib
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

from tocsin.knowledge.conditions import facts
from tocsin.knowledge.rules import FOLDER, Rule, packs, rule, rule_tests
from tocsin.knowledge.sources import CONFIDENCE

TABLES = Path(__file__).resolve().parent.parent / "tests" / "spec" / "guidance"
TRACE = """# Guidance: every rule

The consensus pack: {count} rules, each with where it acts and which tests prove it, or why it carries no logic.
`tocsin explain ID` prints any of them; the [rule book](rule-book.md) shows for which facts each speaks up.
No rule has been reviewed by a clinician yet.

A rule that is *advice* is judged for a patient; the other roles name the file that keeps it. Strength is that of the source
text: *SHOULD* directive, *SUGGEST* it favours, *MAY* an option, *GRADE-2B* a formal weak recommendation, *UNPROVEN* and
*EXPERT* by its own word, *DEF* a definition, *FACT* a description, *interpretation* our reading, *external* from elsewhere.

{roles}
"""
BOOK = """# Rule book of the guidance

For which facts does a rule speak up? Each line is a patient at one moment, and is run as a test. *Open* means that a fact is
unknown, or a grade undecided, so that the rule is shown with what would settle it. An empty cell is a fact that is not known;
what holds for all lines of a table stands above it. The [words](#words) are explained at the end. Patients are made up.
"""
ROLES: Final = (
    ("advice", "judged for a patient"),
    ("grading", "kept by the scales and the timeline"),
    ("resolution", "kept by the timeline or by another rule"),
    ("dosing", "kept by the doses"),
    ("calculation", "kept by the facts of a patient"),
    ("coding", "kept by the codes"),
    ("patient", "kept by the page for patients"),
    ("record", "kept by what is stored or known"),
    ("none", "no logic"),
)
ABOUT: Final = (("ours", "our reading"), ("recalled", "only recalled"), ("open", "left open by the texts"))
ANSWER: Final = {"yes": "**yes**", "no": "no", "open": "*open*"}
APART: Final = ("says", "ask", "why")


def pages() -> dict[str, str]:
    """Return the pages, by their path under docs."""
    return {"reference/guidance.md": _trace(), "reference/rule-book.md": _book()}


def _table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    lines = [list(head)]
    lines += [["---"] * len(lines[0]), *map(list, rows)]
    escaped = [[cell.replace("|", "\\|") for cell in line] for line in lines]
    return "\n".join(f"| {' | '.join(line)} |" for line in escaped) + "\n"


# ---- every rule


def _trace() -> str:
    rows = packs()["consensus"]
    counted = Counter(row.role for row in rows)
    roles = _table(("role", "what it means", "rules"), [(id, what, str(counted[id])) for id, what in ROLES])
    provenance = _read(FOLDER / "PROVENANCE.toml")
    theirs = {row.topic for row in rows}
    topics = [_topic(topic, rows, about) for topic, about in provenance.items() if topic in theirs]
    return "\n".join([TRACE.format(count=len(rows), roles=roles), *topics])


def _topic(topic: str, rows: Iterable[Rule], about: dict[str, Any]) -> str:
    lines = [f"Rests on {', '.join(about['read'])}; {about['reviewed']}."]
    lines += [f"{head[0].upper()}{head[1:]}: {'; '.join(about[key])}." for key, head in ABOUT if about[key]]
    table = _table(
        ("rule", "what it says", "strength and source", "acts", "proof"),
        [_trace_row(row) for row in rows if row.topic == topic],
    )
    return f"## {about['title']}\n\n{' '.join(lines)}\n\n{table}"


def _trace_row(row: Rule) -> tuple[str, ...]:
    beside = f" Beside {', '.join(row.conflicts)}." if row.conflicts else ""
    source = f"{row.strength}: {', '.join(row.source)} ({CONFIDENCE[row.confidence]})"
    return f"`{row.id}`", row.text + beside, source, _acts(row), _proof(row)


def _acts(row: Rule) -> str:
    if row.lives:
        return f"{row.role}: {', '.join(f'`{path}`' for path in row.lives)}"
    acts = [_act(act) for act in row.cases or (row,)] if row.role == "advice" else ["no logic"]
    return "; ".join(acts)


def _act(row: Rule) -> str:
    return f"advice, {row.kind.replace('_', ' ')}, {row.urgency}: `{row.when.text if row.when else ''}`"


def _proof(row: Rule) -> str:
    """The tests that name it, each by its folder and name; or why it has no logic."""
    tests = [Path(test).parts[-2:] for test in rule_tests().get(row.id, ())]
    return row.no_logic or ", ".join(f"`{'/'.join(test)}`" for test in tests)


# ---- the rule book


def _book() -> str:
    provenance = _read(FOLDER / "PROVENANCE.toml")
    chapters = [(about["title"], TABLES / "cases" / f"{topic}.toml") for topic, about in provenance.items()]
    tables = [(title, _read(path)["table"]) for title, path in chapters if path.exists()]
    asked = sorted({name for _, each in tables for table in each for name in _names(table)})
    words = _table(
        ("fact", "unit", "meaning"), [(f"`{id}`", facts()[id].unit, facts()[id].text) for id in asked]
    )
    told = [f"## {title}\n\n" + "\n".join(map(_cases, each)) for title, each in tables]
    return "\n".join([BOOK, *told, _grades(), f"## Words\n\n{words}"])


def _read(path: Path) -> dict[str, Any]:
    return tomllib.loads(path.read_text("utf-8"))


def _names(table: dict[str, Any]) -> dict[str, None]:
    """The facts of a table, in the order that they come in."""
    lines = [table.get("given", {}), *table["cases"]]
    return {name: None for line in lines for name in line if name not in APART}


def _cases(table: dict[str, Any]) -> str:
    given: dict[str, Any] = table.get("given", {})
    varies = dict.fromkeys(name for line in table["cases"] for name in line if name not in APART)
    still = {name: cell for name, cell in given.items() if name not in varies}
    head = (*(name.replace("_", " ") for name in varies), "speaks", "why")
    rows = [
        (*(_cell({**given, **line}.get(name)) for name in varies), ANSWER[line["says"]], line.get("why", ""))
        for line in table["cases"]
    ]
    always = (
        f"\nAlways: {', '.join(f'{name} {_cell(cell)}' for name, cell in still.items())}.\n" if still else ""
    )
    return f"### {table['title']}\n\n{_whose(table)}\n{always}\n{_table(head, rows)}"


def _whose(table: dict[str, Any]) -> str:
    """The rules of a table, with the text of the act that it is about."""
    kind = table.get("kind")
    acts = [act for id in table["rules"] for act in rule(id).cases or (rule(id),) if kind in (None, act.kind)]
    return "\n".join(
        f"- `{act.id}` ({act.kind.replace('_', ' ')}, {act.urgency}): {act.text}" for act in acts
    )


def _cell(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return "{" + ", ".join(map(str, value)) + "}"  # pyright: ignore[reportUnknownArgumentType, reportUnknownVariableType]
    return "" if value is None else str(value)


def _grades() -> str:
    """The rows that the scales keep, as findings and grades."""
    file = _read(TABLES / "grades.toml")
    base = ", ".join(f"{name.replace('_', ' ')} {_cell(cell)}" for name, cell in file["base"].items())
    rows = [
        (
            ", ".join(f"`{id}`" for id in line["rules"]),
            line["why"],
            ", ".join(f"{name.replace('_', ' ')} {_cell(cell)}" for name, cell in line["find"].items()),
            *(_cell(line.get(scale)) for scale in ("astct", "ctcae5", "icans")),
        )
        for line in file["case"]
    ]
    table = _table(("rules", "what", "findings", "ASTCT", "CTCAE 5.0", "ICANS"), rows)
    return f"## Rows that the scales keep\n\nUnless said otherwise: {base}.\n\n{table}"
