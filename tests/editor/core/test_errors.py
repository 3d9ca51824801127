"""Exit codes are a contract of the command line."""

from __future__ import annotations

import pytest

from editor.core.errors import InputUnreadable, OutputNotWritable, PalimpsestError, UsageError


@pytest.mark.parametrize(("kind", "code"), [(UsageError, 2), (InputUnreadable, 3), (OutputNotWritable, 5)])
def test_exit_codes(kind: type[PalimpsestError], code: int) -> None:
    assert issubclass(kind, PalimpsestError)
    assert kind("A sentence.").exit_code == code
    assert str(kind("A sentence.")) == "A sentence."
