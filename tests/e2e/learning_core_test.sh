#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The learning core through the service: an audit tells weight transport (exit 1) from local feedback
# (exit 0); a job of two stages with batch normalisation and momentum has the same weights after the
# SIGKILL of a worker; what is seen of layers reaches the epoch records and the metrics; an evaluation
# takes the weights of a second stage.
source "$(dirname "$0")/lib.sh"
cat >"$WORK/job.yaml" <<'YAML'
name: core
seed: 11
dataset: {name: glyphs, validation: 1000}
network:
  layers:
    - {name: conv1, conv: {filters: 6, kernel: 3, activation: none, stride: 2}}
    - {name: norm1, batch_norm: {activation: relu}}
    - {name: conv2, conv: {filters: 6, kernel: 3, connectivity: 0.7}}
    - {name: sum, inputs: [norm1, conv2], add: {}}
    - {name: pool, avg_pool: {size: 2}}
    - {name: dense1, dense: {units: 24, bias: true}}
    - {name: out, dense: {units: 10, activation: none, bias: true}}
learning:
  rule: urfb
  optimizer: {sgd: {learning_rate: 0.05, momentum: 0.5, schedule: {cosine: {}}}}
  batch_size: 100
  epochs: 2
  second_stage: {epochs: 2, batch_size: 50, untie: [conv2], redraw: [dense1], freeze: [conv1]}
resources: {workers: 2, min_workers: 1}
checkpoint: {every_steps: 30, keep: 3}
YAML
up s 2

expect 0 hebb audit "$WORK/job.yaml"
grep -q "reads no forward weight" "$WORK/out" || fail "$(cat "$WORK/out")"
expect 1 hebb audit "$WORK/job.yaml" --set learning.rule=bp
grep -q "layer pool: its error was computed from the forward weights of layer dense1" "$WORK/out" ||
  fail "$(cat "$WORK/out")"
expect 5 hebb audit "$WORK/job.yaml" --set learning.rule=best

undisturbed=$(submit resources.workers=1)
succeeds "$undisturbed"
disturbed=$(submit)
wait_for_step "$disturbed" 100
kill -KILL "$(jq '.workers[1].pid' "$WORK/s/up.json")"
succeeds "$disturbed"
equal "$(digest "$disturbed")" "$(digest "$undisturbed")" "digest"
is "$undisturbed" '.epochs | length' 4 || fail "not four epochs"
is "$undisturbed" '[.epochs[-1].layers[].layer] | join(" ")' "conv1 norm1 conv2 dense1 out" ||
  fail "layers: $(get "$undisturbed" .epochs[-1].layers)"
is "$undisturbed" '.epochs[-1].layers[2] | .error_angle > 1 and .error_angle < 120 and
  .forward_update_norm > 0 and .saturated >= 0' true || fail "$(get "$undisturbed" .epochs[-1].layers)"
is "$undisturbed" '.epochs[-1].layers[0].forward_update_norm' 0 || fail "conv1 is not frozen"
curl -sf "http://$(jq -r .http "$WORK/s/up.json")/metrics" >"$WORK/metrics"
grep -q "^hebb_layer_error_angle_degrees{job=\"$undisturbed\",layer=\"conv2\"}" "$WORK/metrics" ||
  fail "no series of layers: $(grep hebb_layer "$WORK/metrics")"

evaluation=$(hebb evaluate "$undisturbed" -o json 2>/dev/null | jq -r .id)
succeeds "$evaluation"
equal "$(get "$evaluation" .metrics.test_accuracy)" "$(get "$undisturbed" .metrics.test_accuracy)" \
  "test accuracy of the evaluation"
passed
