# SPDX-License-Identifier: Apache-2.0
"""What needs no coordinator: files, digests, pictures, credentials, job files."""
import dataclasses
import hashlib
import json
import os
import pathlib
import tempfile
import unittest
import xml.dom.minidom

import numpy as np

import hebb
from hebb import client, connection, safetensors
from hebb.plot import plot


def weights_file(tensors, **entry):
    header, values = {"__metadata__": {"step": "7"}}, b""
    for name, tensor in tensors.items():
        data = tensor.astype("<f4").tobytes()
        offsets = [len(values), len(values) + len(data)]
        header[name] = {"dtype": "F32", "shape": tensor.shape, "data_offsets": offsets} | entry
        values += data
    text = json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + values


class SafetensorsTest(unittest.TestCase):
    tensors = {"a.weight": np.arange(6.0).reshape(2, 3), "a.bias": np.array([7.0])}

    def test_tensors_come_back_with_shapes_and_in_name_order(self):
        tensors, metadata = safetensors.parse(weights_file(self.tensors))
        self.assertEqual(list(tensors), ["a.bias", "a.weight"])
        np.testing.assert_array_equal(tensors["a.weight"], self.tensors["a.weight"])
        self.assertEqual(tensors["a.weight"].dtype, np.float32)
        self.assertEqual(metadata, {"step": "7"})
        tensors["a.weight"][0, 0] = 1  # one's own to change

    def test_a_damaged_file_is_refused_with_the_cause(self):
        sound = weights_file(self.tensors)
        for data in (
            b"",
            sound[:20],
            sound[:-1],
            weights_file(self.tensors, dtype="F64"),
            weights_file(self.tensors, shape=[3]),
            weights_file(self.tensors, data_offsets=[-4, 0]),
            weights_file(self.tensors, data_offsets=None),
            (2).to_bytes(8, "little") + b"{]",
            (2).to_bytes(8, "little") + b"[]",
        ):
            with self.assertRaises(hebb.HebbError) as caught:
                safetensors.parse(data)
            self.assertEqual(caught.exception.code, "DATA_LOSS")

    def test_the_digest_is_over_weights_in_name_order_only(self):
        expected = hashlib.sha256()
        for name in ("a.bias", "a.weight"):
            expected.update(name.encode() + self.tensors[name].astype("<f4").tobytes())
        more = self.tensors | {"optimizer/a.bias": np.zeros(1), "state/a.limits": np.zeros(1)}
        self.assertEqual(hebb.weights_digest(more), expected.hexdigest())


class PlotTest(unittest.TestCase):
    status = hebb.Status(
        "j-1", "<a & b>", "RUNNING", "", "ann", 2, 20, 100, 10.0, hebb.Metrics(), [], ""
    )

    def test_curves_of_what_is_known_are_drawn(self):
        epochs = [
            hebb.Epoch(
                number,
                10 * number,
                1.0,
                hebb.Metrics(train_loss=1 / number, train_accuracy=0.5),
                {"conv1": -0.1 * number},
            )
            for number in (1, 2)
        ]
        picture = plot(dataclasses.replace(self.status, epochs=epochs))
        svg = xml.dom.minidom.parseString(picture._repr_svg_())
        self.assertEqual(len(svg.getElementsByTagName("polyline")), 3)
        self.assertIn("conv1", picture.svg)
        self.assertNotIn("validation", picture.svg)

    def test_before_the_first_epoch_it_says_so(self):
        picture = plot(self.status)
        xml.dom.minidom.parseString(picture.svg)
        self.assertIn("no epoch has ended yet", picture.svg)

    def test_it_is_saved_as_it_is(self):
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder, "plot.svg")
            plot(self.status).save(path)
            self.assertEqual(path.read_text(encoding="utf-8"), plot(self.status).svg)


class CredentialsTest(unittest.TestCase):
    def refused(self, code, *arguments, **named):
        with self.assertRaises(hebb.HebbError) as caught:
            hebb.connect(*arguments, **named)
        self.assertEqual(caught.exception.code, code)
        self.assertNotIn("\n", caught.exception.message)
        return caught.exception.message

    def test_a_folder_must_be_whole_and_secret(self):
        with tempfile.TemporaryDirectory() as name:
            folder = pathlib.Path(name)
            self.assertIn("ca.crt", self.refused("NOT_FOUND", credentials=folder))
            (folder / "ca.crt").write_text("authority")
            self.assertIn("token", self.refused("NOT_FOUND", credentials=folder))
            (folder / "token").write_text("secret\n")
            os.chmod(folder / "token", 0o644)
            self.assertIn("chmod", self.refused("FAILED_PRECONDITION", credentials=folder))
            os.chmod(folder / "token", 0o600)
            found = connection.read_folder(folder)
            self.assertEqual((found.token, found.ca), ("secret", b"authority"))
            (folder / "tls.key").write_text("key")
            os.chmod(folder / "tls.key", 0o600)
            self.assertIn("tls.crt", self.refused("NOT_FOUND", credentials=folder))

    def test_a_token_needs_an_authority(self):
        self.refused("INVALID_ARGUMENT", token="secret")
        self.assertIn("/none", self.refused("NOT_FOUND", token="secret", ca="/none"))

    def test_nobody_there_is_one_line(self):
        with hebb.connect("127.0.0.1:1") as nobody:
            with self.assertRaises(hebb.HebbError) as caught:
                nobody.list()
        self.assertEqual(caught.exception.code, "UNAVAILABLE")
        self.assertNotIn("\n", caught.exception.message)
        self.assertIn("127.0.0.1:1", caught.exception.message)


class JobFileTest(unittest.TestCase):
    def test_a_dict_a_text_and_a_path_are_told_apart(self):
        self.assertEqual(json.loads(client._read({"seed": 1})[0]), {"seed": 1})
        self.assertEqual(client._read("seed: 1\n"), ("seed: 1\n", "job"))
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder, "job.yaml")
            path.write_text("seed: 2")
            self.assertEqual(client._read(path), ("seed: 2", str(path)))
            self.assertEqual(client._read(str(path)), ("seed: 2", str(path)))

    def test_a_file_that_is_not_there_is_named(self):
        with self.assertRaises(hebb.HebbError) as caught:
            client._read("nowhere.yaml")
        self.assertEqual(caught.exception.code, "NOT_FOUND")
        self.assertIn("nowhere.yaml", caught.exception.message)


if __name__ == "__main__":
    unittest.main()
