/** Who is in the pictures: seeds, classes, truncation, or a photo. */

import { sendPhoto } from "./connection.js";
import { byId, capital, showText } from "./dom.js";
import { slider } from "./slider.js";

const MANY = 10000;

export class People {
  #psi = null;
  #state = null;

  /** `connection`: to send with; `say(sentence, kind)`: for messages; `begin(what)`: of a job. */
  constructor(connection, say, begin) {
    this.connection = connection;
    this.say = say;
    this.begin = begin;
    for (const id of ["seeds", "classes"]) byId(id).addEventListener("change", () => this.#send());
    byId("random").addEventListener("click", () => {
      const first = Math.floor(Math.random() * MANY);
      const count = this.#state?.count ?? 1;
      byId("seeds").value = count > 1 ? `${first}-${first + count - 1}` : String(first);
      this.#send();
    });
    byId("photo").addEventListener("change", (event) => {
      this.photo(event.target.files[0]);
      event.target.value = ""; // The same file may be chosen again.
    });
    byId("refine").addEventListener("click", () => {
      connection.send({ do: "refine" });
      begin("Refining the photo");
    });
    this.#drops(document.querySelector(".work"));
  }

  #send() {
    const seeds = byId("seeds").value.trim();
    if (!seeds) return this.say("Write a seed, such as 7, or several, such as 7-9.", "error");
    const classes = byId("classes-line").hidden ? {} : { classes: byId("classes").value.trim() };
    return this.connection.send({ do: "people", seeds, ...classes });
  }

  update({ people, generator, photo }, count) {
    this.#state = { count, photo };
    showText(byId("seeds"), people.kind === "seeds" ? people.seeds : "");
    byId("classes-line").hidden = !generator.classes;
    byId("classes").placeholder = generator.classes ? `0 to ${generator.classes - 1}` : "";
    showText(byId("classes"), people.classes);
    this.#truncation(people.psi);
    byId("photo-line").hidden = !photo.possible;
    const isPhoto = people.kind === "photo";
    byId("refine").hidden = !isPhoto || !photo.possible;
    byId("refine").textContent = people.refined ? "Refine again" : "Refine";
    const refined = people.refined ? ", refined" : ", as the encoder sees it";
    byId("photo-note").textContent = photo.possible
      ? isPhoto
        ? `${capital(people.photo ?? "your photo")}${refined}. A seed brings generated people back.`
        : "Choose a photo of a face, or drop it on the picture."
      : photo.why;
    const codes = people.kind === "codes" ? "codes of the recipe" : "";
    byId("people-what").textContent = isPhoto ? "your photo" : codes || (count > 1 ? `${count} people` : "");
  }

  #truncation(psi) {
    byId("psi-line").hidden = psi === null || psi === undefined;
    if (byId("psi-line").hidden) return;
    if (!this.#psi) {
      const live = this.connection.live("psi", (value) => ({ do: "psi", value }));
      const help = "How far from the average person. 0 is the average, 1 the whole variety.";
      this.#psi = slider({ label: "Truncation", low: 0, high: 1, step: 0.01, help, value: psi, ...live });
      this.#psi.range.id = "psi";
      byId("psi-line").append(this.#psi.element);
    }
    this.#psi.show(psi);
  }

  async photo(file) {
    if (!file) return;
    if (!this.#state?.photo.possible) {
      this.say(this.#state?.photo.why || "This generator takes no photo.", "error");
      return;
    }
    this.begin("Reading the photo");
    const refused = await sendPhoto(file);
    if (refused) this.say(refused, "error");
  }

  #drops(zone) {
    let inside = 0; // enter and leave come for each child too
    const carries = ({ dataTransfer }) => [...(dataTransfer?.types ?? [])].includes("Files");
    const mark = (change) => {
      inside = Math.max(0, inside + change);
      zone.classList.toggle("dropping", inside > 0);
    };
    zone.addEventListener("dragenter", (event) => carries(event) && mark(1));
    zone.addEventListener("dragleave", (event) => carries(event) && mark(-1));
    zone.addEventListener("drop", (event) => {
      mark(-inside);
      this.photo(event.dataTransfer.files[0]);
    });
    // Anywhere else a dropped file would replace the page.
    for (const name of ["dragover", "drop"]) document.addEventListener(name, (event) => event.preventDefault());
  }
}
