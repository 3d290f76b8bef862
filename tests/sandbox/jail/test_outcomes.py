"""How did a job end? One of eight codes, from what the kernel, the parent and the exit code say."""

from __future__ import annotations

import pytest

from sandbox.jail.inside import launch
from sandbox.jail.outcomes import EXIT_DEPENDENCY, EXIT_OUT_OF_DISK, EXIT_OUT_OF_MEMORY, Ending, Outcome, outcome_of, outcome_with_outputs


@pytest.mark.parametrize(
    ("exit_code", "oom", "late", "full", "expected"),
    [
        (0, False, False, False, "succeeded"),
        (0, False, False, True, "succeeded"),
        (0, True, False, False, "out_of_memory"),
        (137, True, True, True, "out_of_memory"),
        (137, False, True, False, "out_of_time"),
        (152, False, False, False, "out_of_time"),
        (1, False, False, True, "out_of_disk"),
        (95, False, False, False, "out_of_disk"),
        (96, False, False, False, "out_of_memory"),
        (97, False, False, False, "dependency"),
        (159, False, False, False, "policy"),
        (1, False, False, False, "script_error"),
        (137, False, False, False, "script_error"),
        (139, False, False, False, "script_error"),
    ],
)
def test_an_ending_has_one_outcome(exit_code: int, oom: bool, late: bool, full: bool, expected: str) -> None:
    assert outcome_of(Ending(exit_code, oom, late, full)) == expected


@pytest.mark.parametrize(
    ("ended", "forbidden", "missing", "expected"),
    [
        ("succeeded", False, False, "succeeded"),
        ("succeeded", True, True, "policy"),
        ("succeeded", False, True, "missing_output"),
        ("script_error", True, True, "script_error"),
    ],
)
def test_outputs_decide_only_when_the_program_ended_well(ended: str, forbidden: bool, missing: bool, expected: str) -> None:
    assert outcome_with_outputs(Outcome(ended), forbidden_found=forbidden, missing=missing) == expected


def test_the_launcher_in_the_jail_knows_the_same_exit_codes() -> None:
    inside = (launch.EXIT_OUT_OF_DISK, launch.EXIT_OUT_OF_MEMORY, launch.EXIT_DEPENDENCY)

    assert inside == (EXIT_OUT_OF_DISK, EXIT_OUT_OF_MEMORY, EXIT_DEPENDENCY)


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (ModuleNotFoundError("torch"), 97),
        (MemoryError(), 96),
        (OSError(12, "memory"), 96),
        (OSError(28, "space"), 95),
        (OSError(27, "big"), 95),
        (OSError(2, "absent"), 1),
        (ValueError("ModuleNotFoundError: in words only"), 1),
    ],
)
def test_the_type_of_an_error_decides_not_its_text(error: Exception, code: int) -> None:
    assert launch.exit_code(error) == code
