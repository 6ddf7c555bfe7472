#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The whole service stops in mid-run and the newest checkpoint is damaged meanwhile: the job resumes
# from the one before it and ends with the same bits.
source "$(dirname "$0")/lib.sh"
write_job
up s 2
epochs=$(epochs_for 10)
id=$(submit "learning.epochs=$epochs")
succeeds "$id"
expected=$(digest "$id")

id=$(submit "learning.epochs=$epochs")
wait_for_step "$id" 100
down s
newest=$(find "$WORK/s/blobs" -type f -printf '%T@ %p\n' | sort -n | tail -n 1 | cut -d' ' -f2-)
[ -n "$newest" ] || fail "no checkpoint below $WORK/s"
size=$(stat -c %s "$newest")
head -c 64 /dev/zero | dd of="$newest" bs=1 seek=$((size / 2)) conv=notrunc status=none
up s 2
succeeds "$id"
[ "$(get "$id" '.attempts | length')" -ge 2 ] || fail "there was no second attempt"
[ "$(get "$id" '.attempts[-1].start_step')" -gt 0 ] || fail "it began anew"
equal "$(digest "$id")" "$expected" "digest after a damaged checkpoint"
passed
