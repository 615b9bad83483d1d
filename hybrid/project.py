"""An edit kept on disk: strokes, settings and history in a `.hyb` file, and every change since in a journal beside it.

The file is a zip of JSON and a thumbnail, written to a temporary name, synced and renamed. The journal has one line for
each change and is synced before the change counts as made; what it holds is replayed on opening. So whatever moment the
program is killed at, no change that was shown is lost.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import secrets
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hybrid.document import Change, Document
from hybrid.hints import sha256_of

VERSION = 1
SUFFIX = ".hyb"
MOST_BYTES = 256 << 20
"""Of a project's JSON once unpacked: a zip that claims more is refused."""


class ProjectError(ValueError):
    """A project that cannot be opened or written, and what to try."""


@dataclass
class Project:
    """An edit of one photo.

    Parameters
    ----------
    path : of the `.hyb` file
    photo : of the photo
    sha256 : of the photo's file
    model : {"name", "sha256"} of the network that the edit was made with
    document : strokes, settings, history
    saved : revision that the file holds; later ones are in the journal
    thumbnail : small JPEG of the picture, for those who look into the file
    """

    path: Path
    photo: Path
    sha256: str
    model: dict[str, str]
    document: Document = field(default_factory=Document)
    saved: int = -1
    thumbnail: bytes = b""

    @property
    def journal(self) -> Path:
        """Where changes are noted as they are made."""
        return self.path.with_name(self.path.name + ".journal")

    def note(self, entry: dict[str, Any]) -> None:
        """Append what led to the document's revision to the journal, and wait until it is on the disk.

        Raises
        ------
        ProjectError
            The disk refuses.
        """
        line = json.dumps({"revision": self.document.revision, **entry}, separators=(",", ":")) + "\n"
        try:
            with self.journal.open("ab") as file:
                file.write(line.encode())
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise ProjectError(
                f"the last change is not on the disk ({error.strerror or error}): free it, save"
            ) from error

    def save(self) -> None:
        """Write the file, whole or not at all, and empty the journal.

        Raises
        ------
        ProjectError
            The disk refuses; the file is then as it was, and the journal too.
        """
        document = {
            "version": VERSION,
            "photo": {"path": os.path.relpath(self.photo.resolve(), self.path.resolve().parent), "sha256": self.sha256},
            "model": self.model,
            **self.document.as_json(),
        }
        part = self.path.with_name(f".{self.path.name}.{secrets.token_hex(4)}.part")
        try:
            with part.open("wb") as file:
                with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
                    archive.writestr("project.json", json.dumps(document))
                    if self.thumbnail:
                        archive.writestr("thumbnail.jpg", self.thumbnail)
                file.flush()
                os.fsync(file.fileno())
            part.replace(self.path)
            sync_folder(self.path.parent)
        except OSError as error:
            raise ProjectError(f"cannot write {self.path}: {error.strerror or error}; free the disk") from error
        finally:
            part.unlink(missing_ok=True)
        self.saved = self.document.revision
        self.journal.unlink(missing_ok=True)


def sync_folder(folder: Path) -> None:
    """Wait until a rename in a folder is on the disk, where the system can."""
    with contextlib.suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def open_project(path: Path, photo: Path | None = None) -> Project:
    """Read a project and replay its journal.

    Parameters
    ----------
    path : of the `.hyb` file
    photo : where the photo is, if not where the project says

    Raises
    ------
    ProjectError
        No project, a damaged one, one of a later version, or another photo than the one it was made on.
    """
    content, thumbnail = _content(path)
    try:
        if content["version"] != VERSION:
            raise ProjectError(f"{path}: version {content['version']!r}; this program reads version {VERSION}")
        named = photo or (path.resolve().parent / content["photo"]["path"])
        wanted = str(content["photo"]["sha256"])
        document = Document.from_json(content)
        model = {str(key): str(value) for key, value in content["model"].items()}
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        if isinstance(error, ProjectError):
            raise
        raise ProjectError(f"{path}: damaged ({type(error).__name__}: {error}); use a copy of it") from None
    if not named.is_file():
        raise ProjectError(
            f"{path}: its photo {named} is not there; give the photo: hybrid edit PHOTO --project {path}"
        )
    found = sha256_of(named)
    if found != wanted:
        raise ProjectError(
            f"{path}: made on another photo (sha256 {wanted[:12]}…, {named} has {found[:12]}…); name another --project"
        )
    project = Project(path, named, found, model, document, document.revision, thumbnail)
    replay(project)
    return project


def _content(path: Path) -> tuple[dict[str, Any], bytes]:
    """What a file says of the edit, and its thumbnail."""
    try:
        with zipfile.ZipFile(path) as archive:
            if archive.getinfo("project.json").file_size > MOST_BYTES:
                raise ProjectError(f"{path}: more than {MOST_BYTES >> 20} MB of strokes; not a project of this program")
            content = json.loads(archive.read("project.json"))
            thumbnail = archive.read("thumbnail.jpg") if "thumbnail.jpg" in archive.namelist() else b""
    except FileNotFoundError:
        raise ProjectError(f"{path}: no such file; give a photo to begin a project") from None
    except (OSError, KeyError, zipfile.BadZipFile, ValueError) as error:
        if isinstance(error, ProjectError):
            raise
        raise ProjectError(f"{path}: not a readable project ({error}); wanted a {SUFFIX} file") from None
    if not isinstance(content, dict):
        raise ProjectError(f"{path}: damaged (no object in project.json); use a copy of it")
    return content, thumbnail


def replay(project: Project) -> int:
    """Make the changes of the journal that the file does not hold yet; how many there were.

    A last line that was being written when the program died is left out: its change was never confirmed.
    """
    document, count = project.document, 0
    if not project.journal.is_file():
        return 0
    whole = 0
    for line in project.journal.read_bytes().splitlines(keepends=True):
        try:
            entry = json.loads(line) if line.endswith(b"\n") else None
            if not isinstance(entry, dict) or entry["revision"] > document.revision + 1:
                break
            if entry["revision"] == document.revision + 1:
                _redo(document, entry)
                count += 1
        except (ValueError, KeyError, TypeError, AttributeError):
            break
        whole += len(line)
    if whole < project.journal.stat().st_size:
        os.truncate(project.journal, whole)
    return count


def _redo(document: Document, entry: dict[str, Any]) -> None:
    if entry["do"] == "change":
        document.change(Change.from_json(entry["change"]))
    elif entry["do"] == "undo":
        document.undo()
    else:
        document.redo()


@contextmanager
def held(path: Path) -> Iterator[None]:
    """Hold a project for one program; the machine forgets the lock of a process that has died.

    Raises
    ------
    ProjectError
        Another program has it open, or the folder cannot be written to.
    """
    lock = path.with_name(f".{path.name}.lock")
    descriptor = _locked(lock, path)
    try:
        yield
    finally:
        lock.unlink(missing_ok=True)
        os.close(descriptor)


def _locked(lock: Path, path: Path) -> int:
    """Descriptor of the lock's file, held."""
    while True:
        try:
            descriptor = os.open(lock, os.O_RDWR | os.O_CREAT, 0o666)
        except OSError as error:
            reason = error.strerror or error
            raise ProjectError(f"cannot write beside {path}: {reason}; choose another --project") from None
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            raise ProjectError(f"{path}: another editor has it open; use its tab, or another --project") from None
        if lock.exists() and os.path.samestat(lock.stat(), os.fstat(descriptor)):
            return descriptor
        os.close(descriptor)  # its last holder removed it in between
