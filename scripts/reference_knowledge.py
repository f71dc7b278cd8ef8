"""The knowledge reference: scales, settings, causes, signals and the rest as tables with their sources."""

from collections.abc import Iterable
from typing import Any, cast

from tocsin.knowledge import causes, drugs, flags, products, scales, signals, sources, timeline

BASIS = """
The keys under "source" are those of [sources](sources.md). "Confidence" says how far a source was followed:
*source text* is a document that the project started from, *verified* was read for it, *recalled* was not
read again and should be checked before it is relied on, *n/a* is a choice of ours with no source behind it.
"""
WORDS = {
    "id",
    "key",
    "also",
    "name",
    "category",
    "dose_band",
    "fio2_band",
    "scale",
    "aliases",
    "units",
    "cause",
}
SOURCED = ("source", "confidence")


def pages() -> dict[str, str]:
    """Return the pages, by their path under docs."""
    return {
        "reference/scales.md": _scales(),
        "reference/settings.md": _settings(),
        "reference/causes.md": _causes(),
        "reference/signals.md": _signals(),
        "reference/products.md": _products(),
        "reference/drugs.md": _drugs(),
        "reference/flags.md": _flags(),
        "reference/sources.md": _sources(),
    }


def _scales() -> str:
    title = "# Scales\n\nA cell that a scale's text does not decide holds every grade it may mean."
    return "\n".join([title, BASIS, *map(_scale, scales.scales())])


def _scale(scale: scales.Scale) -> str:
    by_hypotension = ("category", "dose_band", "run_24h", "grades", "why", *SOURCED)
    by_oxygen = ("category", "fio2_band", "grades", "why", *SOURCED)
    return "\n".join(
        [
            f"## {scale.name} ({scale.version}): `{scale.id}`\n\n{_about(scale)}\n",
            f"### By hypotension\n\n{_table(by_hypotension, scale.hypotension)}",
            f"### By oxygen\n\n{_table(by_oxygen, scale.oxygen)}",
        ]
    )


def _about(scale: scales.Scale) -> str:
    lines = [f"Source: {', '.join(scale.source)} ({scale.confidence})."]
    if scale.fever_gate:
        lines.append("Fever that went by itself, with nothing given that could hide it, lets 0 join the set.")
    if scale.organ_toxicity:
        lines.append(
            "Also weighs organ toxicity, which is not an input yet: the two axes only, and flagged so."
        )
    if scale.airway_tube_adds:
        lines.append(f"A tube for the airway alone adds {_set(scale.airway_tube_adds)} to the oxygen set.")
    return " ".join(lines)


def _settings() -> str:
    columns = ("key", "also", "value", "unit", "meaning", *SOURCED)
    table = _table(columns, timeline.parameters().values())
    return f"# Settings\n\nEach number can be overridden with `--set KEY=VALUE`.\n{BASIS}\n{table}"


def _causes() -> str:
    known = _table(("id", "aliases", "window_d", "scale", "why", *SOURCED), causes.causes())
    refused = _table(("id", "aliases", "what", *SOURCED), causes.refused())
    return "\n".join(
        [
            f"# Causes\n\nWhat opens an exposure window, and for how many days.\n{BASIS}\n{known}",
            f"## Not a cause here\n\nThese give a cytokine storm; to name one is an error.\n\n{refused}",
        ]
    )


def _signals() -> str:
    columns = ("name", "kind", "unit", "hard_min", "hard_max", "missing_unit", "notes", *SOURCED)
    return "\n".join(
        [
            "# Signals\n\nWhat a record can say, the unit it is kept in, and the bounds it is believed in:",
            f"a value outside them goes to the quarantine.\n{BASIS}\n{_table(columns, signals.signals())}",
            f"## Units that are read\n\nEach in its usual spellings.\n\n{_units()}\n",
        ]
    )


def _units() -> str:
    """Return a line per set of units, with the signals that take it."""
    units: dict[str, dict[str, None]] = {}
    for each in signals.units():
        units.setdefault(each.signal, {})[each.unit] = None
    takers: dict[tuple[str, ...], list[str]] = {}
    for name, taken in units.items():
        takers.setdefault(tuple(taken), []).append(name)
    return "\n".join(f"- {_cell('name', names)}: {_cell('units', taken)}" for taken, names in takers.items())


def _products() -> str:
    columns = ("id", "brand", "cause", "product_class", "target", *SOURCED)
    title = "# Products\n\nThe immunotherapies known by name; `tocsin explain ID` has the figures of each."
    other = "A product that is not here is taken with its cause, and flagged `product_unknown`."
    return f"{title}\n{other}\n{BASIS}\n{_table(columns, products.products().values())}"


def _drugs() -> str:
    columns = ("id", "role", "target", "route", *SOURCED)
    masking = ", ".join(f"`{id}`" for id in drugs.drug_set("fever_mask"))
    counted = ", ".join(f"`{id}`" for id in drugs.drug_set("counted_vasopressors"))
    return "\n".join(
        [
            f"# Drugs\n\nThe drugs that a grade looks at.\n{BASIS}",
            _table(columns, drugs.drugs().values()),
            f"## May hide a fever\n\nThe first of these at or after onset waives fever: {masking}.\n",
            f"## Counted as vasopressors\n\n{counted}.\nVasopressin stands apart; inotropes never count.\n",
        ]
    )


def _flags() -> str:
    head = "# Flags\n\nA flag is a doubt that a reader of a grade should know of. It stands on a row of"
    tail = "`grades.parquet` while it applies; an episode carries all flags of its rows."
    rows = _table(("id", "meaning", "do"), [flag for flag in flags.flags().values() if not flag.episode_only])
    episodes = _table(("id", "meaning", "do"), [flag for flag in flags.flags().values() if flag.episode_only])
    return f"{head}\n{tail}\n\n## On rows\n\n{rows}\n## On episodes only\n\n{episodes}"


def _sources() -> str:
    title = "# Sources\n\nThe documents behind the facts, by the key that the other pages name."
    return f"{title}\n\n{_table(('key', 'kind', 'what', 'url'), sources.sources().values())}"


def _table(columns: tuple[str, ...], records: Iterable[object]) -> str:
    """Return a Markdown table of some attributes of dataclass records."""
    rows = [[_cell(column, getattr(record, column)) for column in columns] for record in records]
    head = [column.replace("_", " ") for column in columns]
    lines = [head, ["---"] * len(columns), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"


def _cell(column: str, value: Any) -> str:
    if column == "grades":
        return _set(value)
    if column == "confidence":
        return sources.CONFIDENCE[value]
    if isinstance(value, list | tuple):
        return ", ".join(_cell(column, each) for each in cast(Iterable[object], value))
    if isinstance(value, bool):
        return "yes" if value else "no"
    if value is None:
        return "any" if column in ("dose_band", "fio2_band", "run_24h") else ""
    text = f"{value:.6g}" if isinstance(value, float) else str(value).replace("|", "\\|")
    return f"`{text}`" if column in WORDS and text else text


def _set(bits: int) -> str:
    return "{" + ", ".join(map(str, scales.grades_of(bits))) + "}"
