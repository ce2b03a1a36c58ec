// What waits for a person, and the answer to it by one key.
import { h, replace, toast, dialog, span, clock, say } from "./dom.js";
import { get, post } from "./api.js";

/** An answer counts only for a question that was in front of the person for a moment. */
const SETTLE = 500;

export function approvalsPage(shell, [wanted]) {
  const list = h("ul", { class: "questions", role: "listbox", "aria-label": "Waiting questions", tabindex: "0" });
  const card = h("section", { class: "card", "aria-label": "The question", "aria-live": "off" });
  let selected = wanted ?? null;
  let question = null;
  let since = 0;
  let isAnswering = false;

  const rows = new Map();
  replace(shell.element, h("div", { class: "split" },
    h("section", { class: "side" }, h("h1", {}, "Approvals"), list), card));

  function order() {
    return [...shell.state.approvals.values()].sort((a, b) => a.expires < b.expires ? -1 : a.expires > b.expires ? 1 : a.ticket < b.ticket ? -1 : 1);
  }

  function showList() {
    const all = order();
    for (const [ticket, row] of rows) if (!shell.state.approvals.has(ticket)) { row.remove(); rows.delete(ticket); }
    all.forEach((item, place) => {
      let row = rows.get(item.ticket);
      if (!row) {
        row = h("li", { role: "option", id: `q-${item.ticket}`, onclick: () => select(item.ticket, true) });
        rows.set(item.ticket, row);
      }
      if (row.dataset.revision !== `${item.revision}/${item.yes}`) {
        row.dataset.revision = `${item.revision}/${item.yes}`;
        replace(row,
          h("span", { class: `tier ${item.tier}` }, item.tier),
          h("span", { class: "what" }, h("strong", {}, item.tool), h("span", { class: "quiet" }, `${item.principal}${item.tenant === "main" ? "" : ` · ${item.tenant}`}`)),
          h("span", { class: "left", "data-expires": item.expires }, ""),
          item.people > 1 && h("span", { class: "people", title: "people who must say yes" }, `${item.yes}/${item.people}`));
      }
      row.setAttribute("aria-selected", String(item.ticket === selected));
      if (list.children[place] !== row) list.insertBefore(row, list.children[place] ?? null);
    });
    let empty = document.getElementById("nothing");
    if (all.length === 0 && !empty) list.after(h("p", { id: "nothing", class: "quiet empty" }, "Nothing waits. New questions appear here by themselves."));
    if (all.length > 0) empty?.remove();
    list.setAttribute("aria-activedescendant", selected ? `q-${selected}` : "");
    showTime();
    if (!selected && all.length > 0) select(all[0].ticket, false);
  }

  function showTime() {
    for (const label of shell.element.querySelectorAll("[data-expires]")) {
      const left = (Date.parse(label.dataset.expires) - Date.now()) / 1000;
      label.textContent = left > 0 ? span(left) : "over";
      label.classList.toggle("soon", left < 60);
    }
  }

  async function select(ticket, byPerson) {
    if (ticket === selected && question?.ticket === ticket) return;
    selected = ticket;
    question = null;
    for (const [key, row] of rows) row.setAttribute("aria-selected", String(key === ticket));
    rows.get(ticket)?.scrollIntoView({ block: "nearest" });
    if (byPerson) history.replaceState(null, "", `#/approvals/${ticket}`);
    await load(ticket);
  }

  async function load(ticket) {
    try {
      const found = await get(`/approvals/${encodeURIComponent(ticket)}`);
      if (selected !== ticket) return;
      question = found;
      since = performance.now();
      showCard();
      say(`${found.tool}, ${found.tier}, asked by ${found.principal}`);
    } catch (error) {
      if (selected !== ticket) return;
      question = null;
      replace(card, h("p", { class: "quiet empty" }, error.text));
    }
  }

  function fact(name, ...value) { return [h("dt", {}, name), h("dd", {}, ...value)]; }

  function showCard() {
    const q = question;
    replace(card,
      h("header", {},
        h("span", { class: `tier ${q.tier}` }, q.tier), h("h2", {}, q.tool), h("span", { class: "grow" }),
        h("span", { class: "left", "data-expires": q.expires })),
      q.warning && h("p", { class: "alarm", role: "alert" }, q.warning),
      h("dl", { class: "facts" },
        fact("Agent", h("strong", {}, q.principal), ` of ${q.owner} · tenant ${q.tenant} · ${q.environment}`),
        fact("Asked", clock(q.asked), ` · ${q.people > 1 ? `${q.yes} of ${q.people} people said yes` : "one person must say yes"}`),
        fact("Because", h("ul", { class: "plain-list" }, q.reasons.map((reason) => h("li", {}, reason))))),
      h("h3", {}, "Arguments"),
      argumentsView(q.lines ?? []),
      h("details", {}, h("summary", {}, "What the yes is bound to"),
        h("dl", { class: "facts digests" }, fact("Ticket", h("code", {}, `${q.ticket} · revision ${q.revision}`)), fact("Call", h("code", {}, q.call)),
          fact("Definition", h("code", {}, q.definition)), fact("Policy", h("code", {}, q.policy)))),
      h("div", { class: "answer" },
        h("button", { class: "yes", id: "yes", onclick: () => answer(true) }, "Yes, once ", h("kbd", {}, "y")),
        h("button", { class: "no", id: "no", onclick: () => refuse() }, "No ", h("kbd", {}, "n")),
        h("span", { class: "quiet" }, "A yes covers exactly this call.")));
    showTime();
  }

  async function answer(yes, reason) {
    const q = question;
    if (!q || isAnswering) return;
    if (yes && performance.now() - since < SETTLE) { toast("Look first: this question came up just now.", "plain"); return; }
    isAnswering = true;
    try {
      const body = { yes, revision: q.revision };
      if (reason) body.reason = reason;
      const done = await post(`/approvals/${encodeURIComponent(q.ticket)}/answer`, body);
      toast(`${q.tool}: ${done.answer}`, yes ? "done" : "plain");
      if (done.answer === "approved" || done.answer === "denied") forget(q.ticket, `${done.answer} by ${shell.session.approver}`);
      else await load(q.ticket);
    } catch (error) {
      toast(error.text, "wrong");
      if (error.code === "refused") await load(q.ticket);
    } finally {
      isAnswering = false;
    }
  }

  async function refuse() {
    const q = question;
    if (!q) return;
    const reason = h("input", { id: "reason", maxlength: 500, autofocus: true, placeholder: "optional; the agent reads it" });
    const isMeant = await dialog(`No to ${q.tool}`, (close) => h("form", { onsubmit: (event) => { event.preventDefault(); close(true); } },
      h("label", { for: "reason" }, "Reason"), reason,
      h("div", { class: "row end" }, h("button", { type: "button", onclick: () => close() }, "Cancel"), h("button", { class: "no", type: "submit", id: "say-no" }, "Say no"))));
    if (isMeant && question?.ticket === q.ticket) await answer(false, reason.value.trim());
  }

  /** The question is over: the next is selected, and what happened stays in sight. */
  function forget(ticket, what) {
    shell.state.approvals.delete(ticket);
    if (selected === ticket) {
      selected = null;
      question = null;
      replace(card, h("p", { class: "quiet empty" }, what));
    }
    showList();
  }

  const unwatch = shell.watch((type, data) => {
    if (type === "approvals" || type === "question" || type === "closed") {
      if (selected && !shell.state.approvals.has(selected) && question && !isAnswering) {
        forget(selected, "This question is closed: it was answered elsewhere, expired, or was withdrawn.");
      } else {
        showList();
        if (type === "question" && data.ticket === selected && question && data.revision !== question.revision) load(selected);
      }
    }
  });
  const timer = setInterval(showTime, 1000);
  showList();
  if (selected) load(selected);

  function step(by) {
    const all = order();
    const place = all.findIndex((item) => item.ticket === selected);
    const next = all[Math.max(0, Math.min(all.length - 1, place + by))];
    if (next) select(next.ticket, true);
  }

  return {
    show([ticket]) { if (ticket && ticket !== selected) select(ticket, false); },
    leave() { unwatch(); clearInterval(timer); },
    key(event) {
      switch (event.key) {
        case "j": case "ArrowDown": step(1); return true;
        case "k": case "ArrowUp": step(-1); return true;
        case "y": if (!event.repeat) answer(true); return true;
        case "n": if (!event.repeat) refuse(); return true;
        default: return false;
      }
    },
  };
}

const FOLD = 400;

/** The lines as the gateway escaped them; `\u{…}` stands out, long values are folded and counted. */
export function argumentsView(lines) {
  const box = h("pre", { class: "arguments", tabindex: "0", "aria-label": "Arguments" });
  const show = (count) => {
    replace(box, lines.slice(0, count).map((line, number) => h("span", { class: "line" },
      h("span", { class: "number", "aria-hidden": "true" }, number + 1), marked(line), "\n")));
    if (lines.length > count) {
      box.append(h("button", { class: "plain fold", onclick: () => show(lines.length) }, `${lines.length - count} more of ${lines.length} lines: show all`));
    }
  };
  show(FOLD);
  return box;
}

function marked(line) {
  const parts = line.split(/(\\u\{[0-9a-f]+\})/);
  return parts.map((part, place) => place % 2 ? h("mark", {}, part) : part);
}
