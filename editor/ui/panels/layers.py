"""The layers panel: opacity and mode above the list, buttons below it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from PySide6.QtCore import QItemSelectionModel, QModelIndex, QPoint, Qt, Signal
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QMenu, QStackedLayout, QVBoxLayout, QWidget

from editor.core.blend import BLENDS
from editor.core.changes.change import Change
from editor.core.changes.set_property import SetProperty
from editor.core.document import Document
from editor.core.layer import GroupLayer, Layer, RasterLayer
from editor.edits.open_document import OpenDocument
from editor.edits.pairs import why_not_layer
from editor.tools.settings import ToolSettings
from editor.ui import theme
from editor.ui.panels.layers_model import LayersModel
from editor.ui.panels.layers_row import THUMB, LayerRow
from editor.ui.panels.layers_thumbnails import Thumbnails
from editor.ui.panels.layers_view import LayersView
from editor.ui.widgets.icon_button import IconButton
from editor.ui.widgets.labels import empty_state, line
from editor.ui.widgets.number_slider import NumberSlider

Trigger = Callable[..., object]
Do = Callable[[Change], object]

GROUPS: tuple[tuple[str, ...], ...] = (
    ("normal", "atop"),
    ("darken", "multiply", "color-burn"),
    ("lighten", "screen", "color-dodge", "plus"),
    ("overlay", "soft-light", "hard-light"),
    ("difference", "exclusion"),
    ("hue", "saturation", "color", "luminosity"),
)
"""How the modes stand together: normal, darker, lighter, contrast, inversion, components."""
PASS_THROUGH = "pass-through"
"""The mode of a group whose layers blend with what lies below the group."""

BUTTONS: tuple[tuple[str, str, str, str], ...] = (
    ("layer.new", "square-plus", "New layer", "Ctrl+Shift+N"),
    ("layer.group", "folder-plus", "Group", "Ctrl+G"),
    ("layer.mask_from_selection", "circle-dashed", "Mask from selection", ""),
    ("layer.edit_again", "sparkles", "Edit again", ""),
    ("layer.duplicate", "copy", "Duplicate", "Ctrl+J"),
    ("layer.delete", "trash-2", "Delete", "Delete"),
)
MENU: tuple[tuple[str, str], ...] = (
    ("layer.rename", "Rename"),
    ("layer.duplicate", "Duplicate"),
    ("layer.delete", "Delete"),
    ("", ""),
    ("layer.up", "Move up"),
    ("layer.down", "Move down"),
    ("layer.group", "Group"),
    ("layer.ungroup", "Ungroup"),
    ("layer.merge_down", "Merge down"),
    ("", ""),
    ("layer.mask_from_selection", "Mask from selection"),
    ("layer.apply_mask", "Apply mask"),
    ("layer.remove_mask", "Remove mask"),
    ("", ""),
    ("layer.hide", "Hide or show"),
    ("layer.lock", "Lock or unlock"),
    ("layer.edit_again", "Edit again"),
    ("layer.use_for_training", "Use for training..."),
)


class LayersPanel(QWidget):
    """do: carries out a change and tells the user where it is refused. trigger: runs the action of an id.

    stale: whether what lies below the edit layer of this id has changed since; asked only while painting, so it must
    be quick. `selection_changed`: other layers are chosen.
    """

    selection_changed = Signal()

    def __init__(
        self,
        do: Do,
        trigger: Trigger,
        settings: ToolSettings,
        stale: Callable[[str], bool] = lambda _: False,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._open: OpenDocument | None = None
        self._end: Callable[[], object] = lambda: None
        self._do, self._trigger, self._settings = do, trigger, settings
        self._collapsed: set[str] = set()
        self._following = False
        self._choosing = False
        self.model = LayersModel(self._change, self)
        self.view = LayersView(self.model, self._change, self)
        self._thumbnails = Thumbnails(self.model.refresh, THUMB, self)
        self.view.setItemDelegate(LayerRow(self.model, self._thumbnails, stale, self._on_mask, self.view))
        self.opacity = NumberSlider("Opacity", 0, 1, unit="%", factor=100, parent=self)
        self.mode = _mode_combo(self)
        self.buttons = {id: IconButton(icon, title, key, parent=self) for id, icon, title, key in BUTTONS}
        self._lay_out()
        self._connect()
        self._follow()

    def show_document(self, opened: OpenDocument | None) -> None:
        """Switch to another tab, or to none."""
        self._end()
        self._open = opened
        self._collapsed.clear()
        self._end = opened.history.changed.connect(self._moved) if opened else lambda: None
        self._follow()

    def selected_layers(self) -> tuple[str, ...]:
        """The ids of the chosen layers, the lowest first."""
        return self.view.selected()

    def rename_active(self) -> None:
        """Open the field for the active layer's name in place."""
        if self._document is not None and self._document.active:
            self.view.rename(self._document.active)

    def refresh_stale(self) -> None:
        """`stale` may answer otherwise now."""
        self.view.viewport().update()

    @property
    def _document(self) -> Document | None:
        return self._open.document if self._open else None

    @property
    def _active(self) -> Layer | None:
        return self._document.active_layer if self._document else None

    def _lay_out(self) -> None:
        top = QVBoxLayout()
        top.setContentsMargins(8, 8, 8, 8)
        top.setSpacing(4)
        top.addWidget(self.mode)
        top.addWidget(self.opacity)
        row = QHBoxLayout()
        row.setContentsMargins(4, 4, 4, 4)
        row.setSpacing(4)
        for button in self.buttons.values():
            row.addWidget(button)
            if button is self.buttons["layer.edit_again"]:
                row.addStretch(1)
        middle = QWidget(self)
        self._pages = QStackedLayout(middle)
        self._empty = empty_state("", middle)
        self._pages.addWidget(self.view)
        self._pages.addWidget(self._empty)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addLayout(top)
        column.addWidget(line(parent=self))
        column.addWidget(middle, 1)
        column.addWidget(line(parent=self))
        column.addLayout(row)
        self.setMinimumWidth(30 * theme.GRID)

    def _connect(self) -> None:
        self.opacity.valueChanged.connect(self._set_opacity)
        self.opacity.released.connect(self._seal)
        self.mode.activated.connect(self._set_mode)
        self.view.selectionModel().currentChanged.connect(self._activate)
        self.view.selectionModel().selectionChanged.connect(self._chosen)
        self.view.thumbnail_clicked.connect(self._target)
        self.view.delete_pressed.connect(lambda: self._run("layer.delete"))
        self.view.collapsed.connect(self._collapse)
        self.view.expanded.connect(self._expand)
        self.view.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.view.customContextMenuRequested.connect(self._menu)
        for id, button in self.buttons.items():
            button.clicked.connect(lambda _=False, id=id: self._run(id))
        end = self._settings.on("target", lambda: self.view.viewport().update())
        self.destroyed.connect(lambda: (end(), self._end()))

    def _run(self, action: str) -> None:
        if action == "layer.rename":
            self.rename_active()
        else:
            self._trigger(action)

    def _change(self, change: Change) -> None:
        if self._open is not None:
            self._do(change)

    def _moved(self, before: Document, after: Document) -> None:
        self._follow()

    def _follow(self) -> None:
        """Show the document as it is now."""
        document = self._document
        self._following = True
        self._thumbnails.show(document, self.devicePixelRatioF())
        chosen = self.view.selected()
        if self.model.show(document):
            self._unfold(chosen)
        if not self._choosing:
            self._choose_active()
        self._following = False
        self._show_active()
        empty = "No document" if document is None else "No layers"
        self._empty.setText(empty)
        self._pages.setCurrentIndex(0 if document is not None and document.layers else 1)

    def _unfold(self, chosen: tuple[str, ...]) -> None:
        """After a reset: open the groups that were open, and choose again what was chosen."""
        self.view.expandAll()
        selection = self.view.selectionModel()
        flags = QItemSelectionModel.SelectionFlag.Select | QItemSelectionModel.SelectionFlag.Rows
        for id in self._collapsed & set(self.model.ids()):
            self.view.collapse(self.model.at(id, 0))
        for id in chosen:
            if self.model.at(id).isValid():
                selection.select(self.model.at(id), flags)

    def _choose_active(self) -> None:
        active, selection = self._active, self.view.selectionModel()
        if active is None:
            selection.clear()
            return
        index = self.model.at(active.id)
        if selection.isRowSelected(index.row(), index.parent()) and selection.currentIndex() == index:
            return
        selection.setCurrentIndex(index, QItemSelectionModel.SelectionFlag.NoUpdate)
        if not selection.isRowSelected(index.row(), index.parent()):
            flags = QItemSelectionModel.SelectionFlag.ClearAndSelect | QItemSelectionModel.SelectionFlag.Rows
            selection.select(index, flags)
            self.view.scrollTo(index)

    def _show_active(self) -> None:
        layer = self._active
        for widget in (self.opacity, self.mode):
            widget.setEnabled(layer is not None and not layer.locked)
        for id, button in self.buttons.items():
            button.setEnabled(self._open is not None and (layer is not None or id == "layer.new"))
        edited = isinstance(layer, RasterLayer) and layer.recipe is not None
        self.buttons["layer.edit_again"].setEnabled(edited)
        blocked = self.opacity.blockSignals(True)
        self.opacity.setValue(layer.opacity if layer else 1.0)
        self.opacity.blockSignals(blocked)
        _offer_pass_through(self.mode, isinstance(layer, GroupLayer))
        self.mode.setCurrentIndex(self.mode.findData(_mode_of(layer)))

    def _chosen(self) -> None:
        self.selection_changed.emit()

    def _activate(self, index: QModelIndex) -> None:
        layer = self.model.layer(index)
        if self._following or self._open is None or layer is None or layer.id == self._open.document.active:
            return
        self._settings.target = "plane"
        self._choosing = True  # the list is about to choose by itself, with Ctrl and Shift as they are
        self._open.history.look(replace(self._open.document, active=layer.id))
        self._choosing = False

    def _target(self, id: str, mask: bool) -> None:
        self._settings.target = "mask" if mask else "plane"

    def _on_mask(self, id: str) -> bool:
        return self._settings.target == "mask" and self._document is not None and self._document.active == id

    def _set_opacity(self, value: float) -> None:
        if self._active is not None:
            self._change(SetProperty(self._active.id, "opacity", value))
            self._show_active()

    def _seal(self) -> None:
        if self._open is not None:
            self._open.history.seal()

    def _set_mode(self) -> None:
        layer, mode = self._active, self.mode.currentData()
        if layer is None or mode is None:
            return
        if isinstance(layer, GroupLayer) and (mode == PASS_THROUGH) != layer.pass_through:
            self._change(SetProperty(layer.id, "pass_through", mode == PASS_THROUGH))
        if mode != PASS_THROUGH and mode != layer.blend:
            self._change(SetProperty(layer.id, "blend", str(mode)))
        self._show_active()

    def _collapse(self, index: QModelIndex) -> None:
        layer = self.model.layer(index)
        if layer is not None and not self._following:
            self._collapsed.add(layer.id)

    def _expand(self, index: QModelIndex) -> None:
        layer = self.model.layer(index)
        if layer is not None and not self._following:
            self._collapsed.discard(layer.id)

    def _menu(self, point: QPoint) -> None:
        if self._active is None:
            return
        menu = self.context_menu()
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        menu.popup(self.view.viewport().mapToGlobal(point))

    def context_menu(self) -> QMenu:
        """The actions on layers; those that the active layer does not allow are greyed."""
        menu, layer, why = QMenu(self), self._active, why_not_layer(self._document)
        menu.setToolTipsVisible(True)
        possible = {
            "layer.ungroup": isinstance(layer, GroupLayer),
            "layer.apply_mask": layer is not None and layer.mask is not None,
            "layer.remove_mask": layer is not None and layer.mask is not None,
            "layer.edit_again": isinstance(layer, RasterLayer) and layer.recipe is not None,
            "layer.use_for_training": not why,
        }
        for id, title in MENU:
            if not id:
                menu.addSeparator()
                continue
            action = menu.addAction(title)
            action.setData(id)
            if id == "layer.use_for_training":
                action.setToolTip(why)
                action.setText(title.removesuffix("...") if possible["layer.edit_again"] else title)
            action.setEnabled(possible.get(id, True))
            action.triggered.connect(lambda _=False, id=id: self._run(id))
        return menu


def _mode_combo(parent: QWidget) -> QComboBox:
    combo = QComboBox(parent)
    combo.setAccessibleName("Blend mode")
    combo.setToolTip("Blend mode: how the layer mixes with what lies below")
    combo.setMaxVisibleItems(30)
    titles = {blend.name: blend.title for blend in BLENDS}
    for number, group in enumerate(GROUPS):
        if number:
            combo.insertSeparator(combo.count())
        for name in group:
            combo.addItem(titles[name], name)
    return combo


def _offer_pass_through(combo: QComboBox, offered: bool) -> None:
    at = combo.findData(PASS_THROUGH)
    if offered and at < 0:
        combo.insertItem(0, "Pass through", PASS_THROUGH)
    elif not offered and at >= 0:
        combo.removeItem(at)


def _mode_of(layer: Layer | None) -> str:
    if isinstance(layer, GroupLayer) and layer.pass_through:
        return PASS_THROUGH
    return layer.blend if layer else "normal"
