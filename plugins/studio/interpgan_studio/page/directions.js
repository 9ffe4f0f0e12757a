/** Sets of directions: a slider for each direction, and the search for more sets. */

import { operatorForm } from "./controls.js";
import { byId, make, showText } from "./dom.js";
import { slider } from "./slider.js";

/** Sets of more than MANY directions show the first FEW, then MORE at a time. */
const MANY = 20;
const FEW = 8;
const MORE = 24;
/** Longer names stand above their sliders. */
const WIDE = 13;

export class Directions {
  #groups = new Map(); // id of a set -> {element, signature, rows, layers, shown, sought}
  #sets = [];
  #limits = { low: -5, high: 5, step: 0.1 };

  constructor(connection, say, begin) {
    this.connection = connection;
    const find = (step) => {
      connection.send({ do: "find", ...step });
      begin(`Finding: ${step.use}`);
    };
    this.find = operatorForm(byId("find-form"), find, say);
    byId("words-form").addEventListener("submit", (event) => {
      event.preventDefault();
      const text = byId("words").value.trim();
      if (!text) return say("Type what should be seen, such as: a smiling person.");
      connection.send({ do: "describe", text });
      begin(`In words: ${text}`);
      byId("words").value = "";
    });
  }

  update({ sets, limits, operators, words }) {
    byId("words-form").hidden = !words;
    this.#sets = sets;
    this.#limits = limits;
    for (const [id, group] of this.#groups) {
      if (sets.some((set) => set.id === id)) continue;
      group.element.remove();
      this.#groups.delete(id);
    }
    for (const set of sets) this.#group(set);
    const order = sets.map(({ id }) => this.#groups.get(id).element);
    if (order.some((element, at) => byId("sets").children[at] !== element)) byId("sets").replaceChildren(...order);
    this.find.update(operators.finders);
  }

  #group(set) {
    if (!this.#groups.has(set.id)) this.#groups.set(set.id, this.#make(set));
    const group = this.#groups.get(set.id);
    group.title.textContent = set.title;
    group.layersLine.hidden = set.layers === null;
    if (set.layers !== null && set.layers !== group.told) {
      showText(group.layers, set.layers);
      group.told = set.layers;
    }
    this.#rows(group, set);
  }

  #make(set) {
    const layers = make("input", { type: "text", autocomplete: "off", spellcheck: "false", value: set.layers, "aria-label": `Layers of ${set.title}` });
    layers.dataset.layers = set.id;
    const layersLine = make("label", { class: "layers", title: "The layers that the directions of this set change: all, 0-3, or 2,5" }, "layers ", layers);
    const title = make("h3", {});
    const list = make("div", { class: "rows" });
    const more = make("button", { type: "button", class: "plain more" });
    const sought = make("input", { type: "search", placeholder: "Find by name", "aria-label": `Find a direction of ${set.title}` });
    const element = make("section", { class: "set", data: { set: set.id }, "aria-label": set.title });
    element.append(make("div", { class: "head" }, title, layersLine), sought, list, more);
    const group = { element, title, list, more, layers, layersLine, sought, rows: new Map(), shown: FEW, told: set.layers };
    const again = () => this.#rows(group, this.#sets.find(({ id }) => id === set.id));
    more.addEventListener("click", () => {
      group.shown += MORE;
      again();
    });
    sought.addEventListener("input", again);
    layers.addEventListener("change", () => this.#relayer(set.id, group));
    return group;
  }

  /** Other layers for the directions that are in use. */
  #relayer(id, group) {
    for (const { reference, value } of this.#sets.find((set) => set.id === id)?.directions ?? []) {
      if (value) this.#live(reference, group).settled(value);
    }
  }

  #live(reference, group) {
    return this.connection.live(`slide ${reference}`, (value) => {
      const layers = group.layersLine.hidden ? null : group.layers.value.trim() || "all";
      return { do: "slide", direction: reference, layers, value };
    });
  }

  #rows(group, { directions, title }) {
    const long = directions.length > MANY;
    group.sought.hidden = !long || directions.every(({ name }) => /^\d+$/.test(name));
    const words = long ? group.sought.value.trim().toLowerCase() : "";
    const fits = directions.filter(({ name }) => name.toLowerCase().includes(words));
    // A direction in use is never hidden, else one could not see what made the picture.
    const seen = long ? fits.filter(({ value }, at) => at < group.shown || value) : fits;
    group.list.classList.toggle("wide", directions.some(({ name }) => name.length > WIDE));
    const left = fits.length - seen.length;
    group.more.hidden = left <= 0;
    group.more.textContent = `Show ${Math.min(MORE, left)} more of ${left}`;
    for (const { reference, name, value } of seen) {
      if (!group.rows.has(reference)) group.rows.set(reference, this.#row(group, reference, name, title, value));
      group.rows.get(reference).show(value);
    }
    const order = seen.map(({ reference }) => group.rows.get(reference).element);
    const same = order.length === group.list.children.length && order.every((row, at) => group.list.children[at] === row);
    if (!same) group.list.replaceChildren(...order);
  }

  #row(group, reference, name, title, value) {
    const live = this.#live(reference, group);
    const help = `${title}, ${reference}`;
    return slider({ label: name, ...this.#limits, unit: "sd", help, value, reset: 0, data: { direction: reference }, ...live });
  }
}
