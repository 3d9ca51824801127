"""The tree of steps as rows: the line that was worked on last runs straight down, older branches are indented."""

from __future__ import annotations

from dataclasses import dataclass

from editor.core.history import Step


@dataclass(frozen=True, eq=False)
class Row:
    """depth: the lane of its dot, 0 the leftmost. lanes: those that run past it, from above to below. branches: it
    leaves the lane before. first, last: nothing above, below it in its own lane."""

    step: Step
    depth: int
    lanes: tuple[int, ...]
    branches: bool
    first: bool
    last: bool


def rows(root: Step) -> list[Row]:
    """Every step once, a parent before its children; the newest child is last and stays in its parent's lane."""
    result: list[Row] = []
    # (step, depth, lanes that go on below it, whether it leaves another lane)
    waiting: list[tuple[Step, int, tuple[int, ...], bool]] = [(root, 0, (), False)]
    while waiting:
        step, depth, lanes, branches = waiting.pop()
        first = branches or step is root
        result.append(Row(step, depth, lanes, branches, first, not step.children))
        if step.children:
            *older, newest = step.children
            waiting.append((newest, depth, lanes, False))
            waiting.extend((child, depth + 1, (*lanes, depth), True) for child in reversed(older))
    return result


def done(current: Step) -> set[int]:
    """The ids of the current step and all before it; the others are undone or on another branch."""
    ids: set[int] = set()
    step: Step | None = current
    while step is not None:
        ids.add(step.id)
        step = step.parent
    return ids
