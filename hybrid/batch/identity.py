"""What a finished photo was made with, as one hash: a rerun with other settings does it again."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hybrid.hints import sha256_of
from hybrid.photo.provenance import program

SHIPPED = Path(__file__).parents[1] / "models"
"""Where weights lie; asked by path, since importing the package would load torch only to see that nothing is to do."""


def settings_hash(choices: Mapping[str, Any], model: str, *files: Path | None) -> str:
    """sha256 of all that shapes a picture, this program's version included, in hexadecimal.

    Parameters
    ----------
    choices : plain values by name
    model : a shipped model's name, or a file; a model that is not there counts by its name, and fails when it is opened
    files : others that shape it, such as hints; None for those not given
    """
    weights = Path(model) if Path(model).suffix else SHIPPED / f"{model}.safetensors"
    hashes = [_content(path) for path in (weights, *files)]
    document = {"program": program(), "choices": dict(choices), "model": Path(model).name, "files": hashes}
    return hashlib.sha256(json.dumps(document, sort_keys=True).encode()).hexdigest()


def _content(path: Path | None) -> str | None:
    return sha256_of(path) if path is not None and path.is_file() else None
