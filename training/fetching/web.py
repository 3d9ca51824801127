"""One way to the network: https alone (http to this machine), proxies of the environment, redirects looked at."""

from __future__ import annotations

import http.client
import json
import socket
import ssl
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from typing import IO, cast
from urllib.parse import urlsplit

from training.fetching.errors import FetchError, FetchUsageError

LOCAL = ("localhost", "127.0.0.1", "::1")
LARGEST_JSON = 64 << 20
_AGENT = "palimpsest"

TROUBLE = (OSError, http.client.HTTPException, ssl.SSLError, socket.timeout)
"""What a connection that fails half-way raises; worth another try."""


@dataclass(frozen=True)
class Web:
    """timeout: seconds of silence after which a connection is given up."""

    timeout: float = 30.0

    def open(self, url: str, headers: Mapping[str, str] | None = None) -> http.client.HTTPResponse:
        """The answer to a GET. Raises `FetchError` for a refused address and for an answer that says no.

        `urllib.error.HTTPError` is left to the caller for 416; other troubles of the network are `TROUBLE`.
        """
        check_address(url)
        request = urllib.request.Request(url, headers={"User-Agent": _AGENT, **(headers or {})})
        try:
            return cast("http.client.HTTPResponse", _opener().open(request, timeout=self.timeout))
        except urllib.error.HTTPError as error:
            if error.code == http.client.REQUESTED_RANGE_NOT_SATISFIABLE or error.code >= 500:
                raise
            with error:
                raise _refused(url, error.code) from error

    def json(self, url: str) -> tuple[object, str]:
        """(the value, the address of the next page or ""). Raises `FetchError`."""
        try:
            with self.open(url, {"Accept": "application/json"}) as answer:
                text = answer.read(LARGEST_JSON + 1)
                link = answer.headers.get("Link", "")
        except TROUBLE as error:
            raise FetchError(unreachable(url, error)) from error
        try:
            if len(text) > LARGEST_JSON:
                raise ValueError("it is far too long")
            return json.loads(text), _next_page(link)
        except ValueError as error:
            raise FetchError(
                f"{host_of(url)} sent a listing that is not readable ({error}): try again later."
            ) from error


def check_address(url: str) -> None:
    """Raises `FetchUsageError` for anything but https, or http to this machine."""
    parts = urlsplit(url)
    if parts.scheme == "https" and parts.hostname:
        return
    if parts.scheme == "http" and parts.hostname in LOCAL:
        return
    raise FetchUsageError(f"{url} is not fetched: only https addresses are, so that nobody can read or change them.")


def host_of(url: str) -> str:
    """ "huggingface.co", with the port where it is not the usual one."""
    return urlsplit(url).netloc.rpartition("@")[2]


def unreachable(url: str, error: BaseException) -> str:
    """A sentence for trouble of the network; an answer that is the trouble is closed."""
    if isinstance(error, urllib.error.HTTPError):
        error.close()
        return f"{host_of(url)} is in trouble (HTTP {error.code}): try again later."
    reason = error.reason if isinstance(error, urllib.error.URLError) else error
    text = "it does not answer" if isinstance(reason, TimeoutError) else str(reason) or type(reason).__name__
    return f"{host_of(url)} cannot be reached ({text}): check the connection and the proxy settings, then try again."


class _Redirects(urllib.request.HTTPRedirectHandler):
    """Elsewhere only over https; to this machine only from this machine."""

    def redirect_request(
        self,
        req: urllib.request.Request,
        fp: IO[bytes],
        code: int,
        msg: str,
        headers: http.client.HTTPMessage,
        newurl: str,
    ) -> urllib.request.Request | None:
        from_here = urlsplit(req.full_url).hostname in LOCAL
        to_here = urlsplit(newurl).hostname in LOCAL
        if urlsplit(newurl).scheme != "https" and not (from_here and to_here):
            raise FetchError(
                f"{host_of(req.full_url)} sends on to {newurl}, which is not https, so nothing was fetched from there."
            )
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def _opener() -> urllib.request.OpenerDirector:
    """Without urllib's handlers for files, FTP and data: a redirect must not reach them."""
    opener = urllib.request.OpenerDirector()
    for handler in (
        urllib.request.ProxyHandler(),  # HTTPS_PROXY, HTTP_PROXY and NO_PROXY
        urllib.request.HTTPHandler(),
        urllib.request.HTTPSHandler(),
        urllib.request.HTTPDefaultErrorHandler(),
        urllib.request.HTTPErrorProcessor(),
        urllib.request.UnknownHandler(),
        _Redirects(),
    ):
        opener.add_handler(handler)
    return opener


def _refused(url: str, code: int) -> FetchError:
    if 300 <= code < 400:  # urllib itself refuses to follow to files and the like
        return FetchError(
            f"{host_of(url)} sends on to an address that is not https, so nothing was fetched from there."
        )
    if code in (401, 403):
        return FetchError(
            f"{host_of(url)} wants a login for this model (HTTP {code}): fetch it in a browser, then add it from there."
        )
    if code in (404, 410):
        return FetchError(f"{host_of(url)} has no such model or file (HTTP {code}): check the name.")
    return FetchError(f"{host_of(url)} refuses the request (HTTP {code}): try again later.")


def _next_page(link: str) -> str:
    """The address in a header such as `<https://...>; rel="next"`, else ""."""
    for entry in link.split(","):
        address, _, kind = entry.partition(";")
        if 'rel="next"' in kind.replace(" ", ""):
            return address.strip().strip("<>")
    return ""
