/** One line of what `make attack` prints. */
export interface Row {
  readonly name: string;
  readonly mode: string;
  readonly obtained: string;
  readonly verdict: string;
  /** How many tries, and how many of them succeeded where some did. */
  readonly trials: string;
  readonly failed: boolean;
}

const WIDTHS = { name: 58, mode: 9, obtained: 40 } as const;

const cell = (text: string, width: number): string => (text.length > width ? `${text.slice(0, width - 1)}…` : text.padEnd(width));

/** Columns have fixed widths, since each row is printed when it is known. The trials stand before the verdict, which may be long. */
export const line = ({ name, mode, obtained, verdict, trials, failed }: Row): string =>
  [
    cell(name, WIDTHS.name),
    cell(mode, WIDTHS.mode),
    cell(obtained, WIDTHS.obtained),
    cell(trials, 11),
    `${failed ? 'FAILED ' : ''}${verdict}`,
  ]
    .join('  ')
    .trimEnd();

export const HEAD = line({ name: 'case', mode: 'mode', obtained: 'obtained', trials: 'trials', verdict: 'verdict', failed: false });
