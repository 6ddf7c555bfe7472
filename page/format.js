// SPDX-License-Identifier: Apache-2.0
export const number = (value, digits = 4) =>
  value === null || value === undefined ? "" : String(Number(value.toPrecision(digits)));
export const percent = (ratio) =>
  ratio === null || ratio === undefined ? "" : `${(ratio * 100).toFixed(1)} %`;
// One for all: a new one for each cell takes longer than the rest of a long list.
const clock = new Intl.DateTimeFormat(undefined, { dateStyle: "short", timeStyle: "medium" });
export const time = (text) => (text ? clock.format(new Date(text)) : "");

export function seconds(value) {
  if (!Number.isFinite(value) || value < 0) return "";
  if (value < 90) return `${Math.round(value)} s`;
  if (value < 5400) return `${Math.round(value / 60)} min`;
  return `${(value / 3600).toFixed(1)} h`;
}

export const ENDED = new Set(["SUCCEEDED", "FAILED", "CANCELLED"]);

export const progressOf = (job) => (job.total_steps > 0 ? job.step / job.total_steps : 0);

// Seconds that the rest takes at the speed of the attempt; NaN: cannot be told.
export function timeLeft(job, batchSize) {
  if (job.state !== "RUNNING" || !(job.images_per_second > 0)) return NaN;
  return ((job.total_steps - job.step) * batchSize) / job.images_per_second;
}

// -1 blue, 0 grey, 1 orange: told apart by the colour-blind, too.
export function alignmentColour(cosine) {
  if (cosine === null || cosine === undefined) return null;
  const strength = Math.min(1, Math.abs(cosine));
  const end = cosine < 0 ? [88, 139, 214] : [240, 152, 56];
  const mixed = end.map((part) => Math.round(205 + (part - 205) * strength));
  return `rgb(${mixed.join(",")})`;
}
