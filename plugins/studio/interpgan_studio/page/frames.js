/** Frames from the server: older ones are dropped, the others decoded and handed on in order. */

/** Bytes as they are: a map of parts holds indices, not colours. */
const AS_IS = { colorSpaceConversion: "none", premultiplyAlpha: "none" };

export class Frames {
  #shown = new Map(); // kind and index -> the number and the order of arrival of what is shown
  #arrivals = 0;

  /** `ready(header, bitmap)` is called for each frame that is to be shown. */
  constructor(ready) {
    this.ready = ready;
  }

  /** After a reconnection numbers may begin anew. */
  forget() {
    this.#shown.clear();
  }

  async take(header, bytes) {
    const place = `${header.kind} ${header.index}`;
    const arrival = (this.#arrivals += 1);
    const newest = this.#shown.get(place);
    if (newest && this.#older(header, newest)) return;
    let bitmap;
    try {
      bitmap = await createImageBitmap(new Blob([bytes], { type: header.type }), AS_IS);
    } catch {
      return; // An image that cannot be decoded is one picture less; the next one comes.
    }
    // Decoding takes its time: a later frame may have overtaken this one.
    const now = this.#shown.get(place);
    if (!now || (!this.#older(header, now) && arrival > now.arrival)) {
      this.#shown.set(place, { number: Math.max(header.number, now?.number ?? 0), arrival });
      this.ready(header, bitmap);
    }
    bitmap.close();
  }

  /** Number 0 is no answer to a message: a picture that a job in the background brought. */
  #older({ number }, shown) {
    return number > 0 && number < shown.number;
  }
}
