"""Everything a user can invoke. To add an action: one entry in the list of its menu."""

from __future__ import annotations

from editor.actions import compare_models, edit, file, help, image, layer, model, select, variant, view
from editor.actions.action import Action

MENUS = ("File", "Edit", "Image", "Layer", "Select", "View", "Model", "Help")

ACTIONS: tuple[Action, ...] = (
    *file.ACTIONS,
    *edit.ACTIONS,
    *image.ACTIONS,
    *layer.ACTIONS,
    *select.ACTIONS,
    *view.ACTIONS,
    *variant.ACTIONS,
    *compare_models.ACTIONS,
    *model.ACTIONS,
    *help.ACTIONS,
)


def action_named(id: str) -> Action:
    """Raises KeyError for an unknown id."""
    for action in ACTIONS:
        if action.id == id:
            return action
    raise KeyError(id)
