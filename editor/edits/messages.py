"""What the message bar says about an edit."""

from __future__ import annotations

from editor.edits.values import Message

RESTART = ("Start again", "engine.restart")
CHOOSE = ("Choose a model", "model.choose")
KEYS = ("Try again", "edit.generate")

NO_INSTRUCTION = Message(
    "The instruction is empty: say what to change, for example \u201cmake it snow\u201d.",
    "info",
    (("Write one", "edit.focus_instruction"),),
)
NO_MODEL = Message("No model is chosen: choose one to edit with.", "error", (CHOOSE,))

_BUTTONS = {
    "EngineDied": (RESTART,),
    "PackageError": (CHOOSE,),
    "ProviderError": (CHOOSE,),
    "EngineMemoryError": (KEYS,),
}


def failure(text: str, kind: str) -> Message:
    """An error of the engine: its sentence, and the button that helps with this kind."""
    return Message(text, "error", _BUTTONS.get(kind, ()))


def notice(text: str) -> Message:
    """What the engine does otherwise than asked, while it goes on."""
    return Message(text, "warning")


def cancelled(done: int, wanted: int) -> Message:
    return Message(f"Cancelled; {done} of {wanted} variants are ready." if done else "Cancelled.", "info")


def other_model(name: str) -> Message:
    return Message(
        f"The model {name} has changed since this layer was made, so the result may differ from it.", "warning"
    )


def outside(pixels: int) -> Message:
    return Message(f"{pixels} pixels outside the selection changed, which should never happen.", "warning")
