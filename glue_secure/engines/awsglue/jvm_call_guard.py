"""The gate before the JVM's GlueContext: its doors to data open for one guarded call on one thread.

Everything awsglue reads or writes goes through a few methods of the Scala GlueContext. The Python side
hands that object out (``_ssql_ctx``, ``_glue_scala_context``); here it is handed out behind a gate, so
that a call that did not pass the guard stops before the JVM hears of it.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from glue_secure.core.errors import RefusedError, UsageError

# What touches no data: schemas, columns, and the transactions of governed tables.
_FREE = frozenset(
    (
        "addIngestionTimeColumns",
        "cancelTransaction",
        "commitTransaction",
        "getCatalogSchemaAsSparkSchema",
        "startTransaction",
    )
)


class Gate:
    """Which JVM methods may be called now, thread by thread."""

    def __init__(self) -> None:
        self._here = threading.local()

    @contextmanager
    def opened(self, method: str) -> Iterator[None]:
        """Open the gate for ``method`` on this thread while the block runs."""
        before = self._open()
        self._here.open = (*before, method)
        try:
            yield
        finally:
            self._here.open = before

    def require(self, method: str) -> None:
        """Refuse when ``method`` is not open on this thread (GS-SEC-010)."""
        if method not in self._open():
            raise RefusedError(
                "GS-SEC-010",
                resource=f"GlueContext.{method} of the JVM",
                found="called past the guard",
                required="a call through the GlueContext's own methods",
                fix="use create_dynamic_frame, write_dynamic_frame, getSource or getSink of the context",
            )

    def _open(self) -> tuple[str, ...]:
        return getattr(self._here, "open", ())


class GuardedScalaContext:
    """The Scala GlueContext, whose methods answer only through the gate.

    It can be passed to the JVM in its place. A method that is not known to leave data alone is shut.

    Args:
        scala_context: the py4j object.
        gate: which methods are open.
    """

    __slots__ = ("_gate", "_scala_context")

    def __init__(self, scala_context: Any, gate: Gate) -> None:
        self._scala_context, self._gate = scala_context, gate

    def _get_object_id(self) -> Any:
        return self._scala_context._get_object_id()  # py4j's name for "pass this object"

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_") or name == "Java":  # py4j and copy ask for names that no method has
            raise AttributeError(name)
        if name in _FREE:
            return getattr(self._scala_context, name)

        def call(*arguments: Any) -> Any:
            self._gate.require(name)
            return getattr(self._scala_context, name)(*arguments)

        return call


def block_unknown_methods(ours: type, base: type, known: frozenset[str]) -> None:
    """Give ``ours`` a refusal for every public name of ``base`` that is neither known nor defined by us.

    A later awsglue may write by a method that nobody here has looked at; called, it stops (UsageError).

    Args:
        ours: a subclass of ``base``.
        base: awsglue's class.
        known: its public names that were looked at.
    """
    between = ours.__mro__[: ours.__mro__.index(base)]
    for name, member in vars(base).items():
        if name.startswith("_") or name in known or not hasattr(member, "__get__"):  # that is, a plain value
            continue
        if not any(name in vars(one) for one in between):
            setattr(ours, name, _shut(f"{base.__name__}.{name}"))


def _shut(call: str) -> Callable[..., Any]:
    def refuse(*_arguments: Any, **_options: Any) -> Any:
        raise UsageError(
            call,
            found="a method of this awsglue that this project does not know",
            required="a method of awsglue 5.1",
            fix="docs/differences-from-glue.md lists what is guarded in Glue",
        )

    return refuse


def require_glue_classes(jvm: Any) -> None:
    """Refuse a JVM without Glue's classes, which answers every name with an empty package.

    Raises:
        UsageError: awsglue is installed and the libraries it drives are not.
    """
    from py4j.java_gateway import JavaPackage

    if isinstance(jvm.com.amazonaws.services.glue.GlueContext, JavaPackage):
        raise UsageError(
            "the awsglue runtime",
            found="a JVM without com.amazonaws.services.glue (the AWSGlueETL library)",
            required="AWS Glue or its container",
            fix="export GLUE_SECURE_RUNTIME=spark, or start the script with: glue-secure run SCRIPT",
        )
