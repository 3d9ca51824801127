"""What the tools share: colours, the brush, tolerance and the like; one object for the whole window."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from editor.core.observe import Observed

Colour = tuple[int, int, int, int]
"""Straight RGBA, 0..255."""

BLACK: Colour = (0, 0, 0, 255)
WHITE: Colour = (255, 255, 255, 255)
SMALLEST, LARGEST = 1.0, 2000.0


class ToolSettings(Observed):
    """size: diameter of the brush in document pixels. hardness, opacity in [0, 1]. spacing: from one dab to the next,
    as a fraction of the size. pressure: what the pen's pressure changes ("none", "size", "opacity" or "both").
    smooth: the path is a curve through the pointer's positions, not straight pieces. target: paint on the layer
    ("plane") or on its mask ("mask").

    feather: radius in pixels. tolerance: 0..255. sample: "layer" or "all" (the whole picture). how: "replace", "add",
    "subtract" or "intersect". ratio: of the crop, "" for any, "original" or "W:H".
    """

    def __init__(self) -> None:
        super().__init__()
        self.foreground: Colour = BLACK
        self.background: Colour = WHITE
        self.size: float = 40.0
        self.hardness: float = 0.8
        self.opacity: float = 1.0
        self.spacing: float = 0.1
        self.pressure: str = "size"
        self.smooth: bool = True
        self.target: str = "plane"
        self.feather: float = 0.0
        self.tolerance: int = 32
        self.contiguous: bool = True
        self.sample: str = "all"
        self.antialias: bool = True
        self.how: str = "replace"
        self.ratio: str = ""

    def swap_colours(self) -> None:
        self.foreground, self.background = self.background, self.foreground

    def default_colours(self) -> None:
        """Black on white."""
        self.foreground, self.background = BLACK, WHITE

    def scale_size(self, larger: bool) -> None:
        """One press of [ or ]: about a tenth, at least one pixel."""
        step = max(1.0, round(self.size * 0.1))
        self.size = min(LARGEST, max(SMALLEST, self.size + (step if larger else -step)))

    def scale_hardness(self, harder: bool) -> None:
        """One press of { or }: a tenth of the whole range."""
        self.hardness = round(min(1.0, max(0.0, self.hardness + (0.1 if harder else -0.1))), 2)


@dataclass(frozen=True)
class ToolOption:
    """How one field of ToolSettings is shown.

    kind: "slider" (low..high; logarithmic where `curve` is "log"), "choice" (`choices`: value, title, icon or "") or
    "bool". factor: the number shown is value * factor ("%": 100). decimals: of the number shown.
    """

    name: str
    title: str
    kind: Literal["slider", "choice", "bool"]
    help: str
    low: float = 0.0
    high: float = 1.0
    unit: str = ""
    factor: float = 1.0
    decimals: int = 0
    curve: Literal["linear", "log"] = "linear"
    choices: tuple[tuple[str, str, str], ...] = ()


TOOL_OPTIONS: tuple[ToolOption, ...] = (
    ToolOption(
        "how",
        "Mode",
        "choice",
        "What a new selection does to the one that is there (Shift adds, Alt subtracts, both intersect)",
        choices=(
            ("replace", "New", "square"),
            ("add", "Add", "squares-unite"),
            ("subtract", "Subtract", "squares-subtract"),
            ("intersect", "Intersect", "squares-intersect"),
        ),
    ),
    ToolOption("feather", "Feather", "slider", "How softly the selection ends", 0, 250, "px"),
    ToolOption("antialias", "Smooth edge", "bool", "Let the edge follow the shape between whole pixels"),
    ToolOption("tolerance", "Tolerance", "slider", "How different a colour may be and still belong", 0, 255),
    ToolOption("contiguous", "Connected", "bool", "Only what is connected to the place you click"),
    ToolOption(
        "sample",
        "From",
        "choice",
        "Where colours are read",
        choices=(("all", "Whole picture", ""), ("layer", "This layer", "")),
    ),
    ToolOption("size", "Size", "slider", "Diameter of the brush ([ and ])", SMALLEST, LARGEST, "px", curve="log"),
    ToolOption("hardness", "Hardness", "slider", "How sharply the brush ends ({ and })", 0, 1, "%", 100),
    ToolOption("opacity", "Opacity", "slider", "How much one stroke covers", 0, 1, "%", 100),
    ToolOption("spacing", "Spacing", "slider", "From one dab to the next, as a part of the size", 0.02, 1, "%", 100),
    ToolOption("smooth", "Smooth path", "bool", "Draw a curve through the pointer's positions"),
    ToolOption(
        "pressure",
        "Pen pressure",
        "choice",
        "What pressing harder with a pen does",
        choices=(("none", "Nothing", ""), ("size", "Size", ""), ("opacity", "Opacity", ""), ("both", "Both", "")),
    ),
    ToolOption(
        "target",
        "Paint on",
        "choice",
        "The layer itself or its mask",
        choices=(("plane", "Layer", ""), ("mask", "Mask", "")),
    ),
    ToolOption(
        "ratio",
        "Ratio",
        "choice",
        "Width to height of what is kept",
        choices=(
            ("", "Free", ""),
            ("original", "As now", ""),
            ("1:1", "1 : 1", ""),
            ("3:2", "3 : 2", ""),
            ("4:3", "4 : 3", ""),
            ("16:9", "16 : 9", ""),
            ("2:3", "2 : 3", ""),
            ("3:4", "3 : 4", ""),
            ("9:16", "9 : 16", ""),
        ),
    ),
)


def option_named(name: str) -> ToolOption:
    """Raises KeyError for a name that is no option."""
    for option in TOOL_OPTIONS:
        if option.name == name:
            return option
    raise KeyError(name)


def kept(settings: ToolSettings) -> dict[str, float | int | bool | str]:
    """The options as a settings file keeps them. What is painted on does not outlive the document."""
    return {option.name: getattr(settings, option.name) for option in TOOL_OPTIONS if option.name != "target"}


def restore(settings: ToolSettings, values: Mapping[str, object]) -> None:
    """Set the options from `kept`; a value that an option cannot have is left alone."""
    for option in TOOL_OPTIONS:
        value, now = values.get(option.name), getattr(settings, option.name)
        if _fits(option, value, now):
            setattr(settings, option.name, type(now)(value))


def _fits(option: ToolOption, value: object, now: object) -> bool:
    if option.kind == "slider":
        if isinstance(value, bool) or not isinstance(value, int | float):
            return False
        return option.low <= value <= option.high
    if option.kind == "choice":
        return value in [choice for choice, _, _ in option.choices]
    return isinstance(value, bool) and isinstance(now, bool)
