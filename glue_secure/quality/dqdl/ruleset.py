"""DQDL rulesets as data: parsing and formatting.

The language is that of https://docs.aws.amazon.com/glue/latest/dg/dqdl.html. A test compares the formatted
rules with the result of AWS's own parser.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal
from enum import Enum
from functools import cache
from typing import Any

from lark import Lark, Token, Transformer, UnexpectedInput, v_args
from lark.exceptions import VisitError

from glue_secure.core.errors import UsageError


class Keyword(str, Enum):
    """A keyword in the place of a value."""

    NULL = "NULL"
    EMPTY = "EMPTY"
    WHITESPACES_ONLY = "WHITESPACES_ONLY"


@dataclass(frozen=True, slots=True)
class StringLiteral:
    """The text between the quotes of a string.

    The meaning of backslashes depends on the position of the string in the rule.
    """

    raw: str


@dataclass(frozen=True, slots=True)
class Expression:
    """A value that Glue computes: ``avg(last(10))``, ``now()``, ``3 days``, ``$name``."""

    text: str


Operand = int | float | StringLiteral | Keyword | Expression


@dataclass(frozen=True, slots=True)
class RuleCondition:
    """An operator, such as ``>``, ``between``, ``not in`` or ``matches``, with its operands."""

    operator: str
    operands: tuple[Operand, ...] = field(repr=False)


@dataclass(frozen=True, slots=True)
class DqRule:
    """One rule.

    Attributes:
        kind: the rule type, such as ``ColumnValues``.
        parameters: usually the columns.
        condition: the condition for the rule's metric or for each value.
        where: SQL condition of the rows that the rule applies to.
        threshold: condition for the share of rows that meet ``condition``.
        labels: name → value.
        line: line number, from 1.
        text: the rule as it is in the document, without comments and line breaks.
    """

    kind: str
    parameters: tuple[str | Expression, ...] = ()
    condition: RuleCondition | None = None
    where: str | None = field(default=None, repr=False)
    threshold: RuleCondition | None = None
    labels: Mapping[str, str] = field(default_factory=dict)
    line: int = 0
    text: str = field(default="", compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class CompositeRule:
    """Rules that are combined by ``and`` or by ``or``.

    Attributes:
        operator: ``and`` or ``or``.
        parts: the rules.
        text: the rule as it is in the document, without comments and line breaks.
    """

    operator: str
    parts: tuple[AnyRule, ...]
    text: str = field(default="", compare=False, repr=False)


AnyRule = DqRule | CompositeRule


@dataclass(frozen=True, slots=True)
class Ruleset:
    """A document.

    Attributes:
        rules: the rules.
        other_sections: names of all other sections, such as ``Analyzers`` or ``DataSources``.
    """

    rules: tuple[AnyRule, ...]
    other_sections: tuple[str, ...] = ()


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

# A string, or a comment or blanks between strings.
_BETWEEN_STRINGS = re.compile(r'("(?:\\.|[^"\\])*")|(?:\s|#[^\n]*)+', re.S)


def parse(text: str, *, location: str) -> Ruleset:
    """Return the ruleset of a document.

    Raises:
        UsageError: the document is not valid DQDL. The message names line and column.
    """
    try:
        return _TreeBuilder(text).transform(_parser().parse(text))  # type: ignore[no-any-return]
    except UnexpectedInput as error:
        is_end = getattr(getattr(error, "token", None), "type", "") == "$END"
        position = "the end" if is_end else f"line {error.line}, column {error.column}"
        raise UsageError(
            f"ruleset {location}", found=f"invalid DQDL at {position}", required="Rules = [ RULE, ... ]"
        ) from None
    except RecursionError:
        raise UsageError(
            f"ruleset {location}",
            found="too deeply nested parentheses",
            required="fewer levels of parentheses",
        ) from None
    except VisitError as error:
        raise UsageError(f"ruleset {location}", found=str(error.orig_exc), required="DQDL") from None


@cache
def _parser() -> Lark:
    return Lark(_GRAMMAR, parser="lalr", propagate_positions=True)


@v_args(inline=True)
class _TreeBuilder(Transformer[Any, Any]):
    def __init__(self, document: str) -> None:
        super().__init__()
        self._document = document

    def _text(self, meta: Any) -> str:
        text = self._document[meta.start_pos : meta.end_pos]
        return _BETWEEN_STRINGS.sub(lambda match: match[1] or " ", text).strip()

    def start(self, *parts: Any) -> Ruleset:
        rules = [rule for part in parts if isinstance(part, list) for rule in part]
        labels = [value for part in parts if isinstance(part, tuple) for value in part[1:]]
        other_sections = tuple(part for part in parts if isinstance(part, str))
        return Ruleset(tuple(_with_labels(rule, *labels) for rule in rules), other_sections)

    def metadata(self, *_: Any) -> str:
        return "Metadata"

    def sources(self, *_: Any) -> str:
        return "DataSources"

    def variable(self, name: Token, *_: Any) -> str:
        return f"variable {name}"

    def analyzers(self, *_: Any) -> str:
        return "Analyzers"

    def rules(self, *rules: Any) -> list[AnyRule]:
        return [rule for rule in rules if rule is not None]

    def group(self, rule: AnyRule, labels: tuple[str, Mapping[str, str]] | None) -> AnyRule:
        return rule if labels is None else _with_labels(rule, labels[1])

    @v_args(inline=True, meta=True)
    def conjunction(self, meta: Any, *parts: AnyRule) -> CompositeRule:
        return CompositeRule("and", parts, self._text(meta))

    @v_args(inline=True, meta=True)
    def disjunction(self, meta: Any, *parts: AnyRule) -> CompositeRule:
        return CompositeRule("or", parts, self._text(meta))

    @v_args(inline=True, meta=True)
    def rule(self, meta: Any, kind: Token, *parts: Any) -> DqRule:
        attributes: dict[str, Any] = {}
        for part in parts:
            if part is None or isinstance(part, (str, Expression)):
                continue
            name, value = ("condition", part) if isinstance(part, RuleCondition) else part
            if name in attributes:
                raise ValueError(f"more than one {name} in the rule in line {kind.line}")
            attributes[name] = value
        parameters = tuple(part for part in parts if isinstance(part, (str, Expression)))
        return DqRule(str(kind), parameters, line=kind.line or 0, text=self._text(meta), **attributes)

    def parameter(self, value: Any) -> str | Expression:
        if isinstance(value, Expression):
            return value
        return str(value)[1:-1] if value.type == "STRING" else str(value)

    def where(self, text: Token) -> tuple[str, str]:
        return "where", str(text)[1:-1]

    def labels(self, *pairs: tuple[str, str] | None) -> tuple[str, Mapping[str, str]]:
        return "labels", dict(pair for pair in pairs if pair is not None)

    default_labels = labels

    def label(self, name: Token, value: Token) -> tuple[str, str]:
        return str(name)[1:-1], str(value)[1:-1]

    def threshold(self, name: Token, condition: RuleCondition) -> tuple[str, RuleCondition]:
        if name != "threshold":
            raise ValueError(f"unknown clause with {name} in line {name.line}")
        return "threshold", condition

    def between(self, negated: str, low: Operand, high: Operand) -> RuleCondition:
        return RuleCondition(f"{negated}between", (low, high))

    def among(self, negated: str, values: Any) -> RuleCondition:
        return RuleCondition(f"{negated}in", values if isinstance(values, tuple) else (values,))

    def matches(self, negated: str, pattern: Token) -> RuleCondition:
        return RuleCondition(f"{negated}matches", (StringLiteral(str(pattern)[1:-1]),))

    def equal(self, *parts: Any) -> RuleCondition:
        return RuleCondition("!=" if len(parts) > 1 else "=", (parts[-1],))

    def ordered(self, operator: Token, value: Operand) -> RuleCondition:
        return RuleCondition(str(operator), (value,))

    @v_args(inline=False)
    def array(self, values: list[Operand]) -> tuple[Operand, ...]:
        return tuple(values)

    @v_args(inline=False)
    def sum(self, parts: list[Any]) -> Operand:
        return parts[0] if len(parts) == 1 else Expression(" ".join(map(_text, parts)))

    def number(self, *parts: Token) -> Operand:
        text = "".join(parts)
        if text[0] in "+*/":
            raise ValueError(f"invalid number {text}")
        return float(text) if "." in text else int(text)

    def computed(self, *parts: Any) -> Expression:
        return Expression(" ".join(_text(part) for part in parts if part is not None))

    def quoted(self, text: Token) -> StringLiteral:
        return StringLiteral(str(text)[1:-1])

    def word(self, text: Token) -> Keyword:
        return Keyword(text.upper())

    def value(self, value: Any) -> Any:
        return value

    def negated(self, word: Token | None) -> str:
        return "" if word is None else "not "


def _text(part: Any) -> str:
    if isinstance(part, Expression):
        return part.text
    return f'"{part.raw}"' if isinstance(part, StringLiteral) else str(getattr(part, "value", part))


def _with_labels(rule: AnyRule, labels: Mapping[str, str] | None = None) -> AnyRule:
    """Return the rule with default labels. The rule's own labels take precedence."""
    if labels is None:
        return rule
    if isinstance(rule, CompositeRule):
        return replace(rule, parts=tuple(_with_labels(part, labels) for part in rule.parts))
    return replace(rule, labels={**labels, **rule.labels})


def format_rule(rule: AnyRule) -> str:
    """Return the DQDL text of a rule."""
    if isinstance(rule, CompositeRule):
        return f" {rule.operator} ".join(f"({format_rule(part)})" for part in rule.parts)
    words = [rule.kind, *(f'"{name}"' for name in rule.parameters)]
    if rule.condition is not None:
        words.append(format_condition(rule.condition))
    if rule.where is not None:
        words.append(f'where "{rule.where}"')
    if rule.labels:
        words.append("labels = [" + ", ".join(f'"{k}" = "{v}"' for k, v in rule.labels.items()) + "]")
    if rule.threshold is not None:
        words.append(f"with threshold {format_condition(rule.threshold)}")
    return " ".join(words)


def rule_label(rule: AnyRule) -> str:
    """Return type, columns and line of a rule, without its literals."""
    if isinstance(rule, CompositeRule):
        return f"({rule_label(rule.parts[0])} {rule.operator} ...)"
    names = ""
    if rule.kind != "CustomSql":
        names = ", ".join(name for name in rule.parameters if isinstance(name, str))
    return f"{rule.kind} ({names}), line {rule.line}" if names else f"{rule.kind}, line {rule.line}"


def format_condition(condition: RuleCondition) -> str:
    """Return the DQDL text of a condition."""
    values = [number_text(v) if isinstance(v, (int, float)) else _text(v) for v in condition.operands]
    if condition.operator.endswith("between"):
        return f"{condition.operator} {' and '.join(values)}"
    if condition.operator.endswith("in"):
        return f"{condition.operator} [{', '.join(values)}]"
    return f"{condition.operator} {values[0]}"


def number_text(value: float) -> str:
    """Return a number without an exponent, because DQDL does not support exponents."""
    text = format(Decimal(repr(value)), "f")
    return text if isinstance(value, int) or "." in text else f"{text}.0"
