// Makes elements. Text is only ever text: nothing here, or anywhere in these pages, parses markup.

const SVG = "http://www.w3.org/2000/svg";

function fill(element, properties, children) {
  for (const [name, value] of Object.entries(properties ?? {})) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name === "class") element.setAttribute("class", value);
    else if (name in { value: 1, checked: 1, disabled: 1, hidden: 1 }) element[name] = value;
    else element.setAttribute(name, value === true ? "" : String(value));
  }
  add(element, children);
  return element;
}

function add(element, children) {
  for (const child of children) {
    if (child === undefined || child === null || child === false) continue;
    if (Array.isArray(child)) add(element, child);
    else element.append(child instanceof Node ? child : document.createTextNode(String(child)));
  }
}

/** An element: `h("p", { class: "note" }, "text", other)`. */
export function h(name, properties, ...children) {
  return fill(document.createElement(name), properties, children);
}

export function svg(name, properties, ...children) {
  return fill(document.createElementNS(SVG, name), properties, children);
}

export function replace(element, ...children) {
  element.replaceChildren();
  add(element, children);
  return element;
}

/** Draws anew; the focus stays on what has the same `data-key`. */
export function keepFocus(draw) {
  const key = document.activeElement?.dataset?.key;
  draw();
  if (key !== undefined && document.activeElement?.dataset?.key !== key) document.querySelector(`[data-key="${CSS.escape(key)}"]`)?.focus();
}

/** Says something to a screen reader, and to nobody else. */
export function say(text) {
  document.getElementById("say").textContent = text;
}

/** A short message at the bottom; it goes by itself, an error stays until it is closed. */
export function toast(text, kind = "done") {
  let box = document.getElementById("toasts");
  if (!box) document.body.append(box = h("div", { id: "toasts", role: "region", "aria-label": "Messages" }));
  const close = () => item.remove();
  const item = h("div", { class: `toast ${kind}`, role: kind === "wrong" ? "alert" : "status" },
    h("span", {}, text), h("button", { class: "plain", "aria-label": "Close this message", onclick: close }, "×"));
  box.append(item);
  if (kind !== "wrong") setTimeout(close, 5000);
  while (box.children.length > 3) box.firstChild.remove();
}

/** A dialog over the page; resolves with what `close` is given, null where it was left. */
export function dialog(title, build) {
  return new Promise((resolve) => {
    const before = document.activeElement;
    const id = `dialog-${Math.random().toString(36).slice(2)}`;
    const box = h("dialog", { "aria-labelledby": id });
    const close = (value = null) => {
      box.close();
      box.remove();
      before?.focus?.();
      resolve(value);
    };
    box.addEventListener("cancel", (event) => { event.preventDefault(); close(); });
    add(box, [h("h2", { id }, title), build(close)]);
    document.body.append(box);
    box.showModal();
    box.querySelector("[autofocus]")?.focus();
  });
}

/** Whether keys belong to whatever is being written in. */
export function isWriting(event) {
  return Boolean(event.target.closest?.("input, textarea, select, dialog, [contenteditable]"));
}

const RELATIVE = [[60, "s"], [60, "min"], [24, "h"], [Infinity, "d"]];

/** `12 s`, `4 min`: a length of time in one unit. */
export function span(seconds) {
  let value = Math.max(0, seconds);
  for (const [size, unit] of RELATIVE) {
    if (value < size) return `${Math.floor(value)} ${unit}`;
    value /= size;
  }
  return "";
}

export function clock(text) {
  const time = new Date(text);
  return Number.isNaN(time.getTime()) ? text : time.toLocaleTimeString([], { hour12: false });
}

export function stamp(text) {
  const time = new Date(text);
  if (Number.isNaN(time.getTime())) return text;
  const two = (n) => String(n).padStart(2, "0");
  return `${time.getFullYear()}-${two(time.getMonth() + 1)}-${two(time.getDate())} ${clock(text)}`;
}

export function number(value) {
  return Number(value ?? 0).toLocaleString("en").replaceAll(",", " ");
}

export function bytes(value) {
  if (value < 1024) return `${value} B`;
  if (value < 1 << 20) return `${(value / 1024).toFixed(1)} KiB`;
  return `${(value / (1 << 20)).toFixed(1)} MiB`;
}
