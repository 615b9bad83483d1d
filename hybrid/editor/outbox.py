"""What waits to be sent to one browser tab: every word in order, of pictures the newest alone."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Hashable

from hybrid.editor.wire import Picture


class Outbox:
    """Words and pictures for one tab; a slow tab misses pictures that newer ones have replaced, and nothing else."""

    def __init__(self) -> None:
        self._words: deque[str] = deque()
        self._pictures: dict[Hashable, Picture] = {}
        self._news = asyncio.Event()

    def say(self, words: str) -> None:
        """Add a text."""
        self._words.append(words)
        self._news.set()

    def show(self, key: Hashable, picture: Picture) -> None:
        """Add a picture in the place of an older one with that key; what only that one told it tells too."""
        older = self._pictures.pop(key, None)
        self._pictures[key] = picture if older is None else picture.since(older)
        self._news.set()

    async def letters(self) -> AsyncIterator[str | bytes]:
        """All there is and will be, words first."""
        while True:
            await self._news.wait()
            self._news.clear()
            while self._words or self._pictures:
                if self._words:
                    yield self._words.popleft()
                else:
                    yield self._pictures.pop(next(iter(self._pictures))).packed()
