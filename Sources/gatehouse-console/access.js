// Who may call, and who may decide: tokens, approvers, standing yeses.
import { h, replace, toast, dialog, stamp } from "./dom.js";
import { get, post, remove } from "./api.js";
import { lockdown } from "./stop.js";

export function accessPage(shell) {
  const emergencies = h("section", { "aria-label": "Break-glass" }), grants = h("section", { "aria-label": "Standing yeses" }), tokens = h("section", { "aria-label": "Tokens" }), people = h("section", { "aria-label": "Approvers" });
  replace(shell.element, h("div", { class: "bar" }, h("h1", {}, "Access")), emergencies, grants, tokens, people);

  const act = async (action, text) => {
    try { const done = await action(); toast(typeof text === "function" ? text(done) : text); await load(); return done; } catch (error) { if (error.code !== "proof") toast(error.text, "wrong"); return null; }
  };
  const head = (...titles) => h("thead", {}, h("tr", {}, titles.map((t) => h("th", { scope: "col" }, t))));

  async function load() {
    const [tokenList, personList, grantList, glassList] = await Promise.all([get("/tokens"), get("/approvers"), get("/grants"), get("/emergencies")]);
    replace(emergencies, h("div", { class: "bar" }, h("h3", {}, "Break-glass"), h("span", { class: "grow" }), h("button", { class: "no", onclick: breakGlass }, "Break the glass…")),
      glassList.length === 0 ? h("p", { class: "quiet" }, "Nobody answers alone, and nothing waits for a review.")
      : h("div", { class: "scroll" }, h("table", {}, head("Who", "Why", "Until", "Calls", "Review due", ""), h("tbody", {}, glassList.map((glass) => h("tr", {},
        h("th", { scope: "row" }, glass.by, glass.open && h("span", { class: "verdict bad" }, " open")), h("td", {}, glass.reason), h("td", {}, stamp(glass.ends)),
        h("td", {}, glass.uses.map((use) => use.tool).join(", ") || "none"), h("td", {}, stamp(glass.due)),
        h("td", {}, glass.open ? h("button", { onclick: () => act(() => post(`/emergencies/${encodeURIComponent(glass.id)}/close`), "Closed.") }, "Close")
          : glass.by !== shell.session.approver && h("button", { onclick: () => review(glass) }, "Review…"))))))));
    replace(grants, h("h3", {}, "Standing yeses"), grantList.length === 0 ? h("p", { class: "quiet" }, "None. One is given with a yes, for calls of the same closed shape.")
      : h("div", { class: "scroll" }, h("table", {}, head("What it covers", "By", "Used", "Until", ""), h("tbody", {}, grantList.map((grant) => h("tr", {},
        h("td", {}, h("span", { class: `tier ${grant.tier}` }, grant.tier), " ", grant.sentence), h("td", {}, grant.by), h("td", {}, `${grant.used} of ${grant.uses}`), h("td", {}, stamp(grant.expires)),
        h("td", {}, h("button", { class: "no", onclick: () => act(() => post(`/grants/${encodeURIComponent(grant.id)}/revoke`), "Revoked.") }, "Revoke"))))))));
    replace(tokens, h("div", { class: "bar" }, h("h3", {}, "Tokens of agents"), h("span", { class: "grow" }), h("button", { onclick: issue }, "Issue a token…")),
      h("div", { class: "scroll" }, h("table", {}, head("Owner", "Id", "Up to", "Reaches", "From", "Issued", "Expires", ""), h("tbody", {}, tokenList.map((token) => h("tr", {},
        h("th", { scope: "row" }, token.tenant === "main" ? token.owner : `${token.tenant}/${token.owner}`), h("td", {}, h("code", {}, token.id)), h("td", {}, h("span", { class: `tier ${token.tier}` }, token.tier)),
        h("td", {}, [...(token.servers ?? []), ...(token.tools ?? [])].join(", ") || "everything"), h("td", {}, token.certificate ? `certificate ${token.certificate}` : token.allow_from?.join(", ") ?? "anywhere"), h("td", {}, stamp(token.issued)),
        h("td", {}, token.expires ? stamp(token.expires) : "never"),
        h("td", {}, h("span", { class: "row answers" },
          !token.certificate && h("button", { "aria-label": `Rotate the token of ${token.owner}`, onclick: () => rotate(token) }, "Rotate"),
          h("button", { class: "no", "aria-label": `Lock down ${token.owner}`, onclick: () => lockdown(`agent:${token.owner}`) }, "Lockdown…"),
          h("button", { class: "no", "aria-label": `Revoke the token of ${token.owner}`, onclick: () => act(() => post("/tokens/revoke", { id: token.id, tenant: token.tenant }), (done) => `Revoked; ${done.stopped} calls stopped.`) }, "Revoke")))))))));
    replace(people, h("div", { class: "bar" }, h("h3", {}, "Approvers"), h("span", { class: "grow" }), h("button", { onclick: add }, "Add an approver…")),
      h("table", {}, head("Name", "Roles", "Tenants", ""), h("tbody", {}, personList.map((entry) => {
        const name = entry.name;
        return h("tr", {}, h("th", { scope: "row" }, name, name === shell.session.approver && h("span", { class: "quiet" }, " (you)"), entry.locked && h("span", { class: "verdict bad" }, " locked: a review is owed")),
          h("td", {}, entry.roles.join(", ")), h("td", {}, entry.tenants?.join(", ") ?? "all"),
          h("td", {}, h("button", { class: "no", "aria-label": `Remove ${name}`, disabled: personList.length < 2, onclick: () => act(() => remove(`/approvers/${encodeURIComponent(name)}`), `${name} decides no more.`) }, "Remove")));
      }))));
  }

  async function issue() {
    const owner = h("input", { id: "owner", required: true, spellcheck: "false", autofocus: true });
    const tier = h("select", { id: "tier" }, ["T0", "T1", "T2", "T3"].map((t) => h("option", { value: t }, t)));
    const servers = h("input", { id: "servers", placeholder: "all", spellcheck: "false" });
    const hours = h("input", { id: "hours", type: "number", min: 1, max: 87600, placeholder: "no end" });
    tier.value = "T1";
    const body = await dialog("Issue a token", (close) => h("form", { onsubmit: (event) => {
      event.preventDefault();
      const wanted = { owner: owner.value.trim(), tier: tier.value };
      const names = servers.value.split(/[\s,]+/).filter(Boolean);
      if (names.length) wanted.servers = names;
      if (hours.value) wanted.seconds = Number(hours.value) * 3600;
      close(wanted);
    } },
    h("label", { for: "owner" }, "Owner"), owner, h("label", { for: "tier" }, "Highest tier"), tier, h("label", { for: "servers" }, "Servers"), servers,
    h("label", { for: "hours" }, "Hours it lives"), hours,
    h("div", { class: "row end" }, h("button", { type: "button", onclick: () => close() }, "Cancel"), h("button", { class: "main", type: "submit" }, "Issue"))));
    if (!body) return;
    const done = await act(() => post("/tokens", body), `Token for ${body.owner} issued.`);
    if (done) await showSecret(done.token);
  }

  async function rotate(token) {
    const isMeant = await dialog(`A new secret for ${token.owner}`, (close) => h("form", { onsubmit: (event) => { event.preventDefault(); close(true); } },
      h("p", {}, "The old secret counts no more, and what runs under it ends. Everything else of the token stays."),
      h("div", { class: "row end" }, h("button", { type: "button", onclick: () => close() }, "Cancel"), h("button", { class: "stop", type: "submit", id: "say-rotate", autofocus: true }, "Rotate"))));
    if (!isMeant) return;
    const done = await act(() => post("/tokens/rotate", { id: token.id, tenant: token.tenant }), (found) => `Rotated; ${found.stopped} calls stopped.`);
    if (done) await showSecret(done.token);
  }

  async function showSecret(token) {
    await dialog("The token, this once", (close) => [h("p", {}, "It is not shown again."), h("pre", { class: "arguments", tabindex: "0" }, `  ${token}`),
      h("div", { class: "row end" }, h("button", { onclick: () => navigator.clipboard?.writeText(token).then(() => toast("Copied.")) }, "Copy"), h("button", { class: "main", autofocus: true, onclick: () => close() }, "Done"))]);
  }

  async function add() {
    const name = h("input", { id: "new-name", required: true, spellcheck: "false", autocapitalize: "none", autofocus: true, autocomplete: "off" });
    const first = h("input", { id: "new-phrase", type: "password", required: true, minlength: 8, autocomplete: "new-password" });
    const again = h("input", { id: "again", type: "password", required: true, autocomplete: "new-password" });
    const roles = ["approver", "admin", "auditor"].map((role) => h("input", { type: "checkbox", id: `role-${role}`, value: role, checked: role === "approver" }));
    const tenants = h("input", { id: "tenants", placeholder: "all", spellcheck: "false" });
    const wrong = h("p", { class: "wrong", role: "alert" });
    const body = await dialog("Add an approver", (close) => h("form", { onsubmit: (event) => {
      event.preventDefault();
      if (first.value !== again.value) { wrong.textContent = "The passphrases differ."; return; }
      const wanted = { name: name.value.trim(), passphrase: first.value, roles: roles.filter((box) => box.checked).map((box) => box.value) };
      const places = tenants.value.split(/[\s,]+/).filter(Boolean);
      if (places.length) wanted.tenants = places;
      close(wanted);
    } },
    h("p", { class: "quiet" }, "Let the person type the passphrase."), h("label", { for: "new-name" }, "Name"), name, h("label", { for: "new-phrase" }, "Passphrase"), first, h("label", { for: "again" }, "Once more"), again,
    h("fieldset", {}, h("legend", {}, "Roles"), roles.map((box) => h("div", { class: "row" }, box, h("label", { for: box.id }, box.value)))),
    h("label", { for: "tenants" }, "Tenants"), tenants, wrong,
    h("div", { class: "row end" }, h("button", { type: "button", onclick: () => close() }, "Cancel"), h("button", { class: "main", type: "submit" }, "Add"))));
    if (body) await act(() => post("/approvers", body), `${body.name} may decide.`);
  }

  async function breakGlass() {
    const reason = h("textarea", { id: "glass-reason", required: true, minlength: 10, autofocus: true });
    const minutes = h("input", { id: "glass-minutes", type: "number", min: 1, max: 60, value: 15, required: true });
    const body = await dialog("Break the glass", (close) => h("form", { onsubmit: (event) => { event.preventDefault(); close({ reason: reason.value, seconds: Number(minutes.value) * 60 }); } },
      h("p", {}, "You answer alone where two people are asked, for a short time. Everybody is told at once, everything is recorded, and somebody else must review it before you decide again."),
      h("label", { for: "glass-reason" }, "What is on fire"), reason, h("label", { for: "glass-minutes" }, "Minutes"), minutes,
      h("div", { class: "row end" }, h("button", { type: "button", onclick: () => close() }, "Cancel"), h("button", { class: "stop", type: "submit" }, "Break it"))));
    if (!body) return;
    const done = await act(() => post("/emergencies", body), "The glass is broken; everybody was told.");
    if (done) sessionStorage.setItem("gatehouse-glass", done.token);
  }

  async function review(glass) {
    const comment = h("textarea", { id: "comment", required: true, autofocus: true });
    const text = await dialog(`Review what ${glass.by} did`, (close) => h("form", { onsubmit: (event) => { event.preventDefault(); close(comment.value); } },
      h("p", {}, glass.reason), h("ul", {}, glass.uses.map((use) => h("li", {}, h("a", { href: `#/audit/call:${use.ticket}` }, use.tool), ` at ${stamp(use.at)}`))),
      h("label", { for: "comment" }, "What you found"), comment,
      h("div", { class: "row end" }, h("button", { type: "button", onclick: () => close() }, "Cancel"), h("button", { class: "main", type: "submit" }, "Reviewed"))));
    if (text) await act(() => post(`/emergencies/${encodeURIComponent(glass.id)}/review`, { comment: text }), "Reviewed.");
  }

  const unwatch = shell.watch((type) => { if (type === "grants" || type === "emergencies") load().catch(() => {}); });
  load().catch((error) => toast(error.text, "wrong"));
  return { leave: unwatch };
}
