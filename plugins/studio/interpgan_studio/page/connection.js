/** The socket to the server: numbers for messages, the latest move wins, and a new try when the server is away. */

const UNACKNOWLEDGED = 1;
const RETRY_MS = 2000;

/** The token of the address and a name of this tab, for every request. */
export function credentials() {
  const token = new URLSearchParams(location.search).get("token") ?? "";
  let tab = sessionStorage.getItem("tab");
  if (!tab) {
    tab = Array.from(crypto.getRandomValues(new Uint8Array(8)), (byte) => byte.toString(16).padStart(2, "0")).join("");
    sessionStorage.setItem("tab", tab);
  }
  return new URLSearchParams({ token, tab });
}

export class Connection {
  #socket = null;
  #number = 0;
  #sent = new Map(); // number -> key, of the messages that the server has not answered
  #waiting = new Map(); // key -> the latest move that was not sent

  /** `heard`: {opened(), lost(), sent(), text(object), frame(header, bytes), answered(number), idle()}. */
  constructor(heard) {
    this.heard = heard;
    this.#open();
  }

  #open() {
    const scheme = location.protocol === "https:" ? "wss" : "ws";
    const socket = new WebSocket(`${scheme}://${location.host}/live?${credentials()}`);
    socket.binaryType = "arraybuffer";
    socket.addEventListener("open", () => {
      this.#sent.clear();
      this.#waiting.clear();
      this.heard.opened();
    });
    socket.addEventListener("message", ({ data }) => (typeof data === "string" ? this.#text(data) : this.#frame(data)));
    socket.addEventListener("close", () => {
      this.#socket = null;
      this.heard.lost();
      setTimeout(() => this.#open(), RETRY_MS);
    });
    this.#socket = socket;
  }

  #text(data) {
    const object = JSON.parse(data);
    if ("done" in object) this.#answered(object.done);
    else this.heard.text(object);
  }

  /** u32 little-endian length of the header, the header as JSON, then the bytes of an image. */
  #frame(data) {
    const length = new DataView(data).getUint32(0, true);
    const header = JSON.parse(new TextDecoder().decode(new Uint8Array(data, 4, length)));
    this.heard.frame(header, new Uint8Array(data, 4 + length));
    // A server that knows this tab from before a reload counts on; its numbers must stay below ours.
    this.#number = Math.max(this.#number, header.number);
    if (header.kind === "picture" && !header.draft) this.#answered(header.number);
  }

  #answered(number) {
    this.heard.answered(number);
    for (const sent of this.#sent.keys()) if (sent <= number) this.#sent.delete(sent);
    while (this.#waiting.size && this.#sent.size <= UNACKNOWLEDGED) {
      const [key, message] = this.#waiting.entries().next().value;
      this.#waiting.delete(key);
      this.#transmit(message, key);
    }
    if (!this.#sent.size) this.heard.idle();
  }

  #transmit(message, key) {
    if (this.#socket?.readyState !== WebSocket.OPEN) return 0;
    if (message.do !== "show") this.heard.sent();
    this.#number += 1;
    this.#sent.set(this.#number, key);
    this.#socket.send(JSON.stringify({ ...message, number: this.#number }));
    return this.#number;
  }

  /** Send now and in order; what waits under the same key is older, and dropped. Returns the number. */
  send(message, key = message.do) {
    this.#waiting.delete(key);
    for (const [other, older] of this.#waiting) this.#transmit(older, other);
    this.#waiting.clear();
    return this.#transmit(message, key);
  }

  /** Send when the server keeps up; of several that wait under one key only the last is sent. */
  offer(message, key) {
    if (this.#sent.size <= UNACKNOWLEDGED) {
      this.#waiting.delete(key);
      this.#transmit(message, key);
    } else this.#waiting.set(key, message);
  }

  /** Whether a message of this key is on its way: the state that comes now may be older than the control. */
  busy(key) {
    return this.#waiting.has(key) || [...this.#sent.values()].includes(key);
  }

  /** For a control whose value goes to the server: `moved` while it moves, `settled` at rest. */
  live(key, build) {
    return {
      moved: (value) => this.offer({ ...build(value), done: false }, key),
      settled: (value) => this.send({ ...build(value), done: true }, key),
      busy: () => this.busy(key),
    };
  }
}

const PHOTO_BYTES = 20 * 1024 * 1024;

/** Send a photo. Returns a sentence when it was refused, else an empty text. */
export async function sendPhoto(file) {
  if (file.size > PHOTO_BYTES) {
    return `This file has ${(file.size / 1024 / 1024).toFixed(0)} MB. A photo may have 20 MB; save a smaller one.`;
  }
  try {
    const answer = await fetch(`/photo?${credentials()}`, { method: "POST", body: file });
    if (answer.ok) return "";
    const { error } = await answer.json().catch(() => ({}));
    return error ?? `The studio refused the photo (${answer.status}).`;
  } catch {
    return "The photo did not reach the studio. Try it again.";
  }
}
