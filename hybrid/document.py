"""Strokes and settings that can be changed, undone and done again: what an editor edits, nothing of files."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from hybrid.hints import hint_of, stroke_of
from hybrid.kriging import REACHES
from hybrid.strokes import Stroke

Hint = dict[str, Any]
HISTORY = 1000
"""Steps that can be undone."""
MOST_POINTS = 20_000
"""Of one stroke; a browser gives some 120 a second."""
LARGEST_RADIUS = 20_000.0
RANGES: dict[str, tuple[float, float]] = {
    "saturation": (0, 4),
    "warmth": (-1, 1),
    "temperature": (0, 1),
    "vividness": (0, 1),
}
CHOICES = {"reach": tuple(REACHES)}
NOTES = ("label", "is_hidden", "is_locked")
"""Keys of a stroke that say nothing of the picture's colours, but for hidden strokes being left out of it."""


@dataclass(frozen=True)
class Change:
    """What to put in place: strokes by number, None taking one away, and settings by name, None for the default."""

    strokes: Mapping[int, Hint | None] = field(default_factory=dict)
    settings: Mapping[str, Any] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        return {
            "strokes": {str(number): hint for number, hint in self.strokes.items()},
            "settings": dict(self.settings),
        }

    @classmethod
    def from_json(cls, content: Any) -> Change:
        """From `as_json`, as it stands; a stroke or setting that is out of range raises ValueError."""
        strokes = {int(number): hint for number, hint in content.get("strokes", {}).items()}
        for hint in strokes.values():
            if hint is not None:
                checked_hint(hint)
        settings = {name: checked_setting(name, value) for name, value in content.get("settings", {}).items()}
        return cls(strokes, settings)


def checked_hint(hint: Any) -> Hint:
    """The stroke in the form in which it is kept: as a file of hints would give it back.

    Raises
    ------
    ValueError
        It cannot be painted, or is too large.
    """
    if not isinstance(hint, dict) or not isinstance(hint.get("points"), list):
        raise ValueError("a stroke needs a list of points")
    if len(hint["points"]) > MOST_POINTS:
        raise ValueError(f"a stroke of {len(hint['points'])} points; at most {MOST_POINTS}")
    stroke = stroke_of(hint)
    if float(max(stroke.radius)) > LARGEST_RADIUS:  # type: ignore[arg-type]
        raise ValueError(f"a brush of {float(max(stroke.radius)):.0f} pixels; at most {LARGEST_RADIUS:.0f}")  # type: ignore[arg-type]
    notes = {name: hint[name] for name in NOTES if hint.get(name)}
    if not all(isinstance(value, bool | str) and len(str(value)) <= 200 for value in notes.values()):
        raise ValueError("a label is a text of at most 200 characters")
    return {**hint_of(stroke), **notes}


def checked_setting(name: str, value: Any) -> Any:
    """A setting within its range, None for the default; anything else raises ValueError."""
    if value is None and (name in RANGES or name in CHOICES):
        return None
    if name in CHOICES:
        if value in CHOICES[name]:
            return value
        raise ValueError(f"{name} {value!r}; wanted {', '.join(CHOICES[name])}")
    if name in RANGES and isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value):
        low, high = RANGES[name]
        if low <= value <= high:
            return float(value)
        raise ValueError(f"{name} {value:g}; wanted {low:g} to {high:g}")
    known = ", ".join((*RANGES, *CHOICES))
    raise ValueError(f"setting {name!r} {value!r}; wanted one of {known}, and a value of its kind")


class Document:
    """Strokes, settings and their history. Every change, undo and redo is one revision."""

    def __init__(self) -> None:
        self.revision = 0
        self.hints: dict[int, Hint] = {}
        self.settings: dict[str, Any] = {}
        self._strokes: dict[int, tuple[Hint, Stroke]] = {}
        self._done: deque[tuple[Change, Change]] = deque(maxlen=HISTORY)
        self._undone: list[tuple[Change, Change]] = []
        self._next = 1

    @property
    def can_undo(self) -> bool:
        return bool(self._done)

    @property
    def can_redo(self) -> bool:
        return bool(self._undone)

    def change(self, change: Change) -> Change:
        """Make a change; it can be undone. Returns what was put in place."""
        before = self._put(change)
        self._done.append((before, change))
        self._undone.clear()
        return change

    def add(self, hints: list[Hint]) -> Change:
        """The change that adds strokes as the newest; it is not made yet."""
        return Change({self._next + i: checked_hint(hint) for i, hint in enumerate(hints)})

    def replacing(self, hints: Mapping[str, Any], settings: Mapping[str, Any]) -> Change:
        """The change that puts strokes, or None, in the place of those of some numbers, and sets settings.

        Raises
        ------
        ValueError
            No such stroke, or something is out of range.
        """
        unknown = [number for number in hints if not number.isdecimal() or int(number) not in self.hints]
        if unknown:
            raise ValueError(f"stroke {unknown[0]}: there is none of that number")
        strokes = {int(number): None if hint is None else checked_hint(hint) for number, hint in hints.items()}
        return Change(strokes, {name: checked_setting(name, value) for name, value in settings.items()})

    def undo(self) -> Change:
        """Take the last change back; ValueError if there is none."""
        if not self._done:
            raise ValueError("nothing to undo")
        step = self._done.pop()
        self._undone.append(step)
        self._put(step[0])
        return step[0]

    def redo(self) -> Change:
        """Make the change that was last taken back; ValueError if there is none."""
        if not self._undone:
            raise ValueError("nothing to redo")
        step = self._undone.pop()
        self._done.append(step)
        self._put(step[1])
        return step[1]

    def strokes(self) -> dict[int, Stroke]:
        """The strokes that count, in the order in which they were made; one that did not change is the same object."""
        kept: dict[int, tuple[Hint, Stroke]] = {}
        for number in sorted(self.hints):
            hint = self.hints[number]
            if hint.get("is_hidden"):
                continue
            known = self._strokes.get(number)
            kept[number] = known if known is not None and known[0] is hint else (hint, stroke_of(hint))
        self._strokes = kept
        return {number: stroke for number, (_, stroke) in kept.items()}

    def _put(self, change: Change) -> Change:
        """Put a change in place; the change that would take it back."""
        strokes = {number: self.hints.get(number) for number in change.strokes}
        settings = {name: self.settings.get(name) for name in change.settings}
        for number, hint in change.strokes.items():
            if hint is None:
                self.hints.pop(number, None)
            else:
                self.hints[number] = hint
                self._next = max(self._next, number + 1)
        for name, value in change.settings.items():
            if value is None:
                self.settings.pop(name, None)
            else:
                self.settings[name] = value
        self.revision += 1
        return Change(strokes, settings)

    def as_json(self) -> dict[str, Any]:
        """Everything, history included, for `from_json`."""
        return {
            "revision": self.revision,
            "next": self._next,
            **Change(self.hints, self.settings).as_json(),
            "done": [[change.as_json() for change in step] for step in self._done],
            "undone": [[change.as_json() for change in step] for step in self._undone],
        }

    @classmethod
    def from_json(cls, content: Any) -> Document:
        """From `as_json`; whatever is out of range raises ValueError, KeyError or TypeError."""
        document = cls()
        now = Change.from_json(content)
        document.hints = {number: hint for number, hint in now.strokes.items() if hint}
        document.settings = dict(now.settings)
        steps = {
            name: [(Change.from_json(before), Change.from_json(after)) for before, after in content[name]]
            for name in ("done", "undone")
        }
        document._done.extend(steps["done"])
        document._undone.extend(steps["undone"])
        document.revision = int(content["revision"])
        document._next = max([int(content["next"]), *(number + 1 for number in document.hints)])
        return document
