#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Random search with successive halving, over a restart of the coordinator: all runs come to the
# first rung, one of them goes on to its end, the others are stopped early, and the winner's weights
# are those of the same job alone.
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
cat >"$WORK/sweep.yaml" <<'Y'
name: search
sweep:
  random: {samples: 4, seed: 3, parameters: {learning.optimizer.sgd.learning_rate: {log_uniform: [0.001, 0.5]}}}
  halving: {epochs: [1], keep: 0.25}
dataset: {name: glyphs, validation: 200}
network:
  layers:
    - {name: dense1, dense: {units: 1500}}
    - {name: out, dense: {units: 10, activation: none}}
learning: {rule: urfb, batch_size: 50, epochs: 4}
Y
up s 2 --threads 1
id=$(hebb sweep "$WORK/sweep.yaml" 2>/dev/null)
kill -KILL "$(pid_of s coordinator)"
over() { [ "$(hebb sweep status "$id" -o json 2>/dev/null | jq -r .state)" = SUCCEEDED ]; }
eventually 120 "the sweep ends" over
hebb sweep status "$id" -o json >"$WORK/status.json"
count() { jq "[.runs[] | select($1)] | length" "$WORK/status.json"; }
equal "$(count '.state == "SUCCEEDED" and .epoch == 4')" 1 "runs that went to their end"
equal "$(count '.stopped_early and .state == "CANCELLED"')" 3 "runs stopped early"
equal "$(count '.rung >= 1')" 4 "runs that came to the rung"
jq -e '.method == "successive_halving"' "$WORK/status.json" >/dev/null || fail "no method"
# The winner was the best at the rung.
best=$(jq -r '.runs[] | select(.state == "SUCCEEDED") | .job' "$WORK/status.json")
at_rung() { get "$1" '.epochs[] | select(.epoch == 1) | .metrics.validation_accuracy'; }
top=$(at_rung "$best")
for run in $(jq -r '.runs[].job' "$WORK/status.json"); do
  jq -en "$(at_rung "$run") <= $top" >/dev/null || fail "$run was better than $best at the rung"
done
# It was held at the rung, or it was the last to come; either way its weights are those of the job alone.
rate=$(get "$best" '.point[0].value')
grep -v '^  random\|^  halving\|^sweep' "$WORK/sweep.yaml" >"$WORK/alone.yaml"
alone=$(hebb submit "$WORK/alone.yaml" --set "learning.optimizer.sgd.learning_rate=$rate")
succeeds "$alone"
equal "$(digest "$best")" "$(digest "$alone")" "the winner's weights"
passed
