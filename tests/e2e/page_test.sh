#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The page in headless Chromium against a real run: what a person would look for, no error on the
# console, no request to another host. Screenshots go to HEBB_SCREENSHOTS if that is set.
source "$(dirname "$0")/lib.sh"
command -v chromium >/dev/null || skip "chromium is not installed (install-deps.sh --tests does)"
command -v python3 >/dev/null || skip "python3 is not installed (install-deps.sh --tests does)"
write_job
up s 2
http=http://$(jq -r .http_address "$WORK/s/coordinator.json")

policy=$(curl -fsS --noproxy '*' -D - -o /dev/null "$http/" | tr -d '\r' | grep -i '^content-security-policy:')
[[ $policy == *"default-src 'none'"* && $policy != *unsafe* ]] || fail "policy: $policy"
plots=()
if curl -fsS --noproxy '*' "$http/page/uplot.js" | grep -q '^export default null'; then
  echo "plots are not built in (npm or its registry was out of reach): their tables are looked at"
  plots=(--no-plots)
fi

id=$(submit name=seen)
succeeds "$id"
# Four runs of two layers and one worker each, with what the client says of them.
{ sed '/conv1\|pool1\|drop1/d; s/^name: e2e/name: rules/; s/workers: 2/workers: 1/' "$WORK/job.yaml"; printf 'sweep: {grid: {learning.rule: [bp, urfb], seed: [1, 2]}}\n'; } \
  >"$WORK/rules.yaml"
hebb sweep "$WORK/rules.yaml" --follow >"$WORK/out" 2>&1 || fail "sweep: $(cat "$WORK/out")"
jq -n --argjson status "$(hebb sweep status rules -o json)" --argjson best "$(hebb sweep best rules -o json)" \
  --argjson best_loss "$(hebb sweep best rules --metric train_loss -o json)" '$ARGS.named' >"$WORK/told.json"
# 500 jobs that ask for more workers than there are.
{ cat "$WORK/job.yaml"; printf 'sweep: {grid: {seed: [%s]}}\n' "$(seq -s, 500)"; } |
  sed 's/workers: 2, min_workers: 1/workers: 8, min_workers: 8/' >"$WORK/sweep.yaml"
hebb sweep "$WORK/sweep.yaml" >"$WORK/out" 2>&1 || fail "sweep: $(cat "$WORK/out")"

sed 's/workers: 2, min_workers: 1/workers: 8, min_workers: 8/' "$WORK/job.yaml" >"$WORK/dropped.yaml"
mkdir "$WORK/shots"
timeout 300 python3 -B "$(dirname "$0")/page_driver.py" "$http" "$WORK/shots" "$id" seen \
  "$WORK/dropped.yaml" "$WORK/told.json" "${plots[@]}" || fail "the page is not as it should be"
[ -z "${HEBB_SCREENSHOTS:-}" ] || cp "$WORK"/shots/*.png "$HEBB_SCREENSHOTS"
passed
