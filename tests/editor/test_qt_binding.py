"""PySide6 6.12.0 loses a reference of None in every void call on Python 3.11: a program aborts after some thousand."""

from __future__ import annotations

import sys

from PySide6.QtCore import QObject


def test_calls_into_qt_lose_no_reference_of_none() -> None:
    thing, before = QObject(), sys.getrefcount(None)
    for _ in range(2000):
        thing.setObjectName("name")
    assert sys.getrefcount(None) > before - 500
