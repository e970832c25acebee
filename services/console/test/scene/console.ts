import type { PageOptions, TestBrowser, TestPage } from "@sluice/testkit/browser";

/** What people see and touch, by the names that a screen reader says. */
export class Console {
  readonly test: TestPage;

  /** Use `openConsole`. */
  constructor(test: TestPage) {
    this.test = test;
  }

  get page() {
    return this.test.page;
  }

  get connection() {
    return this.page.getByRole("status", { name: "Connection" });
  }

  get overview() {
    return this.page.getByRole("table", { name: "Semaphores" });
  }

  get filter() {
    return this.page.getByRole("searchbox", { name: "Filter semaphores" });
  }

  /** What the head of the page says of all semaphores together. */
  get totals() {
    return this.page.locator(".totals");
  }

  get leases() {
    return this.page.getByRole("table", { name: "Leases" });
  }

  get waiters() {
    return this.page.getByRole("table", { name: "Waiters" });
  }

  get tokenForm() {
    return this.page.getByRole("heading", { name: "This sidecar asks for a token" });
  }

  get dialog() {
    return this.page.getByRole("dialog");
  }

  heading(name: string) {
    return this.page.getByRole("heading", { level: 1, name, exact: true });
  }

  button(name: string | RegExp) {
    return this.page.getByRole("button", { name, exact: true });
  }

  alert(text: string | RegExp) {
    return this.page.getByRole("alert").filter({ hasText: text });
  }

  /** The row of a semaphore in the overview. */
  row(semaphore: string) {
    return this.overview.getByRole("row").filter({ has: this.link(semaphore) });
  }

  link(semaphore: string) {
    return this.page.getByRole("link", { name: semaphore, exact: true });
  }

  sparkline(semaphore: string) {
    return this.row(semaphore).getByRole("img", { name: /^Permits in use/ });
  }

  /** The limit's line in the sparkline of a semaphore. */
  limitLine(semaphore: string) {
    return this.sparkline(semaphore).locator("path.limit");
  }

  leaseOf(holder: string) {
    return this.leases.getByRole("row").filter({ hasText: holder });
  }

  /** The names of the semaphores that are shown, from above. */
  async names(): Promise<string[]> {
    return await this.overview.getByRole("link").allTextContents();
  }

  /** What the row of a semaphore says. */
  async cells(semaphore: string): Promise<{ use?: string; waiting?: string; longest?: string }> {
    const [, , use, waiting, longest] = await this.row(semaphore).getByRole("cell").allInnerTexts();
    const said = Object.entries({ use, waiting, longest }).filter(([, text]) => text !== undefined);
    return Object.fromEntries(said.map(([name, text]) => [name, String(text).trim()]));
  }

  async open(semaphore: string): Promise<void> {
    await this.link(semaphore).click();
    await this.heading(semaphore).waitFor();
  }

  async signIn(token: string): Promise<void> {
    await this.page.getByLabel("Token").fill(token);
    await this.button("Sign in").click();
  }

  /** @throws Error of what went wrong on the page */
  [Symbol.asyncDispose](): Promise<void> {
    return this.test[Symbol.asyncDispose]();
  }
}

/** The console of a sidecar, in a profile of its own. */
export async function openConsole(
  browser: TestBrowser,
  sidecar: { readonly url: string },
  options: PageOptions & { readonly at?: string } = {},
): Promise<Console> {
  const test = await browser.newPage(options);
  await test.goTo(`${sidecar.url}/${options.at ?? ""}`);
  return new Console(test);
}
