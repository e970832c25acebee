import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { pictures } from "../../screenshots/pictures.mjs";
import { root } from "../../toolchain/places.mjs";
import { documents, textOf } from "./markdown.js";

const folder = join(root, "docs/images");

it("the pictures of the documents are those that `npm run screenshots` takes", () => {
  expect(readdirSync(folder).sort()).toEqual(pictures.map(({ file }) => file).sort());
  const texts = documents().map(textOf);
  for (const { file } of pictures) {
    expect(
      texts.some((text) => text.includes(`images/${file})`)),
      file,
    ).toBe(true);
  }
});

it.each(pictures)("$file has the size that it is taken in, and is quickly loaded", (picture) => {
  const png = readFileSync(join(folder, picture.file));
  expect(png.length).toBeLessThan(300_000);
  // Behind the signature stands the header, with width and height first.
  const [width, height] = [png.readUInt32BE(16), png.readUInt32BE(20)];
  expect([width, height]).toEqual([picture.width * picture.scale, picture.height * picture.scale]);
});
