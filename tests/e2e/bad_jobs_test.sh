#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# What file, schema and data set decide is refused at submit: exit 5, one line with place, cause and
# remedy, nothing kept. What only a worker can find fails the job with its cause: exit 3.
source "$(dirname "$0")/lib.sh"
write_job
up s 1 

# refused SED-EXPRESSION PATTERN: the job file, changed so, is refused at submit for that reason.
refused() {
  sed "$1" "$WORK/job.yaml" >"$WORK/bad.yaml"
  cmp -s "$WORK/job.yaml" "$WORK/bad.yaml" && fail "no change by $1"
  expect 5 hebb submit "$WORK/bad.yaml"
  said "$2"
  said "bad\.yaml:[0-9]+:[0-9]+: "
}

refused 's/^seed: 7/sed: 7/' 'sed'
refused 's/seed: 7/seed: many/' 'seed'
refused 's/epochs: 3/epochs: -1/' 'epochs'
refused 's/rule: urfb/rule: urbf/' 'urfb'
refused 's/size: 2, stride: 2/size: 40, stride: 2/' 'pool1'
refused 's/units: 10, activation/units: 11, activation/' 'out'
refused '/name: out/d' 'classes|dense1'
refused 's/filters: 8/filters: 0/' 'filters'
refused 's/validation: 1000/validation: 10000/' 'validation'
refused 's/name: glyphs/name: glyph/' 'glyphs'
refused 's/{name: dense1, dense/{name: sum1, inputs: [conv1, pool1], add: {}}\n    - {name: dense1, dense/' 'sum1'
expect 5 hebb submit "$WORK/job.yaml" --set learning.epoch=3
said "epoch"
expect 5 hebb validate "$WORK/bad.yaml"
{ cat "$WORK/job.yaml"; echo "init: {from: nowhere.safetensors}"; } >"$WORK/bad.yaml"
expect 5 hebb submit "$WORK/bad.yaml"
said "nowhere.safetensors"
equal "$(hebb list --all -o json)" "[]" "refused jobs are not kept"

# A loss that is not finite.
sed -e 's/rule: urfb/rule: bp\n  loss: {squared: {}}/' -e 's/units: 32}/units: 32, activation: none}/' \
  "$WORK/job.yaml" >"$WORK/diverges.yaml"
expect 3 hebb submit "$WORK/diverges.yaml" --set learning.optimizer.sgd.learning_rate=1000000 \
  --set resources.workers=1 --follow
said "FAILED.*(finite|NaN|nan)"
said "^failed +attempt 1, rank 0: worker .* \(host .*\), after step [0-9]+"
said "^next .*hebb logs"
id=$(hebb list --all -o json | jq -r '.[0].id')
equal "$(get "$id" '.failure | [.attempt, .rank, (.host != ""), (.log_tail | length > 0)] | tostring')" \
  "[1,0,true,true]" "the record of the failure"
hebb describe "$id" >"$WORK/shown"
grep -qE '^failed +attempt 1, rank 0: worker ' "$WORK/shown" || fail "describe: $(cat "$WORK/shown")"
equal "$(get "$id" '[.events[] | select(.actor == "" or .kind == "")] | length')" 0 "events of nobody"
equal "$(get "$id" '.events[0].kind')" submitted "the first event"
# Its log: the error is of level error and of rank 0.
hebb logs "$id" --level error --rank 0 -o json >"$WORK/log"
jq -es 'length >= 1 and all(.level == "error" and .rank == 0)' "$WORK/log" >/dev/null ||
  fail "logs --level: $(cat "$WORK/log")"
equal "$(hebb logs "$id" --tail 2 | wc -l)" 2 "logs --tail"
expect 2 hebb logs "$id" --level loud

# A data file that is shorter than its header says.
idx() { # idx FILE MAGIC-BYTE RECORDS DIMENSIONS BYTES
  { printf "\\x00\\x00\\x08\\x0$2"; printf "\\x00\\x00\\x00\\x$(printf %02x "$3")"; printf '%b' "$4"
    head -c "$5" /dev/zero; } >"$1"
}
mkdir "$WORK/short"
for set in train t10k; do
  idx "$WORK/short/$set-images-idx3-ubyte" 3 50 '\x00\x00\x00\x1c\x00\x00\x00\x1c' $((50 * 784))
  idx "$WORK/short/$set-labels-idx1-ubyte" 1 50 '' 50
done
mnist=(--set dataset.name=mnist --set "dataset.path=$WORK/short" --set dataset.validation=10
  --set learning.batch_size=20 --set learning.epochs=1 --set resources.workers=1)
expect 0 hebb submit "$WORK/job.yaml" "${mnist[@]}" --follow
truncate -s -100 "$WORK/short/train-images-idx3-ubyte"
expect 3 hebb submit "$WORK/job.yaml" "${mnist[@]}" --follow
said "FAILED.*train-images-idx3-ubyte"
truncate -s +100 "$WORK/short/train-images-idx3-ubyte"
printf '\x63' | dd of="$WORK/short/train-labels-idx1-ubyte" bs=1 seek=20 conv=notrunc status=none
expect 3 hebb submit "$WORK/job.yaml" "${mnist[@]}" --follow
said "FAILED.*train-labels-idx1-ubyte.*99"

# The worker that found all this is as good as new.
expect 0 hebb submit "$WORK/job.yaml" --set learning.epochs=1 --set resources.workers=1 --follow
passed
