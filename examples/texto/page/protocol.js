// Texto v1: frames as text and back. Pure.

export function make_frame(client_id, id, kind, data = {}) {
  return JSON.stringify({ client_id, id, kind, data });
}

function is_text(value) {
  return typeof value === "string";
}

const fits = {
  connection: (data) => is_text(data.client_id),
  ack: () => true,
  receive: (data) => is_text(data.sender_id) && is_text(data.text),
  error: (data) => is_text(data.code),
};

/** What a server sent, as {id, kind, data}; null if it is nothing that this protocol knows. */
export function read_frame(text) {
  let frame;
  try {
    frame = JSON.parse(text);
  } catch {
    return null;
  }
  if (typeof frame !== "object" || frame === null || !is_text(frame.id)) return null;
  const data = typeof frame.data === "object" && frame.data !== null ? frame.data : {};
  if (!Object.hasOwn(fits, frame.kind) || !fits[frame.kind](data)) return null;
  return { id: frame.id, kind: frame.kind, data };
}
