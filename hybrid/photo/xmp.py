"""XMP packets (ISO 16684-1): read into properties, and changed without losing what other programs wrote."""

import re
from collections.abc import Iterator, Mapping
from xml.etree import ElementTree

from hybrid.photo.photo import PhotoError

Element = ElementTree.Element

NAMES = {
    "x": "adobe:ns:meta/",
    "rdf": "http://www.w3.org/1999/02/22-rdf-syntax-ns#",
    "dc": "http://purl.org/dc/elements/1.1/",
    "tiff": "http://ns.adobe.com/tiff/1.0/",
    "xmpMM": "http://ns.adobe.com/xap/1.0/mm/",
    "stEvt": "http://ns.adobe.com/xap/1.0/sType/ResourceEvent#",
    "stRef": "http://ns.adobe.com/xap/1.0/sType/ResourceRef#",
    "Iptc4xmpExt": "http://iptc.org/std/Iptc4xmpExt/2008-02-29/",
}
"""Prefixes and namespaces that we write in."""

_LANGUAGE = "{http://www.w3.org/XML/1998/namespace}lang"
_WRAPPER = re.compile(rb"<\?xpacket[^>]*\?>")
_PREFIX = re.compile(r"xmlns:([A-Za-z_][\w.-]*)\s*=\s*[\"']([^\"']+)[\"']")
_RESERVED = re.compile(r"ns\d+$")  # ElementTree makes these up itself and lets nobody else
_HEAD, _TAIL = b'<?xpacket begin="\xef\xbb\xbf" id="W5M0MpCehiHzreSzNTczkc9d"?>\n', b'\n<?xpacket end="w"?>'
_DEEPEST = 60  # structures in lists in structures reach 20; Python's own limit would end the program
_CONTAINERS = ("Seq", "Bag", "Alt")


def qualified(name: str) -> str:
    """ElementTree's spelling of "prefix:name"."""
    prefix, _, local = name.partition(":")
    return f"{{{NAMES[prefix]}}}{local}"


class Packet:
    """An XMP packet being changed; an empty one is begun where there was none.

    Parameters
    ----------
    data : the packet as found in a file, wrapper and padding included, or b"".

    Raises
    ------
    PhotoError
        The data is no XMP.
    """

    def __init__(self, data: bytes = b"") -> None:
        text = _WRAPPER.sub(b"", data).strip(b"\0 \t\r\n\xef\xbb\xbf").decode("utf-8", "replace")
        if "<!DOCTYPE" in text or "<!ENTITY" in text:  # no XMP has them, and entities can grow without bound
            raise PhotoError("the XMP declares entities, which XMP has none of; remove it and try again")
        for prefix, space in _PREFIX.findall(text):
            if not _RESERVED.match(prefix) and prefix != "xml":
                ElementTree.register_namespace(prefix, space)
        for prefix, space in NAMES.items():
            ElementTree.register_namespace(prefix, space)
        builder = ElementTree.TreeBuilder(insert_comments=True, insert_pis=True)
        try:
            self._root = (
                ElementTree.fromstring(text, ElementTree.XMLParser(target=builder))
                if text
                else Element(qualified("x:xmpmeta"))
            )
        except (ElementTree.ParseError, ValueError) as error:  # ValueError: an encoding that cannot be
            raise PhotoError(f"the XMP is damaged ({error}); remove it and try again") from None
        _check_depth(self._root)
        tag = qualified("rdf:RDF")
        found = self._root if self._root.tag == tag else self._root.find(tag)
        if found is None and text:
            raise PhotoError("the XMP holds no RDF; remove it and try again")
        self._rdf = ElementTree.SubElement(self._root, tag) if found is None else found
        if not self._descriptions:
            ElementTree.SubElement(self._rdf, qualified("rdf:Description"), {qualified("rdf:about"): ""})

    def __bytes__(self) -> bytes:
        return _HEAD + ElementTree.tostring(self._root, encoding="unicode").encode() + _TAIL

    def text(self, name: str) -> str:
        """A property's simple value, "" where it has none."""
        return next((value for value in self._values(name) if isinstance(value, str)), "")

    def replace(self, name: str, text: str) -> None:
        """Give a property this simple value and no other."""
        self._remove(name)
        ElementTree.SubElement(self._descriptions[0], qualified(name)).text = text

    def replace_structure(self, name: str, fields: Mapping[str, str]) -> None:
        """Give a property these fields and no others."""
        self._remove(name)
        _fill(ElementTree.SubElement(self._descriptions[0], qualified(name)), fields)

    def append_structure(self, name: str, fields: Mapping[str, str]) -> None:
        """Add an item of fields to an ordered list, which is begun where there is none."""
        _fill(ElementTree.SubElement(self._container(name, "Seq"), qualified("rdf:li")), fields)

    def append_sentence(self, name: str, sentence: str) -> None:
        """Put a sentence on a line after a text's default language, once."""
        plain = self.text(name)
        container = self._container(name, "Alt")
        items = container.findall(qualified("rdf:li"))
        item = next((item for item in items if item.get(_LANGUAGE) == "x-default"), items[0] if items else None)
        if item is None:
            item = ElementTree.SubElement(container, qualified("rdf:li"), {_LANGUAGE: "x-default"})
            item.text = plain
        if sentence not in (item.text or ""):
            item.text = f"{item.text}\n{sentence}" if (item.text or "").strip() else sentence

    def last_structure(self, name: str) -> dict[str, str]:
        """Fields, without prefixes, of the last item of a list; empty where there is none."""
        for value in self._values(name):
            items = [] if isinstance(value, str) else list(value.iter(qualified("rdf:li")))
            if items:
                return {path.rpartition(":")[2].rpartition("}")[2]: text for path, text in _leaves(items[-1], "")}
        return {}

    def properties(self) -> dict[str, str]:
        """Every simple value by its path; however it was abbreviated."""
        found: dict[str, str] = {}
        for description in self._descriptions:
            for path, text in _leaves(description, ""):
                found[path] = text
        return found

    @property
    def _descriptions(self) -> list[Element]:
        return self._rdf.findall(qualified("rdf:Description"))

    def _values(self, name: str) -> Iterator[str | Element]:
        for description in self._descriptions:
            if (attribute := description.get(qualified(name))) is not None:
                yield attribute
            for element in description.findall(qualified(name)):
                yield element if len(element) else element.text or ""

    def _remove(self, name: str) -> None:
        for description in self._descriptions:
            description.attrib.pop(qualified(name), None)
            for element in description.findall(qualified(name)):
                description.remove(element)

    def _container(self, name: str, kind: str) -> Element:
        for description in self._descriptions:
            for element in description.findall(qualified(name)):
                for container in element:
                    if container.tag in [qualified(f"rdf:{any_kind}") for any_kind in _CONTAINERS]:
                        return container
        self._remove(name)
        element = ElementTree.SubElement(self._descriptions[0], qualified(name))
        return ElementTree.SubElement(element, qualified(f"rdf:{kind}"))


def _check_depth(root: Element) -> None:
    level = [root]
    for _ in range(_DEEPEST):
        level = [child for element in level for child in element]
    if level:
        raise PhotoError(f"the XMP is nested more than {_DEEPEST} deep; remove it and try again")


def _fill(element: Element, fields: Mapping[str, str]) -> None:
    element.set(qualified("rdf:parseType"), "Resource")
    for name, text in fields.items():
        ElementTree.SubElement(element, qualified(name)).text = text


def _leaves(element: Element, path: str) -> Iterator[tuple[str, str]]:
    """Path and text of the simple values in an element; list items are numbered, RDF's own attributes left out."""
    rdf = f"{{{NAMES['rdf']}}}"
    for name, text in element.attrib.items():
        if name == f"{rdf}resource":
            yield path, text
        elif not name.startswith((rdf, "{http://www.w3.org/XML")):
            yield f"{path}/{name}", text
    children = [child for child in element if isinstance(child.tag, str)]
    if not children and path and (element.text or "").strip():
        yield path, element.text or ""
    for number, child in enumerate(children):
        if child.tag in [f"{rdf}{kind}" for kind in (*_CONTAINERS, "Description")]:
            yield from _leaves(child, path)
        elif child.tag == f"{rdf}li":
            yield from _leaves(child, f"{path}[{number}]")
        else:
            yield from _leaves(child, f"{path}/{child.tag}")
