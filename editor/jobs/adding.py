"""A model on its way in, for the window: looked at and imported in processes, told of on the window's thread."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from editor.core.errors import PalimpsestError
from editor.core.observe import Observed
from editor.jobs.background import Post
from editor.jobs.importing import INSTALL, Found, Importer, Lora, Wishes, missing_training
from editor.jobs.stages import in_words
from inference.errors import Cancelled, EngineError
from inference.import_report import ImportReport, read_report
from inference.package import ModelPackage
from inference.types import CancelToken

Phase = Literal["idle", "looking", "found", "working", "failed", "done"]
Work = Callable[[CancelToken], Callable[[], None]]
"""Done in a thread; what it returns is called on the window's."""

INTERVAL = 0.1
"""Seconds between two tellings of progress."""


@dataclass(frozen=True)
class AddingState:
    """Where it is.

    source: what was dropped or chosen last. found: the model that would be added, None while only a LoRA is there.
    lora: the LoRA that would be merged into it. free: bytes of free disk. stage: in words. fraction: less than 0 where
    it cannot be told. error: one sentence.
    install: the command that installs what the import lacks, or "". name, report: of the model that was added.
    """

    phase: Phase = "idle"
    source: Path | None = None
    found: Found | None = None
    lora: Found | None = None
    free: int = 0
    stage: str = ""
    fraction: float = 0.0
    error: str = ""
    install: str = ""
    name: str = ""
    report: ImportReport | None = None

    @property
    def busy(self) -> bool:
        return self.phase in ("looking", "working")

    @property
    def can_start(self) -> bool:
        """True where nothing but the user's word is missing."""
        return self.phase == "found" and self.found is not None and not self.found.problem and not self.install


class Adding(Observed):
    """One model at a time; `state` is replaced at each step. Make it, and call it, on the thread of the window.

    importer: made anew for each model. missing: whether the training packages are missing.
    """

    def __init__(self, importer: Callable[[], Importer], missing: Callable[[], bool] = missing_training) -> None:
        super().__init__()
        self.state = AddingState()
        self._importer, self._missing = importer, missing
        self._post = Post()
        self._cancel = CancelToken()
        self._thread: threading.Thread | None = None
        self._closed = False

    def look(self, source: Path) -> None:
        """See what is there. A LoRA waits for its model, and joins a model that waits; a model joins a LoRA."""
        if self.state.busy or self._closed:
            return
        before = self.state if self.state.phase == "found" else AddingState()
        self.state = replace(before, phase="looking", source=source, error="", install="", stage="Looking at the model")
        self._run(lambda cancel: self._looked(source, before, cancel), before)

    def start(self, wishes: Wishes, weight: float = 1.0) -> None:
        """Import what was found. weight: of the LoRA, from 0 to 2."""
        state = self.state
        if not state.can_start or state.found is None or self._closed:
            return
        if state.lora is not None:
            wishes = replace(wishes, loras=(Lora(state.lora.source, weight), *wishes.loras))
        found = state.found
        self.state = replace(state, phase="working", stage="Starting", fraction=0.0, error="")
        self._run(lambda cancel: self._added(found, wishes, cancel), replace(state, error=""))

    def cancel(self) -> None:
        """Stop; what was found stays."""
        # A stopper may wait for a pipe: not on the thread of the window.
        threading.Thread(target=self._cancel.cancel, daemon=True).start()
        if self.state.phase == "working":
            self.state = replace(self.state, stage="Cancelling")

    def forget(self) -> None:
        """Ready for another one."""
        if not self.state.busy:
            self.state = AddingState()

    def close(self, seconds: float = 10.0) -> None:
        """Cancel, and wait until nothing is left of it. Nothing is told afterwards."""
        self._closed = True
        self._cancel.cancel()
        if self._thread is not None:
            self._thread.join(seconds)

    def _run(self, work: Work, otherwise: AddingState) -> None:
        """otherwise: the state to go back to where the work fails or is cancelled."""
        self._cancel = CancelToken()
        self._thread = threading.Thread(
            target=self._work, args=(work, otherwise, self._cancel), name="adding", daemon=True
        )
        self._thread.start()

    # What follows runs in the thread of the work, up to what it posts.

    def _work(self, work: Work, otherwise: AddingState, cancel: CancelToken) -> None:
        try:
            show = work(cancel)
        except Cancelled:
            self._tell(lambda: self._back(otherwise, ""))
        except (EngineError, PalimpsestError) as error:
            sentence = str(error)
            self._tell(lambda: self._back(otherwise, sentence))
        except Exception as error:
            failure = error
            self._tell(lambda: self._broken(failure, otherwise))
        else:
            self._tell(show)

    def _looked(self, source: Path, before: AddingState, cancel: CancelToken) -> Callable[[], None]:
        importer = self._importer()
        found = importer.look(source, cancel)
        free = importer.store.free_bytes
        missing = self._missing()
        return lambda: self._found(found, before, free, missing)

    def _added(self, found: Found, wishes: Wishes, cancel: CancelToken) -> Callable[[], None]:
        importer = self._importer()
        package = importer.add(found, wishes, self._progress(), cancel)
        importer.store.list()  # opened here, it need not be on the thread of the window
        report = read_report(package.folder)
        return lambda: self._done(package, report)

    def _progress(self) -> Callable[[str, float], None]:
        last = ("", 0.0)

        def show(stage: str, share: float) -> None:
            nonlocal last
            now = time.monotonic()
            if stage != last[0] or now - last[1] >= INTERVAL:
                last = (stage, now)
                self._tell(lambda: self._advance(in_words(stage), share))

        return show

    def _tell(self, call: Callable[[], None]) -> None:
        self._post(lambda: None if self._closed else call())

    # On the thread of the window again.

    def _found(self, found: Found, before: AddingState, free: int, missing: bool) -> None:
        model, lora = (before.found, found) if found.kind == "lora" else (found, before.lora)
        needs = model is not None and (model.needs_train or (lora is not None and model.kind != "package"))
        state = AddingState("found", found.source, model, lora, free, install=INSTALL if needs and missing else "")
        self.state = replace(state, error=_problem(state))

    def _advance(self, stage: str, share: float) -> None:
        if self.state.phase == "working" and not self._cancel.cancelled:
            self.state = replace(self.state, stage=stage, fraction=share)

    def _done(self, package: ModelPackage, report: ImportReport | None) -> None:
        self.state = AddingState("done", self.state.source, name=package.name, report=report)

    def _back(self, otherwise: AddingState, sentence: str) -> None:
        state = replace(otherwise, error=sentence)
        if state.phase == "idle" and sentence:
            state = replace(state, phase="failed", source=self.state.source)
        self.state = state

    def _broken(self, error: Exception, otherwise: AddingState) -> None:
        self._back(otherwise, "")
        raise error  # a fault of the program: it goes where such faults are shown


def _problem(state: AddingState) -> str:
    """Why what was found cannot be added, as a sentence; "" where it can."""
    for found in (state.lora, state.found):
        if found is not None and found.problem and found.kind != "lora":
            return found.problem
    if state.lora is not None and state.found is not None and state.found.kind == "package":
        return (
            "A LoRA is merged while a model is converted, so it needs the model's source folder, not a finished model."
        )
    return ""
