"""What may be asked of the jail?"""

from __future__ import annotations

from pathlib import Path

import pytest

from sandbox.jail.spec import Bind, JailSpec, Limits, platform_code, platform_program

ENVIRONMENT = Path("/somewhere")


@pytest.mark.parametrize("name", ["../up", "/abs", "a/../b", ".hidden", "", "a b", "a//b", "a/", "a\n", "ü"])
def test_a_bind_cannot_leave_its_folder(name: str) -> None:
    with pytest.raises(ValueError, match="inside the jail"):
        Bind(Path("/x"), name)


@pytest.mark.parametrize(
    "asked",
    [
        {"outputs": ("../x",)},
        {"outputs": ("a/b",)},
        {"outputs": (".x",)},
        {"variables": {"lower": "x"}},
        {"variables": {"A=B": "x"}},
        {"inputs": (Bind(Path("/x"), "a"), Bind(Path("/y"), "a"))},
    ],
)
def test_a_spec_is_refused(asked: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"allowed|twice"):
        JailSpec(("x",), ENVIRONMENT, **asked)


@pytest.mark.parametrize("name", ["cpus", "memory_bytes", "wall_seconds", "log_bytes"])
def test_a_limit_is_never_zero(name: str) -> None:
    with pytest.raises(ValueError, match=name):
        Limits(**{name: 0})


def test_platform_code_is_bound_by_package_without_its_parents() -> None:
    binds = platform_code("sandbox.jail", "sandbox.jail.spec")

    assert [bind.name for bind in binds] == ["sandbox/jail", "sandbox/jail/spec.py"]
    assert all(bind.source.exists() for bind in binds)
    assert platform_program("sandbox.x") == ("-I", "-B", "/jail/launch.py", "module", "sandbox.x")
