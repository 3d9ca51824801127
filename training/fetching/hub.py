"""What a model repository of the hub holds, and which of its files an import needs.

The listing is that of https://huggingface.co/docs/hub/api: `lfs.oid` is a SHA-256, `oid` git's name of a small file.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import cast
from urllib.parse import quote

from inference.manifest import safe_name
from training.fetching.errors import FetchError, FetchUsageError
from training.fetching.plan import Plan, Remote
from training.fetching.web import Web, host_of

INDEX = "model_index.json"
WEIGHT_FOLDERS = ("text_encoder", "unet", "vae")
SETTINGS = (
    INDEX,
    "scheduler/scheduler_config.json",
    "text_encoder/config.json",
    "unet/config.json",
    "vae/config.json",
)
TOKENIZER = ("vocab.json", "merges.txt", "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json")

# "model.fp16.safetensors" and "diffusion_pytorch_model.fp16-00001-of-00002.safetensors" are of the variant fp16.
_WEIGHTS = re.compile(r"[^.]+?(\.(?P<variant>\w+))?(-\d+-of-\d+)?\.safetensors")
_MOST_PAGES = 50


@dataclass(frozen=True)
class HubSource:
    """endpoint: "https://huggingface.co" or a mirror. revision, file: "" where none was named."""

    endpoint: str
    owner: str
    name: str
    revision: str = ""
    file: str = ""


@dataclass(frozen=True)
class _Entry:
    path: str
    size: int
    hash: str


def hub_plan(source: str, hub: HubSource, web: Web) -> Plan:
    """The files of one commit that are needed. Raises `FetchError` where nothing usable is there."""
    api = f"{hub.endpoint}/api/models/{hub.owner}/{hub.name}"
    info, _ = web.json(f"{api}/revision/{quote(hub.revision or 'main', safe='')}")
    # The commit and not the branch: what is fetched belongs together, even if somebody pushes meanwhile.
    commit, licence = _facts(info, hub)
    entries = {entry.path: entry for entry in _entries(f"{api}/tree/{commit}?recursive=true", web)}
    chosen = _one_file(hub, entries) if hub.file else _needed(hub, entries)
    single = bool(hub.file) or INDEX not in entries
    resolve = f"{hub.endpoint}/{hub.owner}/{hub.name}/resolve/{commit}"
    files = tuple(
        Remote(PurePosixPath(path).name if single else path, f"{resolve}/{quote(path)}", entry.size, entry.hash)
        for path, entry in ((path, entries[path]) for path in chosen)
    )
    return Plan(source, host_of(hub.endpoint), safe_name(hub.name), licence, files, single)


def _facts(info: object, hub: HubSource) -> tuple[str, str]:
    """(commit, licence)"""
    values = _mapping(info)
    commit = values.get("sha")
    if not isinstance(commit, str) or re.fullmatch(r"[0-9a-f]{40,64}", commit) is None:
        raise _unreadable(hub.endpoint)
    card = _mapping(values.get("cardData"))
    stated = card.get("license_name") if card.get("license") == "other" else card.get("license")
    if isinstance(stated, str):
        return commit, stated
    tags = values.get("tags")
    named = [str(tag) for tag in cast("list[object]", tags)] if isinstance(tags, list) else []
    return commit, next((tag.removeprefix("license:") for tag in named if tag.startswith("license:")), "")


def _entries(url: str, web: Web) -> list[_Entry]:
    found, pages = list[_Entry](), 0
    while url and pages < _MOST_PAGES:
        page, following = web.json(url)
        if not isinstance(page, list):
            raise _unreadable(url)
        found += [_entry(_mapping(each), url) for each in cast("list[object]", page) if _is_file(each)]
        # The next page is asked from the same host, whatever the listing says.
        url, pages = (following if host_of(following) == host_of(url) else ""), pages + 1
    return found


def _entry(values: Mapping[str, object], url: str) -> _Entry:
    lfs = _mapping(values.get("lfs"))
    path, size = values.get("path"), lfs.get("size", values.get("size"))
    if not isinstance(path, str) or not isinstance(size, int):
        raise _unreadable(url)
    oid, kind = (lfs.get("oid"), "sha256") if lfs else (values.get("oid"), "git")
    return _Entry(path, size, f"{kind}:{oid}" if isinstance(oid, str) else "")


def _one_file(hub: HubSource, entries: Mapping[str, _Entry]) -> list[str]:
    if not hub.file.endswith(".safetensors"):
        raise FetchUsageError(f"{hub.file} is not fetched: only .safetensors files are, since others may run code.")
    if hub.file not in entries:
        raise FetchError(f"{hub.owner}/{hub.name} has no file {hub.file}: check the name.")
    return [hub.file]


def _needed(hub: HubSource, entries: Mapping[str, _Entry]) -> list[str]:
    """The files of a diffusers folder, or the one file of weights that there is."""
    if INDEX in entries:
        settings = [path for path in SETTINGS if path in entries]
        tokenizer = [f"tokenizer/{name}" for name in TOKENIZER if f"tokenizer/{name}" in entries]
        return [*settings, *tokenizer, *_weights(hub, entries)]
    files = [path for path in entries if path.endswith(".safetensors")]
    if len(files) == 1:
        return files
    if files:
        shown = ", ".join(sorted(files)[:5])
        raise FetchUsageError(
            f"{hub.owner}/{hub.name} has several models ({shown}): name one as hub:{hub.owner}/{hub.name}/FILE."
        )
    raise FetchError(
        f"{hub.owner}/{hub.name} has no safetensors weights, and no other kind is fetched: choose another."
    )


def _weights(hub: HubSource, entries: Mapping[str, _Entry]) -> list[str]:
    """All of one variant: fp16 where every part has it, since that is what a package stores."""
    for variant in ("fp16", None):
        parts = [_of_variant(folder, variant, entries) for folder in WEIGHT_FOLDERS]
        if all(parts):
            return [path for part in parts for path in part]
    raise FetchError(
        f"{hub.owner}/{hub.name} lacks safetensors weights for {_first_missing(entries)}, and pickles are never "
        "fetched: choose another."
    )


def _of_variant(folder: str, variant: str | None, entries: Mapping[str, _Entry]) -> list[str]:
    found = list[str]()
    for path in sorted(entries):
        parent, _, name = path.rpartition("/")
        match = _WEIGHTS.fullmatch(name)
        if parent == folder and match is not None and match["variant"] == variant:
            found.append(path)
    # Weights in several files have a listing of them.
    ends = f".{variant}.json" if variant else ".safetensors.index.json"
    if len(found) > 1:
        found += [path for path in entries if path.startswith(f"{folder}/") and path.endswith(ends)]
    return found


def _first_missing(entries: Mapping[str, _Entry]) -> str:
    return next((folder for folder in WEIGHT_FOLDERS if not _of_variant(folder, None, entries)), "one part")


def _is_file(value: object) -> bool:
    return _mapping(value).get("type") == "file"


def _mapping(value: object) -> Mapping[str, object]:
    return cast("Mapping[str, object]", value) if isinstance(value, dict) else {}


def _unreadable(url: str) -> FetchError:
    return FetchError(f"{host_of(url)} sent a listing that is not understood: fetch the model in a browser and add it.")
