// The effective policy, what it would say to a call, and a configuration that waits for a person.
import { h, replace, toast, number } from "./dom.js";
import { get, post } from "./api.js";
import { visible } from "./tools.js";

export function policyPage(shell) {
  const pending = h("section", { "aria-label": "Waiting configuration" }), explain = h("section", { "aria-label": "Explain" }), body = h("section", { "aria-label": "Policy" });
  replace(shell.element, h("div", { class: "bar" }, h("h1", {}, "Policy")), pending, explain, body);

  const tool = h("input", { id: "tool", list: "tools", placeholder: "server.tool", spellcheck: "false", required: true });
  const names = h("datalist", { id: "tools" });
  const owner = h("input", { id: "asker", placeholder: "anybody, or a token's id", spellcheck: "false" });
  const args = h("textarea", { id: "args", spellcheck: "false" }, "{}");
  const answer = h("div", { role: "status" });
  replace(explain, h("h3", {}, "What would happen to a call"),
    h("form", { class: "explain", onsubmit: async (event) => {
      event.preventDefault();
      try {
        JSON.parse(args.value);
        // As it is written: reading it into numbers of this language could change them.
        const text = `{"tool":${JSON.stringify(tool.value.trim())},"arguments":${args.value}${owner.value.trim() ? `,"token":${JSON.stringify(owner.value.trim())}` : ""}}`;
        const found = await post("/policy/explain", text);
        replace(answer, h("p", {}, "Answer: ", h("strong", { class: `verdict ${found.answer === "allow" ? "good" : found.answer.startsWith("ask") ? "warn" : "bad"}` }, found.answer), found.text && h("span", { class: "quiet" }, ` — ${found.text}`)),
          h("pre", { class: "arguments", tabindex: "0" }, found.lines.map((line) => h("span", { class: "line" }, visible(line), "\n"))));
      } catch (error) { replace(answer, h("p", { class: "wrong", role: "alert" }, error.text ?? `The arguments are not JSON: ${error.message}`)); }
    } },
    h("div", {}, h("label", { for: "tool" }, "Tool"), tool, names), h("div", {}, h("label", { for: "asker" }, "Credential"), owner),
    h("div", { class: "wide" }, h("label", { for: "args" }, "Arguments"), args), h("div", { class: "wide row" }, h("button", { class: "main", type: "submit" }, "Explain"), h("span", { class: "quiet" }, "Nothing is counted, asked or sent."))), answer);

  async function load() {
    const [policy, waits, tools] = await Promise.all([get("/policy"), get("/configuration/pending"), get("/tools")]);
    replace(names, tools.filter((row) => row.tool).map((row) => h("option", { value: `${row.server}.${row.tool}` })));
    replace(pending, waits.digest && [h("p", { class: "alarm" }, "A configuration waits that lets more through than the accepted one:"), h("ul", {}, waits.loosens.map((line) => h("li", {}, line))),
      h("button", { class: "main", onclick: async () => {
        try { await post("/configuration/accept", { digest: waits.digest }); toast("Accepted."); await load(); } catch (error) { toast(error.text, "wrong"); }
      } }, "Accept it")]);
    replace(body, h("p", { class: "quiet" }, `${policy.configuration} · `, h("code", {}, policy.digest)), policy.tenants.map((tenant) => [
      h("h2", {}, `Tenant ${tenant.tenant}`),
      block("Rules", tenant.rules, ["Name", "Then", "Tools", "Where", "Calls it spoke about"], (row) => [row.statement.name, h("span", { class: "tag" }, row.statement.then), [].concat(row.statement.tools).join(" "), place(row), number(policy.hits?.[tenant.tenant]?.[row.statement.name] ?? 0)]),
      block("Limits", tenant.limits, ["Per", "Limit", "Tools", "Where"], (row) => [row.statement.per, ["calls", "identical", "concurrent"].filter((k) => row.statement[k] !== undefined).map((k) => `${k} ${row.statement[k]}`).join(", "), [].concat(row.statement.tools ?? "*").join(" "), place(row)]),
      block("Tools", tenant.tools, ["Tool", "Tier", "Statement", "Stated by"], (row) => [h("strong", {}, row.tool), h("span", { class: `tier ${row.statement.tier}` }, row.statement.tier ?? ""), h("code", {}, rest(row.statement)), `${row.stated.by}${row.stated.line ? `, line ${row.stated.line}` : ""}`]),
      h("h3", {}, "Denied paths"), h("p", { class: "mono" }, tenant.deny_paths.join("  "))]));
  }

  const place = (row) => `${row.line ? `line ${row.line}` : "—"}${row.inherited ? ", inherited" : ""}`;
  const rest = ({ tier, ...others }) => Object.keys(others).length ? JSON.stringify(others) : "";
  const block = (title, rows, heads, cells) => [h("h3", {}, title), rows.length === 0 ? h("p", { class: "quiet" }, "None.")
    : h("div", { class: "scroll" }, h("table", {}, h("thead", {}, h("tr", {}, heads.map((t) => h("th", { scope: "col" }, t)))), h("tbody", {}, rows.map((row) => h("tr", {}, cells(row).map((cell) => h("td", {}, cell)))))))];

  load().catch((error) => toast(error.text, "wrong"));
  return { key(event) { if (event.key !== "/") return false; tool.focus(); return true; } };
}
