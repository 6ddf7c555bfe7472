#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Prometheus' own checks of its configuration and rules, and the rules' unit tests. Skipped (77)
# without promtool.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
if ! command -v promtool >/dev/null; then
  echo "skipped: promtool is not installed (Debian: apt-get install prometheus)"
  exit 77
fi
promtool check config "$here/../../deploy/monitoring/prometheus.yml"
promtool test rules "$here/rules_test.yml"
