// Requests and their answers: each has an id, and a promise that is kept by the frame with the same
// id, or broken by an error `{code, description}`. What has no id is a push.

export function make_client({ connection, on_push }) {
  const waiting = new Map();
  let last_id = 0;

  return {
    /** `on_reply` is called at once when the reply is there, before what came behind it is looked at. */
    ask(kind, data, on_reply = () => {}) {
      return new Promise((resolve, reject) => {
        const id = ++last_id;
        waiting.set(id, { resolve, reject, on_reply });
        if (connection().send({ id, kind, data })) return;
        waiting.delete(id);
        reject({ code: "connection_lost" });
      });
    },

    hear(frame) {
      const asked = waiting.get(frame.id);
      if (!asked) {
        if (frame.id === undefined) on_push(frame.kind, frame.data ?? {});
        return;
      }
      waiting.delete(frame.id);
      if (frame.kind !== "reply") return asked.reject(frame.data ?? {});
      asked.on_reply(frame.data);
      asked.resolve(frame.data);
    },

    /** Nobody will answer any more what was asked on the connection that is lost. */
    lost() {
      const all = [...waiting.values()];
      waiting.clear();
      for (const asked of all) asked.reject({ code: "connection_lost" });
    },
  };
}
