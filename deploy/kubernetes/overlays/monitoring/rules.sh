#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Prints rules.yaml: the rules of deploy/monitoring/rules as one PrometheusRule.
set -euo pipefail
rules=$(cd "$(dirname "${BASH_SOURCE[0]}")/../../../monitoring/rules" && pwd)
cat <<'YAML'
# SPDX-License-Identifier: Apache-2.0
# Made by rules.sh of deploy/monitoring/rules; change those.
apiVersion: monitoring.coreos.com/v1
kind: PrometheusRule
metadata: {name: hebb}
spec:
  groups:
YAML
for file in "$rules"/recording.yml "$rules"/alerts.yml; do
  sed -n '/^groups:/,$p' "$file" | sed '1d; s/^\(.\)/  \1/'
done
