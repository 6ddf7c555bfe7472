#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# `hebb export --format onnx`: ONNX Runtime, which knows nothing of Hebb, gives on the test images the
# accuracy (to one image) and the loss (to 1e-5) that the job has on record. Nets of examples/, and two
# of every other kind of layer. Skipped (77) where node, npm or its registry is out of reach.
#   onnx_test.sh CACHE     CACHE: folder for ONNX Runtime, kept
source "$(dirname "$0")/lib.sh"
here=$(cd "$(dirname "$0")/onnx" && pwd)
examples=$here/../../../examples
cache=$1
command -v node >/dev/null || skip "node is not installed (Debian: apt-get install nodejs)"
# shellcheck source=tests/npm_packages.sh
source "$here/../../npm_packages.sh"
why=$(npm_packages "$here" "$cache" 200) || skip "$why"
node "$here/data.mjs" "$WORK/sets"
up s 2

# like_hebb FILE SET [key=value ...]: trains it a little and compares.
like_hebb() {
  local file=$1 set=$2 sets=() change id
  for change in "${@:3}" "dataset.path=$WORK/sets/$set" dataset.validation=100 learning.batch_size=50; do
    sets+=(--set "$change")
  done
  id=$(hebb submit "$file" "${sets[@]}" 2>"$WORK/err") || fail "$file: $(cat "$WORK/err")"
  succeeds "$id"
  hebb describe "$id" -o json >"$WORK/job.json"
  expect 0 hebb export "$id" -o "$WORK/$id.onnx" --format onnx
  node "$here/run.mjs" "$cache" "$WORK/$id.onnx" "$WORK/sets/$set" "$WORK/job.json" ||
    fail "$file: ONNX Runtime differs from Hebb"
}

like_hebb "$examples/cifar10-simple-urfb.yaml" cifar10 learning.epochs=3
like_hebb "$examples/cifar10-simple-untied-urfb.yaml" cifar10 learning.epochs=2
like_hebb "$examples/cifar10-resnet20.yaml" cifar10 learning.epochs=2
like_hebb "$examples/mnist-lenet.yaml" mnist learning.epochs=3 \
  learning.optimizer.sgd.learning_rate=0.01

# Odd paddings and strides, biases of each kind, sums of images and of units, each activation.
cat >"$WORK/odd.yaml" <<'YAML'
dataset: {name: cifar10, normalize: signed}
network:
  layers:
    - {name: a, conv: {filters: 5, kernel: 4, stride: 2, activation: tanh, bias: true}}
    - {name: b, conv: {filters: 6, kernel: 3, untied: true, padding: valid, bias: true, activation: relu}}
    - {name: mean, avg_pool: {size: 3, stride: 2}}
    - {name: norm, batch_norm: {}}
    - {name: c, conv: {filters: 6, kernel: 4, untied: true, untied_start: independent}}
    - {name: sum, inputs: [c, norm, mean], add: {activation: ramp}}
    - {name: top, max_pool: {size: 2}}
    - {name: drop, dropout: {rate: 0.2}}
    - {name: d, dense: {units: 20, activation: sigmoid, bias: true}}
    - {name: d_norm, batch_norm: {activation: tanh}}
    - {name: back, conv: {filters: 20, kernel: 1, padding: symmetric, connectivity: 0.5}}
    - {name: both, inputs: [back, d], add: {}}
    - {name: twice, inputs: [d, d_norm], add: {}}
    - {name: all, inputs: [both, twice], add: {}}
    - {name: out, dense: {units: 10, activation: none}}
learning: {rule: bp, loss: {squared: {}}, optimizer: {sgd: {learning_rate: 0.01}}, epochs: 3}
YAML
like_hebb "$WORK/odd.yaml" cifar10

# A layer that the second stage unties; a last sigmoid, which the losses do not see.
cat >"$WORK/untied.yaml" <<'YAML'
dataset: {name: mnist, normalize: standard}
network:
  layers:
    - {name: a, conv: {filters: 6, kernel: 5, stride: 3, padding: symmetric, bias: true}}
    - {name: top, max_pool: {size: 3, stride: 2, padding: valid}}
    - {name: b, conv: {filters: 8, kernel: 2}}
    - {name: mean, global_avg_pool: {}}
    - {name: out, dense: {units: 10, activation: sigmoid, bias: true}}
learning:
  loss: {binary_cross_entropy: {}}
  optimizer: {sgd: {learning_rate: 0.05}}
  epochs: 2
  second_stage: {epochs: 2, untie: [a, b]}
YAML
like_hebb "$WORK/untied.yaml" mnist
passed
