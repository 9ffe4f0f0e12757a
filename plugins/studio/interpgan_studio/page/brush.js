/** The brush: a stroke on a picture becomes a mask; a ring shows the size. All people get the same stroke. */

import { byId, fillSelect } from "./dom.js";
import { listen, paintTrack } from "./slider.js";
import { draw, wipe } from "./stage.js";

/** The longer side of a mask, at most. */
const MASK = 256;
const COLOURS = { remove: "rgba(244, 63, 94, 0.6)", draw: "rgba(16, 185, 129, 0.6)" };
const STEPS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

export class Brush {
  on = false;
  #targets = [];
  #size = [64, 64];
  #mask = document.createElement("canvas");
  #from = null; // the last place of the stroke that is being painted
  #pointer = { x: 0.5, y: 0.5 }; // for the keyboard
  #sent = 0;

  /** `heard`: {stroke(fields) -> number, turned(on)}. */
  constructor(stage, heard) {
    this.stage = stage;
    this.heard = heard;
    this.ring = Object.assign(document.createElement("div"), { className: "ring", hidden: true });
    stage.root.append(this.ring);
    byId("brush-on").addEventListener("change", (event) => this.turn(event.target.checked));
    for (const id of ["brush-size", "brush-strength"]) {
      const range = byId(id);
      const show = () => {
        const percent = id === "brush-size" ? Number(range.value) : Math.round(range.value * 100);
        document.querySelector(`output[for=${id}]`).value = `${percent} %`;
        paintTrack(range);
      };
      listen(range, { moved: show, settled: show });
      range.addEventListener("change", show);
      show();
    }
    byId("brush-how").addEventListener("change", () => this.#tint());
    this.#listen();
  }

  update({ targets, generator }) {
    this.#targets = targets ?? [];
    this.#size = [generator.width, generator.height];
    fillSelect(byId("brush-target"), this.#targets.map(({ label }, index) => [String(index), label]));
    byId("brush-note").hidden = this.#targets.length > 0;
    byId("brush-controls").hidden = !this.#targets.length;
    if (!this.#targets.length) this.turn(false);
  }

  turn(on) {
    if (on === this.on) return;
    this.on = on;
    byId("brush-on").checked = on;
    this.stage.root.classList.toggle("brushing", on);
    this.ring.hidden = true;
    this.#clear();
    this.focusable();
    this.heard.turned(on);
  }

  /** Boxes take the focus while the brush is on, for the keyboard. */
  focusable() {
    for (const { element } of this.stage.boxes) {
      if (this.on) {
        element.tabIndex = 0;
        element.setAttribute("role", "application");
        element.setAttribute("aria-label", "Picture to paint on: arrows move, Space paints, Enter applies");
      } else for (const name of ["tabindex", "role", "aria-label"]) element.removeAttribute(name);
    }
  }

  #listen() {
    const { root } = this.stage;
    root.addEventListener("pointerdown", (event) => {
      const place = this.on && event.button === 0 ? this.stage.place(event) : null;
      if (!place) return;
      event.preventDefault();
      root.setPointerCapture(event.pointerId);
      this.box = this.stage.boxes[place.index].element;
      this.box.focus({ preventScroll: true });
      this.#clear();
      this.#dab(place);
    });
    root.addEventListener("pointermove", (event) => {
      if (!this.on) return;
      if (this.#from) {
        // Between two frames the pointer has been at several places; without them fast strokes have corners.
        const events = event.getCoalescedEvents?.() ?? [];
        for (const each of events.length ? events : [event]) this.#dab(this.stage.within(this.box, each));
      }
      const box = this.#from ? this.box : event.target.closest?.(".box");
      this.ring.hidden = !box;
      if (box) this.#ring(box, this.stage.within(box, event));
    });
    root.addEventListener("pointerup", () => this.#from && this.#send());
    root.addEventListener("pointercancel", () => this.#clear());
    root.addEventListener("pointerleave", () => (this.ring.hidden = true));
    root.addEventListener("keydown", (event) => this.on && this.#key(event));
  }

  #key(event) {
    const box = event.target.closest?.(".box");
    if (!box || event.target !== box) return;
    const step = STEPS[event.key];
    if (step) {
      const grain = Math.max(0.01, this.#diameter() / 3);
      for (const [at, axis] of ["x", "y"].entries()) {
        this.#pointer[axis] = Math.min(1, Math.max(0, this.#pointer[axis] + step[at] * grain));
      }
      if (event.shiftKey && this.#from) this.#dab(this.#pointer);
    } else if (event.key === " ") {
      this.#from = null;
      this.#dab(this.#pointer);
    } else if (event.key === "Enter" && this.#from) this.#send();
    else if (event.key === "Escape") this.#clear();
    else return;
    event.preventDefault();
    this.ring.hidden = false;
    this.#ring(box, this.#pointer);
  }

  /** The brush's diameter as a share of the picture's width. */
  #diameter() {
    return Number(byId("brush-size").value) / 100;
  }

  #ring(box, { x, y }) {
    const frame = box.getBoundingClientRect();
    const stage = this.stage.root.getBoundingClientRect();
    const size = this.#diameter() * frame.width;
    this.ring.dataset.how = byId("brush-how").value;
    this.ring.style.width = this.ring.style.height = `${size}px`;
    this.ring.style.left = `${frame.left - stage.left + x * frame.width - size / 2}px`;
    this.ring.style.top = `${frame.top - stage.top + y * frame.height - size / 2}px`;
  }

  #dab({ x, y }) {
    const { width, height } = this.#mask;
    const context = this.#mask.getContext("2d");
    const here = { x: x * width, y: y * height };
    const from = this.#from ?? here;
    context.strokeStyle = "#fff";
    context.lineCap = context.lineJoin = "round";
    context.lineWidth = this.#diameter() * width;
    context.beginPath();
    context.moveTo(from.x, from.y);
    // A line of no length draws no cap in some browsers.
    context.lineTo(here.x + (here.x === from.x && here.y === from.y ? 0.01 : 0), here.y);
    context.stroke();
    this.#from = here;
    this.#tint();
  }

  /** The painted place in the colour of what it does, on every picture. */
  #tint() {
    const tinted = new OffscreenCanvas(this.#mask.width, this.#mask.height);
    const context = tinted.getContext("2d");
    context.drawImage(this.#mask, 0, 0);
    context.globalCompositeOperation = "source-in";
    context.fillStyle = COLOURS[byId("brush-how").value];
    context.fillRect(0, 0, tinted.width, tinted.height);
    for (const { paint } of this.stage.boxes) draw(paint, tinted);
  }

  #clear() {
    const scale = Math.min(1, MASK / Math.max(...this.#size));
    this.#mask.width = Math.max(1, Math.round(this.#size[0] * scale));
    this.#mask.height = Math.max(1, Math.round(this.#size[1] * scale));
    this.#from = null;
    for (const { paint } of this.stage.boxes) wipe(paint);
  }

  #send() {
    this.#from = null;
    const target = this.#targets[Number(byId("brush-target").value)]?.target;
    const grey = document.createElement("canvas");
    grey.width = this.#mask.width;
    grey.height = this.#mask.height;
    const context = grey.getContext("2d");
    context.fillStyle = "#000";
    context.fillRect(0, 0, grey.width, grey.height);
    context.drawImage(this.#mask, 0, 0);
    const mask = grey.toDataURL("image/png").split(",")[1];
    const how = byId("brush-how").value;
    this.#sent = this.heard.stroke({ how, target, mask, strength: Number(byId("brush-strength").value) });
  }

  /** The stroke stays in sight until its picture is there, or the server refused it. */
  answered(number) {
    if (this.#sent && number >= this.#sent && !this.#from) {
      this.#sent = 0;
      this.#clear();
    }
  }
}
