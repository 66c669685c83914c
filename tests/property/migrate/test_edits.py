"""Properties of a migration, over scripts of statements of Glue scripts."""

import ast
from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from glue_secure.migrate.model import Imports, Options
from glue_secure.migrate.script import migrate

FIRST = ['"""Doc é."""', "# a comment", "", "from __future__ import annotations", "#!/usr/bin/python"]
IMPORTS = [
    "from awsglue.context import GlueContext", "from awsglue.job import Job", "import awsglue.utils as u",
    "from awsglue.transforms import *; import os", "import sys", "from awsglue import DynamicFrame",
    "from awsgluedq.transforms import (\n    EvaluateDataQuality,\n)", "import glue_secure.as_awsglue",
    "from pyspark.context import SparkContext", "try:\n    import awsglue\nexcept ImportError:\n    pass",
]  # fmt: skip
STATEMENTS = [
    "job = Job(GlueContext(SparkContext()))", 'job.init("x", {})', "job.commit()", "job.commit()  # é",
    'gc.write_dynamic_frame.from_options(f, "s3", {"path": "s3://b/"}, transformation_ctx="w")',
    'f = gc.create_dynamic_frame.from_catalog(database="d", table_name="t", transformation_ctx="c")',
    'x = {"url": "jdbc:mysql://h/d", "user": "é", "password": "p", "dbtable": "t"}',
    'x = {\n    "dbtable": "t",\n    "password": p,  # secret\n    "url": f"jdbc:mysql://{h}",\n}',
    'x = {"password": "p", "url": u,\n  "dbtable": "t", "user": "u",}',
    "if a:\n    job.commit()", "def f():\n\tdf.write.parquet('s3://b/')", "f()", "sys.exit(0)", "a = 1; f()",
    "text = '''\n job.commit()\n'''", "with a:\n    f()", "df.write.csv('s3://b/')", "",
    'if __name__ == "__main__":\n    job.init("a", {})\n    df.write.csv("s3://b/")',
]  # fmt: skip


@st.composite
def scripts(draw):
    lines = [*draw(st.lists(st.sampled_from(FIRST), max_size=3)), *draw(st.lists(st.sampled_from(IMPORTS)))]
    lines += draw(st.lists(st.sampled_from(STATEMENTS), max_size=8))
    text = draw(st.sampled_from(["\n", "\r\n"])).join("\n".join(lines).split("\n"))
    return (text + draw(st.sampled_from(["", "\n"]))).encode()


def parsed(content):
    try:
        return ast.parse(content)
    except SyntaxError:
        return None


def top_level(content):
    """Count the statements, without imports of glue-secure and with options of a connection as one."""
    return Counter(
        ast.unparse(node)
        for node in parsed(content).body
        if not isinstance(node, (ast.Import, ast.ImportFrom, ast.If, ast.Try))
        and "dbtable" not in ast.unparse(node)
    )


@given(scripts(), st.sampled_from(Imports), st.sampled_from([{}, {"": "ops"}]))
def test_what_is_written_parses_and_a_second_run_changes_nothing(content, imports, connections):
    options = Options(imports, connections)
    first = migrate(content, options)
    if parsed(content) is None:
        assert first.after == content
        return
    assert parsed(first.after) is not None
    assert migrate(first.after, options).after == first.after


@given(scripts(), st.sampled_from(Imports))
def test_every_line_stays_byte_for_byte_unless_it_is_edited(content, imports):
    result = migrate(content, Options(imports, {"": "ops"}))
    if parsed(content) is None:
        return
    before, after = top_level(content), top_level(result.after)
    assert not before - after
    assert set(after - before) <= {"job.commit()"}
    if imports is Imports.LINE:
        # A moved line that was or becomes the last one may gain or lose the end of a line.
        stay = Counter(
            line.strip() for line in content.splitlines() if b"url" not in line and b"user" not in line
        )
        written = Counter(line.strip() for line in result.after.splitlines())
        assert not stay - written - Counter({b'"password": p,  # secret': 9})
