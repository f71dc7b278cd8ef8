"""The index of the decision records: one line each, by number."""

from pathlib import Path

FOLDER = Path(__file__).resolve().parent.parent / "docs" / "decisions"
INTRODUCTION = """# Decisions

What the specification left open, or where Tocsin departs from a source, is settled here, in the open, a page
each, numbered in the order they were made. No page is rewritten; a later one may replace it, and both say so.
"""
FORM = """
## The form of a page

The file is `NNNN-short-title.md`; this index is made from its first line.

```text
# NNNN. What was decided, as a sentence

Date: YYYY-MM-DD. Status: decided, or replaced by NNNN.

## The question
What was unclear or in conflict, with the places that say so.

## The answer
What Tocsin does, exactly enough to test.

## Why
The reasons, what else was considered, and who might disagree.

## The proof
The test that holds it.
```
"""


def pages() -> dict[str, str]:
    """Return the one page, by its path under docs."""
    records = sorted(FOLDER.glob("[0-9][0-9][0-9][0-9]-*.md"))
    lines = [f"- [{_title(path)}]({path.name})" for path in records]
    return {"decisions/README.md": "\n".join([INTRODUCTION, *lines]).rstrip() + "\n" + FORM}


def _title(path: Path) -> str:
    return path.read_text("utf-8").split("\n", 1)[0].removeprefix("# ")
