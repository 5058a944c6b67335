// Pictures are made small before they are sent: a photograph of a phone has megabytes, a message at most one.

const longest_side = 1280;
const most_bytes = 500_000;

/** {type, image: ArrayBuffer} of a file that is a picture; fails with an error for people. */
export async function read_image(file) {
  const kinds = ["image/png", "image/jpeg", "image/webp", "image/gif"];
  if (kinds.includes(file.type) && file.size <= most_bytes) return { type: file.type, image: await file.arrayBuffer() };
  let picture;
  try {
    picture = await createImageBitmap(file);
  } catch {
    throw new Error("This file is no picture that the browser can read");
  }
  const scale = Math.min(1, longest_side / Math.max(picture.width, picture.height));
  const canvas = document.createElement("canvas");
  canvas.width = Math.max(1, Math.round(picture.width * scale));
  canvas.height = Math.max(1, Math.round(picture.height * scale));
  canvas.getContext("2d").drawImage(picture, 0, 0, canvas.width, canvas.height);
  for (const quality of [0.85, 0.6, 0.35]) {
    const made = await new Promise((done) => canvas.toBlob(done, "image/jpeg", quality));
    if (made && made.size <= most_bytes) return { type: "image/jpeg", image: await made.arrayBuffer() };
  }
  throw new Error("This picture is too large");
}

/** An address for <img>; to be revoked when the picture is gone. */
export const image_url = ({ type, image }) => URL.createObjectURL(new Blob([image], { type }));
