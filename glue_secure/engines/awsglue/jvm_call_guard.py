"""A guard on the JVM's GlueContext: each method that reads or writes is callable during a guarded call only.

awsglue reads and writes through a few methods of the Scala GlueContext. Its Python side returns that object
from ``_ssql_ctx`` and ``_glue_scala_context``. Here both return a proxy, so that a call that did not go
through the run's checks stops before it reaches the JVM.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from glue_secure.core.errors import RefusedError, UsageError

# Methods that access no data: schemas, columns, and the transactions of governed tables.
_WITHOUT_DATA = frozenset(
    (
        "addIngestionTimeColumns",
        "cancelTransaction",
        "commitTransaction",
        "getCatalogSchemaAsSparkSchema",
        "startTransaction",
    )
)


class JvmCallGuard:
    """The JVM methods that may be called now, for each thread."""

    def __init__(self) -> None:
        self._thread = threading.local()

    @contextmanager
    def allow(self, method: str) -> Iterator[None]:
        """Allow calls of ``method`` on this thread while the block runs."""
        before = self._allowed()
        self._thread.allowed = (*before, method)
        try:
            yield
        finally:
            self._thread.allowed = before

    def require(self, method: str) -> None:
        """Raise RefusedError (GS-SEC-010) if ``method`` is not allowed on this thread."""
        if method not in self._allowed():
            raise RefusedError(
                "GS-SEC-010",
                resource=f"GlueContext.{method} of the JVM",
                found="called outside glue-secure",
                required="a call through the GlueContext's own methods",
                fix="use create_dynamic_frame, write_dynamic_frame, getSource or getSink of the context",
            )

    def _allowed(self) -> tuple[str, ...]:
        return getattr(self._thread, "allowed", ())


class GuardedScalaContext:
    """A proxy of the Scala GlueContext that asks the guard before each call.

    It can be passed to the JVM as an argument. Methods that are known to access no data are always allowed.

    Args:
        scala_context: the py4j object.
        guard: the methods that are allowed.
    """

    __slots__ = ("_guard", "_scala_context")

    def __init__(self, scala_context: Any, guard: JvmCallGuard) -> None:
        self._scala_context, self._guard = scala_context, guard

    def _get_object_id(self) -> Any:
        return self._scala_context._get_object_id()  # py4j calls this to pass the object

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_") or name == "Java":  # py4j and copy probe for names that are not methods
            raise AttributeError(name)
        if name in _WITHOUT_DATA:
            return getattr(self._scala_context, name)

        def call(*arguments: Any) -> Any:
            self._guard.require(name)
            return getattr(self._scala_context, name)(*arguments)

        return call


def block_unknown_methods(subclass: type, base: type, known: frozenset[str]) -> None:
    """Override every public method of ``base`` that is not known and that ``subclass`` does not define.

    A later awsglue may add methods that write. The override raises UsageError.

    Args:
        subclass: this project's subclass of ``base``.
        base: awsglue's class.
        known: public names of ``base`` that were checked.
    """
    overriding = subclass.__mro__[: subclass.__mro__.index(base)]
    for name, member in vars(base).items():
        is_plain_value = not hasattr(member, "__get__")
        if name.startswith("_") or name in known or is_plain_value:
            continue
        if not any(name in vars(parent) for parent in overriding):
            setattr(subclass, name, _blocked(f"{base.__name__}.{name}"))


def _blocked(call: str) -> Callable[..., Any]:
    def raise_unknown(*_arguments: Any, **_options: Any) -> Any:
        raise UsageError(
            call,
            found="a method of the installed awsglue that glue-secure does not know",
            required="a method of awsglue 5.1",
            fix="docs/differences-from-glue.md lists what is guarded in Glue",
        )

    return raise_unknown


def require_glue_classes(jvm: Any) -> None:
    """Raise UsageError if the JVM has no Glue classes: it returns an empty package for every name."""
    from py4j.java_gateway import JavaPackage

    if isinstance(jvm.com.amazonaws.services.glue.GlueContext, JavaPackage):
        raise UsageError(
            "the awsglue runtime",
            found="a JVM without com.amazonaws.services.glue (the AWSGlueETL library)",
            required="AWS Glue or its container",
            fix="export GLUE_SECURE_RUNTIME=spark, or start the script with: glue-secure run SCRIPT",
        )
