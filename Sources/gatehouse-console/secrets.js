// Secrets by name: where each comes from, how old it is, who may use it. No value is ever sent here.
import { h, replace, toast, span } from "./dom.js";
import { get, post } from "./api.js";

export function secretsPage(shell) {
  const list = h("section", { "aria-label": "Secrets" });
  const note = h("span", { class: "quiet" });
  replace(shell.element, h("div", { class: "bar" }, h("h1", {}, "Secrets"), note), list);
  const found = new Map();  // what came of the last test of each, by name

  const age = (text) => span((Date.now() - Date.parse(text)) / 1000);

  async function load() {
    const { key, secrets } = await get("/secrets");
    note.textContent = `The key that seals stored ones: ${key}. Values are given at the terminal: gatehouse secrets set NAME.`;
    replace(list, secrets.length === 0 ? h("p", { class: "quiet" }, "The configuration names none, and none is stored.")
      : h("div", { class: "scroll" }, h("table", {}, h("thead", {}, h("tr", {}, ["Secret", "Comes from", "Age", "May be used", "Held by", ""].map((t) => h("th", { scope: "col" }, t)))), h("tbody", {}, secrets.map(row)))));
  }

  function row(secret) {
    const isNamed = secret.source !== "stored, not named";
    const result = found.get(secret.name);
    return h("tr", {},
      h("th", { scope: "row" }, secret.name), h("td", {}, secret.source),
      h("td", {}, secret.changed ? `stored ${age(secret.changed)} ago` : secret.since ? `read ${age(secret.since)} ago` : "—"),
      h("td", {}, uses(secret)),
      h("td", {}, secret.held_by.length ? h("span", { class: "verdict bad" }, secret.held_by.join(", ")) : "nobody"),
      h("td", {}, isNamed && h("span", { class: "row answers" },
        h("button", { "aria-label": `Test ${secret.name}`, onclick: () => test(secret) }, "Test"),
        h("button", { "aria-label": `Rotate ${secret.name}`, onclick: () => rotate(secret) }, "Rotate")),
        result && h("p", { class: `verdict ${!result.ok ? "bad" : result.in_force ? "good" : "warn"}`, role: "status" }, said(result))));
  }

  function uses(secret) {
    if (secret.bindings.length) return h("ul", { class: "plain-list" }, secret.bindings.map((use) => h("li", {}, h("strong", {}, use.server), " at ", h("code", {}, use.host), h("span", { class: "quiet" }, ` ${use.place}, ${use.methods.join(" ")}`))));
    return secret.servers.length ? secret.servers.join(", ") : h("span", { class: "verdict warn" }, "unused");
  }

  const said = (result) => result.ok
    ? [`${result.bytes} bytes`, result.in_force ? "in force" : "not in force: rotate it", !result.findable && "too short to be looked for in results"].filter(Boolean).join(", ")
    : result.reason;

  async function test(secret) {
    try { found.set(secret.name, await post(`/secrets/${encodeURIComponent(secret.name)}/test`)); await load(); }
    catch (error) { toast(error.text, "wrong"); }
  }

  async function rotate(secret) {
    try {
      const done = await post(`/secrets/${encodeURIComponent(secret.name)}/rotate`);
      toast(done.changed ? `The new value of ${secret.name} is in force.` : `The value of ${secret.name} is the same as before.`);
      found.delete(secret.name);
      await load();
    } catch (error) { toast(error.text, "wrong"); }
  }

  load().catch((error) => toast(error.text, "wrong"));
  return {};
}
