/** Parts of a picture: the one under the pointer stands out, a click takes it from another person. */

import { byId, fillSelect, make, showText } from "./dom.js";
import { draw, wipe } from "./stage.js";

const NO_PART = 255;
const DIM = [10, 12, 20, 120];

export class Parts {
  on = false;
  #maps = []; // of each person: {width, height, pixels, names}
  #pointed = null;
  #taken = null; // just taken: not in shade again before the pointer has left it
  #state = null;

  /** `heard`: {take(part, layer), donor(seeds), turned(on)}. */
  constructor(stage, heard) {
    this.stage = stage;
    this.heard = heard;
    this.chip = Object.assign(document.createElement("p"), { className: "chip", hidden: true });
    stage.root.append(this.chip);
    byId("parts-on").addEventListener("change", (event) => this.turn(event.target.checked));
    const donor = byId("donor-seed");
    donor.addEventListener("change", () => heard.donor(donor.value.trim()));
    byId("donor-random").addEventListener("click", () => {
      donor.value = String(Math.floor(Math.random() * 10000));
      heard.donor(donor.value);
    });
    const { root } = stage;
    root.addEventListener("pointermove", (event) => {
      if (!this.on) return;
      const place = this.stage.place(event);
      this.#point(place ? this.#partAt(place) : null, event);
    });
    root.addEventListener("pointerleave", () => this.on && this.#point(null));
    root.addEventListener("click", (event) => {
      const place = this.on ? this.stage.place(event) : null;
      const part = place && this.#partAt(place);
      if (part && this.#state?.parts.includes(part)) this.#take(part);
    });
  }

  update({ take, generator }) {
    this.#state = take;
    const names = take?.parts ?? [];
    byId("parts-note").hidden = names.length > 0;
    byId("parts-controls").hidden = !names.length;
    if (!names.length) return this.turn(false);
    fillSelect(byId("take-layer"), take.layers, byId("take-layer").value || take.layer);
    if (!take.layers.includes(byId("take-layer").value)) byId("take-layer").value = take.layer;
    showText(byId("donor-seed"), take.donor);
    byId("donor").style.aspectRatio = `${generator.width} / ${generator.height}`;
    const buttons = byId("part-buttons");
    const signature = JSON.stringify(names);
    if (buttons.dataset.signature === signature) return undefined;
    buttons.dataset.signature = signature;
    buttons.replaceChildren(...names.map((name) => this.#button(name)));
    return undefined;
  }

  #button(name) {
    const point = () => this.#point(name);
    const leave = () => this.#point(null);
    const on = { click: () => this.#take(name), focus: point, blur: leave, pointerenter: point, pointerleave: leave };
    const title = `Take ${name} from the donor`;
    return make("button", { type: "button", data: { part: name }, title, on }, name);
  }

  /** Whether maps and donor are in use: only then does the server compute them. */
  get open() {
    return this.on || byId("parts-panel").open;
  }

  turn(on) {
    if (on === this.on) return;
    this.on = on;
    byId("parts-on").checked = on;
    this.stage.root.classList.toggle("pointing", on);
    if (!on) this.#point(null);
    this.heard.turned(on);
  }

  /** A map of parts: grey values are positions in the names, 255 is none of them. */
  map(header, bitmap) {
    const canvas = new OffscreenCanvas(bitmap.width, bitmap.height);
    const context = canvas.getContext("2d", { willReadFrequently: true });
    context.drawImage(bitmap, 0, 0);
    const { data } = context.getImageData(0, 0, bitmap.width, bitmap.height);
    const pixels = Uint8Array.from({ length: data.length / 4 }, (_, at) => data[4 * at]);
    this.#maps[header.index] = { width: bitmap.width, height: bitmap.height, pixels, names: header.names };
    this.#maps.length = header.count;
    this.stage.root.dataset.parts = header.number;
    if (this.#pointed) this.#highlight(this.#pointed);
  }

  /** Maps that are not kept up are older than the pictures. */
  forget() {
    this.#maps = [];
    delete this.stage.root.dataset.parts;
    this.#point(null);
  }

  donor(bitmap) {
    draw(byId("donor"), bitmap);
  }

  #partAt({ index, x, y }) {
    const map = this.#maps[index];
    if (!map || x < 0 || y < 0 || x >= 1 || y >= 1) return null;
    const value = map.pixels[Math.floor(y * map.height) * map.width + Math.floor(x * map.width)];
    return value === NO_PART ? null : (map.names[value] ?? null);
  }

  #point(name, event = null) {
    this.chip.hidden = !name || !event;
    if (event && name) {
      const frame = this.stage.root.getBoundingClientRect();
      const donor = this.#state?.donor ? ` from seed ${this.#state.donor}` : "";
      this.chip.textContent = this.#state?.parts.includes(name) ? `${name} · click to take it${donor}` : name;
      const x = event.clientX - frame.left;
      this.chip.style.left = `${x}px`;
      this.chip.classList.toggle("leftward", x > frame.width / 2);
      this.chip.style.top = `${event.clientY - frame.top}px`;
    }
    if (name === this.#taken) return;
    this.#taken = null;
    if (name === this.#pointed) return;
    this.#pointed = name;
    for (const button of byId("part-buttons").children) button.classList.toggle("pointed", button.dataset.part === name);
    this.stage.root.dataset.part = name ?? "";
    this.#highlight(name);
  }

  /** Everything but the part in shade: the part keeps its own colours. */
  #highlight(name) {
    for (const [index, { parts }] of this.stage.boxes.entries()) {
      const map = this.#maps[index];
      const value = map && name ? map.names.indexOf(name) : -1;
      if (value < 0 || !map.pixels.includes(value)) {
        wipe(parts);
        continue;
      }
      const shade = new ImageData(map.width, map.height);
      map.pixels.forEach((pixel, at) => pixel === value || shade.data.set(DIM, 4 * at));
      parts.width = map.width;
      parts.height = map.height;
      parts.getContext("2d").putImageData(shade, 0, 0);
    }
  }

  #take(part) {
    this.#point(null);
    this.#taken = part;
    this.heard.take(part, byId("take-layer").value);
  }
}
