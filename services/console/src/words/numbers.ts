const grouped = new Intl.NumberFormat("en-GB");

/** With its thousands apart: "12,345". */
export function numberWords(value: number): string {
  return grouped.format(value);
}

/** "1 lease", "12,345 leases" */
export function countWords(value: number, one: string, many = `${one}s`): string {
  return `${numberWords(value)} ${value === 1 ? one : many}`;
}
