"""What of the host a job's interpreter needs: itself, its standard library, the environment, shared libraries.

No shell, no /usr/bin, no /etc. The base interpreter's own packages are covered: a job imports what its lock file names.
"""

from __future__ import annotations

import os
import platform
import sysconfig
from pathlib import Path

from catalog.errors import JailUnavailable

INSIDE_ENVIRONMENT = "/env"
INTERPRETER = f"{INSIDE_ENVIRONMENT}/bin/python"


def runtime_binds(environment: Path) -> list[tuple[Path, str]]:
    """(source, place inside) in the order to bind. Raises JailUnavailable when the environment has no interpreter."""
    interpreter = base_interpreter(environment)
    binds = [(folder, str(folder)) for folder in _library_folders()]
    for place in _base_places(environment):
        binds += [(interpreter, f"{place}/bin/{name}") for name in sorted({interpreter.name, "python", "python3"})]
        binds += [(library, f"{place}/lib/{library.name}") for library in _interpreter_libraries(interpreter)]
    return [*binds, (environment, INSIDE_ENVIRONMENT)]


def covered_folders(environment: Path) -> list[str]:
    """Places inside to hide beneath an empty folder."""
    interpreter = base_interpreter(environment)
    names = [library.name for library in _interpreter_libraries(interpreter) if (library / "site-packages").is_dir()]
    return [f"{place}/lib/{name}/site-packages" for place in _base_places(environment) for name in names]


def base_interpreter(environment: Path) -> Path:
    """The real interpreter an environment is made of. Raises JailUnavailable when there is none."""
    try:
        return (environment / "bin" / "python").resolve(strict=True)
    except OSError as error:
        raise JailUnavailable("environment.missing", path=str(environment), lock="requirements/jail.txt") from error


def _base_places(environment: Path) -> list[Path]:
    """Every prefix by which the environment names its base: where it truly is, its ``home``, and the link of its python."""
    places = {base_interpreter(environment).parents[1]}
    link = environment / "bin" / "python"
    if link.is_symlink() and os.readlink(link).startswith("/"):
        places.add(Path(os.readlink(link)).parents[1])
    try:
        lines = [line.partition("=") for line in (environment / "pyvenv.cfg").read_text().splitlines()]
    except OSError:
        lines = []
    places |= {Path(value.strip()).parent for key, _, value in lines if key.strip() == "home"}
    return sorted(places)


def _interpreter_libraries(interpreter: Path) -> list[Path]:
    """The standard library and the interpreter's own shared libraries."""
    folder = interpreter.parents[1] / "lib"
    named = folder / interpreter.name
    standard = [named] if named.is_dir() else sorted(folder.glob("python3.*"))
    return [*standard, *sorted(folder.glob("libpython3*.so*"))]


def _library_folders() -> list[Path]:
    multiarch = sysconfig.get_config_var("MULTIARCH") or f"{platform.machine()}-linux-gnu"
    folders = [Path("/usr/lib") / multiarch, Path("/usr/lib64")]
    # On aarch64 the loader lies in /usr/lib itself, beside much that is not needed.
    loaders = sorted(Path("/usr/lib").glob("ld-linux-aarch64.so.*"))
    return [path for path in [*folders, *loaders] if path.exists()]
