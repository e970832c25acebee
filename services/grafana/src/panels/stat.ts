import type { StatPanel } from "../schema/panel.js";
import { type About, now, shared } from "./common.js";

export interface Stat extends About {
  readonly unit: string;
  readonly expr: string;
  /** The colour below all steps, and then from each value on. */
  readonly colours: readonly [below: string, ...(readonly [from: number, colour: string])[]];
  readonly decimals?: number;
  /** What numbers are called. */
  readonly words?: Readonly<Record<string, string>>;
  readonly nothing?: string;
}

/** One number, of now. */
export function stat(settings: Stat): StatPanel {
  const { unit, expr, colours, decimals, words, nothing = "no data" } = settings;
  const [below, ...steps] = colours;
  return {
    type: "stat",
    ...shared(settings),
    targets: now([{ expr, legend: settings.title }]),
    fieldConfig: {
      defaults: {
        unit,
        ...(decimals === undefined ? {} : { decimals }),
        noValue: nothing,
        color: { mode: "thresholds" },
        thresholds: {
          mode: "absolute",
          steps: [{ color: below, value: null }, ...steps.map(([value, color]) => ({ color, value }))],
        },
        ...(words === undefined ? {} : { mappings: [named(words)] }),
      },
      overrides: [],
    },
    options: {
      reduceOptions: { calcs: ["lastNotNull"], fields: "", values: false },
      orientation: "auto",
      colorMode: "background_solid",
      graphMode: "none",
      justifyMode: "auto",
      textMode: "value",
      percentChangeColorMode: "standard",
      showPercentChange: false,
      wideLayout: true,
    },
  };
}

function named(words: Readonly<Record<string, string>>) {
  const options = Object.fromEntries(Object.entries(words).map(([value, text]) => [value, { text }]));
  return { type: "value" as const, options };
}
