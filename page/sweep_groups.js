// SPDX-License-Identifier: Apache-2.0
// A sweep's runs as settings over seeds, with their means: what `hebb sweep status` and `best` say
// (docs/sweeps.md). Pure.
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

// P(|T| <= t) of Student's distribution, by the finite sums of Abramowitz and Stegun, 26.7.3 and 4.
function within(t, freedom) {
  const theta = Math.atan(t / Math.sqrt(freedom));
  const odd = freedom % 2 === 1;
  let term = odd ? Math.cos(theta) : 1;
  let sum = freedom === 1 ? 0 : term;
  for (let k = odd ? 3 : 2; k <= freedom - 2; k += 2) {
    term *= ((k - 1) / k) * Math.cos(theta) ** 2;
    sum += term;
  }
  return odd ? (2 / Math.PI) * (theta + Math.sin(theta) * sum) : Math.sin(theta) * sum;
}

function student95(freedom) {
  let [low, high] = [1.9, 13]; // below that of the normal distribution, above that of one degree
  for (let i = 0; i < 40; i += 1) {
    const middle = (low + high) / 2;
    if (within(middle, freedom) < 0.95) low = middle;
    else high = middle;
  }
  return low;
}

// {n, mean, half}: with its 95 % interval, for which two values are needed; null of none.
export function estimate(values) {
  const n = values.length;
  if (n === 0) return null;
  const mean = values.reduce((sum, v) => sum + v, 0) / n;
  if (n === 1) return { n, mean, half: null };
  const squares = values.reduce((sum, v) => sum + (v - mean) ** 2, 0);
  return { n, mean, half: student95(n - 1) * Math.sqrt(squares / (n - 1) / n) };
}

export function estimateText(metric, found) {
  if (found === null) return "";
  if (found.half === null) return valueText(metric, found.mean);
  return metric.accuracy ? `${(100 * found.mean).toFixed(2)} ± ${(100 * found.half).toFixed(2)} %`
    : `${found.mean.toFixed(4)} ± ${found.half.toFixed(4)}`;
}

// Runs that differ by their seed only, with means over those that SUCCEEDED:
// [{label, runs, ended, means: {metric name: estimate}}] in the order of their first runs.
export function groupRuns(runs) {
  const short = shortKeys(runs);
  const groups = new Map();
  for (const run of runs) {
    const label = run.point.filter((p) => p.key !== "seed").map((p) => `${short.get(p.key)}=${p.value}`).join(", ") || "all";
    groups.set(label, [...(groups.get(label) ?? []), run]);
  }
  return [...groups].map(([label, members]) => {
    const ended = members.filter((run) => run.state === "SUCCEEDED");
    const known = (metric) => ended.map((run) => valueOf(run, metric)).filter((v) => v !== null);
    return { label, runs: members, ended, means: Object.fromEntries(METRICS.map((m) => [m.name, estimate(known(m))])) };
  });
}

// The first of equals; null when none has a mean.
export function bestGroup(groups, metric) {
  const mean = (group) => group.means[metric.name]?.mean;
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
