"""The language of preconditions: words of `guidance/facts.toml`, compared, and joined by and, or, not.

It is a subset of Python's expressions, read by `ast` and never executed. An answer is yes, no or open: a fact
may be unknown (None), and a set of numbers (a grade) answers yes if every member does, no if none does, and is
open between.
"""

import ast
import operator
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType
from typing import Any, Final, NamedTuple, NoReturn, TypeAlias

from tocsin.errors import UserError
from tocsin.knowledge import _files
from tocsin.knowledge.causes import causes
from tocsin.knowledge.products import products
from tocsin.knowledge.reading import therapy_signals
from tocsin.knowledge.vocabulary import HYPOTENSION, OXYGEN, SCALES

Value: TypeAlias = bool | float | str | frozenset[int] | frozenset[str] | None
_OPERATORS: Final[Mapping[type[ast.cmpop], Callable[[Any, Any], bool]]] = MappingProxyType(
    {
        ast.Eq: operator.eq,
        ast.NotEq: operator.ne,
        ast.Lt: operator.lt,
        ast.LtE: operator.le,
        ast.Gt: operator.gt,
        ast.GtE: operator.ge,
        ast.In: lambda value, among: value in among,
        ast.NotIn: lambda value, among: value not in among,
    }
)
_OF_WORDS: Final = (ast.Eq, ast.NotEq, ast.In, ast.NotIn)


@dataclass(frozen=True, slots=True)
class Fact:
    """One word of the language: what it means, and what to ask when it is unknown."""

    id: str
    type: str
    unit: str
    words: tuple[str, ...]
    text: str
    ask: str
    signals: tuple[str, ...]
    yes: str = ""  # a yes-or-no fact as a clause, and its opposite
    no: str = ""


class Verdict(NamedTuple):
    """Whether a precondition holds: `because` names the facts that decided it, `missing` those that left it open."""

    value: bool | None
    because: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Condition:
    """A checked precondition and the facts it asks about, in order."""

    text: str
    facts: tuple[str, ...]
    _tree: ast.expr

    def evaluate(self, values: Mapping[str, Value]) -> Verdict:
        """Return whether it holds for the facts of a patient; a fact that is absent is unknown."""
        return _judge(self._tree, values)

    def open_parts(self, values: Mapping[str, Value]) -> tuple[str, ...]:
        """Return the comparisons that are left open, as they are written: what would have to hold."""
        return tuple(dict.fromkeys(_open(self._tree, values)))


@cache
def facts() -> MappingProxyType[str, Fact]:
    """Every fact by id."""
    table = _files.toml_table("guidance/facts.toml")
    return MappingProxyType({id: _fact(id, row) for id, row in table.items()})


@cache
def parse(text: str) -> Condition:
    """Read a precondition and check each word of it. Raises UserError that says what is wrong and where."""
    try:
        tree = ast.parse(text.strip(), mode="eval").body
    except (SyntaxError, ValueError) as error:
        raise UserError(f"precondition {text!r}: not an expression ({error})") from None
    asked = dict.fromkeys(_check(tree, text))
    return Condition(text, tuple(asked), tree)


def _fact(id: str, row: dict[str, Any]) -> Fact:
    words = tuple(word for name in row.get("words", ()) for word in _words(name))
    signals, said = tuple(row.get("signals", ())), (row.get("yes", ""), row.get("no", ""))
    return Fact(id, row["type"], row.get("unit", ""), words, row["text"], row["ask"], signals, *said)


def _words(name: str) -> Iterable[str]:
    """A word, or the ids of the table that a name in braces stands for."""
    named = {product for _, product in therapy_signals().values() if product}
    tables: dict[str, Iterable[str]] = {
        "{causes}": (row.id for row in causes()),
        "{products}": sorted({*products(), *named}),
        "{product_classes}": sorted({row.product_class for row in products().values()}),
        "{scales}": SCALES,
        "{hypotension}": HYPOTENSION,
        "{oxygen}": OXYGEN,
    }
    return tables.get(name, (name,))


# --- checking ---------------------------------------------------------------------------------------------------------------


def _check(node: ast.expr, text: str) -> list[str]:
    """The facts that a part asks about; whatever is not of the language is refused."""
    match node:
        case ast.BoolOp(values=parts):
            return [fact for part in parts for fact in _check(part, text)]
        case ast.UnaryOp(op=ast.Not(), operand=part):
            return _check(part, text)
        case ast.Name(id=name):
            if _known_fact(name, text).type != "yes_no":
                _refuse(text, f"{name} is no yes-or-no fact: compare it with something")
            return [name]
        case ast.Call(func=ast.Name(id="unknown"), args=[ast.Name(id=name)], keywords=[]):
            return [_known_fact(name, text).id]
        case ast.Compare(left=ast.Name(id=name), ops=[ast.Is()], comparators=[ast.Name(id="known")]):
            return [_known_fact(name, text).id]
        case ast.Compare():
            return [_check_pair(*pair, text) for pair in _pairs(node)]
        case _:
            _refuse(text, f"{ast.unparse(node)!r} is not of the language")


def _pairs(node: ast.Compare) -> list[tuple[ast.expr, ast.cmpop, ast.expr]]:
    """`8 <= x <= 24` as its two comparisons."""
    sides = [node.left, *node.comparators]
    return list(zip(sides, node.ops, sides[1:], strict=False))


def _check_pair(left: ast.expr, how: ast.cmpop, right: ast.expr, text: str) -> str:
    name, other = _sides(left, right, text)
    fact = _known_fact(name.id, text)
    if type(how) not in _OPERATORS:
        _refuse(text, f"{fact.id} cannot be compared like that; `{fact.id} is known` is the only use of is")
    if fact.type == "yes_no":
        _refuse(text, f"{fact.id} is a yes-or-no fact: write {fact.id} or not {fact.id}")
    values = _constants(other, isinstance(how, ast.In | ast.NotIn), text)
    for value in values:
        _check_value(fact, how, value, text)
    return fact.id


def _sides(left: ast.expr, right: ast.expr, text: str) -> tuple[ast.Name, ast.expr]:
    """The fact of a comparison and what it is compared with."""
    match left, right:
        case ast.Name(), ast.Constant() | ast.Tuple():
            return left, right
        case ast.Constant(), ast.Name():
            return right, left
        case _:
            _refuse(text, "a comparison needs one fact and one value")


def _constants(node: ast.expr, several: bool, text: str) -> list[Any]:
    parts = node.elts if several and isinstance(node, ast.Tuple) else [node]
    if several and not isinstance(node, ast.Tuple):
        _refuse(text, "`in` needs a list in brackets, such as ('car_t', 'tcr_t')")
    if not all(isinstance(part, ast.Constant) for part in parts):
        _refuse(text, "a fact is compared with plain numbers or words only")
    return [part.value for part in parts if isinstance(part, ast.Constant)]


def _check_value(fact: Fact, how: ast.cmpop, value: Any, text: str) -> None:
    if fact.type == "word":
        if not isinstance(value, str) or not isinstance(how, _OF_WORDS):
            _refuse(text, f"{fact.id} is a word: compare it with a word by ==, != or in")
        if value not in fact.words:
            _files.unknown(f"word of {fact.id}", value, fact.words)
    elif isinstance(value, bool) or not isinstance(value, int | float):
        _refuse(text, f"{fact.id} is a number: compare it with a number")


def _known_fact(name: str, text: str) -> Fact:
    if name not in facts():
        _files.unknown("fact", name, facts())
    return facts()[name]


def _refuse(text: str, why: str) -> NoReturn:
    raise UserError(f"precondition {text!r}: {why}")


# --- judging ----------------------------------------------------------------------------------------------------------------


Test = Callable[[Mapping[str, Value]], Verdict]


def _judge(node: ast.expr, values: Mapping[str, Value]) -> Verdict:
    return _test(node)(values)


@cache
def _test(node: ast.expr) -> Test:
    """What judges a part, made once: a rule is asked for every patient who is looked at."""
    match node:
        case ast.BoolOp(op=ast.And(), values=parts):
            return _joined([_test(part) for part in parts], deciding=False)
        case ast.BoolOp(values=parts):
            return _joined([_test(part) for part in parts], deciding=True)
        case ast.UnaryOp(operand=part):
            return _opposite(_test(part))
        case ast.Name(id=name):
            return lambda values: _verdict(name, values.get(name))
        case ast.Call(args=[ast.Name(id=name)]):
            return lambda values: Verdict(values.get(name) is None, (name,))
        case ast.Compare(left=ast.Name(id=name), ops=[ast.Is()]):
            return lambda values: Verdict(values.get(name) is not None, (name,))
        case ast.Compare():
            tests = [_comparison(*pair) for pair in _pairs(node)]
            return tests[0] if len(tests) == 1 else _joined(tests, deciding=False)
        case _:
            raise AssertionError(f"not checked: {ast.dump(node)}")


def _opposite(test: Test) -> Test:
    def judge(values: Mapping[str, Value]) -> Verdict:
        found = test(values)
        return Verdict(None if found.value is None else not found.value, found.because, found.missing)

    return judge


def _joined(tests: list[Test], *, deciding: bool) -> Test:
    return lambda values: _join([test(values) for test in tests], deciding=deciding)


def _join(parts: list[Verdict], *, deciding: bool) -> Verdict:
    """Of an `and` one no decides, of an `or` one yes; else all must be known."""
    decisive = [part for part in parts if part.value is deciding]
    if len(decisive) == 1:  # by far the most
        return decisive[0]
    if decisive:
        return Verdict(deciding, _names(part.because for part in decisive))
    if any(part.value is None for part in parts):
        return Verdict(None, missing=_names(part.missing for part in parts))
    return Verdict(not deciding, _names(part.because for part in parts))


def _comparison(left: ast.expr, how: ast.cmpop, right: ast.expr) -> Test:
    """What compares a fact with the value beside it."""
    first = isinstance(left, ast.Name)
    name = left.id if isinstance(left, ast.Name) else right.id if isinstance(right, ast.Name) else ""
    among, holds = ast.literal_eval(right if first else left), _OPERATORS[type(how)]
    answer: Callable[[Any], bool] = (
        (lambda one: holds(one, among)) if first else (lambda one: holds(among, one))
    )

    def judge(values: Mapping[str, Value]) -> Verdict:
        value = values.get(name)
        members = value if isinstance(value, frozenset) else () if value is None else (value,)
        answers = {answer(member) for member in members}
        return _verdict(name, answers.pop() if len(answers) == 1 else None)

    return judge


def _open(node: ast.expr, values: Mapping[str, Value]) -> list[str]:
    """The smallest open parts of an open condition."""
    if _judge(node, values).value is not None:
        return []
    match node:
        case ast.BoolOp(op=ast.And(), values=parts):
            return [text for part in parts for text in _open(part, values)]
        case ast.BoolOp(values=parts):
            return [" or ".join(text for part in parts for text in _open(part, values))]
        case ast.UnaryOp(operand=part) if not isinstance(part, ast.BoolOp):
            return [f"not {text}" for text in _open(part, values)]
        case _:
            return [_written(node)]


@cache
def _written(node: ast.expr) -> str:
    return ast.unparse(node)


def _verdict(name: str, value: Value) -> Verdict:
    return Verdict(None, missing=(name,)) if value is None else Verdict(bool(value), (name,))


def _names(groups: Iterable[tuple[str, ...]]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name for group in groups for name in group))
