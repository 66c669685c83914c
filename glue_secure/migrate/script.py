"""The migration of one script: bytes in, findings and new bytes out."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator
from dataclasses import replace

from glue_secure.core.script_values import ScriptValues
from glue_secure.migrate.connections import logins
from glue_secure.migrate.model import Finding, Imports, Kind, Migration, Options, Status
from glue_secure.migrate.names import LINE, PACKAGES, Names, imported_modules, is_of, modules
from glue_secure.migrate.source import Edit, Source, is_main, statements
from glue_secure.migrate.spark_jdbc import SparkJdbc
from glue_secure.preflight.unguarded_clients import unguarded_clients

_SPARK_LINE = "import glue_secure.context  # noqa: F401"
_SUBMODULE = re.compile(r"(?:from|import)(?:\s|\\)+(?P<module>awsglue\w*(?:\.\w+)*)")
_TRANSFORM = re.compile(r"awsglue\.transforms\.\w+\Z")
_STORING = frozenset(
    {
        "copy_object", "getSink", "insertInto", "put_object", "purge_s3_path", "purge_table", "saveAsTable",
        "to_parquet", "upload_file", "upload_fileobj", "writeDynamicFrame", "writeFrame", "writeStream",
        "write_data_frame", "write_dynamic_frame", "write_dynamic_frame_from_catalog",
        "write_dynamic_frame_from_jdbc_conf", "write_dynamic_frame_from_options", "writeTo",
    }
)  # fmt: skip
_READING = frozenset(
    {
        "create_data_frame", "create_data_frame_from_catalog", "create_data_frame_from_options",
        "create_dynamic_frame", "create_dynamic_frame_from_catalog", "create_dynamic_frame_from_options",
        "getSource",
    }
)  # fmt: skip
_ENDS = frozenset({"sys.exit", "os._exit", "exit", "quit"})
_SAVES = frozenset({"csv", "json", "orc", "parquet", "save", "text"})
_TRANSACTIONS = frozenset({"start_transaction", "commit_transaction", "cancel_transaction"})
_OTHER_FILES = re.compile(r"/|(?:file|hdfs|dbfs):", re.IGNORECASE)
_ENCRYPTION = re.compile(r"(?:spark\.hadoop\.)?fs\.s3[an]?\..*(?:encrypt|sse|cse)", re.IGNORECASE)

Change = tuple[Finding, list[Edit]]


def migrate(
    content: bytes,
    options: Options | None = None,
    *,
    is_module: bool = False,
    is_test: bool = False,
    uses_awsglue: bool = False,
    imports_spark: bool = False,
) -> Migration:
    """Return the migration of a script.

    Args:
        content: the file's bytes.
        options: choices of the caller.
        is_module: whether another script imports this one.
        is_test: whether pytest runs it.
        uses_awsglue: whether a module of the same scripts that this one imports uses awsglue.
        imports_spark: whether such a module uses Spark.
    """
    options = options or Options()
    try:
        source = Source(content)
    except (SyntaxError, ValueError, RecursionError) as error:
        return _unreadable(content, error)
    script = _Script(source, options, is_module, is_test, uses_awsglue, imports_spark)
    if not script.is_glue:
        return Migration(Status.OTHER, (), content, content, source.encoding)
    try:
        changes = list(script.changes())
    except RecursionError as error:
        return _unreadable(content, error)
    edits = [edit for _, edits in changes for edit in edits]
    found = [_with_line_after(source, edits, finding, own) for finding, own in changes]
    findings = tuple(sorted(found, key=lambda one: (one.line, one.rule)))
    after = source.edited(edits) if edits else content
    kinds = {finding.kind for finding in findings}
    status = (
        Status.DECISION
        if Kind.DECISION in kinds
        else Status.REWRITTEN
        if Kind.CHANGED in kinds
        else Status.AS_IS
    )
    return Migration(status, findings, content, after, source.encoding, tuple(edits))


def _with_line_after(source: Source, edits: list[Edit], finding: Finding, own: list[Edit]) -> Finding:
    place = next((edit.start for edit in own if edit.text), None)
    position = source.line_start(finding.line) if place is None else place
    return replace(finding, line_after=source.line_after(edits, position))


def imports_of(content: bytes) -> tuple[bool, bool, frozenset[str]]:
    """Return whether a script imports awsglue, whether it imports Spark, and all modules of its imports."""
    try:
        names = Names(Source(content).tree)
    except (SyntaxError, ValueError, RecursionError):
        return False, False, frozenset()
    found = imported_modules(names)
    return any(is_of(module, PACKAGES) for module in found), uses_spark(found), found


def uses_spark(found: Iterable[str]) -> bool:
    """Return whether imported modules need Spark: pyspark, and awsglue except ``awsglue.utils``."""
    return any(
        is_of(module, ("pyspark",)) or (is_of(module, PACKAGES) and not module.startswith("awsglue.utils"))
        for module in found
        if module != "awsglue"
    )


def _unreadable(content: bytes, error: Exception) -> Migration:
    line = error.lineno if isinstance(error, SyntaxError) and error.lineno else 1
    text = content.decode("latin-1")
    if not re.search(r"awsglue|pyspark", text):
        return Migration(Status.OTHER, (), content, content)
    is_python2 = re.search(r"^\s*(?:print\s+[\"'\w]|except\s+\w+\s*,\s*\w+\s*:)", text, re.MULTILINE)
    reason = "Python 2: convert the script first" if is_python2 else "Python cannot parse the script"
    if isinstance(error, RecursionError):
        reason = "calls or operators are nested too deeply: divide them among several statements"
    finding = Finding("unreadable", Kind.DECISION, line, reason)
    return Migration(Status.DECISION, (finding,), content, content)


class _Script:
    """One script, and the changes that its migration makes."""

    def __init__(
        self,
        source: Source,
        options: Options,
        is_module: bool,
        is_test: bool,
        uses_awsglue: bool,
        imports_spark: bool,
    ) -> None:
        self.source, self.options = source, options
        self.is_module, self.is_test = is_module, is_test
        tree = source.tree
        self.names = Names(tree)
        self.calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
        self.calls.sort(key=lambda call: (call.lineno, call.col_offset))
        self.bodies = list(statements(tree.body))
        self.awsglue = [node for node in self.names.imports if any(is_of(m, PACKAGES) for m in modules(node))]
        self.uses_awsglue = bool(self.awsglue) or uses_awsglue
        imported = imported_modules(self.names)
        self.has_glue_secure = any(is_of(module, ("glue_secure",)) for module in imported)
        self.has_spark = imports_spark or uses_spark(imported)
        self.is_glue = self.uses_awsglue or self.has_glue_secure or self._starts_spark()
        self.has_contexts = any(self._has_context(call) for call in self.calls)
        self.storing_functions = self._storing_functions()
        self._values = ScriptValues(tree)
        self._jdbc = SparkJdbc(source, self.names, self._values, options.connections)

    def changes(self) -> Iterator[Change]:
        """Yield each finding with its edits, which do not overlap."""
        yield from self._imports()
        if not self.is_test:
            yield from self._commit()
            yield from self._init()
            yield from logins(self.source, self.names, self.options.connections)
            for finding in (*self._calls(), *self._requested_encryption(), *self._clients()):
                yield finding, []

    # Imports

    def _imports(self) -> Iterator[Change]:
        for node in self.awsglue:
            if any(module.startswith("awsglue.blueprint") for module in modules(node)):
                reason = "blueprints create workflows and jobs, and are not part of a job"
                yield Finding("unsupported", Kind.DECISION, node.lineno, reason), []
        if self.options.imports is Imports.KEEP:
            return
        if not self.uses_awsglue:
            if not self.has_glue_secure and not self.is_test and self._starts_spark() and self._is_script():
                line = self.names.imports[0].lineno
                reason = "if AWS Glue runs the script as a job, its run starts with this import"
                yield Finding("spark-alone", Kind.DECISION, line, reason, _SPARK_LINE), []
            return
        if self.is_test:
            line = self.awsglue[0].lineno if self.awsglue else 1
            reason = "tests need no edit: python -m pytest -p glue_secure.as_awsglue --glue-secure-test-mode"
            yield Finding("import", Kind.NOTE, line, reason), []
            return
        if self.options.imports is Imports.RENAME and self.awsglue:
            yield from self._renamed()
            return
        if not self._is_script():
            if self.awsglue:
                reason = "a module: the job script that imports it imports glue_secure.as_awsglue first"
                yield Finding("import", Kind.NOTE, self.awsglue[0].lineno, reason), []
            return
        yield from self._line()

    def _line(self) -> Iterator[Change]:
        first = self.awsglue[0].lineno if self.awsglue else self.names.imports[0].lineno
        for node in self.names.imports:
            if "glue_secure.as_awsglue" in modules(node) and node.lineno <= first:
                return
        if not self.has_spark:
            reason = (
                "the script does not use Spark. A Python shell job has no Spark, and glue-secure does not "
                "run in it: deploy the script as a Spark job (glueetl), or leave it without glue-secure"
            )
            yield Finding("python-shell", Kind.DECISION, first, reason, LINE), []
            return
        reason = "without this line, AWS Glue runs the script with its own classes"
        place = self._first_place()
        if place is None:
            yield Finding("import", Kind.DECISION, first, reason, LINE), []
            return
        edit = Edit(place, place, f"{LINE}{self.source.newline}")
        yield Finding("import", Kind.CHANGED, first, reason, LINE), [edit]

    def _first_place(self) -> int | None:
        """Return the position of the first line that may have an import; None if its line is shared."""
        position, line = 0, 0
        for at, statement in enumerate(self.source.tree.body):
            if (at == 0 and _is_text(statement)) or _is_future(statement):
                line = statement.end_lineno or 0
                continue
            decorators = getattr(statement, "decorator_list", [])
            first = min([statement.lineno, *(decorator.lineno for decorator in decorators)])
            position = self.source.line_start(first)
            return None if first <= line else position
        return None

    def _renamed(self) -> Iterator[Change]:
        for node in self.awsglue:
            names = [name for name in modules(node) if is_of(name, PACKAGES)]
            if any(name.startswith("awsglue.blueprint") for name in names):
                continue
            replaced = self._renamed_edit(node)
            write = "" if replaced is None else replaced.text
            if replaced is None:
                reason = "the import binds the name awsglue, or names several modules"
                yield Finding("import", Kind.DECISION, node.lineno, reason, LINE), []
            else:
                reason = "without this edit, AWS Glue runs the script with its own classes"
                yield Finding("import", Kind.CHANGED, node.lineno, reason, write), [replaced]

    def _renamed_edit(self, node: ast.Import | ast.ImportFrom) -> Edit | None:
        if isinstance(node, ast.Import) and (len(node.names) != 1 or not node.names[0].asname):
            return None
        match = _SUBMODULE.match(self.source.text(node))
        if match is None:
            return None
        module = "awsglue.transforms" if _TRANSFORM.match(match["module"]) else match["module"]
        if not module.startswith("awsglue.") and module != "awsglue":
            new = f"glue_secure.{module}"
        else:
            new = f"glue_secure{module.removeprefix('awsglue')}"
        start = self.source.start(node) + len(self.source.text(node)[: match.start("module")].encode())
        return Edit(start, start + len(match["module"].encode()), new)

    # job.init and job.commit

    def _job_calls(self, method: str) -> list[ast.Call]:
        """Return the calls of a method of a ``Job`` that the script creates."""
        return [call for call in self.calls if _method(call) == method and self._job_of(call)]

    def _job_of(self, call: ast.Call) -> str:
        owner = call.func.value if isinstance(call.func, ast.Attribute) else None
        value = self.names.value(owner)
        is_job = isinstance(value, ast.Call) and self.names.full(value.func) == "awsglue.job.Job"
        return owner.id if is_job and isinstance(owner, ast.Name) else ""

    def _place(self, call: ast.Call) -> tuple[list[ast.stmt], int] | None:
        """Return the list and index of the statement that is this call alone; None below a condition."""
        for body, statement in self.bodies:
            if isinstance(statement, ast.Expr) and statement.value is call:
                return body, body.index(statement)
        return None

    def _commit(self) -> Iterator[Change]:
        commits, inits = self._job_calls("commit"), self._job_calls("init")
        if len(commits) == 1:
            yield from self._early_commit(commits[0])
        elif not commits and len(inits) == 1:
            yield from self._missing_commit(inits[0])

    def _early_commit(self, commit: ast.Call) -> Iterator[Change]:
        place = self._place(commit)
        if place is None:
            return
        body, at = place
        later = [statement for statement in body[at + 1 :] if self._stores(statement)]
        if not later:
            return
        statement = body[at]
        reason = f"line {later[0].lineno} writes after the commit; what a job writes after it is rejected"
        text = f"{self.source.text(statement)} after line {body[-1].end_lineno}"
        end = self._end_of(body)
        if end is None or not self.source.is_alone(statement):
            yield Finding("commit-early", Kind.DECISION, statement.lineno, reason, text), []
            return
        start = self.source.line_start(statement.lineno)
        stop = self.source.line_end(statement.end_lineno or 0)
        moved = self._as_last_lines(body, self.source.between(start, stop))
        edits = [Edit(start, stop, ""), Edit(end, end, moved)]
        yield Finding("commit-early", Kind.CHANGED, statement.lineno, reason, text), edits

    def _missing_commit(self, init: ast.Call) -> Iterator[Change]:
        job, place = self._job_of(init), self._place(init)
        is_passed = any(
            isinstance(argument, ast.Name) and argument.id == job
            for call in self.calls
            for argument in call.args
        )
        if is_passed or self.is_module:
            return
        text = f"{job}.commit()"
        line = init.lineno
        if self.has_contexts:
            reason = "without a commit, no bookmark advances, and each run reads everything again"
        else:
            reason = "a run without a commit is reported as not committed"
        end = self._end_of(place[0]) if place else None
        others = any(_method(call) == "commit" for call in self.calls)
        if place is None or end is None or others or self.has_contexts:
            yield Finding("commit-missing", Kind.DECISION, line, reason, text), []
            return
        body, at = place
        start = self.source.line_start(body[at].lineno)
        indentation = self.source.between(start, self.source.start(body[at]))
        if indentation.strip():
            yield Finding("commit-missing", Kind.DECISION, line, reason, text), []
            return
        added = self._as_last_lines(body, f"{indentation}{text}{self.source.newline}")
        yield Finding("commit-missing", Kind.CHANGED, line, reason, text), [Edit(end, end, added)]

    def _end_of(self, body: list[ast.stmt]) -> int | None:
        """Return the position after the last line of a body; None if it would not be reached."""
        last = body[-1]
        ends = isinstance(last, ast.Expr) and isinstance(last.value, ast.Call) and (
            self.names.full(last.value.func) in _ENDS
        )  # fmt: skip
        if isinstance(last, (ast.Return, ast.Raise)) or ends or not self.source.is_alone(last):
            return None
        return self.source.line_end(last.end_lineno or 0)

    def _as_last_lines(self, body: list[ast.stmt], lines: str) -> str:
        """Return lines to be added after a body, also after a last line without an end."""
        is_last = (body[-1].end_lineno or 0) >= self.source.lines and not self.source.ends_with_line_end()
        return f"{self.source.newline}{lines.rstrip()}" if is_last else lines

    def _init(self) -> Iterator[Change]:
        inits = self._job_calls("init")
        if len(inits) == 1:
            place = self._place(inits[0])
            body, at = place or ([], 0)
            early = [
                call
                for statement in body[:at]
                if not isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef))
                for call in ast.walk(statement)
                if isinstance(call, ast.Call) and self._has_context(call) and _is_part(call, _READING)
            ]
            if early:
                line = min(call.lineno for call in early)
                reason = f"line {line} reads before job.init, without its bookmark"
                write = f"{self.source.text(body[at])} before line {line}"
                yield Finding("init-late", Kind.DECISION, inits[0].lineno, reason, write), []
        elif not inits and self._is_script():
            yield from self._missing_init()

    def _missing_init(self) -> Iterator[Change]:
        commits = self._job_calls("commit")
        if not commits:
            if self.has_contexts and not any(_method(call) == "init" for call in self.calls):
                line = next(call.lineno for call in self.calls if self._has_context(call))
                reason = "without job.init, bookmarks are not used, as in AWS Glue"
                yield Finding("init-missing", Kind.NOTE, line, reason), []
            return
        job = self._job_of(commits[0])
        arguments = self._arguments()
        text = f'{job}.init({arguments or "args"}["JOB_NAME"], {arguments or "args"})'
        reason = "job.commit without job.init: bookmarks are not used, as in AWS Glue"
        yield Finding("init-missing", Kind.NOTE, commits[0].lineno, reason, text), []

    def _arguments(self) -> str:
        """Return the name of the result of ``getResolvedOptions``, or ""."""
        for node in ast.walk(self.source.tree):
            if isinstance(node, ast.Assign) and isinstance(node.value, ast.Call):
                target = node.targets[0]
                if self.names.full(node.value.func) == "awsglue.utils.getResolvedOptions" and isinstance(
                    target, ast.Name
                ):
                    return target.id
        return ""

    def _stores(self, statement: ast.AST) -> bool:
        if isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            return False
        return any(
            _is_storing(node)
            or (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Name)
                and node.func.id in self.storing_functions
            )
            for node in ast.walk(statement)
        )

    def _storing_functions(self) -> frozenset[str]:
        """Return the functions of the script that store something, also by another function."""
        functions = [node for node in ast.walk(self.source.tree) if isinstance(node, ast.FunctionDef)]
        calls = {
            function.name: {
                node.func.id
                for node in ast.walk(function)
                if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
            }
            for function in functions
        }
        storing = {function.name for function in functions if any(map(_is_storing, ast.walk(function)))}
        while more := {name for name, called in calls.items() if called & storing} - storing:
            storing |= more
        return frozenset(storing)

    # Calls

    def _calls(self) -> Iterator[Finding]:
        for call in self.calls:
            method = _method(call)
            attributes = list(_chain(call.func))
            first = call.args[0] if call.args else None
            text = self.names.text(first)
            # Of the methods with this name, SecureJob's have an argument "connection".
            is_spark = method == "jdbc" and all(word.arg != "connection" for word in call.keywords)
            if (is_spark and ("read" in attributes or "write" in attributes)) or (
                method == "format" and text == "jdbc"
            ):
                yield self._jdbc.finding(call, is_write="write" in attributes)
            elif method in _SAVES and "write" in attributes and text and _OTHER_FILES.match(text):
                reason = "Spark writes to a location that is not S3, which is rejected (GS-S3-011)"
                yield Finding("local-file", Kind.DECISION, call.lineno, reason, "a location in S3")
            elif method in _TRANSACTIONS:
                reason = "AWS withdrew governed tables; the call is rejected"
                yield Finding("unsupported", Kind.DECISION, call.lineno, reason, "a table of Iceberg")
            elif self.names.full(call.func).rpartition(".")[2] == "EntityDetector":
                reason = (
                    "AWS's models are in AWS Glue only; in plain Spark, add the argument "
                    "--glue-secure-entity-detection nothing-found"
                )
                yield Finding("unsupported", Kind.NOTE, call.lineno, reason)
            if text and _ENCRYPTION.match(text):
                reason = f"the run sets {text}; a value that differs from the run's is rejected"
                yield Finding(
                    "encryption", Kind.DECISION, call.lineno, reason, "the script without this line"
                )

    def _requested_encryption(self) -> Iterator[Finding]:
        """Yield the requests of SSE-S3, also by a dictionary: ``**extra`` and ``ExtraArgs``."""
        found: dict[tuple[int, str], None] = {}
        for call in self._values.calls:
            entries = [entry for value in call.keyword("ExtraArgs") for entry in self._values.entries(value)]
            for name, value in (*call.keywords, *entries):
                if name == "ServerSideEncryption" and "AES256" in self._values.texts(value):
                    method = call.name.rpartition(".")[2] or "the call"
                    found[getattr(value, "lineno", call.node.lineno), method] = None
        for line, method in found:
            reason = f"remove ServerSideEncryption from {method}: the guard adds the run's key"
            yield Finding("encryption", Kind.DECISION, line, reason)

    def _clients(self) -> Iterator[Finding]:
        for use in unguarded_clients(self._values):
            yield Finding("unguarded-client", Kind.DECISION, use.line, str(use), "boto3, or Spark")

    # The script

    def _has_context(self, call: ast.Call) -> bool:
        return any(
            word.arg == "transformation_ctx" and self.names.text(word.value) != "" for word in call.keywords
        )

    def _starts_spark(self) -> bool:
        starts = ("pyspark.sql.SparkSession.", "pyspark.SparkContext", "pyspark.context.SparkContext")
        return any(
            self.names.full(node).startswith(starts)
            for node in ast.walk(self.source.tree)
            if isinstance(node, ast.Attribute)
        ) or any(self.names.full(call.func).startswith(starts) for call in self.calls)

    def _is_script(self) -> bool:
        return not self.is_module and self._runs_code()

    def _runs_code(self) -> bool:
        """Return whether the script does something when it runs, apart from definitions."""
        for statement in self.source.tree.body:
            if is_main(statement) or isinstance(statement, (ast.For, ast.While, ast.With)):
                return True
            if any(
                isinstance(node, ast.Call) and not isinstance(node.func, ast.Constant)
                for node in ast.walk(statement)
                if isinstance(statement, (ast.Expr, ast.Assign, ast.AnnAssign))
            ):
                return True
        return False


def _method(call: ast.Call) -> str:
    return call.func.attr if isinstance(call.func, ast.Attribute) else ""


def _chain(node: ast.expr) -> Iterator[str]:
    """Yield the attributes of ``a.b(...).c``, last first."""
    while isinstance(node, (ast.Attribute, ast.Call)):
        if isinstance(node, ast.Attribute):
            yield node.attr
            node = node.value
        else:
            node = node.func


def _is_part(call: ast.Call, names: frozenset[str]) -> bool:
    return any(name in names for name in _chain(call.func))


def _is_storing(node: ast.AST) -> bool:
    if not isinstance(node, ast.Attribute):
        return False
    return node.attr in _STORING or (isinstance(node.value, ast.Attribute) and node.value.attr == "write")


def _is_text(statement: ast.stmt) -> bool:
    return (
        isinstance(statement, ast.Expr)
        and isinstance(statement.value, ast.Constant)
        and isinstance(statement.value.value, str)
    )


def _is_future(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.ImportFrom) and statement.module == "__future__"
