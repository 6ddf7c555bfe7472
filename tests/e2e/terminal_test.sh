#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The client as a person sees it, in a pseudo-terminal (terminal.py): the bar and its width, a window
# that changes its size, Ctrl-C, colours and their absence, pipes; tables and help as on record
# (golden/, HEBB_WRITE_GOLDEN=1 writes them anew); completion in real shells; pictures; the manual.
source "$(dirname "$0")/lib.sh"
command -v python3 >/dev/null || skip "no python3"
HERE=$(cd "$(dirname "$0")" && pwd)
export TERM=xterm LC_ALL=C.UTF-8 PATH="$HEBB_BIN:$PATH"
unset -f hebb # shells and terminals start the program itself

terminal() { python3 "$HERE/terminal.py" "$@"; }

# drawn FILE: what the bar's line held at each drawing, one a line, without the terminal's echo of
# Ctrl-C behind it.
drawn() { tr '\r' '\n' <"$1" | grep -aE '^\[|^step ' | sed 's/\x1b\[K.*//; s/\^C.*//'; }

# widest FILE: the columns of the longest line.
widest() { python3 -c 'import sys
print(max((len(line.rstrip("\n")) for line in open(sys.argv[1])), default=0))' "$1"; }

# golden NAME FILE: the file is as on record.
golden() {
  [ -z "${HEBB_WRITE_GOLDEN:-}" ] || cp "$2" "$HERE/golden/$1.txt"
  diff -u "$HERE/golden/$1.txt" "$2" >&2 || fail "$1 is not as on record"
}

# anonymous: ids, ages, speeds and times are as wide as before and tell nothing.
anonymous() {
  sed -E 's/j-[a-z0-9]{8}/j-xxxxxxxx/g; s/w-[a-z0-9]{8}/w-xxxxxxxx/g; s/\b[0-9]+s( |$)/Ns\1/'
}

write_job
up s 2

# --- The bar, a window that becomes narrow, Ctrl-C -------------------------------------------------
epochs=$(epochs_for 20)
id=$(submit learning.epochs="$epochs")
expect 9 terminal --columns 130 'see:\[#*-*\]  step [0-9]+/[0-9]+' 'see:ETA ' 'see:loss [0-9.]+  (?:▁|▂|▃|▄|▅|▆|▇|█){2}' \
  resize:60 'see:\r\[' 'see:\r\[' key:c end -- hebb watch "$id"
cp "$WORK/out" "$WORK/watched"
grep -aq "detached, job $id goes on; come back with .hebb watch $id." "$WORK/watched" ||
  fail "Ctrl-C does not say how to come back: $(cat "$WORK/watched")"
equal "$(get "$id" .state)" RUNNING "the job after Ctrl-C"
drawn "$WORK/watched" >"$WORK/bars"
[ "$(widest "$WORK/bars")" -le 129 ] || fail "a bar is wider than the window: $(cat "$WORK/bars")"
tail -n 1 "$WORK/bars" >"$WORK/last"
[ "$(widest "$WORK/last")" -le 59 ] || fail "the bar did not follow the window: $(cat "$WORK/last")"
[ "$(widest "$WORK/bars")" -gt 60 ] || fail "the wide bar is narrow: $(cat "$WORK/bars")"

# --- No terminal: lines, and no control characters -----------------------------------------------
timeout 3 hebb watch "$id" >"$WORK/piped" 2>&1 || true # SIGTERM lets go, as Ctrl-C does
grep -q "epoch 1/" "$WORK/piped" || fail "no lines in a pipe: $(cat "$WORK/piped")"
! grep -q $'[\r\x1b]' "$WORK/piped" || fail "control characters in a pipe"

# --- Tables and colours --------------------------------------------------------------------------
expect 0 hebb cancel "$id"
waiting=$(hebb submit "$WORK/job.yaml" --set resources.device=cuda \
  --set name=a-long-name-for-a-job-that-waits -o json 2>/dev/null | jq -r .id)
eventually 10 "the reason is stored" is "$waiting" '.reason | test("cuda")' true
terminal --columns 76 -- hebb list | tr -d '\r' >"$WORK/narrow"
[ "$(widest "$WORK/narrow")" -le 76 ] || fail "the table is too wide: $(cat "$WORK/narrow")"
grep -q "^$waiting .*…" "$WORK/narrow" || fail "nothing is cut off: $(cat "$WORK/narrow")"
hebb list | grep -q "^$waiting  a-long-name-for-a-job-that-waits .*cuda" ||
  fail "a pipe gets less than all: $(hebb list)"
terminal --columns 76 -- hebb list -o wide | grep -q "a-long-name-for-a-job-that-waits" ||
  fail "-o wide is cut off"
anonymous <"$WORK/narrow" >"$WORK/golden"
golden list_narrow "$WORK/golden"
hebb list --all | anonymous | sed -E 's/ +/ /g; s/[0-9]+\/[0-9]+/N\/N/g; s/[0-9.]+ %/P %/g' |
  sort -u >"$WORK/golden"
golden list_all "$WORK/golden"

green=$'\x1b\\[32mSUCCEEDED'
terminal --columns 200 -- hebb list --all | grep -q "$green" || fail "no colour on a terminal"
! hebb list --all | grep -q $'\x1b' || fail "colour in a pipe"
hebb --color always list --all | grep -q "$green" || fail "--color always"
! terminal -- hebb list --all --color never | grep -q $'\x1b' || fail "--color never"
! NO_COLOR=1 terminal -- hebb list --all | grep -q $'\x1b' || fail "NO_COLOR"
! TERM=dumb terminal -- hebb list --all | grep -q $'\x1b' || fail "TERM=dumb"
expect 6 terminal -- hebb describe nosuchjob
grep -q $'\x1b\\[31mhebb:\x1b\\[0m .*nosuchjob' "$WORK/out" || fail "the error has no colour"

# --- Help, corrections, manual -------------------------------------------------------------------
for verb in list plot completion; do
  hebb "$verb" --help >"$WORK/golden"
  golden "help_$verb" "$WORK/golden"
done
expect 2 hebb lits
said "did you mean 'list'\? see .hebb --help."
expect 2 hebb list --stat failed
said "did you mean '--state'\? see .hebb list --help."
hebb man >"$WORK/hebb.1"
if command -v man >/dev/null; then
  man --warnings -l "$WORK/hebb.1" >"$WORK/page" 2>"$WORK/err" || fail "man: $(cat "$WORK/err")"
  [ ! -s "$WORK/err" ] || fail "man: $(cat "$WORK/err")"
  grep -q "hebb sweep report SWEEP" "$WORK/page" || fail "the manual lacks a verb"
else
  echo "not tried: man, which is not installed"
fi

# --- Completion in the shells --------------------------------------------------------------------
# completes SHELL LINE WORD: the shell completes the line to hold the word.
in_bash() {
  bash --norc -c 'source <(hebb completion bash)
    COMP_LINE=$1; read -ra COMP_WORDS <<<"$1"; [[ $1 != *" " ]] || COMP_WORDS+=("")
    COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); _hebb hebb; printf "%s\n" "${COMPREPLY[@]}"' bash "$1"
}
in_fish() { fish --no-config -c 'hebb completion fish | source; complete -C $argv[1]' "$1" | cut -f1; }
in_zsh() {
  printf 'autoload -U compinit; compinit -u -d %q/zcompdump; source <(hebb completion zsh)\nPS1="ready> "\n' \
    "$WORK" >"$WORK/.zshrc"
  ZDOTDIR=$WORK python3 "$HERE/terminal.py" --columns 200 --type "$1"$'\t' 'see:ready> ' type \
    "see:$2" kill -- zsh -i
}
for shell in bash fish; do
  if ! command -v "$shell" >/dev/null; then
    echo "not tried: $shell, which is not installed"
    continue
  fi
  "in_$shell" "hebb su" | grep -qx submit || fail "$shell: verbs: $("in_$shell" "hebb su")"
  "in_$shell" "hebb list --st" | grep -qx -- --state || fail "$shell: options"
  "in_$shell" "hebb -o js" | grep -qx json || fail "$shell: values"
  "in_$shell" "hebb cancel " | grep -qx "$waiting" || fail "$shell: job ids"
  ! "in_$shell" "hebb cancel " | grep -qx "$id" || fail "$shell: an ended job to cancel"
  "in_$shell" "hebb submit $WORK/job" | grep -qx "$WORK/job.yaml" || fail "$shell: files"
done
if command -v zsh >/dev/null; then
  in_zsh "hebb cance" "hebb cancel" >"$WORK/zsh" || fail "zsh: $(cat "$WORK/zsh")"
  in_zsh "hebb cancel j-" "$waiting" >"$WORK/zsh" || fail "zsh: job ids: $(cat "$WORK/zsh")"
else
  echo "not tried: zsh, which is not installed"
fi
start=$SECONDS # nobody is there: nothing is offered, soon
HEBB_ADDRESS=127.0.0.1:1 hebb __complete cancel "" >"$WORK/out"
equal "$(cat "$WORK/out")" words "completion without a coordinator"
[ $((SECONDS - start)) -le 3 ] || fail "completion waits for a coordinator"

# --- Pictures ------------------------------------------------------------------------------------
first=$(hebb list --all -o json | jq -r '[.[] | select(.state == "SUCCEEDED")][0].id')
expect 0 hebb plot "$first" -o "$WORK/one.svg"
grep -q "Alignment of the feedback" "$WORK/one.svg" || fail "no alignment in the picture"
python3 -c 'import sys, xml.dom.minidom; xml.dom.minidom.parse(sys.argv[1])' "$WORK/one.svg"
expect 0 hebb plot "$first" "$id" -o "$WORK/two.svg"
grep -q "Alignment of dense1" "$WORK/two.svg" || fail "no alignment a layer"
rc=0
hebb plot "$first" -o "$WORK/one.png" 2>"$WORK/err" || rc=$?
if [ $rc -eq 0 ]; then
  equal "$(head -c 4 "$WORK/one.png" | tail -c 3)" PNG "the picture's first bytes"
else
  said "built without librsvg"
  echo "not tried: PNG, built without librsvg"
fi
expect 5 hebb plot "$waiting" -o "$WORK/none.svg"
said "no epoch is complete; see .hebb watch $waiting."
expect 2 hebb plot "$first" -o "$WORK/one.gif"
expect 0 hebb cancel "$waiting"

# --- What else takes long: a computation, and a pause while the workers are frozen ------------------
expect 0 terminal 'see:moments  \[#*-*\]  [0-9,]+ of [0-9,]+' kill -- \
  hebb theory linear --seeds 10000
timeout 3 hebb theory linear --seeds 10000 >"$WORK/piped" 2>&1 || true
[ ! -s "$WORK/piped" ] || fail "a bar in a pipe: $(cat "$WORK/piped")"
id=$(submit learning.epochs=100000)
wait_for_step "$id" 1
readarray -t pids < <(jq '.workers[].pid' "$WORK/s/up.json")
kill -STOP "${pids[@]}"
expect 0 terminal 'see:waits for the checkpoint  0:0[1-9]' kill -- hebb pause "$id" --wait
kill -CONT "${pids[@]}"
expect 0 hebb pause "$id" --wait
expect 0 hebb cancel "$id"

# --- A sweep shows how many of its runs have ended -------------------------------------------------
expect 0 terminal 'see:ended  \[#*-*\]  [01] of 2' 'see:2 runs: 2 SUCCEEDED' end -- \
  hebb sweep "$WORK/job.yaml" --set name=grid --set 'sweep.grid.seed=[1, 2]' --follow
passed
