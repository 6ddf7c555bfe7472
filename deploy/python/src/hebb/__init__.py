# SPDX-License-Identifier: Apache-2.0
"""Client of Hebb: submit jobs, watch them, take their weights as NumPy arrays.

    import hebb
    client = hebb.connect()                       # HEBB_ADDRESS, HEBB_CREDENTIALS
    job = client.submit("examples/quickstart.yaml", sets={"learning.rule": "urfb"})
    for status in job.watch():
        print(status.step, status.metrics.train_loss)
    weights = job.weights()
"""
from hebb.client import Client, Worker, connect
from hebb.errors import HebbError, JobFailed
from hebb.job import Job
from hebb.plot import Plot
from hebb.safetensors import weights_digest
from hebb.status import Epoch, Metrics, Status

__all__ = [
    "Client",
    "Epoch",
    "HebbError",
    "Job",
    "JobFailed",
    "Metrics",
    "Plot",
    "Status",
    "Worker",
    "connect",
    "weights_digest",
]
