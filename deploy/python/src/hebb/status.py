# SPDX-License-Identifier: Apache-2.0
"""What the coordinator tells of a job, as plain values."""
from __future__ import annotations

import dataclasses
import typing

from hebb.v1 import jobs_pb2

ENDED = frozenset({"SUCCEEDED", "FAILED", "CANCELLED"})


@dataclasses.dataclass(frozen=True)
class Metrics:
    """Losses are means over samples, accuracies ratios; None: not known (yet)."""

    train_loss: float | None = None
    train_accuracy: float | None = None
    validation_accuracy: float | None = None
    test_accuracy: float | None = None
    test_loss: float | None = None


@dataclasses.dataclass(frozen=True)
class Epoch:
    number: int  # from 1
    step: int  # steps completed at its end
    seconds: float
    metrics: Metrics
    alignment: dict[str, float]  # cos(W, R) by layer


@dataclasses.dataclass(frozen=True)
class Status:
    """A job at one moment."""

    id: str
    name: str
    state: str  # QUEUED STARTING RUNNING PAUSING PAUSED CANCELLING CANCELLED SUCCEEDED FAILED
    reason: str  # why it waits, failed or was cancelled
    user: str
    epoch: int  # epochs completed
    step: int  # steps completed
    total_steps: int
    images_per_second: float
    metrics: Metrics  # the latest of each
    epochs: list[Epoch]  # empty in lists
    weights_digest: str  # of the last checkpoint; "": there is none

    @property
    def ended(self) -> bool:
        return self.state in ENDED


def _metrics(message: jobs_pb2.Metrics) -> Metrics:
    known: dict[str, typing.Any] = {
        field.name: getattr(message, field.name) if message.HasField(field.name) else None
        for field in dataclasses.fields(Metrics)
    }
    return Metrics(**known)


def _epoch(message: jobs_pb2.EpochRecord) -> Epoch:
    return Epoch(
        message.epoch,
        message.step,
        message.seconds,
        _metrics(message.metrics),
        {each.layer: each.cosine for each in message.alignment},
    )


def status_of(job: jobs_pb2.Job) -> Status:
    reason = job.reason or job.waiting.text
    return Status(
        job.id,
        job.name,
        jobs_pb2.JobState.Name(job.state),
        reason,
        job.user,
        job.epoch,
        job.step,
        job.total_steps,
        job.images_per_second,
        _metrics(job.metrics),
        [_epoch(each) for each in job.epochs],
        job.weights_digest,
    )
