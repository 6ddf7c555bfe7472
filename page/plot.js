// SPDX-License-Identifier: Apache-2.0
// Curves over epochs: a plot by uPlot where it was built in, and always the numbers as a table.
import UPlot from "./uplot.js";
import { h, table } from "./dom.js";
import { number } from "./format.js";

const COLOURS = ["#2b7de9", "#e07b00", "#1a9850", "#c2185b", "#7b52c7", "#008b9a", "#a0522d", "#6b7a00"];

const WHOLE = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000]; // there is no half an epoch

export const hasPlots = UPlot !== null;

const css = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

function options(title, series, width) {
  const axis = () => ({ stroke: css("--soft"), grid: { stroke: css("--line"), width: 1 } });
  return {
    width, height: 230,
    scales: { x: { time: false } },
    legend: { live: true },
    axes: [{ ...axis(), label: "epoch", incrs: WHOLE }, { ...axis(), size: 60 }],
    series: [{ label: "epoch" }, ...series.map((s, i) => ({
      label: s.name, stroke: COLOURS[i % COLOURS.length], width: 2, spanGaps: true, points: { show: true, size: 5 },
      dash: i >= COLOURS.length ? [6, 4] : undefined, value: (_, v) => number(v),
    }))],
  };
}

// series: [{name, points: [[x, y]]}] as uPlot wants them: one x for all.
export function align(series) {
  const xs = [...new Set(series.flatMap((s) => s.points.map(([x]) => x)))].sort((a, b) => a - b);
  const columns = series.map((s) => {
    const at = new Map(s.points);
    return xs.map((x) => at.get(x) ?? null);
  });
  return [xs, ...columns];
}

// A figure whose `show(series)` draws.
export function makePlot(title) {
  const canvas = h("div");
  const numbers = h("details", { open: !hasPlots }, h("summary", {}, "Numbers"));
  const element = h("figure", { "aria-label": title }, h("figcaption", {}, title), canvas, numbers);
  let plot = null;
  let shape = "";
  function show(series) {
    const data = align(series);
    const rows = data[0].map((x, i) => [x, ...data.slice(1).map((column) => column[i])]);
    const columns = ["epoch", ...series.map((s) => s.name)].map((name, i) => ({
      title: name, number: true, cell: (row) => number(row[i]) }));
    numbers.replaceChildren(h("summary", {}, "Numbers"),
      rows.length ? table(`${title}, by epoch`, columns, rows) : h("p", {}, "Nothing yet."));
    if (!hasPlots) return;
    canvas.setAttribute("role", "img");
    canvas.setAttribute("aria-label", `${title}: ${series.map((s) => s.name).join(", ")}; numbers below`);
    const width = Math.max(280, element.clientWidth - 20);
    const now = `${width} ${series.map((s) => s.name).join("\n")}`;
    if (plot && now === shape) {
      plot.setData(data);
      return;
    }
    if (plot) plot.destroy();
    shape = now;
    plot = new UPlot(options(title, series, width), data, canvas);
  }
  return { element, show };
}

export const plotsNote = () => (hasPlots ? null
  : h("p", { class: "soft" }, "Plots are not built into this coordinator (npm or its registry was out of reach when it was built); here are the numbers."));
