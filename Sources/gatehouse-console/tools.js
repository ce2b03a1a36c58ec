// Tools with their pins; what is new or changed, side by side, and its acceptance.
import { h, replace, toast } from "./dom.js";
import { get, post } from "./api.js";
import { table } from "./list.js";
import { argumentsView } from "./approvals.js";
import { lockdown } from "./stop.js";

const STATE = { offered: "good", accepted: "good", new: "waiting", changed: "refused", renamed: "waiting", gone: "", hidden: "warn", absent: "bad", unusable: "bad" };

export function toolsPage(shell, [wanted]) {
  let rows = [], servers = [], filter = "";
  const search = h("input", { type: "search", placeholder: "tool, state, tier …", "aria-label": "Show tools that contain", oninput: () => { filter = search.value.toLowerCase(); show(); } });
  const review = h("section", { class: "detail", "aria-label": "Review" });
  const waiting = h("div", { class: "bar" });
  const list = table({
    label: "Tools", empty: "No tools.",
    open: (row) => { location.hash = `#/tools/${encodeURIComponent(`${row.tenant}/${row.server}`)}/${encodeURIComponent(row.tool ?? "")}`; },
    columns: [
      { title: "Tier", width: "36px", cell: (row) => row.tier && h("span", { class: `tier ${row.tier}` }, row.tier) },
      { title: "Tool", width: "minmax(140px, 1.4fr)", cell: (row) => h("strong", {}, [row.server, row.tool].filter(Boolean).join(".")) },
      { title: "State", width: "80px", cell: (row) => h("span", { class: `verdict ${STATE[row.state] ?? ""}` }, row.state) },
      { title: "Pin or reason", width: "minmax(0, 2fr)", cell: (row) => row.pin ? h("code", {}, row.pin.slice(0, 16)) : row.reason },
    ],
  });
  replace(shell.element, h("div", { class: "bar" }, h("h1", {}, "Tools"), search,
    h("button", { onclick: async () => { await post("/tools/refresh"); await load(); toast("Every server was asked again."); } }, "Ask the servers again")),
    waiting, list.element, review);

  async function load() {
    rows = await get("/tools");
    servers = [...new Set(rows.map((row) => `${row.tenant}/${row.server}`))];
    const open = servers.filter((key) => rows.some((row) => `${row.tenant}/${row.server}` === key && row.state === "hidden"));
    replace(waiting, h("span", { class: "quiet" }, open.length ? "To review:" : "Review:"),
      servers.map((key) => h("a", { class: open.includes(key) ? "button waiting" : "button", href: `#/tools/${encodeURIComponent(key)}` }, key.replace(/^main\//, ""))));
    show();
  }

  function show() {
    list.show(filter ? rows.filter((row) => JSON.stringify(row).toLowerCase().includes(filter)) : rows);
  }

  async function showReview(key, focus) {
    if (!key) return replace(review);
    const [tenant, server] = [key.slice(0, key.indexOf("/")), key.slice(key.indexOf("/") + 1)];
    let proposals;
    try { proposals = await get(`/servers/${encodeURIComponent(server)}/proposals`, { tenant }); } catch (error) {
      return replace(review, h("h2", {}, server), h("p", { class: "alarm" }, error.text));
    }
    const tools = proposals.filter((item) => item.tool !== undefined && item.state !== "gone" && item.state !== "unusable");
    const open = proposals.filter((item) => item.state !== "accepted" && item.state !== "program");
    const program = proposals.find((item) => item.program);
    const accept = async () => {
      const shown = (name) => Object.fromEntries(tools.map((item) => [item.tool, item[name]]));
      const body = { tenant, pins: shown("pin"), proposals: shown("proposal") };
      const text = proposals.find((item) => item.instructions !== undefined);
      if (text) body.instructions = text.pin;
      if (program) body.program = program.program;
      try {
        const done = await post(`/servers/${encodeURIComponent(server)}/accept`, body);
        toast(`${done.accepted} tools of ${server} accepted.${done.warning ? ` ${done.warning}` : ""}`);
        await load();
        await showReview(key);
      } catch (error) { toast(error.text, "wrong"); }
    };
    replace(review,
      h("div", { class: "bar" }, h("h2", {}, `Review of ${server}`), h("span", { class: "quiet" }, open.length ? `${open.length} not accepted as they are` : "everything is accepted as it is"), h("span", { class: "grow" }),
        h("button", { class: "no", onclick: () => lockdown(focus ? `tool:${server}.${focus}` : `server:${server}`) }, "Lockdown…"),
        (open.length > 0 || program) && h("button", { class: "main", id: "accept", onclick: accept }, "Accept all of it as shown")),
      program && h("p", { class: "alarm" }, `The program changed. Accepted: ${program.program_accepted}. Found: ${program.program}.`),
      [...open, ...proposals.filter((item) => item.state === "accepted")].map((item) => proposal(item, item.tool === focus)));
    if (focus) review.querySelector("details[data-focus]")?.scrollIntoView({ block: "nearest" });
  }

  load().catch((error) => toast(error.text, "wrong"));
  if (wanted) showReview(wanted);
  return {
    show([key, tool]) { showReview(key, tool); },
    key(event) {
      if (event.key === "/") search.focus();
      else return list.key(event);
      return true;
    },
  };
}

function proposal(item, isFocus) {
  const isText = item.instructions !== undefined;
  const name = isText ? "Instructions for the model" : item.tool;
  return h("details", { class: "proposal", open: item.state !== "accepted" || isFocus, "data-focus": isFocus },
    h("summary", {}, h("span", { class: `verdict ${STATE[item.state]}` }, item.state), " ", h("strong", {}, name),
      item.tier && [" ", h("span", { class: `tier ${item.stated ?? item.tier}` }, item.stated ?? item.tier), h("span", { class: "quiet" }, item.stated ? " stated in the configuration" : " proposed")],
      item.was && h("span", { class: "quiet" }, ` was ${item.was}`)),
    item.reasons?.length > 0 && h("ul", {}, item.reasons.map((reason) => h("li", {}, reason))),
    item.scope && h("p", {}, "Scope: ", h("code", {}, JSON.stringify(item.scope))),
    item.difference ? sideBySide(item.difference)
      : argumentsView((item.instructions ?? item.description ?? "").split("\n").map((line) => ({ mark: "plain", text: visible(line) }))),
    item.pin && h("p", { class: "quiet" }, "Pin ", h("code", {}, item.pin)));
}

/** What does not show, or moves what shows, is written out; the gateway did it for the arguments. */
export function visible(text) {
  return text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\u115f\u1160\u3164\uffa0]/gu, (found) => found === "\t" ? found : `\\u{${found.codePointAt(0).toString(16)}}`);
}

/** Lines that begin with `-`, `+` or blanks, as two columns. */
export function sideBySide(lines) {
  const rows = [];
  let cut = [], added = [];
  const flush = () => {
    for (let place = 0; place < Math.max(cut.length, added.length); place++) rows.push([cut[place], added[place], true]);
    cut = [];
    added = [];
  };
  for (const line of lines) {
    const text = line.slice(2);
    if (line.startsWith("- ")) cut.push(text);
    else if (line.startsWith("+ ")) added.push(text);
    else { flush(); rows.push([text, text, false]); }
  }
  flush();
  const cell = (text, kind) => h("td", { class: text === undefined ? "none" : kind }, text === undefined ? "" : h("code", {}, text));
  return h("div", { class: "scroll" }, h("table", { class: "diff" },
    h("thead", {}, h("tr", {}, h("th", { scope: "col" }, "Accepted"), h("th", { scope: "col" }, "Now"))),
    h("tbody", {}, rows.map(([before, after, isChange]) => h("tr", {}, cell(before, isChange ? "cut" : ""), cell(after, isChange ? "add" : ""))))));
}
