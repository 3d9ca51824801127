"""The user's settings: declared once, as a list, and kept in a JSON file."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any, cast

from editor.core.atomic import not_written, write_bytes
from editor.core.params import Param, Value, checked
from editor.core.paths import user_folder

_LOG = logging.getLogger(__name__)

RECENT_FILES = 20
OWN_INSTRUCTIONS = 200


@dataclass(frozen=True, kw_only=True)
class Setting(Param):
    """A parameter in one section of the preferences. restart: takes effect when the program starts again."""

    section: str
    restart: bool = False


SETTINGS: tuple[Setting, ...] = (
    Setting(
        key="theme", title="Theme", section="Window", kind="choice", default="dark",
        choices=(("dark", "Dark"), ("light", "Light")), help="Both are neutral greys, so that colours can be judged.",
    ),
    Setting(
        key="font_scale", title="Text size", section="Window", kind="whole", default=100, minimum=75, maximum=200,
        step=5, unit="%", help="Of all text in the window.", restart=True,
    ),
    Setting(
        key="pixel_grid", title="Pixel grid", section="Canvas", kind="flag", default=True,
        help="Lines between pixels when zoomed in beyond 800 %.",
    ),
    Setting(
        key="wheel_zooms", title="The wheel zooms", section="Canvas", kind="flag", default=True,
        help="Otherwise it scrolls, and Ctrl with the wheel zooms.",
    ),
    Setting(
        key="history_share", title="Memory for the history", section="History", kind="whole", default=25, minimum=5,
        maximum=75, step=5, unit="% of memory", help="Older steps beyond it are compressed, then moved to disk.",
        restart=True,
    ),
    Setting(
        key="recovery_seconds", title="Keep for recovery every", section="History", kind="whole", default=20,
        minimum=5, maximum=600, step=5, unit="s", help="After a crash the document and its undo come back.",
    ),
    Setting(
        key="variants", title="Variants", section="Edit", kind="whole", default=4, minimum=1, maximum=9,
        help="How many pictures one instruction makes at first.",
    ),
    Setting(
        key="full_resolution", title="Full resolution", section="Edit", kind="flag", default=True,
        help="Carry edits over to the photo's own pixels.",
    ),
    Setting(
        key="keep_variants", title="Save variants in the document", section="Edit", kind="flag", default=True,
        help="They are still there when the file is opened again.",
    ),
    Setting(
        key="variants_megabytes", title="Room for variants in a file", section="Edit", kind="whole", default=200,
        minimum=0, maximum=4000, step=50, unit="MB", help="Beyond it the program asks which to leave out.",
    ),
    Setting(
        key="provider", title="Runs on", section="Edit", kind="text", default="auto",
        help="auto, or the name of one that Model shows.", restart=True,
    ),
    Setting(
        key="memory_gigabytes", title="Memory for the model", section="Edit", kind="number", default=0.0, minimum=0,
        maximum=1024, step=0.5, unit="GB", restart=True,
        help="0 for what is free. An edit that needs more is refused.",
    ),
    Setting(
        key="rest_minutes", title="Give its memory back after", section="Edit", kind="whole", default=10, minimum=0,
        maximum=600, unit="min", help="Minutes without an edit; 0 for never.", restart=True,
    ),
    Setting(
        key="jpeg_quality", title="JPEG quality", section="Files", kind="whole", default=92, minimum=1, maximum=100,
        help="Offered first when exporting.",
    ),
)  # fmt: skip
"""All settings, in the order of the preferences. A new one needs its entry here and its field in Settings."""


def _no_text() -> dict[str, str]:
    return {}


def _nothing() -> dict[str, Any]:
    return {}


@dataclass(frozen=True)
class Settings:
    """The first ones are those of SETTINGS, by key.

    recent: files, the last one first. shortcuts: the keys that the user chose, {action id: key text, "" for none}.
    geometry, layout: of the window, base64. tools: values of the tools' options. instructions: the user's own, the last
    one first. model: the one used last, "" for the bundled one. others: what the file had besides, kept for a newer
    version of the program.
    """

    theme: str = "dark"
    font_scale: int = 100
    pixel_grid: bool = True
    wheel_zooms: bool = True
    history_share: int = 25
    recovery_seconds: int = 20
    variants: int = 4
    full_resolution: bool = True
    keep_variants: bool = True
    variants_megabytes: int = 200
    provider: str = "auto"
    memory_gigabytes: float = 0.0
    rest_minutes: int = 10
    jpeg_quality: int = 92
    recent: tuple[str, ...] = ()
    shortcuts: Mapping[str, str] = field(default_factory=_no_text)
    geometry: str = ""
    layout: str = ""
    tools: Mapping[str, Any] = field(default_factory=_nothing)
    instructions: tuple[str, ...] = ()
    model: str = ""
    others: Mapping[str, Any] = field(default_factory=_nothing)


def value_of(settings: Settings, key: str) -> Value:
    """The value of one of SETTINGS. Raises KeyError for an unknown key."""
    return getattr(settings, setting_named(key).key)


def with_value(settings: Settings, key: str, value: Value) -> Settings:
    """With another value, kept within its range. Raises KeyError for an unknown key."""
    kept: dict[str, Any] = {key: setting_named(key).checked(value)}
    return replace(settings, **kept)


def with_recent(settings: Settings, path: Path) -> Settings:
    """With the file at the front of the recent ones."""
    name = str(path.resolve())
    return replace(settings, recent=(name, *(one for one in settings.recent if one != name))[:RECENT_FILES])


def without_recent(settings: Settings, path: Path) -> Settings:
    """Without a file that is not there any more."""
    names = (str(path), str(path.resolve()))
    return replace(settings, recent=tuple(one for one in settings.recent if one not in names))


def with_instruction(settings: Settings, instruction: str) -> Settings:
    """With the instruction at the front of the user's own; a blank one is not remembered."""
    text = instruction.strip()
    if not text:
        return settings
    others = (one for one in settings.instructions if one != text)
    return replace(settings, instructions=(text, *others)[:OWN_INSTRUCTIONS])


def with_shortcut(settings: Settings, action: str, key: str | None) -> Settings:
    """With another key for an action; None brings its default back."""
    shortcuts = {one: text for one, text in settings.shortcuts.items() if one != action}
    return replace(settings, shortcuts=shortcuts if key is None else {**shortcuts, action: key})


def setting_named(key: str) -> Setting:
    """Raises KeyError for an unknown key."""
    found = next((setting for setting in SETTINGS if setting.key == key), None)
    if found is None:
        raise KeyError(key)
    return found


def settings_file() -> Path:
    """Where the program keeps them."""
    return user_folder() / "settings.json"


def load(path: Path) -> Settings:
    """The settings in a file; the defaults where there is none. A file that cannot be understood is kept beside it
    under the name NAME.broken-TIME, and the defaults hold. Never raises."""
    try:
        data = json.loads(path.read_bytes())
    except FileNotFoundError:
        return Settings()
    except OSError as error:
        _LOG.warning("%s cannot be read, the defaults hold: %s", path, error)
        return Settings()
    except (ValueError, RecursionError) as error:
        return _broken(path, str(error))
    if not isinstance(data, dict):
        return _broken(path, "it holds no object")
    return _settings(cast(dict[str, Any], data))


def save(path: Path, settings: Settings) -> None:
    """Writes the file whole or not at all, making its folder. Raises OutputNotWritable."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise not_written(path, error) from error
    known = {one.name: getattr(settings, one.name) for one in fields(settings) if one.name != "others"}
    data = {**settings.others, **known}
    write_bytes(path, json.dumps(data, indent=1, ensure_ascii=False, sort_keys=True, default=dict).encode())


def _settings(data: dict[str, Any]) -> Settings:
    values: dict[str, Any] = checked(SETTINGS, data)
    names = {one.name for one in fields(Settings)}
    return Settings(
        **values,
        recent=_texts(data.get("recent"))[:RECENT_FILES],
        shortcuts={key: text for key, text in _object(data.get("shortcuts")).items() if isinstance(text, str)},
        geometry=_text(data.get("geometry")),
        layout=_text(data.get("layout")),
        tools=_object(data.get("tools")),
        instructions=_texts(data.get("instructions"))[:OWN_INSTRUCTIONS],
        model=_text(data.get("model")),
        others={key: value for key, value in data.items() if key not in names},
    )


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _texts(value: object) -> tuple[str, ...]:
    return tuple(one for one in cast(list[object], value) if isinstance(one, str)) if isinstance(value, list) else ()


def _object(value: object) -> dict[str, Any]:
    return cast(dict[str, Any], value) if isinstance(value, dict) else {}


def _broken(path: Path, reason: str) -> Settings:
    aside = path.with_name(f"{path.name}.broken-{time.strftime('%Y%m%d-%H%M%S')}")
    try:
        path.replace(aside)
        _LOG.warning("%s cannot be understood (%s); it is kept as %s, the defaults hold", path, reason, aside)
    except OSError as error:
        _LOG.warning("%s cannot be understood (%s), nor moved aside: %s", path, reason, error)
    return Settings()
