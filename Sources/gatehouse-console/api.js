// The control API: /api/v1. The session is a cookie no script can read together with a token that
// only this origin can read; each is worth nothing without the other.

const PREFIX = "/api/v1";
/** A connection that died without a word answers nothing. */
const LONGEST = 90000;
const KEPT = "gatehouse-token";
const listeners = new Map();

export class APIError extends Error {
  constructor(status, error) {
    super(error?.message ?? `the gateway answered ${status}`);
    this.status = status;
    this.code = error?.code ?? "broken";
    this.hint = error?.hint;
  }
  get text() { return this.hint ? `${this.message} — ${this.hint}` : this.message; }
}

export function hasToken() { return localStorage.getItem(KEPT) !== null; }
export function forgetToken() { localStorage.removeItem(KEPT); }

/** Is told of what the API says to all pages: `login`, `proof`. */
export function on(name, action) { listeners.set(name, action); }

function headers(body, background) {
  const fields = { "Gatehouse-Token": localStorage.getItem(KEPT) ?? "" };
  if (body !== undefined) fields["Content-Type"] = "application/json";
  if (background) fields["Gatehouse-Background"] = "1";
  return fields;
}

export function url(path, query) {
  const words = new URLSearchParams();
  for (const [name, value] of Object.entries(query ?? {})) {
    if (value !== undefined && value !== null && value !== "") words.set(name, value);
  }
  return PREFIX + path + (words.size ? `?${words}` : "");
}

function unreachable() { return new APIError(0, { message: "the gateway does not answer", code: "unreachable" }); }

/** One request; throws `APIError`. Where the passphrase is asked for again, so is the person. */
export async function call(method, path, { query, body, background } = {}) {
  const send = () => fetch(url(path, query), {
    method, headers: headers(body, background), credentials: "same-origin", redirect: "error",
    body: body === undefined || typeof body === "string" ? body : JSON.stringify(body),
    signal: AbortSignal.timeout(LONGEST),
  });
  let response;
  try {
    response = await send();
    if (response.status === 403 && (await response.clone().json()).error?.code === "proof") {
      if (await listeners.get("proof")?.()) response = await send();
    }
  } catch {
    throw unreachable();
  }
  const answer = await response.json().catch(() => undefined);
  // It said yes and what it said broke off: as little as no answer.
  if (response.ok && answer === undefined) throw unreachable();
  if (!response.ok) {
    const error = new APIError(response.status, answer?.error);
    if (error.code === "login" && path !== "/session" && path !== "/session/proof") listeners.get("login")?.();
    throw error;
  }
  return answer;
}

export const get = (path, query, more) => call("GET", path, { query, ...more });
export const post = (path, body = {}) => call("POST", path, { body });
export const remove = (path) => call("DELETE", path);

export async function logIn(name, passphrase) {
  const answer = await call("POST", "/session", { body: { name, passphrase } });
  localStorage.setItem(KEPT, answer.token);
  return answer;
}

export async function logOut() {
  try { await remove("/session"); } finally { forgetToken(); }
}

/** What the gateway tells by itself, through one stream: `handle(type, data)`; returns how to end it. */
export function listen(handle, state, wantsCalls = false) {
  const control = new AbortController();
  let wait = 500;
  (async () => {
    while (!control.signal.aborted) {
      try {
        const response = await fetch(`${PREFIX}/events${wantsCalls ? "?calls=1" : ""}`, {
          headers: headers(undefined, true), credentials: "same-origin", signal: control.signal, cache: "no-store",
        });
        if (response.status === 401 || response.status === 403) { listeners.get("login")?.(); return; }
        if (!response.ok) throw new Error(String(response.status));
        wait = 500;
        state("live");
        for await (const event of events(response.body)) handle(event.type, JSON.parse(event.data));
      } catch {
        if (control.signal.aborted) return;
      }
      state("lost");
      await new Promise((resolve) => setTimeout(resolve, wait));
      wait = Math.min(wait * 2, 10000);
    }
  })();
  return () => control.abort();
}

async function* events(body) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "", type = "message", data = [];
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    const lines = (rest + value).split("\n");
    rest = lines.pop();
    for (const line of lines) {
      if (line === "") {
        if (data.length) yield { type, data: data.join("\n") };
        type = "message";
        data = [];
      } else if (line.startsWith("event:")) type = line.slice(6).trim();
      else if (line.startsWith("data:")) data.push(line.slice(5).replace(/^ /, ""));
    }
  }
}
