// SPDX-License-Identifier: Apache-2.0
#include "client/grammar/completion.h"

namespace hebb::client {
namespace {

constexpr char kBash[] =
    R"(# bash completion for hebb; source it, or put it where bash-completion looks.
_hebb() {
  local current=${COMP_WORDS[COMP_CWORD]} lines line
  mapfile -t lines < <("${COMP_WORDS[0]}" __complete "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
  COMPREPLY=()
  case ${lines[0]-} in
    files) mapfile -t COMPREPLY < <(compgen -f -- "$current") ;;
    folders) mapfile -t COMPREPLY < <(compgen -d -- "$current") ;;
  esac
  [ ${#COMPREPLY[@]} -gt 0 ] && compopt -o filenames 2>/dev/null
  for line in "${lines[@]:1}"; do COMPREPLY+=("${line%%$'\t'*}"); done
}
complete -F _hebb hebb
)";

constexpr char kZsh[] = R"(#compdef hebb
# zsh completion for hebb; put it as _hebb into a folder of $fpath, or source it after compinit.
_hebb() {
  local -a lines found
  local line word help
  lines=("${(@f)$("${words[1]}" __complete "${(@)words[2,CURRENT]}" 2>/dev/null)}")
  case $lines[1] in
    files) _files ;;
    folders) _files -/ ;;
  esac
  for line in "${(@)lines[2,-1]}"; do
    word=${line%%$'\t'*}
    help=${line#*$'\t'}
    found+=("${word//:/\\:}:$help")
  done
  (( $#found )) && _describe -V hebb found
}
if [ "$funcstack[1]" = _hebb ]; then _hebb "$@"; else compdef _hebb hebb; fi
)";

constexpr char kFish[] =
    R"(# fish completion for hebb; put it as hebb.fish into ~/.config/fish/completions.
function __hebb_complete
  set -l words (commandline -opc)
  set -l current (commandline -ct)
  set -l lines ($words[1] __complete $words[2..-1] "$current" 2>/dev/null)
  switch "$lines[1]"
    case files
      __fish_complete_path "$current"
    case folders
      __fish_complete_directories "$current"
  end
  for line in $lines[2..-1]
    echo $line
  end
end
complete -c hebb -f -a '(__hebb_complete)'
)";

}  // namespace

std::string CompletionScript(const std::string& shell) {
  if (shell == "bash") return kBash;
  if (shell == "zsh") return kZsh;
  if (shell == "fish") return kFish;
  return "";
}

}  // namespace hebb::client
