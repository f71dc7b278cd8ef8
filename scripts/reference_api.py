"""The Python reference: signature and docstring of every public name."""

import inspect
from typing import Any

import tocsin

TITLE = """# Python

Every name that `import tocsin` offers. What is not here is private and may change without notice.
"""


def pages() -> dict[str, str]:
    """Return the one page, by its path under docs."""
    return {"reference/api.md": "\n".join([TITLE, *(_section(name) for name in sorted(tocsin.__all__))])}


def _section(name: str) -> str:
    thing = getattr(tocsin, name)
    if inspect.isclass(thing):
        members = [_member(name, key, value) for key, value in vars(thing).items() if _is_public(key, value)]
        return "\n".join([f"## {name}\n", _signature(name, thing), _text(thing), *members])
    if callable(thing):
        return "\n".join([f"## {name}\n", _signature(name, thing), _text(thing)])
    return f"## {name}\n\n`{name}`: {type(thing).__name__}\n"


def _is_public(key: str, value: Any) -> bool:
    return not key.startswith("_") and (callable(value) or isinstance(value, property))


def _member(owner: str, key: str, value: Any) -> str:
    if isinstance(value, property):
        return f"### {owner}.{key}\n\n{_text(value)}"
    return f"### {owner}.{key}\n\n{_signature(key, value)}\n{_text(value)}"


def _signature(name: str, thing: Any) -> str:
    if inspect.isclass(thing) and issubclass(thing, BaseException):
        return ""
    signature = inspect.signature(thing)
    lines = [f"    {_parameter(one)}," for one in signature.parameters.values() if one.name != "self"]
    closing = "" if inspect.isclass(thing) else _returns(signature)
    body = "\n".join([f"{name}(", *lines, f"){closing}"]) if lines else f"{name}(){closing}"
    return f"```python\n{body}\n```\n"


def _parameter(parameter: inspect.Parameter) -> str:
    """Return one parameter; a function that stands as a default is shown by its name, not by where it lies in memory."""
    default = parameter.default
    if inspect.isfunction(default):
        return f"{parameter.replace(default=inspect.Parameter.empty)} = {default.__name__}"
    return str(parameter)


def _returns(signature: inspect.Signature) -> str:
    if signature.return_annotation is inspect.Signature.empty:
        return ""
    return f" -> {inspect.formatannotation(signature.return_annotation)}"


def _text(thing: Any) -> str:
    """Return a docstring as Markdown: runs of doctest lines become code blocks."""
    lines: list[str] = []
    in_example = False
    for line in (inspect.getdoc(thing) or "").splitlines():
        starts = line.lstrip().startswith(">>>")
        if starts and not in_example:
            lines += ["```pycon"]
            in_example = True
        elif in_example and not line.strip():
            lines += ["```"]
            in_example = False
        lines.append(line.strip() if in_example and starts else line)
    return "\n".join([*lines, *(["```"] if in_example else []), ""])
