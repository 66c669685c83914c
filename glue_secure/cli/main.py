"""The command ``glue-secure``.

Exit codes: 0 done, 1 failed, 2 wrong usage, 3 refused, 4 cannot verify, 130 interrupted (SIGINT), 143
terminated (SIGTERM).
"""

from __future__ import annotations

import sys

from glue_secure.core.errors import GlueSecureError, VerificationError, exit_code
from glue_secure.core.redaction import redact_text
from glue_secure.core.service import ServiceError


def run() -> None:
    """Run the console script. An error of this project becomes its message and its exit code."""
    try:
        from glue_secure.cli.app import app
    except ModuleNotFoundError as error:
        text = f"glue-secure needs packages that are not installed ({error.name} is missing)"
        print(f"{text}: pip install 'glue-secure[local]'", file=sys.stderr)
        raise SystemExit(2) from None
    try:
        app()
    except GlueSecureError as error:
        print(redact_text(str(error)), file=sys.stderr)
        raise SystemExit(exit_code(error)) from None
    except ServiceError as error:
        print(f"cannot verify: {redact_text(str(error))}", file=sys.stderr)
        raise SystemExit(VerificationError.exit_code) from None
    except KeyboardInterrupt as error:
        print("interrupted", file=sys.stderr)
        raise SystemExit(exit_code(error)) from None
