// The page before all others.
import { h, replace } from "./dom.js";
import { logIn } from "./api.js";

export function loginPage(root, done, note) {
  const name = h("input", { id: "name", name: "username", autocomplete: "username", required: true, autocapitalize: "none",
    spellcheck: "false", autofocus: true });
  const phrase = h("input", { id: "passphrase", type: "password", name: "password", autocomplete: "current-password", required: true });
  const wrong = h("p", { class: "wrong", role: "alert" }, note ?? "");
  const button = h("button", { class: "main", type: "submit" }, "Log in");
  const submit = async (event) => {
    event.preventDefault();
    button.disabled = true;
    wrong.textContent = "";
    try {
      const session = await logIn(name.value, phrase.value);
      phrase.value = "";
      done(session);
    } catch (error) {
      wrong.textContent = error.text ?? String(error);
      phrase.value = "";
      phrase.focus();
    } finally {
      button.disabled = false;
    }
  };
  replace(root, h("main", { class: "login" },
    h("form", { onsubmit: submit, "aria-labelledby": "login-title" },
      h("img", { src: "/assets/mark.svg", alt: "", width: 40, height: 40 }),
      h("h1", { id: "login-title" }, "Gatehouse"),
      h("p", { class: "quiet" }, "Approvers log in with their own passphrase. Agents have no business here."),
      h("label", { for: "name" }, "Name"), name,
      h("label", { for: "passphrase" }, "Passphrase"), phrase,
      wrong, button)));
  name.focus();
}
