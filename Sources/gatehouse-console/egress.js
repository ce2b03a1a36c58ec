// Where servers want to connect to: what they asked for, what is allowed, and the answer by one key.
import { h, replace, toast, dialog, stamp, number, keepFocus } from "./dom.js";
import { get, post } from "./api.js";
import { visible } from "./tools.js";

/** An answer counts only when the rows stood still for a moment: it may have been meant for another. */
const SETTLE = 500;
const HOUR = 3600000;
const ANSWERS = [["once", "Allow once", "y", "yes"], ["time", "For a time…", "t", ""], ["good", "For good", "a", ""], ["no", "No", "n", "no"]];

export function egressPage(shell) {
  const questions = h("section", { "aria-label": "Questions" }), places = h("section", { "aria-label": "Allowed places" });
  replace(shell.element, h("div", { class: "bar" }, h("h1", {}, "Egress"), h("button", { onclick: () => load() }, "Look again")), questions, places);
  let asked = [], before = "", since = 0, chosen = null, isAnswering = false;

  const id = (row) => `${row.tenant}/${row.server} ${row.host}`;
  const server = (row) => row.tenant === "main" ? row.server : `${row.tenant}/${row.server}`;
  const heads = (...titles) => h("thead", {}, h("tr", {}, titles.map((t) => h("th", { scope: "col" }, t))));

  async function load() {
    const found = await get("/egress", undefined, { background: true });
    // What a connection waits for comes first.
    asked = found.asked.sort((a, b) => b.waiting - a.waiting || (a.last < b.last ? 1 : -1));
    const order = asked.map(id).join("\n");
    if (order !== before) { before = order; since = performance.now(); }
    if (!asked.some((row) => id(row) === chosen)) chosen = asked.length ? id(asked[0]) : null;
    keepFocus(() => { showQuestions(); showPlaces(found.allowed); });
  }

  function showQuestions() {
    const row = asked.find((candidate) => id(candidate) === chosen);
    replace(questions, h("h3", {}, "Asked for and not allowed"), asked.length === 0 ? h("p", { class: "quiet" }, "No server asked for a place that is not allowed.")
      : h("div", { class: "scroll" }, h("table", { class: "choose" }, heads("Place", "Server", "Waits", "Why it was stopped", "Asked", "Last"), h("tbody", {}, asked.map(question)))),
      row && h("div", { class: "answer" }, h("span", {}, h("strong", {}, server(row)), " to ", h("code", {}, visible(row.host))), h("span", { class: "grow" }),
        ANSWERS.map(([name, text, key, kind]) => h("button", { class: kind, id: `egress-${name}`, "data-key": name, onclick: () => answers[name](row) }, text, " ", h("kbd", {}, key)))));
  }

  function question(row) {
    const isChosen = id(row) === chosen;
    return h("tr", { class: isChosen ? "chosen" : "", onclick: () => { chosen = id(row); keepFocus(showQuestions); } },
      h("th", { scope: "row" }, h("button", { class: "link mono", "data-key": id(row), "aria-pressed": String(isChosen) }, visible(row.host))), h("td", {}, server(row)),
      h("td", {}, row.waiting > 0 ? h("span", { class: "verdict waiting" }, number(row.waiting)) : "—"), h("td", {}, row.reason), h("td", {}, `${number(row.count)}×`), h("td", {}, stamp(row.last)));
  }

  function showPlaces(rows) {
    replace(places, h("h3", {}, "Allowed"), rows.length === 0 ? h("p", { class: "quiet" }, "No server may connect anywhere.")
      : h("div", { class: "scroll" }, h("table", {}, heads("Server", "Place", "How long", "By", ""), h("tbody", {}, rows.map((row) => h("tr", {},
        h("th", { scope: "row" }, server(row)), h("td", {}, h("code", {}, visible(row.host))), h("td", {}, row.length === "written" ? "in the configuration" : row.length), h("td", {}, row.by ?? ""),
        h("td", {}, row.by !== undefined && h("button", { class: "no", "data-key": `back ${id(row)}`, "aria-label": `Take back ${row.host} of ${server(row)}`, onclick: () => refuse(row) }, "Take back"))))))));
  }

  const answers = {
    once: (row) => allow(row, { once: true }),
    good: (row) => allow(row, {}),
    time: async (row) => {
      const hours = h("input", { id: "egress-hours", type: "number", min: 0.25, max: 8760, step: "any", value: 1, required: true, autofocus: true });
      const wanted = await dialog(`Let ${server(row)} connect to ${visible(row.host)}`, (close) => h("form", { onsubmit: (event) => { event.preventDefault(); close(Math.round(Number(hours.value) * HOUR)); } },
        h("label", { for: "egress-hours" }, "Hours"), hours,
        h("div", { class: "row end" }, h("button", { type: "button", onclick: () => close() }, "Cancel"), h("button", { class: "yes", type: "submit", id: "say-time" }, "Allow"))));
      if (wanted) await allow(row, { milliseconds: wanted });
    },
    no: (row) => refuse(row),
  };

  const place = (row) => ({ tenant: row.tenant, server: row.server, host: row.host });

  async function allow(row, length) {
    if (performance.now() - since < SETTLE) { toast("Look first: the list changed just now.", "plain"); return; }
    await settle(async () => {
      const done = await post("/egress/allow", { ...place(row), ...length });
      return `${server(row)} may connect to ${done.allowed} ${done.length}.`;
    });
  }

  async function refuse(row) {
    await settle(async () => {
      await post("/egress/refuse", place(row));
      return `${server(row)} may not connect to ${row.host}.`;
    });
  }

  async function settle(act) {
    if (isAnswering) return;
    isAnswering = true;
    try { toast(await act()); } catch (error) { toast(error.text, "wrong"); } finally { isAnswering = false; }
    await load().catch((error) => toast(error.text, "wrong"));
  }

  function step(by) {
    const at = asked.findIndex((row) => id(row) === chosen);
    const next = asked[Math.max(0, Math.min(asked.length - 1, at + by))];
    if (next) { chosen = id(next); keepFocus(showQuestions); }
  }

  load().catch((error) => toast(error.text, "wrong"));
  const timer = setInterval(() => load().catch(() => {}), 2000);
  return {
    leave() { clearInterval(timer); },
    key(event) {
      const row = asked.find((candidate) => id(candidate) === chosen);
      if (event.key === "j" || event.key === "ArrowDown") step(1);
      else if (event.key === "k" || event.key === "ArrowUp") step(-1);
      else {
        const answer = ANSWERS.find(([, , key]) => key === event.key);
        if (!answer || !row) return false;
        if (!event.repeat) answers[answer[0]](row);
      }
      return true;
    },
  };
}
