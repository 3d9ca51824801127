"""The Model menu: which model works, a second one beside it, and the way back."""

from __future__ import annotations

from dataclasses import replace

from editor.actions.action import Action
from editor.actions.desk import Desk
from editor.edits.session import EditSession
from editor.edits.settings import ModelFacts
from editor.edits.values import short_name
from inference.errors import EngineError


def _session(desk: Desk) -> EditSession | None:
    return desk.current.edit if desk.current is not None else None


def other_model(desk: Desk) -> str:
    """The model to try a variant with: the chosen one, the second one, the former one, or the first that is not its
    own; "" without a variant shown in place, or without another model."""
    session = _session(desk)
    if session is None or session.shown is None:
        return ""
    former = session.former[0].name if session.former is not None else ""
    also = session.also.name if session.also is not None else ""
    names = desk.models.names
    wished = (name for name in (session.model, also, former, *names) if name in names)
    return next((name for name in wished if name != session.shown.settings.model), "")


def can_try(desk: Desk) -> bool:
    session = _session(desk)
    return session is not None and session.running is None and bool(other_model(desk))


def try_other(desk: Desk, name: str = "") -> None:
    """Make the shown variant once more with another model, to stand beside it. name: "" for `other_model`."""
    session, generation = _session(desk), desk.generation
    if session is None or session.shown is None or generation is None:
        return
    try:
        other = desk.models.facts(name or other_model(desk))
    except EngineError as error:
        desk.say(str(error), "error")
        return
    generation.again_with(session.shown.id, other, _known(desk, session.shown.settings.model))


def choose_model(desk: Desk, name: str = "") -> None:
    """Every open document works with this model from now on; without a name, with the first that can be used."""
    names = (name,) if name else desk.models.names
    problem = "No model is there to choose: add one, and choose it among the dials."
    session = _session(desk)
    before = session.model if session is not None else ""
    for each in names:
        try:
            facts = desk.models.facts(each)
            desk.models.choose(each)
        except EngineError as error:
            problem = str(error)
            continue
        for opened in desk.documents:
            opened.edit.use(facts)
        desk.settings = replace(desk.settings, model=each)
        if not name or each != before:
            _say_chosen(desk)
        return
    desk.say(problem, "error")


def former_model(desk: Desk) -> str:
    """The model before the one that is chosen, or "" where it cannot be gone back to."""
    session = _session(desk)
    former = session.former[0].name if session is not None and session.former is not None else ""
    return former if former in desk.models.names else ""


def go_back(desk: Desk) -> None:
    """Every open document works with the former model again, with its dials as they stood."""
    try:
        facts = desk.models.facts(former_model(desk))
        desk.models.choose(facts.name)
    except EngineError as error:
        desk.say(str(error), "error")
        return
    for opened in desk.documents:
        opened.edit.go_back(facts)
    desk.settings = replace(desk.settings, model=facts.name)
    _say_chosen(desk)


def also(desk: Desk, name: str = "") -> None:
    """A second model makes the same variants from now on, in this document; "" ends that."""
    session = _session(desk)
    if session is None:
        return
    try:
        session.also = desk.models.facts(name) if name and name != session.model else None
    except EngineError as error:
        desk.say(str(error), "error")


def _say_chosen(desk: Desk) -> None:
    former = former_model(desk)
    back = ((f"Back to {short_name(former)}", "model.back"),) if former else ()
    session = _session(desk)
    name = session.model if session is not None else desk.settings.model
    desk.say(f"The model {name} is used from now on.", "info", *back)


def _known(desk: Desk, name: str) -> ModelFacts | None:
    try:
        return desk.models.facts(name)
    except EngineError:
        return None


ACTIONS: tuple[Action, ...] = (
    Action("variant.other_model", "Again with another model", try_other, (), "Model", 2, can_try, icon="columns-2"),
    Action("model.choose", "Choose a model", choose_model, palette=False),
    Action("model.also", "Compare with a model", also, palette=False),
    Action("model.back", "Go back to the former model", go_back, (), "Model", 4, lambda desk: bool(former_model(desk))),
)
