// Calls as they come into the log, and the last hours as plots.
import { h, replace, clock, number } from "./dom.js";
import { table } from "./list.js";
import { micros, plots } from "./plots.js";

const MOST = 10000;
const WORDS = { ok: "ok", "tool-error": "warn", fault: "bad", "not-sent": "bad", timeout: "bad", cancelled: "warn", withheld: "warn", lost: "bad" };

export function callsPage(shell) {
  const calls = new Map();  // by the gateway's id
  let order = [], isPaused = false, skipped = 0, filter = "";
  const note = h("span", { class: "quiet" });
  const pause = h("button", { onclick: () => { isPaused = !isPaused; showPause(); if (!isPaused) show(); } });
  const search = h("input", { type: "search", placeholder: "tool, agent, verdict …", "aria-label": "Show calls that contain", oninput: () => { filter = search.value.toLowerCase(); show(); } });
  const picture = plots();
  const list = table({
    label: "Calls", empty: "No call yet.",
    open: (row) => { location.hash = `#/audit/call:${row.call}`; },
    columns: [
      { title: "Time", width: "72px", cell: (row) => clock(row.time) },
      { title: "Tier", width: "36px", cell: (row) => row.tier && h("span", { class: `tier ${row.tier}` }, row.tier) },
      { title: "Tool", width: "minmax(110px, 1.2fr)", cell: (row) => h("strong", {}, [row.server, row.tool].filter(Boolean).join(".")) },
      { title: "Agent", width: "minmax(70px, .7fr)", cell: (row) => row.principal },
      { title: "Verdict", width: "minmax(70px, .6fr)", cell: (row) => row.word && h("span", { class: `verdict ${row.word}` }, row.word) },
      { title: "Outcome", width: "minmax(72px, .6fr)", cell: (row) => row.status && h("span", { class: `verdict ${WORDS[row.status] ?? ""}` }, row.status) },
      { title: "Took", width: "64px", cell: (row) => micros(row.micros) },
      { title: "Arguments", width: "minmax(0, 2fr)", class: "mono", cell: (row) => row.said },
    ],
  });

  replace(shell.element,
    h("div", { class: "bar" }, h("h1", {}, "Live calls"), search, pause, note), picture.element, list.element);

  function showPause() { pause.textContent = isPaused ? "Go on" : "Pause"; pause.setAttribute("aria-pressed", String(isPaused)); }

  function take(row) {
    // How a question ended is a record of the question; the call's own records say it, too.
    if (!row.call) return;
    const key = row.call;
    let call = calls.get(key);
    if (!call) {
      call = { call: row.call, time: row.time, version: 0 };
      calls.set(key, call);
      order.unshift(call);
    }
    call.version += 1;
    for (const name of ["server", "tool", "principal", "tier", "micros", "status"]) if (row[name] !== null && row[name] !== undefined) call[name] = row[name];
    if (row.kind === "judged") call.word = "refused";
    else if (row.kind === "intent") call.word = row.verdict === "allow" ? "allowed" : "approved";
    else if (row.kind === "proposed") call.word = "waiting";
    else if (row.kind === "denied" || row.kind === "expired") call.word = "refused";
    else if (row.kind === "unknown") call.status = "unknown";
    call.said = row.kind === "judged" ? row.reason ?? row.arguments ?? call.said : row.arguments ?? row.error ?? call.said;
    call.text = `${call.server}.${call.tool} ${call.principal} ${call.word} ${call.status} ${call.said} ${call.tier}`.toLowerCase();
  }

  function show() {
    if (order.length > MOST) {
      for (const old of order.splice(MOST)) calls.delete(old.call);
    }
    if (!isPaused) list.show(filter ? order.filter((call) => call.text.includes(filter)) : order.slice());
    note.textContent = skipped > 0 ? `${number(skipped)} records came faster than can be read; search finds them` : "";
  }

  const unwatch = shell.watch((type, data) => {
    if (type !== "calls") return;
    data.rows.forEach(take);
    skipped += data.skipped;
    show();
  });
  showPause();
  list.show([]);
  shell.follow(true);
  return {
    leave() { unwatch(); picture.leave(); shell.follow(false); },
    key(event) {
      if (event.key === "/") search.focus();
      else if (event.key === " ") pause.click();
      else return list.key(event);
      return true;
    },
  };
}
