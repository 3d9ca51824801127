"""What may be named: `hub:OWNER/NAME[@REVISION][/FILE]`, a page or file of the hub, the https address of a file."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import PurePosixPath
from urllib.parse import unquote, urlsplit

from inference.manifest import safe_name
from training.fetching.errors import FetchError, FetchUsageError
from training.fetching.hub import HubSource, hub_plan
from training.fetching.plan import Plan, Remote
from training.fetching.web import TROUBLE, Web, check_address, host_of, unreachable

HUB = "https://huggingface.co"
_HUB_NAME = re.compile(
    r"(?P<owner>[A-Za-z0-9][\w.-]*)/(?P<name>[A-Za-z0-9][\w.-]*)(@(?P<revision>[\w.-]+))?(/(?P<file>.+))?"
)
_PAGE = re.compile(
    r"/(?P<owner>[\w.-]+)/(?P<name>[\w.-]+)(/(tree|blob|resolve)/(?P<revision>[^/]+)(/(?P<file>.+))?)?/?"
)
_SHA = re.compile(r"sha256=([0-9a-fA-F]{64})")


def endpoint() -> str:
    """The hub, or the mirror that the environment variable HF_ENDPOINT names."""
    return os.environ.get("HF_ENDPOINT", "").rstrip("/") or HUB


def host(source: str) -> str:
    """Whom `plan` would ask. Raises `FetchUsageError` for a source that names nothing."""
    hub = hub_source(source)
    return host_of(hub.endpoint if hub is not None else source)


def plan(source: str, web: Web) -> Plan:
    """Ask the host what there is. Raises `FetchError`; nothing is fetched yet."""
    hub = hub_source(source)
    return hub_plan(source, hub, web) if hub is not None else _file_plan(source, web)


def hub_source(source: str) -> HubSource | None:
    """The model on the hub, None for another address. Raises `FetchUsageError` for neither."""
    base = endpoint()
    if source.startswith("hub:"):
        check_address(base)
        match = _HUB_NAME.fullmatch(source.removeprefix("hub:"))
        if match is None:
            raise FetchUsageError(f"{source} is no model of the hub: write hub:OWNER/NAME or hub:OWNER/NAME@REVISION.")
        return HubSource(base, **_words(match.groupdict()))
    check_address(source)
    parts = urlsplit(source)
    if parts.netloc in (urlsplit(HUB).netloc, urlsplit(base).netloc):
        match = _PAGE.fullmatch(unquote(parts.path))
        if match is not None:
            return HubSource(f"{parts.scheme}://{parts.netloc}", **_words(match.groupdict()))
    return None


def _words(found: Mapping[str, str | None]) -> dict[str, str]:
    return {key: value or "" for key, value in found.items()}


def _file_plan(source: str, web: Web) -> Plan:
    """The address of one file; "#sha256=..." behind it says what it has to hold."""
    parts = urlsplit(source)
    name = PurePosixPath(unquote(parts.path)).name
    if not name.endswith(".safetensors"):
        raise FetchUsageError(f"{source} is not fetched: only .safetensors files are, since others may run code.")
    expected = _SHA.search(parts.fragment)
    if parts.fragment and expected is None:
        raise FetchUsageError(f"{source} is not understood: behind the # goes sha256= and 64 hexadecimal digits.")
    url = source.partition("#")[0]
    size = _size(url, web)
    file = Remote(name, url, size, f"sha256:{expected[1].lower()}" if expected else "")
    return Plan(source, host_of(url), safe_name(PurePosixPath(name).stem), "", (file,), single=True)


def _size(url: str, web: Web) -> int:
    """In bytes: asked for with the first byte, since some hosts refuse HEAD."""
    try:
        with web.open(url, {"Range": "bytes=0-0"}) as answer:
            total = answer.headers.get("Content-Range", "").rpartition("/")[2]
            text = total if answer.status == 206 else answer.headers.get("Content-Length", "")
    except TROUBLE as error:
        raise FetchError(unreachable(url, error)) from error
    if not text or not text.isdigit():
        raise FetchError(f"{host_of(url)} does not say how large the file is: fetch it in a browser and add the file.")
    return int(text)
