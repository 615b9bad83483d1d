"""An edit in progress: the project, the engine that colours it, and the browser tabs that look on."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Hashable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hybrid.document import CHOICES, MOST_POINTS, RANGES, Change
from hybrid.editor.engine import Engine, Kind, Listener, Wanted
from hybrid.editor.exact import Place, Tile
from hybrid.editor.export import Export, Order
from hybrid.editor.outbox import Outbox
from hybrid.editor.suggest import doubt, suggestions
from hybrid.editor.tiles import SIDE, Pyramid, thumbnail
from hybrid.editor.wire import NONE, QUICK, SETTLED, TILE, Picture, chroma_picture
from hybrid.photo import Photo
from hybrid.predict import Predictor
from hybrid.project import Project, ProjectError
from hybrid.scale import shading
from hybrid.scribbles import CellColors
from hybrid.settings import Settings

SAVE_AFTER = 4.0
"""Seconds without a change after which the project file is written; the journal holds everything before that."""
MOST_AT_ONCE = 1000
MOST_TILES = 64
THUMBNAIL = 256


@dataclass(frozen=True, eq=False)
class Material:
    """What an edit is made of.

    Parameters
    ----------
    photo : from `read_photo`, with its path
    source : of the colours
    model : its name, for people
    project : opened or begun
    settings : where the document says nothing
    """

    photo: Photo
    source: Predictor | CellColors | None
    model: str
    project: Project
    settings: Settings


class Desk:
    """Everything that the browser tabs of one edit share; used from one event loop.

    Parameters
    ----------
    material : of the edit
    """

    def __init__(self, material: Material) -> None:
        self.material = material
        self.pyramid = Pyramid(material.photo.lightness)
        self.document = material.project.document
        self._tabs: set[Outbox] = set()
        self._watched: dict[Outbox, dict[Place, int]] = {}
        self._order = asyncio.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._picture: Picture | None = None
        self._drawn: Picture | None = None  # the newest that the engine told, in its own thread
        self._export: Export | None = None
        self._saving: asyncio.Task[None] | None = None
        self._stage = ""
        told = Listener(self._chroma, self._tile, self._stage_is, self._failed)
        self.engine = Engine(material.photo, material.source, material.settings, told)

    async def open(self) -> None:
        """Begin to colour."""
        self._loop = asyncio.get_running_loop()
        self.engine.start()
        self._recolor()

    async def close(self) -> None:
        """Save, and end what is running."""
        if self._export is not None:
            await asyncio.to_thread(self._export.cancel, True)
        if self._saving is not None:
            self._saving.cancel()
        await self.save()
        await asyncio.to_thread(self.engine.close)

    def join(self) -> Outbox:
        """A new tab, with what there is so far."""
        tab = Outbox()
        tab.say(json.dumps({"type": "state", **self.state()}))
        if self._picture is not None:
            tab.show("chroma", self._picture.whole())
        self._tabs.add(tab)
        return tab

    def leave(self, tab: Outbox) -> None:
        """A tab has gone."""
        self._tabs.discard(tab)
        if self._watched.pop(tab, None):
            self._look()

    def state(self) -> dict[str, Any]:
        """All that a tab needs to begin with."""
        photo, document = self.material.photo, self.document
        height, width = photo.lightness.shape
        settings = self.material.settings
        return {
            "photo": {"name": photo.path.name if photo.path else "", "width": width, "height": height},
            "tiles": {"side": SIDE, "levels": self.pyramid.levels},
            "project": self.material.project.path.name,
            "model": self.material.model,
            "is_predicted": isinstance(self.material.source, Predictor),
            "defaults": {name: getattr(settings, name) for name in (*RANGES, *CHOICES)},
            "stage": self._stage,
            **self._about(Change(document.hints, document.settings)),
        }

    def _about(self, change: Change) -> dict[str, Any]:
        document, project = self.document, self.material.project
        history = {"can_undo": document.can_undo, "can_redo": document.can_redo}
        return {
            "revision": document.revision,
            "is_saved": project.saved == document.revision,
            **history,
            **change.as_json(),
        }

    async def ask(self, message: Any, tab: Outbox) -> None:
        """Do what a tab asks for.

        Raises
        ------
        ValueError
            It asks for what cannot be done, and the document is as it was; or the change cannot be put on disk.
        """
        if not isinstance(message, dict):
            raise ValueError("wanted a JSON object")
        wish = message.get("do")
        if wish == "look":
            self._watch(message, tab)
        elif wish == "save":
            await self.save()
        elif wish in ("add", "replace", "undo", "redo"):
            await self._change(wish, message)
        else:
            raise ValueError(f"do {wish!r}: unknown; wanted add, replace, undo, redo, look or save")

    def _watch(self, message: dict[str, Any], tab: Outbox) -> None:
        """A tab looks at these tiles from now on, and has editions of some."""
        places = message.get("tiles")
        if not isinstance(places, list) or len(places) > MOST_TILES:
            raise ValueError(f"tiles: wanted a list of at most {MOST_TILES} columns and rows")
        known = [
            ((place[0], place[1]), place[2] if len(place) == 3 else NONE)
            for place in places
            if isinstance(place, list) and len(place) in (2, 3) and all(type(part) is int for part in place)
        ]
        self._watched[tab] = {place: edition for place, edition in known if self.pyramid.has(0, *place)}
        self._look(tab)

    def _look(self, tab: Outbox | None = None) -> None:
        """Have tiles rendered that any tab looks at, those of one first."""
        own = {} if tab is None else self._watched[tab]
        others = {place: edition for tiles in self._watched.values() for place, edition in tiles.items()}
        self.engine.look_at({**own, **others, **own})

    async def _change(self, wish: str, message: dict[str, Any]) -> None:
        """Change the document, note it on disk, then tell all tabs; one change after another."""
        async with self._order:
            change, entry = self._made(wish, message)
            self._recolor()
            try:
                await asyncio.to_thread(self.material.project.note, entry)
            finally:
                self._broadcast({"type": "changed", "by": message.get("by"), **self._about(change)})
        if self._saving is not None:
            self._saving.cancel()
        self._saving = asyncio.create_task(self._save_later())

    def _made(self, wish: str, message: dict[str, Any]) -> tuple[Change, dict[str, Any]]:
        document = self.document
        if wish == "undo":
            return document.undo(), {"do": wish}
        if wish == "redo":
            return document.redo(), {"do": wish}
        strokes, settings = message.get("strokes"), message.get("settings", {})
        if wish == "add":
            if not isinstance(strokes, list) or not 0 < len(strokes) <= MOST_AT_ONCE:
                raise ValueError(f"strokes: wanted a list of 1 to {MOST_AT_ONCE}, each of at most {MOST_POINTS} points")
            change = document.add(strokes)
        else:
            strokes = {} if strokes is None else strokes
            if not isinstance(strokes, dict) or not isinstance(settings, dict) or not (strokes or settings):
                raise ValueError("wanted strokes by number, or settings by name")
            change = document.replacing(strokes, settings)
        return document.change(change), {"do": "change", "change": change.as_json()}

    async def _save_later(self) -> None:
        await asyncio.sleep(SAVE_AFTER)
        try:
            await asyncio.shield(self.save())  # once begun it is not given up
        except ProjectError as error:
            self._broadcast({"type": "failed", "revision": self.document.revision, "error": str(error)})

    async def save(self) -> None:
        """Write the project file, unless it holds the newest revision already."""
        project = self.material.project
        async with self._order:
            if project.saved != self.document.revision:
                settled = self.engine.settled()
                if settled is not None:
                    project.thumbnail = thumbnail(settled.session.guide, settled.spread.chroma, THUMBNAIL)
                await asyncio.to_thread(project.save)
            self._broadcast({"type": "saved", "revision": project.saved})

    def _recolor(self) -> None:
        document = self.document
        settings = {name: value for name, value in document.settings.items() if value is not None}
        self.engine.show(Wanted(document.revision, document.strokes(), settings))

    def export(self, ending: Any, bits: Any) -> None:
        """Begin to write the picture beside the photo.

        Raises
        ------
        ValueError
            One is being written, or no such file can be.
        """
        if self._export is not None and self._export.is_running:
            raise ValueError("an export is running; wait for it or cancel it")
        path = self.material.project.photo
        order = Order(path.parent, path.stem, ending, bits)
        self._export = Export(self.engine, self.document.revision, order, self._told_of_export)
        self._export.start()

    def cancel_export(self) -> None:
        """Stop the export that is running, if any."""
        if self._export is not None:
            self._export.cancel()

    def color_at(self, x: float, y: float) -> dict[str, Any]:
        """Lightness, present colour and suggested colours of a place in pixels of the photo."""
        photo = self.material.photo
        height, width = photo.lightness.shape
        if not (0 <= x < width and 0 <= y < height):
            raise ValueError(f"place {x:g}, {y:g}: outside the photo of {width}×{height} pixels")
        lightness = float(photo.lightness[int(y), int(x)])
        found: dict[str, Any] = {"lightness": lightness, "ab": [0.0, 0.0], "suggestions": []}
        settled = self.engine.settled()
        if settled is not None:
            painted, index = settled.spread.painted, int(y) * width + int(x)
            place = int(np.searchsorted(painted.index, index))
            rows, columns = settled.session.shape
            chroma = settled.spread.chroma[int(y * rows / height), int(x * columns / width)]
            is_painted = place < len(painted) and painted.index[place] == index
            ab = painted.ab[place] if is_painted else chroma * shading(photo.lightness[int(y), int(x)])
            found["ab"] = [round(float(value), 2) for value in ab]
            if settled.session.prediction is not None:
                of_place = suggestions(settled.session.prediction, x / width, y / height)
                found["suggestions"] = [{"ab": s.ab, "probability": s.probability} for s in of_place]
        return found

    def doubt(self) -> dict[str, Any]:
        """Where the network is unsure: rows of 0..255, and the place where a stroke would help most."""
        settled = self.engine.settled()
        if settled is None or settled.session.prediction is None:
            raise ValueError("no network has been asked; there is no doubt to show")
        unsure = doubt(settled.session.prediction, self.engine.reached())
        rows, columns = unsure.shape
        row, column = np.unravel_index(int(unsure.argmax()), unsure.shape)
        height, width = self.material.photo.lightness.shape
        least, most = np.quantile(unsure, (0.1, 0.98))
        codes = np.clip((unsure - least) * (255 / max(most - least, 1e-3)), 0, 255).astype(np.uint8)
        place = [(int(column) + 0.5) * width / columns, (int(row) + 0.5) * height / rows]
        return {"rows": codes.tolist(), "next": place}

    def _broadcast(self, message: dict[str, Any]) -> None:
        words = json.dumps(message)
        for tab in self._tabs:
            tab.say(words)

    def _show(self, key: Hashable, picture: Picture) -> None:
        for tab in self._tabs:
            tab.show(key, picture)

    def _later(self, what: Any, *arguments: Any) -> None:
        """Do something in the event loop; called by the threads."""
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(what, *arguments)

    def _chroma(self, revision: int, kind: Kind, chroma: NDArray[np.floating]) -> None:
        self._drawn = chroma_picture(self._drawn, revision, SETTLED if kind == "settled" else QUICK, chroma)
        self._later(self._keep_picture, self._drawn)

    def _keep_picture(self, picture: Picture) -> None:
        self._picture = picture
        self._show("chroma", picture)

    def _tile(self, revision: int, place: Place, tile: Tile) -> None:
        picture = Picture(revision, TILE, tile.codes, tile.part, tile.edition, tile.base, place)
        self._later(self._show, ("tile", place), picture)

    def _stage_is(self, revision: int, stage: str) -> None:
        self._stage = stage
        self._later(self._broadcast, {"type": "stage", "revision": revision, "stage": stage})

    def _failed(self, revision: int, reason: str) -> None:
        self._later(self._broadcast, {"type": "failed", "revision": revision, "error": reason})

    def _told_of_export(self, news: dict[str, Any]) -> None:
        self._later(self._broadcast, {"type": "export", **news})
