# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# Packages of the npm registry for a test, in exact versions. Source it.

# npm_packages PACKAGE_JSON CACHE: installs into CACHE, once. Ends the test (77) where npm is missing
# or no registry is in reach.
npm_packages() {
  if ! command -v npm >/dev/null; then
    echo "skipped: npm is not installed (Debian: apt-get install npm)"
    exit 77
  fi
  mkdir -p "$2"
  ! cmp -s "$1" "$2/installed.json" || return 0
  cp "$1" "$2/package.json"
  if ! timeout 100 npm --prefix "$2" install --no-audit --no-fund --ignore-scripts >"$2/npm.log" 2>&1; then
    echo "skipped: npm could not install the packages: $(tail -n 1 "$2/npm.log")"
    exit 77
  fi
  cp "$1" "$2/installed.json"
}
