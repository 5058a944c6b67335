// How long to wait before the next attempt: twice as long each time, up to a bound, and never quite
// the same as others wait, so that not everybody comes back at once. Pure.

export function make_backoff({ first = 500, most = 30000, random = Math.random } = {}) {
  let attempts = 0;
  return {
    /** Milliseconds. */
    next() {
      const longest = Math.min(most, first * 2 ** attempts);
      attempts = Math.min(attempts + 1, 30);
      return Math.round(longest / 2 + (longest / 2) * random());
    },
    reset() {
      attempts = 0;
    },
  };
}
