"""Instructions that complete what is being typed."""

from __future__ import annotations

from collections.abc import Iterable

_MOST = 8


def suggest(text: str, own: Iterable[str], known: Iterable[str], most: int = _MOST) -> tuple[str, ...]:
    """Instructions of one's own and those the model was taught that fit `text`; the own ones first in each rank.

    First those that begin with it, then those in which every typed word begins a word. Case does not count; what is
    typed in full already is left out. An empty text gives the own ones, then the known ones.
    """
    wanted = " ".join(text.casefold().split())
    candidates = list(dict.fromkeys((*own, *known)))
    begins = [c for c in candidates if _plain(c).startswith(wanted) and _plain(c) != wanted]
    words = [c for c in candidates if c not in begins and _plain(c) != wanted and _has_words(_plain(c), wanted)]
    return tuple((*begins, *words)[:most])


def _plain(text: str) -> str:
    return " ".join(text.casefold().split())


def _has_words(candidate: str, wanted: str) -> bool:
    words = candidate.split()
    return all(any(word.startswith(part) for word in words) for part in wanted.split())
