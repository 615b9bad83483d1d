"""A batch from its inputs to its summary; killed at any moment and begun again, it goes on where it was."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from hybrid.batch.cluster import RayCrew
from hybrid.batch.crew import Crew
from hybrid.batch.error import USAGE, BatchError
from hybrid.batch.inputs import Item, lay_out
from hybrid.batch.lock import workplace
from hybrid.batch.manifest import History, Manifest, Row, read_history
from hybrid.batch.outlook import Outlook, pixels_of, sizes_of
from hybrid.batch.place import check_place, pending_outputs, pending_path, place, recover
from hybrid.batch.report import Report
from hybrid.batch.shard import WHOLE, Shard
from hybrid.batch.worker import ExitCode, Open, Outcome, Task
from hybrid.hints import sha256_of
from hybrid.memory import plan_bytes
from hybrid.photo import WriteError


@dataclass(frozen=True)
class Batch:
    """What is asked for.

    Parameters
    ----------
    inputs : files, folders and patterns
    folder : of the outputs
    open_colorizer, exit_code_of : given to the workers
    settings_sha256 : from `settings_hash`
    has_hints : whether there are strokes; they belong to one photo
    has_layers : whether files get layers, which takes memory and time
    megapixels : at which colours are spread, which takes both too
    page : of photos that have several; None: the first that is no thumbnail
    workers : processes at most, on a cluster on a node; None: two where cores and memory allow, or one a GPU
    cluster : address of a Ray cluster to work on; "" for this machine alone
    device : as of `RayCrew`; without a cluster the workers know
    shard : the share of the photos to do
    redo : colour again what is done
    verify : read inputs and outputs again, instead of trusting an input's size and date and an output's size
    overwrite : replace files that no batch wrote
    """

    inputs: Sequence[Path]
    folder: Path
    open_colorizer: Open
    exit_code_of: ExitCode
    settings_sha256: str
    has_hints: bool = False
    has_layers: bool = False
    megapixels: float = 1.0
    page: int | None = None
    workers: int | None = None
    cluster: str = ""
    device: str = "auto"
    shard: Shard = WHOLE
    redo: bool = False
    verify: bool = False
    overwrite: bool = False


def run_batch(batch: Batch, report: Report) -> None:
    """Colour what is not done yet; what becomes of each photo goes to the report and into the manifest.

    Raises
    ------
    BatchError
        Inputs or folder cannot be used, another batch is at work there, or no worker can work.
    """
    own = [*read_history(batch.folder).outputs, *pending_outputs(batch.folder)]
    items = lay_out(batch.inputs, batch.folder, {(batch.folder / output).resolve() for output in own})
    if batch.has_hints and len(items) > 1:
        raise BatchError(f"hints belong to one photo; got {len(items)} photos")
    items = batch.shard.of(items)
    photos = [item.photo for item in items]
    sizes = sizes_of(photos, batch.page)
    report.expect(photos, Outlook(photos, sizes, batch.megapixels, batch.has_layers))
    with workplace(batch.folder, batch.shard) as spot, Manifest(batch.folder, batch.shard) as manifest:
        recover(batch.folder, batch.shard, manifest)
        history = read_history(batch.folder)
        run = _Run(batch, report, manifest, pending_path(batch.folder, batch.shard), history, sizes)
        crew = _crew_of(batch, report)
        try:
            with closing(crew.run(run.tasks(items, spot))) as ended:
                for task, outcome in ended:
                    run.end(task, outcome)
        finally:
            recover(batch.folder, batch.shard, manifest)  # Ctrl-C may come while a picture is put in its place


def _crew_of(batch: Batch, report: Report) -> Crew | RayCrew:
    plan = partial(plan_bytes, has_strokes=batch.has_hints, has_layers=batch.has_layers, megapixels=batch.megapixels)
    given = batch.open_colorizer, batch.exit_code_of, batch.workers, plan, report.begun
    return RayCrew(batch.cluster, *given, batch.device, report.note) if batch.cluster else Crew(*given)


def is_done(photo: Path, target: Path, row: Row | None, settings_sha256: str, verify: bool = False) -> bool:
    """Whether a photo need not be coloured again.

    Parameters
    ----------
    row : the last of the target, or None
    verify : whether to read both files; else the photo counts as unchanged if its size and date are, and is read if
        they are not; the picture counts as unchanged if its size is.
    """
    if row is None or row.status != "ok" or row.settings_sha256 != settings_sha256:
        return False
    if not (photo.is_file() and target.is_file()) or target.stat().st_size != row.output_bytes:
        return False
    if verify and sha256_of(target) != row.output_sha256:
        return False
    status = photo.stat()
    is_same = (status.st_size, status.st_mtime_ns) == (row.input_bytes, row.input_mtime_ns)
    return (is_same and not verify) or sha256_of(photo) == row.input_sha256


@dataclass(frozen=True)
class _Run:
    batch: Batch
    report: Report
    manifest: Manifest
    pending: Path
    history: History
    sizes: Mapping[Path, int]

    def tasks(self, items: Sequence[Item], spot: Path) -> Iterator[Task]:
        """The photos that are to be coloured; of the others the report is told."""
        batch = self.batch
        for number, item in enumerate(items):
            target = batch.folder / item.output
            try:
                last = self.history.last(item.output.as_posix())
                if not batch.redo and is_done(item.photo, target, last, batch.settings_sha256, batch.verify):
                    self.report.skipped(item.photo, target)
                    continue
                self._check(target)
            except (WriteError, OSError) as error:
                self._failed(item.photo, target, Outcome(0.0, {}, exit=USAGE, error=str(error)))
                continue
            pixels = self.sizes.get(item.photo)
            pixels = pixels_of(item.photo, batch.page) if pixels is None else pixels
            yield Task(item.photo, target, spot / f"{number}.tif", pixels)

    def end(self, task: Task, outcome: Outcome) -> None:
        """Put a picture in its place, or tell why there is none."""
        if outcome.exit:
            self._failed(task.photo, task.target, outcome)
            return
        row = self._row(task.photo, task.target, outcome, task.staged.stat().st_size)
        try:
            self._check(task.target)  # a file may have appeared there meanwhile
            place(task.staged, self.batch.folder, row, self.manifest, self.pending)
        except WriteError as error:
            self._failed(task.photo, task.target, Outcome(outcome.seconds, {}, exit=USAGE, error=str(error)))
            return
        self.history.add(row)
        self.report.done(task.photo, outcome.report, outcome.seconds)

    def _check(self, target: Path) -> None:
        output = target.relative_to(self.batch.folder).as_posix()
        check_place(target, self.batch.folder, self.history.written(output), self.batch.overwrite)

    def _failed(self, photo: Path, target: Path, outcome: Outcome) -> None:
        row = self._row(photo, target, outcome, 0)
        self.manifest.add(row)
        self.history.add(row)
        self.report.failed(photo, outcome.exit, outcome.error, outcome.trace)

    def _row(self, photo: Path, target: Path, outcome: Outcome, output_bytes: int) -> Row:
        return Row(
            input=os.path.relpath(photo.absolute(), self.batch.folder.resolve()),
            output=target.relative_to(self.batch.folder).as_posix(),
            status="failed" if outcome.exit else "ok",
            settings_sha256=self.batch.settings_sha256,
            input_sha256=outcome.input_sha256,
            input_bytes=outcome.input_bytes,
            input_mtime_ns=outcome.input_mtime_ns,
            output_sha256=outcome.output_sha256,
            output_bytes=output_bytes,
            seconds=round(outcome.seconds, 3),
            exit=outcome.exit,
            error=outcome.error,
            finished=datetime.now(UTC).isoformat(),
        )
