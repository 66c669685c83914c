"""Slimmed source says the same on the same lines."""

import ast
from pathlib import Path

import pytest

from glue_secure.project.slim import slim

PACKAGE = Path(__file__).resolve().parents[3] / "glue_secure"


def is_for_types(node):
    """What a module's top may lose; that it still runs is seen in the wheel's own test."""
    if isinstance(node, ast.If):
        return ast.unparse(node.test) == "TYPE_CHECKING"
    return isinstance(node, ast.ImportFrom) and node.module in ("__future__", "collections.abc", "typing")


def meaning(source):
    """The syntax tree with its line numbers, strings that stand alone emptied, and no types."""
    tree = ast.parse(source)
    alone = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    lines = []
    tree.body = [node for node in tree.body if not is_for_types(node)]
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and id(node) in alone and isinstance(node.value, str):
            node.value = ""
        if isinstance(node, ast.arg):
            node.annotation = None
        if isinstance(node, ast.FunctionDef):
            node.returns = None
        if isinstance(node, ast.AnnAssign) and "ClassVar" not in ast.unparse(node.annotation):
            node.annotation = ast.Name("str", ast.Load())
        if isinstance(node, ast.stmt):
            lines.append((type(node).__name__, node.lineno))
    return ast.dump(tree), lines


def test_the_whole_package_keeps_its_meaning_and_its_lines():
    for path in PACKAGE.rglob("*.py"):
        source = path.read_bytes()
        assert meaning(slim(source)) == meaning(source), path


@pytest.mark.parametrize(
    ("source", "slimmed"),
    [
        ("x = 1  # one\n", "x = 1\n"),
        ("x = '# no comment'\n", "x = '# no comment'\n"),
        ('"""A\n\nlong.\n"""\nx = 1\n', '""\n\n\n\nx = 1\n'),
        ('class A:\n    """One.\n\n    More.\n    """\n', 'class A:\n ""\n\n\n\n'),
        ('def f():\n    """Ü."""  # é\n', 'def f():\n ""\n'),
        ('x = """kept  \n  # too\n"""\n', 'x = """kept  \n  # too\n"""\n'),
        ("# gone\n\nx = 1\n", "\n\nx = 1\n"),
        ("def f(a: int, *b: str, c: 'é' = 1) -> dict[str, int]: ...\n", "def f(a, *b, c = 1) : ...\n"),
        ("def f(\n    a: Callable[\n        [int], str\n    ],\n) -> (\n    int\n):\n    x: int = 1\n", None),
        (
            "class A:\n    x: int\n    y: Callable[[], int] = lambda: 1\n    z: ClassVar[int] = 1\n",
            "class A:\n x: str\n y: str = lambda: 1\n z: ClassVar[int] = 1\n",
        ),
        (
            "if TYPE_CHECKING:\n    import a\n    from b import (\n        c,\n    )\n",
            "\n\n\n\n\n",
        ),
        ("if a:\n    if b:\n        x = f(\n            1,\n        )\n", "if a:\n if b:\n  x = f(\n1,\n)\n"),
        ('if a:\n    x = """b\n    c"""\n    y = 1\n', 'if a:\n x = """b\n    c"""\n y = 1\n'),
        ('if a:\n    x = f"""b\n    {c}"""\n    y = 1\n', 'if a:\n x = f"""b\n    {c}"""\n y = 1\n'),
        (
            "from __future__ import annotations\nfrom typing import Any, cast\ndef f(a: Any): cast(1, a)\n",
            "\nfrom typing import cast\ndef f(a): cast(1, a)\n",
        ),
        ("from collections.abc import Iterator\ndef f() -> Iterator[int]: ...\n", "\ndef f() : ...\n"),
        ("from typing import Any as A\n", "from typing import Any as A\n"),
        ("", ""),
    ],
)
def test_comments_and_lone_strings_go(source, slimmed):
    if slimmed is not None:
        assert slim(source.encode()).decode() == slimmed
    assert meaning(slim(source.encode())) == meaning(source.encode())


def test_a_transforms_class_keeps_the_first_line_that_describe_answers_with():
    source = b'class A:\n    """One.\n\n    More.\n    """\n'
    assert slim(source, describing=True).decode() == "class A:\n 'One.'\n\n\n\n"
