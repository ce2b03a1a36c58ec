// How often people are asked, how they answer, and what could ask less.
import { h, replace, toast, stamp, number } from "./dom.js";
import { get } from "./api.js";
import { micros, plots } from "./plots.js";
import { visible } from "./tools.js";

export function figuresPage(shell) {
  const picture = plots();
  const agents = h("section", { "aria-label": "Agents" }), causes = h("section", { "aria-label": "Causes" }), note = h("span", { class: "quiet" });
  replace(shell.element, h("div", { class: "bar" }, h("h1", {}, "Figures"), note), picture.element, agents, causes);

  const share = (row) => row.yes + row.no === 0 ? "—" : `${Math.round(row.yes / (row.yes + row.no) * 100)} %`;
  const block = (title, what, rows) => [h("h3", {}, title), rows.length === 0 ? h("p", { class: "quiet" }, "Nobody was asked.")
    : h("div", { class: "scroll" }, h("table", {}, h("thead", {}, h("tr", {}, [what, "Last hour", "Asked", "Yes", "No", "Nobody answered", "Share of yes", "Median time to answer"].map((t) => h("th", { scope: "col" }, t)))),
      h("tbody", {}, rows.map((row) => h("tr", {}, h("th", { scope: "row" }, visible(row.agent ?? row.cause), row.hint && h("p", { class: "hint" }, visible(row.hint))),
        [row.last_hour, row.asked, row.yes, row.no, row.unanswered].map((count) => h("td", {}, number(count))),
        h("td", {}, share(row)), h("td", {}, row.median_ms === null ? "—" : micros(row.median_ms * 1000)))))))];

  async function load() {
    const found = await get("/figures/answers", undefined, { background: true });
    note.textContent = `Since ${stamp(found.since)}. Standing yeses: ${number(found.grants.live)} in use, ${number(found.grants.used)} calls under them, ${number(found.grants.left)} left.`;
    replace(agents, block("Who asks", "Agent", found.agents));
    replace(causes, block("What asks", "Rule or tier", found.causes));
  }

  load().catch((error) => toast(error.text, "wrong"));
  const timer = setInterval(() => load().catch(() => {}), 10000);
  return { leave() { clearInterval(timer); picture.leave(); } };
}
