/** Controls and forms from the descriptions that operators give of their parameters. */

import { capital, fillSelect, freshId, make, unsaid } from "./dom.js";
import { slider } from "./slider.js";

const SILENT = { moved() {}, settled() {}, busy: () => false };

/** What stands for "no choice" in a select; no value of a parameter is empty. */
const NONE = "";

/**
 * One control. `live`: {moved, settled, busy}, of `Connection.live`; without it the control is part of a form.
 * Returns {element, read(), show(value)}.
 */
export function control(description, live = SILENT) {
  if (description.kind === "slider") return sliderControl(description, live);
  const id = freshId(`field-${description.field}`);
  const input = makeInput(description, id);
  const read = () => readInput(description, input);
  input.addEventListener("change", () => live.settled(read()));
  const show = (value) => {
    if ((unsaid(input) && document.activeElement === input) || live.busy()) return;
    showInput(description, input, value);
  };
  showInput(description, input, description.value ?? description.default);
  const unit = description.unit ? make("span", { class: "unit" }, description.unit) : null;
  const label = make("label", { for: id, title: description.help }, capital(description.label));
  return { element: make("div", { class: `line ${description.kind}` }, label, input, unit), read, show };
}

/** An operator may have many parameters. In a long list those that are left empty can wait behind "More fields". */
const MANY = 5;

/**
 * The rows of an operator's controls.
 *
 * Args:
 *   descriptions: of the controls.
 *   rows: field -> what `control` made.
 */
export function arrange(descriptions, rows) {
  const element = ({ field }) => rows.get(field).element;
  const empty = ({ needed, kind, value, default: usual }) => !needed && kind !== "slider" && (value ?? usual ?? null) === null;
  const rest = descriptions.length > MANY ? descriptions.filter(empty) : [];
  const first = descriptions.filter((each) => !rest.includes(each)).map(element);
  if (rest.length < 2) return descriptions.map(element);
  const summary = make("summary", {}, `More fields: ${rest.map(({ label }) => label).join(", ")}`);
  return [...first, make("details", { class: "fields-more" }, summary, make("div", { class: "fields" }, ...rest.map(element)))];
}

function sliderControl(description, live) {
  const { label, low, high, step, unit, help, field } = description;
  const value = description.value ?? description.default ?? Math.max(low, Math.min(high, 0));
  const start = description.default ?? null;
  return slider({ label: capital(label), low, high, step: step ?? "any", unit, help, value, reset: start, data: { field }, ...live });
}

function makeInput({ kind, field, low, high, step, choices, needed, help }, id) {
  const common = { id, data: { field }, title: help, "aria-required": needed ? "true" : null };
  if (kind === "check") return make("input", { ...common, type: "checkbox" });
  if (kind === "choice" || kind === "step") {
    const select = make("select", common);
    const options = (choices ?? []).map((choice) => [String(choice), String(choice)]);
    fillSelect(select, needed && options.length ? options : [[NONE, needed ? "nothing fits yet" : "none"], ...options]);
    return select;
  }
  if (kind === "number" || kind === "whole") {
    const grain = kind === "whole" ? (step ?? 1) : (step ?? "any");
    return make("input", { ...common, type: "number", min: low, max: high, step: grain });
  }
  return make("input", { ...common, type: "text", autocomplete: "off", spellcheck: "false" });
}

function readInput({ kind, choices }, input) {
  if (kind === "check") return input.checked;
  if (input.value.trim() === "") return null;
  if (kind === "number" || kind === "whole") return Number(input.value);
  // Choices may be numbers: give back the value that came, not its text.
  if (kind === "choice") return choices.find((choice) => String(choice) === input.value) ?? null;
  return input.value;
}

function showInput({ kind }, input, value) {
  if (kind === "check") input.checked = Boolean(value);
  else if (input.tagName === "SELECT") {
    const text = value === null || value === undefined ? NONE : String(value);
    // A value that the server holds is shown, even where it no longer is a choice.
    if (text && ![...input.options].some((option) => option.value === text)) input.append(make("option", { value: text }, text));
    input.value = text;
    if (input.selectedIndex < 0) input.selectedIndex = 0;
  } else input.value = value ?? "";
}

/**
 * A form that makes one step: a select of operators and the controls of the chosen one.
 *
 * Args:
 *   form: with a select, a `.fields` and a submit button.
 *   submit: called with {use, fields}.
 *   say: called with a sentence when something needed is empty.
 */
export function operatorForm(form, submit, say) {
  const select = form.querySelector("select");
  const fields = form.querySelector(".fields");
  const button = form.querySelector("button[type=submit]");
  let operators = [];
  let rows = new Map();
  let shown = "";

  function build() {
    const operator = operators.find(({ use }) => use === select.value);
    const signature = JSON.stringify(operator?.controls ?? null) + select.value;
    if (signature === shown) return;
    // What a person has filled in stays when only the choices of a field change.
    const kept = new Map(shown.endsWith(select.value) ? [...rows].map(([field, row]) => [field, row.read()]) : []);
    shown = signature;
    rows = new Map((operator?.controls ?? []).map((description) => [description.field, control(description)]));
    for (const [field, value] of kept) if (value !== null) rows.get(field)?.show(value);
    const about = operator?.about ? make("p", { class: "note" }, operator.about) : null;
    fields.replaceChildren(...(about ? [about] : []), ...arrange(operator?.controls ?? [], rows));
  }

  select.addEventListener("change", build);
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const operator = operators.find(({ use }) => use === select.value);
    if (!operator) return;
    const values = Object.fromEntries([...rows].map(([field, row]) => [field, row.read()]));
    const empty = operator.controls.find(({ field, needed }) => needed && values[field] === null);
    if (empty) {
      say(`Fill in "${capital(empty.label)}" first.`);
      fields.querySelector(`[data-field="${CSS.escape(empty.field)}"]`)?.focus();
      return;
    }
    submit({ use: operator.use, fields: values });
  });

  return {
    update(list) {
      operators = list;
      fillSelect(select, operators.map(({ use }) => use));
      button.disabled = !operators.length;
      build();
    },
  };
}
