import type { Style } from './style';

/** `850ms`, `1.6s`, `14m32s`, `3h05m`, `2d04h`: two units at most. */
export function duration(ms: number): string {
  const whole = Math.max(0, ms);
  if (whole < 100) return `${Math.round(whole)}ms`;
  if (whole < 9_950) return `${(whole / 1000).toFixed(1)}s`;
  const seconds = Math.round(whole / 1000);
  if (seconds < 60) return `${seconds}s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)}m${pad(seconds % 60)}s`;
  if (seconds < 86_400) return `${Math.floor(seconds / 3600)}h${pad(Math.floor((seconds % 3600) / 60))}m`;
  return `${Math.floor(seconds / 86_400)}d${pad(Math.floor((seconds % 86_400) / 3600))}h`;
}

/** What is left until an instant: `14m32s left`, `expired`; off a terminal the instant itself. */
export function left(instant: string, nowMs: number, style: Style): string {
  const atMs = Date.parse(instant);
  if (!Number.isFinite(atMs)) return 'unknown';
  if (!style.person) return atMs > nowMs ? `until ${utc(atMs)}` : `expired ${utc(atMs)}`;
  return atMs > nowMs ? `${duration(Math.floor((atMs - nowMs) / 1000) * 1000)} left` : `expired ${duration(nowMs - atMs)} ago`;
}

/** An instant for people: the local time of day, with the day where it is another one; off a terminal RFC 3339 UTC. */
export function instant(text: string, nowMs: number, style: Style): string {
  const atMs = Date.parse(text);
  if (!Number.isFinite(atMs)) return 'unknown';
  if (!style.person) return utc(atMs);
  const at = new Date(atMs);
  const time = `${pad(at.getHours())}:${pad(at.getMinutes())}:${pad(at.getSeconds())}`;
  return at.toDateString() === new Date(nowMs).toDateString() ? time : `${day(at)} ${time}`;
}

/** As `instant`, to the millisecond: the order of events is the point. */
export function preciseInstant(text: string, nowMs: number, style: Style): string {
  const atMs = Date.parse(text);
  return style.person && Number.isFinite(atMs)
    ? `${instant(text, nowMs, style)}.${String(atMs % 1000).padStart(3, '0')}`
    : instant(text, nowMs, style);
}

/** RFC 3339 UTC with milliseconds only where there are some. */
export const utc = (atMs: number): string => new Date(atMs).toISOString().replace('.000Z', 'Z');

const day = (at: Date): string => `${at.getFullYear()}-${pad(at.getMonth() + 1)}-${pad(at.getDate())}`;
const pad = (value: number): string => String(value).padStart(2, '0');
