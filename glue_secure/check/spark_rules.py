"""Rules for Spark: sessions, settings, targets of writes, and the JVM."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator

from glue_secure.check.model import ScriptFinding
from glue_secure.check.script import Script
from glue_secure.core.script_values import UNKNOWN_TEXT, NamedValue, ScriptCall

_SAVES = frozenset({"csv", "json", "orc", "parquet", "save", "text", "start"})
_RDD_SAVES = re.compile(
    r"saveAs(?:TextFile|PickleFile|SequenceFile|HadoopFile|ObjectFile|NewAPIHadoopFile)\Z"
)
_OTHER_FILES = re.compile(r"/|\./|(?:file|hdfs|dbfs|viewfs):", re.IGNORECASE)
_WORKER_SWITCHES = re.compile(
    r"spark\.(?:io\.encryption\.enabled|authenticate|network\.crypto\.enabled|ssl\.(?:\w+\.)?enabled)\Z"
)
_WORKER_CONTROLS = {"spark.io.encryption.enabled": "GS-SPK-002"}
_SHUFFLE = re.compile(r"spark\.shuffle\.(?:storage\.path|glue\.s3ShuffleBucket|sort\.io\.plugin\.class)\Z")
_SPARK_SHUFFLE = "org.apache.spark.shuffle.sort.io.LocalDiskShuffleDataIO"
_JVM = re.compile(r"(?:\._jvm|\.jvm)\.(?P<path>.+)\Z")
_FILE_SYSTEM_WRITES = frozenset(
    {
        "create", "append", "createNewFile", "copy", "copyFromLocalFile", "copyBytes", "moveFromLocalFile",
        "rename", "createFile", "concat",
    }
)  # fmt: skip
_JVM_CLIENTS = (
    ("com.amazonaws.services.glue.GlueContext", "GS-SEC-010", "the Scala GlueContext"),
    ("com.amazonaws.services.s3", "GS-S3-012", "an S3 client in the JVM"),
    ("software.amazon.awssdk.services.s3", "GS-S3-012", "an S3 client in the JVM"),
    ("java.sql.DriverManager", "GS-TLS-001", "a JDBC connection of its own"),
    ("java.net.", "GS-TLS-001", "a network connection of its own"),
    ("java.lang.Runtime", "GS-S3-012", "another program"),
    ("java.lang.ProcessBuilder", "GS-S3-012", "another program"),
)
# Classes of java.net that parse and encode, and open no connection.
_NO_CONNECTION = re.compile(r"java\.net\.(?:URI|URLEncoder|URLDecoder|IDN|InetSocketAddress)(?:\.|\Z)")
# A URI opens a connection when it becomes a URL.
_URL_OF_URI = re.compile(r"java\.net\.URI(?:\.\w+)?\(\)(?:\.\w+\(\))*\.toURL\Z")
_JVM_PREFIXES = tuple(start for start, _, _ in _JVM_CLIENTS)


def spark_findings(script: Script) -> Iterator[ScriptFinding]:
    """Yield the findings of Spark and of the JVM."""
    for call in script.values.calls:
        yield from _session(script, call)
        yield from _target(script, call)
        yield from _jvm(script, call)
    for named in script.values.named_values:
        yield from _workers(script, named)
        yield from _guard(script, named)
    yield from _internals(script)


def _session(script: Script, call: ScriptCall) -> Iterator[ScriptFinding]:
    found = ""
    if "newSession" in call.methods or "cloneSession" in call.methods:
        found = f"{call.name}()"
    elif "remote" in call.methods and any(".builder" in name for name in call.names):
        found = f"{call.name}(), a session of another process"
    if found:
        yield script.finding(
            "spark-session",
            "GS-S3-010",
            call.node,
            found=found,
            required="the session of glueContext.spark_session, whose settings are checked",
            fix="use glueContext.spark_session, or SparkSession.builder.getOrCreate()",
        )


def _texts(script: Script, nodes: Iterable[ast.expr]) -> list[str]:
    return [text for node in nodes for text in script.values.texts(node)]


def _target(script: Script, call: ScriptCall) -> Iterator[ScriptFinding]:
    is_frame = bool(call.methods & _SAVES) and any(
        re.search(r"\.(?:write|writeStream)\b", name) for name in call.names
    )
    is_rdd = any(_RDD_SAVES.match(method) for method in call.methods)
    locations = [*call.args[:1], *call.keyword("path")] if is_frame or is_rdd else []
    if any(re.search(r"\.(?:write|writeStream)\b", name) for name in call.names):
        is_path = "option" in call.methods and "path" in map(str.lower, _texts(script, call.args[:1]))
        locations += call.args[1:2] if is_path else ()
        locations += call.keyword("path") if call.methods & {"options", "saveAsTable", "toTable"} else ()
    control = "GS-S3-011"
    if call.methods & {"from_options", "write_dynamic_frame_from_options", "getSink"} and any(
        "write" in name or "Sink" in name for name in call.names
    ):
        control = "GS-S3-006"
        locations += call.keyword("path") if "getSink" in call.methods else []
        for value in call.keyword("connection_options"):
            locations += [entry for name, entry in script.values.entries(value) if name == "path"]
    texts = [text for value in locations for text in script.values.texts(value)]
    if any(map(_OTHER_FILES.match, texts)):
        yield script.finding(
            "spark-write",
            control,
            call.node,
            found=f"{call.name}() to a location that is not in S3",
            required="a location in S3",
            fix="write below an s3:// location",
        )


def _workers(script: Script, named: NamedValue) -> Iterator[ScriptFinding]:
    control, found = "", ""
    texts = script.values.texts(named.value)
    if _WORKER_SWITCHES.match(named.name) and script.is_false([named.value]):
        control, found = _WORKER_CONTROLS.get(named.name, "GS-SPK-001"), f"{named.name} false"
    elif _SHUFFLE.match(named.name) and texts not in ([""], [_SPARK_SHUFFLE]):
        control, found = "GS-SPK-003", f"{named.name}: shuffle files outside the workers"
    elif named.name == "spark.eventLog.dir" and any(
        not re.match(r"s3[an]?://", text) and UNKNOWN_TEXT not in text[:1] for text in texts
    ):
        control, found = "GS-SPK-004", "spark.eventLog.dir outside S3"
    if control:
        yield script.finding(
            "worker-encryption",
            control,
            named.node,
            found=found,
            required="encryption between workers and on their disks",
            fix=f"remove {named.name}, or set it when the session is created: --conf {named.name}=...",
        )


def _guard(script: Script, named: NamedValue) -> Iterator[ScriptFinding]:
    texts = {text.lower() for text in script.values.texts(named.value)}
    is_off = (named.name, "off") == ("GLUE_SECURE_LOCAL_REQUEST_GUARD", *texts & {"off"})
    if is_off or (named.name == "spark.glueSecure.outsideRuns" and "allow" in texts):
        yield script.finding(
            "guard-disabled",
            "GS-SEC-007",
            named.node,
            found=f"{named.name} {'off' if is_off else 'allow'}",
            required="a job that the guard checks; this setting is for tests",
            fix=f"remove {named.name}",
        )


def _internals(script: Script) -> Iterator[ScriptFinding]:
    found: dict[ast.stmt, str] = {}
    for module, node in script.values.modules.items():
        if re.match(r"glue_secure\.(?:aws|engines|run|verification)(?:\.|\Z)", module):
            found.setdefault(node, module)
    for node, module in found.items():
        yield script.finding(
            "guard-disabled",
            "GS-SEC-007",
            node,
            found=f"import of {module}, an internal module of glue-secure",
            required="the public modules of glue-secure",
            fix="import from glue_secure itself",
        )


def _jvm(script: Script, call: ScriptCall) -> Iterator[ScriptFinding]:
    for name in call.names:
        match = _JVM.search(name)
        if match is None:
            continue
        path = _java_path(script, match["path"])
        if _URL_OF_URI.match(path):
            found = f"{path}(): a network connection of its own, which is not checked"
            yield _jvm_finding(script, call, "GS-TLS-001", found)
            return
        for start, control, reason in _JVM_CLIENTS:
            is_client = path.startswith(start) and not _NO_CONNECTION.match(path)
            if is_client and not path.removeprefix(start).count("()"):
                yield _jvm_finding(script, call, control, f"{path}(): {reason}, which is not checked")
                return
        method = path.rpartition(".")[2]
        if method in _FILE_SYSTEM_WRITES and re.search(
            r"FileSystem|FileUtil|FileContext|IOUtils|Path\b", path
        ):
            found = f"{method}() of Hadoop's file system: the write is not observed"
            yield _jvm_finding(script, call, "GS-S3-012", found)
            return


def _java_path(script: Script, path: str) -> str:
    """Return a path of the JVM, with the package of a class that ``java_import`` names."""
    name = path.partition(".")[0].removesuffix("()")
    if not name[:1].isupper():  # a full name
        return path
    packages = []
    for call in script.values.calls:
        if "java_import" in call.methods:
            for text in script.values.texts(call.args[1]) if len(call.args) > 1 else ():
                package, _, last = text.rpartition(".")
                if last == name:
                    return f"{package}.{path}"
                packages += [package] if last == "*" else []
    paths = [f"{package}.{path}" for package in packages]
    return next((full for full in paths if full.startswith(_JVM_PREFIXES)), path)


def _jvm_finding(script: Script, call: ScriptCall, control: str, found: str) -> ScriptFinding:
    return script.finding(
        "jvm-access",
        control,
        call.node,
        found=found,
        required="reads and writes of Spark, boto3 or glue-secure",
        fix="copy with boto3's copy_object, write with Spark, and open databases by a Glue connection",
    )
