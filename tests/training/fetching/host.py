"""A host on this machine that behaves as badly as a test wants."""

from __future__ import annotations

import hashlib
import http.server
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from urllib.parse import unquote, urlsplit

COMMIT = "c0ffee" * 6 + "c0ff"


def git_name(data: bytes) -> str:
    return hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()


@dataclass
class Host:
    """files: by path. cut: per path, after how many bytes each of the next connections ends. asked: (path, Range)."""

    url: str = ""
    files: dict[str, bytes] = field(default_factory=dict)
    json: dict[str, object] = field(default_factory=dict)
    links: dict[str, str] = field(default_factory=dict)
    status: dict[str, list[int]] = field(default_factory=dict)
    redirects: dict[str, str] = field(default_factory=dict)
    cut: dict[str, list[int]] = field(default_factory=dict)
    etags: dict[str, str] = field(default_factory=dict)
    ranges: bool = True
    asked: list[tuple[str, str]] = field(default_factory=list)

    def ranges_of(self, path: str) -> list[str]:
        return [wanted for asked, wanted in self.asked if asked == path]

    def put_model(self, owner_name: str, files: dict[str, bytes], licence: str = "mit", large: int = 1000) -> None:
        """A repository as the hub lists it; files from `large` bytes on lie in its large file store."""
        api = f"/api/models/{owner_name}"
        self.json[f"{api}/revision/main"] = {"sha": COMMIT, "cardData": {"license": licence}}
        self.json[f"{api}/tree/{COMMIT}"] = [
            {"type": "directory", "path": "unet", "oid": "0" * 40, "size": 0},
            *(self._entry(path, data, large) for path, data in files.items()),
        ]
        for path, data in files.items():
            self.files[f"/{owner_name}/resolve/{COMMIT}/{path}"] = data

    def _entry(self, path: str, data: bytes, large: int) -> dict[str, object]:
        entry: dict[str, object] = {"type": "file", "path": path, "oid": git_name(data), "size": len(data)}
        if len(data) >= large:
            entry["lfs"] = {"oid": hashlib.sha256(data).hexdigest(), "size": len(data), "pointerSize": 130}
        return entry


class _Handler(http.server.BaseHTTPRequestHandler):
    host: Host

    def do_GET(self) -> None:
        host, path = self.host, unquote(urlsplit(self.path).path)
        host.asked.append((path, self.headers.get("Range", "")))
        codes = host.status.get(path, [])
        if codes and (code := codes.pop(0)) != 200:
            self.send_error(code)
        elif path in host.redirects:
            self.send_response(302)
            self.send_header("Location", host.redirects[path])
            self.send_header("Content-Length", "0")
            self.end_headers()
        elif path in host.json:
            self._send(json.dumps(host.json[path]).encode(), path)
        elif path in host.files:
            self._send_file(host.files[path], path)
        else:
            self.send_error(404)

    def _send_file(self, data: bytes, path: str) -> None:
        etag, wanted = self.host.etags.get(path, ""), self.headers.get("Range", "")
        condition = self.headers.get("If-Range", "")
        if not wanted or not self.host.ranges or (condition and condition != etag):
            self._send(data, path, etag)
            return
        first, _, last = wanted.removeprefix("bytes=").partition("-")
        start, end = int(first), int(last) + 1 if last else len(data)
        if start >= len(data):
            self.send_error(416)
            return
        self.send_response(206)
        self.send_header("Content-Range", f"bytes {start}-{end - 1}/{len(data)}")
        self._body(data[start:end], path, etag)

    def _send(self, data: bytes, path: str, etag: str = "") -> None:
        self.send_response(200)
        self._body(data, path, etag)

    def _body(self, data: bytes, path: str, etag: str) -> None:
        if path in self.host.links:
            self.send_header("Link", f'<{self.host.links.pop(path)}>; rel="next"')
        if etag:
            self.send_header("ETag", etag)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        cuts = self.host.cut.get(path, []) if self.headers.get("Range") != "bytes=0-0" else []
        self.wfile.write(data[: cuts.pop(0)] if cuts else data)
        self.close_connection = True

    def log_message(self, format: str, *arguments: object) -> None:
        pass


@contextmanager
def serving() -> Iterator[Host]:
    """A host on this machine, until the end of the block."""
    host = Host()
    handler = type("Handler", (_Handler,), {"host": host})
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    host.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield host
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
