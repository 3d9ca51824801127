"""What actions may ask of the window's view."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from editor.ui.document_view import DocumentView


class WindowScreen:
    """view: the tab that is shown. others: what is not about the canvas ("panels", "full_screen", "close" ...)."""

    def __init__(self, view: Callable[[], DocumentView | None], others: Mapping[str, Callable[[], object]]) -> None:
        self._view, self._others = view, others

    def do(self, what: str) -> None:
        """Raises KeyError for something that does not exist."""
        if what in self._others:
            self._others[what]()
            return
        view = self._view()
        if view is not None:
            _CANVAS[what](view)

    @property
    def tool_busy(self) -> bool:
        view = self._view()
        tool = view.canvas.tool if view is not None else None
        return tool is not None and tool.busy

    @property
    def centre(self) -> tuple[int, int]:
        view = self._view()
        if view is None:
            return 0, 0
        return round(view.canvas.view.x), round(view.canvas.view.y)


def _cancel_tool(view: DocumentView) -> None:
    if view.canvas.tool is not None:
        view.canvas.tool.cancel()
        view.canvas.refresh()


_CANVAS: dict[str, Callable[[DocumentView], object]] = {
    "zoom_in": lambda view: view.viewport.zoom_in(),
    "zoom_out": lambda view: view.viewport.zoom_out(),
    "fit": lambda view: view.viewport.fit(),
    "actual": lambda view: view.viewport.actual_size(),
    "cancel_tool": _cancel_tool,
}
