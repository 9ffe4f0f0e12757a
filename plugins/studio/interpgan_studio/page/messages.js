/** The line for sentences of the server, and the bar of a job that takes time. */

import { byId, make } from "./dom.js";

const NOTE_MS = 12000;
const COMMAND_MS = 30000;

/** A command to copy, from its name to the end of the text. */
const COMMAND = /\binterpgan-run \S.*$/;

/** A sentence as nodes, with its command as code. */
export function sentence(text) {
  const at = text.search(COMMAND);
  return at < 0 ? [text] : [text.slice(0, at), make("code", {}, text.slice(at))];
}

export class Messages {
  #timer = 0;
  #lost = false;
  #begun = false; // a job was asked for, and the server has not told of it yet

  constructor(cancel) {
    byId("cancel").addEventListener("click", () => {
      byId("job-what").textContent = "Stopping …";
      cancel();
    });
    byId("hush").addEventListener("click", () => this.say(""));
    byId("copy").addEventListener("click", async () => {
      await navigator.clipboard.writeText(byId("message").querySelector("code").textContent);
      byId("copy").textContent = "Copied";
    });
  }

  /** Show a sentence. Errors stay until a person does something else, notes go after a while. */
  say(text, kind = "note") {
    if (this.#lost) return;
    if (kind === "error" && this.#begun) this.job(null);
    clearTimeout(this.#timer);
    byId("message").replaceChildren(...sentence(text));
    byId("message").parentElement.dataset.kind = kind;
    const command = COMMAND.test(text);
    byId("hush").hidden = !text;
    byId("copy").hidden = !command || !navigator.clipboard;
    byId("copy").textContent = "Copy";
    if (kind === "note" && text) this.#timer = setTimeout(() => this.say(""), command ? COMMAND_MS : NOTE_MS);
  }

  /** A person went on: an error of before is no longer news. */
  overcome() {
    if (byId("message").parentElement.dataset.kind === "error") this.say("");
  }

  /** The server is away, or there again. */
  lost(lost) {
    if (lost === this.#lost) return;
    this.#lost = false;
    this.say(lost ? "The studio has stopped or was restarted. This page tries to reach it again every 2 seconds." : "", lost ? "error" : "note");
    byId("hush").hidden = lost || byId("hush").hidden;
    this.#lost = lost;
    if (lost) this.job(null);
  }

  /** A job is on its way: its first steps may be long, and a person wants to see that something happens. */
  begin(what) {
    this.job({ what, done: 0, total: null });
    this.#begun = true;
  }

  job(job) {
    this.#begun = false;
    byId("job").hidden = !job;
    if (!job) return;
    const { what, done, total } = job;
    byId("job-what").textContent = total ? `${what} · ${done} of ${total}` : what;
    const bar = byId("job-bar");
    if (total) Object.assign(bar, { max: total, value: done });
    else bar.removeAttribute("value");
  }
}
