/** One measured figure and what it is held against. */
export interface Figure {
  readonly what: string;
  readonly measured: string;
  readonly threshold: string;
  readonly passed: boolean;
  /** What a ratio rests on, and what else was seen. */
  readonly basis: string;
}

export const figure = (what: string, value: number, unit: string, bound: { most: number } | { least: number }, basis: string): Figure => {
  const most = 'most' in bound;
  const limit = most ? bound.most : bound.least;
  return {
    what,
    measured: `${shown(value)} ${unit}`,
    threshold: `${most ? '≤' : '≥'} ${shown(limit)} ${unit}`,
    passed: most ? value <= limit : value >= limit,
    basis,
  };
};

export const shown = (value: number): string => (Math.abs(value) >= 100 ? value.toFixed(0) : value.toFixed(value < 10 ? 2 : 1));

/** One line a figure; what failed is marked and counted at the end. */
export function table(figures: readonly Figure[]): string {
  const rows = [
    ['', 'WHAT', 'MEASURED', 'THRESHOLD', 'BASIS'],
    ...figures.map((f) => [f.passed ? 'ok' : 'SLOW', f.what, f.measured, f.threshold, f.basis]),
  ];
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
  return (
    rows
      .map((row) =>
        row
          .map((cell, column) => cell.padEnd(widths[column]!))
          .join('  ')
          .trimEnd(),
      )
      .join('\n') + '\n'
  );
}

/** The value below which this share of all lies. */
export function percentile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))]!;
}
