"""The examination of this machine and the measuring of its speed, in processes of their own."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from editor.edits.background import Job
from editor.edits.checkup import Checkup, Line
from editor.jobs.background import Post
from inference import wire
from inference.child import Child
from inference.errors import Cancelled, EngineError
from inference.types import CancelToken

CHILD = "inference.doctor_child"
_POLL_SECONDS = 0.1


class ProcessDoctor:
    """Make it on the thread of the window. find: the folder of a model by its name; may raise EngineError.

    version: of the program, for the copied report. provider: what edits are set to run on.
    """

    def __init__(
        self,
        user_models: Path,
        bundled_models: Path,
        find: Callable[[str], Path],
        version: str = "",
        provider: str = "auto",
    ) -> None:
        self._folders = str(user_models.absolute()), str(bundled_models.absolute())
        self._find, self._provider, self._version = find, provider, version
        self._post = Post()
        self._jobs: set[_Job] = set()

    def examine(self, found: Callable[[Checkup], None], failed: Callable[[str], None]) -> Job:
        arguments = [*self._folders, "--provider", self._provider]

        def work(job: _Job) -> None:
            child = Child(CHILD, arguments)
            try:
                while not job.token.cancelled:
                    message = child.next_message(_POLL_SECONDS)
                    if message is None:
                        continue
                    if message["is"] == "error":
                        raise wire.error_from(message)
                    if message["is"] == "ended":
                        raise EngineError(f"The examination ended by itself ({child.how_it_ended()}): look again.")
                    if message["is"] == "report":
                        checkup = self._checkup(message)
                        job.tell(lambda checkup=checkup: found(checkup))
                        if checkup.done:
                            return
            finally:
                child.end(0.0)

        return self._start(work, failed)

    def measure(
        self,
        model: str,
        progress: Callable[[float, str], None],
        done: Callable[[str], None],
        failed: Callable[[str], None],
    ) -> Job:
        def work(job: _Job) -> None:
            # Imported here: the window starts without what these two import.
            from inference.advice import speed_text
            from inference.speed import measure

            def tell(share: float, text: str) -> None:
                job.tell(lambda: progress(share, text))

            speed = measure(self._find(model), self._provider, job.token, tell)
            job.tell(lambda: done(speed_text(speed)))

        return self._start(work, failed)

    def close(self, seconds: float = 5.0) -> None:
        """Cancel everything and wait for the processes to end."""
        jobs = tuple(self._jobs)
        for job in jobs:
            job.cancel()
        for job in jobs:
            job.join(seconds)

    def _start(self, work: Callable[[_Job], None], failed: Callable[[str], None]) -> _Job:
        job = _Job(self._post, work, failed, self._jobs.discard)
        self._jobs.add(job)
        job.start()
        return job

    def _checkup(self, message: wire.Message) -> Checkup:
        sections = {str(name): tuple(Line(**line) for line in lines) for name, lines in message["findings"].items()}
        machine: Mapping[str, Any] = message["machine"]
        used = str(machine["provider"])
        titles = {str(name): str(title) for name, title in message["titles"].items()}
        return Checkup(
            sections,
            tuple(str(model["name"]) for model in machine["models"]),
            titles.get(used, used),
            _text(self._version, machine, sections),
            bool(message["done"]),
        )


class _Job:
    """One piece of work in a thread of its own: it may last for minutes, which the pool's two threads cannot spare."""

    def __init__(
        self,
        post: Post,
        work: Callable[[_Job], None],
        failed: Callable[[str], None],
        ended: Callable[[_Job], None],
    ) -> None:
        self.token = CancelToken()
        self._post, self._work, self._failed, self._ended = post, work, failed, ended
        self._thread = threading.Thread(target=self._run, name="doctor", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def cancel(self) -> None:
        self.token.cancel()

    def join(self, seconds: float) -> None:
        self._thread.join(seconds)

    def tell(self, call: Callable[[], None]) -> None:
        """From the job's own thread: call it on that of the window, unless the job is cancelled by then."""
        self._post(lambda: None if self.token.cancelled else call())

    def _run(self) -> None:
        try:
            self._work(self)
        except Cancelled:
            return
        except EngineError as error:
            sentence = str(error)
            self.tell(lambda: self._failed(sentence))
        except Exception as error:
            sentence = f"That failed unexpectedly ({type(error).__name__}: {error})."
            self.tell(lambda: self._failed(sentence))
        finally:
            self._ended(self)


def _text(version: str, machine: Mapping[str, Any], sections: Mapping[str, tuple[Line, ...]]) -> str:
    """The report for a mail or a forum: everything that is shown, and the providers' own reasons."""
    program = f"Palimpsest {version}".strip()
    lines = [f"{program}, Python {machine['python']}, {machine['system']}"]
    for name, found in sections.items():
        lines += ["", name]
        lines += [f"  {line.title}: {line.text} {line.advice}".rstrip() for line in found]
    lines += ["", "What trying each said"]
    for provider in machine["providers"]:
        lines.append(f"  {provider['name']}: {provider['reason'] or 'works'}")
        lines += [f"    {line}" for line in str(provider["stderr"]).splitlines()[-5:]]
    return "\n".join(lines)
