import { Cell } from "../live/cell.js";
import type { Place } from "./place.js";

const KEY = "sluice.token";

/** As the sidecar has it, but for the length. */
const tokenPattern = /^[\x21-\x7e]+$/;

export interface Admission {
  /** Sent with every call. */
  readonly token: string | undefined;
  /** The page asks for a token: without one, or with this one, nothing is told. */
  readonly asks: boolean;
  /** Why it asks again; undefined for the first time, and while a token is being tried. */
  readonly problem: string | undefined;
}

/** The token of this page: where it is kept, and whether the sidecar takes it. */
export class Access {
  readonly admission: Cell<Admission>;
  readonly #place: Place;

  /** @param place where the token outlives a reload of the page; `sessionStorage` forgets it with the tab */
  constructor(place: Place) {
    this.#place = place;
    const token = place.getItem(KEY) ?? undefined;
    this.admission = new Cell<Admission>({ token, asks: false, problem: undefined });
  }

  get token(): string | undefined {
    return this.admission.value.token;
  }

  /**
   * From now on this token is sent; the form stays until the sidecar has taken it. Returns whether it can be sent at all:
   * the header carries no other characters.
   */
  use(token: string): boolean {
    if (!tokenPattern.test(token)) {
      this.#forget("a token has printable ASCII characters alone, and no spaces");
      return false;
    }
    this.#place.setItem(KEY, token);
    this.admission.set({ token, asks: true, problem: undefined });
    return true;
  }

  /** The sidecar has answered. */
  accepted(): void {
    if (this.admission.value.asks) this.admission.set({ token: this.token, asks: false, problem: undefined });
  }

  /** The sidecar wants another token than the one that was sent, which is forgotten. */
  refused(problem: string, sent: string | undefined): void {
    // Of a token that has been replaced since, nobody wants to hear.
    if (sent === this.token) this.#forget(sent === undefined ? undefined : problem);
  }

  signOut(): void {
    this.#forget(undefined);
  }

  #forget(problem: string | undefined): void {
    this.#place.removeItem(KEY);
    this.admission.set({ token: undefined, asks: true, problem });
  }
}
