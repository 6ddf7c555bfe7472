# SPDX-License-Identifier: Apache-2.0
"""The coordinator, as Python sees it."""
from __future__ import annotations

import dataclasses
import getpass
import hashlib
import json
import os
import pathlib
import types
import typing
import uuid

from hebb.connection import Connection, choose
from hebb.errors import HebbError
from hebb.job import Job
from hebb.status import Status, status_of
from hebb.v1 import jobs_pb2

_CHUNK_BYTES = 1 << 20
_TRANSFER_SECONDS = 600.0

JobFile = typing.Union[typing.Mapping[str, typing.Any], str, "os.PathLike[str]"]


@dataclasses.dataclass(frozen=True)
class Worker:
    id: str
    host: str
    device: str  # cpu | cuda
    state: str  # idle | busy | draining
    job: str  # "": none


def connect(
    address: str | None = None,
    *,
    credentials: str | os.PathLike[str] | None = None,
    token: str | None = None,
    ca: str | os.PathLike[str] | None = None,
) -> Client:
    """A client of the coordinator at `address` ("HOST:PORT"), else $HEBB_ADDRESS, else
    127.0.0.1:7070. `credentials`: a folder of `hebb certs`, else $HEBB_CREDENTIALS, else plain
    text; instead of it a `token` and `ca`, the file of the cluster's authority. Connects at the
    first call."""
    return Client(choose(address, credentials, token, ca))


class Client:
    """Thread-safe. Every error of the service is a HebbError. May be used in a `with`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def __enter__(self) -> Client:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: types.TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        self._connection.close()

    def submit(
        self,
        job: JobFile,
        *,
        name: str | None = None,
        priority: int | None = None,
        sets: typing.Mapping[str, typing.Any] | None = None,
        weights: str | os.PathLike[str] | None = None,
        request_id: str | None = None,
    ) -> Job:
        """Hands over a job: a path of a job file, its text (a str of several lines), or a dict with
        its keys. `sets` changes keys ({"learning.rule": "bp"}), as `--set` does. `weights` is a
        file to start from, which is uploaded; without it, the one that the job names in
        `init: {from}`, relative to the job file (of a text or a dict: to the working folder). The
        same `request_id` is the same job. HebbError INVALID_ARGUMENT: a line for each fault of the
        job file, or start weights that cannot be read."""
        changes = dict(sets or {})
        if weights is not None:
            changes["init.from"] = os.fspath(weights)
        request = self._request(job, name, priority, changes)
        start = self._start_of(request) if weights is None else pathlib.Path(weights)
        if start is not None:
            request.init_sha256 = self._upload(start)
        request.request_id = request_id or str(uuid.uuid4())
        return Job(self._connection, self._connection.call("Submit", request, jobs_pb2.Job).id)

    def validate(self, job: JobFile, *, sets: typing.Mapping[str, typing.Any] | None = None) -> int:
        """Checks a job file without keeping it, and gives its number of parameters."""
        request = self._request(job, None, None, sets or {})
        parameters: int = self._connection.call(
            "Validate", request, jobs_pb2.ValidateResponse
        ).parameters
        return parameters

    def job(self, name: str) -> Job:
        """By its id, a unique beginning of one, or the name of exactly one job. NOT_FOUND."""
        found = self._connection.call("Get", jobs_pb2.JobRequest(job=name), jobs_pb2.Job)
        return Job(self._connection, found.id)

    def list(self, *, all: bool = False, user: str = "", name: str = "") -> typing.List[Status]:
        """Jobs under way, newest first; `all`: ended ones too; `name`: whose name contains it."""
        request = jobs_pb2.ListRequest(all=all, user=user, name=name, page_size=1000)
        found: list[Status] = []
        while True:
            page = self._connection.call("List", request, jobs_pb2.ListResponse)
            found += [status_of(job) for job in page.jobs]
            if not page.next_page_token:
                return found
            request.page_token = page.next_page_token

    def workers(self) -> typing.List[Worker]:
        response = self._connection.call(
            "ListWorkers", jobs_pb2.ListWorkersRequest(), jobs_pb2.ListWorkersResponse
        )
        return [Worker(w.id, w.host, w.device, w.state, w.job) for w in response.workers]

    def _request(
        self,
        job: JobFile,
        name: str | None,
        priority: int | None,
        sets: typing.Mapping[str, typing.Any],
    ) -> jobs_pb2.SubmitRequest:
        text, file_name = _read(job)
        changes = dict(sets)
        if name is not None:
            changes["name"] = name
        if priority is not None:
            changes["resources.priority"] = priority
        request = jobs_pb2.SubmitRequest(yaml=text, file_name=file_name, user=getpass.getuser())
        request.sets.extend(f"{key}={json.dumps(value)}" for key, value in changes.items())
        return request

    def _start_of(self, request: jobs_pb2.SubmitRequest) -> pathlib.Path | None:
        """The file of `init: {from}`, None without one. The coordinator reads the job file for us:
        Python's library has no YAML."""
        if not any("init" in text for text in (request.yaml, *request.sets)):
            return None
        spec = self._connection.call("Validate", request, jobs_pb2.ValidateResponse).spec
        start: str = getattr(spec.init, "from")  # a keyword of Python
        return pathlib.Path(request.file_name).parent / start if start else None

    def _upload(self, path: pathlib.Path) -> str:
        try:
            data = path.read_bytes()
        except OSError as error:
            raise HebbError(
                "INVALID_ARGUMENT",
                f"cannot read the initial weights {path}: {error.strerror}; give "
                "the path of a safetensors file",
            ) from None
        digest = hashlib.sha256(data).hexdigest()

        def chunks() -> typing.Iterator[jobs_pb2.Chunk]:
            for offset in range(0, max(len(data), 1), _CHUNK_BYTES):
                last = offset + _CHUNK_BYTES >= len(data)
                yield jobs_pb2.Chunk(
                    offset=offset,
                    data=data[offset : offset + _CHUNK_BYTES],
                    sha256=digest if last else "",
                    total_bytes=0 if offset else len(data),
                )

        self._connection.upload(
            "UploadWeights", chunks(), jobs_pb2.UploadResponse, _TRANSFER_SECONDS
        )
        return digest


def _read(job: JobFile) -> tuple[str, str]:
    """The job file's text and what messages call it."""
    if isinstance(job, typing.Mapping):
        return json.dumps(job, indent=1), "job"  # JSON is YAML
    if isinstance(job, str) and "\n" in job:
        return job, "job"
    path = pathlib.Path(job)
    try:
        return path.read_text(encoding="utf-8"), str(path)
    except OSError as error:
        raise HebbError(
            "NOT_FOUND",
            f"cannot read the job file {path}: {error.strerror}; give the path of a job "
            "file, its text or a dict",
        ) from None
