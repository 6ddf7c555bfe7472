// SPDX-License-Identifier: Apache-2.0
// One sweep: what is best, means over seeds, the curves of the best runs, all runs.
import * as api from "./api.js";
import { jobPlots } from "./compare.js";
import { facts, h, say, table } from "./dom.js";
import { ENDED, number, percent, time } from "./format.js";
import { countsText, progress, stateOf } from "./jobs.js";
import { longTable } from "./long_table.js";
import { plotsNote } from "./plot.js";
import { bestGroup, estimateText, hasValue, meanOf, METRICS, ranked, runText, shortKeys } from "./sweep_groups.js";

const DRAWN = 8; // runs at most whose curves are drawn: as many as there are colours

const link = (run, text) => h("a", { href: `#/job/${run.job}` }, text);
const labelOf = (run, short) => run.point.map((p) => `${short.get(p.key)}=${p.value}`).join(", ");

function runColumns(sweep) {
  const values = [...shortKeys(sweep.runs)].map(([key, title]) => ({ title, width: 6, grow: 1,
    cell: (run) => run.point.find((p) => p.key === key)?.value }));
  const rung = { title: "Rung", width: 4, number: true, cell: (run) => run.rung };
  return [
    { title: "Run", width: 4.5, cell: (run) => link(run, `run ${run.number}`) }, ...values,
    { title: "State", width: 7, cell: (run) => stateOf(run) }, { title: "Progress", width: 11, cell: (run) => progress(run) },
    { title: "Epoch", width: 4, number: true, cell: (run) => run.epoch }, ...(sweep.method === "successive_halving" ? [rung] : []),
    { title: "Loss", width: 4.5, number: true, cell: (run) => number(run.metrics?.train_loss) },
    { title: "Validation", width: 5, number: true, cell: (run) => percent(run.metrics?.validation_accuracy) },
    { title: "Test", width: 4, number: true, cell: (run) => percent(run.metrics?.test_accuracy) },
    { title: "Why", width: 8, grow: 2, cell: (run) => run.reason },
  ];
}

function groupTable(groups, best) {
  const shown = METRICS.filter((metric) => groups.some((group) => meanOf(group, metric)));
  const columns = [
    { title: "Setting", cell: (g) => (g === best ? h("strong", {}, `${g.label} (best)`) : g.label) },
    { title: "Runs that succeeded", number: true, cell: (g) => `${g.succeeded} of ${g.runs.length}` },
    ...shown.map((m) => ({ title: m.title, number: true, cell: (g) => estimateText(m, meanOf(g, m)) })),
  ];
  return table("Means over seeds of the runs that succeeded, ± their 95 % interval", columns, groups);
}

function summary(sweep, metric, first, best, short) {
  const known = first && hasValue(first, metric);
  return facts([
    ["State", stateOf(sweep)], ["Runs", `${sweep.jobs}: ${countsText(sweep.counts)}`],
    ["Best run", known ? h("span", {}, link(first, labelOf(first, short)), ` ${runText(first, metric)} `, stateOf(first)) : "not known yet"],
    ["Best setting", best ? `${best.label}: ${estimateText(metric, meanOf(best, metric))}` : "not known yet"],
    ["Method", sweep.method.replaceAll("_", " ")], ["Submitted", time(sweep.created)], ["User", sweep.user], ["Id", sweep.id],
  ]);
}

// The jobs of runs with their epochs; asked for again while they go on.
function jobReader() {
  const kept = new Map();
  return async (runs) => Promise.all(runs.map(async (run) => {
    const before = kept.get(run.job);
    if (before?.state === run.state && ENDED.has(run.state)) return before;
    kept.set(run.job, await api.get(api.job(run.job)));
    return kept.get(run.job);
  }));
}

// What is filled in again and again.
function makeParts(first, labels) {
  const parts = { head: h("div"), groups: h("div"), drawn: h("p", { role: "status" }), said: h("p", { class: "error", role: "alert" }),
    compare: h("a", {}, "Compare them with others"), cancel: h("button", {}, "Cancel the runs that have not ended"),
    select: h("select", {}, METRICS.map((m) => h("option", {}, m.title))),
    plots: jobPlots((job) => labels.get(job.id)), runs: longTable(runColumns(first), (run) => run.job) };
  parts.body = [h("h2", {}, first.name),
    h("div", { class: "row" }, h("label", {}, "Best by ", parts.select), parts.cancel), parts.said, parts.head,
    h("h3", {}, "Settings"), parts.groups, h("h3", {}, "Curves"), h("div", { class: "row" }, parts.drawn, parts.compare),
    plotsNote(), parts.plots.element, h("h3", {}, "Runs"), parts.runs.element];
  return parts;
}

export async function open(place, id) {
  const path = `sweeps/${encodeURIComponent(id)}`;
  const view = { update, pause: 5000 };
  const readJobs = jobReader();
  let sweep = await api.get(path);
  let metric = METRICS[0];
  let last = "";
  const short = shortKeys(sweep.runs);
  const labels = new Map(sweep.runs.map((run) => [run.job, labelOf(run, short)]));
  const parts = makeParts(sweep, labels);

  async function show() {
    const text = JSON.stringify([sweep, metric.name]);
    if (text === last) return; // so that the focus stays where it is
    const ended = ENDED.has(sweep.state);
    view.pause = ended ? 30000 : 5000;
    parts.cancel.disabled = ended;
    const best = bestGroup(sweep.groups, metric);
    const order = ranked(sweep.runs, metric);
    parts.head.replaceChildren(summary(sweep, metric, order[0], best, short));
    parts.groups.replaceChildren(groupTable(sweep.groups, best));
    parts.runs.show(`${sweep.jobs} runs`, sweep.runs.map((run, i) => ({ ...run, number: i + 1 })));
    const drawn = order.slice(0, DRAWN);
    parts.compare.href = `#/compare/${drawn.map((run) => run.job).join(",")}`;
    say(parts.drawn, sweep.jobs > DRAWN ? `Of the ${DRAWN} best of ${sweep.jobs} runs by ${metric.title.toLowerCase()}.` : "Of all runs.");
    parts.plots.show(await readJobs(drawn));
    last = text;
  }

  async function update() {
    sweep = await api.get(path);
    await show();
  }

  async function tryTo(act) {
    try {
      await act();
      say(parts.said, "");
    } catch (error) {
      say(parts.said, error.message);
    }
  }

  parts.select.addEventListener("change", () => { metric = METRICS[parts.select.selectedIndex]; tryTo(show); });
  parts.cancel.addEventListener("click", () => tryTo(async () => { await api.post(`${path}/cancel`); await update(); }));
  place.append(...parts.body.filter(Boolean));
  await show();
  return view;
}
