// Servers: what runs, what is enforced on each, and what changed.
import { h, replace, span, toast, number, bytes, dialog, keepFocus } from "./dom.js";
import { lockdown } from "./stop.js";
import { visible } from "./tools.js";
import { get, post } from "./api.js";

const GOOD = { ready: "good", running: "good", remote: "good", asleep: "", starting: "warn", idle: "" };

const MARKS = { added: "added", removed: "removed", denied: "alarm" };
const SIGNS = { added: "+", removed: "−", modified: "~", denied: "!" };

function used(use) {
  return [`${bytes(use.memory_bytes)}${use.memory_limit_bytes ? ` of ${bytes(use.memory_limit_bytes)}` : ""} of memory`,
    `${number(use.processes)}${use.process_limit ? ` of ${number(use.process_limit)}` : ""} processes`,
    `${(use.cpu_ms / 1000).toFixed(1)} s of processor time`].join(", ");
}

export function serversPage(shell, [wanted]) {
  const list = h("tbody");
  const detail = h("section", { class: "detail", "aria-label": "The server" });
  const changes = h("section", { class: "changes", "aria-label": "Changes in copied folders" });
  let rows = [], chosen = wanted ?? null;
  replace(shell.element,
    h("div", { class: "bar" }, h("h1", {}, "Servers"), h("button", { onclick: load }, "Look again")),
    h("div", { class: "scroll" }, h("table", { class: "choose" }, h("thead", {}, h("tr", {}, ["Server", "State", "Tools", "Cage", "Lacks", "Memory", "Starts", "Up"].map((t) => h("th", { scope: "col" }, t)))), list)),
    changes, detail);

  const id = (row) => `${row.tenant}/${row.server}`;

  async function load() {
    rows = await get("/servers", undefined, { background: true });
    keepFocus(() => replace(list, rows.map((row) => h("tr", { class: id(row) === chosen ? "chosen" : "", onclick: () => choose(id(row)) },
      h("th", { scope: "row" }, h("button", { class: "link", "data-key": id(row), "aria-expanded": String(id(row) === chosen) }, row.tenant === "main" ? row.server : id(row))),
      h("td", {}, h("span", { class: `verdict ${row.absent ? "bad" : GOOD[row.state] ?? "bad"}` }, row.absent ? "absent" : row.state)),
      h("td", {}, row.tools ? `${row.tools.offered} offered` : "—", row.tools?.hidden > 0 && h("span", { class: "verdict warn" }, ` · ${row.tools.hidden} hidden`)),
      h("td", {}, row.cage ? `${row.cage.kind}, network ${row.cage.network}` : "remote"),
      h("td", {}, row.cage?.lacks?.length ? h("span", { class: "verdict warn" }, row.cage.lacks.join(", ")) : row.cage ? "nothing" : "—"),
      h("td", {}, row.use ? bytes(row.use.memory_bytes) : "—"),
      h("td", {}, row.starts === undefined ? "—" : `${row.starts}${row.crashes ? `, ${row.crashes} crashes` : ""}`),
      h("td", {}, row.uptime_ms === undefined ? "—" : span(row.uptime_ms / 1000))))));
    if (!chosen && rows.length) chosen = id(rows[0]);
    if (chosen) await show();
  }

  async function choose(key) {
    chosen = key;
    history.replaceState(null, "", `#/servers/${encodeURIComponent(key)}`);
    replace(changes);
    await load();
  }

  async function show() {
    const row = rows.find((candidate) => id(candidate) === chosen);
    if (!row) return replace(detail);
    const s = await get(`/servers/${encodeURIComponent(row.server)}`, { tenant: row.tenant }, { background: true });
    const pairs = (object) => Object.entries(object ?? {});
    if (id(row) !== chosen) return;
    keepFocus(() => replace(detail,
      h("div", { class: "bar" }, h("h2", {}, s.server), h("span", { class: "grow" }),
        s.cage?.layers && pairs(s.cage.write).length > 0 && h("button", { "data-key": "changes", onclick: () => showChanges(row) }, "Changes…"),
        s.starts !== undefined && h("button", { "data-key": "restart", onclick: restart }, "Restart"),
        s.starts !== undefined && h("button", { class: "no", "data-key": "kill", onclick: kill }, "Kill…"),
        h("button", { class: "no", "data-key": "lockdown", onclick: () => lockdown(`server:${s.tenant === "main" ? "" : `${s.tenant}/`}${s.server}`) }, "Lockdown…")),
      (s.reason || s.absent) && h("p", { class: "alarm" }, s.absent ?? s.reason),
      s.program?.state === "changed" && h("p", { class: "alarm" }, `Its program changed: ${s.program.reason} `, h("a", { href: `#/tools/${encodeURIComponent(id(row))}` }, "Look at its tools")),
      h("dl", { class: "facts" },
        [["Revision", s.revision], ["Process", s.pid], ["Uses", s.use && used(s.use)], ["User", s.cage?.uid], ["Address", s.url], ["Program", s.program && `${s.program.state} ${s.program.digest ?? ""}`]]
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
      s.errors?.length > 0 && [h("h3", {}, "Last lines of its standard error"), h("pre", { class: "arguments", tabindex: "0" }, s.errors.join("\n"))]));

    async function kill() {
      const why = h("input", { id: "kill-why", maxlength: 500, autofocus: true, placeholder: "for the record" });
      const reason = await dialog(`Kill ${row.server}`, (close) => h("form", { onsubmit: (event) => { event.preventDefault(); close(why.value || "killed"); } },
        h("p", {}, "Its processes end at once, and it stays down while this gateway runs."), h("label", { for: "kill-why" }, "Reason"), why,
        h("div", { class: "row end" }, h("button", { type: "button", onclick: () => close() }, "Cancel"), h("button", { class: "stop", type: "submit" }, "Kill it"))));
      if (reason === null) return;
      try {
        const done = await post(`/servers/${encodeURIComponent(row.server)}/kill`, { tenant: row.tenant, reason });
        toast(`${row.server} is down; ${number(done.stopped)} calls stopped.`);
        await load();
      } catch (error) { toast(error.text, "wrong"); }
    }

    async function restart() {
      try { await post(`/servers/${encodeURIComponent(row.server)}/restart`, { tenant: row.tenant }); toast(`${row.server} restarts.`); await load(); }
      catch (error) { toast(error.text, "wrong"); }
    }
  }

  /** What it wrote into copies of folders, to be taken over or dropped by a person. */
  async function showChanges(row) {
    const path = `/servers/${encodeURIComponent(row.server)}/changes`;
    let folders;
    try { folders = await get(path, { tenant: row.tenant }); } catch (error) { toast(error.text, "wrong"); return; }
    if (id(row) !== chosen) return;
    const count = folders.reduce((sum, folder) => sum + folder.changes.length, 0);
    const settle = async (title, text, word, kind, action, body) => {
      const isMeant = await dialog(title, (close) => h("form", { onsubmit: (event) => { event.preventDefault(); close(true); } }, h("p", {}, text),
        h("div", { class: "row end" }, h("button", { type: "button", onclick: () => close() }, "Cancel"), h("button", { class: kind, type: "submit", id: "say-settle", autofocus: true }, word))));
      if (!isMeant) return;
      try {
        await post(`${path}/${action}`, { tenant: row.tenant, ...body });
        toast(`${word}: ${row.server} starts anew.`);
        await load();
      } catch (error) { toast(error.text, "wrong"); }
      await showChanges(row);
    };
    replace(changes,
      h("div", { class: "bar" }, h("h3", {}, `Changes of ${row.server}`), h("span", { class: "grow" }), count > 0 && [
        h("button", { class: "yes", id: "commit", onclick: () => settle(`Take over ${number(count)} changes`, "What is shown is made in the folders themselves; what changed since then is refused. The server starts anew.", "Taken over", "yes", "commit", { digests: folders.map((folder) => folder.digest) }) }, "Take over…"),
        h("button", { class: "no", id: "drop", onclick: () => settle(`Drop ${number(count)} changes`, "They are gone for good. The server starts anew.", "Dropped", "stop", "drop", {}) }, "Drop…")]),
      folders.length === 0 && h("p", { class: "quiet" }, "It has a copy of no folder: what it writes is written at once."),
      folders.map((folder) => [h("p", {}, h("code", {}, visible(folder.folder)), h("span", { class: "quiet" }, ` is a copy of ${visible(folder.outside)}`)),
        folder.changes.length === 0 ? h("p", { class: "quiet" }, "Nothing changed.")
        : h("ul", { class: "lines" }, folder.changes.map((change) => h("li", { class: MARKS[change.kind] ?? "" }, h("span", { class: "sign", "aria-hidden": "true" }, SIGNS[change.kind] ?? "·"),
          `${change.kind}  ${visible(change.path)}`, change.bytes !== undefined && `  ${bytes(change.bytes)}`, change.target !== undefined && `  → ${visible(change.target)}`)))]));
    changes.scrollIntoView({ block: "nearest" });
  }

  load().catch((error) => toast(error.text, "wrong"));
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
