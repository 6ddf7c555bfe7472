// SPDX-License-Identifier: Apache-2.0
// The layers as a picture: a box each, wires from its inputs, coloured by alignment of W and R.
import { h, svg } from "./dom.js";
import { alignmentColour, number } from "./format.js";

const WIDTH = 132;
const HEIGHT = 62;
const GAP = 26;
const PER_ROW = 6;

function placeOf(index) {
  const row = Math.floor(index / PER_ROW);
  return { x: (index % PER_ROW) * (WIDTH + GAP), y: row * (HEIGHT + 34) + 14 };
}

function wire(from, to) {
  const a = placeOf(from);
  const b = placeOf(to);
  const far = to - from > 1;
  const y = HEIGHT / 2;
  const path = a.y === b.y && !far
    ? `M${a.x + WIDTH} ${a.y + y} L${b.x} ${b.y + y}`
    : `M${a.x + WIDTH / 2} ${a.y} C${a.x + WIDTH / 2} ${a.y - 16} ${b.x + WIDTH / 2} ${b.y - 16} ${b.x + WIDTH / 2} ${b.y}`;
  return svg("path", { class: "wire", d: path, fill: "none" });
}

function box(layer, index, cosine) {
  const { x, y } = placeOf(index);
  const colour = alignmentColour(cosine);
  const text = (line, words) => svg("text", { x: x + 8, y: y + 18 + 17 * line, class: colour ? "onbox" : null }, words);
  const known = cosine !== null && cosine !== undefined;
  const rect = svg("rect", { class: "box", x, y, width: WIDTH, height: HEIGHT, rx: 6 });
  if (colour) rect.style.fill = colour;
  return svg("g", {}, rect, text(0, layer.name), text(1, `${layer.kind} ${layer.output.join("×")}`), known ? text(2, `W-R ${number(cosine, 3)}`) : null);
}

// `alignment`: cosines by layer name.
export function picture(layers, alignment) {
  const all = [{ name: "image", kind: "", output: [] }, ...layers];
  const index = new Map(layers.map((layer, i) => [layer.name, i + 1]));
  index.set("", 0);
  const rows = Math.ceil(all.length / PER_ROW);
  const width = Math.min(all.length, PER_ROW) * (WIDTH + GAP);
  const height = rows * (HEIGHT + 34) + 10;
  const told = layers.map((l) => `${l.name}: ${l.kind}, output ${l.output.join(" by ")}`
    + (alignment.has(l.name) ? `, alignment ${number(alignment.get(l.name), 3)}` : "")).join("; ");
  const drawing = svg("svg", { class: "network", viewBox: `-4 0 ${width} ${height}`, role: "img", "aria-label": `Layers. ${told}` },
    layers.flatMap((l) => l.inputs.map((input) => wire(index.get(input), index.get(l.name)))),
    all.map((l, i) => box(l, i, alignment.get(l.name))));
  drawing.setAttribute("width", String(width));
  return h("div", {}, drawing,
    h("p", { class: "soft" }, "Colour: cosine between a layer's feedforward and feedback weights, from blue (−1) over grey (0) to orange (1)."));
}
