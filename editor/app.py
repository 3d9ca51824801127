"""The composition root of the window: makes everything and hands it on."""

from __future__ import annotations

import logging
import signal
import sys
import traceback
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import cast

from PySide6.QtCore import Qt, QTimer
from PySide6.QtWidgets import QApplication, QMessageBox

from editor.actions.desk import Desk, Ports
from editor.actions.ports import Dialogs
from editor.core import settings as store
from editor.core.errors import OutputNotWritable
from editor.core.formats import icc
from editor.core.formats.layered_format import StoredVariant
from editor.core.journal import Recovered, recovery_folder
from editor.core.paths import bundled_models, log_file, user_folder, user_models, user_pairs, user_runs
from editor.core.settings import Settings
from editor.core.thumbnails import document_thumbnail
from editor.edits.background import Job
from editor.edits.generate import Generation
from editor.edits.open_document import OpenDocument
from editor.edits.runner import EditRunner
from editor.edits.session import EditSession
from editor.edits.stale import StaleWatch
from editor.edits.stored import restored
from editor.edits.values import VariantItem
from editor.jobs.adding import Adding
from editor.jobs.background import Background
from editor.jobs.doctor import ProcessDoctor
from editor.jobs.edit_runner import ProcessEditRunner
from editor.jobs.importing import Importer
from editor.jobs.library import Library
from editor.jobs.pairs import PairsShelf
from editor.jobs.readying import Readying
from editor.jobs.recovery import Recovery
from editor.jobs.shelf import Shelf
from editor.jobs.trainer import Trainer
from editor.jobs.trainer_state import at_work, told
from editor.tools import TOOLS
from editor.tools.settings import kept, restore
from editor.ui import theme
from editor.ui.asking import WindowDialogs
from editor.ui.clipboard import SystemClipboard, image_of
from editor.ui.dialogs.about import AboutDialog, version
from editor.ui.dialogs.doctor import DoctorDialog
from editor.ui.dialogs.keys import KeysDialog
from editor.ui.dialogs.models import ModelsDialog
from editor.ui.dialogs.preferences import PreferencesDialog
from editor.ui.main_window import MainWindow
from editor.ui.palette import CommandPalette
from editor.ui.recent import SIDE, Thumbnails
from editor.ui.screen import WindowScreen
from editor.ui.training.page import TrainingPage
from inference.errors import EngineError

_LOG = logging.getLogger(__name__)
SAVE_SECONDS = 1.0
"""How long the settings have to rest before they are written."""
PREWARM_MS = 1500
"""How long after the window is there the model is loaded."""


class Program:
    """Everything that lives as long as the window.

    runner: None for the engine in its process. dialogs: None for those of the window. Tests give others.
    """

    def __init__(self, app: QApplication, runner: EditRunner | None = None, dialogs: Dialogs | None = None) -> None:
        self.app = app
        self._dialogs = dialogs
        self._saving: Job | None = None
        self.settings_file = store.settings_file()
        settings = store.load(self.settings_file)
        theme.apply(app, cast("theme.ThemeName", settings.theme), settings.font_scale)
        self.background = Background()
        self.library = Library(user_models(), bundled_models(), self._ready, settings.model)
        self.runner: EditRunner = runner or self._runner(settings)
        self.doctor = ProcessDoctor(
            user_models(), bundled_models(), self.library.folder, version("palimpsest"), settings.provider
        )
        self._doctor_page: DoctorDialog | None = None
        self.shelf = Shelf(self.library.store, self.background)
        ready = Readying(settings.provider)
        self.adding = Adding(lambda: Importer(self.library.store(), make_ready=ready))
        self._models_page: ModelsDialog | None = None
        self.pairs = PairsShelf(user_pairs())
        self.trainer = Trainer(user_runs(), user_pairs(), self.library.store)
        self._training_page: TrainingPage | None = None
        self._trained = self.trainer.state.phase
        self.recovery = Recovery(recovery_folder(), self.background, settings.recovery_seconds)
        self.thumbnails = Thumbnails(user_folder() / "thumbnails")
        self.stale = StaleWatch(self.background)
        self.desk = Desk(self._ports(settings), settings, self._session, self._generation)
        restore(self.desk.tools, settings.tools)
        tools = {tool.id: tool for tool in (make() for make in TOOLS)}
        self.window = MainWindow(self.desk, tools, self.stale, self.thumbnails.picture, icc.name)
        self._connect()

    def start(self, paths: Sequence[Path]) -> None:
        """Show the window, then open files, then do what can wait."""
        settings = self.desk.settings
        self.window.restore(settings.geometry, settings.layout)
        self.window.show()
        for path in paths:
            self.desk.files.open(path)
        self.recovery.watch(lambda: self.desk.documents)
        self.background.run(lambda progress: self.library.look(), lambda nothing: None, self._not_looked)
        QTimer.singleShot(0, lambda: self.recovery.find(self._recovered))
        QTimer.singleShot(PREWARM_MS, self._prewarm)

    def close(self) -> None:
        """A clean end."""
        self._save_settings()
        self.desk.close()
        self.recovery.close(discard=not self.desk.documents)  # what is still open was not closed by the user
        self.stale.close()
        self.adding.close()
        self.pairs.close()
        self.trainer.close()
        self.doctor.close()
        self.runner.close()
        self.background.close()

    def _runner(self, settings: Settings) -> EditRunner:
        limit = round(settings.memory_gigabytes * 1e9) or None
        return ProcessEditRunner(self.library.folder, settings.provider, limit, settings.rest_minutes * 60)

    def _ports(self, settings: Settings) -> Ports:
        pages: dict[str, Callable[..., object]]
        pages = {"preferences": self._preferences, "about": self._about, "keys": self._keys, "palette": self._palette}
        pages["doctor"] = self._show_doctor
        pages["models"] = self._show_models
        pages["training"] = self._show_training
        others = {
            "panels": lambda: self.window.toggle_panels(),
            "full_screen": lambda: self.window.toggle_full_screen(),
            "focus_instruction": lambda: self.window.bar.focus(),
            "rename_layer": lambda: self.window.layers.rename_active(),
            "close": lambda: self.window.close_now(),
        }
        dialogs = self._dialogs or WindowDialogs(lambda: self.window, pages, lambda: self.desk.settings.jpeg_quality)
        screen = WindowScreen(lambda: self.window.view, others)
        return Ports(dialogs, SystemClipboard(self.app.clipboard()), screen, self.background, self.library, self.pairs)

    def _connect(self) -> None:
        self.window.close_wanted.connect(lambda: self.window.commands.trigger("file.quit"))
        self.desk.changed.connect(self._desk_changed)
        self.adding.on("state", self._adding_changed)
        self.trainer.on("state", self._trainer_changed)
        self.app.aboutToQuit.connect(self.close)

    def _ready(self, model: str) -> None:
        self.runner.prewarm(model)

    def _not_looked(self, error: Exception) -> None:
        if not isinstance(error, EngineError):
            raise error  # a fault of the program: it goes where such faults are shown

    def _session(self) -> EditSession:
        settings = self.desk.settings
        session = EditSession(self.library.chosen(), settings.instructions)
        session.count = settings.variants
        session.full_res = settings.full_resolution
        session.variant_budget = settings.variants_megabytes << 20
        return session

    def _generation(self, opened: OpenDocument) -> Generation:
        return Generation(opened.edit, opened, self.runner, self.background, self.library.facts)

    def _desk_changed(self, name: str) -> None:
        if name == "settings":
            wanted = self.desk.settings.theme
            if theme.current().name != wanted:
                theme.apply(self.app, cast("theme.ThemeName", wanted))
            self._save_soon()
        elif name == "documents":
            self._keep_thumbnails()

    def _keep_thumbnails(self) -> None:
        for opened in self.desk.documents:
            path, document = opened.path, opened.document
            if path is not None and self.thumbnails.picture(path) is None:
                self.background.run(
                    lambda progress, document=document: document_thumbnail(document, SIDE),
                    lambda pixels, path=path: self.thumbnails.keep(path, image_of(pixels)),
                    lambda error: _LOG.warning("no thumbnail: %s", error),
                )

    def _prewarm(self) -> None:
        chosen = self.library.chosen()
        if chosen is None:
            self.desk.say(self.library.problem, "error")
        else:
            self.runner.prewarm(chosen.name)

    def _recovered(self, all: list[Recovered]) -> None:
        for recovered in all:
            opened = OpenDocument(recovered.history, recovered.path, recovered.title, self._session(), saved=False)
            self.recovery.adopt(opened, recovered)
            self.desk.add(opened)
            self._bring_back(opened, recovered.variants)
        if all:
            names = ", ".join(recovered.title for recovered in all)
            self.desk.say(f"Recovered after a crash, with its undo: {names}.")

    def _bring_back(self, opened: OpenDocument, variants: tuple[StoredVariant, ...]) -> None:
        """The variants of a document that came back; each has to be drawn first."""

        def show(items: tuple[VariantItem, ...]) -> None:
            opened.edit.variants = (*items, *opened.edit.variants)
            opened.variants_modified = bool(items) or opened.variants_modified

        document = opened.document
        self.background.run(lambda progress: restored(variants, document), show, _LOG.warning)

    def _save_soon(self) -> None:
        """Several changes in a row are written once; a crash then costs none of them."""
        if self._saving is not None:
            self._saving.cancel()
        self._saving = self.background.later(SAVE_SECONDS, self._save_settings)

    def _save_settings(self) -> None:
        window = self.window
        layout = {"geometry": window.geometry_text, "layout": window.layout_text}
        settings = replace(self.desk.settings, **layout, tools=kept(self.desk.tools))
        try:
            store.save(self.settings_file, settings)
        except OutputNotWritable as error:
            _LOG.warning("the settings were not saved: %s", error)

    def _preferences(self) -> None:
        dialog = PreferencesDialog(self.desk.settings, self.window)
        if dialog.exec():
            self.desk.settings = dialog.settings

    def _keys(self) -> None:
        dialog = KeysDialog(self.desk.settings.shortcuts, self.window)
        if dialog.exec():
            self.desk.settings = replace(self.desk.settings, shortcuts=dialog.result_keys)

    def _about(self) -> None:
        AboutDialog(self.window).exec()

    def _show_doctor(self) -> None:
        if self._doctor_page is None:
            self._doctor_page = DoctorDialog(self.doctor, lambda: self.desk.settings.model, log_file(), self.window)
        self._doctor_page.show()
        self._doctor_page.raise_()
        self._doctor_page.activateWindow()

    def _show_models(self, *sources: Path) -> None:
        if self._models_page is None:
            self._models_page = ModelsDialog(self.shelf, self.adding, self._model_in_use, self._use_model, self.window)
        self._models_page.open_with(sources)

    def _adding_changed(self) -> None:
        """What a hidden page would tell is said in the window."""
        state, page = self.adding.state, self._models_page
        if page is None or page.isVisible():
            return
        if state.phase == "done":
            self.desk.say(f"The model {state.name} was added.", "info", ("Show", "model.show"))
        elif state.error:
            self.desk.say(state.error, "error", ("Show", "model.show"))

    def _show_training(self) -> None:
        if self._training_page is None:
            self._training_page = TrainingPage(
                self.trainer, self.pairs, self.shelf, self.background, self._model_in_use, self._use_model, self.window
            )
        self._training_page.open_page()

    def _trainer_changed(self) -> None:
        """As for the models: what a hidden page would tell of the end of a piece of work."""
        state, page = self.trainer.state, self._training_page
        self.window.status.show_work(at_work(state))
        before, self._trained = self._trained, state.phase
        if page is None or page.isVisible() or before == state.phase:
            return
        text = told(state)
        if text:
            self.desk.say(text, "error" if state.error else "info", ("Show", "model.train"))

    def _model_in_use(self) -> str:
        chosen = self.library.chosen()
        return chosen.name if chosen is not None else ""

    def _use_model(self, name: str) -> None:
        self.window.commands.trigger("model.choose", name)

    def _palette(self) -> None:
        keys = self.desk.settings.shortcuts
        CommandPalette(self.desk, keys, self.window.commands.trigger, self.window).open_over(self.window)


def run(paths: Sequence[Path]) -> int:
    """Open the window and stay until it is closed. Returns the exit code."""
    # Every point of a stroke counts, not only the last one of each frame.
    QApplication.setAttribute(Qt.ApplicationAttribute.AA_CompressHighFrequencyEvents, False)
    app = QApplication(sys.argv[:1])
    app.setApplicationName("Palimpsest")
    app.setDesktopFileName("palimpsest")
    _log_to(log_file())
    program = Program(app)
    sys.excepthook = _Unexpected(program).show
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # Ctrl+C in the terminal ends it; what was not saved is recovered
    program.start(paths)
    return app.exec()


class _Unexpected:
    """An error that is nobody's fault but the program's: written down, and told in one dialog at a time."""

    def __init__(self, program: Program) -> None:
        self._program = program
        self._open = False

    def show(self, kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        text = "".join(traceback.format_exception(kind, error, trace))
        _LOG.error("unexpected: %s", text)
        if self._open:
            return
        self._open = True
        box = QMessageBox(self._program.window)
        box.setWindowTitle("Something went wrong")
        box.setText("Something went wrong that should not have. Your documents are still here.")
        box.setInformativeText(f"It was written to {log_file()}.")
        box.setDetailedText(text)
        box.exec()
        self._open = False


def _log_to(path: Path) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handler = logging.FileHandler(path, encoding="utf-8", delay=True)
    except OSError:
        return
    handler.setFormatter(logging.Formatter("%(asctime)s %(name)s %(levelname)s %(message)s"))
    logging.getLogger().addHandler(handler)
