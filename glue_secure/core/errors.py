"""The errors of glue-secure: one root, and one text for every refusal.

Exit codes follow the command line's contract: 1 the job failed, 2 wrong usage, 3 refused by a
control, 4 could not be verified.
"""

from __future__ import annotations

from typing import ClassVar

from glue_secure.core.redaction import redact_text

DOCUMENTATION = "docs/controls.md"


class GlueSecureError(Exception):
    """Root of every error this package raises on purpose.

    Attributes:
        exit_code: what a command line or a job script ends with when the error is not handled.
        aws_code: the AWS error code behind it (``AccessDeniedException``), or None.
    """

    exit_code = 1

    def __init__(self, message: str, *, aws_code: str | None = None) -> None:
        super().__init__(message)
        self.aws_code = aws_code


class UsageError(GlueSecureError, ValueError):
    """An argument, option or call that cannot be meant as it stands. Nothing was read or written."""

    exit_code = 2

    def __init__(self, what: str, *, found: str, required: str, fix: str = "") -> None:
        found = redact_text(found)
        self.what, self.found, self.required, self.fix = what, found, required, fix
        lines = [what, f"  found:    {found}", f"  required: {required}"]
        if fix:
            lines.append(f"  fix:      {fix}")
        super().__init__("\n".join(lines))


class ControlError(GlueSecureError):
    """A control stopped the run: it failed, or it could not be verified.

    Args:
        control: id of the control in ``glue_secure.core.controls`` (``GS-S3-004``).
        resource: what it is about: an ARN, a URI, a connection's name.
        found: what was observed. Never a secret.
        required: what the policy demands.
        fix: what to do, as a command or a sentence.
        also: ids of further controls that failed in the same check.
        aws_code: the AWS error code behind it, if one is.
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
    ) -> None:
        self.control, self.resource = control, redact_text(resource)
        found = redact_text(found)
        self.found, self.required, self.fix, self.also = found, required, fix, also
        super().__init__(self._text(), aws_code=aws_code)

    def _text(self) -> str:
        lines = [
            f"{self.control} {self.verdict}: {self.resource}",
            f"  found:    {self.found}",
            f"  required: {self.required}",
            f"  fix:      {self.fix}",
        ]
        if self.also:
            lines.append(f"  also:     {', '.join(self.also)}")
        lines.append(f"  more:     {DOCUMENTATION}#{self.control.lower()}")
        return "\n".join(lines)


class RefusedError(ControlError):
    """A control found something insecure and stopped the run."""

    exit_code = 3
    verdict = "refused"


class VerificationError(ControlError):
    """A control could not be verified: access was denied, or a service did not answer. It is never a pass."""

    exit_code = 4
    verdict = "cannot verify"


class BookmarkConflictError(RefusedError):
    """Another run committed the job's bookmark first. This run's data stays; its bookmark does not move."""
