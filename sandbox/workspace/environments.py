"""The environments jobs run in: one read-only folder per lock file, named by the lock's hash.

Wheels only, every hash checked, byte-compiled once. It is never the service's own environment: what a job can
import is decided by the lock file alone, and the lock's hash goes into the job's manifest.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from catalog import canonical_json
from catalog.errors import JailUnavailable

MARKER = "glovebox-environment.json"
HASH_DIGITS = 16
BUILD_SECONDS = 1800
REASON_CHARACTERS = 400
INSTALL_RULES = ("--require-hashes", "--only-binary", ":all:")


def lock_hash(lock_file: Path) -> str:
    """SHA-256 of the lock file's bytes, lower-case hex. Raises JailUnavailable when there is no such file."""
    try:
        return hashlib.sha256(lock_file.read_bytes()).hexdigest()
    except OSError as error:
        raise JailUnavailable("environment.lock_unreadable", path=str(lock_file), reason=error.strerror) from error


def environment_dir(environments_dir: Path, lock_file: Path) -> Path:
    """Where the environment of ``lock_file`` is or will be: its first 16 hash digits."""
    return environments_dir / lock_hash(lock_file)[:HASH_DIGITS]


def find(environments_dir: Path, lock_file: Path) -> Path:
    """The finished environment of ``lock_file``. Raises JailUnavailable when it was never built, or not from this lock."""
    folder = environment_dir(environments_dir, lock_file)
    if not _is_finished(folder, lock_file):
        raise JailUnavailable("environment.missing", path=str(folder), lock=lock_file.name)
    return folder


def build(environments_dir: Path, lock_file: Path) -> Path:
    """Build the environment of ``lock_file`` unless it is there; safe to call from several processes at once.

    It is put together beside its final place and renamed, so that a half-built one is never found.
    Raises JailUnavailable when the installer fails.
    """
    environments_dir.mkdir(parents=True, exist_ok=True)
    folder = environment_dir(environments_dir, lock_file)
    with _one_builder(environments_dir):
        if _is_finished(folder, lock_file):
            return folder
        _remove(folder)
        staging = Path(tempfile.mkdtemp(prefix=".building-", dir=environments_dir))
        try:
            _install(staging, lock_file.resolve())
            _finish(staging, lock_file)
            staging.rename(folder)
        except BaseException:
            _remove(staging)
            raise
    return folder


def _is_finished(folder: Path, lock_file: Path) -> bool:
    try:
        marker = canonical_json.loads((folder / MARKER).read_bytes())
    except (OSError, ValueError):
        return False
    interpreter = folder / "bin" / "python"
    return marker.get("lock_sha256") == lock_hash(lock_file) and marker.get("python") == _python_version() and interpreter.exists()


def _python_version() -> str:
    return ".".join(str(part) for part in sys.version_info[:3])


def _base_interpreter() -> Path:
    """The interpreter beneath the service's virtual environment: jails get a sibling of it, never the service's packages."""
    return Path(getattr(sys, "_base_executable", sys.executable)).resolve()


def _install(staging: Path, lock_file: Path) -> None:
    uv = _find_uv()
    if uv is None:
        _call([str(_base_interpreter()), "-m", "venv", str(staging)])
        pip = [str(staging / "bin" / "python"), "-I", "-m", "pip", "install", "--no-compile", "--no-input", *INSTALL_RULES]
        _call([*pip, "-r", str(lock_file)])
        return
    _call([uv, "venv", "--quiet", "--allow-existing", "--no-project", "--python", str(_base_interpreter()), str(staging)])
    # Copies, not hard links: the environment is made read-only, the installer's cache must stay as it is.
    install = [uv, "pip", "install", "--quiet", "--link-mode", "copy", "--no-deps", *INSTALL_RULES]
    _call([*install, "--python", str(staging / "bin" / "python"), "-r", str(lock_file)])


def _find_uv() -> str | None:
    beside = Path(sys.prefix) / "bin" / "uv"
    return str(beside) if beside.exists() else shutil.which("uv")


def _call(command: list[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, timeout=BUILD_SECONDS, check=False)
    if done.returncode != 0:
        reason = (done.stderr or done.stdout).strip()[-REASON_CHARACTERS:]
        raise JailUnavailable("environment.build_failed", step=Path(command[0]).name, reason=reason)


def _finish(staging: Path, lock_file: Path) -> None:
    """Compile, drop what no job needs (command scripts carry the staging path), mark, make read-only."""
    for entry in (staging / "bin").iterdir():
        if not entry.name.startswith("python"):
            _remove(entry)
    # Imports take three times as long without .pyc files, and the jail cannot write them.
    compiler = [str(staging / "bin" / "python"), "-I", "-m", "compileall", "-q", "-j", "0", str(staging / "lib")]
    subprocess.run(compiler, capture_output=True, timeout=BUILD_SECONDS, check=False)
    marker = {"lock_sha256": lock_hash(lock_file), "python": _python_version()}
    (staging / MARKER).write_bytes(canonical_json.dumps(marker))
    for path in [staging, *staging.rglob("*")]:
        if not path.is_symlink():
            path.chmod(0o555 if path.is_dir() or os.access(path, os.X_OK) else 0o444)


def _remove(path: Path) -> None:
    if path.is_symlink() or path.is_file():
        path.unlink()
        return
    if path.is_dir():
        for folder in [path, *(found for found in path.rglob("*") if found.is_dir() and not found.is_symlink())]:
            folder.chmod(0o755)
        shutil.rmtree(path)


@contextlib.contextmanager
def _one_builder(environments_dir: Path) -> Iterator[None]:
    with (environments_dir / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def main(arguments: list[str]) -> int:
    """``python -m sandbox.workspace.environments build LOCK FOLDER``: build and print the folder's path."""
    if len(arguments) != 3 or arguments[0] != "build":
        print("usage: python -m sandbox.workspace.environments build LOCK_FILE ENVIRONMENTS_FOLDER", file=sys.stderr)
        return 2
    try:
        print(build(Path(arguments[2]), Path(arguments[1])))
    except JailUnavailable as error:
        print(error, file=sys.stderr)
        return error.exit_code
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
