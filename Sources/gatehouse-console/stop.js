// The stop button: what stops at once, what is ended with it, what is stopped already.
import { h, replace, dialog, toast, number } from "./dom.js";
import { get, post } from "./api.js";

/** What can be stopped, and where its names come from. */
const KINDS = [
  { kind: "all", title: "Everything" },
  { kind: "tenant", title: "A tenant", names: async () => (await get("/policy")).tenants.map((row) => row.tenant) },
  { kind: "agent", title: "An agent", names: async () => (await get("/tokens")).map((row) => row.owner), also: "End its tokens for good, too", end: endTokens },
  { kind: "server", title: "A server", names: async () => (await get("/servers")).map((row) => row.server), also: "Kill its processes, too", end: kill },
  { kind: "tool", title: "A tool", names: async () => (await get("/tools")).filter((row) => row.tool).map((row) => `${row.server}.${row.tool}`) },
];

async function endTokens(name) {
  const done = await post("/tokens/revoke", { owner: name });
  return `${number(done.revoked)} tokens ended.`;
}

async function kill(name, reason) {
  const rows = (await get("/servers")).filter((row) => row.server === name && row.starts !== undefined);
  for (const row of rows) await post(`/servers/${encodeURIComponent(name)}/kill`, { tenant: row.tenant, reason });
  return rows.length > 0 ? "Its processes are gone." : "It has no process here.";
}

/** Asks what to stop; `target` as the API writes it: `all`, `server:NAME`. Keys that follow at once are for the dialog:
 * it is there before anything is asked of the gateway. */
export async function lockdown(target = "all") {
  const force = h("section", { hidden: true });
  const colon = target.indexOf(":");
  const kind = h("select", { id: "target-kind" }, KINDS.map((entry) => h("option", { value: entry.kind }, entry.title)));
  kind.value = colon < 0 ? "all" : target.slice(0, colon);
  const name = h("input", { id: "target-name", spellcheck: "false", autocomplete: "off", list: "target-names", value: colon < 0 ? "" : target.slice(colon + 1) });
  const names = h("datalist", { id: "target-names" });
  const naming = h("div", {}, h("label", { for: "target-name" }, "Name"), name, names);
  const also = h("input", { type: "checkbox", id: "also" });
  const alsoText = h("label", { for: "also" });
  const ending = h("div", { class: "row" }, also, alsoText);
  const why = h("input", { id: "why", maxlength: 500, placeholder: "for the record", autofocus: true });
  const wrong = h("p", { class: "wrong", role: "alert" });
  const chosen = () => KINDS.find((entry) => entry.kind === kind.value);

  async function showKind() {
    const entry = chosen();
    naming.hidden = !entry.names;
    name.required = Boolean(entry.names);
    ending.hidden = !entry.also;
    also.checked = false;
    alsoText.textContent = entry.also ?? "";
    replace(names);
    const found = await entry.names?.().catch(() => []) ?? [];
    if (chosen() === entry) replace(names, [...new Set(found)].map((value) => h("option", { value })));
  }
  kind.addEventListener("change", () => { name.value = ""; showKind(); });
  showKind();

  await dialog("Lockdown", (close) => [
    h("p", { class: "quiet" }, "Stops matching calls at once, those in flight too. Lifting needs your passphrase."),
    h("form", { onsubmit: async (event) => {
      event.preventDefault();
      const entry = chosen(), wanted = entry.names ? `${entry.kind}:${name.value.trim()}` : entry.kind;
      try {
        const done = await post("/lockdowns", { target: wanted, reason: why.value });
        let text = `Locked ${wanted}; ${number(done.stopped)} calls stopped.`;
        if (also.checked) text += ` ${await entry.end(name.value.trim(), why.value || "locked down")}`;
        toast(text);
        close();
      } catch (error) { wrong.textContent = error.text; }
    } },
    h("label", { for: "target-kind" }, "What"), kind, naming, h("label", { for: "why" }, "Reason"), why, ending, wrong,
    h("div", { class: "row end" }, h("button", { type: "button", onclick: () => close() }, "Cancel"),
      h("button", { class: "stop", type: "submit" }, "Stop now"))),
    (showForce(close), force)]);

  async function showForce(close) {
    const list = await get("/lockdowns").catch(() => []);
    force.hidden = list.length === 0;
    replace(force, h("h3", {}, "In force"), h("ul", { class: "plain-list" }, list.map((lock) => h("li", { class: "row" },
      h("code", {}, lock.target), h("span", { class: "quiet grow" }, lock.reason),
      h("button", { "aria-label": `Lift ${lock.target}`, onclick: async () => {
        try { await post("/lockdowns/lift", { target: lock.target }); toast(`Lifted ${lock.target}.`); close(); }
        catch (error) { wrong.textContent = error.text; }
      } }, "Lift")))));
  }
}
