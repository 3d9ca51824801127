"""The model menu: making edits, and what to do with their variants."""

from __future__ import annotations

from collections.abc import Callable

from editor.actions.action import Action, with_document
from editor.actions.desk import Desk
from editor.actions.pairs import use_variants, why_not_variant
from editor.core.settings import with_instruction
from editor.edits.session import EditSession
from editor.edits.values import in_order


def _session(desk: Desk) -> EditSession | None:
    return desk.current.edit if desk.current is not None else None


def can_generate(desk: Desk) -> bool:
    session = _session(desk)
    return session is not None and session.running is None and bool(session.instruction.strip())


def is_running(desk: Desk) -> bool:
    session = _session(desk)
    return session is not None and session.running is not None


def has_variants(desk: Desk) -> bool:
    session = _session(desk)
    return session is not None and bool(session.variants)


def has_choice(desk: Desk) -> bool:
    session = _session(desk)
    return session is not None and bool(session.picked)


def has_finished(desk: Desk) -> bool:
    session = _session(desk)
    return session is not None and bool(session.done)


def can_repeat(desk: Desk) -> bool:
    """A variant is shown in place, and no edit runs."""
    return has_choice(desk) and not is_running(desk)


def can_discard(desk: Desk) -> bool:
    session = _session(desk)
    return session is not None and any(session.variant(id) is not None for id in session.chosen)


def can_restore(desk: Desk) -> bool:
    return desk.discarded is not None and desk.discarded[0] is desk.current


def can_restart(desk: Desk) -> bool:
    """The engine does not run, or an edit failed: by now it may have been made ready again."""
    session = _session(desk)
    if session is None or session.running is not None:
        return False
    return session.engine in ("", "died") or any(item.state == "failed" for item in session.variants)


def generate(desk: Desk) -> None:
    """Start an edit, or, while one runs, cancel it: the button is the same."""
    if is_running(desk):
        cancel(desk)
    elif desk.generation is not None:
        desk.generation.start()
        _remember(desk)


def cancel(desk: Desk) -> None:
    if desk.generation is not None:
        desk.generation.cancel()


def escape(desk: Desk) -> None:
    """Leave the comparison first, then cancel the tool in hand, then the edit, then stop showing the variant."""
    session = _session(desk)
    if session is not None and session.compare:
        session.compare = ""
    elif desk.ports.screen.tool_busy:
        desk.ports.screen.do("cancel_tool")
    elif is_running(desk):
        cancel(desk)
    elif session is not None:
        session.chosen = ()


def keep(desk: Desk) -> None:
    """The variant shown in place becomes a layer."""
    session = _session(desk)
    if session is not None and session.shown is not None:
        _keep(desk, (session.shown.id,))


def keep_chosen(desk: Desk) -> None:
    """Every chosen variant becomes a layer; the one shown in place is the visible one."""
    session = _session(desk)
    if session is not None:
        _keep(desk, tuple(item.id for item in session.picked))


def _keep(desk: Desk, ids: tuple[str, ...]) -> None:
    if desk.generation is not None and ids and desk.generation.keep(ids):
        words = "The variant was kept as a layer." if len(ids) == 1 else f"{len(ids)} variants were kept as layers."
        desk.say(words, "info", ("Undo", "edit.undo"))


def discard(desk: Desk) -> None:
    session = _session(desk)
    if session is not None:
        _discard(desk, session.chosen)


def discard_all(desk: Desk) -> None:
    session = _session(desk)
    if session is not None:
        _discard(desk, tuple(item.id for item in session.variants))


def restore(desk: Desk) -> None:
    """Put the variants that were last discarded back into the strip."""
    if desk.discarded is not None and desk.discarded[0] is desk.current:
        opened, items = desk.discarded
        desk.discarded = None
        together = (*opened.edit.variants, *items)
        opened.edit.variants = in_order(together)
        opened.edit.choose(items[0].id)


def _discard(desk: Desk, ids: tuple[str, ...]) -> None:
    opened = desk.current
    if opened is None or not ids:
        return
    finished = tuple(item for item in opened.edit.done if item.id in ids)
    opened.edit.discard(*ids)
    if finished:
        desk.discarded = opened, finished
        opened.variants_modified = True
        words = "The variant was discarded." if len(finished) == 1 else f"{len(finished)} variants were discarded."
        desk.say(words, "info", ("Undo", "variant.restore"))


def rerun(desk: Desk) -> None:
    session = _session(desk)
    if desk.generation is not None and session is not None and session.shown is not None:
        desk.generation.again_variant(session.shown.id)


def nudge(desk: Desk) -> None:
    """Again with the same seed and a little more of the instruction."""
    session = _session(desk)
    if desk.generation is not None and session is not None and session.shown is not None:
        desk.generation.nudge(session.shown.id, text=1)


def copy_settings(desk: Desk) -> None:
    """Put the shown variant's instruction, dials and seed into the bar."""
    session = _session(desk)
    if desk.generation is not None and session is not None and session.shown is not None:
        desk.generation.copy_settings(session.shown.id)


def _step(by: int) -> Callable[[Desk], None]:
    def run(desk: Desk) -> None:
        session = _session(desk)
        if session is not None:
            session.step_choice(by)

    return run


def _compare(mode: str) -> Callable[[Desk], None]:
    def run(desk: Desk) -> None:
        session = _session(desk)
        if session is not None:
            session.compare = "" if session.compare == mode else mode

    return run


def _grid_of(cells: int) -> Callable[[Desk], None]:
    def run(desk: Desk) -> None:
        session = _session(desk)
        if session is not None:
            session.grid, session.compare = cells, "grid"

    return run


def _is_grid_of(cells: int) -> Callable[[Desk], bool]:
    def test(desk: Desk) -> bool:
        session = _session(desk)
        return session is not None and session.compare == "grid" and session.grid == cells

    return test


def difference(desk: Desk) -> None:
    """In the grid, a map of what each variant changed; elsewhere this opens the grid with it."""
    session = _session(desk)
    if session is not None:
        session.difference = session.compare != "grid" or not session.difference
        session.compare = "grid"


def leave(desk: Desk) -> None:
    session = _session(desk)
    if session is not None:
        session.compare = ""


def restart(desk: Desk) -> None:
    if desk.generation is not None:
        desk.generation.restart()


def focus(desk: Desk) -> None:
    desk.ports.screen.do("focus_instruction")


def _remember(desk: Desk) -> None:
    """What was really asked for, for other documents and the next time."""
    session = _session(desk)
    if session is not None and session.settings.instruction in session.own_instructions:
        desk.settings = with_instruction(desk.settings, session.instruction)
        for opened in desk.documents:
            opened.edit.own_instructions = desk.settings.instructions


ACTIONS: tuple[Action, ...] = (
    Action("edit.focus_instruction", "Say what to change", focus, ("/", "Ctrl+L"), "Model", 0, with_document),
    Action(
        "edit.generate",
        "Generate",
        generate,
        ("Ctrl+Return", "Ctrl+Enter"),
        "Model",
        0,
        lambda desk: can_generate(desk) or is_running(desk),
        icon="sparkles",
    ),
    Action("edit.cancel", "Cancel", cancel, (), "Model", 0, is_running, icon="circle-stop"),
    Action("edit.escape", "Leave or cancel", escape, ("Esc",), palette=False),
    Action("variant.keep", "Keep as a layer", keep, ("Ctrl+Shift+K",), "Model", 1, has_choice, icon="check"),
    Action("variant.keep_chosen", "Keep all chosen", keep_chosen, (), "Model", 1, has_choice),
    Action("variant.discard", "Discard variant", discard, (), "Model", 1, can_discard, icon="trash-2"),
    Action("variant.discard_all", "Discard all variants", discard_all, (), "Model", 1, has_variants),
    Action("variant.restore", "Bring discarded variants back", restore, (), "Model", 1, can_restore),
    Action("variant.next", "Next variant", _step(1), ("Ctrl+Right",), "Model", 2, has_finished),
    Action("variant.previous", "Previous variant", _step(-1), ("Ctrl+Left",), "Model", 2, has_finished),
    Action("variant.again", "Again with a new seed", rerun, (), "Model", 2, can_repeat, icon="refresh-cw"),
    Action("variant.nudge", "Again, a little stronger", nudge, (), "Model", 2, can_repeat, icon="sliders-horizontal"),
    Action("variant.copy_settings", "Use its settings", copy_settings, (), "Model", 2, has_choice, icon="copy"),
    Action(
        "variant.use_for_training",
        "Use variant for training",
        use_variants,
        (),
        "Model",
        2,
        lambda desk: not why_not_variant(desk),
        why=why_not_variant,
    ),
    Action(
        "compare.before", "Before and after", _compare("before"), ("\\", "Ctrl+B"), "View", 2, has_choice, icon="eye"
    ),
    Action("compare.split", "Split", _compare("split"), ("|", "Ctrl+Shift+B"), "View", 2, has_choice, icon="columns-2"),
    Action(
        "compare.grid", "Side by side", _compare("grid"), ("#", "Ctrl+Alt+G"), "View", 2, has_finished, icon="grid-2x2"
    ),
    *(
        Action(
            f"compare.grid_{cells}",
            f"Side by side, {cells} at a time",
            _grid_of(cells),
            (f"Ctrl+Alt+{cells}",),
            "View",
            2,
            has_finished,
            checked=_is_grid_of(cells),
        )
        for cells in (2, 4, 9)
    ),
    Action("compare.difference", "What changed", difference, ("Ctrl+Alt+D",), "View", 2, has_finished, icon="flame"),
    Action("compare.leave", "Leave the comparison", leave, (), palette=False),
    Action("engine.restart", "Start the model again", restart, (), "Model", 3, can_restart, icon="play"),
)
