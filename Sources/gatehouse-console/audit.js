// The log: search with filters, one record whole, the time line of a call, files of what was found.
import { h, replace, toast, stamp, number } from "./dom.js";
import { get, url } from "./api.js";
import { table } from "./list.js";
import { micros } from "./plots.js";
import { visible } from "./tools.js";

const KINDS = ["intent", "outcome", "judged", "proposed", "approved", "denied", "expired", "grant", "listed", "elicitation", "unknown", "configuration", "tool", "server", "token", "approver", "login", "lockdown", "break-glass", "egress", "secret-use", "log"];
const PAGE = 500;
const MOST = 10000;
const FILTERS = [["kind", "Kind"], ["principal", "Agent"], ["server", "Server"], ["tool", "Tool"], ["since", "Since"], ["until", "Until"]];

export function auditPage(shell, [wanted]) {
  let rows = [], isAll = false, loading = null, asked = {}, total = 0;
  const words = h("input", { type: "search", id: "words", placeholder: "words", "aria-label": "Words" });
  const fields = Object.fromEntries(FILTERS.map(([name, title]) => [name, name === "kind"
    ? h("select", { "aria-label": title }, h("option", { value: "" }, "any kind"), KINDS.map((kind) => h("option", { value: kind }, kind)))
    : h("input", { "aria-label": title, placeholder: name === "since" || name === "until" ? `${title.toLowerCase()}: 2h, 2026-08-01` : title.toLowerCase(), size: name === "since" || name === "until" ? 18 : 10, spellcheck: "false" })]));
  const note = h("span", { class: "quiet", role: "status" });
  const detail = h("section", { class: "detail", "aria-label": "The record" });
  const list = table({
    label: "Records", empty: "No record matches.",
    open: (row) => showRecord(row),
    columns: [
      { title: "Number", width: "66px", cell: (row) => row.index },
      { title: "Time", width: "156px", cell: (row) => stamp(row.record.time) },
      { title: "Kind", width: "92px", cell: (row) => row.record.kind },
      { title: "Who", width: "minmax(70px, .6fr)", cell: (row) => row.record.principal ?? row.record.detail?.by ?? "" },
      { title: "What", width: "minmax(110px, 1fr)", cell: (row) => h("strong", {}, [row.record.server, row.record.tool].filter(Boolean).join(".")) },
      { title: "Says", width: "minmax(0, 2.4fr)", cell: (row) => h("span", {}, said(row.record)) },
    ],
  });
  const form = h("form", { class: "bar", onsubmit: (event) => { event.preventDefault(); search(); } },
    h("h1", {}, "Audit"), words, Object.values(fields), h("button", { class: "main", type: "submit" }, "Search"),
    h("button", { type: "button", onclick: () => save("csv") }, "CSV"), h("button", { type: "button", onclick: () => save("jsonl") }, "JSON lines"), note);
  replace(shell.element, form, list.element, detail);

  function query() {
    const parts = { words: words.value.trim() };
    for (const [name] of FILTERS) parts[name] = fields[name].value.trim();
    return parts;
  }

  async function search() {
    asked = query();
    rows = [];
    isAll = false;
    loading = null;
    // Before the answer: a record that is opened meanwhile stays.
    replace(detail);
    await more();
  }

  async function more() {
    if (loading || isAll || rows.length >= MOST) return;
    const own = loading = {};  // an answer to an earlier question is dropped
    try {
      const before = rows.at(-1)?.index;
      const began = performance.now();
      const found = await get("/audit", { ...asked, before, limit: PAGE });
      if (loading !== own) return;
      rows = rows.concat(found.records);
      isAll = found.records.length < PAGE;
      total = found.size;
      note.textContent = `${number(rows.length)}${isAll ? "" : "+"} of ${number(total)} records, ${Math.round(performance.now() - began)} ms`;
      list.show(rows);
    } catch (error) {
      toast(error.text, "wrong");
    } finally {
      if (loading === own) loading = null;
    }
  }

  async function save(kind) {
    const { words: text, ...rest } = query();
    const response = await fetch(url(`/audit/export.${kind}`, { words: text, ...rest }), { headers: { "Gatehouse-Token": localStorage.getItem("gatehouse-token") ?? "" } });
    if (!response.ok) { toast((await response.json()).error?.message ?? "not exported", "wrong"); return; }
    const link = h("a", { href: URL.createObjectURL(await response.blob()), download: `audit.${kind}` });
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 60000);
  }

  function showRecord(row) {
    const record = row.record;
    replace(detail,
      h("div", { class: "bar" }, h("h2", {}, `Record ${row.index}`), h("span", { class: "tag" }, record.kind), h("span", { class: "quiet" }, record.time), h("span", { class: "grow" }),
        record.call && h("button", { onclick: () => timeline(record.call) }, "Time line of the call")),
      facts(record));
  }

  async function timeline(call) {
    const found = await get("/audit", { call, limit: 200 });
    const steps = found.records.reverse();
    const start = Date.parse(steps[0]?.record.time);
    replace(detail, h("h2", {}, `Call ${call}`), steps.length === 0 && h("p", { class: "quiet" }, "No record of this call; it may be on its way."),
      h("ol", { class: "timeline" }, steps.map(({ index, record }) => h("li", { class: record.kind },
        h("details", {}, h("summary", {}, h("span", { class: "when" }, `+${Date.parse(record.time) - start} ms`), h("strong", {}, ` ${record.kind} `), said(record), h("span", { class: "quiet" }, ` · record ${index}`)), facts(record))))));
  }

  list.onscroll(() => { if (list.nearEnd()) more(); });
  if (wanted?.startsWith("call:")) {
    asked = {};
    more().then(() => timeline(wanted.slice(5)));
  } else search();
  return {
    show([place]) { if (place?.startsWith("call:")) timeline(place.slice(5)); },
    key(event) {
      if (event.key === "/") words.focus();
      else return list.key(event);
      return true;
    },
  };
}

function said(record) {
  const d = record.detail ?? {};
  const parts = [d.verdict, d.tier, d.status, d.step, d.change, d.target, d.approver, micros(d.durationMicroseconds), d.rule && `rule ${d.rule}`, d.reason ?? d.error, d.arguments];
  return visible(parts.filter((part) => typeof part === "string" && part !== "").join("  ").slice(0, 300));
}

function facts(record) {
  const rows = [];
  const walk = (name, value) => {
    if (value !== null && typeof value === "object" && !Array.isArray(value)) for (const [key, inner] of Object.entries(value)) walk(name === "detail" ? key : `${name}.${key}`, inner);
    else rows.push([name, Array.isArray(value) ? value.join(", ") : String(value)]);
  };
  for (const [name, value] of Object.entries(record)) if (name !== "v") walk(name, value);
  return h("dl", { class: "facts" }, rows.map(([name, value]) => [h("dt", {}, name), h("dd", { class: "mono" }, visible(value))]));
}
