// The other end of tests/support/browser.py: calls come as lines of JSON on standard input, each is answered by a
// line on standard output. Calls do not wait for one another. The end of the input ends the program.
//
// {"id":1,"call":"open","with":[…]} → {"id":1,"result":…} or {"id":1,"error":"…"}

import { createInterface } from "node:readline";

/** `calls`: functions by name, which may be asynchronous. Resolves when the input has ended. */
export async function serve_lines(calls) {
  async function answer({ id, call, with: values = [] }) {
    let outcome;
    try {
      outcome = { result: (await calls[call](...values)) ?? null };
    } catch (error) {
      outcome = { error: error.message };
    }
    process.stdout.write(JSON.stringify({ id, ...outcome }) + "\n");
  }
  for await (const line of createInterface({ input: process.stdin, crlfDelay: Infinity })) answer(JSON.parse(line));
}
