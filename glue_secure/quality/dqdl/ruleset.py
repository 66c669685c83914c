"""A DQDL ruleset as data, and its text.

The language is that of https://docs.aws.amazon.com/glue/latest/dg/dqdl.html; a test holds what is written
here against the parser that AWS published.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal
from enum import Enum
from functools import cache
from typing import Any

from lark import Lark, Token, Transformer, UnexpectedInput, v_args
from lark.exceptions import VisitError

from glue_secure.core.errors import UsageError


class Word(str, Enum):
    """What a value may be beside numbers and strings."""

    NULL = "NULL"
    EMPTY = "EMPTY"
    WHITESPACES_ONLY = "WHITESPACES_ONLY"


@dataclass(frozen=True, slots=True)
class Quoted:
    """A string as it stands between its quotes: what its backslashes mean depends on where it stands."""

    raw: str


@dataclass(frozen=True, slots=True)
class Computed:
    """A value that Glue computes when the rule runs: ``avg(last(10))``, ``now()``, ``3 days``, ``$name``."""

    text: str


Operand = int | float | Quoted | Word | Computed


@dataclass(frozen=True, slots=True)
class Condition:
    """``>``, ``between``, ``not in``, ``matches`` and the like, with their operands."""

    operator: str
    operands: tuple[Operand, ...] = field(repr=False)


@dataclass(frozen=True, slots=True)
class DqRule:
    """One rule.

    Attributes:
        kind: ``ColumnValues``.
        parameters: its columns, mostly.
        condition: what its metric or each value must meet.
        where: SQL; the rule is about the rows that meet it.
        threshold: the share of rows that must meet the condition.
        labels: name → value.
        line: where it stands, from 1.
    """

    kind: str
    parameters: tuple[str | Computed, ...] = ()
    condition: Condition | None = None
    where: str | None = field(default=None, repr=False)
    threshold: Condition | None = None
    labels: Mapping[str, str] = field(default_factory=dict)
    line: int = 0


@dataclass(frozen=True, slots=True)
class Composite:
    """Rules in parentheses, joined by ``and`` or by ``or``."""

    joined: str
    parts: tuple[Tree, ...]


Tree = DqRule | Composite


@dataclass(frozen=True, slots=True)
class Ruleset:
    """A document: its rules, and the names of what else stands in it (``Analyzers``, ``DataSources``...)."""

    rules: tuple[Tree, ...]
    others: tuple[str, ...] = ()


_GRAMMAR = r"""
start: header* default_labels? section+
header: "Metadata" "=" dictionary                   -> metadata
      | "DataSources" "=" dictionary                -> sources
      | IDENTIFIER "=" (value | array)              -> variable
dictionary: "{" pair ("," pair)* "}"
pair: STRING ":" (STRING | "[" STRING ("," STRING)* "]")
default_labels: "DefaultLabels" "=" _labels
section: "Rules" "=" "[" [tree ("," tree)*] "]"     -> rules
       | "Analyzers" "=" "[" [rule ("," rule)*] "]" -> analyzers

?tree: rule
     | group
     | group (_AND group)+                          -> conjunction
     | group (_OR group)+                           -> disjunction
group: "(" tree ")" [labels]
rule: IDENTIFIER parameter* [condition] (where | labels | threshold)*
parameter: (_OF | _AND)? (STRING | IDENTIFIER | reference)
where: "where" STRING
labels: "labels" "=" _labels
_labels: "[" [label ("," label)*] "]"
label: STRING "=" STRING
threshold: "with" IDENTIFIER condition

condition: negated "between" sum _AND sum               -> between
         | negated "in" (array | reference)             -> among
         | negated "matches" STRING                     -> matches
         | NEGATION? "=" sum                        -> equal
         | ORDER sum                                -> ordered
negated: [NOT]
array: "[" sum ("," sum)* "]"
sum: value (SIGN value)*
value: SIGN? NUMBER                                 -> number
     | NUMBER IDENTIFIER                            -> computed
     | IDENTIFIER "(" [sum ("," sum)*] ")"          -> computed
     | "(" sum ")"                                  -> computed
     | reference
     | STRING                                       -> quoted
     | WORD                                         -> word
reference: "$" IDENTIFIER                           -> computed

_AND.3: /(and|AND)(?![A-Za-z0-9_.])/
_OR.3: /(or|OR)(?![A-Za-z0-9_.])/
_OF.3: /(of|OF)(?![A-Za-z0-9_.])/
NOT: "not"
NEGATION: "!"
ORDER: ">=" | "<=" | ">" | "<"
SIGN: "+" | "-" | "*" | "/"
WORD.3: /(null|NULL|empty|EMPTY|whitespaces_only|WHITESPACES_ONLY)(?![A-Za-z0-9_.])/
NUMBER.2: /[0-9]+(\.[0-9]+)?(?![A-Za-z0-9_.])/
STRING: /"(\\.|[^"\\])*"/s
IDENTIFIER: /[A-Za-z0-9_.]+/
%ignore /[ \t\r\n]+/
%ignore /#[^\n]*/
"""


def parse(text: str, *, place: str) -> Ruleset:
    """Read a document.

    Raises:
        UsageError: it is not DQDL; the line and column are named.
    """
    try:
        return _Reader().transform(_parser().parse(text))  # type: ignore[no-any-return]
    except UnexpectedInput as error:
        is_end = getattr(getattr(error, "token", None), "type", "") == "$END"
        at = "its end" if is_end else f"line {error.line}, column {error.column}"
        raise UsageError(
            f"ruleset {place}", found=f"no DQDL at {at}", required="Rules = [ RULE, ... ]"
        ) from None
    except RecursionError:
        raise UsageError(f"ruleset {place}", found="too many parentheses", required="DQDL") from None
    except VisitError as error:
        raise UsageError(f"ruleset {place}", found=str(error.orig_exc), required="DQDL") from None


@cache
def _parser() -> Lark:
    return Lark(_GRAMMAR, parser="lalr")


@v_args(inline=True)
class _Reader(Transformer[Any, Any]):
    def start(self, *parts: Any) -> Ruleset:
        trees = [tree for part in parts if isinstance(part, list) for tree in part]
        labels = [value for part in parts if isinstance(part, tuple) for value in part[1:]]
        others = tuple(part for part in parts if isinstance(part, str))
        return Ruleset(tuple(_labelled(tree, *labels) for tree in trees), others)

    def metadata(self, *_: Any) -> str:
        return "Metadata"

    def sources(self, *_: Any) -> str:
        return "DataSources"

    def variable(self, name: Token, *_: Any) -> str:
        return f"variable {name}"

    def analyzers(self, *_: Any) -> str:
        return "Analyzers"

    def rules(self, *trees: Any) -> list[Tree]:
        return [tree for tree in trees if tree is not None]

    def group(self, tree: Tree, labels: tuple[str, Mapping[str, str]] | None) -> Tree:
        return tree if labels is None else _labelled(tree, labels[1])

    def conjunction(self, *parts: Tree) -> Composite:
        return Composite("and", parts)

    def disjunction(self, *parts: Tree) -> Composite:
        return Composite("or", parts)

    def rule(self, kind: Token, *parts: Any) -> DqRule:
        given: dict[str, Any] = {}
        for part in parts:
            if part is None or isinstance(part, (str, Computed)):
                continue
            name, value = ("condition", part) if isinstance(part, Condition) else part
            if name in given:
                raise ValueError(f"{name} twice in the rule of line {kind.line}")
            given[name] = value
        parameters = tuple(part for part in parts if isinstance(part, (str, Computed)))
        return DqRule(str(kind), parameters, line=kind.line or 0, **given)

    def parameter(self, value: Any) -> str | Computed:
        if isinstance(value, Computed):
            return value
        return str(value)[1:-1] if value.type == "STRING" else str(value)

    def where(self, text: Token) -> tuple[str, str]:
        return "where", str(text)[1:-1]

    def labels(self, *pairs: tuple[str, str] | None) -> tuple[str, Mapping[str, str]]:
        return "labels", dict(pair for pair in pairs if pair is not None)

    default_labels = labels

    def label(self, name: Token, value: Token) -> tuple[str, str]:
        return str(name)[1:-1], str(value)[1:-1]

    def threshold(self, name: Token, condition: Condition) -> tuple[str, Condition]:
        if name != "threshold":
            raise ValueError(f"with {name} in line {name.line}")
        return "threshold", condition

    def between(self, negated: str, low: Operand, high: Operand) -> Condition:
        return Condition(f"{negated}between", (low, high))

    def among(self, negated: str, values: Any) -> Condition:
        return Condition(f"{negated}in", values if isinstance(values, tuple) else (values,))

    def matches(self, negated: str, pattern: Token) -> Condition:
        return Condition(f"{negated}matches", (Quoted(str(pattern)[1:-1]),))

    def equal(self, *parts: Any) -> Condition:
        return Condition("!=" if len(parts) > 1 else "=", (parts[-1],))

    def ordered(self, operator: Token, value: Operand) -> Condition:
        return Condition(str(operator), (value,))

    @v_args(inline=False)
    def array(self, values: list[Operand]) -> tuple[Operand, ...]:
        return tuple(values)

    @v_args(inline=False)
    def sum(self, parts: list[Any]) -> Operand:
        return parts[0] if len(parts) == 1 else Computed(" ".join(map(_text, parts)))

    def number(self, *parts: Token) -> Operand:
        text = "".join(parts)
        if text[0] in "+*/":
            raise ValueError(f"{text} for a number")
        return float(text) if "." in text else int(text)

    def computed(self, *parts: Any) -> Computed:
        return Computed(" ".join(_text(part) for part in parts if part is not None))

    def quoted(self, text: Token) -> Quoted:
        return Quoted(str(text)[1:-1])

    def word(self, text: Token) -> Word:
        return Word(text.upper())

    def value(self, value: Any) -> Any:
        return value

    def negated(self, word: Token | None) -> str:
        return "" if word is None else "not "


def _text(part: Any) -> str:
    if isinstance(part, Computed):
        return part.text
    return f'"{part.raw}"' if isinstance(part, Quoted) else str(getattr(part, "value", part))


def _labelled(tree: Tree, labels: Mapping[str, str] | None = None) -> Tree:
    """The tree, each rule with these labels beneath its own."""
    if labels is None:
        return tree
    if isinstance(tree, Composite):
        return replace(tree, parts=tuple(_labelled(part, labels) for part in tree.parts))
    return replace(tree, labels={**labels, **tree.labels})


def show(tree: Tree) -> str:
    """The text of a rule."""
    if isinstance(tree, Composite):
        return f" {tree.joined} ".join(f"({show(part)})" for part in tree.parts)
    words = [tree.kind, *(f'"{name}"' for name in tree.parameters)]
    if tree.condition is not None:
        words.append(_shown(tree.condition))
    if tree.where is not None:
        words.append(f'where "{tree.where}"')
    if tree.labels:
        words.append("labels = [" + ", ".join(f'"{k}" = "{v}"' for k, v in tree.labels.items()) + "]")
    if tree.threshold is not None:
        words.append(f"with threshold {_shown(tree.threshold)}")
    return " ".join(words)


def _shown(condition: Condition) -> str:
    values = [number_text(v) if isinstance(v, (int, float)) else _text(v) for v in condition.operands]
    if condition.operator.endswith("between"):
        return f"{condition.operator} {' and '.join(values)}"
    if condition.operator.endswith("in"):
        return f"{condition.operator} [{', '.join(values)}]"
    return f"{condition.operator} {values[0]}"


def number_text(value: float) -> str:
    """A number without an exponent, which DQDL has not."""
    text = format(Decimal(repr(value)), "f")
    return text if isinstance(value, int) or "." in text else f"{text}.0"
