// What waits for a person, and the answer to it by one key.
import { h, replace, toast, dialog, span, clock, say } from "./dom.js";
import { get, post } from "./api.js";

/** An answer counts only for a question that was in front of the person for a moment. */
const SETTLE = 500;
const CLOSED = "This question is closed: it was answered elsewhere, expired, or was withdrawn.";

export function approvalsPage(shell, [wanted]) {
  const list = h("ul", { class: "questions", role: "listbox", "aria-label": "Waiting questions", tabindex: "0" });
  const card = h("section", { class: "card", "aria-label": "The question", "aria-live": "off" });
  let selected = wanted ?? null;
  let question = null;
  let since = 0;
  /** The tickets of which an answer of ours is on its way. */
  const underWay = new Set();

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
      // An answer to an earlier look may come after that to a later one.
      if (selected !== ticket || found.revision < question?.revision) return;
      question = found;
      since = performance.now();
      showCard();
      say(`${found.tool}, ${found.tier}, asked by ${found.principal}`);
      keepUp();
    } catch (error) {
      if (selected !== ticket) return;
      if (error.code === "refused") return forget(ticket, CLOSED);
      // The list is not shown anew here: with a gateway that does not answer, it would select and fetch without end.
      selected = null;
      question = null;
      replace(card, h("p", { class: "quiet empty" }, error.text));
    }
  }

  /** Brings the card up to what is known of its question, and lets go of one that is over; not while an answer of ours
   * to it is under way: that says more. */
  function keepUp() {
    if (!question || !shell.state.isListed || underWay.has(question.ticket)) return;
    const now = shell.state.approvals.get(question.ticket);
    if (!now) forget(question.ticket, CLOSED);
    else if (now.revision > question.revision) load(question.ticket);
    else if (now.revision === question.revision && now.yes !== question.yes) {
      question.yes = now.yes;
      document.getElementById("said-yes").textContent = saidYes(question);
    }
  }

  /** Does what answers a question; that it ends meanwhile is no news. Another question can be answered meanwhile. */
  async function answering(q, act) {
    if (underWay.has(q.ticket)) { toast(`${q.tool}: another answer is still on its way; this one was not sent.`, "wrong"); return; }
    underWay.add(q.ticket);
    try { await act(); } finally {
      underWay.delete(q.ticket);
      keepUp();
    }
  }

  function saidYes(q) { return q.people > 1 ? `${q.yes} of ${q.people} people said yes` : "one person must say yes"; }

  function fact(name, ...value) { return [h("dt", {}, name), h("dd", {}, ...value)]; }

  function showCard() {
    const q = question;
    replace(card,
      h("header", {},
        h("span", { class: `tier ${q.tier}` }, q.tier), h("h2", {}, q.tool), h("span", { class: "grow" }),
        h("span", { class: "left", "data-expires": q.expires })),
      sectionView(part(q, "unusual")),
      h("dl", { class: "facts" },
        fact("Agent", h("strong", {}, q.principal), ` of ${q.owner} · tenant ${q.tenant} · ${q.environment}`),
        fact("Asked", clock(q.asked), ` · `, h("span", { id: "said-yes" }, saidYes(q))),
        fact("Because", h("ul", { class: "plain-list" }, q.reasons.map((reason) => h("li", {}, reason))))),
      q.sections.filter((section) => !["unusual", "because", "arguments", "before"].includes(section.name)).map(sectionView),
      h("h3", {}, "Arguments"),
      argumentsView(part(q, "arguments").lines),
      sectionView(part(q, "before")),
      h("details", {}, h("summary", {}, "What the yes is bound to"),
        h("dl", { class: "facts digests" }, fact("Ticket", h("code", {}, `${q.ticket} · revision ${q.revision}`)), fact("Call", h("code", {}, q.call)),
          q.answers && fact("Answers", h("code", {}, q.answers)),
          fact("Definition", h("code", {}, q.definition)), fact("Policy", h("code", {}, q.policy)))),
      h("div", { class: "answer" },
        h("button", { class: "yes", id: "yes", onclick: () => answer(true) }, "Yes, once ", h("kbd", {}, "y")),
        h("button", { class: "no", id: "no", onclick: () => refuse() }, "No ", h("kbd", {}, "n")),
        h("button", { id: "edit", onclick: () => edit() }, "Edit… ", h("kbd", {}, "e")),
        q.people > 1 && sessionStorage.getItem("gatehouse-glass") && h("button", { class: "stop", id: "alone", onclick: () => answer(true, undefined, sessionStorage.getItem("gatehouse-glass")) }, "Yes, alone"),
        q.tier !== "T3" && h("button", { id: "grant", onclick: () => grant() }, "Yes to its like… ", h("kbd", {}, "r")),
        h("span", { class: "quiet" }, "A yes covers exactly this call.")));
    showTime();
  }

  async function answer(yes, reason, glass) {
    const q = question;
    // A second press of the same key says nothing new.
    if (!q || (yes && underWay.has(q.ticket))) return;
    if (yes && performance.now() - since < SETTLE) { toast("Look first: this question came up just now.", "plain"); return; }
    const box = card.querySelector(".arguments");
    if (yes && box && box.dataset.hidden > 0) {
      box.dispatchEvent(new Event("show-all"));
      toast("There is more of it: the whole is shown now. Look, and answer again.", "plain");
      since = performance.now();
      return;
    }
    const body = { yes, revision: q.revision };
    if (reason) body.reason = reason;
    if (glass) body.break_glass = glass;
    await answering(q, async () => {
      try {
        const done = await post(`/approvals/${encodeURIComponent(q.ticket)}/answer`, body);
        settle(q, done.answer, yes);
      } catch (error) {
        toast(error.text, "wrong");
        if (error.code === "refused" && selected === q.ticket) await load(q.ticket);
      }
    });
  }

  async function refuse() {
    const q = question;
    if (!q) return;
    const reason = h("input", { id: "reason", maxlength: 500, autofocus: true, placeholder: "optional; the agent reads it" });
    const isMeant = await dialog(`No to ${q.tool}`, (close) => h("form", { onsubmit: (event) => { event.preventDefault(); close(true); } },
      h("label", { for: "reason" }, "Reason"), reason,
      h("div", { class: "row end" }, h("button", { type: "button", onclick: () => close() }, "Cancel"), h("button", { class: "no", type: "submit", id: "say-no" }, "Say no"))));
    if (!isMeant) return;
    if (question?.ticket !== q.ticket) toast(CLOSED, "plain");
    else if (question.revision !== q.revision) toast("The question changed meanwhile: your no was not sent. Look, and answer again.", "wrong");
    else await answer(false, reason.value.trim());
  }

  /** Other arguments in the place of those that were asked about; the gateway judges them anew. */
  async function edit() {
    const q = question;
    if (!q) return;
    const text = h("textarea", { id: "new-arguments", spellcheck: "false", rows: 12, autofocus: true }, pretty(q.arguments));
    const wrong = h("p", { class: "wrong", role: "alert" });
    await dialog(`Edit the call of ${q.tool}`, (close) => h("form", { onsubmit: async (event) => {
      event.preventDefault();
      await answering(q, async () => {
        try {
          JSON.parse(text.value);
          // Sent as it is written: numbers read into this language could change.
          const done = await post(`/approvals/${encodeURIComponent(q.ticket)}/edit`, `{"revision":${Number(q.revision)},"arguments":${text.value}}`);
          close(true);
          settle(q, done.answer, true);
        } catch (error) { wrong.textContent = error.text ?? `This is not JSON: ${error.message}`; }
      });
    } },
    h("p", { class: "quiet" }, "The agent is told which call ran. Editing counts as your yes to the new call."),
    h("label", { for: "new-arguments" }, "Arguments"), text, wrong,
    h("div", { class: "row end" }, h("button", { type: "button", onclick: () => close() }, "Cancel"), h("button", { class: "yes", type: "submit", id: "say-edit" }, "Yes to the edited call"))));
  }

  /** A standing yes: for calls that differ from this one only where it is said here. */
  async function grant() {
    const q = question;
    if (!q || q.tier === "T3") return;
    const pointers = places(JSON.parse(q.arguments));
    const boxes = pointers.map((pointer, place) => h("input", { type: "checkbox", id: `vary-${place}`, value: pointer }));
    const uses = h("input", { id: "uses", type: "number", min: 1, max: 1000, value: 10, required: true });
    const minutes = h("input", { id: "minutes", type: "number", min: 1, max: 1440, value: 30, required: true });
    const sentence = h("p", { role: "status" }), wrong = h("p", { class: "wrong", role: "alert" });
    const wanted = () => ({ vary: Object.fromEntries(boxes.filter((box) => box.checked).map((box) => [box.value, true])), uses: Number(uses.value), seconds: Number(minutes.value) * 60 });
    let asked = 0;
    const preview = async () => {
      const own = asked += 1;  // an answer to an earlier choice is dropped
      sentence.textContent = "";
      try {
        const found = await post(`/approvals/${encodeURIComponent(q.ticket)}/preview`, { grant: wanted() });
        if (own !== asked) return;
        sentence.textContent = found.sentence;
        wrong.textContent = "";
      } catch (error) { if (own === asked) wrong.textContent = error.text; }
    };
    preview();
    await dialog(`Yes to calls like this one of ${q.tool}`, (close) => h("form", { onchange: preview, onsubmit: async (event) => {
      event.preventDefault();
      // A yes counts only for what was read.
      if (!sentence.textContent) { wrong.textContent ||= "Read first what this covers."; return; }
      await answering(q, async () => {
        try {
          const done = await post(`/approvals/${encodeURIComponent(q.ticket)}/answer`, { yes: true, revision: q.revision, grant: wanted() });
          close(true);
          settle(q, done.answer, true);
        } catch (error) { wrong.textContent = error.text; }
      });
    } },
    h("fieldset", {}, h("legend", {}, "What may differ; all else must be as shown"), pointers.map((pointer, place) => h("div", { class: "row" }, boxes[place], h("label", { for: `vary-${place}` }, h("code", {}, pointer))))),
    h("label", { for: "uses" }, "Uses"), uses, h("label", { for: "minutes" }, "Minutes"), minutes, sentence, wrong,
    h("div", { class: "row end" }, h("button", { type: "button", onclick: () => close() }, "Cancel"), h("button", { class: "yes", type: "submit", id: "say-grant" }, "Yes, and grant"))));
  }

  function settle(q, answer, yes) {
    toast(`${q.tool}: ${answer}`, yes ? "done" : "plain");
    if (answer.startsWith("approved") || answer === "denied") forget(q.ticket, `${answer} by ${shell.session.approver}`);
    else load(q.ticket);
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

  const unwatch = shell.watch((type) => {
    if (type === "approvals" || type === "question" || type === "closed") {
      showList();
      keepUp();
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
      // Letters in a row are words meant for a dialog that did not open, and no answers.
      if (event.key !== "y") since = performance.now();
      switch (event.key) {
        case "j": case "ArrowDown": step(1); return true;
        case "k": case "ArrowUp": step(-1); return true;
        case "y": if (!event.repeat) answer(true); return true;
        case "n": if (!event.repeat) refuse(); return true;
        case "e": edit(); return true;
        case "r": grant(); return true;
        default: return false;
      }
    },
  };
}

/** The JSON Pointers of what is no object or list. */
function places(value, pointer = "") {
  if (value === null || typeof value !== "object") return pointer ? [pointer] : [];
  return Object.entries(value).flatMap(([key, inner]) => places(inner, `${pointer}/${key.replaceAll("~", "~0").replaceAll("/", "~1")}`));
}

/** JSON over several lines, its values untouched. */
function pretty(text) {
  let result = "", depth = 0, inString = false;
  for (let place = 0; place < text.length; place++) {
    const letter = text[place];
    if (inString) {
      result += letter;
      if (letter === "\\") result += text[++place] ?? "";
      else if (letter === "\"") inString = false;
    } else if (letter === "\"") { inString = true; result += letter; }
    else if (letter === "{" || letter === "[") {
      depth += 1;
      result += text[place + 1] === "}" || text[place + 1] === "]" ? letter : `${letter}\n${"  ".repeat(depth)}`;
    } else if (letter === "}" || letter === "]") {
      depth -= 1;
      result += text[place - 1] === "{" || text[place - 1] === "[" ? letter : `\n${"  ".repeat(depth)}${letter}`;
    } else if (letter === ",") result += `,\n${"  ".repeat(depth)}`;
    else if (letter === ":") result += ": ";
    else result += letter;
  }
  // What does not show, or turns text round, is written as the escape JSON has for it: the same value.
  return result.replace(/[\p{Cf}\p{Zl}\p{Zp}\u007f-\u009f\u115f\u1160\u3164\uffa0]/gu, (found) => [...Array(found.length).keys()]
    .map((place) => `\\u${found.charCodeAt(place).toString(16).padStart(4, "0")}`).join(""));
}

/** The section of that name; with no lines where the card has none. */
function part(q, name) { return q.sections.find((section) => section.name === name) ?? { name, title: "", lines: [] }; }

/** Lines that belong together, each marked by what it is and not by its colour alone. */
function sectionView(section) {
  if (section.lines.length === 0) return null;
  return [h("h3", { class: "as-written" }, section.title), h("ul", { class: `lines ${section.name}` }, section.lines.map((line) =>
    h("li", { class: line.mark }, h("span", { class: "sign", "aria-hidden": "true" }, SIGNS[line.mark] ?? ""),
      line.mark !== "plain" && h("span", { class: "unseen" }, `${line.mark}: `), marked(line.text))))];
}

const SIGNS = { alarm: "!", added: "+", removed: "−", folded: "⋯" };
const FOLD = 400;

/** The lines as the gateway escaped and folded them; `\u{…}` stands out. */
export function argumentsView(lines) {
  const box = h("pre", { class: "arguments", tabindex: "0", "aria-label": "Arguments" });
  const show = (count) => {
    box.dataset.hidden = Math.max(0, lines.length - count);
    replace(box, lines.slice(0, count).map((line, number) => h("span", { class: `line ${line.mark}` },
      h("span", { class: "number", "aria-hidden": "true" }, line.mark === "plain" ? number + 1 : SIGNS[line.mark]), marked(line.text), "\n")));
    if (lines.length > count) {
      box.append(h("button", { class: "plain fold", onclick: () => show(lines.length) }, `${lines.length - count} more of ${lines.length} lines: show all`));
    }
  };
  box.addEventListener("show-all", () => show(lines.length));
  show(FOLD);
  return box;
}

function marked(line) {
  const parts = line.split(/(\\(?:u\{[0-9a-f]+\}|\{[0-9]+×\}))/);
  return parts.map((part, place) => place % 2 ? h("mark", {}, part) : part);
}
