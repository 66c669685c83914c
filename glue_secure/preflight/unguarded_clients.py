"""Find S3 clients in a job script that do not use botocore, so that nothing adds the run's key.

This is a search in the script's source, not a proof: it does not follow imported modules, and values only as
far as :mod:`glue_secure.core.script_values` does. A bucket policy that denies uploads without the key
protects against these clients.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from glue_secure.core.script_values import UNKNOWN_TEXT, ScriptCall, ScriptValues, parse_script

_PYARROW = "pyarrow's S3FileSystem"
_PANDAS = "pyarrow's S3FileSystem, which pandas uses,"
_PYICEBERG = "pyarrow's S3FileSystem, which pyiceberg uses,"
_RAY = "pyarrow's S3FileSystem, which Ray uses,"
_IBIS = "the S3 client of DuckDB or pyarrow, which Ibis uses,"
# What makes s3fs write, which is guarded.
_FIXES = {
    _PYARROW: "pass filesystem=s3fs.S3FileSystem()",
    _PANDAS: 'pass storage_options={"anon": False}, so that s3fs writes',
    _PYICEBERG: 'configure the catalog with "py-io-impl": "pyiceberg.io.fsspec.FsspecFileIO"',
    _RAY: "pass filesystem=s3fs.S3FileSystem()",
    _IBIS: "write the result of to_pandas() with pandas, or with boto3 or Spark",
}
_S3 = re.compile(r"s3[an]?://", re.IGNORECASE)
# Modules whose S3 client is their own.
_MODULES = {
    "awscrt.s3": "awscrt",
    "minio": "MinIO's client",
    "s3transfer.crt": "awscrt",
}
# Methods of frames that write with a native client to an S3 location, if the package is imported.
_METHODS = {
    # https://github.com/pandas-dev/pandas/blob/main/pandas/io/parquet.py: pyarrow's file system comes first.
    "to_parquet": ("pandas", _PANDAS),
    "write_parquet": ("polars", "Polars"),
    "write_csv": ("polars", "Polars"),
    "write_ipc": ("polars", "Polars"),
    "write_ndjson": ("polars", "Polars"),
    "write_delta": ("polars", "Polars"),
    "sink_delta": ("polars", "Polars"),
    "sink_parquet": ("polars", "Polars"),
    "sink_csv": ("polars", "Polars"),
    "sink_ipc": ("polars", "Polars"),
    "sink_ndjson": ("polars", "Polars"),
}
# Targets of several files. Methods that are not above, such as write_avro, write local files alone.
_POLARS_TARGET = re.compile(r"polars\.(?:\w+\.)*Partition\w*\Z")
# https://docs.ray.io/en/latest/data/saving-data.html: pyarrow writes, unless a file system is passed.
_RAY_WRITES = frozenset(
    {
        "write_parquet", "write_json", "write_csv", "write_orc", "write_tfrecords", "write_webdataset",
        "write_numpy", "write_images",
    }
)  # fmt: skip
_RAY_TABLES = {"write_lance": "Lance", "write_delta": "delta-rs"}
# https://ibis-project.org/reference/expression-tables: DuckDB, pyarrow or delta-rs writes, by the backend.
_IBIS_WRITES = frozenset({"to_parquet", "to_parquet_dir", "to_csv", "to_json", "to_delta", "to_xlsx"})
_IBIS_IN_MEMORY = re.compile(r"\.(?:execute|to_pandas|to_pyarrow|to_polars)\(\)\.")
# https://tiledb-inc-tiledb.readthedocs-hosted.com/projects/tiledb-py/en/stable/python-api.html
_TILEDB_WRITES = re.compile(
    r"(?:from_\w+|create\w*|empty_like|write|touch|remove\w*|delete\w*|move\w*|copy\w*|consolidate\w*|vacuum\w*"
    r"|group_create|schema_evolution)\Z"
)
_TILEDB_OPENS = frozenset(
    {"open", "open_bin", "Array", "DenseArray", "SparseArray", "Group", "FileIO", "save"}
)
# https://docs.daft.ai/: writes of frames to files, to tables, and of catalogs and sessions.
_DAFT_FILES = frozenset({"write_parquet", "write_csv", "write_json", "upload"})
_DAFT_TABLES = frozenset({"write_deltalake", "write_iceberg", "write_lance", "write_paimon"})
_DAFT_CATALOGS = frozenset(
    {"append", "overwrite", "write", "write_table", "create_table", "create_table_if_not_exists"}
)
# https://lance.org/, https://lancedb.com/docs/: methods of datasets, databases and tables that commit.
_LANCE_WRITES = re.compile(
    r"(?:write_\w+|commit\w*|create\w*|add\w*|delete\w*|update\w*|merge\w*|insert\w*|alter_\w+|drop\w*|compact_files"
    r"|optimize\w*|cleanup_old_versions|restore|truncate_table|replace_\w+|rename_table|shallow_clone|deep_clone"
    r"|execute)\Z"
)
_LANCE_TABLE = re.compile(r"lance(?:db)?\.(?:\w+\.)*(?:dataset|LanceDataset|connect|connect_async)\Z")
# Parts of a name after which it is a frame, a list or a schema, not a table.
_IN_MEMORY = re.compile(r"\.(?:to_\w+|list_\w+|versions|schema|take|head|collect|fetchall)(?:\(\))?\.")
_OBSTORE = re.compile(r"obstore\.(?:\w+\.)*(?:S3Store(?:\.from_url)?|from_url)\Z")
_OPENDAL = re.compile(r"opendal\.(?:\w+\.)*(?:Async)?Operator(?:\.from_uri|\.from_config)?\Z")
# pyarrow's functions for CSV, ORC and Feather take no S3 location.
_PYARROW_WRITES = frozenset({"write_table", "write_to_dataset", "write_dataset", "ParquetWriter"})
# https://delta-io.github.io/delta-rs/: functions, and methods of a DeltaTable that commit to the table. What
# its other methods return, a frame or a list, is no DeltaTable.
_DELTA = re.compile(
    r"""
    awswrangler\.s3\.(?:\w+\.)*(?P<aws>to_deltalake|to_deltalake_streaming)\Z
    | deltalake\.(?:\w+\.)*(?P<function>write_deltalake|convert_to_deltalake|DeltaTable\.create)\Z
    | deltalake\.(?:\w+\.)*DeltaTable(?:\.\w+)?\(\)\.
      (?P<method>
        merge | update | delete | restore | repair | vacuum | create_checkpoint | create_write_transaction
        | optimize\.(?:compact|z_order) | alter\.\w+
      )\Z
    """,
    re.VERBOSE,
)
_DELTA_TABLE = re.compile(r"deltalake\.(?:\w+\.)*DeltaTable(?:\.\w+)?\Z")
# https://py.iceberg.apache.org/api/: methods of catalogs and tables that write files.
_ICEBERG_WRITES = frozenset(
    {
        "append", "overwrite", "upsert", "delete", "dynamic_partition_overwrite", "add_files",
        "create_table", "create_table_if_not_exists", "create_table_transaction", "transaction",
        "update_schema", "update_spec", "update_sort_order", "update_statistics", "manage_snapshots",
        "expire_snapshots", "commit", "commit_transaction", "commit_table",
    }
)  # fmt: skip
# Parts of a name after which it is a list or a frame, not a table.
_ICEBERG_READS = re.compile(
    r"\.(?:list_\w+|to_\w+|scan|plan_files|history|snapshots|schemas|inspect)(?:\(\))?\."
)
_CATALOG = re.compile(r"pyiceberg\.(?:\w+\.)*(?:load_catalog|\w*Catalog)\Z")
_FSSPEC = "pyiceberg.io.fsspec.FsspecFileIO"
_NOT_S3 = re.compile(r"(?:file:|hdfs:|abfss?:|gs:|/|\.)", re.IGNORECASE)
_DUCKDB_STATEMENT = re.compile(
    r"""
    \b(?: COPY\b.*\bTO\s+['"]s3[an]?:// | EXPORT\s+DATABASE\s+['"]s3[an]?://
    | (?:INSTALL|LOAD)\s+['"]?(?:httpfs|aws)\b
    | ATTACH\s+(?:OR\s+REPLACE\s+)?(?:DATABASE\s+)?(?:IF\s+NOT\s+EXISTS\s+)?['"](?:s3[an]?://|arn:aws) )
    """,
    re.IGNORECASE | re.DOTALL | re.VERBOSE,
)
_DUCKDB_PARAMETER = re.compile(r"\bCOPY\b.*\bTO\s+[?$]", re.IGNORECASE | re.DOTALL)
_DUCKDB_LOCATION = re.compile(r"\b(?:TO|DATABASE)\s+'\Z", re.IGNORECASE)
# Names of arguments of a job and of environment variables.
_ARGUMENT = re.compile(
    r"(?:getResolvedOptions\(\)|sys\.argv|os\.environ)\[\]\Z|os\.(?:getenv|environ\.get)\(\)\Z"
)
_MESSAGES = frozenset({"critical", "debug", "error", "exception", "info", "log", "print", "warn", "warning"})
_DUCKDB_WRITES = frozenset({"to_parquet", "write_parquet", "to_csv", "write_csv"})
# Names of frames of Spark, Dask and DuckDB that have methods of pandas.
_OTHER_FRAMES = re.compile(
    r"(?:pyspark\.pandas|databricks\.koalas|dask|duckdb|ibis)\.|.*\.(?:pandas_api|to_koalas)\(\)"
)
# Text of a name of a pandas frame that Spark, Polars or DuckDB made.
_AS_PANDAS = re.compile(r"\.(?:toPandas|to_pandas|_to_internal_pandas)\(\)|\Aibis\..*\.execute\(\)")
RUNS_PROGRAMS = frozenset(
    {
        "run", "call", "check_call", "check_output", "Popen", "getoutput", "getstatusoutput", "system",
        "popen", "execl", "execlp", "execv", "execvp", "execvpe", "spawnl", "spawnlp", "spawnv", "spawnvp",
        "create_subprocess_exec", "create_subprocess_shell",
    }
)  # fmt: skip
"""Functions of ``subprocess``, ``os`` and ``asyncio`` that start a program."""
_PROGRAMS = frozenset({"aws", "mc", "rclone", "s3cmd", "s4cmd", "s5cmd"})
_BEFORE_PROGRAM = frozenset({"sudo", "env", "nohup", "exec", "time", "nice", "xargs"})
# https://docs.aws.amazon.com/cli/latest/reference/#options: global options with a value.
_AWS_VALUES = frozenset(
    {
        "--ca-bundle", "--cli-binary-format", "--cli-connect-timeout", "--cli-read-timeout", "--color",
        "--endpoint-url", "--output", "--profile", "--query", "--region",
    }
)  # fmt: skip
# Options with a value before the command, and commands that store, copy and delete nothing.
_PROGRAM_VALUES = frozenset(
    {
        "--endpoint-url", "--numworkers", "--retry-count", "--log", "--credentials-file", "--profile",
        "--config", "--config-dir", "-c", "-C", "--access_key", "--secret_key", "--region", "--host",
    }
)  # fmt: skip
_PROGRAM_READS = {
    "s5cmd": frozenset({"cat", "du", "head", "help", "ls", "presign", "version"}),
    "s3cmd": frozenset({"du", "get", "info", "la", "ls", "multipart", "signurl"}),
    "s4cmd": frozenset({"du", "get", "ls"}),
    "rclone": frozenset(
        {
            "about", "cat", "check", "hashsum", "listremotes", "ls", "lsd", "lsf", "lsjson", "lsl", "md5sum",
            "sha1sum", "size", "tree", "version",
        }
    ),
    "mc": frozenset({"cat", "diff", "du", "find", "head", "ls", "stat", "tree"}),
}  # fmt: skip
_COPIES = frozenset({"cp", "mv", "sync"})
_SEPARATOR = re.compile(r"&&|\|\||[;&|\n]")


@dataclass(frozen=True, slots=True)
class UnguardedClient:
    """A line of a script that uses an S3 client without botocore.

    Attributes:
        line: number of the line.
        code: the call or module.
        client: name of the client.
        is_program: whether it is another program.
        node: its position.
        edit: the edit after which a guarded client writes, if it depends on the call.
    """

    line: int
    code: str
    client: str
    is_program: bool = False
    node: ast.expr | ast.stmt | None = field(default=None, compare=False, repr=False)
    edit: str = field(default="", compare=False)

    @property
    def fix(self) -> str:
        """The edit after which a guarded client writes."""
        return (self.edit or _FIXES.get(self.client, "write with boto3 or Spark")) + (
            "; a bucket policy that denies other keys protects the rest"
        )

    def __str__(self) -> str:
        return f"{self.code}: {self.client} is not guarded; its writes do not get the run's key"


def find_unguarded_clients(source: str) -> list[UnguardedClient]:
    """Return the uses in a script, by line. A script that Python cannot parse has none."""
    try:
        values = ScriptValues(parse_script(source))
    except (SyntaxError, ValueError, RecursionError):
        return []
    return unguarded_clients(values)


def unguarded_clients(values: ScriptValues) -> list[UnguardedClient]:
    """Return the uses in a script, by line: one of each client in a line."""
    found: dict[tuple[int, str], UnguardedClient] = {}
    for use in _uses(values):
        found.setdefault((use.line, use.client), use)
    return sorted(found.values(), key=lambda use: use.line)


def _is_of_other_package(call: ScriptCall) -> bool:
    """Return whether ``to_parquet`` is not pandas' own: of awswrangler, or of a frame of another package."""
    return bool(call.names) and all(
        name == "awswrangler.s3.to_parquet" or (_OTHER_FRAMES.match(name) and not _AS_PANDAS.search(name))
        for name in call.names
    )


def commands(values: ScriptValues, call: ScriptCall) -> list[list[str]]:
    """Return the commands that a call may start, as far as the source shows them, also those of a shell.

    The first word of each is the program; ``sudo``, ``env`` and assignments before it are left out.
    """
    found = []
    for words in values.commands([*call.args, *call.keyword("args")]):
        scripts = [word for word in words if " " in word]
        found += [words, *(part.split() for word in scripts for part in _SEPARATOR.split(word))]
    return [command for command in map(_without_prefix, found) if command]


def _without_prefix(words: list[str]) -> list[str]:
    rest = [word for word in words if word]
    while rest and (rest[0].rpartition("/")[2] in _BEFORE_PROGRAM or re.match(r"\w+=", rest[0])):
        rest = rest[1:]
    return rest


def _uses(values: ScriptValues) -> Iterator[UnguardedClient]:
    imported = {name.partition(".")[0] for name in values.modules}
    for name, node in values.modules.items():
        yield from _module(name, node)
    for call in values.calls:
        called = {name.partition(".")[0] for name in call.names}
        yield from _call(values, call, imported | called)


def _module(name: str, node: ast.stmt) -> Iterator[UnguardedClient]:
    for module, client in _MODULES.items():
        if name == module or name.startswith(f"{module}."):
            yield UnguardedClient(node.lineno, f"import of {name}", client, node=node)


def _call(values: ScriptValues, call: ScriptCall, packages: set[str]) -> Iterator[UnguardedClient]:
    arguments = [*call.args, *(value for _, value in call.keywords)]
    texts = [text for argument in arguments for text in values.texts(argument)]
    to_s3 = any(_S3.match(text) for text in texts) or (
        "polars" in packages and bool(call.methods & _METHODS.keys()) and _is_polars_target(values, arguments)
    )
    clients: dict[str, str] = {}
    if call.starts_with("pyarrow."):
        edit = _edit_of_pyarrow(values, call, to_s3)
        clients |= {_PYARROW: edit} if edit else {}
    is_own = values.is_own(call)
    for method in call.methods & _METHODS.keys() if to_s3 and not is_own else ():
        package, client = _METHODS[method]
        if package == "pandas":
            if _is_of_pandas(values, call, packages):
                clients[_PANDAS] = ""
        elif package in packages and not call.starts_with("duckdb.", "ray.", "daft."):
            clients[client] = ""
    if (
        not is_own
        and "ray" in packages
        and not call.starts_with("polars.", "duckdb.", "daft.")
        and not clients
    ):
        clients |= dict.fromkeys(_clients_of_ray(values, call, to_s3), "")
    if to_s3 and not is_own and "ibis" in packages and not clients and _is_of_ibis(values, call):
        clients[_IBIS] = ""
    if to_s3 and call.starts_with("tiledb.") and _is_of_tiledb(values, call):
        clients["TileDB"] = ""
    if any(map(_OPENDAL.match, call.names)) and _is_of_opendal(values, arguments):
        clients["OpenDAL"] = ""
    if any(map(_OBSTORE.match, call.names)) and ("from_url" not in call.methods or to_s3):
        clients["obstore"] = ""
    if not is_own and not clients and _is_of_daft(values, call, to_s3):
        clients["Daft"] = ""
    if _is_of_lance(values, call, texts):
        clients["Lance"] = ""
    if any(name.startswith("datafusion.") and name.endswith(".AmazonS3") for name in call.names):
        clients["DataFusion"] = ""
    if "to_iceberg" in call.methods and "pandas" in packages and not is_own:
        clients |= {} if _is_guarded_frame(values, call) else {_PYICEBERG: ""}
    if _is_of_delta(values, call):
        clients["delta-rs"] = ""
    if _is_of_pyiceberg(values, call) or ("polars" in packages and _polars_writes_iceberg(values, call)):
        clients[_PYICEBERG] = ""
    if "duckdb" in packages and not is_own and _is_of_duckdb(values, call, texts, to_s3):
        clients["DuckDB's httpfs"] = ""
    for client, edit in clients.items():
        yield UnguardedClient(call.node.lineno, f"{call.name}()", client, node=call.node, edit=edit)
    if call.methods & RUNS_PROGRAMS and call.starts_with("subprocess.", "os.", "asyncio."):
        program = _program(commands(values, call))
        if program:
            yield UnguardedClient(
                call.node.lineno, f"{call.name}()", f"the program {program}", True, call.node
            )


def _edit_of_pyarrow(values: ScriptValues, call: ScriptCall, to_s3: bool) -> str:
    """Return the fix of a call of pyarrow that creates or uses its own S3 client, or "".

    With a file system in ``filesystem``, that one writes: s3fs is guarded, and S3FileSystem is found itself.
    """
    if "S3FileSystem" in call.methods or ("from_uri" in call.methods and to_s3):
        return "create s3fs.S3FileSystem() instead"
    if "copy_files" in call.methods:
        systems = [*call.args[3:4], *call.keyword("destination_filesystem")]
        targets = [*call.args[1:2], *call.keyword("destination"), *systems]
        is_upload = any(_S3.match(text) for target in targets for text in values.texts(target))
        is_guarded = _is_file_system(values, systems)
        return "upload with s3fs.S3FileSystem().put()" if is_upload and not is_guarded else ""
    is_write = call.methods & _PYARROW_WRITES and not call.starts_with("pyarrow.orc.")
    is_guarded = _is_file_system(values, call.keyword("filesystem"))
    return _FIXES[_PYARROW] if to_s3 and is_write and not is_guarded else ""


def _is_file_system(values: ScriptValues, given: list[ast.expr]) -> bool:
    """Return whether an argument is a file system: pyarrow creates its own for None and for a location."""
    return any(
        not _may_be_none(values, value) and not any(map(_S3.match, values.texts(value))) for value in given
    )


def _is_of_pandas(values: ScriptValues, call: ScriptCall, packages: set[str]) -> bool:
    """Return whether ``to_parquet`` of pandas uses pyarrow's file system.

    With ``storage_options``, a file system, or the engine fastparquet, s3fs writes.
    """
    given = [*call.keyword("storage_options"), *call.keyword("filesystem")]
    engines = [text for value in [*call.args[1:2], *call.keyword("engine")] for text in values.texts(value)]
    if any(not _may_be_none(values, value) for value in given) or engines == ["fastparquet"]:
        return False
    is_pandas = {"pandas", "geopandas", "modin"} & packages or any(map(_AS_PANDAS.search, call.names))
    return bool(is_pandas) and not _is_of_other_package(call)


def _is_polars_target(values: ScriptValues, arguments: list[ast.expr]) -> bool:
    """Return whether an argument is a target of several files of Polars in S3."""
    targets = [value for argument in arguments for value in values.values(argument)]
    return any(
        isinstance(target, ast.Call)
        and any(map(_POLARS_TARGET.match, values.names(target.func)))
        and any(
            _S3.match(text)
            for part in [*target.args, *(word.value for word in target.keywords)]
            for text in values.texts(part)
        )
        for target in targets
    )


def _clients_of_ray(values: ScriptValues, call: ScriptCall, to_s3: bool) -> list[str]:
    """Return the clients with which a dataset of Ray writes to S3."""
    if to_s3 and call.methods & _RAY_WRITES and not _is_file_system(values, call.keyword("filesystem")):
        return [_RAY]
    if call.starts_with("ray.") and "write_iceberg" in call.methods:
        given = [*call.args[1:2], *call.keyword("catalog_kwargs")]
        return [] if _is_guarded_by(values, given) else [_PYICEBERG]
    return [client for method, client in _RAY_TABLES.items() if to_s3 and method in call.methods]


def _is_of_ibis(values: ScriptValues, call: ScriptCall) -> bool:
    """Return whether a table of Ibis writes, other than by Spark, whose writes are checked.

    A table that comes from elsewhere counts if no other package with such frames is imported.
    """
    if not call.methods & _IBIS_WRITES:
        return False
    for other in values.calls:
        if set(other.names) & {"ibis.set_backend", "ibis.connect"}:
            texts = [text for argument in other.args[:1] for text in values.texts(argument)]
            if any(text.startswith("pyspark") for text in texts):
                return False
    own = [name for name in call.names if name.startswith("ibis.")]
    if own:
        return not all(name.startswith("ibis.pyspark.") or _IBIS_IN_MEMORY.search(name) for name in own)
    imported = {name.partition(".")[0] for name in values.modules}
    owners = {name.partition(".")[0] for name in call.names}
    return not ({"pandas", "geopandas", "modin", "polars"} | owners) & imported


def _is_of_daft(values: ScriptValues, call: ScriptCall, to_s3: bool) -> bool:
    """Return whether a frame, table or catalog of Daft writes to S3 or to a table that may be there."""
    if not call.methods & (_DAFT_FILES | _DAFT_TABLES | _DAFT_CATALOGS):
        return False
    own = [name for name in call.names if name.startswith("daft.") and not _IN_MEMORY.search(name)]
    if call.methods & _DAFT_CATALOGS:
        return bool(own)
    imported = {name.partition(".")[0] for name in values.modules}
    is_unknown = not {name.partition(".")[0] for name in call.names} & imported and "daft" in imported
    if call.methods & _DAFT_FILES:
        return to_s3 and bool(own or is_unknown)
    locations = [text for argument in call.args[:1] for text in values.texts(argument)]
    return bool(own or (is_unknown and to_s3)) and not (locations and all(map(_is_elsewhere, locations)))


def _is_of_lance(values: ScriptValues, call: ScriptCall, texts: list[str]) -> bool:
    """Return whether a call commits to a table of Lance. Known locations outside S3 do not count."""
    names = [name for name in call.names if name.startswith(("lance.", "lancedb."))]
    writes = [
        name for name in names if _LANCE_WRITES.match(name.rpartition(".")[2]) and not _IN_MEMORY.search(name)
    ]
    if not writes:
        return False
    if any(name.count(".") == 1 or name.startswith("lance.fragment.") for name in writes):  # write_dataset
        locations = [text for text in texts if UNKNOWN_TEXT not in text]
        return not locations or any(map(_S3.match, locations))
    tables = _made_by(values, call.node.func, _LANCE_TABLE)
    return not (tables and all(_is_local_table(values, table) for table in tables))


def _is_of_tiledb(values: ScriptValues, call: ScriptCall) -> bool:
    """Return whether a call of TileDB writes, or opens an array or file to write."""
    if any(map(_TILEDB_WRITES.match, call.methods)):
        return True
    modes = [text for value in [*call.args[1:2], *call.keyword("mode")] for text in values.texts(value)]
    return bool(call.methods & _TILEDB_OPENS) and any(text[:1] in ("w", "a", "m", "d") for text in modes)


def _is_of_opendal(values: ScriptValues, arguments: list[ast.expr]) -> bool:
    """Return whether an operator of OpenDAL is one for S3, by its scheme, location or configuration."""
    for argument in arguments[:1]:
        if any(text.lower() == "s3" or _S3.match(text) for text in values.texts(argument)):
            return True
        parts = [part.func if isinstance(part, ast.Call) else part for part in values.values(argument)]
        names = [name for part in parts for name in values.names(part)]
        if any(name.endswith((".S3", ".S3Config")) for name in names):
            return True
    return False


def _is_guarded_frame(values: ScriptValues, call: ScriptCall) -> bool:
    """Return whether ``to_iceberg`` of pandas writes by s3fs, or to a table outside S3."""
    given = [*call.args[2:3], *call.keyword("catalog_properties")]
    return _is_guarded_by(values, given)


def _is_guarded_by(values: ScriptValues, properties: list[ast.expr]) -> bool:
    """Return whether the properties of a catalog of pyiceberg let s3fs write, or name a local warehouse."""
    return _is_guarded_catalog(values, [entry for given in properties for entry in values.entries(given)])


def _is_of_delta(values: ScriptValues, call: ScriptCall) -> bool:
    """Return whether a call commits to a Delta table by delta-rs. Known locations outside S3 do not count."""
    matches = [match for match in map(_DELTA.match, call.names) if match]
    if not matches or (call.methods == {"vacuum"} and _is_dry_run(values, call)):
        return False
    if any(match["aws"] for match in matches):
        return True
    is_function = any(match["function"] for match in matches)
    tables = [call] if is_function else _made_by(values, call.node.func, _DELTA_TABLE)
    return not (tables and all(_is_local_table(values, table) for table in tables))


def _is_local_table(values: ScriptValues, table: ScriptCall) -> bool:
    words = ("table_or_uri", "table_uri", "uri")
    locations = [*table.args[:1], *(value for word in words for value in table.keyword(word))]
    texts = [text for value in locations for text in values.texts(value)]
    return bool(texts) and all(map(_is_elsewhere, texts))


def _is_dry_run(values: ScriptValues, call: ScriptCall) -> bool:
    """Return whether ``vacuum`` only lists files, which is its default."""
    given = [*call.args[1:2], *call.keyword("dry_run")]
    found = [value for argument in given for value in values.values(argument)]
    return all(isinstance(value, ast.Constant) and value.value is True for value in found)


def _made_by(values: ScriptValues, node: ast.AST, pattern: re.Pattern[str]) -> list[ScriptCall]:
    """Return the calls with a name of ``pattern`` that an object may come from."""
    found: dict[int, ast.AST] = {}
    pending: list[ast.AST] = [node]
    while pending:
        for value in values.values(pending.pop()):
            if id(value) in found:
                continue
            found[id(value)] = value
            if isinstance(value, ast.Call):
                pending.append(value.func)
            elif isinstance(value, (ast.Attribute, ast.Subscript)):
                pending.append(value.value)
    return [one for one in values.calls if id(one.node) in found and any(map(pattern.match, one.names))]


def _is_of_pyiceberg(values: ScriptValues, call: ScriptCall) -> bool:
    """Return whether a call writes to a table of pyiceberg that may be in S3, and not by s3fs."""
    if not call.methods & _ICEBERG_WRITES:
        return False
    is_write = any(
        name.startswith("pyiceberg.")
        and name.rpartition(".")[2] in _ICEBERG_WRITES
        and not _ICEBERG_READS.search(name)
        for name in call.names
    )
    return is_write and not _is_guarded(values, _made_by(values, call.node.func, _CATALOG))


def _polars_writes_iceberg(values: ScriptValues, call: ScriptCall) -> bool:
    """Return whether Polars writes to a table of pyiceberg that may be in S3, and not by s3fs."""
    if not call.methods & {"write_iceberg", "sink_iceberg"} or values.is_own(call):
        return False
    targets = [*call.args[:1], *call.keyword("target")]
    return not _is_guarded(values, [one for node in targets for one in _made_by(values, node, _CATALOG)])


def _is_guarded(values: ScriptValues, catalogs: list[ScriptCall]) -> bool:
    """Return whether s3fs writes the tables of catalogs, or they are outside S3. Without any, all count."""
    calls = catalogs or [call for call in values.calls if any(map(_CATALOG.match, call.names))]
    return bool(calls) and all(_is_guarded_catalog(values, call.keywords) for call in calls)


def _is_guarded_catalog(values: ScriptValues, properties: Iterable[tuple[str, ast.expr]]) -> bool:
    clients, warehouses = [], []
    for name, value in properties:
        texts = values.texts(value)
        # The name may be a constant of pyiceberg, PY_IO_IMPL.
        if name == "py-io-impl" or (name == UNKNOWN_TEXT and texts == [_FSSPEC]):
            clients += texts
        elif name == "warehouse":
            warehouses += texts
    if clients:
        return all(text == _FSSPEC for text in clients)
    return bool(warehouses) and all(map(_NOT_S3.match, warehouses))


def _is_elsewhere(text: str) -> bool:
    return UNKNOWN_TEXT not in text and not _S3.match(text) and bool(text)


def _may_be_none(values: ScriptValues, node: ast.expr) -> bool:
    found = values.values(node)
    return any(isinstance(value, ast.Constant) and value.value is None for value in found)


def _is_of_duckdb(values: ScriptValues, call: ScriptCall, texts: list[str], to_s3: bool) -> bool:
    """Return whether a call makes DuckDB write to S3, or load the extension for it.

    Connections come from anywhere: a statement of DuckDB counts in each method, except those of messages.
    """
    if call.starts_with("duckdb.") and to_s3 and call.methods & _DUCKDB_WRITES:
        return True
    if call.methods & {"install_extension", "load_extension"}:
        return bool({"httpfs", "aws"} & set(texts))
    if call.methods & _MESSAGES or not any("." in name for name in call.names):
        return False
    if any(map(_DUCKDB_STATEMENT.search, texts)):
        return True
    if any(map(_DUCKDB_PARAMETER.search, texts)):
        found = [part for argument in call.args[1:] for part in values.values(argument)]
        found += [value for word in call.keyword("parameters") for value in values.values(word)]
        parts = [
            part
            for value in found
            for part in (
                value.elts if isinstance(value, (ast.List, ast.Tuple))
                else value.values if isinstance(value, ast.Dict) else ()
            )
        ]  # fmt: skip
        return any(_S3.match(text) for part in parts for text in values.texts(part))
    statements = [part for argument in call.args[:1] for part in values.values(argument)]
    return any(isinstance(part, ast.JoinedStr) and _copies_to_argument(values, part) for part in statements)


def _copies_to_argument(values: ScriptValues, statement: ast.JoinedStr) -> bool:
    """Return whether a statement writes to a location that begins with an argument of the job."""
    before = ""
    for part in statement.values:
        if isinstance(part, ast.FormattedValue):
            is_location = _DUCKDB_LOCATION.search(before) and re.match(r"\s*(?:COPY|EXPORT)\b", before, re.I)
            if is_location and any(map(_ARGUMENT.search, values.names(part.value))):
                return True
            before += UNKNOWN_TEXT
        else:
            before += "".join(values.texts(part))
    return False


def _program(found: list[list[str]]) -> str:
    """Return the program of a command that writes to S3, or ""."""
    for command in found:
        program = command[0].rpartition("/")[2]
        if program in _PROGRAMS and (
            _may_be_s3(command[1:]) if program == "aws" else not _is_read(program, command[1:])
        ):
            return program
    return ""


def _is_read(program: str, words: list[str]) -> bool:
    """Return whether words of a program other than the AWS CLI list, read or download objects."""
    words = [word.strip("'\"") for word in words]
    if words == ["--version"]:
        return True
    while words and words[0].startswith("-"):
        words = words[2 if words[0] in _PROGRAM_VALUES else 1 :]
    command, *rest = [*words, ""]
    if program == "mc" and command == "find" and "--exec" in rest:
        return False
    is_download = program == "s5cmd" and command == "cp" and _is_download(rest[:-1])
    return is_download or command in _PROGRAM_READS[program]


def _may_be_s3(words: list[str]) -> bool:
    """Return whether words of the AWS CLI may be a write to S3. An option of a command ends what is known."""
    if not words:
        return True
    words = [word.strip("'\"") for word in words]
    while words and words[0].startswith("-"):
        words = words[2 if words[0] in _AWS_VALUES else 1 :]
    service, command, *rest = [*words, "", ""]
    if service == "s3api":
        return not command.startswith(("get-", "head-", "list-"))
    if service == "s3":
        return command not in ("ls", "presign") and not (command in _COPIES and _is_download(rest))
    return UNKNOWN_TEXT in service


def _is_download(words: list[str]) -> bool:
    while words and words[0].startswith("--"):
        words = words[1:]
    if len(words) < 2 or not _S3.match(words[0]):
        return False
    target = words[1]
    is_option = target.startswith("-") and target != "-"
    return not is_option and not _S3.match(target) and target[:1] not in (UNKNOWN_TEXT, "$", ">", "")
