"""Python source without comments, documentation strings, types and wide margins, line for line.

They are a third of the wheel's size and no job reads them. What is left has the same syntax tree but for
those, and every statement on the line it had: a traceback from Glue points into the repository.
"""

from __future__ import annotations

import ast
import io
import tokenize


def slim(source: bytes, *, describing: bool = False) -> bytes:
    """The source with comments and functions' annotations gone and strings that stand alone emptied.

    Imports that served the types alone go with them, and a block is indented by one space. A class keeps
    its fields, of which a dataclass is made, as fields of one short type.

    Args:
        source: a module, in UTF-8.
        describing: whether classes keep the first line of their string, with which
            ``GlueTransform.describe`` answers.
    """
    text = source.decode("utf-8")
    lines = text.splitlines(keepends=True)
    cuts: list[tuple[int, int, int, int, str]] = []
    arrows, colons = [], []
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type == tokenize.COMMENT:
            cuts.append((*token.start, *token.end, ""))
        elif token.string == "->":
            arrows.append(token.start)
        elif token.string == ":":
            colons.append(token.start)
    tree = ast.parse(text)
    of_classes = {id(node.body[0]) for node in ast.walk(tree) if isinstance(node, ast.ClassDef)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr) and _text(node) is not None:
            start = _column(lines, node.lineno, node.col_offset)
            word = repr(_first_line(node)) if describing and id(node) in of_classes else '""'
            cuts.append((node.lineno, start, *_end(lines, node), word))
        elif isinstance(node, ast.AnnAssign):
            if not _is_kept(node):
                start = _column(lines, node.annotation.lineno, node.annotation.col_offset)
                cuts.append((node.annotation.lineno, start, *_end(lines, node.annotation), "str"))
        elif isinstance(node, ast.arg) and node.annotation is not None:
            start = _column(lines, node.lineno, node.col_offset) + len(node.arg)
            cuts.append((node.lineno, start, *_end(lines, node.annotation), ""))
        elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) and node.returns is not None:
            of_type = (node.returns.lineno, _column(lines, node.returns.lineno, node.returns.col_offset))
            after = _end(lines, node.returns)
            # Brackets around the type are no part of it in the tree.
            arrow = max(arrow for arrow in arrows if arrow < of_type)
            cuts.append((*arrow, *min(colon for colon in colons if colon >= after), ""))
    cuts += [(node.lineno, 0, *_end(lines, node), new) for node, new in _imports(tree)]
    for first, start, last, end, new in sorted(cuts, reverse=True):
        head, tail = lines[first - 1][:start], lines[last - 1][end:]
        if first == last:
            lines[first - 1] = (head + new + tail).rstrip() + "\n"
        else:
            lines[first - 1 : last] = [head + new + tail.rstrip() + "\n", *["\n"] * (last - first)]
    return _narrow("".join(lines)).encode("utf-8")


def _is_kept(node: ast.AnnAssign) -> bool:
    return "ClassVar" in ast.unparse(node.annotation)


def _imports(tree: ast.Module) -> list[tuple[ast.stmt, str]]:
    """Statements at the top of a module that only types need, and what is left of each."""
    found: list[tuple[ast.stmt, str]] = []
    used = _used(tree)
    for node in tree.body:
        if _for_checkers(node) or (isinstance(node, ast.ImportFrom) and node.module == "__future__"):
            found.append((node, ""))
        elif isinstance(node, ast.ImportFrom) and node.module in ("collections.abc", "typing"):
            names = [one.name for one in node.names if one.asname is None and one.name in used]
            if not any(one.asname for one in node.names):
                found.append((node, f"from {node.module} import {', '.join(names)}" if names else ""))
    return found


def _for_checkers(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING" and not node.orelse


def _used(node: ast.AST) -> set[str]:
    """Names that are read where no type stands."""
    if isinstance(node, ast.Name):
        return {node.id}
    skipped: list[ast.AST | None] = []
    if isinstance(node, ast.arg) or (isinstance(node, ast.AnnAssign) and not _is_kept(node)):
        skipped.append(node.annotation)
    elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
        skipped.append(node.returns)
    elif _for_checkers(node):
        return set()
    inner = (child for child in ast.iter_child_nodes(node) if child not in skipped)
    return set().union(*(_used(child) for child in inner))


def _narrow(text: str) -> str:
    """One space for each block that a line is in, none where it continues another; strings stay."""
    margins: dict[int, int] = {}
    in_strings: set[int] = set()
    depth, begins = 0, True
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type in (tokenize.INDENT, tokenize.DEDENT):
            depth += 1 if token.type == tokenize.INDENT else -1
        elif token.type == tokenize.NEWLINE:
            begins = True
        elif token.type != tokenize.NL:
            if begins:
                margins[token.start[0]], begins = depth, False
            if token.type == tokenize.STRING or tokenize.tok_name[token.type] == "FSTRING_MIDDLE":
                in_strings.update(range(token.start[0] + 1, token.end[0] + 1))
    return "".join(
        line if number in in_strings else " " * margins.get(number, 0) + line.lstrip(" ")
        for number, line in enumerate(text.splitlines(keepends=True), 1)
    )


def _text(node: ast.Expr) -> str | None:
    value = node.value
    return value.value if isinstance(value, ast.Constant) and isinstance(value.value, str) else None


def _first_line(node: ast.Expr) -> str:
    return (_text(node) or "").strip().partition("\n")[0]


def _end(lines: list[str], node: ast.expr | ast.stmt) -> tuple[int, int]:
    line = node.end_lineno or 0
    return line, _column(lines, line, node.end_col_offset or 0)


def _column(lines: list[str], line: int, offset: int) -> int:
    # ast counts bytes, tokenize and slices count characters.
    return len(lines[line - 1].encode("utf-8")[:offset].decode("utf-8"))
