// Servers: what runs, what is enforced on each, and what changed.
import { h, replace, span, toast, number } from "./dom.js";
import { get, post } from "./api.js";

const GOOD = { ready: "good", running: "good", remote: "good", asleep: "", starting: "warn", idle: "" };

export function serversPage(shell, [wanted]) {
  const list = h("tbody");
  const detail = h("section", { class: "detail", "aria-label": "The server" });
  let rows = [], chosen = wanted ?? null;
  replace(shell.element,
    h("div", { class: "bar" }, h("h1", {}, "Servers"), h("button", { onclick: load }, "Look again")),
    h("div", { class: "scroll" }, h("table", { class: "choose" }, h("thead", {}, h("tr", {}, ["Server", "State", "Tools", "Cage", "Lacks", "Starts", "Up"].map((t) => h("th", { scope: "col" }, t)))), list)),
    detail);

  const id = (row) => `${row.tenant}/${row.server}`;

  async function load() {
    rows = await get("/servers", undefined, { background: true });
    replace(list, rows.map((row) => h("tr", { class: id(row) === chosen ? "chosen" : "", onclick: () => choose(id(row)) },
      h("th", { scope: "row" }, h("button", { class: "link", "aria-expanded": String(id(row) === chosen) }, row.tenant === "main" ? row.server : id(row))),
      h("td", {}, h("span", { class: `verdict ${row.absent ? "bad" : GOOD[row.state] ?? "bad"}` }, row.absent ? "absent" : row.state)),
      h("td", {}, row.tools ? `${row.tools.offered} offered` : "—", row.tools?.hidden > 0 && h("span", { class: "verdict warn" }, ` · ${row.tools.hidden} hidden`)),
      h("td", {}, row.cage ? `${row.cage.kind}, network ${row.cage.network}` : "remote"),
      h("td", {}, row.cage?.lacks?.length ? h("span", { class: "verdict warn" }, row.cage.lacks.join(", ")) : row.cage ? "nothing" : "—"),
      h("td", {}, row.starts === undefined ? "—" : `${row.starts}${row.crashes ? `, ${row.crashes} crashes` : ""}`),
      h("td", {}, row.uptime_ms === undefined ? "—" : span(row.uptime_ms / 1000)))));
    if (!chosen && rows.length) chosen = id(rows[0]);
    if (chosen) await show();
  }

  async function choose(key) {
    chosen = key;
    history.replaceState(null, "", `#/servers/${encodeURIComponent(key)}`);
    await load();
  }

  async function show() {
    const row = rows.find((candidate) => id(candidate) === chosen);
    if (!row) return replace(detail);
    const s = await get(`/servers/${encodeURIComponent(row.server)}`, { tenant: row.tenant }, { background: true });
    const pairs = (object) => Object.entries(object ?? {});
    replace(detail,
      h("div", { class: "bar" }, h("h2", {}, s.server), h("span", { class: "grow" }),
        s.starts !== undefined && h("button", { onclick: restart }, "Restart"),
        h("button", { class: "no", onclick: () => shell.lockdown(`server:${s.server}`) }, "Lockdown…")),
      (s.reason || s.absent) && h("p", { class: "alarm" }, s.absent ?? s.reason),
      s.program?.state === "changed" && h("p", { class: "alarm" }, `Its program changed: ${s.program.reason} `, h("a", { href: `#/tools/${encodeURIComponent(id(row))}` }, "Look at its tools")),
      h("dl", { class: "facts" },
        [["Revision", s.revision], ["Process", s.pid], ["User", s.cage?.uid], ["Address", s.url], ["Program", s.program && `${s.program.state} ${s.program.digest ?? ""}`]]
          .filter(([, value]) => value !== undefined && value !== null).map(([name, value]) => [h("dt", {}, name), h("dd", {}, String(value))])),
      s.cage?.layers && [h("h3", {}, "What is enforced"), h("div", { class: "scroll" }, h("table", {}, h("thead", {}, h("tr", {}, ["Layer", "", "Required", "Detail"].map((t) => h("th", { scope: "col" }, t)))),
        h("tbody", {}, pairs(s.cage.layers).map(([name, layer]) => h("tr", {}, h("th", { scope: "row" }, name),
          h("td", {}, h("span", { class: `verdict ${layer.present ? "good" : layer.required ? "bad" : "warn"}` }, layer.present ? "holds" : "lacking")),
          h("td", {}, layer.required ? "required" : ""), h("td", { class: "quiet" }, layer.detail))))))],
      (pairs(s.cage?.read).length > 0 || pairs(s.cage?.write).length > 0) && [h("h3", {}, "Folders"), h("ul", { class: "plain-list" },
        pairs(s.cage.write).map(([inside, outside]) => h("li", {}, h("span", { class: "tag" }, "writes"), " ", h("code", {}, `${inside} = ${outside}`))),
        pairs(s.cage.read).map(([inside, outside]) => h("li", {}, h("span", { class: "tag" }, "reads"), " ", h("code", {}, `${inside} = ${outside}`))))],
      pairs(s.pinned).length > 0 && [h("h3", {}, "Tools"), h("p", {}, pairs(s.pinned).map(([name, tier]) => [h("span", { class: `tier ${tier}` }, tier), ` ${name}  `]))],
      pairs(s.hidden).length > 0 && [h("h3", {}, "Hidden"), h("ul", { class: "plain-list" }, pairs(s.hidden).map(([name, reason]) => h("li", {}, h("code", {}, name), h("span", { class: "quiet" }, ` ${reason}`))))],
      s.errors?.length > 0 && [h("h3", {}, "Last lines of its standard error"), h("pre", { class: "arguments", tabindex: "0" }, s.errors.join("\n"))]);

    async function restart() {
      try { await post(`/servers/${encodeURIComponent(row.server)}/restart`, { tenant: row.tenant }); toast(`${row.server} restarts.`); await load(); }
      catch (error) { toast(error.text, "wrong"); }
    }
  }

  load();
  const timer = setInterval(() => load().catch(() => {}), 5000);
  const step = (by) => {
    const place = rows.findIndex((row) => id(row) === chosen);
    const next = rows[Math.max(0, Math.min(rows.length - 1, place + by))];
    if (next) choose(id(next));
  };
  return {
    leave() { clearInterval(timer); },
    show([key]) { if (key && key !== chosen) choose(key); },
    key(event) {
      if (event.key === "j" || event.key === "ArrowDown") step(1);
      else if (event.key === "k" || event.key === "ArrowUp") step(-1);
      else return false;
      return true;
    },
  };
}
