interface FilterBoxProps {
  readonly label: string;
  readonly value: string;
  change(value: string): void;
}

/** Marks what the key `/` leads to. */
export const FILTER_MARK = "data-filter";

export function FilterBox({ label, value, change }: FilterBoxProps) {
  const clear = (event: KeyboardEvent) => {
    if (event.key !== "Escape" || value === "") return;
    event.preventDefault();
    change("");
  };
  return (
    <input
      class="filter"
      type="search"
      aria-label={label}
      aria-keyshortcuts="/"
      placeholder={label}
      autocomplete="off"
      spellcheck={false}
      value={value}
      onInput={(event) => change(event.currentTarget.value)}
      onKeyDown={clear}
      {...{ [FILTER_MARK]: "" }}
    />
  );
}
