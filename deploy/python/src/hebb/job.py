# SPDX-License-Identifier: Apache-2.0
"""One job of the coordinator."""
from __future__ import annotations

import hashlib
import time
import typing

from hebb import plot, safetensors
from hebb.connection import Connection
from hebb.errors import HebbError, JobFailed
from hebb.safetensors import Array
from hebb.status import Epoch, Status, status_of
from hebb.v1 import jobs_pb2

_AWAY_SECONDS = 300.0  # how long watch() stays with a job while the coordinator is away
_TRANSFER_SECONDS = 600.0


class Job:
    """A name for a job; what is asked is asked of the coordinator, each time anew. Thread-safe."""

    def __init__(self, connection: Connection, job_id: str) -> None:
        self._connection = connection
        self.id = job_id

    def __repr__(self) -> str:
        return f"<hebb.Job {self.id}>"

    def status(self) -> Status:
        return self._ask("Get")

    def metrics(self) -> list[Epoch]:
        """What was measured at the end of each epoch."""
        return self.status().epochs

    def watch(self) -> typing.Iterator[Status]:
        """The job now and after every change, up to its end. Stays with it while the coordinator is
        away, for five minutes."""
        return self._follow(None)

    def wait(self, timeout: float | None = None, check: bool = True) -> Status:
        """The job at its end; JobFailed unless it SUCCEEDED or with check=False. TimeoutError after
        `timeout` seconds; the job goes on. Stays with it as watch()."""
        for status in self._follow(timeout):
            pass
        if check and status.state != "SUCCEEDED":
            raise JobFailed(status)
        return status

    def weights(self) -> dict[str, Array]:
        """The weights of the last checkpoint, by name (docs/checkpoint_format.md), without what
        only training needs. Checked by their digest."""
        tensors, metadata = safetensors.parse(self.checkpoint())
        kept = {
            name: tensor
            for name, tensor in tensors.items()
            if not name.startswith(("optimizer/", "state/"))
        }
        if metadata.get("weights_digest", "") != safetensors.weights_digest(kept):
            raise HebbError(
                "DATA_LOSS",
                f"the weights of job {self.id} do not match their digest; fetch them again",
            )
        return kept

    def checkpoint(self) -> bytes:
        """The last intact checkpoint, a safetensors file, its SHA-256 checked."""
        data, digest = bytearray(), ""
        for chunk in self._connection.stream(
            "DownloadCheckpoint", self._request(), jobs_pb2.Chunk, _TRANSFER_SECONDS
        ):
            if chunk.offset != len(data):
                raise HebbError(
                    "DATA_LOSS",
                    f"a piece of the checkpoint of job {self.id} is missing; fetch it again",
                )
            data += chunk.data
            digest = chunk.sha256
        if hashlib.sha256(data).hexdigest() != digest:
            raise HebbError(
                "DATA_LOSS",
                f"the checkpoint of job {self.id} does not match its SHA-256; fetch it again",
            )
        return bytes(data)

    def plot(self) -> plot.Plot:
        """Loss, accuracies and alignment by epoch; a notebook shows it as a picture."""
        return plot.plot(self.status())

    def logs(self, tail: int = 0) -> list[str]:
        """The text of the log's lines, or of the last `tail`."""
        request = jobs_pb2.LogsRequest(job=self.id, tail=tail)
        return [
            line.text
            for line in self._connection.stream(
                "Logs", request, jobs_pb2.LogLine, _TRANSFER_SECONDS
            )
        ]

    def cancel(self) -> Status:
        """For good; again is no error."""
        return self._ask("Cancel")

    def pause(self) -> Status:
        """Stops at a step boundary with a checkpoint: PAUSING, then PAUSED."""
        return self._ask("Pause")

    def resume(self) -> Status:
        return self._ask("Resume")

    def _follow(self, timeout: float | None) -> typing.Iterator[Status]:
        end = None if timeout is None else time.monotonic() + timeout
        away_since: float | None = None
        while True:
            left = None if end is None else max(end - time.monotonic(), 0.0)
            away = HebbError(
                "UNAVAILABLE", f"the coordinator let go of job {self.id}; watch it again"
            )
            try:
                for message in self._connection.stream(
                    "Watch", self._request(), jobs_pb2.Job, left
                ):
                    away_since = None
                    status = status_of(message)
                    yield status
                    if status.ended:
                        return
            except HebbError as error:
                if error.code == "DEADLINE_EXCEEDED" and end is not None:
                    late = f"job {self.id} has not ended within {timeout} s; it goes on"
                    raise TimeoutError(late) from None
                if error.code != "UNAVAILABLE":
                    raise
                away = error
            away_since = away_since or time.monotonic()
            if time.monotonic() > away_since + _AWAY_SECONDS:
                raise away
            time.sleep(0.5)

    def _request(self) -> jobs_pb2.JobRequest:
        return jobs_pb2.JobRequest(job=self.id)

    def _ask(self, method: str) -> Status:
        return status_of(self._connection.call(method, self._request(), jobs_pb2.Job))
