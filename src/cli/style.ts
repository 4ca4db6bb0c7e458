import type { Terminal } from './program.ts';

/** Paints text where the terminal takes colours; gives it back unchanged where not. */
export interface Style {
  bold(text: string): string;
  dim(text: string): string;
  red(text: string): string;
  green(text: string): string;
  yellow(text: string): string;
}

const codes = { bold: 1, dim: 2, red: 31, green: 32, yellow: 33 } as const;

/** The style of a terminal. Meaning never rests on colour alone. */
export function styleOf({ colours }: Terminal): Style {
  const paint = (code: number) => (text: string) =>
    colours === true && text !== '' ? `\u001b[${code}m${text}\u001b[0m` : text;
  return {
    bold: paint(codes.bold),
    dim: paint(codes.dim),
    red: paint(codes.red),
    green: paint(codes.green),
    yellow: paint(codes.yellow),
  };
}

const controls = /[\u0000-\u001f\u007f-\u009f\u200e\u200f\u2028-\u202e\u2066-\u2069]/g;

/** Text that came from elsewhere, without anything in it that a terminal would act on. */
export function clean(text: string): string {
  return text.replace(controls, '\ufffd');
}

/** Characters that a text takes on the terminal, colours aside. */
export function widthOf(text: string): number {
  return [...text.replace(/\u001b\[\d+m/g, '')].length;
}

/** Lines with aligned columns; `right` lists the columns that are flush right. */
export function formatTable(
  rows: readonly (readonly string[])[],
  { indent = 2, right = [] }: { indent?: number; right?: readonly number[] } = {},
): string {
  const widths: number[] = [];
  for (const row of rows) {
    for (const [column, cell] of row.entries()) {
      widths[column] = Math.max(widths[column] ?? 0, widthOf(cell));
    }
  }
  return rows
    .map((row) => {
      const cells = row.map((cell, column) => {
        const gap = ' '.repeat((widths[column] ?? 0) - widthOf(cell));
        return right.includes(column) ? gap + cell : cell + gap;
      });
      return `${' '.repeat(indent)}${cells.join('  ')}`.trimEnd();
    })
    .map((line) => `${line}\n`)
    .join('');
}

/** `41.2 %`; a share above 0 never looks like none. */
export function percent(share: number): string {
  if (share > 0 && share < 0.0005) return '<0.1 %';
  return `${(share * 100).toFixed(1)} %`;
}

/** `12,000`, and one decimal below 100. */
export function amount(value: number): string {
  const digits = Math.abs(value) < 100 && !Number.isInteger(value) ? 1 : 0;
  return value.toLocaleString('en-US', { maximumFractionDigits: digits });
}

/** `1 zone`, `2 zones`. */
export function counted(count: number, noun: string): string {
  return `${count.toLocaleString('en-US')} ${noun}${count === 1 ? '' : 's'}`;
}
