"""The page of stories: each made-up patient of `tests/spec/guidance/stories`, and what the guidance says of it."""

import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tocsin.knowledge.rules import advice

FOLDER = Path(__file__).resolve().parent.parent / "tests" / "spec" / "guidance" / "stories"
INTRODUCTION = """# Stories

Whole made-up patients, each a test: the chart is graded, the advice is asked for, and the acts must come in this order.
A chart line is a time since the first day, what was charted, and a value; `until` ends it, `said` is an annotation. *If* stands
before what the record leaves open. The words of every rule: `tocsin explain ID`, or the [rule book](rule-book.md).
"""


def pages() -> dict[str, str]:
    """Return the one page, by its path under docs."""
    told = [tomllib.loads(path.read_text("utf-8")) for path in sorted(FOLDER.glob("*.toml"))]
    return {
        "reference/stories.md": "\n".join([INTRODUCTION, *(line for one in told for line in _story(one))])
    }


def _story(told: dict[str, Any]) -> Iterator[str]:
    yield from (f"## {told['name']}", "", told["about"], "", "```text", told["chart"].strip(), "```", "")
    grade = f"grade {told['grade'].replace('-', ' or ')}"
    yield f"Asked at {told['at']}: {grade}."
    yield ""
    said = [*_acts(told, "acts", ""), *_acts(told, "open", "*If:* ")]
    yield from said or ["- nothing to do or to leave"]
    for name, lead in (("also", "Also said"), ("never", "Not said")):
        if name in told:
            yield f"- {lead}: {', '.join(f'`{id}`' for id in told[name])}"
    for what in told.get("missing", ()):
        yield f"- Missing: {what}"
    yield ""


def _acts(told: dict[str, Any], name: str, lead: str) -> Iterator[str]:
    """Yield the acts with the words of their rules, doses and times."""
    for id in told.get(name, ()):
        dose = told.get("dose", {}).get(id)
        time = told.get("not_before", {}).get(id)
        more = "".join([f" **{dose}.**" if dose else "", f" **Not before {time}.**" if time else ""])
        yield f"- {lead}`{id}` {_text(id)}{more}"


def _text(id: str) -> str:
    """Return the words of a rule, or of its first act where it has several."""
    return next(rule.text for rule in advice() if rule.id == id and rule.kind in ("stop", "hold", "treat"))
