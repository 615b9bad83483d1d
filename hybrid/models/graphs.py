"""Network files of other programs: ONNX through onnxruntime, TorchScript through torch. Planes in, one tensor out."""

from __future__ import annotations

import warnings
from abc import ABC, abstractmethod
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from hybrid.models.trained import ModelError, on_one_line

TEXTS = ("ab_bins", "card")
"""Texts (JSON) that a file may carry: ONNX metadata_props of these names, TorchScript extra files NAME.json."""


class Graph(nn.Module, ABC):
    """A network of a file.

    Parameters
    ----------
    path : of the file
    takes_hints : whether it has a second input, (1, 3, H, W): a*, b* and mask
    size : rows and columns that it is fixed to, None for one that is free
    texts : those of `TEXTS` that the file carries
    """

    kind: str

    def __init__(self, path: Path, takes_hints: bool, size: tuple[int | None, int | None], texts: dict[str, str]):
        super().__init__()
        self.path = path
        self.takes_hints = takes_hints
        self.size = size
        self.texts = texts

    def forward(self, lightness: Tensor, hints: Tensor | None = None) -> Tensor:
        """(1, 1, H, W) L* and (1, 3, H, W) hints, heard only where the graph has an input for them -> its answer.

        Raises
        ------
        ModelError
            The graph fails on this input, or does not answer with a tensor.
        """
        planes = [lightness]
        if self.takes_hints:
            planes.append(lightness.new_zeros(1, 3, *lightness.shape[-2:]) if hints is None else hints)
        try:
            answer = self.answer(planes)
        except Exception as error:  # what a foreign graph raises has no common kind
            height, width = lightness.shape[-2:]
            said = str(error).strip().rpartition("\n")[2]  # TorchScript's traceback ends with it
            raise ModelError(
                f"model {self.path}: fails on {width}×{height} pixels ({on_one_line(said)}); if its size is fixed, "
                'its card must say so: {"input_size": [rows, columns]}'
            ) from None
        if not isinstance(answer, Tensor):
            raise ModelError(f"model {self.path}: answers with {type(answer).__name__}; wanted one tensor")
        return answer.float()

    @abstractmethod
    def answer(self, planes: list[Tensor]) -> Any:
        """What the graph says of its inputs, whatever kind of thing that is."""


class OnnxGraph(Graph):
    """An ONNX file. It runs on the CPU wherever the planes are."""

    kind = "ONNX"

    def __init__(self, path: Path) -> None:
        session = _onnx_session(path)
        inputs, outputs = session.get_inputs(), session.get_outputs()
        got = ", ".join(f"{put.name} {put.type} {_shape_text(put.shape)}" for put in inputs)
        channels = (1, 3)[: len(inputs)]
        if len(inputs) != len(channels) or not all(map(_is_plane, inputs, channels)):
            raise ModelError(
                f"model {path}: its inputs are {got or 'none'}; wanted tensor(float) (1, 1, H, W) of L* 0..100 "
                "and, if it takes hints, (1, 3, H, W)"
            )
        if len(outputs) != 1:
            raise ModelError(
                f"model {path}: has {len(outputs)} outputs ({', '.join(put.name for put in outputs)}); wanted one"
            )
        rows, columns = (edge if isinstance(edge, int) else None for edge in inputs[0].shape[2:])
        texts = session.get_modelmeta().custom_metadata_map
        super().__init__(path, len(inputs) == 2, (rows, columns), {key: texts[key] for key in TEXTS if key in texts})
        self._session = session
        self._names = [put.name for put in inputs]

    def answer(self, planes: list[Tensor]) -> Tensor:
        """Run the graph on the CPU; its answer on the device of the planes."""
        arrays = (plane.detach().cpu().numpy() for plane in planes)
        (answer,) = self._session.run(None, dict(zip(self._names, arrays, strict=True)))
        return torch.from_numpy(np.array(answer)).to(planes[0].device)


class TorchScriptGraph(Graph):
    """A TorchScript file, which moves to the device it is sent to."""

    kind = "TorchScript"

    def __init__(self, path: Path) -> None:
        extra = {f"{key}.json": "" for key in TEXTS}
        try:
            with warnings.catch_warnings():
                # The successor, torch.export, unpickles what it loads, which lets a file do anything (torch 2.13).
                warnings.filterwarnings("ignore", r".torch\.jit\.load. is ", DeprecationWarning)
                module = torch.jit.load(path, map_location="cpu", _extra_files=extra)
            arguments = module.forward.schema.arguments[1:]
        except (RuntimeError, ValueError, AttributeError) as error:
            raise ModelError(
                f"model {path}: not a readable TorchScript file ({on_one_line(str(error))}); "
                "weights alone are no network: write it with torch.jit.trace(...).save, or as ONNX"
            ) from None
        wanted = [a for a in arguments if not a.has_default_value() or "Tensor" in str(a.type)]
        if len(wanted) not in (1, 2) or not all("Tensor" in str(a.type) for a in wanted):
            got = ", ".join(f"{a.name}: {a.type}" for a in arguments)
            raise ModelError(
                f"model {path}: its inputs are ({got}); wanted one Tensor (1, 1, H, W) of L* 0..100 "
                "and, if it takes hints, another (1, 3, H, W)"
            )
        texts = {key: _decoded(extra[f"{key}.json"]) for key in TEXTS if extra[f"{key}.json"]}
        super().__init__(path, len(wanted) == 2, (None, None), texts)
        self._module = module.eval()

    def answer(self, planes: list[Tensor]) -> Any:
        """Run the graph."""
        return self._module(*planes)


GRAPHS: dict[str, type[OnnxGraph] | type[TorchScriptGraph]] = {".onnx": OnnxGraph, ".pt": TorchScriptGraph}
"""Ending of a file -> what opens it."""


def _onnx_session(path: Path) -> Any:
    try:
        import onnxruntime
    except ImportError:
        raise ModelError(f"model {path}: needs onnxruntime; try: pip install 'hybrid-colorizer[onnx]'") from None
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4  # what goes wrong is raised; nothing of it belongs on the terminal
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    try:
        return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime's errors have no kind in common
        raise ModelError(f"model {path}: not a readable ONNX file ({on_one_line(str(error))})") from None


def _is_plane(put: Any, channels: int) -> bool:
    """Whether an input of an ONNX graph takes one picture of so many float planes; a named edge is free."""
    if put.type != "tensor(float)" or len(put.shape) != 4:
        return False
    return all(
        edge == wanted for edge, wanted in zip(put.shape[:2], (1, channels), strict=True) if isinstance(edge, int)
    )


def _shape_text(shape: list[Any]) -> str:
    return f"({', '.join('?' if edge is None else str(edge) for edge in shape)})"


def _decoded(text: str | bytes) -> str:
    return text if isinstance(text, str) else text.decode("utf-8", "replace")
