import { useCell } from "../live/use-cell.js";
import { useDesk } from "../shell/desk.js";

/** How the first semaphore comes to be. */
export function NoSemaphores() {
  const { token } = useCell(useDesk().access.admission);
  const url = new URL("v1/semaphores/openai", document.baseURI).href.split("#")[0];
  const authorization = token === undefined ? "" : ` -H "authorization: Bearer $SLUICE_TOKEN"`;
  return (
    <div class="empty">
      <p>
        There are no semaphores yet. A program creates one when it first acquires a permit, and so does this:
      </p>
      <pre>
        <code>
          {`curl -X PUT ${url}${authorization} \\\n  -H "content-type: application/json" -d '{"limit": 10}'`}
        </code>
      </pre>
    </div>
  );
}
