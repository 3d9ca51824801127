"""One file: resumed, hashed, and never under its name unless it is right."""

from __future__ import annotations

import hashlib
import random
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inference.errors import Cancelled
from inference.types import CancelToken
from training.fetching.download import Patience, download
from training.fetching.errors import FetchError, FetchTargetError, FetchUsageError
from training.fetching.plan import Remote, place
from training.fetching.web import Web, check_address

DATA = random.Random(1).randbytes(3_000_000)
PATIENCE = Patience(3, 0.001)
PATH = "/weights.safetensors"


def remote(host: Any, data: bytes = DATA, hash: str | None = None) -> Remote:
    expected = f"sha256:{hashlib.sha256(data).hexdigest()}" if hash is None else hash
    return Remote("weights.safetensors", host.url + PATH, len(data), expected)


def get(file: Remote, target: Path, cancel: CancelToken | None = None) -> list[int]:
    told: list[int] = []
    download(file, target, Web(timeout=5), told.append, cancel or CancelToken(), PATIENCE)
    return told


def test_a_file_arrives_whole_and_alone(host: Any, tmp_path: Path) -> None:
    host.files[PATH] = DATA
    target = tmp_path / "deep" / "weights.safetensors"
    told = get(remote(host), target)
    assert target.read_bytes() == DATA
    assert told == sorted(told) and told[-1] == len(DATA)
    assert [path.name for path in target.parent.iterdir()] == [target.name]


def test_a_cut_connection_goes_on_where_it_stopped(host: Any, tmp_path: Path) -> None:
    host.files[PATH], host.cut[PATH] = DATA, [1_000_000, 0, 500_000]
    get(remote(host), tmp_path / "w")
    assert (tmp_path / "w").read_bytes() == DATA
    assert host.ranges_of(PATH) == ["", "bytes=1000000-", "bytes=1000000-", "bytes=1500000-"]


def test_a_later_run_takes_up_what_is_there(host: Any, tmp_path: Path) -> None:
    host.files[PATH] = DATA
    (tmp_path / "w.part").write_bytes(DATA[:2_999_999])
    get(remote(host), tmp_path / "w")
    assert (tmp_path / "w").read_bytes() == DATA and host.ranges_of(PATH) == ["bytes=2999999-"]
    get(remote(host), tmp_path / "w")
    assert len(host.asked) == 1  # it is there already


def test_another_version_is_not_glued_to_the_old_one(host: Any, tmp_path: Path) -> None:
    old, new = DATA, DATA[::-1]
    host.files[PATH], host.etags[PATH], host.cut[PATH] = old, '"old"', [1_000_000, 0, 0, 0]
    with pytest.raises(FetchError, match="again and again"):
        get(remote(host, old, hash=""), tmp_path / "w")
    host.files[PATH], host.etags[PATH] = new, '"new"'
    get(remote(host, new, hash=""), tmp_path / "w")
    assert (tmp_path / "w").read_bytes() == new


@pytest.mark.parametrize("etag", ["", 'W/"weak"'])
def test_without_anything_to_compare_it_begins_again(host: Any, tmp_path: Path, etag: str) -> None:
    host.files[PATH], host.etags[PATH], host.cut[PATH] = DATA, etag, [1_000_000]
    get(remote(host, hash=""), tmp_path / "w")
    assert host.ranges_of(PATH) == ["", ""] and (tmp_path / "w").read_bytes() == DATA


def test_a_host_without_ranges_sends_it_all_again(host: Any, tmp_path: Path) -> None:
    host.files[PATH], host.ranges, host.cut[PATH] = DATA, False, [1_000_000]
    get(remote(host), tmp_path / "w")
    assert (tmp_path / "w").read_bytes() == DATA


def test_a_part_that_is_too_long_or_wrong_is_thrown_away(host: Any, tmp_path: Path) -> None:
    host.files[PATH] = DATA
    for rest in (DATA + b"more", bytes(len(DATA)), b"other" * 10):
        (tmp_path / "w.part").write_bytes(rest)
        get(remote(host), tmp_path / "w")
        assert (tmp_path / "w").read_bytes() == DATA
        (tmp_path / "w").unlink()


def test_a_wrong_hash_leaves_nothing(host: Any, tmp_path: Path) -> None:
    host.files[PATH] = DATA
    with pytest.raises(FetchError, match="hash differs"):
        get(remote(host, hash=f"sha256:{'0' * 64}"), tmp_path / "w")
    assert not (tmp_path / "w").exists() and not (tmp_path / "w.part").exists()


def test_a_wrong_size_is_refused(host: Any, tmp_path: Path) -> None:
    host.files[PATH] = DATA[:-1]
    with pytest.raises(FetchError, match="2999999 bytes"):
        get(remote(host), tmp_path / "w")


def test_small_files_have_gits_hash(host: Any, tmp_path: Path) -> None:
    host.files[PATH] = b"{}"
    name = hashlib.sha1(b"blob 2\0{}").hexdigest()
    get(remote(host, b"{}", f"git:{name}"), tmp_path / "w")
    with pytest.raises(FetchError, match="hash differs"):
        get(remote(host, b"[]", f"git:{name[::-1]}"), tmp_path / "v")


def test_an_empty_file_needs_no_connection(host: Any, tmp_path: Path) -> None:
    get(remote(host, b""), tmp_path / "w")
    assert (tmp_path / "w").read_bytes() == b"" and host.asked == []


def test_troubles_of_the_host_are_tried_again_and_then_told(host: Any, tmp_path: Path) -> None:
    host.files[PATH], host.status[PATH] = DATA, [503, 500, 200]
    get(remote(host), tmp_path / "w")
    host.status[PATH] = [503] * 3
    with pytest.raises(FetchError, match="HTTP 503"):
        get(remote(host), tmp_path / "v")


@pytest.mark.parametrize(("code", "word"), [(401, "login"), (403, "login"), (404, "no such"), (429, "refuses")])
def test_a_no_is_taken_for_a_no(host: Any, tmp_path: Path, code: int, word: str) -> None:
    host.files[PATH], host.status[PATH] = DATA, [code]
    with pytest.raises(FetchError, match=word):
        get(remote(host), tmp_path / "w")
    assert len(host.asked) == 1


def test_nobody_there(tmp_path: Path, host: Any) -> None:
    file = Remote("w", "http://127.0.0.1:9/w", 10)
    with pytest.raises(FetchError, match="cannot be reached"):
        get(file, tmp_path / "w")


def test_cancelled_it_keeps_what_came(host: Any, tmp_path: Path) -> None:
    host.files[PATH] = DATA
    cancel = CancelToken()

    def stop(count: int) -> None:
        if count >= 1_000_000:
            cancel.cancel()

    with pytest.raises(Cancelled):
        download(remote(host), tmp_path / "w", Web(), stop, cancel, PATIENCE)
    kept = (tmp_path / "w.part").read_bytes()
    assert 1_000_000 <= len(kept) < len(DATA) and DATA.startswith(kept)


def test_a_redirect_on_this_machine_is_followed_and_one_to_plain_http_is_not(host: Any, tmp_path: Path) -> None:
    host.files["/elsewhere"], host.redirects[PATH] = DATA, f"{host.url}/elsewhere"
    get(remote(host), tmp_path / "w")
    assert (tmp_path / "w").read_bytes() == DATA
    for address in ("http://example.com/x", "ftp://example.com/x", "file:///etc/passwd"):
        host.redirects[PATH] = address
        with pytest.raises(FetchError, match="not https"):
            get(remote(host), tmp_path / "v")


def test_a_redirect_goes_on_where_it_stopped(host: Any, tmp_path: Path) -> None:
    host.files["/elsewhere"], host.redirects[PATH], host.cut["/elsewhere"] = DATA, f"{host.url}/elsewhere", [1_000_000]
    get(remote(host), tmp_path / "w")
    assert (tmp_path / "w").read_bytes() == DATA and host.ranges_of("/elsewhere") == ["", "bytes=1000000-"]


def test_the_proxy_of_the_environment_is_used(host: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    host.files[PATH] = DATA
    file = Remote("w", f"http://localhost:9{PATH}", len(DATA))  # where nobody listens
    monkeypatch.setenv("http_proxy", host.url)
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)
    get(file, tmp_path / "w")
    assert (tmp_path / "w").read_bytes() == DATA
    monkeypatch.setenv("no_proxy", "localhost")
    with pytest.raises(FetchError, match="cannot be reached"):
        get(file, tmp_path / "v")


def test_a_part_that_no_longer_fits_begins_again(host: Any, tmp_path: Path) -> None:
    host.files[PATH], host.status[PATH] = DATA, [416]
    (tmp_path / "w.part").write_bytes(DATA[:1000])
    get(remote(host), tmp_path / "w")
    assert (tmp_path / "w").read_bytes() == DATA and host.ranges_of(PATH) == ["bytes=1000-", ""]


def test_a_disk_that_refuses_is_told(host: Any, tmp_path: Path) -> None:
    host.files[PATH] = DATA
    (tmp_path / "taken").write_text("a file")
    with pytest.raises(FetchTargetError, match="check the disk"):
        get(remote(host), tmp_path / "taken" / "w")


@pytest.mark.parametrize("url", ["http://example.com/x", "ftp://a/b", "file:///etc/passwd", "https:///x", "x", ""])
def test_only_https_addresses_are_taken(url: str) -> None:
    with pytest.raises(FetchUsageError, match="only https"):
        check_address(url)


SEGMENTS = st.lists(
    st.sampled_from(["..", ".", "", "a", "con", "C:", "a\\b", "x\0y", "e.json", "NUL.txt", "d "]), min_size=1
)


@given(SEGMENTS)
@settings(deadline=None)
def test_no_name_leaves_the_folder(tmp_path_factory: pytest.TempPathFactory, segments: list[str]) -> None:
    folder = tmp_path_factory.getbasetemp()
    try:
        path = place(folder, "/".join(segments))
    except FetchError:
        assert set(segments) - {"a", "e.json"}
    else:
        assert path.resolve().is_relative_to(folder.resolve()) and set(segments) <= {"a", "e.json"}


@given(st.lists(st.integers(0, 5000), max_size=4))
@settings(deadline=None, max_examples=15)
def test_whatever_the_cuts_the_file_is_right(cuts: list[int]) -> None:
    """A stand-in for the network, as fast as hypothesis is."""
    data = DATA[:4000]
    file = Remote("w", "https://example.com/w", len(data), f"sha256:{hashlib.sha256(data).hexdigest()}")
    left = [*cuts]

    class Answer:
        def __init__(self, start: int) -> None:
            self.status = 206 if start else 200
            self.headers = {"Content-Range": f"bytes {start}-3999/4000"} if start else {"Content-Length": "4000"}
            self._data = data[start : start + left.pop(0)] if left else data[start:]

        def read1(self, count: int) -> bytes:
            found, self._data = self._data[:count], self._data[count:]
            return found

        def __enter__(self) -> Answer:
            return self

        def __exit__(self, *_: object) -> None:
            pass

    class Fake:
        def open(self, url: str, headers: dict[str, str]) -> Answer:
            return Answer(int(headers.get("Range", "bytes=0-")[6:-1]))

    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        fake: Any = Fake()
        download(file, Path(folder) / "w", fake, lambda count: None, CancelToken(), Patience(6, 0))
        assert (Path(folder) / "w").read_bytes() == data
