// SPDX-License-Identifier: Apache-2.0
// A sweep's runs and its settings over seeds, whose means the coordinator gives: what `hebb sweep
// status` and `best` say (docs/sweeps.md). Pure.
import { number, percent } from "./format.js";

export const METRICS = [
  { name: "validation_accuracy", title: "Validation accuracy", accuracy: true },
  { name: "test_accuracy", title: "Test accuracy", accuracy: true },
  { name: "train_accuracy", title: "Training accuracy", accuracy: true },
  { name: "test_loss", title: "Test loss", accuracy: false },
  { name: "train_loss", title: "Training loss", accuracy: false },
];

export const valueText = (metric, value) => (metric.accuracy ? percent(value) : number(value));

const valueOf = (run, metric) => run.metrics?.[metric.name] ?? null;
const better = (metric, a, b) => (metric.accuracy ? a > b : a < b);

// The shortest ending of each key that no other key has: "rule" for "learning.rule".
export function shortKeys(runs) {
  const keys = [...new Set(runs.flatMap((run) => run.point.map((p) => p.key)))];
  const ending = (key, parts) => key.split(".").slice(-parts).join(".");
  return new Map(keys.map((key) => {
    let parts = 1;
    while (keys.some((other) => other !== key && ending(other, parts) === ending(key, parts))) parts += 1;
    return [key, ending(key, parts)];
  }));
}

// Of one of a group's means: {n, mean, half_width}, the last where there are two values.
export function estimateText(metric, found) {
  if (!found) return "";
  if ((found.half_width ?? null) === null) return valueText(metric, found.mean);
  return metric.accuracy ? `${(100 * found.mean).toFixed(2)} ± ${(100 * found.half_width).toFixed(2)} %`
    : `${found.mean.toFixed(4)} ± ${found.half_width.toFixed(4)}`;
}

export const meanOf = (group, metric) => group.means.find((mean) => mean.metric === metric.name);

// The first of equals; null when none has a mean.
export function bestGroup(groups, metric) {
  const mean = (group) => meanOf(group, metric)?.mean;
  return groups.reduce((best, group) => {
    if (mean(group) === undefined) return best;
    return best === null || better(metric, mean(group), mean(best)) ? group : best;
  }, null);
}

// The best first, then those that have no value yet, in the sweep's order.
export function ranked(runs, metric) {
  const sign = metric.accuracy ? -1 : 1;
  const key = (run) => (valueOf(run, metric) === null ? Infinity : sign * valueOf(run, metric));
  return runs.map((run) => [key(run), run]).sort(([a], [b]) => (a === b ? 0 : a - b)).map(([, run]) => run);
}

export const hasValue = (run, metric) => valueOf(run, metric) !== null;
export const runText = (run, metric) => valueText(metric, valueOf(run, metric));
