// Puts log entries into words, as the server knows them: many in one request, each in a moment.

const pause = 120;
const most = 100;

export function make_interpreter({ ask, language }) {
  let pending = [];
  let timer = null;

  async function flush() {
    timer = null;
    const batch = pending.splice(0, most);
    if (pending.length > 0) schedule();
    const entries = batch.map(({ entry }) => ({ code: entry.code, parameters: entry.parameters }));
    try {
      const { texts } = await ask("interpret", { language: language(), entries });
      batch.forEach(({ entry, done }, at) => done(texts[at] ?? entry.code));
    } catch {
      // Without a connection there is nobody who knows the words; the code says something, too.
      for (const { entry, done } of batch) done(entry.code);
    }
  }

  function schedule() {
    timer ??= setTimeout(flush, pause);
  }

  return {
    /** `done(text)` is called later. */
    add(entry, done) {
      pending.push({ entry, done });
      schedule();
    },
    /** What nobody wants to read any more. */
    clear() {
      pending = [];
    },
  };
}
