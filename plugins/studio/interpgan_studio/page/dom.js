/** Small helpers for elements. */

/** The element with this id. */
export const byId = (id) => document.getElementById(id);

/**
 * Make an element. Attributes that are null or false are left out; `data` fills the dataset, `on` adds listeners.
 * Texts become text nodes, never HTML: names come from recipes and files that others wrote.
 */
export function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (name === "data") Object.assign(element.dataset, value);
    else if (name === "on") for (const [event, heard] of Object.entries(value)) element.addEventListener(event, heard);
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
}

/** Fill a select. The chosen value stays where it is still there. Options: strings, or [value, text]. */
export function fillSelect(select, options, chosen = select.value) {
  const pairs = options.map((option) => (Array.isArray(option) ? option : [option, option]));
  const signature = JSON.stringify(pairs);
  if (select.dataset.signature !== signature) {
    select.replaceChildren(...grouped(pairs));
    select.dataset.signature = signature;
  }
  if (pairs.some(([value]) => value === chosen)) select.value = chosen;
}

const FAMILY = 3;
const LONG = 12;

/** Options; in a long list those that share the word before the first dot stand in a group of this name. */
function grouped(pairs) {
  const family = ([, text]) => text.split(".")[0];
  const sizes = new Map();
  for (const pair of pairs) sizes.set(family(pair), (sizes.get(family(pair)) ?? 0) + 1);
  const groups = new Map();
  const nodes = [];
  for (const pair of pairs) {
    const option = make("option", { value: pair[0] }, pair[1]);
    const name = family(pair);
    if (pairs.length <= LONG || sizes.get(name) < FAMILY) nodes.push(option);
    else {
      if (!groups.has(name)) nodes.push(groups.set(name, make("optgroup", { label: name })).get(name));
      groups.get(name).append(option);
    }
  }
  return nodes;
}

/** Whether keys typed now belong to a field, and not to the page. */
export function typing() {
  const element = document.activeElement;
  if (!element) return false;
  if (element.tagName === "INPUT") return !["range", "checkbox", "file"].includes(element.type);
  return ["SELECT", "TEXTAREA"].includes(element.tagName);
}

/** Whether a field holds something that was typed and not yet given to the page. */
export const unsaid = (element) => element?.dataset?.typed === "yes";
document.addEventListener("input", ({ target }) => (target.dataset.typed = "yes"), true);
for (const end of ["change", "focusout"]) document.addEventListener(end, ({ target }) => delete target.dataset?.typed, true);

/** Set a text field from the state, but not under the fingers of a person who types in it. */
export function showText(input, value) {
  if (document.activeElement === input && unsaid(input)) return;
  input.value = value ?? "";
}

/** A text with a capital. */
export const capital = (text) => text.charAt(0).toUpperCase() + text.slice(1);

let ids = 0;
/** An id that no other element has. */
export const freshId = (stem) => `${stem}-${(ids += 1)}`;
