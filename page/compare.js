// SPDX-License-Identifier: Apache-2.0
// Several jobs on one plot.
import * as api from "./api.js";
import { h } from "./dom.js";
import { curves } from "./job.js";
import { makePlot, plotsNote } from "./plot.js";

const CHOICES = [["loss", "training", "Training loss"], ["accuracy", "validation", "Validation accuracy"],
  ["accuracy", "test", "Test accuracy"], ["accuracy", "training", "Training accuracy"]];

function seriesOf(jobs, [kind, wanted], nameOf) {
  return jobs.flatMap((job) => curves(job)[kind].filter((s) => s.name === wanted)
    .map((s) => ({ name: nameOf(job), points: s.points })));
}

// A plot of each choice, with a curve for each job; of nothing there is no plot.
export function jobPlots(nameOf) {
  const plots = CHOICES.map(([, , title]) => makePlot(title));
  return {
    element: h("div", { class: "plots" }, plots.map((p) => p.element)),
    show: (jobs) => CHOICES.forEach((choice, i) => {
      const series = seriesOf(jobs, choice, nameOf);
      plots[i].element.hidden = series.length === 0;
      if (series.length > 0) plots[i].show(series);
    }),
  };
}

export async function open(place, first) {
  const chosen = new Set(first ? first.split(",") : []);
  const page = await api.get("jobs", { all: "true", page_size: "100" });
  const plots = jobPlots((job) => `${job.name} (${job.id})`);
  const note = h("p", { role: "status" });
  async function update() {
    const jobs = await Promise.all([...chosen].map((id) => api.get(api.job(id))));
    plots.show(jobs);
    note.textContent = chosen.size ? `${chosen.size} jobs are compared.` : "Choose jobs to compare.";
  }
  const box = (job) => h("label", {}, h("input", { type: "checkbox", value: job.id, checked: chosen.has(job.id),
    onchange: (e) => { chosen[e.target.checked ? "add" : "delete"](job.id); update(); } }), ` ${job.name} (${job.id})`);
  place.append(h("h2", {}, "Compare"), note,
    h("fieldset", {}, h("legend", {}, "Jobs, newest first"), h("div", { class: "row" }, page.jobs.map(box))),
    ...[plotsNote()].filter(Boolean), plots.element);
  await update();
  return { update, pause: 5000 };
}
