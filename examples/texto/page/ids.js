// Ids: those of clients are UUIDs that the server gives; those of frames are ours.

const uuid = /[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/i;

/** The first id in a text, such as a pasted link; null if there is none. */
export function find_id(text) {
  const found = uuid.exec(text);
  return found ? found[0].toLowerCase() : null;
}

/** As much of an id as people compare. */
export function short_id(id) {
  return id.slice(0, 8);
}

/** A random UUID. crypto.randomUUID is there over TLS and on localhost only. */
export function new_id() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = (bytes[6] & 0x0f) | 0x40;
  bytes[8] = (bytes[8] & 0x3f) | 0x80;
  const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join("-");
}

/** A colour's angle for an id: the same one each time. */
export function hue_of(id) {
  let sum = 0;
  for (const letter of id) sum = (sum * 31 + letter.codePointAt(0)) % 360;
  return sum;
}
