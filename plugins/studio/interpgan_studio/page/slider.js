/** A slider with its number box and reset button. */

import { make, unsaid } from "./dom.js";

const MOVING_KEYS = ["ArrowLeft", "ArrowRight", "ArrowUp", "ArrowDown", "PageUp", "PageDown", "Home", "End"];

/** Colour the track from zero (or from the low end) to the value. */
export function paintTrack(range) {
  const low = Number(range.min);
  const high = Number(range.max);
  const share = (value) => Math.min(1, Math.max(0, (value - low) / (high - low || 1)));
  // From the low end means from the track's very end, not from the middle of a thumb that stands there.
  const zero = low < 0 && high > 0 ? share(0) : -1;
  const here = share(Number(range.value));
  range.style.setProperty("--from", Math.min(zero, here));
  range.style.setProperty("--to", Math.max(zero, here));
}

/**
 * Call `moved` while a range moves and `settled` once when it rests.
 * A held arrow key fires `change` at every repeat, so for keys rest is the key's release.
 */
export function listen(range, { moved, settled }) {
  let held = false;
  let moving = false;
  const settle = () => {
    held = false;
    if (moving) settled(Number(range.value));
    moving = false;
  };
  range.addEventListener("keydown", ({ key }) => (held = held || MOVING_KEYS.includes(key)));
  range.addEventListener("keyup", settle);
  range.addEventListener("blur", settle);
  range.addEventListener("input", () => {
    moving = true;
    moved(Number(range.value));
  });
  range.addEventListener("change", () => held || settle());
  return { moving: () => moving };
}

/** A value without the digits that binary fractions add. */
const tidy = (value) => Number(Number(value).toPrecision(6));

/**
 * Options: {label, low, high, step, unit, help, value, reset, data, moved, settled, busy}.
 * `reset` is the value of the reset button and of a double click; without it there is none.
 * Returns {element, range, read(), show(value)}.
 */
export function slider(options) {
  const { label, low, high, step = "any", unit = "", help = "", reset = null, data = {} } = options;
  const bounds = { min: low, max: high, step };
  const range = make("input", { type: "range", ...bounds, "aria-label": label, data });
  const box = make("input", { type: "number", ...bounds, "aria-label": `${label}, value${unit && ` in ${unit}`}` });
  const zero =
    reset === null
      ? null
      : make("button", { type: "button", class: "plain zero", title: `Back to ${reset}`, "aria-label": `${label}: back to ${reset}` }, String(reset));
  const name = make("span", { class: "name", title: help ? `${label}: ${help}` : label }, label);
  const element = make("div", { class: "slider" }, name, range, zero ?? make("span"), box);

  const mirror = (exact) => {
    const value = tidy(exact);
    range.value = value;
    if (document.activeElement !== box) box.value = value;
    range.setAttribute("aria-valuetext", `${value}${unit && ` ${unit}`}`);
    element.classList.toggle("set", reset !== null && Number(value) !== reset);
    paintTrack(range);
  };
  const put = (value) => {
    box.value = value;
    mirror(value);
    options.settled(Number(value));
  };
  const { moving } = listen(range, {
    moved: (value) => {
      box.value = value;
      mirror(value);
      options.moved(value);
    },
    settled: options.settled,
  });
  box.addEventListener("change", () => {
    const typed = box.value === "" ? (reset ?? low) : Number(box.value);
    put(Math.min(high, Math.max(low, typed)));
  });
  if (reset !== null) {
    zero.addEventListener("click", () => put(reset));
    range.addEventListener("dblclick", () => put(reset));
  }
  mirror(options.value ?? reset ?? low);
  return {
    element,
    range,
    read: () => Number(range.value),
    show(value) {
      if (moving() || options.busy?.() || value === null || value === undefined) return;
      if (!unsaid(box)) box.value = tidy(value);
      mirror(value);
    },
  };
}
