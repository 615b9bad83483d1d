"""Which photos a batch has, and the file that each becomes."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from hybrid.batch.error import UNREADABLE, BatchError
from hybrid.batch.patterns import expand, fixed_part, is_pattern
from hybrid.photo import ENDINGS


@dataclass(frozen=True)
class Item:
    """A photo, and the file that it becomes, relative to the batch's folder."""

    photo: Path
    output: Path


def is_batch(inputs: Sequence[Path], output: str) -> bool:
    """Whether a call means a folder of outputs, as opposed to one file that becomes one file.

    One photo is a batch of one if the output is a folder or ends with a slash. Several photos, a folder or a pattern
    are a batch, but a single folder with an output that is named as a picture is a slip, left to the reader to refuse.
    """
    if Path(output).is_dir() or output.endswith(("/", os.sep)) or len(inputs) > 1:
        return True
    return is_pattern(inputs[0]) or (inputs[0].is_dir() and not _is_named_as_picture(output))


def output_folder(output: str, photos: int) -> Path:
    """The folder of a batch's outputs; it may not exist yet.

    Raises
    ------
    BatchError
        A file, or a name that is a picture's.
    """
    folder = Path(output)
    is_meant = folder.is_dir() or output.endswith(("/", os.sep)) or not _is_named_as_picture(output)
    if not is_meant or (folder.exists() and not folder.is_dir()):
        raise BatchError(f"cannot write {photos} photos to {output}: it is no folder; name a folder, such as colour/")
    return folder


def lay_out(inputs: Sequence[Path], folder: Path, own: Collection[Path] = ()) -> list[Item]:
    """The photos of a batch, in the order of their outputs' names.

    A file becomes `folder`/its name; what is found in a folder given, or by a pattern, keeps its place below that
    folder, or below the pattern's part without wildcards. Searching goes through all subfolders, and takes files named
    as those we read. It leaves out hidden names, `folder` if it lies within, and files listed in `own`.

    Parameters
    ----------
    inputs : files, folders and patterns; files need not exist
    folder : of the outputs
    own : resolved paths that a batch has written

    Raises
    ------
    BatchError
        No photo found, two that would become one file, one that would be written over a photo, an unreadable folder.
    """
    try:
        items = [item for given in inputs for item in _items(given, folder, frozenset(own))]
    except OSError as error:
        raise BatchError(f"cannot read {error.filename}: {error.strerror}; check its permissions", UNREADABLE) from None
    items.sort(key=lambda item: item.output.as_posix())
    _check(items, folder)
    return items


def _is_named_as_picture(output: str) -> bool:
    return Path(output).suffix.lower() in ENDINGS


def _items(given: Path, folder: Path, own: frozenset[Path]) -> Iterator[Item]:
    if is_pattern(given):
        root = fixed_part(given)
        named = (path for path in expand(given) if path.is_dir() or _is_named_as_picture(path.name))
        places: dict[tuple[Path, str], Path] = {}
        for photo in (photo for path in named for photo in _photos(path, folder)):
            places.setdefault((photo.parent.resolve(), photo.name), photo)  # a link may lead to one twice
        found = list(places.values())
    elif given.is_dir():
        root, found = given, list(_photos(given, folder))
    else:
        yield Item(given, Path(given.stem + ".tif"))
        return
    photos = [photo for photo in found if not (own and photo.resolve() in own)]
    if not photos:
        kinds = ", ".join(ENDINGS)
        raise BatchError(f"no photo found: {given}; wanted files that end in {kinds}: check the path", UNREADABLE)
    yield from (Item(photo, photo.relative_to(root).with_suffix(".tif")) for photo in photos)


def _photos(place: Path, left_out: Path) -> Iterator[Path]:
    """A file itself; the photos in a folder, in order, through links too but into each real folder once."""
    if not place.is_dir():
        yield place
        return
    seen = {_identity(place)}
    if left_out.is_dir() and not left_out.samefile(place):
        seen.add(_identity(left_out))

    def is_new(path: Path) -> bool:
        identity = _identity(path)
        return identity not in seen and not seen.add(identity)  # type: ignore[func-returns-value]

    for spot, folders, files in os.walk(place, followlinks=True, onerror=_refuse):
        folders.sort(key=lambda name: (Path(spot, name).is_symlink(), name))  # under its own name rather than a link's
        folders[:] = [name for name in folders if not name.startswith(".") and is_new(Path(spot, name))]
        for name in sorted(files):
            path = Path(spot, name)
            is_file = (
                path.is_file() or not path.exists()
            )  # a broken link is reported when it is read; a pipe would hang
            if is_file and not name.startswith(".") and path.suffix.lower() in ENDINGS:
                yield path


def _refuse(error: OSError) -> None:
    raise error


def _identity(path: Path) -> tuple[int, int]:
    status = path.stat()
    return status.st_dev, status.st_ino


def _check(items: Sequence[Item], folder: Path) -> None:
    taken: dict[Path, Path] = {}
    for item in items:
        if item.output in taken:
            raise BatchError(
                f"{taken[item.output]} and {item.photo} would both become {folder / item.output}; "
                "rename one, use two folders, or a pattern such as '*.tif'"
            )
        taken[item.output] = item.photo
    photos = {item.photo.resolve(): item.photo for item in items}
    for item in items:
        over = photos.get((folder / item.output).resolve())
        if over is not None:
            raise BatchError(f"{item.photo} would be written over the photo {over}; choose another folder")
