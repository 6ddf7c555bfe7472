# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# Packages of the npm registry for a test, in exact versions. Source it.

# npm_packages FOLDER CACHE SECONDS: installs what the folder's lock file, or else its package.json,
# says into CACHE, once. Where npm is missing or no registry in reach: false, and the reason on
# standard output.
npm_packages() {
  local from=$1/package.json how=install
  command -v npm >/dev/null || { echo "npm is not installed (Debian: apt-get install npm)"; return 1; }
  [ ! -f "$1/package-lock.json" ] || { from=$1/package-lock.json; how=ci; }
  mkdir -p "$2"
  ! cmp -s "$from" "$2/installed.json" || return 0
  cp "$1"/package*.json "$2/"
  if ! timeout "$3" npm --prefix "$2" $how --no-audit --no-fund --ignore-scripts >"$2/npm.log" 2>&1; then
    echo "npm could not install the packages: $(tail -n 1 "$2/npm.log")"
    return 1
  fi
  cp "$from" "$2/installed.json"
}
