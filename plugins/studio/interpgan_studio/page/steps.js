/** The edits in their order, each with its controls, and the form that adds one. */

import { arrange, control, operatorForm } from "./controls.js";
import { byId, make } from "./dom.js";

export class Steps {
  #rows = new Map(); // id of an edit -> {item, element, label, controls, signature}

  constructor(connection, say) {
    this.connection = connection;
    this.add = operatorForm(byId("add-form"), (step) => connection.send({ do: "add", ...step }), say);
    byId("reset").addEventListener("click", () => connection.send({ do: "reset" }));
  }

  update({ edits, operators }) {
    for (const [id, row] of this.#rows) {
      if (edits.some((edit) => edit.id === id)) continue;
      row.item.remove();
      this.#rows.delete(id);
    }
    const order = edits.map((edit) => this.#row(edit));
    if (order.some((element, at) => byId("steps").children[at] !== element)) byId("steps").replaceChildren(...order);
    byId("steps-empty").hidden = edits.length > 0;
    byId("steps-count").textContent = edits.length ? String(edits.length) : "";
    byId("reset").hidden = !edits.some(({ fixed }) => !fixed);
    this.add.update(operators.edits);
  }

  /** A row is made anew only when other controls stand in it, so that a slider in use stays the same element. */
  #row(edit) {
    const { id, label, controls, fixed } = edit;
    const signature = JSON.stringify([fixed, controls.map((each) => ({ ...each, value: null }))]);
    let row = this.#rows.get(id);
    if (row?.signature !== signature) {
      const made = this.#make(edit);
      if (row?.element.open) made.element.open = true;
      row?.item.replaceWith(made.item);
      row = { ...made, signature };
      this.#rows.set(id, row);
    }
    row.label.textContent = label;
    for (const { field, value } of controls) row.controls.get(field).show(value);
    return row.item;
  }

  #make({ id, label, controls, fixed }) {
    const made = new Map();
    for (const description of controls) {
      const { field } = description;
      const live = this.connection.live(`field ${id} ${field}`, (value) => ({ do: "field", step: id, field, value }));
      made.set(field, control(description, live));
    }
    const name = make("span", { class: "name" }, label);
    const remove = make("button", {
      type: "button",
      class: "plain delete",
      title: "Delete this edit",
      "aria-label": `Delete ${label}`,
      on: { click: () => this.connection.send({ do: "remove", step: id }) },
    });
    remove.textContent = "×";
    const summary = make("summary", {}, name);
    const inside = make("div", { class: "inside" }, ...arrange(controls, made));
    const element = made.size ? make("details", {}, summary, inside) : make("div", { class: "bare" }, name);
    const item = make("li", { data: { step: id } }, element, fixed ? null : remove);
    return { item, element, label: name, controls: made };
  }
}
