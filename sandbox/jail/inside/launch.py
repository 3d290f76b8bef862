"""Runs a platform module or somebody's script inside the jail and turns the type of what it raised into an exit code.

Standard library only; the exit codes are those of ``outcomes.py``. The type is looked at here because log text is not
evidence: a script prints what it likes.
"""

import errno
import runpy
import sys
import traceback

EXIT_OUT_OF_DISK = 95
EXIT_OUT_OF_MEMORY = 96
EXIT_DEPENDENCY = 97
DISK_ERRORS = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


def main(kind: str, name: str, arguments: list[str]) -> int:
    sys.argv = [name, *arguments]
    try:
        if kind == "module":
            sys.path.insert(0, "/code")
            runpy.run_module(name, run_name="__main__", alter_sys=True)
        else:
            sys.path.insert(0, name.rpartition("/")[0])
            runpy.run_path(name, run_name="__main__")
    except Exception as error:
        code = exit_code(error)
        traceback.print_exc()
        return code
    return 0


def exit_code(error: Exception) -> int:
    if isinstance(error, MemoryError) or (isinstance(error, OSError) and error.errno == errno.ENOMEM):
        return EXIT_OUT_OF_MEMORY
    if isinstance(error, ImportError):
        return EXIT_DEPENDENCY
    return EXIT_OUT_OF_DISK if isinstance(error, OSError) and error.errno in DISK_ERRORS else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2], sys.argv[3:]))
