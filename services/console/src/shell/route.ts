import { useEffect, useState } from "preact/hooks";

export type Route = { readonly page: "semaphores" } | { readonly page: "semaphore"; readonly name: string };

const SEMAPHORE = "#/semaphores/";

/** The address of all semaphores. */
export const home = "#/";

/** The address of a semaphore's page. */
export function addressOf(semaphore: string): string {
  return `${SEMAPHORE}${encodeURIComponent(semaphore)}`;
}

/** What a semaphore may be called, as the sidecar has it. */
export const semaphoreName = /^[A-Za-z0-9][A-Za-z0-9._:-]{0,127}$/;

/** What is behind the `#` of an address; whatever is no page leads to all semaphores. */
export function routeOf(hash: string): Route {
  const name = hash.startsWith(SEMAPHORE) ? decoded(hash.slice(SEMAPHORE.length)) : "";
  return name === "" ? { page: "semaphores" } : { page: "semaphore", name };
}

let navigations = 0;

/** Whether somebody has gone from one page to another, as opposed to having loaded this one. */
export function hasNavigated(): boolean {
  return navigations > 0;
}

export function useRoute(): Route {
  const [hash, setHash] = useState(location.hash);
  useEffect(() => {
    const follow = () => {
      navigations += 1;
      setHash(location.hash);
    };
    addEventListener("hashchange", follow);
    return () => removeEventListener("hashchange", follow);
  }, []);
  return routeOf(hash);
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return "";
  }
}
