"""Rules for S3 and other services of AWS: clients, endpoints, encryption, and programs that write to S3."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from glue_secure.check.model import ScriptFinding
from glue_secure.check.script import Script
from glue_secure.core.script_values import UNKNOWN_TEXT, NamedValue, ScriptCall
from glue_secure.core.spark_conf import check_java_options
from glue_secure.preflight.unguarded_clients import RUNS_PROGRAMS, commands, unguarded_clients

_CLIENTS = ("boto3.", "botocore.", "aiobotocore.", "aioboto3.", "s3fs.", "fsspec.", "awswrangler.")
_CREATES = frozenset({"client", "resource", "create_client", "S3FileSystem", "filesystem"})
_ENDPOINT = re.compile(
    r"(?:aws_)?(?:[a-z0-9]+_)?endpoint[_-]?(?:url|override)?(?:_[a-z0-9]+)?\Z"
    r"|(?:spark\.hadoop\.)?fs\.s3[an]?\.(?:bucket\..+\.)?endpoint\Z|spark\.sql\.catalog\..+\.s3\.endpoint\Z",
    re.IGNORECASE,
)
_PLAIN = re.compile(r"http://", re.IGNORECASE)
_TLS_SETTING = re.compile(r"(?:spark\.hadoop\.)?fs\.s3[an]?\.(?:bucket\..+\.)?connection\.ssl\.enabled\Z")
_JAVA_OPTIONS = re.compile(
    r"java_?options|JAVA_TOOL_OPTIONS|disableCertChecking|RegionUtils|aws\.(?:partitionsFile|endpointUrl)"
    r"|executorEnv\.AWS_|AWS_PARTITIONS_FILE",
    re.IGNORECASE,
)
_S3A = r"(?:spark\.hadoop\.)?fs\.s3[an]?\.(?P<bucket>bucket\..+\.)?"
_ALGORITHM = re.compile(
    _S3A + r"(?:encryption\.algorithm|server-side-encryption-algorithm|serverSideEncryptionAlgorithm)\Z"
)
_ENABLED = re.compile(_S3A + r"enableServerSideEncryption\Z")
_CLIENT_SIDE = re.compile(_S3A + r"(?:encryption\.)?cse\.(?P<name>.+)\Z")
_ICEBERG = re.compile(r"(?:spark\.sql\.catalog\..+\.)?s3\.sse\.type\Z")
_KMS = frozenset({"sse-kms", "aws:kms", "kms"})
_REQUESTED = frozenset({"ServerSideEncryption", "SSEAlgorithm", "x-amz-server-side-encryption"})
_CUSTOMER_KEY = re.compile(r"(?:SSECustomer|CopySourceSSECustomer)(?:Key|Algorithm)\Z")
_CHANGES = {
    "delete_bucket_encryption": ("GS-S3-004", "the default encryption of a bucket is removed"),
    "delete_bucket_policy": ("GS-S3-004", "the policy of a bucket is removed"),
    "delete_public_access_block": ("GS-S3-004", "a bucket may become public"),
    "disable_key": ("GS-KMS-002", "a KMS key is disabled"),
    "schedule_key_deletion": ("GS-KMS-002", "a KMS key is scheduled for deletion"),
    "delete_security_configuration": ("GS-SEC-001", "a security configuration is deleted"),
    "put_data_catalog_encryption_settings": ("GS-CAT-004", "encryption of the Data Catalog is changed"),
}
# Options of python in one word: letters, and c, m, W or X, whose value is the rest or the next word.
_PYTHON_OPTIONS = re.compile(r"-(?P<letters>[a-zA-Z]*?)(?:(?P<last>[cmWX])(?P<value>.*))?\Z", re.DOTALL)
_PYTHON = re.compile(r"(?:.*/)?(?:python[\d.]*|pypy\d*)\Z")


def s3_findings(script: Script) -> Iterator[ScriptFinding]:
    """Yield the findings of S3 and of clients of AWS."""
    for use in unguarded_clients(script.values):
        yield script.finding(
            "s3-program" if use.is_program else "s3-native-client",
            "GS-S3-004",
            use.node,
            found=str(use),
            required="boto3, or Spark, which the guard checks",
            fix=use.fix,
        )
    for call in script.values.calls:
        yield from _client(script, call)
        yield from _change(script, call)
        yield from _process(script, call)
    for named in script.values.named_values:
        yield from _transport(script, named)
        yield from _encryption(script, named)


def is_aws_client(script: Script, call: ScriptCall) -> bool:
    """Return whether a call creates a client of AWS."""
    if not call.methods & _CREATES:
        return False
    if call.starts_with(*_CLIENTS):
        return True
    service = script.values.texts(call.args[0]) if call.args else []
    words = call.keyword("service_name") or call.keyword("region_name") or call.keyword("endpoint_url")
    return bool(call.methods & {"client", "resource"}) and bool(words or any(t.islower() for t in service))


def _client(script: Script, call: ScriptCall) -> Iterator[ScriptFinding]:
    if not is_aws_client(script, call):
        return
    keywords = [*call.keywords]
    for value in call.keyword("client_kwargs"):
        keywords += script.values.entries(value)
    for name in ("verify", "use_ssl"):
        given = [value for word, value in keywords if word == name]
        if given and script.is_false(given):
            yield script.finding(
                "aws-client-tls",
                "GS-S3-002",
                call.node,
                found=f"{call.name}() with {name} false",
                required="TLS with verified certificates",
                fix=f"remove {name}; for a private CA, set AWS_CA_BUNDLE to its PEM file",
            )


def _transport(script: Script, named: NamedValue) -> Iterator[ScriptFinding]:
    texts = script.values.texts(named.value)
    found = ""
    if _ENDPOINT.match(named.name) and any(map(_PLAIN.match, texts)):
        found = f"{named.name} with http://"
    elif _TLS_SETTING.match(named.name) and script.is_false([named.value]):
        found = f"{named.name} false"
    elif named.name == "proxy_use_forwarding_for_https" and script.is_on([named.value]):
        found = f"{named.name}, so that the proxy decrypts the requests"
    elif named.name == "AWS_CA_BUNDLE" and texts == [""]:
        found = f"{named.name} is empty"
    elif _JAVA_OPTIONS.search(named.name):
        for text in texts:
            options = {named.name: text.replace(UNKNOWN_TEXT, "")}
            found = next((one.found for one in check_java_options(options) if one.required), found)
    if found:
        yield script.finding(
            "aws-client-tls",
            "GS-S3-002",
            named.node,
            found=found,
            required="AWS's endpoints over TLS, with verified certificates",
            fix="remove it, or write https://; the run sets the endpoint",
        )


def _encryption(script: Script, named: NamedValue) -> Iterator[ScriptFinding]:
    name, texts = named.name, [text.lower() for text in script.values.texts(named.value)]
    known = [text for text in texts if UNKNOWN_TEXT not in text]
    control, found = "", ""
    if name in _REQUESTED and set(known) - _KMS - {""}:
        control, found = "GS-S3-005", f"{name} {(set(known) - _KMS).pop()}"
    elif _CUSTOMER_KEY.match(name):
        control, found = "GS-S3-005", f"{name}: encryption with a key of the customer (SSE-C)"
    elif (match := _ALGORITHM.match(name)) and set(known) - _KMS:
        control = "GS-S3-003" if match["bucket"] else "GS-S3-001"
        found = f"{name} {(set(known) - _KMS).pop() or 'empty'}"
    elif (match := _ENABLED.match(name)) and script.is_false([named.value]):
        control, found = "GS-S3-003" if match["bucket"] else "GS-S3-001", f"{name} false"
    elif match := _CLIENT_SIDE.match(name):
        is_off = match["name"] == "enabled" and not script.is_on([named.value])
        control = "" if is_off else "GS-S3-003" if match["bucket"] else "GS-S3-001"
        found = f"{name}: client-side encryption"
    elif _ICEBERG.match(name) and set(known) - _KMS:
        control, found = "GS-S3-013", f"{name} {(set(known) - _KMS).pop()}"
    elif name == "--encryption-type" and known:
        control, found = "GS-SEC-009", f"{name} {known[0]}"
    if control:
        yield script.finding(
            "s3-encryption",
            control,
            named.node,
            found=found,
            required="SSE-KMS under the key of the run's security configuration",
            fix="remove it; the run sets the encryption and its key",
        )


def _change(script: Script, call: ScriptCall) -> Iterator[ScriptFinding]:
    methods = call.methods & _CHANGES.keys()
    if any(name.endswith((".BucketPolicy().delete", ".Bucket().Policy().delete")) for name in call.names):
        methods |= {"delete_bucket_policy"}
    for method in sorted(methods):
        control, reason = _CHANGES[method]
        yield script.finding(
            "protection-change",
            control,
            call.node,
            found=f"{call.name}(): {reason}",
            required="jobs that do not change how data is protected",
            fix="remove the call, and change the resource in its template",
        )


def _process(script: Script, call: ScriptCall) -> Iterator[ScriptFinding]:
    if not call.methods & RUNS_PROGRAMS or not call.starts_with("subprocess.", "os.", "asyncio."):
        return
    executables = [name for argument in call.args[:1] for name in _first_names(script, argument)]
    found_commands = [
        command
        for command in commands(script.values, call)
        if _PYTHON.match(command[0]) or (command[0] == UNKNOWN_TEXT and "sys.executable" in executables)
    ]
    if not found_commands:
        return
    found = next(filter(None, map(_isolation, found_commands)), "")
    for environment in call.keyword("env") if not found else ():
        names = {name for name, _ in script.values.entries(environment)}
        if "PYTHONPATH" not in names and script.values.shows_all_entries(environment):
            found = "env without PYTHONPATH"
    if found:
        yield script.finding(
            "unguarded-process",
            "GS-S3-012",
            call.node,
            found=f"{call.name}() of Python with {found}: the guard does not start in the process",
            required="Python processes that inherit PYTHONPATH",
            fix="remove -I and -E, and pass env={**os.environ, ...}",
        )


def _isolation(command: list[str]) -> str:
    """Return the option -I or -E of Python in a command, or ""; not those after -c, -m or the script."""
    rest = iter(command[1:])
    for word in rest:
        match = _PYTHON_OPTIONS.match(word)
        if match is None or not word[1:]:
            return ""
        if set(match["letters"]) & {"I", "E"}:
            return word
        if match["last"] in ("c", "m"):
            return ""
        if match["last"] and not match["value"]:
            next(rest, "")
    return ""


def _first_names(script: Script, node: ast.AST, depth: int = 0) -> Iterator[str]:
    """Yield what the first word of a command stands for."""
    for value in script.values.values(node) if depth < 8 else ():
        first: ast.AST | None = None
        if isinstance(value, (ast.List, ast.Tuple)):
            first = next(iter(value.elts), None)
        elif isinstance(value, ast.BinOp):
            first = value.left
        elif isinstance(value, ast.JoinedStr):
            first = next(iter(value.values), None)
        elif isinstance(value, ast.FormattedValue):
            first = value.value
        if first is None:
            yield from script.values.names(value)
        else:
            yield from _first_names(script, first, depth + 1)
