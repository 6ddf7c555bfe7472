// SPDX-License-Identifier: Apache-2.0
// node run.mjs PACKAGES MODEL FOLDER JOB.json: the model's accuracy and mean loss over the test images
// in FOLDER, run by ONNX Runtime, beside what Hebb measured for JOB (`hebb describe -o json`). Fails
// where more than one answer or the loss differs. A loss is computed here anew, from its formula.
import { createRequire } from "node:module";
import { readFileSync } from "node:fs";
import { join } from "node:path";

const [packages, model, folder, described] = process.argv.slice(2);
const ort = createRequire(join(packages, "package.json"))("onnxruntime-node");
const job = JSON.parse(readFileSync(described, "utf8"));

function testSet() {
  const read = (name) => readFileSync(join(folder, name));
  if (job.spec.dataset.name === "mnist") {
    return { dims: [1, 28, 28], labels: read("t10k-labels-idx1-ubyte").subarray(8), pixels: read("t10k-images-idx3-ubyte").subarray(16) };
  }
  const file = read("test_batch.bin"), record = 1 + 3072, count = file.length / record;
  const each = Array.from({ length: count }, (_, i) => file.subarray(i * record, (i + 1) * record));
  return { dims: [3, 32, 32], labels: each.map((r) => r[0]), pixels: Buffer.concat(each.map((r) => r.subarray(1))) };
}

const softplus = (x) => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x)));
const sum = (values) => values.reduce((a, b) => a + b, 0);
const LOSSES = {
  hinge: (x, label, { off_class_weight: m }) =>
    sum(x.map((v, j) => j === label ? Math.max(0, 1 - v) : m / (x.length - 1) * Math.max(0, 1 + v))),
  cross_entropy: (x, label) => {
    const most = Math.max(...x);
    return most + Math.log(sum(x.map((v) => Math.exp(v - most)))) - x[label];
  },
  binary_cross_entropy: (x, label) => sum(x.map((v, j) => softplus(j === label ? -v : v))),
  squared: (x, label) => sum(x.map((v, j) => (v - (j === label ? 1 : -1)) ** 2)),
};

const session = await ort.InferenceSession.create(model);
const { dims, labels, pixels } = testSet();
const { input: _, ...answer } = await session.run(
  { input: new ort.Tensor("uint8", Uint8Array.from(pixels), [labels.length, ...dims]) });
const [count, classes] = answer.logits.dims;
const [name, options] = Object.entries(job.spec.learning.loss)[0];
let right = 0, loss = 0;
for (let i = 0; i < count; ++i) {
  const logits = Array.from(answer.logits.data.subarray(i * classes, (i + 1) * classes));
  right += logits.indexOf(Math.max(...logits)) === labels[i] ? 1 : 0;
  loss += LOSSES[name](logits, labels[i], options) / count;
}
const { test_accuracy: accuracy, test_loss: measured } = job.metrics;
const off = Math.abs(right - accuracy * count), error = Math.abs(loss - measured) / measured;
console.log(`${job.name}: right ${right} of ${count} (Hebb ${accuracy * count}), ${name} ${loss} (Hebb ${measured})`);
process.exit(off < 1.5 && error < 1e-5 ? 0 : 1);
