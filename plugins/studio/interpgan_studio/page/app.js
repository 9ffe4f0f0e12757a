/** The page: what the server tells goes to the panels, what a person does goes to the server. */

import { Brush } from "./brush.js";
import { Connection } from "./connection.js";
import { Directions } from "./directions.js";
import { byId, fillSelect, typing, unsaid } from "./dom.js";
import { Frames } from "./frames.js";
import { Messages } from "./messages.js";
import { Parts } from "./parts.js";
import { People } from "./people.js";
import { Save } from "./save.js";
import { Stage } from "./stage.js";
import { Steps } from "./steps.js";

let state = null;
let heldBack = false; // the state came while newer messages were on their way
let finished = 0; // full pictures that were shown
const asked = {}; // kind of frame -> what it was asked for
let expecting = false; // the pointer is on the button: the originals are about to be wanted

const messages = new Messages(() => connection.send({ do: "cancel" }));
const say = (sentence, kind = "error") => messages.say(sentence, kind);
const stage = new Stage(byId("stage"), { complete, viewed: () => ask() });
const frames = new Frames(shown);

const connection = new Connection({
  opened() {
    messages.lost(false);
    frames.forget();
    for (const kind of Object.keys(asked)) delete asked[kind];
    document.body.classList.remove("lost");
    byId("panels").inert = false;
  },
  lost() {
    messages.lost(true);
    document.body.classList.add("lost");
    byId("panels").inert = true;
  },
  sent: () => messages.overcome(),
  text(message) {
    if (message.state) update(message.state);
    if ("job" in message) messages.job(message.job);
    if ("said" in message) {
      messages.say(message.said, message.kind);
      save.said(message.said, message.kind);
    }
  },
  frame: (header, bytes) => frames.take(header, bytes),
  answered: (number) => brush.answered(number),
  // Controls that were busy when the last state came have not taken it.
  idle() {
    if (heldBack) update(state);
  },
});

const begin = (what) => messages.begin(what);
const people = new People(connection, say, begin);
const directions = new Directions(connection, say, begin);
const steps = new Steps(connection, say);
const save = new Save(connection, say);
const brush = new Brush(stage, {
  stroke: (fields) => connection.send({ do: "stroke", ...fields }),
  turned(on) {
    if (on) parts.turn(false);
  },
});
const parts = new Parts(stage, {
  take: (part, layer) => connection.send({ do: "take", part, layer }),
  donor: (seeds) => connection.send({ do: "donor", seeds }),
  turned(on) {
    if (on) brush.turn(false);
    ask();
  },
});
byId("parts-panel").addEventListener("toggle", () => ask());

function update(next) {
  state = next;
  heldBack = !connection.rests;
  document.body.classList.remove("new");
  document.title = state.title ? `${state.title} · interpgan studio` : "interpgan studio";
  fillSelect(byId("generator"), state.models.includes(state.generator.name) ? state.models : [state.generator.name, ...state.models], state.generator.name);
  stage.shape(state.generator.width, state.generator.height);
  for (const [id, label] of Object.entries(state.history)) {
    byId(id).disabled = !label;
    byId(id).title = label ? `${id === "undo" ? "Undo" : "Redo"}: ${label}` : "";
  }
  people.update(state, stage.boxes.length);
  directions.update(state);
  brush.update(state);
  parts.update(state);
  steps.update(state);
  save.update(state);
  byId("licence").textContent = state.generator.licence ? `Licence of the weights: ${state.generator.licence}` : "";
  ask();
}

const whose = () => JSON.stringify([state.generator.name, state.people]);

/** The frames that are in sight now, and what they depend on. A frame is asked for when that has changed. */
function inSight() {
  const kinds = {};
  if (stage.view === "split" || stage.comparing || expecting) kinds.original = whose();
  if (stage.view === "changes") kinds.changes = `${whose()} ${finished}`;
  if (parts.open && state.take?.parts.length) {
    if (parts.on) kinds.parts = `${whose()} ${finished}`;
    kinds.donor = `${state.generator.name} ${JSON.stringify(state.take.donor)}`;
  }
  return kinds;
}

function ask() {
  if (!state) return;
  const wanted = inSight();
  for (const kind of Object.keys(asked)) if (!(kind in wanted)) outdate(kind);
  for (const [kind, dependsOn] of Object.entries(wanted)) {
    if (asked[kind] === dependsOn) continue;
    asked[kind] = dependsOn;
    connection.look(kind);
  }
}

/** What is out of sight is not kept up, so it must not come back as it was. Originals last as long as their people. */
function outdate(kind) {
  if (kind === "donor" || (kind === "original" && asked.original === whose())) return;
  delete asked[kind];
  if (kind === "parts") parts.forget();
  else stage.forget(kind);
}

function shown(header, bitmap) {
  if (header.kind === "parts") parts.map(header, bitmap);
  else if (header.kind === "donor") parts.donor(bitmap);
  else stage.show(header, bitmap);
}

/** All pictures of one message are there. */
function complete(header) {
  byId("ms").textContent = `${Math.round(header.ms)} ms`;
  byId("draft").hidden = !header.draft;
  brush.focusable();
  if (header.draft) return;
  brush.answered(header.number);
  finished += 1;
  if (state) people.update(state, stage.boxes.length);
  ask();
}

byId("generator").addEventListener("change", (event) => connection.send({ do: "generator", name: event.target.value }));
byId("undo").addEventListener("click", () => connection.send({ do: "undo" }));
byId("redo").addEventListener("click", () => connection.send({ do: "redo" }));
byId("view").addEventListener("change", (event) => (stage.view = event.target.value));

function compare(on) {
  if (on === stage.comparing) return;
  byId("compare").setAttribute("aria-pressed", on);
  stage.compare(on);
}
const button = byId("compare");
button.addEventListener("pointerenter", () => ((expecting = true), ask()));
button.addEventListener("pointerleave", () => (expecting = false));
button.addEventListener("pointerdown", (event) => {
  button.setPointerCapture(event.pointerId);
  compare(true);
});
for (const end of ["pointerup", "pointercancel", "lostpointercapture", "blur"]) button.addEventListener(end, () => compare(false));
button.addEventListener("contextmenu", (event) => event.preventDefault());

document.addEventListener("keydown", (event) => {
  const key = event.key.toLowerCase();
  if (event.ctrlKey || event.metaKey) {
    if (key !== "z" || event.altKey || (typing() && unsaid(document.activeElement))) return; // Typed text has an undo of its own.
    event.preventDefault();
    connection.send({ do: event.shiftKey ? "redo" : "undo" });
  } else if ((key === "c" && !event.altKey && !typing()) || ([" ", "enter"].includes(key) && document.activeElement === button)) {
    event.preventDefault();
    compare(true);
  }
});
document.addEventListener("keyup", ({ key }) => ["c", "C", " ", "Enter"].includes(key) && compare(false));
// A key released in another window is not heard here.
window.addEventListener("blur", () => compare(false));

// On a phone the controls are below the picture: only what is used most is open.
if (matchMedia("(max-width: 899px)").matches) {
  for (const id of ["people-panel", "steps-panel", "save-panel"]) byId(id).open = false;
}
