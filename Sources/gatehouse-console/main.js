// Starts: logs in where nobody is, then the shell with the page the address names.
import { h, replace, dialog, toast } from "./dom.js";
import { call, get, forgetToken, hasToken, logOut, on } from "./api.js";
import { loginPage } from "./login.js";
import { startShell } from "./shell.js";

const root = document.getElementById("app");
let stop = null;

function showLogin(note) {
  stop?.();
  stop = null;
  forgetToken();
  document.querySelectorAll("dialog").forEach((box) => box.remove());
  document.title = "Gatehouse";
  loginPage(root, enter, note);
}

function enter(session) {
  stop = startShell(root, session, async () => {
    await logOut().catch(() => {});
    showLogin();
  });
}

on("login", () => { if (stop) showLogin("Your session is over; log in again."); });
on("proof", () => dialog("Your passphrase again", (close) => {
  const phrase = h("input", { id: "proof", type: "password", autocomplete: "current-password", autofocus: true, required: true });
  const wrong = h("p", { class: "wrong", role: "alert" });
  const submit = async (event) => {
    event.preventDefault();
    try {
      await call("POST", "/session/proof", { body: { passphrase: phrase.value } });
      close(true);
    } catch (error) {
      wrong.textContent = error.text;
      phrase.value = "";
    }
  };
  return h("form", { onsubmit: submit },
    h("p", { class: "quiet" }, "This changes who may decide, so a session alone is not enough."),
    h("label", { for: "proof" }, "Passphrase"), phrase, wrong,
    h("div", { class: "row end" },
      h("button", { type: "button", onclick: () => close(false) }, "Cancel"),
      h("button", { class: "main", type: "submit" }, "Go on")));
}));

if (hasToken()) {
  get("/session").then(enter, (error) => {
    if (error.code === "unreachable") replace(root, h("main", { class: "login" }, h("p", { role: "alert" }, error.text)));
    else showLogin();
  });
} else {
  showLogin();
}

window.addEventListener("unhandledrejection", (event) => {
  if (event.reason?.code !== "login") toast(event.reason?.text ?? String(event.reason), "wrong");
});
