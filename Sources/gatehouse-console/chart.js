// Plots as SVG: stacked bars over time, and lines. Colours come from the style sheet.
import { h, svg, number } from "./dom.js";

const WIDTH = 360, HEIGHT = 104, LEFT = 46, BOTTOM = 18, TOP = 8;

function nice(most) {
  if (most <= 0) return 1;
  const power = 10 ** Math.floor(Math.log10(most));
  return [1, 2, 5, 10].map((step) => step * power).find((step) => step >= most);
}

function frame(title, summary, top, format, from, to) {
  const y = (share) => TOP + (HEIGHT - TOP - BOTTOM) * (1 - share);
  const time = (at) => new Date(at).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit", hour12: false });
  return svg("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, class: "chart", role: "img", "aria-label": `${title}: ${summary}` },
    [0, 0.5, 1].map((share) => [
      svg("line", { x1: LEFT, x2: WIDTH, y1: y(share), y2: y(share), class: "grid" }),
      svg("text", { x: LEFT - 6, y: y(share) + 4, "text-anchor": "end" }, format(top * share))]),
    from && svg("text", { x: LEFT, y: HEIGHT - 4 }, time(from)),
    to && svg("text", { x: WIDTH, y: HEIGHT - 4, "text-anchor": "end" }, time(to)));
}

function figure(title, picture, legend) {
  return h("figure", {}, h("figcaption", {}, h("strong", {}, title),
    legend.map(({ name, text }) => h("span", { class: "legend" }, h("i", { class: `swatch ${name}`, "aria-hidden": "true" }), text))), picture);
}

/** Stacked bars: `points` [{ time, NAME: count }], the series by NAME from the bottom up. */
export function bars(title, points, names) {
  const sums = points.map((point) => names.reduce((sum, name) => sum + (point[name] ?? 0), 0));
  const top = nice(Math.max(1, ...sums));
  const total = (name) => points.reduce((sum, point) => sum + (point[name] ?? 0), 0);
  const summary = names.map((name) => `${number(total(name))} ${name}`).join(", ");
  const picture = frame(title, summary, top, (v) => number(v), points[0]?.time, points.at(-1)?.time);
  const step = (WIDTH - LEFT) / Math.max(1, points.length);
  points.forEach((point, place) => {
    let base = HEIGHT - BOTTOM;
    for (const name of names) {
      const tall = (point[name] ?? 0) / top * (HEIGHT - TOP - BOTTOM);
      if (tall <= 0) continue;
      base -= tall;
      picture.append(svg("rect", { x: LEFT + place * step, y: base, width: Math.max(step - 1, .6), height: tall, class: `fill ${name}` },
        svg("title", {}, `${new Date(point.time).toLocaleTimeString()}: ${names.map((n) => `${point[n] ?? 0} ${n}`).join(", ")}`)));
    }
  });
  return figure(title, picture, names.map((name) => ({ name, text: `${name} ${number(total(name))}` })));
}

/** Lines: `series` [{ name, key, text }]; a gap where there is no value. */
export function lines(title, points, series, format) {
  const values = points.flatMap((point) => series.map(({ key }) => point[key]).filter((value) => value !== null && value !== undefined));
  const top = nice(Math.max(1, ...values));
  const summary = series.map(({ key, text }) => `${text} at most ${format(Math.max(0, ...points.map((point) => point[key] ?? 0)))}`).join(", ");
  const picture = frame(title, values.length ? summary : "no values yet", top, format, points[0]?.time, points.at(-1)?.time);
  const step = (WIDTH - LEFT) / Math.max(1, points.length - 1);
  for (const { name, key } of series) {
    let path = "";
    let isDown = false;
    points.forEach((point, place) => {
      const value = point[key];
      if (value === null || value === undefined) { isDown = false; return; }
      const x = LEFT + place * step, y = TOP + (HEIGHT - TOP - BOTTOM) * (1 - value / top);
      path += `${isDown ? "L" : "M"}${x.toFixed(1)} ${y.toFixed(1)}`;
      if (!isDown && (points[place + 1]?.[key] ?? null) === null) path += "h1.5";
      isDown = true;
    });
    if (path) picture.append(svg("path", { d: path, class: `stroke ${name}` }));
  }
  return figure(title, picture, series);
}

/** Joins samples into at most `count` points: counts are added, `keep` are the largest of theirs. */
export function joined(samples, count, keep) {
  const size = Math.max(1, Math.ceil(samples.length / count));
  const points = [];
  for (let start = 0; start < samples.length; start += size) {
    const part = samples.slice(start, start + size);
    const point = { time: part[0].time };
    for (const [name, value] of Object.entries(part[0])) {
      if (name === "time") continue;
      const values = part.map((sample) => sample[name]).filter((v) => v !== null && v !== undefined);
      if (keep.includes(name)) point[name] = values.length ? Math.max(...values) : null;
      else if (typeof value === "number") point[name] = values.reduce((sum, v) => sum + v, 0);
    }
    points.push(point);
  }
  return points;
}
