"""The page on the configuration of the service: every key with its variable, what holds without it, and what it means."""

from collections.abc import Iterator
from typing import Any, get_origin

from tocsin.service.config import keys, variable

_HEAD = """# Settings of the service

Each key may stand in a TOML file (`tocsin serve --config tocsin.toml`; what is before the last dot is the table) or in the
environment, which wins over the file; the options of `tocsin serve` win over both. A list is a TOML array, or one text with
commas. A key that does not exist is refused, so a misspelt one does not go unnoticed. A file that holds a secret must be
readable by its owner only.

"""


def pages() -> dict[str, str]:
    """Return the generated pages by their path in docs/."""
    return {"reference/service.md": _HEAD + "\n".join(_lines()) + "\n"}


def _lines() -> Iterator[str]:
    section: tuple[str, ...] | None = None
    for path, one, kind in keys():
        if path[:-1] != section:
            section = path[:-1]
            yield from ("", f"## `[{'.'.join(section)}]`" if section else "## The service", "")
            yield from ("| key | variable | without it | what it means |", "| --- | --- | --- | --- |")
        secret = " A secret." if one.metadata["secret"] else ""
        default = _shown(one.default, kind)
        yield f"| `{'.'.join(path)}` | `{variable(path)}` | {default} | {one.metadata['doc']}{secret} |"


def _shown(value: Any, kind: Any) -> str:
    if get_origin(kind) is tuple:
        return ", ".join(f"`{item}`" for item in value) or "none"
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    return f"`{value}`" if value != "" else "none"
