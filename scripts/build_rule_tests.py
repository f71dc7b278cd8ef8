"""Writes knowledge/guidance/tests.csv: which test files name each rule; with --check it says only whether it has drifted."""

import csv
import io
import re
import sys
from pathlib import Path

from tocsin.knowledge.rules import FOLDER, rules

ROOT = Path(__file__).resolve().parent.parent
TESTS = ROOT / "tests"
FILE = FOLDER / "tests.csv"
READ = (".py", ".toml", ".csv", ".md")


def found() -> list[tuple[str, str]]:
    """Return (rule id, test file) in the order of the rules."""
    named: dict[str, list[str]] = {id: [] for id in rules()}
    any_id = re.compile(r"\b(?:" + "|".join(map(re.escape, sorted(named, key=len, reverse=True))) + r")\b")
    for path in sorted(path for path in TESTS.rglob("*") if path.suffix in READ):
        for id in dict.fromkeys(any_id.findall(path.read_text("utf-8"))):
            named[id].append(path.relative_to(ROOT).as_posix())
    return [(id, test) for id, tests in named.items() for test in tests]


def text() -> str:
    """Return what the file should hold."""
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(("id", "test"))
    writer.writerows(found())
    return out.getvalue()


def main() -> int:
    """Write the file, or check it."""
    if "--check" in sys.argv[1:]:
        if FILE.exists() and FILE.read_text("utf-8") == text():
            return 0
        print(
            f"{FILE.name} has drifted from the tests: run `python -m scripts.build_rule_tests`",
            file=sys.stderr,
        )
        return 1
    FILE.write_text(text(), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
