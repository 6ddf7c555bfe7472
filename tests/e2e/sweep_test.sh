#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# A sweep over two rules and two seeds: a bad grid value is refused with its place and nothing kept;
# the coordinator is killed in mid-sweep and the sweep completes, every run once; a repeated request
# makes no second sweep; means, best and report hold every run; stop ends what has not ended.
source "$(dirname "$0")/lib.sh"
write_job
cat >>"$WORK/job.yaml" <<'YAML'
sweep:
  name: pairs
  grid:
    learning.rule: [bp, urfb]
    seed: [1, 2]
YAML
up s 1
sed '/^sweep:/,$d' "$WORK/job.yaml" >"$WORK/single.yaml"
mv "$WORK/job.yaml" "$WORK/sweep.yaml"
mv "$WORK/single.yaml" "$WORK/job.yaml"
epochs=$(epochs_for 3 resources.workers=1)
one=(--set resources.workers=1 --set "learning.epochs=$epochs")
before=$(hebb list --all -o json | jq length)

# Refused, whole.
sed 's/\[bp, urfb\]/[bp, urbf]/' "$WORK/sweep.yaml" >"$WORK/bad.yaml"
expect 5 hebb sweep "$WORK/bad.yaml"
said "bad\.yaml:[0-9]+:[0-9]+: grid key learning\.rule: .*urfb"
expect 5 hebb sweep "$WORK/sweep.yaml" --set seed=3
said "sweep\.grid\.seed"
expect 5 hebb submit "$WORK/sweep.yaml"
said "hebb sweep"
expect 2 hebb sweep
expect 6 hebb sweep status nosuchsweep
said "nosuchsweep"
expect 5 hebb sweep "$WORK/bad.yaml" --dry-run
expect 5 hebb sweep "$WORK/sweep.yaml" --dry-run --set init.from=none.safetensors
said "cannot read the initial weights"
expect 0 hebb sweep "$WORK/sweep.yaml" --dry-run
said "sweep.yaml would be taken, 4 runs; nothing was submitted"
grep -qE "^2 +urfb +1 +[0-9,]+$" "$WORK/out" || fail "a dry run shows no runs: $(cat "$WORK/out")"
expect 0 hebb sweep "$WORK/sweep.yaml" --dry-run -o json
jq -e '.runs | length == 4 and all(.job.layers | length == 5)' "$WORK/out" >/dev/null ||
  fail "a dry run as JSON: $(cat "$WORK/out")"
equal "$(hebb sweep list -o json)" "[]" "refused and rehearsed sweeps are not kept"
equal "$(hebb list --all -o json | jq length)" "$before" "their jobs neither"

id=$(hebb sweep "$WORK/sweep.yaml" "${one[@]}" -o json 2>/dev/null | jq -r .id)
status() { hebb sweep status "$id" -o json | jq -r "$1"; }
equal "$(status '.jobs')" 4 "runs"
equal "$(status '[.runs[] | .point | map(.value) | join(" ")] | join(", ")')" \
  "bp 1, urfb 1, bp 2, urfb 2" "the grid's order"
equal "$(hebb list -o json | jq -r '[.[].sweep] | unique | .[]')" "$id" "they are ordinary jobs"
expect 6 hebb sweep best "$id"
said "SUCCEEDED"

# The first run has ended, the second is under way, the others wait: the coordinator dies.
second=$(status '.runs[1].job')
wait_for_step "$second" 30
pid=$(pid_of s coordinator)
kill -KILL "$pid"
back() { [ "$(pid_of s coordinator)" != "$pid" ] && hebb list >/dev/null 2>&1; }
eventually 30 "the coordinator is back" back
equal "$(status '.jobs')" 4 "runs after the restart"
ended() { [ "$(status .state)" = SUCCEEDED ]; }
eventually 120 "the sweep has ended" ended
equal "$(hebb list --all -o json | jq "[.[] | select(.sweep == \"$id\")] | length")" 4 "jobs"

# A run is the job that its values make by hand, bit by bit.
single=$(submit seed=2 learning.rule=bp resources.workers=1 "learning.epochs=$epochs")
succeeds "$single"
equal "$(digest "$(status '.runs[2].job')")" "$(digest "$single")" "a run and the job by hand"

# Means, best, report.
equal "$(status '[.groups[] | .label + " " + (.metrics.validation_accuracy.n | tostring)] | join(", ")')" \
  "rule=bp 2, rule=urfb 2" "groups"
best=$(hebb sweep best pairs --metric train_loss -o json)
equal "$(jq -r '.metric, (.jobs | length)' <<<"$best" | paste -sd' ')" "train_loss 2" "best"
expect 5 hebb sweep best "$id" --metric accuracy
expect 2 hebb sweep report "$id"
expect 0 hebb sweep report "$id" -o "$WORK/report.html" --csv "$WORK/report.csv"
for job in $(status '.runs[].job'); do
  grep -q "$job" "$WORK/report.html" || fail "the report lacks $job"
  equal "$(grep -c "^$job,SUCCEEDED," "$WORK/report.csv")" "$epochs" "epochs of $job in the CSV"
done
grep -q "Alignment of conv1" "$WORK/report.html" || fail "the report has no alignment"
grep -qE "<script|<link|https?://[^w]" "$WORK/report.html" && fail "the report loads something"

# A repeated request makes no second sweep, also of a new coordinator. Its runs are far longer than
# what is asked meanwhile: the stop below must find the first one running.
request() {
  hebb sweep "$WORK/sweep.yaml" --set resources.workers=1 --set learning.epochs=2000 \
    --set sweep.name=again --request-id once 2>/dev/null
}
again=$(request)
equal "$(request)" "$again" "the repeat's sweep"
pid=$(pid_of s coordinator)
kill -KILL "$pid"
eventually 30 "the coordinator is back" back
equal "$(request)" "$again" "the repeat's sweep after a restart"
equal "$(hebb sweep list -o json | jq 'length')" 2 "sweeps"
equal "$(hebb sweep status "$again" -o json | jq .jobs)" 4 "runs of the repeated request"

# Stop: the first runs, the others wait.
running=$(hebb sweep status "$again" -o json | jq -r '.runs[0].job')
wait_for_step "$running" 1
expect 0 hebb sweep stop "$again"
stopped() { [ "$(hebb sweep status "$again" -o json | jq -r .state)" = CANCELLED ]; }
eventually 60 "the sweep is cancelled" stopped
expect 0 hebb sweep stop "$again"
expect 4 hebb wait "$running"

# --follow exits with the result.
expect 0 hebb sweep "$WORK/sweep.yaml" --set resources.workers=1 --set learning.epochs=1 \
  --set 'sweep.grid.seed=[1]' --follow
said "2 SUCCEEDED"

# Random search by --set alone, in place of the file's grid.
expect 0 hebb sweep "$WORK/sweep.yaml" --set resources.workers=1 --set learning.epochs=1 \
  --set sweep.grid=null --set sweep.name=drawn --set sweep.random.samples=2 \
  --set 'sweep.random.parameters.learning.batch_size={int_uniform: [50, 100]}' --follow
said "2 SUCCEEDED"
equal "$(hebb sweep status drawn -o json | jq -r .method)" random "method"
passed
