"""Signals and observed values."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from editor.core.observe import Observed, Signal


class Dials(Observed):
    def __init__(self) -> None:
        super().__init__()
        self.steps = 20
        self.picture: object = None
        self._hidden = 1


def test_slots_are_called_in_order_until_they_are_disconnected() -> None:
    signal: Signal[int, str] = Signal()
    calls: list[tuple[str, int, str]] = []
    end = signal.connect(lambda number, word: calls.append(("first", number, word)))
    signal.connect(lambda number, word: calls.append(("second", number, word)))
    signal.emit(1, "a")
    end()
    end()
    signal.emit(2, "b")
    assert calls == [("first", 1, "a"), ("second", 1, "a"), ("second", 2, "b")]


def test_a_slot_may_disconnect_itself_and_connect_others_while_it_is_called() -> None:
    signal: Signal[()] = Signal()
    calls: list[str] = []

    def once() -> None:
        calls.append("once")
        end()
        signal.connect(lambda: calls.append("late"))

    end = signal.connect(once)
    signal.connect(lambda: calls.append("always"))
    signal.emit()
    assert calls == ["once", "always"]
    signal.emit()
    assert calls == ["once", "always", "always", "late"]


def test_a_slot_that_an_earlier_one_disconnects_is_not_called_any_more() -> None:
    signal: Signal[()] = Signal()
    calls: list[str] = []
    ends: list[Callable[[], None]] = []
    signal.connect(lambda: ends[0]())
    ends.append(signal.connect(lambda: calls.append("gone")))
    signal.emit()
    assert calls == []


def test_the_same_slot_connected_twice_is_disconnected_one_by_one() -> None:
    signal: Signal[()] = Signal()
    calls: list[int] = []

    def slot() -> None:
        calls.append(1)

    first, second = signal.connect(slot), signal.connect(slot)
    first()
    first()
    signal.emit()
    assert len(calls) == 1
    second()
    signal.emit()
    assert len(calls) == 1


def test_setting_another_value_tells_its_name_after_it_is_set() -> None:
    dials = Dials()
    told: list[tuple[str, int]] = []
    dials.changed.connect(lambda name: told.append((name, dials.steps)))
    dials.steps = 20
    dials._hidden = 2
    assert told == []
    dials.steps = 30
    assert told == [("steps", 30)]


def test_an_attribute_is_silent_when_it_is_first_set() -> None:
    dials = Dials()
    told: list[str] = []
    dials.changed.connect(told.append)
    dials.extra = 1
    assert told == []
    dials.extra = 2
    assert told == ["extra"]


def test_arrays_are_told_by_identity() -> None:
    dials = Dials()
    told: list[str] = []
    dials.changed.connect(told.append)
    picture = np.zeros((2, 2))
    dials.picture = picture
    dials.picture = picture
    dials.picture = np.zeros((2, 2))
    assert told == ["picture", "picture"]


def test_tuples_may_hold_arrays() -> None:
    dials = Dials()
    told: list[str] = []
    dials.changed.connect(told.append)
    picture = np.zeros((2, 2))
    dials.picture = (1, picture)
    dials.picture = (1, picture)
    dials.picture = (1, np.zeros((2, 2)))
    dials.picture = (1,)
    assert told == ["picture"] * 3


def test_values_of_another_type_are_other_values() -> None:
    dials = Dials()
    told: list[str] = []
    dials.changed.connect(told.append)
    dials.picture = ()
    dials.picture = ()
    dials.picture = (1,)
    assert told == ["picture", "picture"]


def test_on_hears_one_name_until_it_is_ended() -> None:
    dials = Dials()
    calls: list[int] = []
    end = dials.on("steps", lambda: calls.append(dials.steps))
    dials.steps, dials.picture = 5, 1
    end()
    dials.steps = 6
    assert calls == [5]
