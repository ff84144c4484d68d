import type { Failure } from './peers';

interface Absence {
  readonly beganMs: number;
  endedMs: number | undefined;
}

const seconds = (ms: number): string => `${(ms / 1000).toFixed(1)} s`;

/** When there was no server, as whoever asks for its status sees it: that is a second or so longer than agents do. */
export class Absences {
  readonly #all: Absence[] = [];

  begin(atMs: number): void {
    this.#all.push({ beganMs: atMs, endedMs: undefined });
  }

  end(atMs: number): void {
    this.#all.at(-1)!.endedMs = atMs;
  }

  /** Median and longest. */
  summary(): string {
    const lengths = this.#all.map(({ beganMs, endedMs }) => (endedMs ?? beganMs) - beganMs).sort((a, b) => a - b);
    if (lengths.length === 0) return 'no time';
    return `${seconds(lengths[Math.floor(lengths.length / 2)]!)} in the median, ${seconds(lengths.at(-1)!)} at most`;
  }

  /** One failure with what it takes to see its cause: what was left of both certificates, and where the server was. */
  told({ why, atMs, endsMs, serviceEndsMs }: Failure): string {
    const left = (ms: number | undefined) => (ms === undefined ? 'not seen' : `${seconds(ms - atMs)} left`);
    const last = this.#all.filter(({ beganMs }) => beganMs <= atMs).at(-1);
    const server =
      last === undefined
        ? 'never killed'
        : last.endedMs === undefined || last.endedMs > atMs
          ? `away since ${seconds(atMs - last.beganMs)}`
          : `back since ${seconds(atMs - last.endedMs)}`;
    return `${new Date(atMs).toISOString()} ${why}: agent ${left(endsMs)}, service ${left(serviceEndsMs)}, server ${server}`;
  }
}
