"""A process is a table: every lifecycle of the platform is a tuple of ``Transition`` rows read by one small machine.

The rows say who may take a step and under which named rules; the floors that own the process evaluate those rules.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Generic, TypeVar

from catalog.errors import IllegalStep

StateT = TypeVar("StateT", bound=str)
EventT = TypeVar("EventT", bound=str)


# No slots: Python 3.11 cannot create a frozen, slotted, generic dataclass through ``Transition[State, Event](…)``.
@dataclass(frozen=True)
class Transition(Generic[StateT, EventT]):
    """One row: in ``source``, on ``event``, go to ``target``. ``by`` names the role; ``only_if`` names the rules that must hold."""

    source: StateT
    event: EventT
    target: StateT
    by: str
    only_if: tuple[str, ...] = ()


class Machine(Generic[StateT, EventT]):
    """A lifecycle: ``name`` is the noun people use ("job", "release"); the first row's source is the initial state."""

    __slots__ = ("_rows", "initial", "name", "transitions")

    def __init__(self, name: str, transitions: Iterable[Transition[StateT, EventT]]) -> None:
        """Raises ValueError for an empty table or for two rows with one source and event."""
        self.name = name
        self.transitions = tuple(transitions)
        if not self.transitions:
            raise ValueError(f"the lifecycle of a {name} has no transitions")
        self.initial: StateT = self.transitions[0].source
        self._rows: dict[tuple[str, str], Transition[StateT, EventT]] = {}
        for row in self.transitions:
            key = (str(row.source), str(row.event))
            if key in self._rows:
                raise ValueError(f"{name}: {key[1]} from {key[0]} is defined twice")
            self._rows[key] = row

    def transition(self, state: str, event: str) -> Transition[StateT, EventT]:
        """The row for ``event`` in ``state``. Raises IllegalStep, whose text names the events that are possible."""
        row = self._rows.get((str(state), str(event)))
        if row is not None:
            return row
        possible = self.events_from(state)
        if not possible:
            raise IllegalStep("lifecycle.ended", machine=self.name, state=str(state), event=str(event))
        names = ", ".join(str(name) for name in possible)
        raise IllegalStep("lifecycle.illegal_step", machine=self.name, state=str(state), event=str(event), possible=names)

    def step(self, state: str, event: str) -> StateT:
        """The state after ``event``. Raises IllegalStep."""
        return self.transition(state, event).target

    def events_from(self, state: str) -> tuple[EventT, ...]:
        """Events possible in ``state``, in the table's order; empty when the state is final."""
        return tuple(row.event for row in self.transitions if row.source == state)

    def states(self) -> tuple[StateT, ...]:
        """Every state, in the order the table first names it."""
        return tuple(dict.fromkeys(state for row in self.transitions for state in (row.source, row.target)))

    def final_states(self) -> tuple[StateT, ...]:
        """States that nothing leads out of."""
        return tuple(state for state in self.states() if not self.events_from(state))

    def mermaid(self) -> str:
        """The table as a Mermaid state diagram, one line per row, so that the documentation cannot drift from the code."""
        lines = ["stateDiagram-v2", f"    [*] --> {self.initial!s}"]
        for row in self.transitions:
            rules = f" if {', '.join(row.only_if)}" if row.only_if else ""
            lines.append(f"    {row.source!s} --> {row.target!s}: {row.event!s} [{row.by}]{rules}")
        lines.extend(f"    {state!s} --> [*]" for state in self.final_states())
        return "\n".join(lines) + "\n"
