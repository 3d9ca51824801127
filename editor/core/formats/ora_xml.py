"""stack.xml: a parser that expands nothing, and names that XML can hold."""

from __future__ import annotations

import re
from xml.etree import ElementTree
from xml.etree.ElementTree import Element
from xml.parsers import expat

NAMESPACE = "https://palimpsest.invalid/openraster"
PREFIX = "palimpsest"
MOST_DEPTH = 100
MOST_ELEMENTS = 10_000
_ATTRIBUTE = re.compile(r"(\{[^{}\s\"<>&]+\})?[A-Za-z_][A-Za-z0-9_.-]*")
_FORBIDDEN = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


class BrokenStack(ValueError):
    """str() says what is wrong with stack.xml."""


def parsed(data: bytes) -> Element:
    """The root element; attributes of a namespace are called "{uri}name". Raises BrokenStack.

    A document type, the way to entities that grow without end or read files, is refused.
    """
    reader = _Reader()
    try:
        reader.parser.Parse(data, True)
    except (expat.ExpatError, ValueError, LookupError) as error:
        if isinstance(error, BrokenStack):
            raise
        raise BrokenStack("its stack.xml is damaged") from error
    return reader.builder.close()


def own(name: str) -> str:
    """The parsed name of an attribute of ours."""
    return f"{{{NAMESPACE}}}{name}"


def written(root: Element) -> bytes:
    """stack.xml of a tree whose own attributes are written with PREFIX."""
    root.set(f"xmlns:{PREFIX}", NAMESPACE)
    return b"<?xml version='1.0' encoding='UTF-8'?>\n" + ElementTree.tostring(root, "unicode").encode()


def text(value: str) -> str:
    """The text with what XML cannot hold replaced."""
    return _FORBIDDEN.sub("\ufffd", value)


def is_attribute(name: str) -> bool:
    """True for what may stand as a foreign attribute in stack.xml."""
    return bool(_ATTRIBUTE.fullmatch(name)) and not name.startswith("xmlns")


class _Reader:
    def __init__(self) -> None:
        self.builder = ElementTree.TreeBuilder()
        self.depth = self.count = 0
        self.parser = expat.ParserCreate(namespace_separator=" ")
        self.parser.StartDoctypeDeclHandler = self._refuse
        self.parser.StartElementHandler = self._start
        self.parser.EndElementHandler = self._end

    def _refuse(self, *_details: object) -> None:
        raise BrokenStack("its stack.xml declares a document type, which is not allowed there")

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        self.depth += 1
        self.count += 1
        if self.depth > MOST_DEPTH:
            raise BrokenStack(f"its groups are nested more than {MOST_DEPTH} deep")
        if self.count > MOST_ELEMENTS:
            raise BrokenStack(f"its stack.xml lists more than {MOST_ELEMENTS} layers")
        self.builder.start(_braced(name), {_braced(key): value for key, value in attributes.items()})

    def _end(self, name: str) -> None:
        self.depth -= 1
        self.builder.end(_braced(name))


def _braced(name: str) -> str:
    uri, space, local = name.rpartition(" ")
    return f"{{{uri}}}{local}" if space else name
