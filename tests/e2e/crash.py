"""The program killed while one works in it. `python -m tests.e2e.crash SCENE FOLDER` on an X server; the scenes play
several programs, each a process of its own, and print "done" in the end."""

from __future__ import annotations

import hashlib
import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from PySide6.QtWidgets import QApplication

from editor.app import Program
from editor.core.compositor import composite
from editor.core.document import walk
from editor.core.formats.opening import open_document
from editor.core.history import History
from editor.core.paths import sample_photo
from editor.edits.open_document import OpenDocument
from editor.jobs.edit_runner import InlineEditRunner
from inference.compose import composite as outside_kept
from inference.types import CancelToken, EditRequest, Event, Variant
from tests.e2e.hand import Answers, Hand

PATIENCE = 60.0
KILLED, ENDED, NOTHING_THERE = range(3)
"""What becomes of a program that looks for what came back."""


class QuickEngine:
    """The negative, at once."""

    def edit(self, request: EditRequest, cancel: CancelToken) -> Iterator[Event]:
        for index, seed in enumerate(request.seeds):
            image = outside_kept(request.image, 255 - request.image, request.mask)
            yield Variant(index, seed, image, 0.1, 1.0, 0)


class QuickHand(Hand):
    def __init__(self, app: QApplication) -> None:
        self.app, self.shots, self.answers = app, None, Answers()
        self.program = Program(app, InlineEditRunner(QuickEngine()), self.answers)
        self.window = self.program.window
        self.do = self.window.commands.trigger

    def record(self) -> None:
        """Have the state of everything on the disk."""
        self.wait(lambda: not self.program.recovery._busy)
        self.program.recovery.look()
        self.wait(lambda: not self.program.recovery._busy)


def fingerprint(history: History) -> str:
    """Of how every step looks, what it is called, and which one is shown."""
    digest = hashlib.sha256(str(history.current.id).encode())
    for step in history.steps():
        parent = step.parent.id if step.parent is not None else -1
        names = [(layer.name, layer.opacity, layer.visible) for layer in walk(step.document)]
        digest.update(f"{step.id} {parent} {step.label} {names}".encode())
        digest.update(composite(step.document, step.document.rect).tobytes())
    return digest.hexdigest()[:16]


def say(*words: object) -> None:
    print(*words, flush=True)


# -- what the programs do


def work(hand: QuickHand, folder: Path, seed: int) -> None:
    """Paint, add, edit and undo in two documents until somebody ends it. Says every state as soon as it is there."""
    hand.start()
    hand.do("file.new")
    photo = folder / "photo.jpg"
    photo.write_bytes(sample_photo().read_bytes())
    hand.do("file.open", photo)
    hand.wait(lambda: len(hand.program.desk.documents) == 2)
    chance = random.Random(seed)
    for number, opened in enumerate(hand.program.desk.documents):
        opened.on("document", lambda opened=opened, number=number: say("state", number, fingerprint(opened.history)))
    while True:
        for number, opened in enumerate(hand.program.desk.documents):
            hand.program.desk.show(opened)
            hand.wait(lambda: hand.canvas.settled)
            for _ in range(chance.randint(1, 3)):
                something(hand, opened, chance)
            say("state", number, fingerprint(opened.history))
        hand.record()
        for number in range(2):
            say("recorded", number)


def something(hand: QuickHand, opened: OpenDocument, chance: random.Random) -> None:
    kind = chance.randrange(8)
    width, height = opened.document.width, opened.document.height
    if kind < 3 or not opened.modified:
        hand.canvas.setFocus()
        hand.key("B")
        hand.drag(*((chance.uniform(0.1, 0.9) * width, chance.uniform(0.1, 0.9) * height) for _ in range(2)))
    elif kind == 3:
        hand.do("layer.new")
    elif kind == 4 and len(opened.document.layers) < 5:
        opened.edit.instruction, opened.edit.count = "make it a negative", 1
        hand.do("edit.generate")
        hand.wait(lambda: opened.edit.done and opened.edit.running is None)
        hand.do("variant.keep")
    elif kind == 5:
        hand.do("layer.duplicate")
    elif opened.history.current.parent is not opened.history.root:
        hand.do("edit.undo")


def back(hand: QuickHand, folder: Path, seed: int) -> None:
    """See what came back, walk through all of it, and say so."""
    hand.start()
    if seed == NOTHING_THERE:
        hand.rest(1.0)
    else:
        hand.wait(lambda: hand.program.desk.documents)
    hand.rest(0.3)
    for opened in hand.program.desk.documents:
        message = opened.edit.message.text if opened.edit.message is not None else ""
        say("found", opened.title, opened.modified, fingerprint(opened.history), message.replace("\n", "\\n"))
        shown = fingerprint(opened.history)
        here = opened.history.current.id
        for step in list(opened.history.steps()):
            opened.history.go(step.id)
            hand.rest(0.01)
        opened.history.go(here)
        assert fingerprint(opened.history) == shown
    say("end")
    if seed == ENDED:
        hand.do("file.quit")
        hand.rest(0.3)
        hand.program.close()
        return
    while True:
        hand.record()
        hand.rest(0.2)


def save(hand: QuickHand, folder: Path, seed: int) -> None:
    """Paint and save, over and over."""
    project = folder / "project.ora"
    hand.start()
    hand.do("file.open", sample_photo())
    hand.wait(lambda: hand.program.desk.current)
    hand.answers.saves = project
    chance = random.Random(seed)
    while True:
        hand.canvas.setFocus()
        hand.key("B")
        hand.drag(
            (chance.uniform(50, 400), chance.uniform(50, 300)), (chance.uniform(50, 400), chance.uniform(50, 300))
        )
        document = hand.document.document
        say("state", 0, hashlib.sha256(composite(document, document.rect).tobytes()).hexdigest()[:16])
        hand.do("file.save_as")
        hand.wait(lambda: not hand.document.modified)
        say("recorded", 0)


PARTS: dict[str, Callable[[QuickHand, Path, int], None]] = {"work": work, "back": back, "save": save}


def part(name: str, folder: Path, seed: int) -> None:
    app = QApplication(["palimpsest"])
    hand = QuickHand(app)
    PARTS[name](hand, folder, seed)


# -- the scenes


class Player:
    """A running program, and what it said."""

    def __init__(self, name: str, folder: Path, seed: int) -> None:
        folder.joinpath("home").mkdir(parents=True, exist_ok=True)
        (folder / "home" / "settings.json").write_text(json.dumps({"recovery_seconds": 5}))
        environment = os.environ | {"PALIMPSEST_HOME": str(folder / "home"), "OMP_NUM_THREADS": "1"}
        command = [sys.executable, "-W", "error", "-m", "tests.e2e.crash", name, str(folder), str(seed)]
        self.process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)
        self.lines: list[list[str]] = []

    def until(self, word: str, count: int = 1) -> None:
        """Listen until it has said this so often."""
        assert self.process.stdout is not None
        while sum(line[0] == word for line in self.lines) < count:
            line = self.process.stdout.readline()
            assert line, f"it ended before it said {word!r}: {self.lines[-5:]}"
            self.lines.append(line.split())

    def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        assert self.process.stdout is not None
        rest = self.process.stdout.read()
        self.lines += [line.split() for line in rest.splitlines(keepends=True) if line.endswith("\n")]
        self.process.wait()
        self.process.stdout.close()

    def states(self, number: int) -> list[str]:
        """Those that may come back: the last that was recorded, and all after it."""
        mine = [line for line in self.lines if line[0] in ("state", "recorded") and line[1] == str(number)]
        last = max((place for place, line in enumerate(mine) if line[0] == "recorded"), default=0)
        before = [line[2] for line in mine[:last] if line[0] == "state"][-1:]
        return before + [line[2] for line in mine[last:] if line[0] == "state"]

    @property
    def found(self) -> dict[str, str]:
        return {line[1]: line[3] for line in self.lines if line[0] == "found"}


def looked(folder: Path, seed: int = ENDED) -> Player:
    """A start after a crash, once it has looked."""
    program = Player("back", folder, seed)
    program.until("end")
    if seed == ENDED:
        assert program.process.wait(PATIENCE) == 0
        program.kill()
    return program


def check(work: Player, back: Player) -> None:
    assert set(back.found) == {"Untitled", "photo.jpg"}, back.lines
    assert back.found["Untitled"] in work.states(0), (back.found, work.lines)
    assert back.found["photo.jpg"] in work.states(1), (back.found, work.lines)
    told = [" ".join(line[4:]) for line in back.lines if line[0] == "found" and len(line) > 4]
    assert len(told) == 1 and told[0].startswith("Recovered after a crash, with its undo: "), told


def killed_at_work(folder: Path) -> None:
    """Two documents come back as they were recorded, with their undo; a proper end leaves nothing to recover."""
    for seed in range(3):
        home = folder / str(seed)
        work = Player("work", home, seed)
        work.until("recorded", 2 + 2 * seed)
        time.sleep(random.Random(seed).uniform(0, 1.5))
        work.kill()
        check(work, looked(home))
        assert not list((home / "home" / "recovery").iterdir())
    again = looked(folder / "0", NOTHING_THERE)
    assert not again.found
    again.kill()


def killed_at_recovery(folder: Path) -> None:
    """Killed again and again while it recovers, nothing is lost."""
    work = Player("work", folder, 5)
    work.until("recorded", 2)
    work.kill()
    for wait in (0.0, 0.3, 0.8, 1.3, 1.8):
        start = Player("back", folder, KILLED)
        time.sleep(0.6 + wait)
        start.kill()
    check(work, looked(folder))


def killed_at_saving(folder: Path) -> None:
    """The file is whole, and one of the states that were saved."""
    for seed in range(3):
        saving = Player("save", folder, seed)
        saving.until("recorded", 2)
        time.sleep(random.Random(seed).uniform(0, 0.6))
        saving.kill()
        document = open_document(folder / "project.ora").document
        shown = hashlib.sha256(composite(document, document.rect).tobytes()).hexdigest()[:16]
        assert shown in saving.states(0), (shown, saving.lines)


def two_programs(folder: Path) -> None:
    """A second program leaves the records of a running one alone; they come back once that was killed."""
    work = Player("work", folder, 8)
    work.until("recorded", 2)
    second = looked(folder, NOTHING_THERE)
    assert not second.found
    work.until("recorded", 4)
    work.kill()
    check(work, looked(folder))
    second.kill()


SCENES = {scene.__name__: scene for scene in (killed_at_work, killed_at_recovery, killed_at_saving, two_programs)}


if __name__ == "__main__":
    if sys.argv[1] in SCENES:
        SCENES[sys.argv[1]](Path(sys.argv[2]))
        print("done")
    else:
        part(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]))
