"""Become an unprivileged user, promise to die with the parent, become another program.

Run as ``python -I drop_privileges.py PARENT_PID USER_ID SIGNAL PROGRAM [ARGUMENT ...]``. It stands alone
and imports nothing of the project: it runs as root where the caller does.
"""

import ctypes
import os
import sys

PR_SET_PDEATHSIG = 1


def main() -> None:
    """Do the three steps. Not in another order: a change of user clears the promise (prctl(2))."""
    parent, user, number, program = int(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), sys.argv[4]
    if user != os.geteuid():
        os.setgroups([])
        os.setresgid(user_group(user), user_group(user), user_group(user))
        os.setresuid(user, user, user)
    if ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, number, 0, 0, 0) != 0:
        sys.exit("prctl(PR_SET_PDEATHSIG) failed")
    if os.getppid() != parent:
        sys.exit("the parent ended before the promise was made")
    os.execv(program, sys.argv[4:])  # noqa: S606


def user_group(user: int) -> int:
    """The user's own group, or the same number where the user has no name."""
    import pwd

    try:
        return pwd.getpwuid(user).pw_gid
    except KeyError:
        return user


if __name__ == "__main__":
    main()
