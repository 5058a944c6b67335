// Errors as people read them. Pure.

const by_code = {
  token_invalid: "This token is not valid here. Was all of it copied?",
  token_expired: "This token has expired. Ask for a new one.",
  not_authenticated: "You are not signed in.",
  forbidden: "Your token does not allow this.",
  not_found: "It is not there, or not any more.",
  connection_lost: "The connection was lost. It is asked again when there is one.",
  unknown_code: "No log has this code.",
};

/** `error`: {code, description}, as the server or client.js gives it. */
export function words_of(error) {
  const words = by_code[error.code] ?? error.description ?? "Something went wrong.";
  return words.charAt(0).toUpperCase() + words.slice(1) + (/[.?!…]$/.test(words) ? "" : ".");
}

export const count_words = (count, one, many) => `${count.toLocaleString()} ${count === 1 ? one : many}`;
