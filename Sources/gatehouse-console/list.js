// A table of many rows of which only those in sight exist.
import { h, replace } from "./dom.js";

const SPARE = 8;

/**
 * `columns`: [{ title, width, cell(row) → child }]; `width` is a track of a CSS grid. `open(row)` is
 * called for the row a person chose. Rows are given to `show`; the same row may come again.
 */
export function table({ label, columns, open, height = 27, empty = "Nothing here." }) {
  const tracks = columns.map((column) => column.width).join(" ");
  const head = h("div", { class: "vhead", role: "row" }, columns.map((column) => h("span", { role: "columnheader" }, column.title)));
  const space = h("div", { class: "vspace", role: "rowgroup" });
  const body = h("div", { class: "vbody", tabindex: "0", role: "group", "aria-label": `${label}, rows` }, space);
  const none = h("p", { class: "quiet empty", hidden: true }, empty);
  const element = h("div", { class: "vtable", role: "table", "aria-label": label }, head, body, none);
  head.style.gridTemplateColumns = tracks;
  let rows = [], chosen = null, drawn = new Map(), pending = 0;

  function draw() {
    pending = 0;
    const first = Math.max(0, Math.floor(body.scrollTop / height) - SPARE);
    const last = Math.min(rows.length, Math.ceil((body.scrollTop + body.clientHeight) / height) + SPARE);
    const kept = new Map();
    for (let place = first; place < last; place++) {
      const row = rows[place];
      let line = drawn.get(row);
      if (!line || line.version !== row.version) {
        line?.element.remove();
        const cells = columns.map((column) => h("span", { role: "cell", class: column.class ?? "" }, column.cell(row)));
        line = { version: row.version, element: h("div", { class: "vrow", role: "row" }, cells) };
        line.element.style.gridTemplateColumns = tracks;
        line.element.style.height = `${height}px`;
        space.append(line.element);
      }
      if (line.place !== place) {
        line.place = place;
        line.element.style.transform = `translateY(${place * height}px)`;
        line.element.setAttribute("aria-rowindex", String(place + 2));
      }
      line.element.classList.toggle("chosen", row === chosen);
      kept.set(row, line);
    }
    for (const [row, line] of drawn) if (!kept.has(row)) line.element.remove();
    drawn = kept;
  }

  function later() { pending ||= requestAnimationFrame(draw); }

  space.addEventListener("click", (event) => {
    const line = event.target.closest(".vrow");
    for (const [row, known] of drawn) if (known.element === line) choose(rows.indexOf(row), true);
  });

  function choose(place, isOpening) {
    const row = rows[place];
    if (!row) return;
    chosen = row;
    const top = place * height;
    if (top < body.scrollTop) body.scrollTop = top;
    else if (top + height > body.scrollTop + body.clientHeight) body.scrollTop = top + height - body.clientHeight;
    later();
    if (isOpening) open?.(row);
  }

  body.addEventListener("scroll", later, { passive: true });
  new ResizeObserver(later).observe(body);

  return {
    element,
    get rows() { return rows; },
    get chosen() { return chosen; },
    show(all) {
      rows = all;
      element.setAttribute("aria-rowcount", String(rows.length + 1));
      space.style.height = `${rows.length * height}px`;
      none.hidden = rows.length > 0;
      if (chosen && !rows.includes(chosen)) chosen = null;
      later();
    },
    draw: later,
    step(by) { choose(Math.max(0, Math.min(rows.length - 1, (chosen ? rows.indexOf(chosen) : by > 0 ? -1 : 0) + by)), true); },
    atTop: () => body.scrollTop < height,
    nearEnd: () => body.scrollTop + body.clientHeight > rows.length * height - 40 * height,
    onscroll(action) { body.addEventListener("scroll", action, { passive: true }); },
    key(event) {
      if (event.key === "j" || event.key === "ArrowDown") this.step(1);
      else if (event.key === "k" || event.key === "ArrowUp") this.step(-1);
      else if (event.key === "PageDown") this.step(20);
      else if (event.key === "PageUp") this.step(-20);
      else return false;
      return true;
    },
  };
}
