"""The machine behind every lifecycle table: what it answers, and how it says no."""

import pytest

from catalog.errors import IllegalStep
from catalog.lifecycles import Machine, Transition

DOOR = Machine(
    "door",
    (
        Transition("open", "shut", "closed", "anybody"),
        Transition("closed", "open", "open", "anybody"),
        Transition("closed", "lock", "locked", "owner", ("has_key",)),
    ),
)


def test_a_step_follows_the_table():
    assert DOOR.initial == "open"
    assert DOOR.step("open", "shut") == "closed"
    assert DOOR.transition("closed", "lock").only_if == ("has_key",)
    assert DOOR.events_from("closed") == ("open", "lock")
    assert DOOR.final_states() == ("locked",)


def test_an_illegal_step_names_what_is_possible():
    with pytest.raises(IllegalStep) as refusal:
        DOOR.step("closed", "shut")
    assert str(refusal.value) == "cannot shut a closed door; from closed you can: open, lock"
    assert "open, lock" in refusal.value.text("zh")


def test_nothing_follows_an_end():
    with pytest.raises(IllegalStep, match="locked is its end"):
        DOOR.step("locked", "open")


def test_two_rows_for_one_event_are_a_mistake():
    with pytest.raises(ValueError, match="defined twice"):
        Machine("door", (Transition("a", "go", "b", "x"), Transition("a", "go", "c", "x")))
    with pytest.raises(ValueError, match="no transitions"):
        Machine("door", ())


def test_the_diagram_has_one_line_per_row():
    lines = DOOR.mermaid().splitlines()
    assert lines[:2] == ["stateDiagram-v2", "    [*] --> open"]
    assert "    closed --> locked: lock [owner] if has_key" in lines
    assert lines[-1] == "    locked --> [*]"
