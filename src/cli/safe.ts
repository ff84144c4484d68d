import { terminalText } from '../domain/terminal-text';

/** More than a terminal line is ever needed of one value. */
const MAX_VALUE = 400;

/** What nearly every value is; the table of all hostile characters takes milliseconds to build. */
const HARMLESS = /^[ -[\]-~]*$/;

/** A value from elsewhere as it may be printed: escaped and bounded. */
export const safe = (text: string): string => (text.length <= MAX_VALUE && HARMLESS.test(text) ? text : terminalText(text, MAX_VALUE));

/** As `safe`; nothing is shown as a dash. */
export const safeOr = (text: string | null | undefined): string => (text === null || text === undefined || text === '' ? '–' : safe(text));

/** As `safe` for a sentence that may already show escapes: its backslashes stay single. */
export const safeSentence = (text: string): string =>
  text
    .slice(0, MAX_VALUE)
    .split('\\')
    .map((part) => (HARMLESS.test(part) ? part : terminalText(part)))
    .join('\\');
