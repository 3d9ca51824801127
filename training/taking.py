"""Pairs from files and folders, taken into a store of the run's own, so that it stands alone. Without PyTorch."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from training.events import Say
from training.pairs.pair import PairError, Refusal
from training.pairs.store import PairStore
from training.train_errors import TrainInputError


def take_pairs(paths: Iterable[Path], store: PairStore, say: Say) -> None:
    """Adds what is at `paths`; what is refused is said in a note, and so is how many more there were.

    Raises `TrainInputError` where nothing can be read at one of them.
    """
    from training.pairs.readers import open_pairs  # takes time to import

    refused: list[str] = []
    for path in paths:
        try:
            for number, found in enumerate(open_pairs(path)):
                if isinstance(found, Refusal):
                    refused.append(f"{found.where}: {found.why}")
                    continue
                try:
                    store.add(found)
                except PairError as error:
                    refused.append(f"Pair {number + 1} of {path.name}: {error}")
        except PairError as error:
            raise TrainInputError(str(error)) from error
    for text in refused[:SHOWN]:
        say({"event": "note", "text": text})
    if len(refused) > SHOWN:
        say({"event": "note", "text": f"{len(refused) - SHOWN} more pairs were refused."})


SHOWN = 5
"""Refusals that are told one by one."""
