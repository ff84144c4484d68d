const UNITS: Readonly<Record<string, number>> = { '': 1, s: 1, m: 60, h: 3600, d: 86_400 };

/** Seconds of a duration as rule files write it: a number of seconds, or `20s`, `15m`, `1h`. Undefined for anything else; 0 is a duration. */
export function durationSeconds(value: string | number): number | undefined {
  return secondsOf(value, /^(0|[1-9][0-9]{0,8})([smh]?)$/);
}

/** As `durationSeconds`, and days as well (`14d`), which no lifetime of an SVID has. */
export function longDurationSeconds(value: string | number): number | undefined {
  return secondsOf(value, /^(0|[1-9][0-9]{0,8})([smhd]?)$/);
}

function secondsOf(value: string | number, form: RegExp): number | undefined {
  if (typeof value === 'number') return Number.isSafeInteger(value) && value >= 0 ? value : undefined;
  const parts = form.exec(value);
  if (parts === null) return undefined;
  return Number(parts[1]) * (UNITS[parts[2] as string] as number);
}
