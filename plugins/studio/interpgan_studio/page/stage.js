/** The pictures: a grid of equal boxes, and how they are viewed (edited, split, changes, compare, one alone). */

import { make } from "./dom.js";

const GAP = 12;
/** The layers of a box, from the back to the front. */
const LAYERS = ["original", "picture", "changes", "parts", "paint"];
/** Small pictures are enlarged, but not so far that one sees nothing but blur. */
const LARGEST = 760;

/** Draw a bitmap into a canvas of the same size. */
export function draw(canvas, bitmap) {
  if (canvas.width !== bitmap.width) canvas.width = bitmap.width;
  if (canvas.height !== bitmap.height) canvas.height = bitmap.height;
  const context = canvas.getContext("2d");
  context.clearRect(0, 0, canvas.width, canvas.height);
  context.drawImage(bitmap, 0, 0);
}

/** Make a canvas transparent. */
export function wipe(canvas) {
  canvas.getContext("2d").clearRect(0, 0, canvas.width, canvas.height);
}

export class Stage {
  boxes = [];
  #shape = [1, 1];
  #arrived = { stamp: "", indices: new Set() };
  #split = 0.5;

  /** `root`: the element; `heard`: {complete(header), viewed()}. */
  constructor(root, heard) {
    this.root = root;
    this.heard = heard;
    this.grid = make("div", { class: "grid" });
    root.append(this.grid);
    this.divide(0.5);
    new ResizeObserver(() => this.#arrange()).observe(root);
    this.count(1);
  }

  /** The pictures' width and height, before the first one is there. */
  shape(width, height) {
    this.#shape = [width, height];
    this.#arrange();
  }

  /** As many boxes as people. */
  count(count) {
    if (count === this.boxes.length) return;
    while (this.boxes.length > count) this.boxes.pop().element.remove();
    while (this.boxes.length < count) this.boxes.push(this.#makeBox(this.boxes.length));
    if (Number(this.root.dataset.alone) >= count || count === 1) this.alone(null);
    this.root.dataset.count = count;
    this.#arrange();
  }

  #makeBox(index) {
    const box = {};
    for (const layer of LAYERS) {
      box[layer] = make("canvas", { class: layer, id: `${layer}-${index}`, width: 1, height: 1, "aria-hidden": "true" });
    }
    box.picture.removeAttribute("aria-hidden");
    box.picture.setAttribute("role", "img");
    box.picture.setAttribute("aria-label", `Person ${index + 1}, edited`);
    const divider = make("div", { class: "divider", role: "slider", tabindex: "0", "aria-valuemin": 0, "aria-valuemax": 100, "aria-valuenow": 50 });
    divider.setAttribute("aria-label", "Where the original ends and the edited picture begins, in percent");
    divider.addEventListener("keydown", ({ key }) => {
      const moves = { ArrowLeft: -0.02, ArrowRight: 0.02, Home: -1, End: 1 };
      if (key in moves) this.divide(this.#split + moves[key]);
    });
    const larger = make("button", { type: "button", class: "larger", "aria-label": `Person ${index + 1} alone`, title: "Larger (again: all)" });
    larger.addEventListener("click", () => this.alone(this.root.dataset.alone === String(index) ? null : index));
    const tags = make("span", { class: "tags", "aria-hidden": "true" }, make("b", {}, "original"), make("b", {}, "edited"));
    box.element = make("div", { class: "box", data: { index } }, ...LAYERS.map((layer) => box[layer]), tags, divider, larger);
    box.divider = divider;
    this.#dividable(box);
    this.grid.append(box.element);
    return box;
  }

  /** In a split view the divider follows a pointer from anywhere in the box, unless brush or parts need it. */
  #dividable({ element, divider }) {
    element.addEventListener("pointerdown", (event) => {
      const taken = this.root.matches(".brushing, .pointing") && event.target !== divider;
      if (this.view !== "split" || taken || event.target.closest("button")) return;
      event.preventDefault();
      event.stopPropagation();
      divider.focus({ preventScroll: true });
      element.setPointerCapture(event.pointerId);
      this.divide(this.within(element, event).x);
    });
    element.addEventListener("pointermove", (event) => {
      if (this.view === "split" && element.hasPointerCapture(event.pointerId)) this.divide(this.within(element, event).x);
    });
  }

  /** Show one person alone, or all (null). */
  alone(index) {
    if (index === null) delete this.root.dataset.alone;
    else this.root.dataset.alone = index;
    for (const [at, box] of this.boxes.entries()) box.element.hidden = index !== null && at !== index;
    this.#arrange();
  }

  /** As many columns as give the largest boxes. */
  #arrange() {
    const { clientWidth: width, clientHeight: height } = this.root;
    const shown = this.boxes.filter(({ element }) => !element.hidden).length;
    if (!width || !height || !shown) return;
    const ratio = this.#shape[0] / this.#shape[1];
    let best = 0;
    let columns = 1;
    for (let tried = 1; tried <= shown; tried += 1) {
      const rows = Math.ceil(shown / tried);
      const across = (width - GAP * (tried - 1)) / tried;
      const down = ((height - GAP * (rows - 1)) / rows) * ratio;
      const size = Math.min(across, down, Math.max(LARGEST, this.#shape[0]));
      if (size > best) [best, columns] = [size, tried];
    }
    this.grid.style.setProperty("--columns", columns);
    this.grid.style.setProperty("--size", `${Math.floor(best)}px`);
    this.grid.style.setProperty("--ratio", ratio);
  }

  /** Draw a frame of kind picture, original or changes. */
  show(header, bitmap) {
    this.count(header.count);
    const box = this.boxes[header.index];
    if (header.kind !== "picture") {
      draw(box[header.kind], bitmap);
      box.element.dataset[header.kind] = header.number;
      return;
    }
    if (!this.root.dataset.number) this.shape(header.width, header.height);
    draw(box.picture, bitmap);
    box.element.dataset.number = header.number;
    const stamp = `${header.number} ${header.draft}`;
    if (this.#arrived.stamp !== stamp) this.#arrived = { stamp, indices: new Set() };
    this.#arrived.indices.add(header.index);
    if (this.#arrived.indices.size < header.count) return;
    this.#arrived.indices = new Set();
    this.root.dataset.number = header.number;
    this.root.dataset.draft = header.draft;
    this.heard.complete(header);
  }

  /** Forget what was drawn of a kind, of people or a generator that are gone. */
  forget(kind) {
    for (const box of this.boxes) {
      wipe(box[kind]);
      delete box.element.dataset[kind];
    }
  }

  get view() {
    return this.root.dataset.view;
  }

  set view(view) {
    this.root.dataset.view = view;
    this.heard.viewed();
  }

  get comparing() {
    return this.root.dataset.comparing === "true";
  }

  /** Show the originals in place of the edited pictures. */
  compare(on) {
    this.root.dataset.comparing = on;
    this.heard.viewed();
  }

  /** Where a split view is divided, 0 to 1 from the left. */
  divide(share) {
    this.#split = Math.min(1, Math.max(0, share));
    this.root.style.setProperty("--split", this.#split);
    for (const { divider } of this.boxes) divider.setAttribute("aria-valuenow", Math.round(this.#split * 100));
  }

  /** The box under a pointer and the place in it, x and y from 0 to 1; null outside. */
  place(event) {
    const element = event.target.closest?.(".box");
    if (!element || event.target.closest("button, .divider")) return null;
    return { index: Number(element.dataset.index), ...this.within(element, event) };
  }

  /** The place of a pointer in a box, which may lie outside of 0 to 1. */
  within(element, event) {
    const frame = element.getBoundingClientRect();
    return { x: (event.clientX - frame.left) / frame.width, y: (event.clientY - frame.top) / frame.height };
  }
}
