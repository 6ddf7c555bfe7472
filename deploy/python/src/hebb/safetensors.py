# SPDX-License-Identifier: Apache-2.0
"""Weights files (docs/checkpoint_format.md) as NumPy arrays."""
from __future__ import annotations

import hashlib
import json
import math
import typing

import numpy as np
import numpy.typing as npt

from hebb.errors import HebbError

Array = npt.NDArray[np.float32]


def _damaged(why: str) -> HebbError:
    return HebbError("DATA_LOSS", f"the checkpoint is damaged: {why}; fetch it again")


def parse(data: bytes) -> tuple[dict[str, Array], dict[str, str]]:
    """Tensors by name, in name order, and the metadata. The arrays are copies, to be written to at
    will. HebbError DATA_LOSS; the file's own checksum is not looked at."""
    length = int.from_bytes(data[:8], "little")
    if len(data) < 8 or length > len(data) - 8:
        raise _damaged("it ends in its header")
    try:
        header: dict[str, typing.Any] = json.loads(data[8 : 8 + length])
        metadata: dict[str, str] = header.pop("__metadata__", {})
        places = {
            name: (
                entry["dtype"],
                [int(n) for n in entry["shape"]],
                [int(n) for n in entry["data_offsets"]],
            )
            for name, entry in header.items()
        }
    except (ValueError, KeyError, TypeError, AttributeError):
        raise _damaged("its header cannot be read") from None
    tensors = {}
    values = memoryview(data)[8 + length :]
    for name in sorted(places):
        kind, shape, (begin, end) = places[name]
        if (
            kind != "F32"
            or not 0 <= begin <= end <= len(values)
            or end - begin != 4 * math.prod(shape)
        ):
            raise _damaged(f"tensor {name} does not fit in it")
        tensors[name] = np.frombuffer(values[begin:end], dtype="<f4").reshape(shape).copy()
    return tensors, metadata


def weights_digest(tensors: typing.Mapping[str, npt.NDArray[np.float32]]) -> str:
    """SHA-256 over names and bytes in name order: equal digests, equal weights, to the last bit.
    What `hebb export --digest` prints."""
    sha = hashlib.sha256()
    for name in sorted(tensors):
        if not name.startswith(("optimizer/", "state/")):
            sha.update(name.encode())
            sha.update(np.ascontiguousarray(tensors[name], dtype="<f4").tobytes())
    return sha.hexdigest()
