"""`python -m benchmarks`: measure everything, or what is named; `--save` keeps the results."""

import argparse
from collections.abc import Callable, Iterator
from pathlib import Path

from benchmarks import bundle, end_to_end, ndjson, omop, report, sdtm, service, startup, timeline
from benchmarks.report import Line, shown


def _millions(text: str) -> list[int]:
    """Return numbers of rows, given in millions between commas."""
    return [int(part) * 10**6 for part in text.split(",")]


def _arguments() -> argparse.Namespace:
    """Return what the user asked for."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument(
        "which",
        nargs="*",
        metavar="WHICH",
        help="startup, bundle, ndjson, sdtm, timeline, omop, service, end-to-end; all if none is named",
    )
    parser.add_argument(
        "--rows", type=_millions, default="20,100", help="sizes of end-to-end, in million rows (20,100)"
    )
    parser.add_argument(
        "--data",
        type=Path,
        default=Path("/tmp/tocsin-bench"),
        help="where the data is kept (/tmp/tocsin-bench)",
    )
    parser.add_argument("--save", action="store_true", help="write benchmarks/results/DATE.md and .json")
    return parser.parse_args()


def _show(line: Line) -> None:
    """Print one line as soon as it is measured."""
    said = f"{line.group}: {line.what}: {shown(line.value, line.unit)}"
    if line.target is not None:
        said += f"  {'met' if line.met else 'MISSED'} (at most {shown(line.target, line.unit)})"
    print(said + (f"  [{line.note}]" if line.note else ""), flush=True)


def main() -> None:
    """Measure, show, and save if asked."""
    asked = _arguments()
    groups: dict[str, Callable[[], Iterator[Line]]] = {
        "startup": startup.measure,
        "bundle": bundle.measure,
        "ndjson": lambda: ndjson.measure(asked.data),
        "sdtm": lambda: sdtm.measure(asked.data),
        "timeline": lambda: timeline.measure(asked.data),
        "omop": lambda: omop.measure(asked.data),
        "service": lambda: service.measure(asked.data),
        "end-to-end": lambda: end_to_end.measure(asked.data, asked.rows),
    }
    unknown = set(asked.which) - set(groups)
    if unknown:
        raise SystemExit(
            f"{', '.join(sorted(unknown))}: no such measurement; write some of {', '.join(groups)}"
        )
    lines: list[Line] = []
    for name in asked.which or groups:
        for line in groups[name]():
            _show(line)
            lines.append(line)
    if asked.save:
        print("saved:", *report.save(lines))


if __name__ == "__main__":
    main()
