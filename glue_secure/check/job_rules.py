"""Rules for a script as a whole: the guard's import, job.init and job.commit, and code that is computed."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import PurePosixPath

from glue_secure.check.model import ScriptFinding
from glue_secure.check.script import Script
from glue_secure.core.findings import Verdict
from glue_secure.core.script_values import ScriptCall
from glue_secure.migrate.names import LINE
from glue_secure.migrate.source import is_main

_PACKAGES = ("awsglue", "awsgluedq", "awsglueml")
_STORES = frozenset(
    {
        "put_object", "upload_file", "upload_fileobj", "copy_object", "create_multipart_upload",
        "upload_part", "complete_multipart_upload",
    }
)  # fmt: skip
# Methods of boto3 with names that other objects have as well, by the owner or by a keyword of S3.
_STORES_OF_OBJECTS = re.compile(
    r"(?:boto3\.(?:.+\.)?client\(\)\.copy|\.(?:Object|ObjectSummary|Bucket)\(\)\.(?:put|copy|copy_from))\Z"
)
_STORE_KEYWORDS = {"put": "Body", "copy": "CopySource", "copy_from": "CopySource"}
_SPARK = re.compile(
    r"pyspark\.(?:(?:context\.)?SparkContext\b|sql\.(?:\w+\.)*(?:SparkSession|SQLContext|HiveContext)\b"
    r"|(?:SQLContext|HiveContext|SparkSession)\b|streaming\.(?:context\.)?StreamingContext\b|pandas\.)"
)
_RUNS_TEXT = frozenset({"exec", "eval", "builtins.exec", "builtins.eval"})
_JOBS = frozenset({"awsglue.job.Job", "glue_secure.job.Job"})
_OBJECT_OF_JOB = re.compile(r"(?:\.Job\(\)|\b\w*[jJ]ob|JOB)\Z")


def job_findings(script: Script) -> Iterator[ScriptFinding]:
    """Yield the findings about the script as a whole."""
    yield from _dynamic(script)
    if is_test(script.name) or script.is_module or not _runs_code(script.values.tree):
        return
    yield from _guard(script)
    yield from _job(script)


def is_test(name: str) -> bool:
    """Return whether pytest runs a script of this name."""
    path = PurePosixPath(name)
    return path.name == "conftest.py" or path.name.startswith("test_") or path.stem.endswith("_test")


def is_guarded(script: Script) -> bool:
    """Return whether the script, or a module that it imports, imports glue-secure."""
    return script.is_guarded or any(name.partition(".")[0] == "glue_secure" for name in script.values.modules)


def _guard(script: Script) -> Iterator[ScriptFinding]:
    modules = script.values.modules
    awsglue = [node for name, node in modules.items() if name.partition(".")[0] in _PACKAGES]
    switches = [node for name, node in modules.items() if name == "glue_secure.as_awsglue"]
    if awsglue:
        first = min(awsglue, key=lambda node: node.lineno)
        if script.is_guarded or any(node.lineno <= first.lineno for node in switches):
            return
        yield _missing(
            script, first, "GS-SEC-010", "awsglue is imported: Glue's own classes run without checks"
        )
    elif not is_guarded(script):
        use = next((call for call in script.values.calls if _starts_spark(call)), None)
        store = next((call for call in script.values.calls if _stores(call)), None)
        if use or store:
            call = use or store
            reason = "Spark is used" if use else "objects are stored in S3"
            yield _missing(script, call.node if call else None, "GS-SEC-007", f"{reason} without glue-secure")


def _missing(script: Script, node: ast.stmt | ast.expr | None, control: str, found: str) -> ScriptFinding:
    return script.finding(
        "guard-missing",
        control,
        node,
        found=found,
        required="an import of glue-secure before anything else, in a Spark job",
        fix=f"insert before the first import: {LINE}",
    )


def _starts_spark(call: ScriptCall) -> bool:
    return any(_SPARK.match(name) for name in call.names)


def _stores(call: ScriptCall) -> bool:
    """Return whether a call stores an object with boto3."""
    return bool(
        call.methods & _STORES
        or any(_STORES_OF_OBJECTS.search(name) for name in call.names)
        or any(call.keyword(_STORE_KEYWORDS[method]) for method in call.methods & _STORE_KEYWORDS.keys())
    )


def _job(script: Script) -> Iterator[ScriptFinding]:
    calls = script.values.calls
    jobs = [call for call in calls if set(call.names) & _JOBS]
    inits = [call for call in calls if _is_of_job(call, "init")]
    commits = [call for call in calls if _is_of_job(call, "commit")]
    if not inits:
        contexts = [call for call in calls if _has_context(script, call)]
        for first in (jobs or commits or contexts)[:1]:
            guarded = is_guarded(script)
            yield script.finding(
                "job-init",
                "GS-SEC-007",
                first.node,
                found="job.init is not called: "
                + ("bookmarks are not used" if guarded else "Glue does not apply the security configuration"),
                required="job.init before the first read",
                fix='insert: job.init(args["JOB_NAME"], args)',
                is_note=guarded,
            )
    elif not commits:
        yield script.finding(
            "job-commit",
            "GS-BKM-003",
            inits[0].node,
            found="job.commit is not called: "
            + (
                "the next run reads the same data again"
                if any(_has_context(script, call) for call in calls)
                else "the run is reported as not committed"
            ),
            required="job.commit after the last write",
            fix="insert after the last write: job.commit()",
            is_note=True,
        )


def _is_of_job(call: ScriptCall, method: str) -> bool:
    if method not in call.methods:
        return False
    return any(
        _OBJECT_OF_JOB.search(name.removesuffix(f".{method}"))
        for name in call.names
        if name.endswith(f".{method}")
    )


def _has_context(script: Script, call: ScriptCall) -> bool:
    texts = [text for value in call.keyword("transformation_ctx") for text in script.values.texts(value)]
    return any(texts) and any(re.search(r"create_(?:dynamic|data)_frame", name) for name in call.names)


def _dynamic(script: Script) -> Iterator[ScriptFinding]:
    for call in script.values.calls:
        if not set(call.names) & _RUNS_TEXT or not call.args:
            continue
        argument = call.args[0]
        if any(isinstance(value, ast.Constant) for value in script.values.values(argument)):
            continue  # check_script checks these texts
        yield script.finding(
            "dynamic-code",
            "GS-S3-012",
            call.node,
            found=f"{call.name}() of a text that the script computes: the code cannot be checked",
            required="code that is part of the script",
            fix="write the code as a function, or parse data with json.loads or ast.literal_eval",
            verdict=Verdict.UNKNOWN,
        )


def _runs_code(tree: ast.Module) -> bool:
    """Return whether the script does something when it runs, apart from definitions."""
    for statement in tree.body:
        if is_main(statement) or isinstance(statement, (ast.For, ast.While, ast.With, ast.Try, ast.If)):
            return True
        if isinstance(statement, (ast.Expr, ast.Assign, ast.AnnAssign)) and any(
            isinstance(node, ast.Call) and not isinstance(node.func, ast.Constant)
            for node in ast.walk(statement)
        ):
            return True
    return False
