import { useState } from "preact/hooks";
import { useCell } from "../live/use-cell.js";
import { useDesk } from "../shell/desk.js";
import { sentenceOf } from "../sidecar/refusal.js";

/** Asks for a token. It goes nowhere but into the header of the page's own calls, and into `sessionStorage`. */
export function TokenForm() {
  const { access, connection } = useDesk();
  const { problem, token } = useCell(access.admission);
  const [typed, setTyped] = useState("");
  const submit = (event: Event) => {
    event.preventDefault();
    const canBeSent = access.use(typed.trim());
    setTyped("");
    if (canBeSent) connection.start();
  };
  return (
    <main class="sign-in">
      <h1>This sidecar asks for a token</h1>
      <p>
        Reading takes a token with the scope <code>read</code>; resizing and revoking one with{" "}
        <code>operate</code>. The token is kept until this tab is closed.
      </p>
      <form onSubmit={submit}>
        <label>
          Token
          <input
            type="password"
            required
            autocomplete="off"
            value={typed}
            onInput={(event) => setTyped(event.currentTarget.value)}
          />
        </label>
        <button type="submit" class="primary">
          Sign in
        </button>
      </form>
      <p class="problem" role="alert">
        {problem !== undefined && sentenceOf(problem)}
      </p>
      {token !== undefined && <p>Asking the sidecar…</p>}
    </main>
  );
}
