"""The words that `palimpsest pairs` understands. Without PyTorch."""

from __future__ import annotations

import argparse
from pathlib import Path

READ = ("instruct-pix2pix", "magicbrush", "imagefolder", "parquet", "webdataset", "folder", "suffixes")
WRITTEN = ("folder", "imagefolder", "webdataset")
"""The forms; written out here, for it takes time to import what reads and writes them."""
_KEY_VALUE = "KEY=VALUE"
_ID = "its id, or the beginning of it (4 characters or more)"


def parser() -> argparse.ArgumentParser:
    """Gives `command`, `store`, `json` and `events`, and what the command takes besides."""
    parser = argparse.ArgumentParser(prog="palimpsest pairs", description="The pairs that you keep.")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    def command(name: str, text: str) -> argparse.ArgumentParser:
        return commands.add_parser(name, help=text, description=text, parents=[_common()])

    command("list", "list all pairs")
    command("show", "tell all of one pair").add_argument("id", metavar="ID", help=_ID)
    _add(command("add", "add the pairs in a folder or file"))
    _add_one(command("add-one", "add one pair from its files"))
    _edit(command("edit", "change a pair's instruction, or switch pairs on and off"))
    _earlier(command("earlier", "say that an installed model has learnt pairs"))
    command("remove", "take pairs out, and their pictures").add_argument("ids", nargs="+", metavar="ID", help=_ID)
    _export(command("export", "write pairs into a new folder"))
    command("check", "read every picture and tell what is damaged")
    command("readers", "list the forms that can be read and written")
    return parser


def _common() -> argparse.ArgumentParser:
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("--store", type=Path, metavar="DIR", help="the store's folder (default: the user's)")
    common.add_argument("--json", action="store_true", help="print one JSON object")
    common.add_argument("--events", action="store_true", help="print progress as JSON; the end of the input cancels")
    return common


def _add(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("path", type=Path)
    form = "the form (default: found out); `palimpsest pairs readers` lists them"
    parser.add_argument("--format", default="", choices=READ, metavar="FORM", help=form)
    parser.add_argument("--instruction", default="", help="for pairs that have none")
    parser.add_argument("--limit", type=int, default=0, metavar="N", help="take no more than N pairs")
    _origin(parser)


def _add_one(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--source", type=Path, required=True, metavar="FILE", help="the picture before")
    parser.add_argument("--target", type=Path, required=True, metavar="FILE", help="the picture after")
    parser.add_argument("--mask", type=Path, metavar="FILE", help="white where the change is wanted")
    parser.add_argument("--instruction", required=True)
    parser.add_argument("--group", default="", help="pairs of one photo have the same (default: by what it shows)")
    _origin(parser)


def _origin(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--origin", type=_key_value, action="append", default=[], metavar=_KEY_VALUE, help="where it came from"
    )


def _edit(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("ids", nargs="+", metavar="ID", help=_ID)
    parser.add_argument("--instruction", help="with another one a pair has another id")
    switch = parser.add_mutually_exclusive_group()
    switch.add_argument("--enable", dest="enabled", action="store_true", default=None, help="use them for training")
    switch.add_argument(
        "--disable", dest="enabled", action="store_false", default=None, help="leave them out of training"
    )


def _earlier(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("ids", nargs="*", metavar="ID", help=_ID)
    parser.add_argument("--run", type=Path, metavar="DIR", help="the pairs that this training was made with")
    parser.add_argument("--undo", action="store_true", help="say that no installed model has learnt them")


def _export(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("folder", type=Path, metavar="DIR", help="a folder that does not exist yet")
    form = f"{', '.join(WRITTEN[:-1])} or {WRITTEN[-1]} (default: folder)"
    parser.add_argument("--format", default="folder", choices=WRITTEN, metavar="FORM", help=form)
    parser.add_argument("--id", action="append", default=[], metavar="ID", help="this pair (default: all)")
    parser.add_argument("--enabled", action="store_true", help="only those that are switched on")


def _key_value(word: str) -> tuple[str, str]:
    key, equals, value = word.partition("=")
    if not key or not equals:
        raise argparse.ArgumentTypeError(f"{word!r} should be {_KEY_VALUE}")
    return key, value
