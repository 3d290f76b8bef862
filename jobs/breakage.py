"""What the log may say of an unexpected error: its type and place. Its message could quote a row."""

from __future__ import annotations

from pathlib import Path


def place_of(error: BaseException) -> str:
    """``ValueError at inputs.py:42``: the innermost frame."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    where = "" if trace is None else f" at {Path(trace.tb_frame.f_code.co_filename).name}:{trace.tb_lineno}"
    return f"{type(error).__name__}{where}"
