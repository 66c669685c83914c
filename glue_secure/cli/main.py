"""The command ``glue-secure``.

Exit codes: 0 done, 1 failed, 2 wrong usage, 3 refused, 4 cannot verify, 130 interrupted (SIGINT), 143
terminated (SIGTERM).
"""

from __future__ import annotations

import json
import os
import sys
from contextlib import suppress
from pathlib import Path
from typing import NoReturn

from glue_secure.core.errors import GlueSecureError, VerificationError, exit_code
from glue_secure.core.redaction import escape_surrogates, redact_text
from glue_secure.core.requirements import install_command
from glue_secure.core.service import ServiceError


def run() -> None:
    """Run the console script. An error of this project becomes its message and its exit code."""
    try:
        try:
            from glue_secure.cli.app import app

            app()
        finally:
            sys.stdout.flush()
    except ModuleNotFoundError as error:
        if error.name is None or error.name.partition(".")[0] == "glue_secure":
            raise
        text = f"glue-secure needs packages that are not installed ({error.name} is missing)"
        print(f"{text}\n  fix:      {install_command('local')}", file=sys.stderr)
        raise SystemExit(2) from None
    except GlueSecureError as error:
        _end(error, str(error), exit_code(error))
    except ServiceError as error:
        _end(error, f"cannot verify: {error}", VerificationError.exit_code)
    except BrokenPipeError:  # the reader of a pipe has ended
        _discard_output()
        raise SystemExit(GlueSecureError.exit_code) from None
    except OSError as error:
        _discard_output()
        place = f"{error.filename}: " if error.filename else ""
        _end(error, f"{place}{error.strerror or error}", GlueSecureError.exit_code)
    except KeyboardInterrupt as error:
        print("interrupted", file=sys.stderr)
        raise SystemExit(exit_code(error)) from None


def _discard_output() -> None:
    """Let Python flush standard output when it ends, although nothing can be written to it."""
    # In tests, standard output is no file.
    with Path(os.devnull).open("wb") as nothing, suppress(OSError, ValueError):
        os.dup2(nothing.fileno(), sys.stdout.fileno())


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
        shown = json.dumps({"error": document}, indent=2, ensure_ascii=False)
        print(redact_text(escape_surrogates(shown)))
    raise SystemExit(code) from None
