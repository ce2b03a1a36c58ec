// The frame round the pages: navigation, the state of the gateway, keys, the stop button.
import { h, replace, dialog, isWriting, say } from "./dom.js";
import { call, listen } from "./api.js";
import { lockdown } from "./stop.js";
import { approvalsPage } from "./approvals.js";
import { callsPage } from "./calls.js";
import { serversPage } from "./servers.js";
import { toolsPage } from "./tools.js";
import { auditPage } from "./audit.js";
import { accessPage } from "./access.js";
import { policyPage } from "./policy.js";
import { egressPage } from "./egress.js";
import { secretsPage } from "./secrets.js";
import { figuresPage } from "./figures.js";

const PAGES = [
  { path: "approvals", key: "a", title: "Approvals", build: approvalsPage },
  { path: "calls", key: "c", title: "Live calls", build: callsPage },
  { path: "servers", key: "s", title: "Servers", build: serversPage },
  { path: "egress", key: "e", title: "Egress", build: egressPage },
  { path: "tools", key: "t", title: "Tools", build: toolsPage },
  { path: "audit", key: "l", title: "Audit", build: auditPage },
  { path: "access", key: "u", title: "Access", build: accessPage },
  { path: "secrets", key: "k", title: "Secrets", build: secretsPage },
  { path: "policy", key: "p", title: "Policy", build: policyPage },
  { path: "figures", key: "f", title: "Figures", build: figuresPage },
];

/** Pages whose link says how much waits there. */
const COUNTS = { approvals: "waiting", egress: "egress-waiting" };

const KEYS = [
  ["j k", "next, previous"], ["y", "yes, once, to exactly what is shown"], ["n", "no, with a reason for the agent"],
  ["e", "edit the call"], ["r", "yes to this call and its like"], ["/", "search on this page"], ["g then a letter", "go to a page"], ["!", "lockdown"], ["?", "this help"],
];

export function startShell(root, session, leave) {
  const state = { approvals: new Map(), isListed: false, status: null, session, isLive: false };
  const watchers = new Set();
  const main = h("main", { id: "main", tabindex: "-1" });
  const links = PAGES.map((page) => h("a", { href: `#/${page.path}`, "data-page": page.path },
    h("span", {}, page.title), h("kbd", { "aria-hidden": "true" }, page.key), COUNTS[page.path] && h("b", { id: COUNTS[page.path], class: "count" })));
  const line = h("span", { id: "line", class: "state" });
  const place = h("span", { id: "place", class: "quiet" });
  const stopped = h("div", { id: "stopped", role: "alert", hidden: true });
  replace(root,
    h("a", { class: "skip", href: "#main", onclick: (e) => { e.preventDefault(); main.focus(); } }, "Skip to the page"),
    h("header", {},
      h("img", { src: "/assets/mark.svg", alt: "", width: 20, height: 20 }), h("strong", {}, "Gatehouse"), place, line,
      h("span", { class: "grow" }),
      h("span", { class: "quiet who" }, session.approver),
      h("button", { class: "plain", onclick: help, "aria-label": "Keys" }, "?"),
      h("button", { class: "plain", onclick: leave }, "Log out"),
      h("button", { class: "stop", id: "lockdown", onclick: () => lockdown() }, "Lockdown")),
    stopped,
    h("nav", { "aria-label": "Pages" }, links), main);

  let page = null;
  const shown = { element: main, state, session, watch: (f) => { watchers.add(f); return () => watchers.delete(f); } };

  function route() {
    const [path, ...rest] = parts(location.hash);
    const wanted = PAGES.find((candidate) => candidate.path === path) ?? PAGES[0];
    for (const link of links) link.dataset.page === wanted.path ? (link.setAttribute("aria-current", "page"), link.scrollIntoView({ block: "nearest", inline: "nearest" })) : link.removeAttribute("aria-current");
    document.title = `${wanted.title} · Gatehouse`;
    if (page?.path === wanted.path && page.show) return page.show(rest);
    page?.leave?.();
    main.replaceChildren();
    main.className = wanted.path;
    page = { path: wanted.path, ...wanted.build(shown, rest) };
    say(wanted.title);
  }

  function tell(kind, data) { for (const watcher of [...watchers]) watcher(kind, data); }

  let end = null;
  const follow = (wantsCalls) => {
    end?.();
    state.isListed = false;
    end = listen(take, heard, wantsCalls);
  };
  shown.follow = follow;

  function take(type, data) {
    if (type === "approvals") {
      state.approvals = new Map(data.map((question) => [question.ticket, question]));
      state.isListed = true;
    } else if (type === "question") {
      if (!state.approvals.has(data.ticket)) say(`A new question: ${data.tool}`);
      state.approvals.set(data.ticket, data);
    } else if (type === "closed") {
      state.approvals.delete(data.ticket);
    } else if (type === "status") {
      state.status = data;
      showStatus();
    }
    showCount();
    tell(type, data);
  }

  function heard(kind) {
    state.isLive = kind === "live";
    // What waits is not known until the stream has told it.
    state.isListed = false;
    showLine();
    tell("line", kind);
  }

  function showCount() {
    for (const [id, count] of [["waiting", state.approvals.size], ["egress-waiting", state.status?.egress_waiting ?? 0]]) {
      const badge = document.getElementById(id);
      if (badge) { badge.textContent = count || ""; badge.setAttribute("aria-label", `${count} waiting`); }
    }
  }

  function showLine() {
    const status = state.status;
    const ready = status?.ready !== false;
    line.className = `state ${!state.isLive ? "lost" : ready ? "good" : "bad"}`;
    line.textContent = !state.isLive ? "not connected" : ready ? "ready" : "not ready";
    line.title = (status?.notes ?? []).join("\n");
  }

  function showStatus() {
    const status = state.status;
    place.textContent = `${status.environment} · ${status.version}`;
    showLine();
    const locks = status.lockdowns ?? [];
    stopped.hidden = locks.length === 0;
    replace(stopped, locks.length > 0 && [h("strong", {}, "Lockdown: "), locks.join(", "), " ",
      h("button", { class: "plain", onclick: () => lockdown() }, "Show")]);
  }

  // Whoever watches without a key or a click for long is logged out; a person at work is not.
  let touched = Date.now();
  const touch = () => {
    if (Date.now() - touched < 60000) return;
    touched = Date.now();
    call("GET", "/session").catch(() => {});
  };

  let wantsPage = false;
  function onKey(event) {
    touch();
    // What lies under a dialog hears no key, wherever the focus is.
    if (event.ctrlKey || event.metaKey || event.altKey || isWriting(event) || document.querySelector("dialog[open]")) return;
    if (wantsPage) {
      wantsPage = false;
      const wanted = PAGES.find((candidate) => candidate.key === event.key);
      if (wanted) { location.hash = `#/${wanted.path}`; event.preventDefault(); }
      return;
    }
    if (event.key === "g") wantsPage = true;
    else if (event.key === "?") help();
    else if (event.key === "!") lockdown();
    else if (!page?.key?.(event)) return;
    event.preventDefault();
  }

  function help() {
    dialog("Keys", (close) => [
      h("table", { class: "keys" }, h("tbody", {},
        KEYS.map(([key, text]) => h("tr", {}, h("th", { scope: "row" }, h("kbd", {}, key)), h("td", {}, text))),
        PAGES.map((p) => h("tr", {}, h("th", { scope: "row" }, h("kbd", {}, "g"), " ", h("kbd", {}, p.key)), h("td", {}, p.title))))),
      h("div", { class: "row end" }, h("button", { class: "main", autofocus: true, onclick: () => close() }, "Close"))]);
  }

  window.addEventListener("hashchange", route);
  document.addEventListener("keydown", onKey);
  document.addEventListener("pointerdown", touch);
  follow(false);
  route();
  showLine();
  return () => {
    end?.();
    page?.leave?.();
    window.removeEventListener("hashchange", route);
    document.removeEventListener("keydown", onKey);
    document.removeEventListener("pointerdown", touch);
  };
}

/** What an address names; nothing where it is none. */
function parts(hash) {
  try { return hash.replace(/^#\/?/, "").split("/").map(decodeURIComponent); } catch { return []; }
}
