"""The source text of a script with its syntax tree, and edits that leave every other byte as it is."""

from __future__ import annotations

import ast
import codecs
import io
import tokenize
import warnings
from collections.abc import Iterable, Iterator
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Edit:
    """Replaces the bytes from ``start`` to ``end`` of the UTF-8 text."""

    start: int
    end: int
    text: str


class Source:
    """A script.

    Args:
        content: the file's bytes.

    Raises:
        SyntaxError: Python cannot parse the script.
        ValueError: the text cannot be decoded, or contains null bytes.
    """

    def __init__(self, content: bytes) -> None:
        self.encoding, _ = tokenize.detect_encoding(io.BytesIO(content).readline)
        self._mark = codecs.BOM_UTF8 if content.startswith(codecs.BOM_UTF8) else b""
        self.encoding = "utf-8" if self.encoding == "utf-8-sig" else self.encoding
        text = content[len(self._mark) :].decode(self.encoding)
        self.data = text.encode("utf-8")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # such as invalid escapes, which stay as they are
            self.tree = ast.parse(text)
        # For bytes, as for Python, lines end with \n, \r\n or \r only.
        self._starts = [0]
        for line in self.data.splitlines(keepends=True):
            self._starts.append(self._starts[-1] + len(line))
        ends = [line for line in self.data.splitlines(keepends=True) if line.endswith((b"\n", b"\r"))]
        self.newline = next((end for end in ("\r\n", "\r") if ends and ends[0].endswith(end.encode())), "\n")

    @property
    def lines(self) -> int:
        """The number of lines."""
        return len(self._starts) - 1

    def start(self, node: ast.stmt | ast.expr) -> int:
        """Return the position of the first byte of a node."""
        return self._starts[node.lineno - 1] + node.col_offset

    def end(self, node: ast.stmt | ast.expr) -> int:
        """Return the position after the last byte of a node."""
        assert node.end_lineno is not None and node.end_col_offset is not None  # noqa: S101 - set by parse
        return self._starts[node.end_lineno - 1] + node.end_col_offset

    def line_start(self, line: int) -> int:
        """Return the position of a line, counted from 1."""
        return self._starts[line - 1]

    def line_end(self, line: int) -> int:
        """Return the position after a line with its end."""
        return self._starts[min(line, len(self._starts) - 1)]

    def between(self, start: int, end: int) -> str:
        """Return the text between two positions."""
        return self.data[start:end].decode("utf-8")

    def text(self, node: ast.stmt | ast.expr) -> str:
        """Return the text of a node."""
        return self.between(self.start(node), self.end(node))

    def is_alone(self, node: ast.stmt) -> bool:
        """Return whether the lines of a statement contain nothing else, apart from a comment after it."""
        assert node.end_lineno is not None  # noqa: S101 - set by parse
        before = self.between(self.line_start(node.lineno), self.start(node))
        after = self.between(self.end(node), self.line_end(node.end_lineno)).strip()
        return not before.strip() and (not after or after.startswith("#"))

    def ends_with_line_end(self) -> bool:
        """Return whether the last line of the text has an end."""
        return not self.data or self.data.endswith((b"\n", b"\r"))

    def position(self, line: int, column: int) -> int:
        """Return the position of a character; line and column are counted from 1."""
        text = self.between(self.line_start(line), self.line_end(line))
        return self.line_start(line) + len(text[: column - 1].encode("utf-8"))

    def line_after(self, edits: Iterable[Edit], position: int) -> int:
        """Return the line that a position has after edits: that of the text of an edit that starts there."""
        edits = list(edits)
        own = next((edit for edit in edits if edit.start == position and edit.text), None)
        before = [edit for edit in edits if edit.start < position and edit is not own]
        moved = sum(len(edit.text.encode("utf-8")) + edit.start - min(edit.end, position) for edit in before)
        line_ends = len(own.text) - len(own.text.lstrip("\r\n")) if own else 0
        return len((self._edited_text(edits)[: position + moved + line_ends] + b".").splitlines())

    def edited(self, edits: list[Edit]) -> bytes:
        """Return the file's bytes after edits that do not overlap.

        Raises:
            UnicodeEncodeError: the encoding lacks a character of an edit.
        """
        return self._mark + self._edited_text(edits).decode("utf-8").encode(self.encoding)

    def _edited_text(self, edits: list[Edit]) -> bytes:
        parts, position = [], 0
        for edit in sorted(edits, key=lambda edit: (edit.start, edit.end)):
            parts += [self.data[position : edit.start], edit.text.encode("utf-8")]
            position = edit.end
        parts.append(self.data[position:])
        return b"".join(parts)


def statements(body: list[ast.stmt]) -> Iterator[tuple[list[ast.stmt], ast.stmt]]:
    """Yield the statements of the module and of its functions that run once, with their list.

    Statements below a condition, a loop or a ``with`` are part of the statement of the list.
    """
    for statement in body:
        yield body, statement
        if isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef)):
            yield from statements(statement.body)
        elif isinstance(statement, ast.ClassDef):
            for member in statement.body:
                if isinstance(member, (ast.FunctionDef, ast.AsyncFunctionDef)):
                    yield from statements(member.body)
        elif isinstance(statement, ast.If) and is_main(statement):
            yield from statements(statement.body)


def is_main(statement: ast.stmt) -> bool:
    """Return whether a statement is ``if __name__ == "__main__":``."""
    return (
        isinstance(statement, ast.If)
        and isinstance(statement.test, ast.Compare)
        and isinstance(statement.test.left, ast.Name)
        and statement.test.left.id == "__name__"
    )
