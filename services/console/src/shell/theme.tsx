import { useState } from "preact/hooks";
import { placeOf } from "../access/place.js";

const KEY = "sluice.theme";
const place = placeOf("localStorage");
const themes = ["system", "light", "dark"] as const;

type Theme = (typeof themes)[number];

const names: Record<Theme, string> = { system: "System", light: "Light", dark: "Dark" };

/** Light, dark, or as the system has it; kept for the next visit. */
export function ThemeChoice() {
  const [theme, setTheme] = useState(storedTheme);
  const choose = (event: { currentTarget: HTMLSelectElement }) => {
    const chosen = themeOf(event.currentTarget.value);
    place.setItem(KEY, chosen);
    showTheme(chosen);
    setTheme(chosen);
  };
  return (
    <select class="theme" aria-label="Theme" value={theme} onChange={choose}>
      {themes.map((name) => (
        <option key={name} value={name}>
          {names[name]}
        </option>
      ))}
    </select>
  );
}

/** Before the first drawing, so that nobody is dazzled. */
export function showStoredTheme(): void {
  showTheme(storedTheme());
}

function showTheme(theme: Theme): void {
  document.documentElement.dataset.theme = theme;
}

function storedTheme(): Theme {
  return themeOf(place.getItem(KEY));
}

function themeOf(text: string | null): Theme {
  return themes.find((theme) => theme === text) ?? "system";
}
