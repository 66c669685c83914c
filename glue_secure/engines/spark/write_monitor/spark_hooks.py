"""Hooks in PySpark for writes that no query listener sees.

``RDD.saveAs*`` becomes a write of the run. A checkpoint directory, a stream and a new session are reported to
the run. The functions are wrapped once per process. Without an open run on the same Spark context they behave
as before.
"""

from __future__ import annotations

import functools
import re
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from glue_secure.core.ports import SaveHandler
from glue_secure.engines.spark.spark_contexts import is_same_context
from glue_secure.engines.spark.write_monitor.procedures import statement_of

if TYPE_CHECKING:
    from pyspark import SparkContext
    from pyspark.sql import SparkSession
    from pyspark.sql.streaming import StreamingQuery

_DIRECTORY_SETTINGS = ("mapreduce.output.fileoutputformat.outputdir", "mapred.output.dir")
_CALL_SITES = ("callSite.short", "callSite.long")
_SAVES_BY_PATH = (
    "saveAsHadoopFile",
    "saveAsNewAPIHadoopFile",
    "saveAsPickleFile",
    "saveAsSequenceFile",
    "saveAsTextFile",
)
# A static method that adds existing objects to a table without a query: it has a session and a table.
_CONVERSION = ("io.delta.tables.DeltaTable", "convertToDelta")
# Statements whose table is read when they have ended. Spark replaces ${...} by a setting.
_NAMING_A_TABLE = re.compile(r"\b(?:CALL|CONVERT)\b|\$\{", re.IGNORECASE)
# Logical plans of Spark 4 that execute the statements of a text, and texts that may have executed one of them
# before Spark refused another.
_TEXT_PLANS = frozenset(("CompoundBody", "UnresolvedExecuteImmediate"))
_CALLING = re.compile(r"\b(?:CALL|IMMEDIATE|BEGIN)\b|\$\{", re.IGNORECASE)
_MAY_FAIL_LATE = re.compile(r"\bBEGIN\b|\bIMMEDIATE\b.*\bINTO\b", re.IGNORECASE | re.DOTALL)
_SAVES_BY_SETTINGS = ("saveAsHadoopDataset", "saveAsNewAPIHadoopDataset")


class ConversionHandler(Protocol):
    """Receives a call that converts a table to Delta Lake."""

    def __call__(self, method: str, session: Any, identifier: str, *, refused: bool) -> None:
        """Receive the method, the JVM's session, the table as in SQL, and whether Spark refused the call."""


class CallHandler(Protocol):
    """Receives a ``CALL`` statement of Spark 4."""

    def __call__(self, statement: Any, session: Any, *, failed: bool) -> None:
        """Receive the parsed statement, the JVM's session, and whether the statement failed."""


@dataclass(frozen=True, eq=False)
class SparkHooks:
    """Functions that are called for calls of a script on a Spark context.

    Attributes:
        save: saves an RDD: receives the location, the method's name, and the function that saves.
        on_save: receives location and method's name of an RDD save inside a write of the run.
        on_checkpoint_directory: receives a checkpoint directory before it is set. May raise.
        on_stream: receives a stream that has started.
        on_session: receives a session that was created by ``newSession``.
        on_call: receives a ``CALL`` statement, on Spark 4.
        on_text: receives the text of a script or an ``EXECUTE IMMEDIATE``, on Spark 4.
        before_statement: is called before a ``CALL`` or a ``CONVERT TO DELTA``.
        after_statement: receives the JVM's session and the physical plan of such a statement after it has
            ended, None for the plan of a statement that failed.
        on_conversion: receives a call that converts a table to Delta Lake.
        settings_with: receives name and value of a setting that was set on a session, and returns further
            settings, for those of the names that are not set.
    """

    save: SaveHandler
    on_save: Callable[[str, str], None]
    on_checkpoint_directory: Callable[[str], None]
    on_stream: Callable[[StreamingQuery], None]
    on_session: Callable[[SparkSession], None]
    on_call: CallHandler
    on_text: Callable[[str], None]
    before_statement: Callable[[], None]
    after_statement: Callable[[Any, Any], None]
    on_conversion: ConversionHandler
    settings_with: Callable[[str, str], Mapping[str, str]]


_thread = threading.local()
_attached: list[tuple[Any, SparkHooks]] = []
_lock = threading.Lock()
_is_installed = False


def attach(context: SparkContext, hooks: SparkHooks) -> None:
    """Call ``hooks`` for calls on a Spark context from now on."""
    _install()
    with _lock:
        _attached.append((context, hooks))


def detach(hooks: SparkHooks) -> None:
    """Stop calling ``hooks``."""
    with _lock:
        _attached[:] = [entry for entry in _attached if entry[1] is not hooks]


@contextmanager
def suppress_write_monitoring() -> Iterator[None]:
    """Call no hooks on this thread while the block runs: its calls are glue-secure's own."""
    with _flag("is_suppressed"):
        yield


@contextmanager
def attribute_saves_to_run() -> Iterator[None]:
    """Report RDD saves of this thread while the block runs: they are part of a write of the run."""
    with _flag("is_attributed"):
        yield


@contextmanager
def _flag(name: str) -> Iterator[None]:
    before = getattr(_thread, name, False)
    setattr(_thread, name, True)
    try:
        yield
    finally:
        setattr(_thread, name, before)


def _hooks_of(context: SparkContext) -> SparkHooks | None:
    """Return the hooks of the last run that was opened on the context."""
    matching = _all_hooks_of(context)
    return matching[-1] if matching else None


def _all_hooks_of(context: SparkContext) -> list[SparkHooks]:
    """Return the hooks of every run that is open on the context, in the order in which they were opened."""
    if getattr(_thread, "is_suppressed", False):
        return []
    with _lock:
        return [hooks for attached, hooks in _attached if is_same_context(attached, context)]


def _install() -> None:
    global _is_installed
    with _lock:
        if _is_installed:
            return
        _is_installed = True
    import pyspark
    from py4j.java_gateway import JavaClass
    from pyspark import RDD, SparkContext
    from pyspark.sql import SparkSession
    from pyspark.sql.conf import RuntimeConfig
    from pyspark.sql.sql_formatter import SQLStringFormatter
    from pyspark.sql.streaming import DataStreamWriter

    for name in _SAVES_BY_PATH:
        setattr(RDD, name, _wrap_save(getattr(RDD, name), str))
    for name in _SAVES_BY_SETTINGS:
        setattr(RDD, name, _wrap_save(getattr(RDD, name), _directory))
    SparkContext.setCheckpointDir = _wrap_set_checkpoint_dir(SparkContext.setCheckpointDir)
    for name in ("start", "toTable"):
        setattr(DataStreamWriter, name, _wrap_start(getattr(DataStreamWriter, name)))
    DataStreamWriter.foreachBatch = _wrap_foreach_batch(DataStreamWriter.foreachBatch)
    SparkSession.newSession = _wrap_new_session(SparkSession.newSession)
    is_spark_3 = pyspark.__version__.startswith("3.")
    SQLStringFormatter.format = _wrap_format(SQLStringFormatter.format)
    SparkSession.sql = _wrap_sql(SparkSession.sql, executes_calls_early=not is_spark_3)
    JavaClass.__getattr__ = _wrap_static_method(JavaClass.__getattr__)
    RuntimeConfig.set = _wrap_set(RuntimeConfig.set)


def _directory(settings: Mapping[str, str]) -> str:
    return next((str(settings[name]) for name in _DIRECTORY_SETTINGS if name in settings), "")


def _wrap_save(original: Callable[..., Any], location_of: Callable[[Any], str]) -> Callable[..., Any]:
    @functools.wraps(original)
    def save(self: Any, target: Any = None, *args: Any, **kwargs: Any) -> Any:
        if target is None:
            target = kwargs.pop("path", kwargs.pop("conf", None))
        hooks = _hooks_of(self.ctx)
        if hooks is None or target is None:
            return original(self, target, *args, **kwargs)
        if getattr(_thread, "is_attributed", False):
            hooks.on_save(location_of(target), original.__name__)
            return original(self, target, *args, **kwargs)
        perform = functools.partial(original, self, target, *args, **kwargs)
        return hooks.save(location_of(target), original.__name__, perform)

    return save


def _wrap_set_checkpoint_dir(original: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(original)
    def set_checkpoint_dir(self: Any, dirName: Any) -> Any:
        hooks = _hooks_of(self)
        if hooks is not None:
            hooks.on_checkpoint_directory(str(dirName))
        return original(self, dirName)

    return set_checkpoint_dir


def _wrap_start(original: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(original)
    def start(self: Any, *args: Any, **kwargs: Any) -> Any:
        query = original(self, *args, **kwargs)
        hooks = _hooks_of(self._spark.sparkContext)
        if hooks is not None:
            hooks.on_stream(query)
        return query

    return start


def _wrap_foreach_batch(original: Callable[..., Any]) -> Callable[..., Any]:
    """Let jobs of a batch function have call sites of their own, by which the job of an RDD save is found.

    Spark gives the whole thread of a stream the call site of ``start``.
    """

    @functools.wraps(original)
    def foreach_batch(self: Any, func: Callable[[Any, int], Any]) -> Any:
        context = self._spark.sparkContext

        @functools.wraps(func)
        def handle_batch(frame: Any, number: int) -> Any:
            if _hooks_of(context) is None:
                return func(frame, number)
            before = {name: context.getLocalProperty(name) for name in _CALL_SITES}
            for name in _CALL_SITES:
                context.setLocalProperty(name, None)
            try:
                return func(frame, number)
            finally:
                for name, value in before.items():
                    context.setLocalProperty(name, value)

        return original(self, handle_batch)

    return foreach_batch


def _wrap_new_session(original: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(original)
    def new_session(self: Any) -> Any:
        session = original(self)
        hooks = _hooks_of(self.sparkContext)
        if hooks is not None:
            hooks.on_session(session)
        return session

    return new_session


def _wrap_format(original: Callable[..., str]) -> Callable[..., str]:
    """Let the hooks of ``sql`` receive the text that Spark gets, not the template of keyword arguments."""

    @functools.wraps(original)
    def format(self: Any, *args: Any, **kwargs: Any) -> str:
        text = original(self, *args, **kwargs)
        stack = getattr(_thread, "texts", [])
        if stack:
            stack[-1].append(text)
        return text

    return format


@contextmanager
def _texts(*args: Any, **kwargs: Any) -> Iterator[list[str]]:
    """Give the template of a call of ``sql``, and the text that Spark gets once it is known."""
    template = args[0] if args else kwargs.get("sqlQuery", "")
    # A subclass of str may have another text for str().
    texts = [str.__str__(template) if isinstance(template, str) else ""]
    stack = _thread.__dict__.setdefault("texts", [])
    stack.append(texts)
    try:
        yield texts
    finally:
        stack.pop()


def _wrap_sql(original: Callable[..., Any], *, executes_calls_early: bool) -> Callable[..., Any]:
    """Report statements to every run whose table a later statement may change, and those that no plan has.

    A statement that failed may have committed.

    Args:
        original: ``SparkSession.sql``.
        executes_calls_early: whether Spark executes ``CALL`` when it analyses the statement, as Spark 4 does.
            The statements of a script and of ``EXECUTE IMMEDIATE`` do not come here, so that their text is
            reported.
    """
    from pyspark.sql.utils import AnalysisException

    @functools.wraps(original)
    def sql(self: Any, *args: Any, **kwargs: Any) -> Any:
        with _texts(*args, **kwargs) as texts:
            if _NAMING_A_TABLE.search(texts[-1]):
                for hooks in _all_hooks_of(self.sparkContext):
                    hooks.before_statement()
            try:
                frame = original(self, *args, **kwargs)
            except BaseException as error:
                matching, text = _all_hooks_of(self.sparkContext), texts[-1]
                if _NAMING_A_TABLE.search(text):
                    for hooks in matching:
                        hooks.after_statement(self._jsparkSession, None)
                if executes_calls_early and matching:
                    _report_failure(self, text, matching, refused=isinstance(error, AnalysisException))
                raise
        matching, text = _all_hooks_of(self.sparkContext), texts[-1]
        if matching and (executes_calls_early or _NAMING_A_TABLE.search(text)):
            execution = frame._jdf.queryExecution()
            if _NAMING_A_TABLE.search(text):
                for hooks in matching:
                    hooks.after_statement(self._jsparkSession, _physical_plan(execution))
            if executes_calls_early:
                _report_statement(self, execution.logical(), text, matching, failed=False)
        return frame

    return sql


def _physical_plan(execution: Any) -> Any:
    """Return the physical plan of a command that Spark has executed, another plan for a query."""
    executed = execution.commandExecuted()
    is_command = str(executed.getClass().getSimpleName()) == "CommandResult"
    return executed.commandPhysicalPlan() if is_command else executed


def _report_statement(
    session: Any, plan: Any, text: str, matching: list[SparkHooks], *, failed: bool
) -> None:
    """Report a statement of Spark 4 that has called a procedure, or may have."""
    statement, is_explained = statement_of(plan)
    kind = str(statement.getClass().getSimpleName())
    if kind in _TEXT_PLANS:  # EXPLAIN executes the statement of EXECUTE IMMEDIATE
        for hooks in matching:
            hooks.on_text(text)
    elif kind == "Call" and not is_explained:
        for hooks in matching:
            hooks.on_call(statement, session._jsparkSession, failed=failed)


def _report_failure(session: Any, text: str, matching: list[SparkHooks], *, refused: bool) -> None:
    """Report a statement of Spark 4 that may have called a procedure before it failed.

    Spark refuses a statement before it executes it, but not the statements of a script before the first.
    """
    may_fail_late = _MAY_FAIL_LATE.search(text) is not None
    if not may_fail_late and (refused or not _CALLING.search(text)):
        return
    try:
        plan = session._jsparkSession.sessionState().sqlParser().parsePlan(text)
    except Exception:  # not a statement, or one that only Spark's parser of scripts knows
        if may_fail_late:
            for hooks in matching:
                hooks.on_text(text)
        return
    _report_statement(session, plan, text, matching, failed=True)


def _wrap_static_method(original: Callable[..., Any]) -> Callable[..., Any]:
    """Report calls that convert a table to Delta Lake to every run. Python's API calls a method of the JVM.

    A call that failed may have committed.
    """
    from pyspark import SparkContext
    from pyspark.sql.utils import AnalysisException

    @functools.wraps(original)
    def get(self: Any, name: str) -> Any:
        member = original(self, name)
        if (self._fqn, name) != _CONVERSION:
            return member

        def call(session: Any, identifier: str, *more: Any) -> Any:
            is_refused = False
            try:
                return member(session, identifier, *more)
            except AnalysisException:
                is_refused = True
                raise
            finally:
                context = SparkContext._active_spark_context
                method = f"{self._fqn.rpartition('.')[2]}.{name}"
                for hooks in [] if context is None else _all_hooks_of(context):
                    hooks.on_conversion(method, session, str(identifier), refused=is_refused)

        return call

    return get


def _wrap_set(original: Callable[..., Any]) -> Callable[..., Any]:
    from pyspark import SparkContext

    @functools.wraps(original)
    def set_setting(self: Any, key: Any, value: Any) -> Any:
        result = original(self, key, value)
        context = SparkContext._active_spark_context
        hooks = None if context is None else _hooks_of(context)
        if hooks is not None:
            for name, text in hooks.settings_with(str(key), str(value)).items():
                if self.get(name, None) is None:
                    original(self, name, text)
        return result

    return set_setting
