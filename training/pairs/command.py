"""`palimpsest pairs COMMAND`: the user's pairs, listed, added, edited, removed and written out.

With --json the answer is one object on standard output. With --events it is {"event": "done", ...} on the last line,
after {"event": "progress", "stage", "fraction"} lines, and the end of the input cancels. Without PyTorch.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict

from inference.errors import PackageError
from inference.json_values import read_json
from training.pairs.adding import Adding, counted, unchecked
from training.pairs.arguments import parser
from training.pairs.checks import moving_words
from training.pairs.database import StoreNotWritable
from training.pairs.events import Stopped, Told
from training.pairs.pair import Pair, PairError, RawPair, UnclearError
from training.pairs.store import Entry, PairStore
from training.places import pairs_folder

USAGE, UNREADABLE, TARGET, CANCELLED = 2, 3, 5, 130
RUN_FILE = "run.json"
_WIDEST = 80
"""Characters of an instruction in a list of lines."""
_SETTLED = 0.9
"""Progress of a number of pairs that is not known comes as near to this as there are many of them."""


def main(argv: Sequence[str]) -> int:
    """Exit codes: 0 done, 2 usage or an id cut too short, 3 a pair, a source of pairs or a store that is refused or
    cannot be read, 5 not writable, 130 cancelled.

    3 too where an `add` takes nothing; with --events the refusals are the answer, and it is 0.
    """
    arguments = parser().parse_args(list(argv))
    told = Told(arguments.events)
    try:
        return COMMANDS[arguments.command](arguments, PairStore(arguments.store or pairs_folder()), told)
    except (Stopped, KeyboardInterrupt):
        kept = "; the pairs that were added until then are kept." if arguments.command == "add" else "."
        print(f"Cancelled{kept}", file=sys.stderr)
        return CANCELLED
    except PairError as error:
        print(error, file=sys.stderr)
        return _code(error)


def _code(error: PairError) -> int:
    if isinstance(error, UnclearError):
        return USAGE
    return TARGET if isinstance(error, StoreNotWritable) else UNREADABLE


def as_json(store: PairStore, entry: Entry) -> dict[str, object]:
    """All of a pair, with the files of its pictures ("" for no mask) and what a list shows."""
    pair = entry.pair
    return {
        **asdict(pair),
        "origin": dict(pair.origin),
        "source_path": str(store.path(pair.source)),
        "target_path": str(store.path(pair.target)),
        "mask_path": str(store.path(pair.mask)) if pair.mask else "",
        "changed_fraction": entry.changed_fraction,
        "problem": entry.problem,
    }


def _list(arguments: argparse.Namespace, store: PairStore, told: Told) -> int:
    entries = store.entries()
    problems = [entry.problem for entry in entries if entry.problem]
    if arguments.json or arguments.events:
        _answer(arguments, told, {"pairs": [as_json(store, entry) for entry in entries], "problems": problems})
        return 0
    for entry in entries:
        print(_line(entry))
    print(f"{counted(len(entries))} in {store.folder}", *problems, sep="\n", file=sys.stderr)
    return 0


def _show(arguments: argparse.Namespace, store: PairStore, told: Told) -> int:
    values = as_json(store, store.entry(arguments.id))
    if arguments.json or arguments.events:
        _answer(arguments, told, {"pair": values})
        return 0
    for key, value in values.items():
        print(f"{key}: {value}")
    return 0


def _add(arguments: argparse.Namespace, store: PairStore, told: Told) -> int:
    from training.pairs.readers import ReadOptions, open_pairs  # not for every command: they take time to import

    adding = Adding(store, arguments.instruction, dict(arguments.origin))
    told.progress("adding", 0.0)
    options = ReadOptions(arguments.instruction, arguments.limit)
    for number, found in enumerate(open_pairs(arguments.path, arguments.format, options)):
        adding.take(found, f"pair {number + 1}")
        told.progress("adding", _SETTLED * (1 - 1 / (1 + number / 50)))
    told.progress("adding", 1.0)
    _say_added(arguments, told, adding)
    nothing = bool(adding.refused) and not adding.new + adding.same
    return UNREADABLE if nothing and not arguments.events else 0


def _add_one(arguments: argparse.Namespace, store: PairStore, told: Told) -> int:
    from training.pairs.readers.pictures import mask, picture
    from training.pairs.readers.reader import file_blob

    source, target = (picture(file_blob(path).read(), path.name) for path in (arguments.source, arguments.target))
    within = mask(file_blob(arguments.mask).read(), arguments.mask.name) if arguments.mask else None
    raw = RawPair(arguments.instruction, source, target, within, arguments.group, dict(arguments.origin))
    pair, new = store.put(raw)
    counts = {"added": int(new), "same": int(not new), "refused": ()}
    _answer(arguments, told, {**counts, "pair": as_json(store, store.entry(pair.id))}, pair.id)
    words = moving_words(pair.instruction)
    _note(arguments, *unchecked([words] if new and words else []))
    return 0


def _edit(arguments: argparse.Namespace, store: PairStore, told: Told) -> int:
    if arguments.instruction is None and arguments.enabled is None:
        raise UnclearError("There is nothing to change: give --instruction, --enable or --disable.")
    pairs = [_edited(arguments, store, id) for id in _whole_ids(store, arguments.ids)]
    values = {"pairs": [as_json(store, store.entry(pair.id)) for pair in pairs]}
    _answer(arguments, told, values, "\n".join(pair.id for pair in pairs))
    return 0


def _edited(arguments: argparse.Namespace, store: PairStore, id: str) -> Pair:
    pair = store.edit(id, instruction=arguments.instruction, enabled=arguments.enabled)
    if pair.id != id:
        _note(arguments, f"{id} is now {pair.id}")
    return pair


def _whole_ids(store: PairStore, words: Sequence[str]) -> list[str]:
    """All of them are there before anything is changed. Raises `PairError` for the first that is not."""
    return list(dict.fromkeys(store.pair(word).id for word in words))


def _earlier(arguments: argparse.Namespace, store: PairStore, told: Told) -> int:
    ids = _whole_ids(store, arguments.ids)
    if arguments.run is not None:
        try:
            ids += read_json(arguments.run / RUN_FILE).texts("train")
        except PackageError as error:
            raise PairError(f"{arguments.run} is no training run: it has no readable {RUN_FILE}.") from error
    count = store.mark_earlier(ids, not arguments.undo)
    _answer(arguments, told, {"marked": count}, f"{counted(count)} marked")
    return 0


def _remove(arguments: argparse.Namespace, store: PairStore, told: Told) -> int:
    count = store.remove(_whole_ids(store, arguments.ids))
    _answer(arguments, told, {"removed": count}, f"{counted(count)} removed")
    return 0


def _export(arguments: argparse.Namespace, store: PairStore, told: Told) -> int:
    from training.pairs.writers import NotWritten, writer_named

    pairs = [store.pair(id) for id in arguments.id] or store.pairs()
    chosen = [pair for pair in pairs if pair.enabled or not arguments.enabled]
    writer = writer_named(arguments.format)
    try:
        writer.write(store.items(chosen), arguments.folder, lambda fraction: told.progress("writing", fraction))
    except NotWritten as error:
        raise StoreNotWritable(str(error)) from error
    _answer(arguments, told, {"exported": len(chosen), "path": str(arguments.folder.absolute())}, arguments.folder)
    return 0


def _check(arguments: argparse.Namespace, store: PairStore, told: Told) -> int:
    bad = store.verify(lambda fraction: told.progress("checking", fraction))
    values = {"pairs": [as_json(store, entry) for entry in bad], "problems": [entry.problem for entry in bad]}
    _answer(arguments, told, values, "\n".join(f"{entry.pair.id}  {entry.problem}" for entry in bad) or "All is well.")
    return 0


def _readers(arguments: argparse.Namespace, store: PairStore, told: Told) -> int:
    from training.pairs.readers import READERS
    from training.pairs.writers import WRITERS

    lists = {"readers": READERS, "writers": WRITERS}
    values = {key: [{"name": one.name, "title": one.title} for one in found] for key, found in lists.items()}
    text = "\n".join(f"{one['name']:<16} {one['title']}" for one in values["readers"])
    _answer(arguments, told, values, text)
    return 0


COMMANDS = {
    "list": _list,
    "show": _show,
    "add": _add,
    "add-one": _add_one,
    "edit": _edit,
    "earlier": _earlier,
    "remove": _remove,
    "export": _export,
    "check": _check,
    "readers": _readers,
}
"""Each takes the parsed words, the store, and what tells of progress; returns the exit code."""


def _answer(arguments: argparse.Namespace, told: Told, values: Mapping[str, object], text: object = "") -> None:
    if arguments.events:
        told.say({"event": "done", **values})
    elif arguments.json:
        told.say(values)
    else:
        print(text)


def _say_added(arguments: argparse.Namespace, told: Told, adding: Adding) -> None:
    values = {"added": adding.new, "same": adding.same, "refused": [asdict(refusal) for refusal in adding.refused]}
    _answer(arguments, told, values, f"{counted(adding.new)} added, {adding.same} there already")
    _note(arguments, *adding.notes())


def _note(arguments: argparse.Namespace, *sentences: str) -> None:
    """For who reads words: besides the answer."""
    for sentence in () if arguments.events or arguments.json else sentences:
        print(sentence, file=sys.stderr)


def _line(entry: Entry) -> str:
    pair = entry.pair
    notes = [note for note, wanted in (("off", not pair.enabled), ("earlier", pair.earlier)) if wanted]
    notes += [f"{entry.changed_fraction:.0%} changed"]
    return f"{pair.id}  {pair.width}x{pair.height}  {_short(pair.instruction)}  ({', '.join(notes)})"


def _short(instruction: str) -> str:
    return instruction if len(instruction) <= _WIDEST else f"{instruction[: _WIDEST - 3].rstrip()}..."
