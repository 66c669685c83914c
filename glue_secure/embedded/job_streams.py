"""Run a job script's Python with the standard streams of ``glue-secure run``.

Run by spark-submit as ``python -I -S job_streams.py SCRIPT [ARGUMENT ...]``. The module imports nothing of
the project. spark-submit gives a script a pipe as standard input, to which nothing is written, and joins its
standard error into its standard output. ``process_group_supervisor.py`` sends the streams that it was started
with over the abstract socket that ``GLUE_SECURE_STREAMS`` names (``NAME:TOKEN``), to the first process that
sends the token. Later processes keep their own streams.
"""

import os
import socket
import sys
from contextlib import suppress


def main() -> None:
    """Replace the three streams, and execute Python with the arguments."""
    name, _, token = os.environ.pop("GLUE_SECURE_STREAMS", "").partition(":")
    with suppress(OSError), socket.socket(socket.AF_UNIX) as connection:
        connection.connect(f"\0{name}")
        connection.sendall(token.encode())
        _, streams, _, _ = socket.recv_fds(connection, 1, 3)
        for number, stream in enumerate(streams):
            os.dup2(stream, number)
            os.close(stream)
    os.execv(sys.executable, [sys.executable, *sys.argv[1:]])  # noqa: S606


if __name__ == "__main__":
    main()
