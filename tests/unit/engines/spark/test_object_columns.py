"""Headers of CSV objects and fields of JSON objects, from the first bytes of each."""

import pytest

from glue_secure.core.merged_columns import merged_columns
from glue_secure.engines.spark.object_columns import ObjectReader


class Objects(ObjectReader):
    """Objects in a dictionary."""

    def __init__(self, **bodies: bytes) -> None:
        self._bodies = bodies

    def _head(self, path: str, size: int) -> bytes:
        return self._bodies[path][:size]


def headers(body, *, encoding="utf-8", comment="", quote='"', multiline=False):
    found = Objects(a=body).header_lines(
        ["a"], encoding=encoding, comment=comment, quote=quote, multiline=multiline
    )
    return found[0]


LONG = ",".join(f"column_{number}" for number in range(20_000))


@pytest.mark.parametrize(
    ("body", "options", "expected"),
    [
        (b"x,y\n1,2\n", {}, "x,y"),
        (b"x,y\r\n1,2\r\n", {}, "x,y"),
        (b"x,y\r1,2\r", {}, "x,y"),
        (b"x,y", {}, "x,y"),
        (b"\n \n#note\nx\n", {"comment": "#"}, "x"),
        ("\ufeffü\n".encode(), {}, "ü"),
        ("ü,y\n1\n".encode("utf-16"), {"encoding": "UTF-16"}, "ü,y"),
        ("ü\n".encode("latin-1"), {"encoding": "x-only-java"}, "ü"),
        (b'"a\nb",c\n1,2\n', {"multiline": True}, '"a\nb",c'),
        (b'"a\nb",c\n1,2\n', {}, '"a'),
        (b"", {}, ""),
        (b"\n\n", {}, ""),
        (LONG.encode() + b"\n1\n", {}, LONG),
        # Longer than what is read: by itself.
        (b"x" * 5_000_000 + b"\n1\n", {}, "a"),
    ],
    ids=["lines", "windows", "carriage return", "no line end", "comment", "mark", "utf-16", "java", "quoted",
         "one line", "empty", "blank", "long", "too long"],
)  # fmt: skip
def test_the_header_of_an_object_is_its_first_line(body, options, expected):
    assert headers(body, **options) == expected


def test_many_objects_are_read_in_order():
    objects = Objects(**{f"o{number}": f"c{number}\n".encode() for number in range(50)})
    found = objects.header_lines(
        [f"o{number}" for number in range(50)], encoding="utf-8", comment="", quote='"', multiline=False
    )
    assert found == [f"c{number}" for number in range(50)]


def test_the_types_of_json_fields_are_those_of_the_first_records():
    objects = Objects(
        a=b'{"x": 1, "y": null}\n{"x": 2.5}\n', b=b'[{"x": "s", "z": {}}]', c=b"no json\n", d=b"[" * 5000
    )
    found = objects.json_types(["a", "b", "c", "d"], encoding="utf-8")
    assert found == [{"x": "bigint or double", "y": ""}, {"x": "string", "z": "struct"}, {}, {}]
    assert merged_columns(found, is_complete=False) == ("x (bigint or double, string)",)


def test_columns_are_compared_without_their_case():
    objects = [{"A": "int", "b": "int"}, {"a": "bigint"}, {"a": "int", "b": "int"}]
    assert merged_columns(objects) == ("A (bigint, int)", "b (in 2 of 3 objects)")
    assert merged_columns([objects[0]] * 2) == ()
    assert merged_columns([objects[0]] * 2, total=5) == ("3 of 5 objects were not compared",)
    many = merged_columns([{f"c{number}": "int" for number in range(80)}, {}])
    assert (len(many), many[-1]) == (51, "30 more columns")
