"""The errors of glue-secure. The package ``glue_secure.errors`` exports them.

Exit codes of the command line and of a job script: 1 the job failed, 2 usage, 3 refused or found insecure,
4 could not be verified.
"""

from __future__ import annotations

from typing import ClassVar

from glue_secure.core.redaction import escape_controls, escape_unprintable, redact_text

EXPLANATION = "glue-secure controls show"
_STACK_TRACE = (
    "for Spark's stack trace, start the script with: import logging; logging.basicConfig(); "
    'logging.getLogger("glue_secure").setLevel("DEBUG")'
)


class GlueSecureError(Exception):
    """Base class of every error that glue-secure raises.

    Attributes:
        exit_code: exit code of the process if the error is not handled.
        aws_code: AWS error code that caused the error (``AccessDeniedException``), or None.
    """

    exit_code = 1

    def __init__(self, message: str, *, aws_code: str | None = None) -> None:
        super().__init__(escape_controls(message))
        self.aws_code = aws_code


class UsageError(GlueSecureError, ValueError):
    """An argument, option or call is invalid.

    Args:
        resource: the argument, option, call or file. Never a secret.
        found: the invalid value. Secrets are redacted.
        required: the valid values.
        fix: command or edit that corrects it.
    """

    exit_code = 2

    def __init__(self, resource: str, *, found: str, required: str, fix: str = "") -> None:
        found = redact_text(found)
        self.resource, self.found, self.required, self.fix = resource, found, required, fix
        lines = [resource, f"  found:    {found}", f"  required: {required}"]
        if fix:
            lines.append(f"  fix:      {fix}")
        super().__init__("\n".join(lines))


class EngineError(GlueSecureError):
    """Spark could not read, compute or write a frame. The chained exception is Spark's.

    Args:
        resource: the call that failed: ``read of s3://...``.
        cause: the innermost message of Spark or of the library that failed. It may quote data, so the
            evidence does not have it.
        location: the object or table that the message names, ``""`` if it names none.
        fix: edit that corrects it, ``""`` if it is not known.
        outcome: what the error means for the run, ``""`` for an error that is raised where it happens.
    """

    def __init__(
        self, resource: str, *, cause: str, location: str = "", fix: str = "", outcome: str = ""
    ) -> None:
        self.resource, self.cause, self.location, self.fix = resource, redact_text(cause), location, fix
        lines = [f"{redact_text(resource)} failed", f"  cause:    {self.cause}"]
        if location:
            lines.append(f"  object:   {location}")
        if fix:
            lines.append(f"  fix:      {fix}")
        if outcome:
            lines.append(f"  outcome:  {outcome}")
        lines.append(f"  details:  {_STACK_TRACE}")
        super().__init__("\n".join(lines))


class ControlError(GlueSecureError):
    """A control stopped the run: its check failed or could not be completed.

    Args:
        control: id of the control in ``glue_secure.core.controls`` (``GS-S3-004``).
        resource: ARN, URI or name of the resource.
        found: observed value. Never a secret.
        required: required value.
        fix: command or edit that makes the check pass.
        also: ids of further controls that failed in the same check.
        aws_code: AWS error code that caused the error, or None.
        outcome: what the run left behind, ``""`` if nothing.
    """

    verdict: ClassVar[str]

    def __init__(
        self,
        control: str,
        *,
        resource: str,
        found: str,
        required: str,
        fix: str,
        also: tuple[str, ...] = (),
        aws_code: str | None = None,
        outcome: str = "",
    ) -> None:
        self.control, self.resource = control, escape_unprintable(redact_text(resource))
        found, self.outcome = redact_text(found), outcome
        self.found, self.required, self.fix, self.also = found, required, fix, also
        super().__init__(self._text(), aws_code=aws_code)

    def with_outcome(self, outcome: str) -> ControlError:
        """Return a copy of the error that also says what the run left behind."""
        return type(self)(
            self.control,
            resource=self.resource,
            found=self.found,
            required=self.required,
            fix=self.fix,
            also=self.also,
            aws_code=self.aws_code,
            outcome=outcome,
        )

    def _text(self) -> str:
        lines = [
            f"{self.control} {self.verdict}: {self.resource}",
            f"  found:    {self.found}",
            f"  required: {self.required}",
            f"  fix:      {self.fix}",
        ]
        if self.also:
            lines.append(f"  also:     {', '.join(self.also)}")
        if self.outcome:
            lines.append(f"  outcome:  {self.outcome}")
        lines.append(f"  more:     {EXPLANATION} {self.control}")
        return "\n".join(lines)


class RefusedError(ControlError):
    """A check found a violation."""

    exit_code = 3
    verdict = "refused"


class VerificationError(ControlError):
    """A check could not be completed, for example because access was denied."""

    exit_code = 4
    verdict = "cannot verify"


class BookmarkConflictError(RefusedError):
    """Another run committed the job's bookmark first (GS-BKM-005). This run's bookmark does not move."""


def exit_code(error: BaseException) -> int:
    """Return the exit code of a process that ends with this error: 130 for Ctrl-C, 1 for other exceptions."""
    if isinstance(error, GlueSecureError):
        return error.exit_code
    return 130 if isinstance(error, KeyboardInterrupt) else 1


def unread(error: OSError | UnicodeDecodeError) -> str:
    """Return why a file could not be read, for ``found`` of an error: ``no such file``."""
    if isinstance(error, FileNotFoundError):
        return "no such file"
    if isinstance(error, UnicodeDecodeError):
        return "text that is not UTF-8"
    return (error.strerror or type(error).__name__).lower()
