# SPDX-License-Identifier: Apache-2.0
"""python_driver.py FOLDER [equal JOB FILE.npz DIGEST | tls CLUSTER | follow]: for python_test.sh, the
package against a real coordinator (HEBB_ADDRESS)."""
import pathlib
import sys

import numpy as np

import hebb


def refused(code, call, *words):
    try:
        call()
    except hebb.HebbError as error:
        assert error.code == code, (error.code, error.message)
        for word in words:
            assert word in error.message, (word, error.message)
        return error
    raise AssertionError(f"not refused with {code}")


def a_job_from_submit_to_weights(folder):
    client = hebb.connect()
    assert client.list() == []
    assert [worker.device for worker in client.workers()] == ["cpu", "cpu"]
    file = folder / "job.yaml"
    assert client.validate(file) > 0
    job = client.submit(
        file, name="from python", priority=3, sets={"learning.epochs": 2}, request_id="once"
    )
    assert (
        client.submit(
            file, name="from python", priority=3, sets={"learning.epochs": 2}, request_id="once"
        ).id
        == job.id
    )
    seen = list(job.watch())
    end = seen[-1]
    assert end.state == "SUCCEEDED" and end.step == end.total_steps == 180 and end.epoch == 2, end
    assert [status.step for status in seen] == sorted(status.step for status in seen)
    assert end.name == "from python" and end.metrics.test_accuracy > 0.3, end
    epochs = job.metrics()
    assert [epoch.number for epoch in epochs] == [1, 2] and epochs[1].metrics.train_loss > 0
    assert set(epochs[0].alignment) == {"conv1", "dense1", "out"}
    assert job.wait() == job.status()
    assert job.plot()._repr_svg_().count("<polyline") == 6
    assert len(job.logs(tail=1)) == 1
    (folder / "id").write_text(job.id)
    return client, job


def other_ways_to_submit(client, job, folder):
    weights = job.weights()
    assert weights["conv1.weight"].shape == (8, 1, 3, 3)
    text = (folder / "job.yaml").read_text()
    # From the weights of the first job: without a step more, the same.
    (folder / "start.safetensors").write_bytes(job.checkpoint())
    again = client.submit(
        text,
        weights=folder / "start.safetensors",
        sets={"learning.epochs": 1, "learning.optimizer.sgd.learning_rate": 0},
    )
    again.wait(timeout=120)
    assert np.array_equal(again.weights()["out.weight"], weights["out.weight"])
    # The same file by `init: {from}`, which is relative to the job file, whatever the working folder.
    (folder / "below").mkdir()
    file = folder / "below" / "job.yaml"
    file.write_text(text + "init: {from: ../start.safetensors}\n")
    rate = {"learning.epochs": 1, "learning.optimizer.sgd.learning_rate": 0}
    from_file = client.submit(file, sets=rate)
    from_file.wait(timeout=120)
    assert np.array_equal(from_file.weights()["out.weight"], weights["out.weight"])
    refused(
        "INVALID_ARGUMENT",
        lambda: client.submit(file, sets={"init.from": "none.safetensors"}),
        str(folder / "below" / "none.safetensors"),
    )
    layers = [{"name": "out", "dense": {"units": 10, "activation": "none"}}]
    waits = client.submit(
        {
            "dataset": {"name": "glyphs"},
            "network": {"layers": layers},
            "resources": {"workers": 8, "min_workers": 8},
        }
    )
    try:
        waits.wait(timeout=0.2)
        raise AssertionError("a job that waits has ended")
    except TimeoutError:
        pass
    assert [status.id for status in client.list()] == [
        waits.id
    ] and "workers" in waits.status().reason
    refused("NOT_FOUND", waits.weights)
    assert waits.cancel().ended
    end = refused("CANCELLED", waits.wait)
    assert isinstance(end, hebb.JobFailed) and end.status.id == waits.id
    assert waits.wait(check=False).state == "CANCELLED"
    assert len(client.list(all=True)) == 4
    assert client.job("from python").id == job.id


def errors_are_the_services_words(client, folder):
    bad = (folder / "job.yaml").read_text().replace("batch_size", "batch_sice")
    refused(
        "INVALID_ARGUMENT",
        lambda: client.submit(bad),
        "job:",
        "unknown key 'batch_sice'",
        "did you mean 'batch_size'?",
    )
    refused("INVALID_ARGUMENT", lambda: client.submit({"dataset": {"name": "glyph"}}), "glyphs")
    refused("NOT_FOUND", lambda: client.job("j-none"))
    refused("INVALID_ARGUMENT", lambda: client.submit(bad, weights=folder / "none"), "none")


def equal(job_id, file, digest):
    weights = hebb.connect().job(job_id).weights()
    with np.load(file) as exported:
        assert set(exported.files) == set(weights)
        assert all(np.array_equal(exported[name], weights[name]) for name in weights)
    assert hebb.weights_digest(weights) == digest


def tls(cluster):
    file = cluster.parent / "job.yaml"
    assert hebb.connect(credentials=cluster / "users" / "bob").submit(file).status().user == "bob"
    vic = cluster / "users" / "vic"
    viewer = hebb.connect(token=(vic / "token").read_text().strip(), ca=vic / "ca.crt")
    assert len(viewer.list()) == 1
    refused("PERMISSION_DENIED", lambda: viewer.submit(file), "viewer")
    refused("UNAVAILABLE", hebb.connect().list, "credentials")


def follow(folder):
    """Watches a job that waits, over whatever happens to the coordinator, to its end."""
    client = hebb.connect()
    job = client.submit(
        folder / "job.yaml", sets={"resources.workers": 8, "resources.min_workers": 8}
    )
    watched = job.watch()
    assert next(watched).state == "QUEUED"
    (folder / "watched").write_text(job.id)
    *_, last = watched
    assert last.state == "CANCELLED", last
    assert job.wait(timeout=60, check=False) == last


def main(folder, command="", *arguments):
    if command == "equal":
        equal(*arguments)
    elif command == "follow":
        follow(folder)
    elif command == "tls":
        tls(pathlib.Path(arguments[0]))
    else:
        client, job = a_job_from_submit_to_weights(folder)
        other_ways_to_submit(client, job, folder)
        errors_are_the_services_words(client, folder)


main(pathlib.Path(sys.argv[1]), *sys.argv[2:])
