"""Checks of the arguments of public methods against the methods' own annotations.

A wrong type otherwise shows somewhere below, as an AttributeError or an error of the JVM. Annotations that
name no type of the standard library (``DataFrame``) are left to the method.
"""

from __future__ import annotations

import ast
import functools
import inspect
import sys
import types
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any, Literal, TypeVar, Union, get_args, get_origin

from glue_secure.core.errors import UsageError
from glue_secure.core.ignored_options import correction

TargetT = TypeVar("TargetT")
FailureContext = Callable[[Any], AbstractContextManager[None] | None]
"""Takes the object of a call, and returns the context in which a usage error is raised.

None: the method itself reports that it cannot be called yet.
"""
# Classes that this package does not import, by name. Subclasses count.
_BY_NAME = {"DynamicFrame": "a DynamicFrame (DynamicFrame.fromDF)", "StructType": "a StructType"}


@dataclass(frozen=True, slots=True)
class _Rule:
    """Whether a value has a type, and the type in words."""

    accepts: Callable[[Any], bool]
    description: str


def _is_number(value: Any) -> bool:
    is_digits = isinstance(value, str) and value.strip().isdecimal()
    return (isinstance(value, int) and not isinstance(value, bool)) or is_digits


def _is_mapping(value: Any) -> bool:
    return isinstance(value, Mapping) and all(isinstance(key, str) for key in value)


def _is_sequence_of_text(value: Any) -> bool:
    is_sequence = isinstance(value, Sequence) and not isinstance(value, (str, bytes, bytearray))
    return is_sequence and all(isinstance(item, str) for item in value)


_TEXT = _Rule(lambda value: isinstance(value, str), "text")
_RULES = {
    "str": _TEXT,
    "int": _Rule(_is_number, "a whole number"),
    "float": _Rule(lambda value: _is_number(value) or isinstance(value, float), "a number"),
    "bool": _Rule(lambda value: isinstance(value, bool), "True or False"),
    "None": _Rule(lambda value: value is None, "None"),
    "Mapping": _Rule(_is_mapping, "a mapping from text"),
    "dict": _Rule(_is_mapping, "a mapping from text"),
    "Callable": _Rule(callable, "a function"),
    "type": _Rule(lambda value: isinstance(value, type), "a class"),
}
_SEQUENCES = ("Sequence", "list", "Iterable")


def check_argument_types(failure_context: FailureContext) -> Callable[[TargetT], TargetT]:
    """Return a decorator of a class's public methods, or of one method: a wrong type raises UsageError.

    None for an optional text means its default, ``""``, as for an option that a script does not set.

    Args:
        failure_context: returns the context in which the error is raised, so that a script that catches it
            cannot commit a run that has read or written less than it should.
    """

    def decorate(target: Any) -> Any:
        if not isinstance(target, type):
            return _checked(target, target.__qualname__.removesuffix(".__call__"), failure_context)
        for name, member in list(vars(target).items()):
            is_public = not name.startswith("_")
            if is_public and isinstance(member, classmethod):
                wrapped = _checked(member.__func__, f"{target.__name__}.{name}", None)
                setattr(target, name, classmethod(wrapped))
            elif is_public and inspect.isfunction(member):
                setattr(target, name, _checked(member, f"{target.__name__}.{name}", failure_context))
        return target

    return decorate


def _checked(
    method: Callable[..., Any], call: str, failure_context: FailureContext | None
) -> Callable[..., Any]:
    signature = inspect.signature(method)

    @functools.cache
    def rules() -> dict[str, _Rule]:
        names = vars(sys.modules[method.__module__])
        found = {
            parameter.name: _rule_of_parameter(parameter, names)
            for parameter in signature.parameters.values()
            if parameter.kind != parameter.VAR_KEYWORD and parameter.annotation is not parameter.empty
        }
        return {name: rule for name, rule in found.items() if rule is not None}

    @functools.wraps(method)
    def call_checked(*args: Any, **kwargs: Any) -> Any:
        try:
            bound = signature.bind(*args, **kwargs)
        except TypeError as reason:
            error = _wrong_call(signature, call, reason, kwargs)
        else:
            for name, value in bound.arguments.items():
                if value is None and signature.parameters[name].default == "":
                    bound.arguments[name] = ""
            wrong = _wrong_argument(bound.arguments, rules(), call)
            if wrong is None:
                return method(*bound.args, **bound.kwargs)
            error = wrong
        context = failure_context(args[0]) if failure_context is not None else nullcontext()
        if context is None:
            return method(*args, **kwargs)
        with context:
            raise error

    return call_checked


def _wrong_call(
    signature: inspect.Signature, call: str, reason: TypeError, kwargs: Mapping[str, Any]
) -> UsageError:
    unknown = [name for name in kwargs if name not in signature.parameters]
    # A misspelt name is the cause of a missing argument.
    found = f"unexpected argument {', '.join(map(repr, unknown))}" if unknown else str(reason)
    names = list(signature.parameters)[1:]
    fix = correction(unknown, [other for other in names if other not in kwargs])
    return UsageError(call, found=found, required=f"{call}({', '.join(names)})", fix=fix)


def _wrong_argument(values: Mapping[str, Any], rules: Mapping[str, _Rule], call: str) -> UsageError | None:
    for name, value in values.items():
        rule = rules.get(name)
        if rule is not None and not rule.accepts(value):
            return UsageError(
                f"argument {name} of {call}", found=_described(value), required=rule.description
            )
    return None


def _described(value: Any) -> str:
    """Return the value's type, and those of its items. The value itself may be a secret."""
    name = "None" if value is None else type(value).__name__
    if isinstance(value, Mapping):
        return f"{name} with keys of type {_types(value)}" if value else name
    if isinstance(value, (list, tuple, set, frozenset)):
        return f"{name} of {_types(value)}" if value else name
    return name


def _types(values: Iterable[Any]) -> str:
    return ", ".join(sorted({type(value).__name__ for value in values}))


def _rule_of_parameter(parameter: inspect.Parameter, names: Mapping[str, Any]) -> _Rule | None:
    rule = _rule(parameter.annotation, names)
    if rule is None or parameter.kind != parameter.VAR_POSITIONAL:
        return rule
    return _Rule(lambda values: all(map(rule.accepts, values)), rule.description)


def _rule(annotation: Any, names: Mapping[str, Any]) -> _Rule | None:
    """Return the rule of an annotation, None if every value is left to the method.

    Args:
        annotation: text, as ``from __future__ import annotations`` stores it, or a type.
        names: the names of the module, to follow an alias such as ``Options``.
    """
    if isinstance(annotation, str):
        return _rule_of_syntax(ast.parse(annotation, mode="eval").body, names)
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin in (Union, types.UnionType):
        return _union([_rule(member, names) for member in arguments])
    if origin is Literal:
        return _one_of(arguments)
    kind = annotation if origin is None else origin
    name = "None" if kind is type(None) else getattr(kind, "__name__", "")
    if name in _SEQUENCES:
        return _sequence(arguments[:1] == (str,))
    return _RULES.get(name)


def _rule_of_syntax(node: ast.expr, names: Mapping[str, Any]) -> _Rule | None:
    if isinstance(node, ast.BinOp):
        return _union([_rule_of_syntax(node.left, names), _rule_of_syntax(node.right, names)])
    if isinstance(node, ast.Subscript) and isinstance(node.value, ast.Name):
        name = node.value.id
        if name in _SEQUENCES:
            return _sequence(isinstance(node.slice, ast.Name) and node.slice.id == "str")
        return _RULES.get(name)
    if isinstance(node, ast.Constant) and node.value is None:
        return _RULES["None"]
    if isinstance(node, ast.Name):
        if node.id in _RULES:
            return _RULES[node.id]
        if node.id in _BY_NAME:
            return _named(node.id)
        alias = names.get(node.id)
        return None if alias is None or isinstance(alias, type) else _rule(alias, names)
    return None


def _union(rules: Sequence[_Rule | None]) -> _Rule | None:
    known = [rule for rule in rules if rule is not None]
    if len(known) < len(rules):
        return None
    described = " or ".join(rule.description for rule in known)
    return _Rule(lambda value: any(rule.accepts(value) for rule in known), described)


def _one_of(values: Sequence[Any]) -> _Rule:
    # Which of the texts is right, the method knows: it may accept other letter cases.
    return _Rule(_TEXT.accepts, ", ".join(map(str, values)))


def _sequence(of_text: bool) -> _Rule | None:
    return _Rule(_is_sequence_of_text, "a list of text") if of_text else None


def _named(name: str) -> _Rule:
    return _Rule(lambda value: any(kind.__name__ == name for kind in type(value).__mro__), _BY_NAME[name])


def context_of(frame: Any, call: str) -> Any:
    """Return the GlueContext of a DynamicFrame. Raises UsageError for another argument of ``call``."""
    context = getattr(frame, "glue_ctx", None)
    if context is None:
        raise UsageError(call, found=type(frame).__name__, required="a DynamicFrame")
    return context
