import { request } from "node:http";

/** What a caller gets who knows the sidecar by another name; `fetch` would set `Host` by itself. */
export function statusOf(
  port: number,
  path: string,
  host: string,
  token?: string,
): Promise<number | undefined> {
  const headers = { host, ...(token !== undefined && { authorization: `Bearer ${token}` }) };
  return new Promise((fulfil, reject) => {
    const options = { host: "127.0.0.1", port, path, headers };
    const sent = request(options, (response) => {
      response.resume();
      fulfil(response.statusCode);
    });
    sent.on("error", reject).end();
  });
}
