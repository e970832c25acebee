import type { ConnectionState } from "../events/connection.js";

const words: Record<ConnectionState["is"], string> = {
  live: "Live",
  connecting: "Connecting…",
  unreachable: "Sidecar unreachable…",
  draining: "Draining…",
  refused: "Signed out",
};

/** The state of the connection in one word, spoken when it changes. */
export function ConnectionMark({ state }: { readonly state: ConnectionState }) {
  return (
    <div class={`connection ${state.is}`} role="status" aria-label="Connection">
      {words[state.is]}
    </div>
  );
}
