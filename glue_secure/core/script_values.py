"""What the names and expressions of a Python script stand for, by its source alone.

Values are followed through imports, aliases, ``getattr``, ``functools.partial``, constants, text operations,
dictionaries, loops, defaults of argparse, class attributes, and the parameters and results of the script's
own functions, methods and constructors. An answer has all values that the source shows, whatever the order of
statements. What the source does not show is :data:`UNKNOWN_TEXT` in a text, and the expression itself
elsewhere.
"""

from __future__ import annotations

import ast
import re
import shlex
import string
import warnings
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from threading import Lock
from typing import Any

UNKNOWN_TEXT = "\ufffc"
"""Character for a part of a text that the source does not show."""
# The filters of warnings belong to the process, and an audit checks scripts in several threads.
_PARSER = Lock()
_MOST = 16
_DEEPEST = 24
_TEXT_METHODS = frozenset({"lower", "upper", "strip", "lstrip", "rstrip", "title", "capitalize", "casefold"})
_SAME_VALUE = frozenset({"copy.copy", "copy.deepcopy", "dict", "list", "tuple", "str", "os.fspath"})
_DEFERRED = frozenset({"partial", "submit", "to_thread", "partialmethod"})
# Settings in SQL and in arguments: SET name=value, --conf name=value.
_SETTING = re.compile(
    r"(?:\s*SET\s+|--conf[ =])?\s*(?P<name>(?:spark|fs)\.[\w.\-]+)\s*=\s*(?P<value>[^\s;]*)\s*;?\s*", re.I
)
# https://docs.python.org/3/library/stdtypes.html#printf-style-string-formatting
_PERCENT = re.compile(
    r"%(?:\((?P<key>[^)]*)\))?[#0\-+ ]*(?:\d+|\*)?(?:\.(?:\d+|\*))?[hlL]?(?P<type>[a-zA-Z%])"
)
_Function = (ast.FunctionDef, ast.AsyncFunctionDef)
_PARSES = frozenset({"parse_args", "parse_known_args", "parse_intermixed_args"})
# Calls whose elements are those of their argument.
_SAME_ELEMENTS = frozenset({"list", "tuple", "set", "frozenset", "sorted", "reversed", "iter"})


class _Element(ast.expr):
    """Any element of a list, a tuple, a set or a dictionary: what a loop binds."""

    _fields = ("iterable",)
    iterable: ast.expr


class _Part(ast.expr):
    """One element of a tuple or list."""

    _fields = ("whole", "position")
    whole: ast.expr
    position: int


# Expressions that may stand for another one.
_HAS_CHOICES = (
    ast.Name, ast.Attribute, ast.IfExp, ast.BoolOp, ast.NamedExpr, ast.Await, ast.Starred, ast.Subscript,
    ast.Call, _Element, _Part,
)  # fmt: skip
_OPENS_SCOPE = (*_Function, ast.Lambda, ast.ClassDef)
_BINDS = (
    *_OPENS_SCOPE, ast.Import, ast.ImportFrom, ast.Assign, ast.AnnAssign, ast.NamedExpr, ast.AugAssign,
    ast.For, ast.AsyncFor, ast.comprehension, ast.withitem, ast.Call,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class ScriptCall:
    """One call of a script, also through ``functools.partial``, a pool or a thread.

    Attributes:
        node: the position.
        names: full names that the called expression may stand for: ``boto3.client``; the result of a call has
            parentheses: ``boto3.client().put_object``. Unknown parts are empty: ``.put_object``.
        args: positional arguments.
        keywords: names and values of keyword arguments, also those of ``**options``.
        methods: the last parts of the names.
    """

    node: ast.Call
    names: tuple[str, ...]
    args: tuple[ast.expr, ...]
    keywords: tuple[tuple[str, ast.expr], ...]
    methods: frozenset[str] = field(init=False)

    def __post_init__(self) -> None:
        """Set the last parts of the names."""
        methods = frozenset(name.rpartition(".")[2] for name in self.names)
        object.__setattr__(self, "methods", methods)

    @property
    def name(self) -> str:
        """The first name as it is shown in a message."""
        return self.names[0].lstrip(".") if self.names else ""

    def keyword(self, name: str) -> list[ast.expr]:
        """Return the values of a keyword argument."""
        return [value for word, value in self.keywords if word == name]

    def starts_with(self, *prefixes: str) -> bool:
        """Return whether a name begins with one of the prefixes."""
        for name in self.names:  # noqa: SIM110 - the method of most calls, faster than a generator
            if name.startswith(prefixes):
                return True
        return False


@dataclass(frozen=True, slots=True)
class NamedValue:
    """A value that the script gives a name: an entry, an argument, a setting or an attribute.

    Attributes:
        name: the name.
        value: the expression.
        node: the position.
        beside: other names of the same dictionary or call, in lower case.
        call: the call whose argument it is, or None.
    """

    name: str
    value: ast.expr
    node: ast.expr
    beside: frozenset[str] = frozenset()
    call: ScriptCall | None = None


@dataclass(slots=True)
class _Scope:
    parent: _Scope | None
    is_class: bool = False
    bindings: dict[str, list[ast.AST | None]] = field(default_factory=dict)
    items: dict[str, list[tuple[ast.expr, ast.expr]]] = field(default_factory=dict)
    more: dict[str, list[ast.Call]] = field(default_factory=dict)
    appended: dict[str, list[ast.expr]] = field(default_factory=dict)


def parse_script(text: str | bytes) -> ast.Module:
    """Return the syntax tree of a script, without Python's warnings, for example about invalid escapes.

    Raises:
        SyntaxError: Python cannot parse the script.
        ValueError: the text contains null bytes.
        RecursionError: the script is nested too deeply.
    """
    with _PARSER, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return ast.parse(text)


class ScriptValues:
    """The values of a script.

    Args:
        tree: the parsed script.
    """

    def __init__(self, tree: ast.Module) -> None:
        self.tree = tree
        self.nodes = list(_walk(tree))
        """Every node of the script, without the contexts of names."""
        self.modules: dict[str, ast.stmt] = {}
        """Modules that imports name, with the first import."""
        self._imported: dict[str, list[str]] = {}
        self._stars: list[str] = []
        self._scopes: dict[int, _Scope] = {}
        self._classes: dict[int, _Scope] = {}
        self._returns: dict[int, list[ast.expr]] = {}
        self._attributes: dict[str, list[ast.AST | None]] = {}
        self._options: dict[str, list[ast.AST | None]] = {}
        self._made: list[ast.expr] = []
        self.sums: list[ast.BinOp] = []
        """Values of ``+=``, with the earlier values of the name."""
        self._stored: list[tuple[str | ast.expr, ast.expr, ast.expr]] = []
        # Answers by question, and questions that are being answered, so that each is answered once.
        self._answers: dict[tuple[object, ...], list[Any]] = {}
        self._asked: set[tuple[object, ...]] = set()
        self._visit_all(tree.body, _Scope(None))
        self._bind_parameters()
        self._answers.clear()

    # Scopes and bindings

    def _visit_all(self, nodes: Iterable[ast.AST], scope: _Scope) -> None:
        for node in nodes:
            self._visit(node, scope)

    def _visit(self, node: ast.AST, scope: _Scope) -> None:
        if isinstance(node, ast.Name):
            self._scopes[id(node)] = scope
            return
        if isinstance(node, _BINDS):
            self._bind_names(node, scope)
        if not isinstance(node, _OPENS_SCOPE):
            self._visit_all(_children(node), scope)

    def _bind_names(self, node: ast.AST, scope: _Scope) -> None:
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            self._import(node)
        elif isinstance(node, (*_Function, ast.Lambda)):
            self._function(node, scope)
        elif isinstance(node, ast.ClassDef):
            inner = _Scope(scope, is_class=True)
            self._classes[id(node)] = inner
            scope.bindings.setdefault(node.name, []).append(node)
            self._visit_all([*node.decorator_list, *node.bases, *node.keywords], scope)
            self._visit_all(node.body, inner)
        elif isinstance(node, ast.Assign):
            for target in node.targets:
                self._bind(target, node.value, scope)
        elif isinstance(node, (ast.AnnAssign, ast.NamedExpr)) and node.value is not None:
            self._bind(node.target, node.value, scope)
        elif isinstance(node, ast.AugAssign):
            self._bind_sum(node, scope)
        elif isinstance(node, (ast.For, ast.AsyncFor, ast.comprehension)):
            is_list = isinstance(node.iter, (ast.List, ast.Tuple, ast.Set))
            elements = node.iter.elts if is_list else [self._element_of(node.iter)]  # type: ignore[attr-defined]
            for element in elements:
                self._bind(node.target, element, scope)
        elif isinstance(node, ast.withitem) and node.optional_vars is not None:
            self._bind(node.optional_vars, node.context_expr, scope)
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            owner = node.func.value
            if node.func.attr == "update" and isinstance(owner, ast.Name):
                scope.more.setdefault(owner.id, []).append(node)
            elif node.func.attr in ("append", "extend") and isinstance(owner, ast.Name):
                scope.appended.setdefault(owner.id, []).extend(node.args)
            elif node.func.attr == "add_argument":
                self._bind_option(node)

    def _function(self, node: ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda, scope: _Scope) -> None:
        inner = _Scope(scope)
        arguments = node.args
        named = [*arguments.posonlyargs, *arguments.args]
        for argument in [*named, *arguments.kwonlyargs, arguments.vararg, arguments.kwarg]:
            if argument is not None:
                inner.bindings.setdefault(argument.arg, []).append(None)
        defaults = [*zip(reversed(named), reversed(arguments.defaults), strict=False)]
        defaults += [
            (argument, value)
            for argument, value in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True)
            if value is not None
        ]
        for argument, value in defaults:
            inner.bindings[argument.arg].append(value)
            self._visit(value, scope)
        if isinstance(node, ast.Lambda):
            self._returns[id(node)] = [node.body]
            self._visit(node.body, inner)
            return
        scope.bindings.setdefault(node.name, []).append(node)
        self._classes.setdefault(id(node), inner)
        self._visit_all(node.decorator_list, scope)
        self._visit_all(node.body, inner)
        self._returns[id(node)] = [
            part.value for part in ast.walk(node) if isinstance(part, ast.Return) and part.value is not None
        ]

    def _import(self, node: ast.Import | ast.ImportFrom) -> None:
        if isinstance(node, ast.Import):
            for alias in node.names:
                self.modules.setdefault(alias.name, node)
                first = alias.name.partition(".")[0]
                full = alias.name if alias.asname else first
                self._imported.setdefault(alias.asname or first, []).append(full)
        elif node.module and not node.level:
            self.modules.setdefault(node.module, node)
            for alias in node.names:
                if alias.name == "*":
                    self._stars.append(node.module)
                else:
                    self.modules.setdefault(f"{node.module}.{alias.name}", node)
                    full = f"{node.module}.{alias.name}"
                    self._imported.setdefault(alias.asname or alias.name, []).append(full)

    def _bind(self, target: ast.expr, value: ast.expr | None, scope: _Scope) -> None:
        if isinstance(target, ast.Name):
            scope.bindings.setdefault(target.id, []).append(value)
        elif isinstance(target, (ast.Tuple, ast.List)):
            parts: list[Any] = value.elts if isinstance(value, (ast.Tuple, ast.List)) else []
            if len(parts) != len(target.elts):
                is_starred = any(isinstance(element, ast.Starred) for element in target.elts)
                known = value is not None and not parts and not is_starred
                parts = [
                    self._part_of(value, n) if known and value else None for n in range(len(target.elts))
                ]
            for element, part in zip(target.elts, parts, strict=True):
                self._bind(element, part, scope)
        elif isinstance(target, ast.Attribute):
            self._attributes.setdefault(target.attr, []).append(value)
            if value is not None:
                self._stored.append((target.attr, value, target))
        elif isinstance(target, ast.Subscript) and value is not None:
            if isinstance(target.value, ast.Name):
                scope.items.setdefault(target.value.id, []).append((target.slice, value))
            self._stored.append((target.slice, value, target))

    def _bind_option(self, node: ast.Call) -> None:
        """Bind an option of argparse to its default."""
        flags = [part.value for part in node.args if isinstance(part, ast.Constant)]
        names = [flag for flag in flags if isinstance(flag, str)]
        words = {word.arg: word.value for word in node.keywords}
        name = next((flag for flag in names if flag.startswith("--")), names[0] if names else "")
        destination = words.get("dest")
        if isinstance(destination, ast.Constant):
            name = str(destination.value)
        if name and "default" in words:
            self._options.setdefault(name.lstrip("-").replace("-", "_"), []).append(words["default"])

    def _bind_sum(self, node: ast.AugAssign, scope: _Scope) -> None:
        if not isinstance(node.target, ast.Name):
            return
        earlier = scope.bindings.setdefault(node.target.id, [])
        for value in earlier[:4]:
            left = value if isinstance(value, ast.expr) else ast.Constant(UNKNOWN_TEXT)
            total = ast.copy_location(ast.BinOp(left, node.op, node.value), node)
            earlier.append(total)
            self.sums.append(total)

    def _bind_parameters(self) -> None:
        """Bind the parameters of the script's functions and classes to the arguments of their calls.

        Methods are bound last: the class of their object may be known by an argument alone.
        """
        calls = [node for node in self.nodes if isinstance(node, ast.Call)]
        for is_last in (False, True):
            self._answers.clear()
            for node in calls:
                if isinstance(node.func, ast.Attribute) is is_last:
                    self._bind_arguments(node)

    def _bind_arguments(self, node: ast.Call) -> None:
        classes = self._local_classes(node.func)
        for function in [*self._local_functions(node.func), *self._methods(classes, "__init__")]:
            names = [argument.arg for argument in [*function.args.posonlyargs, *function.args.args]]
            if names[:1] in (["self"], ["cls"]):
                names = names[1:]
            if id(function) in self._classes:
                self._bind_call(node, names, self._classes[id(function)])
        for one in classes:
            scope = self._classes[id(one)]
            if "__init__" not in scope.bindings:
                annotated = [part.target for part in one.body if isinstance(part, ast.AnnAssign)]
                fields = [target.id for target in annotated if isinstance(target, ast.Name)]
                for name in fields:
                    scope.bindings.setdefault(name, [])
                self._bind_call(node, fields, scope)

    @staticmethod
    def _bind_call(node: ast.Call, names: list[str], scope: _Scope) -> None:
        for name, value in zip(names, node.args, strict=False):
            if not isinstance(value, ast.Starred):
                scope.bindings.setdefault(name, []).append(value)
        for word in node.keywords:
            if word.arg in scope.bindings:
                scope.bindings[word.arg].append(word.value)

    def _local_functions(self, func: ast.expr) -> list[ast.FunctionDef | ast.AsyncFunctionDef]:
        """Return the script's functions and methods that an expression may stand for."""
        if isinstance(func, ast.Name):
            return [one for one in self._lookup(func) or [] if isinstance(one, _Function)]
        if not isinstance(func, ast.Attribute):
            return []
        owner = func.value
        is_super = (
            isinstance(owner, ast.Call) and isinstance(owner.func, ast.Name) and owner.func.id == "super"
        )
        if is_super or (isinstance(owner, ast.Name) and owner.id == "self"):
            return [
                one
                for scope in self._classes.values()
                if scope.is_class
                for one in scope.bindings.get(func.attr, ())
                if isinstance(one, _Function)
            ]
        if func.attr not in self._method_names:
            return []
        classes = []
        for value in self.values(owner):
            if isinstance(value, ast.ClassDef):
                classes.append(value)
            elif isinstance(value, ast.Call):
                classes += self._local_classes(value.func)
        return self._methods(classes, func.attr)

    @cached_property
    def _method_names(self) -> frozenset[str]:
        """The names of all methods of the script's classes."""
        scopes = [scope for scope in self._classes.values() if scope.is_class]
        return frozenset(name for scope in scopes for name in scope.bindings)

    def _local_classes(self, func: ast.expr) -> list[ast.ClassDef]:
        found = self._lookup(func) or [] if isinstance(func, ast.Name) else []
        return [one for one in found if isinstance(one, ast.ClassDef)]

    def _methods(
        self, classes: list[ast.ClassDef], name: str
    ) -> list[ast.FunctionDef | ast.AsyncFunctionDef]:
        """Return the methods of a name of classes, and for a class without one, those of its bases."""
        found: list[ast.FunctionDef | ast.AsyncFunctionDef] = []
        pending, known = list(classes), set()
        while pending:
            one = pending.pop(0)
            if id(one) in known:
                continue
            known.add(id(one))
            own = [
                part for part in self._classes[id(one)].bindings.get(name, ()) if isinstance(part, _Function)
            ]
            found += own
            if not own:
                pending += [base for part in one.bases for base in self._local_classes(part)]
        return found

    def _lookup(self, node: ast.Name) -> list[ast.AST | None] | None:
        """Return what the name is bound to; None if the script does not bind it."""
        scope = first = self._scopes.get(id(node))
        while scope is not None:
            if node.id in scope.bindings and (scope is first or not scope.is_class):
                return scope.bindings[node.id]
            scope = scope.parent
        return None

    def _once(
        self, key: tuple[object, ...], answer: Callable[[], Iterable[Any]], during: list[Any]
    ) -> list[Any]:
        """Return the answer to a question, computed once; ``during`` inside of that computation."""
        if key in self._answers:
            return self._answers[key]
        if key in self._asked or len(self._asked) > _DEEPEST:
            return during
        self._asked.add(key)
        try:
            found = self._answers[key] = list(dict.fromkeys(answer()))[:_MOST]
        finally:
            self._asked.discard(key)
        return found

    # Values

    def values(self, node: ast.AST | None) -> list[ast.AST]:
        """Return the expressions that an expression may stand for. Unknown ones are returned as they are."""
        if node is None:
            return []
        if not isinstance(node, _HAS_CHOICES):
            return [node]
        key: tuple[object, ...] = ("values", id(node))
        if isinstance(node, ast.Name):
            key = ("values", *self._variable(node))
        return self._once(key, lambda: self._expanded(node), [node])

    def _expanded(self, node: ast.AST) -> Iterator[ast.AST]:
        choices = self._choices(node)
        for choice in choices if choices is not None else [None]:
            if choice is None:
                yield node
            else:
                yield from self.values(choice)

    def _variable(self, node: ast.Name) -> tuple[object, ...]:
        """Return the identity of a variable: its scope and name."""
        scope = first = self._scopes.get(id(node))
        while scope is not None:
            if node.id in scope.bindings and (scope is first or not scope.is_class):
                return (id(scope), node.id)
            scope = scope.parent
        return (0, node.id)

    def _choices(self, node: ast.AST) -> list[ast.AST | None] | None:
        """Return the next expressions; None in the list means unknown, None that there are none."""
        if isinstance(node, ast.Name):
            return self._lookup(node) or None
        if isinstance(node, ast.Attribute):
            return self._members(node)
        if isinstance(node, ast.IfExp):
            return [node.body, node.orelse]
        if isinstance(node, ast.BoolOp):
            return list(node.values)
        if isinstance(node, (ast.NamedExpr, ast.Await, ast.Starred)):
            return [node.value]
        if isinstance(node, ast.Subscript):
            return self._element(node)
        if isinstance(node, ast.Call):
            return self._result(node)
        if isinstance(node, _Element):
            return [*self._elements_of(node.iterable, 0)] or None
        if isinstance(node, _Part):
            return self._part(node)
        return None

    @staticmethod
    def _element_of(iterable: ast.expr) -> ast.expr:
        return ast.copy_location(_Element(iterable), iterable)  # type: ignore[call-arg, arg-type]

    @staticmethod
    def _part_of(whole: ast.expr, position: int) -> ast.expr:
        return ast.copy_location(_Part(whole, position), whole)  # type: ignore[call-arg, arg-type]

    def _elements_of(self, iterable: ast.expr, depth: int) -> Iterator[ast.expr | None]:
        """Yield the elements that a loop over an expression binds, None for those that are not known."""
        for value in self.values(iterable) if depth < 8 else [iterable]:
            if isinstance(value, (ast.List, ast.Tuple, ast.Set)):
                yield from (None if isinstance(part, ast.Starred) else part for part in value.elts)
            elif isinstance(value, (ast.ListComp, ast.SetComp, ast.GeneratorExp)):
                yield value.elt
            elif isinstance(value, ast.Dict):
                yield from value.keys
            elif isinstance(value, ast.Call):
                yield from self._elements_of_call(value, depth)
            else:
                yield None
        if isinstance(iterable, ast.Name):
            yield from self._appended(iterable)

    def _elements_of_call(self, call: ast.Call, depth: int) -> Iterator[ast.expr | None]:
        func = call.func
        if isinstance(func, ast.Attribute) and func.attr in ("items", "keys", "values") and not call.args:
            if not self.shows_all_entries(func.value):
                yield None
            for name, value in self.entries(func.value):
                word = self._made_node(ast.copy_location(ast.Constant(name), value))
                pair = ast.copy_location(ast.Tuple([word, value], ast.Load()), value)
                yield {"items": self._made_node(pair), "keys": word, "values": value}[func.attr]
        elif isinstance(func, ast.Name) and call.args:
            if func.id in _SAME_ELEMENTS:
                yield from self._elements_of(call.args[0], depth + 1)
            elif func.id in ("enumerate", "zip"):
                number = self._made_node(ast.copy_location(ast.Constant(UNKNOWN_TEXT), call))
                columns = [[*self._elements_of(part, depth + 1)] for part in call.args]
                if func.id == "enumerate":
                    columns = [[number] * len(columns[0]), columns[0]]
                for row in zip(*columns, strict=False):
                    elements = [number if part is None else part for part in row]
                    pair = ast.Tuple(elements, ast.Load())
                    yield self._made_node(ast.copy_location(pair, call))
            else:
                yield None
        else:
            yield None

    def _part(self, node: _Part) -> list[ast.AST | None] | None:
        found: list[ast.AST | None] = []
        for value in self.values(node.whole):
            if isinstance(value, (ast.Tuple, ast.List)) and node.position < len(value.elts):
                found.append(value.elts[node.position])
            elif node.position == 0 and self._is_parsed(value):
                found.append(value)
            else:
                found.append(None)
        return found or None

    def _is_parsed(self, node: ast.AST) -> bool:
        """Return whether an expression is the result of ``parse_args`` of argparse."""
        return (
            isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in _PARSES
        )

    def _members(self, node: ast.Attribute) -> list[ast.AST | None] | None:
        if isinstance(node.value, ast.Name) and node.value.id in ("self", "cls"):
            own = [one for scope in self._classes.values() for one in scope.bindings.get(node.attr, ())
                   if scope.is_class]  # fmt: skip
            return [*self._attributes.get(node.attr, ()), *own] or None
        for owner in self.values(node.value):
            owners = [owner]
            if node.attr in self._options and self._is_parsed(owner):
                return [*self._options[node.attr], None]
            if isinstance(owner, ast.Call):
                owners = [one for one in self.values(owner.func) if isinstance(one, ast.ClassDef)]
            for one in owners:
                if isinstance(one, ast.ClassDef) and node.attr in self._classes[id(one)].bindings:
                    return [*self._classes[id(one)].bindings[node.attr], *self._attributes.get(node.attr, ())]
        return None

    def _element(self, node: ast.Subscript) -> list[ast.AST | None] | None:
        if isinstance(node.slice, ast.Constant) and isinstance(node.slice.value, int):
            lists = [one for one in self.values(node.value) if isinstance(one, (ast.List, ast.Tuple))]
            return [one.elts[node.slice.value] for one in lists
                    if -len(one.elts) <= node.slice.value < len(one.elts)] or None  # fmt: skip
        keys = set(self.texts(node.slice))
        for value in self.values(node.value):
            if isinstance(value, ast.Call) and isinstance(value.func, ast.Name) and value.func.id == "vars":
                options = [one for key in keys for one in self._options.get(key, ())]
                if options and any(map(self._is_parsed, self.values(value.args[0] if value.args else None))):
                    return [*options, None]
        return [value for name, value in self.entries(node.value) if name in keys] or None

    def _result(self, node: ast.Call) -> list[ast.AST | None] | None:
        returned = [value for function in self._local_functions(node.func)
                    for value in self._returns.get(id(function), ())]  # fmt: skip
        if returned:
            return list(returned)
        method = node.func.attr if isinstance(node.func, ast.Attribute) else ""
        if method in ("get", "getenv", "pop", "setdefault") and node.args:
            known = [
                value
                for name, value in (self.entries(node.func.value) if method != "getenv" else ())  # type: ignore[attr-defined]
                if name in self.texts(node.args[0])
            ]
            default = node.args[1:2]
            return [*known, *default, None] if known or default else None
        if method == "copy" and not node.args:
            return [node.func.value]  # type: ignore[attr-defined]
        if len(node.args) == 1 and not node.keywords and set(self.names(node.func)) & _SAME_VALUE:
            return [node.args[0]]
        return None

    def entries(self, node: ast.expr | None) -> list[tuple[str, ast.expr]]:
        """Return the entries of a dictionary whose names the source shows.

        Those are entries of literals, ``dict()``, ``**`` and ``|``, assigned entries and updates.
        """
        if node is None:
            return []
        return self._once(("entries", id(node)), lambda: self._entries(node, 0), [])

    def _entries(self, node: ast.expr, depth: int) -> Iterator[tuple[str, ast.expr]]:
        if depth > 8:
            return
        if isinstance(node, ast.Name):
            scope = self._scopes.get(id(node))
            while scope is not None:
                for key, entry in scope.items.get(node.id, ()):
                    yield from ((name, entry) for name in self.texts(key))
                for update in scope.more.get(node.id, ()):
                    yield from self._entries_of_call(update, depth + 1)
                scope = scope.parent
        elif isinstance(node, ast.Call):  # also entries that a function adds to the dictionary it returns
            for function in self._local_functions(node.func):
                for returned in self._returns.get(id(function), ()):
                    if isinstance(returned, ast.Name):
                        yield from self._entries(returned, depth + 1)
        for value in self.values(node):
            if isinstance(value, ast.Dict):
                for word, entry in zip(value.keys, value.values, strict=True):
                    if word is None:
                        yield from self._entries(entry, depth + 1)
                    else:
                        yield from ((name, entry) for name in self.texts(word))
            elif isinstance(value, ast.BinOp) and isinstance(value.op, ast.BitOr):
                yield from self._entries(value.left, depth + 1)
                yield from self._entries(value.right, depth + 1)
            elif isinstance(value, ast.Call) and set(self.names(value.func)) & {
                "dict",
                "collections.OrderedDict",
            }:
                yield from self._entries_of_call(value, depth + 1)
            elif isinstance(value, (ast.List, ast.Tuple)):
                for pair in value.elts:
                    if isinstance(pair, (ast.List, ast.Tuple)) and len(pair.elts) == 2:
                        yield from ((name, pair.elts[1]) for name in self.texts(pair.elts[0]))

    def _entries_of_call(self, call: ast.Call, depth: int) -> Iterator[tuple[str, ast.expr]]:
        for argument in call.args:
            yield from self._entries(argument, depth)
        for word in call.keywords:
            if word.arg is None:
                yield from self._entries(word.value, depth)
            else:
                yield word.arg, word.value

    def shows_all_entries(self, node: ast.AST, depth: int = 0) -> bool:
        """Return whether :meth:`entries` has all entries of a dictionary, so that no name is unknown."""
        values = self.values(node)
        more: list[ast.AST] = []
        if isinstance(node, ast.Name):
            scope = self._scopes.get(id(node))
            while scope is not None:
                for update in scope.more.get(node.id, ()):
                    more += [*update.args, *(word.value for word in update.keywords if word.arg is None)]
                scope = scope.parent
        for value in values:
            if isinstance(value, ast.Dict):
                pairs = zip(value.keys, value.values, strict=True)
                more += [entry for word, entry in pairs if word is None]
                if any(UNKNOWN_TEXT in text for word in value.keys if word for text in self.texts(word)):
                    return False
            elif isinstance(value, ast.BinOp) and isinstance(value.op, ast.BitOr):
                more += [value.left, value.right]
            elif isinstance(value, ast.Call) and "dict" in self.names(value.func):
                more += [*value.args, *(word.value for word in value.keywords if word.arg is None)]
            else:
                return False
        return depth < 8 and all(self.shows_all_entries(part, depth + 1) for part in more)

    # Texts

    def texts(self, node: ast.AST | None) -> list[str]:
        """Return the texts that an expression may have, with ``UNKNOWN_TEXT`` for what is not known."""
        if isinstance(node, ast.Constant):
            return [_constant_text(node.value)]
        return list(dict.fromkeys(text for value in self.values(node) for text in self._texts(value)))[:_MOST]

    def _texts(self, node: ast.AST) -> list[str]:
        return self._once(("texts", id(node)), lambda: self._computed(node), [UNKNOWN_TEXT])

    def _computed(self, node: ast.AST) -> list[str]:
        if isinstance(node, ast.Constant):
            return [_constant_text(node.value)]
        if isinstance(node, ast.JoinedStr):
            return self._joined([self._parts(part) for part in node.values])
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
            return self._joined([self._inner(node.left), self._inner(node.right)])
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mod):
            return [
                filled
                for template in self._inner(node.left)
                for filled in self._percent(template, node.right)
            ][:_MOST]
        if isinstance(node, ast.Call):
            return self._text_call(node)
        return [UNKNOWN_TEXT]

    def _inner(self, node: ast.expr) -> list[str]:
        return self.texts(node)[:4] or [UNKNOWN_TEXT]

    def _parts(self, node: ast.expr) -> list[str]:
        return self._inner(node.value if isinstance(node, ast.FormattedValue) else node)

    @staticmethod
    def _joined(parts: list[list[str]]) -> list[str]:
        found = [""]
        for choices in parts:
            found = [start + end for start in found for end in choices][:_MOST]
        return found

    def _percent(self, template: str, right: ast.expr) -> list[str]:
        """Return the texts of ``template % right``."""
        tuples = [value for value in self.values(right) if isinstance(value, ast.Tuple)]
        values: list[ast.expr] = list(tuples[0].elts) if tuples else [right]
        by_key = dict(self.entries(right))
        matches = list(_PERCENT.finditer(template))
        fields = sum(match["type"] != "%" for match in matches)
        is_known = fields == len(values) and not any("*" in match[0] for match in matches)
        rest = iter(values if is_known else [])
        parts: list[list[str]] = []
        end = 0
        for match in matches:
            parts.append([template[end : match.start()]])
            end = match.end()
            if match["type"] == "%":
                parts.append(["%"])
                continue
            value = by_key.get(match["key"]) if match["key"] is not None else next(rest, None)
            parts.append([UNKNOWN_TEXT] if value is None else self._inner(value))
        return self._joined([*parts, [template[end:]]])

    def _text_call(self, node: ast.Call) -> list[str]:
        if not isinstance(node.func, ast.Attribute):
            return [UNKNOWN_TEXT]
        method, owner = node.func.attr, node.func.value
        if method == "format":
            return [filled for template in self._inner(owner) for filled in self._formatted(template, node)][
                :_MOST
            ]
        if method == "join" and node.args and isinstance(owner, ast.Constant):
            for value in self.values(node.args[0]):
                if isinstance(value, (ast.List, ast.Tuple)):
                    parts: list[list[str]] = []
                    for element in value.elts:
                        parts += [[str(owner.value)], self._inner(element)]
                    return self._joined(parts[1:])
            return [UNKNOWN_TEXT]
        if method == "join":
            return ["/".join(texts) for texts in zip(*(self._inner(part)[:1] for part in node.args),
                                                     strict=True)]  # fmt: skip
        if method in _TEXT_METHODS and not node.args:
            return [getattr(text, method)() for text in self._inner(owner)]
        if method in ("encode", "decode"):
            return self._inner(owner)
        if method == "replace" and len(node.args) == 2:
            old, new = (self._inner(part)[0] for part in node.args)
            return [text.replace(old, new) if old else text for text in self._inner(owner)]
        return [UNKNOWN_TEXT]

    def _formatted(self, template: str, node: ast.Call) -> list[str]:
        words = dict(self._keywords(node.keywords))
        parts: list[list[str]] = []
        position = 0
        try:
            for literal, name, _, _ in string.Formatter().parse(template):
                parts.append([literal])
                if name is None:
                    continue
                if name == "":
                    name, position = str(position), position + 1
                index = int(name) if name.isdigit() else -1
                argument = node.args[index] if 0 <= index < len(node.args) else words.get(name)
                parts.append([UNKNOWN_TEXT] if argument is None else self._inner(argument))
        except ValueError:
            return [UNKNOWN_TEXT]
        return self._joined(parts)

    # Names and calls

    def names(self, node: ast.AST) -> tuple[str, ...]:
        """Return the full names that an expression may stand for; unknown parts are empty."""
        key: tuple[object, ...] = ("names", id(node))
        if isinstance(node, ast.Name):
            key = ("names", *self._variable(node))
        during = [node.id] if isinstance(node, ast.Name) else [""]
        return tuple(self._once(key, lambda: self._named(node), during))

    def _named(self, node: ast.AST) -> list[str]:
        if isinstance(node, ast.Name):
            found = [*self._imported.get(node.id, ()), *self._names_of_all(self._lookup(node) or ())]
            return found or [node.id, *(f"{module}.{node.id}" for module in self._stars)]
        if isinstance(node, (*_Function, ast.ClassDef)):
            return [node.name]
        if isinstance(node, ast.Attribute):
            known: list[str] = []
            if isinstance(node.value, ast.Name) and node.value.id in ("self", "cls"):
                key = ("attribute", node.attr)
                assigned = self._attributes.get(node.attr, ())
                known = self._once(key, lambda: self._names_of_all(assigned), [])
            return known or [f"{owner}.{node.attr}" for owner in self.names(node.value)]
        if isinstance(node, ast.Call):
            return self._names_of_result(node)
        if isinstance(node, ast.Subscript):
            return self._names_of_element(node)
        if isinstance(node, (ast.IfExp, ast.BoolOp, ast.NamedExpr, ast.Await, _Element, _Part)):
            return self._names_of_all(self._choices(node) or ()) or [""]
        return [""]

    def _names_of_all(self, nodes: Iterable[ast.AST | None]) -> list[str]:
        return [name for node in nodes if node is not None for name in self.names(node) if name]

    def _names_of_result(self, node: ast.Call) -> list[str]:
        functions = self.names(node.func)
        if "getattr" in functions and len(node.args) >= 2:
            texts = self.texts(node.args[1])
            return [f"{owner}.{text}" for owner in self.names(node.args[0]) for text in texts]
        if {"importlib.import_module", "__import__"} & set(functions) and node.args:
            return self.texts(node.args[0])
        if {"functools.partial", "partial"} & set(functions) and node.args:
            return list(self.names(node.args[0]))
        getter = node.func if isinstance(node.func, ast.Call) and node.func.args and node.args else None
        if getter is not None and {"operator.attrgetter", "attrgetter"} & set(self.names(getter.func)):
            texts = self.texts(getter.args[0])
            return [f"{owner}.{text}" for owner in self.names(node.args[0]) for text in texts]
        returned = [
            value
            for function in self._local_functions(node.func)
            for value in self._returns.get(id(function), ())
        ]
        return self._names_of_all(returned) or [f"{name}()" for name in functions]

    def _names_of_element(self, node: ast.Subscript) -> list[str]:
        owner, texts = node.value, self.texts(node.slice)
        if isinstance(owner, ast.Attribute) and owner.attr == "__dict__":
            return [f"{name}.{text}" for name in self.names(owner.value) for text in texts]
        if isinstance(owner, ast.Call) and isinstance(owner.func, ast.Name):
            if owner.func.id == "vars" and owner.args:
                return [f"{name}.{text}" for name in self.names(owner.args[0]) for text in texts]
            if owner.func.id in ("globals", "locals"):
                return [name for text in texts for name in self._imported.get(text, [text])]
        if "sys.modules" in self.names(owner):
            return texts
        found = self._names_of_all(self._element(node) or ())
        return found or [f"{name}[]" for name in self.names(owner)]

    @cached_property
    def _own(self) -> tuple[frozenset[str], frozenset[str], frozenset[str]]:
        """The names of the script's functions, classes and methods."""
        classes = [node for node in self.nodes if isinstance(node, ast.ClassDef)]
        methods = {part.name for node in classes for part in node.body if isinstance(part, _Function)}
        functions = {node.name for node in self.nodes if isinstance(node, _Function)}
        return frozenset(functions), frozenset(node.name for node in classes), frozenset(methods)

    def is_own(self, call: ScriptCall) -> bool:
        """Return whether a call is of a function or method that the script defines."""
        functions, classes, methods = self._own
        for name in call.names:
            owner, _, last = name.rpartition(".")
            is_method = last in methods and owner.removesuffix("()") in classes | {"self", "cls"}
            if not is_method and (owner or last not in functions):
                return False
        return bool(call.names)

    @cached_property
    def written(self) -> list[ast.expr]:
        """The expressions of the script that can be texts: literals, operations and calls."""
        kinds = (ast.Constant, ast.JoinedStr, ast.BinOp, ast.Call)
        return [node for node in self.nodes if isinstance(node, kinds)]

    @cached_property
    def calls(self) -> list[ScriptCall]:
        """All calls, by position."""
        found = [call for node in self.nodes if isinstance(node, ast.Call) for call in self._views(node)]
        return sorted(found, key=lambda call: (call.node.lineno, call.node.col_offset))

    def _views(self, node: ast.Call) -> Iterator[ScriptCall]:
        args = tuple(self._positional(node.args))
        keywords = tuple(self._keywords(node.keywords))
        call = ScriptCall(node, self.names(node.func), args, keywords)
        yield call
        if call.methods & _DEFERRED and args:
            yield ScriptCall(node, self.names(args[0]), args[1:], keywords)
        elif targets := call.keyword("target"):
            inner = [part for value in call.keyword("args") for part in self._elements(value)]
            words = [entry for value in call.keyword("kwargs") for entry in self.entries(value)]
            yield ScriptCall(node, self.names(targets[0]), tuple(inner), tuple(words))

    def _elements(self, node: ast.expr) -> list[ast.expr]:
        return [part for value in self.values(node) if isinstance(value, (ast.List, ast.Tuple))
                for part in value.elts]  # fmt: skip

    def _positional(self, args: list[ast.expr]) -> Iterator[ast.expr]:
        for argument in args:
            if isinstance(argument, ast.Starred):
                yield from self._elements(argument.value)
            else:
                yield argument

    def commands(self, nodes: Iterable[ast.AST]) -> list[list[str]]:
        """Return the word lists that the expressions may stand for together: a text is one word.

        Lists are followed through ``+``, ``*list``, ``split()``, ``shlex.split``, ``append`` and ``extend``.
        """
        return self._commands(nodes, 0)

    def _commands(self, nodes: Iterable[ast.AST], depth: int) -> list[list[str]]:
        found: list[list[str]] = [[]]
        for node in nodes:
            choices = self._words(node, depth) if depth < _DEEPEST else [[UNKNOWN_TEXT]]
            found = [[*start, *end] for start in found for end in choices][:_MOST]
        return found

    def _words(self, node: ast.AST, depth: int) -> list[list[str]]:
        appended = self._commands(self._appended(node), depth + 1) if isinstance(node, ast.Name) else [[]]
        found: list[list[str]] = []
        for value in self.values(node.value if isinstance(node, ast.Starred) else node):
            if isinstance(value, (ast.List, ast.Tuple)):
                found += self._commands(value.elts, depth + 1)
            elif isinstance(value, ast.BinOp) and isinstance(value.op, ast.Add) and self._is_list(value, 0):
                found += self._commands([value.left, value.right], depth + 1)
            elif self._is_list(value, 0) and isinstance(value, ast.Call):
                found += self._split(value)
            else:
                found += [[text] for text in self.texts(value)]
        return [[*start, *end] for start in found for end in appended][:_MOST] or [[UNKNOWN_TEXT]]

    def _appended(self, node: ast.Name) -> list[ast.expr]:
        scope = self._scopes.get(id(node))
        while scope is not None:
            if node.id in scope.appended:
                return scope.appended[node.id]
            scope = scope.parent
        return []

    def _is_list(self, node: ast.AST, depth: int) -> bool:
        """Return whether a computed value is a list of words."""
        if isinstance(node, ast.Call):
            is_method = isinstance(node.func, ast.Attribute) and node.func.attr == "split"
            return is_method or "shlex.split" in self.names(node.func)
        if isinstance(node, ast.BinOp) and depth < _DEEPEST:
            parts = [*self.values(node.left), *self.values(node.right)]
            return any(part is not node and self._is_list(part, depth + 1) for part in parts)
        return isinstance(node, (ast.List, ast.Tuple))

    def _split(self, node: ast.Call) -> list[list[str]]:
        if "shlex.split" in self.names(node.func):
            return [_shell_words(text) for argument in node.args[:1] for text in self.texts(argument)]
        owner = node.func.value  # type: ignore[attr-defined]
        separators = self.texts(node.args[0]) if node.args else []
        return [text.split((separators or [""])[0] or None) for text in self.texts(owner)]

    def _keywords(self, keywords: list[ast.keyword]) -> Iterator[tuple[str, ast.expr]]:
        for word in keywords:
            if word.arg is None:
                yield from self.entries(word.value)
            else:
                yield word.arg, word.value

    def _made_node(self, node: ast.expr) -> ast.expr:
        """Return a node that is not part of the tree; answers are stored by its identity."""
        self._made.append(node)
        return node

    @cached_property
    def named_values(self) -> list[NamedValue]:
        """All values that the script gives a name, by position."""
        return sorted(self._named_values(), key=lambda one: (one.node.lineno, one.node.col_offset))

    def _named_values(self) -> Iterator[NamedValue]:
        for node in self.nodes:
            if isinstance(node, ast.Dict):
                entries = self.entries(node)
                beside = frozenset(name.lower() for name, _ in entries)
                for name, value in entries:
                    yield NamedValue(name, value, value, beside)
            elif isinstance(node, (ast.Tuple, ast.List)) and len(node.elts) == 2:
                for name in self.texts(node.elts[0]):
                    yield NamedValue(name, node.elts[1], node)
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                match = _SETTING.fullmatch(node.value)
                if match:
                    value = ast.copy_location(ast.Constant(match["value"]), node)
                    yield NamedValue(match["name"], self._made_node(value), node)
        for key, value, target in self._stored:
            for name in [key] if isinstance(key, str) else self.texts(key):
                yield NamedValue(name, value, target)
        for call in self.calls:
            beside = frozenset(name.lower() for name, _ in call.keywords)
            for name, value in call.keywords:
                yield NamedValue(name, value, _placed(value, call.node), beside, call)
            for first, second in zip(call.args, call.args[1:], strict=False):
                for name in self.texts(first):
                    yield NamedValue(name, second, call.node, beside, call)


def _children(node: ast.AST) -> Iterator[ast.AST]:
    """Yield the nodes below a node, without the contexts of names: these are a third of all nodes."""
    for name in node._fields:
        if name == "ctx":
            continue
        value = getattr(node, name, None)
        if isinstance(value, ast.AST):
            yield value
        elif isinstance(value, list):
            yield from (part for part in value if isinstance(part, ast.AST))


def _walk(tree: ast.AST) -> Iterator[ast.AST]:
    """Yield the nodes of a tree in the order of ``ast.walk``."""
    rest = deque([tree])
    while rest:
        node = rest.popleft()
        yield node
        rest.extend(_children(node))


def _placed(value: ast.expr, call: ast.Call) -> ast.expr:
    """Return the position of an argument: the value if it is written in the call."""
    inside = call.lineno <= value.lineno <= (call.end_lineno or call.lineno)
    return value if inside else call


def _shell_words(text: str) -> list[str]:
    try:
        return shlex.split(text)
    except ValueError:  # an open quotation mark
        return text.split()


def _constant_text(value: object) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, bytes):
        return value.decode("latin-1")
    try:
        return "" if value is None else str(value)
    except ValueError:  # an integer with more digits than Python converts to text
        return UNKNOWN_TEXT
