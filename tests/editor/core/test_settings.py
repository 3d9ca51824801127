from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from editor.core.errors import OutputNotWritable
from editor.core.settings import (
    OWN_INSTRUCTIONS,
    RECENT_FILES,
    SETTINGS,
    Settings,
    load,
    save,
    setting_named,
    value_of,
    with_instruction,
    with_recent,
    with_shortcut,
    with_value,
    without_recent,
)

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
KEYS = [setting.key for setting in SETTINGS]


def test_saved_settings_come_back(tmp_path: Path) -> None:
    path = tmp_path / "new folder" / "settings.json"
    settings = Settings(geometry="AAA=", layout="BBB", tools={"brush": {"size": 12}}, theme="light")
    settings = with_shortcut(with_recent(settings, tmp_path / "a.ora"), "edit.undo", "Ctrl+U")
    settings = with_instruction(settings, " Snow ")
    save(path, settings)
    assert load(path) == settings
    assert settings.instructions == ("Snow",)


def test_without_a_file_the_defaults_hold(tmp_path: Path) -> None:
    assert load(tmp_path / "none.json") == Settings()
    assert {key: value_of(Settings(), key) for key in KEYS} == {one.key: one.default for one in SETTINGS}


def test_unknown_keys_survive(tmp_path: Path) -> None:
    path = tmp_path / "settings.json"
    path.write_text(json.dumps({"theme": "light", "from_the_future": {"x": [1]}}))
    save(path, with_value(load(path), "variants", 2))
    assert json.loads(path.read_text())["from_the_future"] == {"x": [1]}
    assert (load(path).theme, load(path).variants) == ("light", 2)


@pytest.mark.parametrize("content", [b"{", b"[1]", b"\xff\xfe", b"[" * 100_000, b"nul"])
def test_a_broken_file_is_kept_aside(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "settings.json"
    path.write_bytes(content)
    assert load(path) == Settings()
    assert [file.read_bytes() for file in tmp_path.glob("settings.json.broken-*")] == [content]
    assert not path.exists()


def test_a_folder_in_its_place_is_not_fatal(tmp_path: Path) -> None:
    assert load(tmp_path) == Settings()
    with pytest.raises(OutputNotWritable):
        save(tmp_path, Settings())
    (tmp_path / "file").touch()
    with pytest.raises(OutputNotWritable):
        save(tmp_path / "file" / "settings.json", Settings())


@given(data=st.dictionaries(st.sampled_from([*KEYS, "recent", "shortcuts", "tools", "geometry"]), JSON))
def test_any_values_give_settings_within_their_ranges(tmp_path_factory: pytest.TempPathFactory, data: object) -> None:
    path = tmp_path_factory.mktemp("any") / "settings.json"
    path.write_text(json.dumps(data))
    settings = load(path)
    for setting in SETTINGS:
        assert setting.checked(value_of(settings, setting.key)) == value_of(settings, setting.key)
    assert all(isinstance(name, str) for name in settings.recent)
    save(path, settings)
    assert load(path) == settings


def test_lists_stay_short_and_without_doubles(tmp_path: Path) -> None:
    settings = Settings()
    for index in range(RECENT_FILES + 5):
        settings = with_instruction(with_recent(settings, tmp_path / str(index)), f"make it {index}")
    settings = with_recent(settings, tmp_path / "7")
    settings = with_instruction(with_instruction(settings, "make it 7"), "  ")
    assert len(settings.recent) == RECENT_FILES and settings.recent.count(str(tmp_path / "7")) == 1
    assert settings.recent[0] == str(tmp_path / "7") and settings.instructions[0] == "make it 7"
    assert len(settings.instructions) <= OWN_INSTRUCTIONS and settings.instructions.count("make it 7") == 1
    assert str(tmp_path / "7") not in without_recent(settings, tmp_path / "7").recent


def test_a_shortcut_goes_back_to_its_default() -> None:
    changed = with_shortcut(with_shortcut(Settings(), "edit.undo", "Ctrl+U"), "edit.redo", "")
    assert dict(changed.shortcuts) == {"edit.undo": "Ctrl+U", "edit.redo": ""}
    assert dict(with_shortcut(changed, "edit.undo", None).shortcuts) == {"edit.redo": ""}


def test_the_list_is_sound() -> None:
    assert len(KEYS) == len(set(KEYS))
    for setting in SETTINGS:
        assert setting.checked(setting.default) == setting.default
        assert setting.title and setting.section and setting.help.endswith(".")
    with pytest.raises(KeyError):
        setting_named("none")
