/** For `expect.poll`: the feed tells of changes once a second, on machines that may be busy. */
export const patience = { timeout: 30_000, interval: 50 };
