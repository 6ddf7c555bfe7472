// SPDX-License-Identifier: Apache-2.0
// node data.mjs FOLDER: small sets in the formats of MNIST and CIFAR-10, for onnx_test.sh: each class
// has a picture of its own under noise. The same bytes at each call.
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const TRAIN = 600, TEST = 300, CLASSES = 10;

let state = 1;
const random = () => (state = (Math.imul(state, 1664525) + 1013904223) >>> 0) / 2 ** 32;

// [{label, pixels}]: mostly noise, for a network to be right and wrong.
function records(count, pictures) {
  return Array.from({ length: count }, () => {
    const label = Math.floor(random() * CLASSES);
    const pixels = Uint8Array.from(pictures[label], (value) => 0.7 * value + 0.3 * 255 * random());
    return { label, pixels };
  });
}

function pictures(size) {
  return Array.from({ length: CLASSES }, () => Float64Array.from({ length: size }, () => 255 * random()));
}

function idx(magic, dims) {
  const header = Buffer.alloc(4 + 4 * dims.length);
  header.writeUInt32BE(magic, 0);
  dims.forEach((dim, i) => header.writeUInt32BE(dim, 4 + 4 * i));
  return header;
}

function mnist(folder) {
  mkdirSync(folder, { recursive: true });
  const of = pictures(28 * 28);
  for (const [name, count] of [["train", TRAIN], ["t10k", TEST]]) {
    const set = records(count, of);
    writeFileSync(join(folder, `${name}-images-idx3-ubyte`),
      Buffer.concat([idx(0x803, [count, 28, 28]), ...set.map((r) => r.pixels)]));
    writeFileSync(join(folder, `${name}-labels-idx1-ubyte`),
      Buffer.concat([idx(0x801, [count]), Uint8Array.from(set, (r) => r.label)]));
  }
}

function cifar10(folder) {
  mkdirSync(folder, { recursive: true });
  const of = pictures(3 * 32 * 32);
  for (const [name, count] of [["data_batch_1", TRAIN], ["test_batch", TEST]]) {
    const set = records(count, of);
    writeFileSync(join(folder, `${name}.bin`), Buffer.concat(set.flatMap((r) => [Uint8Array.of(r.label), r.pixels])));
  }
}

mnist(join(process.argv[2], "mnist"));
cifar10(join(process.argv[2], "cifar10"));
