"""The command ``glue-secure``.

Exit codes: 0 done, 1 failed, 2 wrong usage, 3 refused, 4 cannot verify, 130 interrupted (SIGINT), 143
terminated (SIGTERM).
"""

from __future__ import annotations

import json
import sys
from typing import NoReturn

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
        _end(error, str(error), exit_code(error))
    except ServiceError as error:
        _end(error, f"cannot verify: {error}", VerificationError.exit_code)
    except KeyboardInterrupt as error:
        print("interrupted", file=sys.stderr)
        raise SystemExit(exit_code(error)) from None


def _end(error: Exception, message: str, code: int) -> NoReturn:
    """Print the message on standard error and, with ``--json``, a document on standard output. Exit."""
    print(redact_text(message), file=sys.stderr)
    if "--json" in sys.argv:
        parts = {
            name: getattr(error, name, None) for name in ("control", "resource", "found", "required", "fix")
        }
        document = {"type": type(error).__name__, "message": message, "exit_code": code} | {
            name: value for name, value in parts.items() if value
        }
        print(redact_text(json.dumps({"error": document}, indent=2, ensure_ascii=False)))
    raise SystemExit(code) from None
