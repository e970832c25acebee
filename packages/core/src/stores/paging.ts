import { InvalidArgumentError } from "../errors.js";

/** How many entries a page has where its caller does not say. */
export const defaultPageSize = 100;

/** Names a place in a listing, opaquely: what is inside may change from release to release. */
export function encodeCursor(place: readonly (string | number)[]): string {
  return Buffer.from(JSON.stringify(place)).toString("base64url");
}

/**
 * The place that a cursor names, which has a value of the type of each of `like`.
 *
 * @throws InvalidArgumentError when the cursor is none of ours
 */
export function decodeCursor<Place extends readonly (string | number)[]>(cursor: string, like: Place): Place {
  const place = parse(cursor);
  if (
    Array.isArray(place) &&
    place.length === like.length &&
    like.every((value, i) => typeof value === typeof place[i])
  )
    return place as unknown as Place;
  throw new InvalidArgumentError("cursor", "a cursor that this store returned", cursor);
}

function parse(cursor: string): unknown {
  try {
    return JSON.parse(Buffer.from(cursor, "base64url").toString());
  } catch {
    return undefined;
  }
}
