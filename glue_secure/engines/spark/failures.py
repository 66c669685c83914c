"""Errors of Spark, Py4J and the libraries below them, as a few lines with the cause first.

The text of such an error has the stack traces of the driver and of an executor, of which the innermost cause
and the object that could not be read are what a reader needs.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

from glue_secure.core.errors import EngineError
from glue_secure.core.redaction import redacting_logger

_LOG = redacting_logger(__name__)
_STACK = re.compile(r"\s*(?:at\s+[\w.$/<>]+\(|\.\.\. \d+ more)")
# "Caused by: java.io.IOException: text", and ": org.apache.spark.SparkException: text" of Py4J.
_CAUSE = re.compile(r"(?:Caused by: |: )?((?:[a-z][\w$]*\.)+[A-Z][\w$]*): ?(.*)")
# The exception of a task: "... (TID 5) (host executor driver): java.lang.RuntimeException: text".
_OF_TASK = re.compile(r"\([^()]*executor [^()]*\): ")
_WRAPPERS = re.compile(
    r"Job aborted|Exception thrown in awaitResult|Task failed while writing|Encountered error while"
)
_WORKER_FRAME = re.compile(r'\s*File "(?P<file>[^"]+)", line (?P<line>\d+)')
_LOCATION = re.compile(r"s3[an]?://[^\s;\"\'<>{}]+")
_LONGEST_CAUSE = 500
_NO_BUCKET = re.compile(r"NoSuchBucket\b|NoSuchBucketException|[Bb]ucket (?P<bucket>\S* ?)does not exist")
_UNREADABLE = "|".join(
    (
        "is not a Parquet file",
        "Could not read footer",
        "Malformed ORC",
        "Invalid postscript",
        "[Nn]ot an? (?:Avro )?data",
        "[Nn]ot (?:in|a) gzip",
        "incorrect header check",
        "invalid stored block",
        "[Uu]nexpected end of input",
        "CANNOT_READ_FILE_FOOTER",
        "FAILED_READ_FILE",
    )
)
_FIXES = (
    (_UNREADABLE, "remove or replace the object, or read it in the format that it has"),
    (
        r"relation .* does not exist|Table .* doesn't exist|Invalid object name|ORA-00942",
        "correct the table's name and schema, and let the connection's user read it",
    ),
    (
        r'type "VOID"|type.*\bvoid\b',
        "remove the columns of nothing but nulls (DropNullFields.apply(frame), frame.drop), or cast them",
    ),
    (
        r"\[(?:SCHEMA|TABLE_OR_VIEW)_NOT_FOUND\]",
        "correct the name; Spark SQL finds the Data Catalog's names with --enable-glue-datacatalog true",
    ),
    (
        r"Can(?:not| not) create a Path from an? (?:null|empty) string",
        "name a place for the table: add LOCATION 's3://BUCKET/PREFIX/' to the statement, or give its "
        "database a location",
    ),
    (
        r"org[./]apache[./]calcite|HiveSyncTool|HoodieHiveSync",
        "pass --enable-glue-datacatalog true, and set hoodie.datasource.hive_sync.mode to hms: plain Spark "
        "has not all of Hive",
    ),
)


@contextmanager
def translated_failures(resource: str) -> Iterator[None]:
    """Raise EngineError for an error of Spark in the block.

    Args:
        resource: the call, for the message: ``read of s3://...``.
    """
    try:
        yield
    except Exception as error:
        failure = failure_of(error, resource)
        if failure is None:
            raise
        raise failure from error


def failure_of(error: BaseException, resource: str) -> EngineError | None:
    """Return an error of Spark in a few lines; None for an error of another origin."""
    text = _full_text(error)
    if text is None:
        return None
    _LOG.debug("%s failed: %s", resource, text)
    return summarised(text, resource)


def summarised(text: str, resource: str) -> EngineError:
    """Return the error of a text with stack traces, as Py4J and Spark print it."""
    cause = _cause(text)
    if missing := _NO_BUCKET.search(text):
        return _of_a_missing_bucket(missing["bucket"], cause, resource, text)
    match = _LOCATION.search(cause) or _LOCATION.search(text)
    location = re.sub(r"^s3[an]", "s3", match[0]).rstrip(".,:)") if match else ""
    fix = next((fix for pattern, fix in _FIXES if re.search(pattern, text)), "")
    return EngineError(resource, cause=cause, location=location, fix=fix)


def _of_a_missing_bucket(name: str | None, cause: str, resource: str, text: str) -> EngineError:
    """Return the error of a bucket that does not exist, without request ids and temporary names."""
    places = (match[0] for match in map(_LOCATION.search, (cause, resource, text)) if match)
    bucket = (name or "").strip(" \"'") or next((place.split("/")[2] for place in places), "")
    return EngineError(
        resource,
        cause=f"bucket {bucket} does not exist" if bucket else "the bucket does not exist",
        fix=f"create bucket {bucket}, or correct its name" if bucket else "correct the bucket's name",
    )


def _full_text(error: BaseException) -> str | None:
    """Return the text of an error of Spark, with its stack traces."""
    from py4j.protocol import Py4JJavaError
    from pyspark.errors.exceptions.captured import CapturedException

    try:
        if isinstance(error, Py4JJavaError):
            return str(error)
        if isinstance(error, CapturedException):
            # Spark 4 has other names for the two attributes.
            texts = vars(error)
            description = texts.get("desc") or texts.get("_desc") or ""
            return f"{description}\n{texts.get('stackTrace') or texts.get('_stackTrace') or ''}"
    except Exception:  # the JVM has ended
        return str(error.args[0] if error.args else type(error).__name__)
    return None


def _cause(text: str) -> str:
    """Return the innermost message of an error's text, in one line."""
    if "Traceback (most recent call last)" in text:
        return _python_cause(text)
    lines = [
        line
        for line in text.splitlines()
        if line.strip() and line != "Driver stacktrace:" and not _STACK.match(line)
    ]
    causes = [
        (match[1].rpartition(".")[2], match[2].strip(), position)
        for position, line in enumerate(lines)
        if (match := _CAUSE.match(_OF_TASK.split(line)[-1])) and not _WRAPPERS.search(match[2])
    ]
    if not causes:
        return _shortened(lines[0] if lines else "an error of Spark")
    for class_name, message, position in reversed(causes):
        if message:
            is_clear = len(message) > 20 or " " in message
            return _shortened(message if is_clear else f"{class_name} {message}")
        if position + 1 < len(lines) and not _CAUSE.match(lines[position + 1]):
            return _shortened(lines[position + 1])  # Spark puts a line feed before some messages
    is_of_py4j = lines[0].startswith("An error occurred while calling")
    return _shortened(causes[-1][0] if is_of_py4j else lines[0])


def _python_cause(text: str) -> str:
    """Return the last line of the traceback of a Python worker, and where the script raised it."""
    start = text.index("Traceback (most recent call last)")
    frames, last = "", ""
    for line in text[start:].splitlines()[1:]:
        if _STACK.match(line) or not line.strip():
            break
        frame = _WORKER_FRAME.match(line)
        if frame is not None and "/pyspark/" not in frame["file"]:
            frames = f" ({frame['file']}, line {frame['line']})"
        if not line.startswith(" "):
            last = line
    return _shortened(last) + frames


def _shortened(text: str) -> str:
    text = text.strip().removesuffix(".;").removesuffix(";")
    return text if len(text) <= _LONGEST_CAUSE else f"{text[:_LONGEST_CAUSE]}..."
