// The last hours as plots, for every page that shows them.
import { h, replace } from "./dom.js";
import { get } from "./api.js";
import { bars, lines, joined } from "./chart.js";

export function micros(value) {
  if (value === undefined || value === null) return "";
  if (value < 1000) return `${value} µs`;
  if (value < 1e6) return `${(value / 1000).toFixed(value < 10000 ? 1 : 0)} ms`;
  return `${(value / 1e6).toFixed(1)} s`;
}

/** Calls by verdict, the time added by the gate, questions; drawn anew until `leave` is called. */
export function plots() {
  const element = h("div", { class: "plots" });

  async function draw() {
    const { samples, interval_seconds } = await get("/figures", undefined, { background: true }).catch(() => ({ samples: [] }));
    if (samples.length === 0) {
      replace(element, h("p", { class: "quiet" }, "Plots begin ten seconds after the gateway started."));
      return;
    }
    const points = joined(samples, 120, ["p50_us", "p99_us"]);
    const hours = Math.max(samples.length * interval_seconds / 3600, 1 / 60);
    const asked = samples.reduce((sum, sample) => sum + sample.asked, 0);
    replace(element,
      bars("Calls", points, ["allowed", "approved", "waiting", "refused"]),
      lines("Added by the gate", points, [{ name: "p50", key: "p50_us", text: "median" }, { name: "p99", key: "p99_us", text: "p99" }], micros),
      bars(`Questions, ${(asked / hours).toFixed(asked > 0 && asked / hours < 10 ? 1 : 0)} an hour`, points, ["asked"]));
  }

  draw();
  const timer = setInterval(draw, 10000);
  return { element, leave() { clearInterval(timer); } };
}
