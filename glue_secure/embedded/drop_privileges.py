"""Change to an unprivileged user, set a parent death signal, and execute another program.

Run as ``python -I drop_privileges.py PARENT_PID USER_ID SIGNAL PROGRAM [ARGUMENT ...]``. The script imports
nothing of the project, because it runs as root if its caller does.
"""

import ctypes
import os
import sys

PR_SET_PDEATHSIG = 1


def main() -> None:
    """Run the three steps. The order matters: changing the user clears the death signal (prctl(2))."""
    parent, user, number, program = int(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), sys.argv[4]
    if user != os.geteuid():
        os.setgroups([])
        os.setresgid(user_group(user), user_group(user), user_group(user))
        os.setresuid(user, user, user)
    if ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, number, 0, 0, 0) != 0:
        sys.exit("prctl(PR_SET_PDEATHSIG) failed")
    if os.getppid() != parent:
        sys.exit("the parent process ended before the death signal was set")
    os.execv(program, sys.argv[4:])  # noqa: S606


def user_group(user: int) -> int:
    """Return the user's primary group, or the user id if the user has no passwd entry."""
    import pwd

    try:
        return pwd.getpwuid(user).pw_gid
    except KeyError:
        return user


if __name__ == "__main__":
    main()
