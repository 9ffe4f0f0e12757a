/** Saving: downloads, and the output folder of the studio. */

import { credentials } from "./connection.js";
import { byId, showText } from "./dom.js";
import { sentence } from "./messages.js";

export class Save {
  #waits = false;

  constructor(connection, say) {
    for (const what of ["picture", "recipe", "all"]) byId(`save-${what}`).href = `/save/${what}?${credentials()}`;
    byId("save-form").addEventListener("submit", (event) => {
      event.preventDefault();
      const name = byId("save-name").value.trim();
      if (!name) {
        say("Write a name first.", "error");
        byId("save-name").focus();
        return;
      }
      this.#waits = connection.send({ do: "save", name }) > 0;
    });
  }

  update({ title }) {
    if (!byId("save-name").value) showText(byId("save-name"), slug(title));
  }

  /** The answer to "save" holds the command to run, so it stays in the panel. */
  said(text, kind) {
    if (!this.#waits || kind === "error") return;
    this.#waits = false;
    byId("saved").replaceChildren(...sentence(text));
    byId("saved").hidden = false;
  }
}

/** A title as the name of a file. */
function slug(title) {
  return (title ?? "").toLowerCase().replace(/[^a-z0-9]+/g, "-").replace(/^-|-$/g, "");
}
