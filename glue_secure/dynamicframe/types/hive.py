"""Parsing of the Data Catalog's column types, which are Hive type strings, into Glue types.

Sources:
https://docs.aws.amazon.com/glue/latest/dg/aws-glue-api-common.html#aws-glue-api-common-_string-patterns and
https://cwiki.apache.org/confluence/display/Hive/LanguageManual+Types
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from glue_secure.core.catalog import CatalogColumn
from glue_secure.core.errors import UsageError
from glue_secure.dynamicframe.types import glue_types as glue

_ATOMIC: dict[str, type[glue.DataType]] = {
    "string": glue.StringType, "varchar": glue.StringType, "char": glue.StringType,
    "tinyint": glue.ByteType, "byte": glue.ByteType, "smallint": glue.ShortType, "short": glue.ShortType,
    "int": glue.IntegerType, "integer": glue.IntegerType, "bigint": glue.LongType, "long": glue.LongType,
    "float": glue.FloatType, "real": glue.FloatType, "double": glue.DoubleType,
    "boolean": glue.BooleanType, "binary": glue.BinaryType, "date": glue.DateType,
    "timestamp": glue.TimestampType, "timestamp_ntz": glue.TimestampNTZType,
    "void": glue.NullType, "null": glue.NullType,
}  # fmt: skip
_WORD = re.compile(r"\s*([A-Za-z_]+(?:\s+precision)?)\s*(?:\(\s*(\d+)\s*(?:,\s*(\d+)\s*)?\))?\s*")
_NAME = re.compile(r"\s*(?:`([^`]+)`|([^:<>,`]+?))\s*:")


def parse(text: str) -> glue.DataType:
    """Return the Glue type of a Hive type string.

    Raises:
        UsageError: the string is not a Hive type, or a type that Glue does not have (``uniontype``).
    """
    parser = _Parser(text)
    kind = parser.type()
    if parser.remaining():
        raise parser.error()
    return kind


def schema_of(columns: Iterable[CatalogColumn]) -> glue.StructType:
    """Return the schema of a table's columns."""
    return glue.StructType([glue.Field(column.name, parse(column.type)) for column in columns])


class _Parser:
    def __init__(self, text: str) -> None:
        self._text, self._at = text, 0

    def remaining(self) -> str:
        return self._text[self._at :].strip()

    def error(self) -> UsageError:
        return UsageError(
            "the type of a Data Catalog column",
            found=repr(self._text),
            required="a Hive type, such as bigint, decimal(10,2), array<string> or struct<a:int>",
            fix="correct the column in the Data Catalog",
        )

    def type(self) -> glue.DataType:
        match = _WORD.match(self._text, self._at)
        if match is None:
            raise self.error()
        self._at = match.end()
        word, first, second = match[1].lower(), match[2], match[3]
        if word in ("decimal", "numeric"):
            return glue.DecimalType(int(first or 10), int(second or 0))
        if word == "double precision":
            return glue.DoubleType()
        if word in _ATOMIC and (first is None or word in ("varchar", "char")):
            return _ATOMIC[word]()
        if word == "array":
            self._take("<")
            element = self.type()
            self._take(">")
            return glue.ArrayType(element)
        if word == "map":
            self._take("<")
            key = self.type()
            self._take(",")
            value = self.type()
            self._take(">")
            if not isinstance(key, glue.StringType):
                raise self.error()
            return glue.MapType(value)
        if word == "struct":
            return self._struct()
        raise self.error()

    def _struct(self) -> glue.StructType:
        self._take("<")
        fields: list[glue.Field] = []
        while True:
            match = _NAME.match(self._text, self._at)
            if match is None:
                raise self.error()
            self._at = match.end()
            fields.append(glue.Field(match[1] or match[2], self.type()))
            if self._text[self._at : self._at + 1] != ",":
                break
            self._at += 1
        self._take(">")
        return glue.StructType(fields)

    def _take(self, character: str) -> None:
        remaining = self._text[self._at :]
        stripped = remaining.lstrip()
        if not stripped.startswith(character):
            raise self.error()
        self._at += len(remaining) - len(stripped) + 1
        while self._text[self._at : self._at + 1].isspace():
            self._at += 1
