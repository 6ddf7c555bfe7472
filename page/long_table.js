// SPDX-License-Identifier: Apache-2.0
// A table of hundreds of rows that is shown again and again. Each row is a grid of its own (style.css,
// `.long`): those far from the window are left out of the first frame, and laid out in the next
// ones, because what is not laid out is not there for a screen reader. Rows of which nothing has changed
// stay as they are, with the focus and the selection in them.
import { h, say } from "./dom.js";

const GAP = 0.8; // rem between columns
const AT_ONCE = 150; // rows far from the window that a frame lays out

// The roles: without a table's boxes not every browser tells a screen reader of a table.
const cell = (tag, role, c) => h(tag, { role, class: c.number ? "number" : null });
const line = (cells, kind = null) => h("tr", { role: "row", class: kind }, cells);

function headOf(columns) {
  const titled = (c) => Object.assign(cell("th", "columnheader", c), { textContent: c.title, scope: "col" });
  return h("thead", { role: "rowgroup" }, line(columns.map(titled)));
}

function fill(tr, columns, record) {
  let td = tr.firstChild;
  for (const column of columns) {
    td.append(column.cell(record) ?? "");
    td = td.nextSibling;
  }
  return tr;
}

function layOut(table, columns) {
  const track = (c) => (c.grow ? `minmax(${c.width}rem, ${c.grow}fr)` : `${c.width}rem`);
  table.style.setProperty("--columns", columns.map(track).join(" "));
  const widths = columns.reduce((sum, c) => sum + c.width + GAP, 1);
  table.style.minWidth = `${widths}rem`;
  table.style.setProperty("--gap", `${GAP}rem`);
}

// By the frame after next: the next one is to show what is seen.
function layOutRest(far) {
  requestAnimationFrame(() => requestAnimationFrame(() => {
    for (let n = Math.min(AT_ONCE, far.length); n > 0; n -= 1) far[0].className = "";
    if (far.length > 0) layOutRest(far);
  }));
}

// columns: as of `table`, with `width` in rem and what share of the room that is left they `grow`
// by. `show(title, records)` shows the records, which are told apart by `id`.
export function longTable(columns, id = (record) => record.id) {
  const caption = h("caption");
  const body = h("tbody", { role: "rowgroup" });
  const table = h("table", { role: "table" }, caption, headOf(columns), body);
  const blank = line(columns.map((c) => cell("td", "cell", c)), "far"); // a copy of it is soonest made
  const make = (record) => fill(blank.cloneNode(true), columns, record);
  layOut(table, columns);
  const far = body.getElementsByClassName("far"); // keeps itself up to date
  let shown = new Map(); // id → {text, row}

  function show(title, records) {
    say(caption, title);
    const next = new Map();
    for (const record of records) {
      const text = JSON.stringify(record);
      const before = shown.get(id(record));
      next.set(id(record), before?.text === text ? before : { text, row: make(record) });
    }
    for (const [key, { row }] of shown) if (next.get(key)?.row !== row) row.remove();
    let place = body.firstChild;
    for (const { row } of next.values()) {
      if (row === place) place = place.nextSibling;
      else body.insertBefore(row, place);
    }
    shown = next;
    if (far.length > 0) layOutRest(far);
  }
  return { element: h("div", { class: "scroll long" }, table), show };
}
