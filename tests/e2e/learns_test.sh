#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# A followed job succeeds and learns; every view of it tells the same; its export is its checkpoint.
source "$(dirname "$0")/lib.sh"
write_job
up s 2

equal "$(hebb list -o json)" "[]" "list of an empty service"
expect 0 hebb submit "$WORK/job.yaml" --follow
id=$(head -n 1 "$WORK/out")
said "epoch 3/3 .*loss .*validation .*W-R conv1"
said "SUCCEEDED"

hebb describe "$id" -o json >"$WORK/job.json"
jq -e '.state == "SUCCEEDED" and .epoch == 3 and .step == 270 and .total_steps == 270
  and .images_per_second > 0 and .metrics.train_loss > 0
  and .metrics.validation_accuracy > 0.5 and .metrics.test_accuracy > 0.5
  and (.attempts | length) == 1 and .attempts[0].outcome == "succeeded"
  and (.workers | length) == 2 and (.epochs | length) == 3' "$WORK/job.json" >/dev/null ||
  fail "describe: $(cat "$WORK/job.json")"
equal "$(hebb list -o json)" "[]" "list without ended jobs"
equal "$(hebb list --all -o json | jq -r '.[0].id')" "$id" "list --all"
hebb logs "$id" >"$WORK/log"
[ -s "$WORK/log" ] || fail "the job has no log"
hebb describe "$id" | grep -q "^test " || fail "describe shows no test accuracy"

# Export: both formats, and one digest everywhere.
expect 0 hebb export "$id" -o "$WORK/w.safetensors" --digest
equal "$(cat "$WORK/out")" "$(get "$id" .weights_digest)" "export and describe"
expect 0 hebb export "$id" -o "$WORK/w.npz" --format npz
[ -s "$WORK/w.npz" ] || fail "no npz"

# What it came from, in the record and in the export.
for what in '.provenance.coordinator_build' '.provenance.software[0].libraries.oneDNN' \
  '.provenance.software[0].processor' '.provenance.spec_digest'; do
  [ "$(get "$id" "$what")" != null ] || fail "no $what on record"
done
equal "$(jq -r .provenance "$WORK/w.npz.json" | jq -r '.software[0].build')" \
  "$(get "$id" '.provenance.software[0].build')" "the export's provenance"
equal "$(jq -r .spec "$WORK/w.npz.json" | jq -r .learning.rule)" "$(get "$id" .spec.learning.rule)" \
  "the export's spec"
expect 0 hebb export "$id" -o "$WORK/w.onnx" --format onnx
[ -s "$WORK/w.onnx" ] || fail "no onnx"

# The exported weights are initial weights for another job: no steps apart, the same accuracy.
expect 0 hebb evaluate "$id" --follow -o json
equal "$(jq .metrics.test_accuracy "$WORK/out")" "$(get "$id" .metrics.test_accuracy)" "evaluate"
{ cat "$WORK/job.yaml"; echo "init: {from: w.safetensors}"; } >"$WORK/continued.yaml"
expect 0 hebb submit "$WORK/continued.yaml" --set learning.epochs=1 --follow
passed
