// Bytes in lines of JSON: {"_binary": "<base64>"}, as handlers of bester see them.

export function as_text(value) {
  if (value instanceof ArrayBuffer) value = new Uint8Array(value);
  if (ArrayBuffer.isView(value)) return { _binary: Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString("base64") };
  if (Array.isArray(value)) return value.map(as_text);
  if (value === null || typeof value !== "object") return value;
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, as_text(each)]));
}

export function as_bytes(value) {
  if (Array.isArray(value)) return value.map(as_bytes);
  if (value === null || typeof value !== "object") return value;
  if (typeof value._binary === "string") return Buffer.from(value._binary, "base64");
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, as_bytes(each)]));
}
