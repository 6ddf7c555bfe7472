# SPDX-License-Identifier: Apache-2.0
"""What goes wrong, as one type: a code and a line "cause; remedy"."""
from __future__ import annotations

import typing

if typing.TYPE_CHECKING:
    from hebb.status import Status


class HebbError(Exception):
    """`code` is gRPC's name ("INVALID_ARGUMENT"), `message` the service's own words: a line, or of
    a job file a line for each fault."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


class JobFailed(HebbError):
    """A job that was waited for ended as FAILED or CANCELLED (`code`); `status` is its end."""

    def __init__(self, status: Status) -> None:
        super().__init__(
            status.state, f"job {status.id} ({status.name}) {status.state}: {status.reason}"
        )
        self.status = status
