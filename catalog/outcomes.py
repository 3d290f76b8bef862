"""What a run on real data tells its author before review: one of eight words, nothing else."""

from __future__ import annotations

from enum import StrEnum


class Outcome(StrEnum):
    SUCCEEDED = "succeeded"
    SCRIPT_ERROR = "script_error"
    OUT_OF_MEMORY = "out_of_memory"
    OUT_OF_TIME = "out_of_time"
    OUT_OF_DISK = "out_of_disk"
    POLICY = "policy"
    MISSING_OUTPUT = "missing_output"
    DEPENDENCY = "dependency"
