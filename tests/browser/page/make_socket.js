// A WebSocket whose events are asked for one after the other; the same for a browser's and for that of Node's `ws`.

/** next() resolves to {open: subprotocol, extensions}, {text}, {bytes: their number} or {close: code, reason, was_clean}. */
export function make_socket(WebSocket, url, protocols = []) {
  const socket = new WebSocket(url, protocols);
  const events = [];
  const waiting = [];
  socket.binaryType = "arraybuffer";

  function tell(event) {
    if (waiting.length > 0) waiting.shift()(event);
    else events.push(event);
  }
  socket.onopen = () => tell({ open: socket.protocol, extensions: socket.extensions });
  socket.onmessage = ({ data }) => tell(typeof data === "string" ? { text: data } : { bytes: data.byteLength });
  socket.onclose = ({ code, reason, wasClean }) => tell({ close: code, reason, was_clean: wasClean });
  // A close event follows, and browsers say no more than that here.
  socket.onerror = () => {};

  return {
    socket,
    /** Fails after so many milliseconds without an event. */
    next(limit) {
      if (events.length > 0) return Promise.resolve(events.shift());
      return new Promise((resolve, reject) => {
        const take = (event) => {
          clearTimeout(timer);
          resolve(event);
        };
        const timer = setTimeout(() => {
          waiting.splice(waiting.indexOf(take), 1);
          reject(new Error(`no event within ${limit} ms`));
        }, limit);
        waiting.push(take);
      });
    },
    send: (text) => socket.send(text),
    send_bytes: (count) => socket.send(new Uint8Array(count)),
    close: (code, reason) => socket.close(code, reason),
  };
}
