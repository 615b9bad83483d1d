"""The mark inside a file that says its colours are a colorization, made from what and with what."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.metadata import version
from typing import Literal

from hybrid.photo.photo import PhotoError
from hybrid.photo.xmp import Packet, qualified

SOURCE_TYPE, _DESCRIPTION, _HISTORY = "Iptc4xmpExt:DigitalSourceType", "dc:description", "xmpMM:History"
_DOCUMENT, _INSTANCE, _ORIGINAL = "xmpMM:DocumentID", "xmpMM:InstanceID", "xmpMM:OriginalDocumentID"
_DERIVED = "xmpMM:DerivedFrom"
_SYSTEM, _SYSTEM_VERSION = "Iptc4xmpExt:AISystemUsed", "Iptc4xmpExt:AISystemVersionUsed"
OURS = tuple(map(qualified, (SOURCE_TYPE, _DESCRIPTION, _DOCUMENT, _INSTANCE, _ORIGINAL, _DERIVED)))
"""Properties of a scan that the mark changes."""

Source = Literal["model", "picture", "strokes", "none"]
_NEWSCODES = "http://cv.iptc.org/newscodes/digitalsourcetype/"
# IPTC's words: "humanEdits" are by humans using non-generative tools; of the elements of a "composite" any may or may
# not be generative AI, and that is all that is known of another picture's colours.
_TYPES: dict[Source, str] = {
    "model": "compositeWithTrainedAlgorithmicMedia",
    "picture": "composite",
    "strokes": "humanEdits",
}
_WHOSE: dict[Source, str] = {
    "model": "guessed by a trained model",
    "picture": "taken from another picture",
    "strokes": "painted by hand",
}
_OF_OURS = uuid.UUID("8c6ae4ae-6c0b-5f5c-9d38-6c3f1a5f4a0e")


@cache
def program() -> str:
    """Name and version of this program."""
    return f"hybrid {version('hybrid-colorizer')}"


@dataclass(frozen=True)
class Provenance:
    """What a picture's colours come from.

    Attributes
    ----------
    source : "model" for a network, with or without strokes; "picture" for a small colour picture; "strokes" alone;
        "none" where nothing was coloured.
    details : names and values that tell how to make the same again: hashes of the photo, the model and the strokes,
        settings. Values must not hold "; ".
    model : name of the model, "" for none.
    """

    source: Source
    details: Mapping[str, str] = field(default_factory=dict)
    model: str = ""

    @property
    def statement(self) -> str:
        """What a reader of the file should know, in a sentence."""
        if self.source == "none":
            return ""
        return (
            f"The colours of this picture are a colorization, {_WHOSE[self.source]} ({program()}); "
            "they are no evidence of the colours that were there."
        )


def marked(packet: bytes, provenance: Provenance) -> bytes:
    """A scan's XMP packet (or b"") with the mark added; every other property stays.

    The same arguments give the same bytes, so there is no date: a rerun of a batch writes the same files. A packet
    that cannot be read is replaced.
    """
    try:
        xmp = Packet(packet)
    except PhotoError:
        xmp = Packet()
    parameters = "; ".join(f"{name}={value}" for name, value in provenance.details.items() if value)
    identity = str(uuid.uuid5(_OF_OURS, f"{program()} {provenance.source} {parameters}"))
    origin = {name: xmp.text(f"xmpMM:{name}") for name in ("DocumentID", "InstanceID", "OriginalDocumentID")}
    if any(origin.values()):
        names = {f"stRef:{name[0].lower()}{name[1:]}": value for name, value in origin.items() if value}
        xmp.replace_structure(_DERIVED, names)
        xmp.replace(_ORIGINAL, origin["OriginalDocumentID"] or origin["DocumentID"] or origin["InstanceID"])
    xmp.replace(_DOCUMENT, f"xmp.did:{identity}")
    xmp.replace(_INSTANCE, f"xmp.iid:{identity}")
    if provenance.source != "none":
        xmp.replace(SOURCE_TYPE, _NEWSCODES + _TYPES[provenance.source])
        xmp.append_sentence(_DESCRIPTION, provenance.statement)
    if provenance.source == "model":
        xmp.replace(_SYSTEM, f"hybrid, model {provenance.model}")
        xmp.replace(_SYSTEM_VERSION, program().rpartition(" ")[2])
    xmp.append_structure(
        _HISTORY,
        {
            "stEvt:action": "edited",
            "stEvt:instanceID": f"xmp.iid:{identity}",
            "stEvt:softwareAgent": program(),
            "stEvt:changed": "/",
            "stEvt:parameters": f"colorization: source={provenance.source}; {parameters}".removesuffix("; "),
        },
    )
    return bytes(xmp)


def mark_of(packet: bytes) -> dict[str, str]:
    """The mark in an XMP packet: "source_type", "program", "made_from"; empty where there is none of ours."""
    try:
        xmp = Packet(packet)
    except PhotoError:
        return {}
    event = xmp.last_structure(_HISTORY)
    if not event.get("softwareAgent", "").startswith("hybrid "):
        return {}
    return {
        "source_type": xmp.text(SOURCE_TYPE).removeprefix(_NEWSCODES),
        "program": event["softwareAgent"],
        "made_from": event.get("parameters", "").removeprefix("colorization: "),
    }
