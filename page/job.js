// SPDX-License-Identifier: Apache-2.0
// One job: progress, curves, layers, filters, events, log.
import * as api from "./api.js";
import { facts, h, table } from "./dom.js";
import { filterImages } from "./filters.js";
import { ENDED, number, percent, seconds, time, timeLeft } from "./format.js";
import { progress, stateOf } from "./jobs.js";
import { picture } from "./network.js";
import { makePlot, plotsNote } from "./plot.js";

const point = (record, value) => (value === null || value === undefined ? [] : [[record.epoch, value]]);
const series = (name, records, value) => ({ name, points: records.flatMap((r) => point(r, value(r))) });
const filled = (all) => all.filter((s) => s.points.length > 0);

export function curves(job) {
  const records = job.epochs;
  const layers = [...new Set(records.flatMap((r) => r.alignment.map((a) => a.layer)))];
  const batch = job.spec.learning.batch_size;
  const steps = records.map((r, i) => r.step - (i > 0 ? records[i - 1].step : 0));
  return {
    loss: filled([series("training", records, (r) => r.metrics?.train_loss),
      series("test", records, (r) => r.metrics?.test_loss)]),
    accuracy: filled([series("training", records, (r) => r.metrics?.train_accuracy),
      series("validation", records, (r) => r.metrics?.validation_accuracy),
      series("test", records, (r) => r.metrics?.test_accuracy)]),
    alignment: layers.map((l) => series(l, records, (r) => r.alignment.find((a) => a.layer === l)?.cosine)),
    speed: [{ name: "images/s", points: records.flatMap((r, i) =>
      (r.seconds > 0 && steps[i] > 0 ? [[r.epoch, (steps[i] * batch) / r.seconds]] : [])) }],
  };
}

function buttons(job, act) {
  const waits = job.state === "QUEUED" || job.state === "STARTING" || job.state === "RUNNING";
  const all = [["pause", "Pause", waits], ["resume", "Resume", job.state === "PAUSED"],
    ["cancel", "Cancel", !ENDED.has(job.state) && job.state !== "CANCELLING"]];
  return h("div", { class: "row", role: "group", "aria-label": "Change the job" },
    all.map(([verb, title, may]) => h("button", { disabled: !may, onclick: () => act(verb) }, title)),
    h("a", { href: `#/compare/${job.id}` }, "Compare with others"));
}

function summary(job) {
  return facts([
    ["State", stateOf(job)], ["Why", job.reason], ["Progress", progress(job)],
    ["Steps", job.total_steps ? `${job.step} of ${job.total_steps}` : ""],
    ["Epochs", `${job.epoch} of ${job.spec.learning.epochs}`],
    ["Time left", seconds(timeLeft(job, job.spec.learning.batch_size))],
    ["Speed", job.images_per_second ? `${number(job.images_per_second, 4)} images/s` : ""],
    ["Loss", number(job.metrics?.train_loss)], ["Validation", percent(job.metrics?.validation_accuracy)],
    ["Test", percent(job.metrics?.test_accuracy)],
    ["Rule and data", `${job.spec.learning.rule} on ${job.spec.dataset.name}, seed ${job.spec.seed}`],
    ["Gang", job.workers.map((w) => `rank ${w.rank}: ${w.worker} on ${w.host} (${w.device})`).join(", ")],
    ["Sweep", job.sweep ? h("a", { href: `#/sweep/${job.sweep}` }, job.sweep) : ""],
    ["User", job.user], ["Id", job.id], ["Weights", job.weights_digest],
    ["Failure", job.failure?.error ? h("span", { class: "error" }, job.failure.error) : ""],
  ]);
}

const EVENT_COLUMNS = [
  { title: "When", cell: (e) => time(e.time) }, { title: "What", cell: (e) => e.text },
  { title: "Kind", cell: (e) => e.kind }, { title: "Who", cell: (e) => e.actor },
];
const ATTEMPT_COLUMNS = [
  { title: "Attempt", number: true, cell: (a) => a.number }, { title: "Gangs formed", number: true, cell: (a) => a.generation },
  { title: "From step", number: true, cell: (a) => a.start_step }, { title: "Outcome", cell: (a) => a.outcome || "runs" },
  { title: "Why", cell: (a) => a.reason }, { title: "Began", cell: (a) => time(a.started) }, { title: "Ended", cell: (a) => time(a.ended) },
];

const logLine = (l) => `${l.time.slice(11, 23)} ${l.attempt}/${l.rank} ${l.level.padEnd(7)} ${l.text}`;

// The parts that are filled in again and again.
function makeParts() {
  const plots = { loss: makePlot("Loss"), accuracy: makePlot("Accuracy"),
    alignment: makePlot("Alignment of W and R by layer"), speed: makePlot("Throughput") };
  const parts = { head: h("div"), layers: h("div"), filters: h("div"), events: h("div"), plots,
    log: h("pre", { tabIndex: 0, "aria-label": "Log" }) };
  parts.body = [parts.head, h("h3", {}, "Curves"), plotsNote(),
    h("div", { class: "plots" }, Object.values(plots).map((p) => p.element)),
    h("h3", {}, "Layers"), parts.layers, h("h3", {}, "First-layer filters"), parts.filters,
    h("h3", {}, "Attempts and events"), parts.events, h("h3", {}, "Log"), parts.log];
  return parts;
}

export async function open(place, id) {
  const parts = makeParts();
  const title = h("h2");
  place.append(title, ...parts.body.filter(Boolean));
  const { layers } = await api.get(api.job(id, "/layers")).catch(() => ({ layers: [] }));
  const view = { update, pause: 2000 };
  let digest = null;
  let last = "";

  async function act(verb) {
    try {
      await api.post(api.job(id, `/${verb}`));
      last = "";
      await update();
    } catch (error) {
      parts.head.append(h("p", { class: "error", role: "alert" }, error.message));
    }
  }

  async function showFilters(job) {
    if (digest === job.weights_digest) return;
    digest = job.weights_digest;
    if (!digest) {
      parts.filters.replaceChildren(h("p", {}, "They show with the first checkpoint."));
      return;
    }
    try {
      parts.filters.replaceChildren(...filterImages(await api.get(api.job(id, "/filters"))));
    } catch (error) {
      parts.filters.replaceChildren(h("p", {}, error.message));
    }
  }

  async function update() {
    const [job, log] = await Promise.all([api.get(api.job(id)), api.get(api.job(id, "/log"), { tail: "200" })]);
    view.pause = ENDED.has(job.state) ? 30000 : 2000; // little happens to a job that has ended
    parts.log.textContent = log.lines.map(logLine).join("\n") || "No line yet.";
    const text = JSON.stringify(job);
    if (text === last) return;
    last = text;
    title.textContent = job.name;
    parts.head.replaceChildren(summary(job), buttons(job, act));
    const shown = curves(job);
    for (const [name, plot] of Object.entries(parts.plots)) plot.show(shown[name]);
    const alignment = new Map((job.epochs.at(-1)?.alignment ?? []).map((a) => [a.layer, a.cosine]));
    parts.layers.replaceChildren(layers.length ? picture(layers, alignment) : h("p", {}, "No layers are known."));
    parts.events.replaceChildren(table("Attempts", ATTEMPT_COLUMNS, job.attempts),
      table("Events, newest first", EVENT_COLUMNS, [...job.events].reverse()));
    await showFilters(job);
  }

  await update();
  return view;
}
