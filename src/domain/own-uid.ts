/**
 * User ids that a root node gives to launches, one launch each. The range lies above those of people, of subordinate ids (subuid(5)) and of
 * containers (systemd's end at 1879048191), and below 2³¹, which some programs take for negative.
 */
export const FIRST_OWN_UID = 1_900_000_000;
export const OWN_UIDS = 65_536;
/** A uid rests this long after its launch: files that an agent left outside its project stay with it, and people look at them. */
export const REST_MS = 30 * 24 * 3600 * 1000;

/** No human, whoever runs under it. */
export const isOwnUid = (uid: number): boolean => uid >= FIRST_OWN_UID && uid < FIRST_OWN_UID + OWN_UIDS;

/** Which uid belongs to which launch, and since when the others rest. */
export interface OwnUids {
  /** The one given last: the next is looked for after it, so that every other one rests longer. */
  readonly last: number;
  readonly used: readonly UsedUid[];
}

export interface UsedUid {
  readonly uid: number;
  readonly launchId: string;
  /** When its launch ended; null while it is open. */
  readonly endedAtMs: number | null;
}

export const NO_OWN_UIDS: OwnUids = { last: FIRST_OWN_UID + OWN_UIDS - 1, used: [] };

/**
 * The table with one uid more, given to this launch; undefined where none is left. `taken` says whether an account or a living process has a uid.
 * What has rested long enough is dropped from the table.
 */
export function giveUid(
  table: OwnUids,
  launchId: string,
  nowMs: number,
  taken: (uid: number) => boolean,
): { readonly uid: number; readonly table: OwnUids } | undefined {
  const used = table.used.filter(({ endedAtMs }) => endedAtMs === null || nowMs - endedAtMs < REST_MS);
  const busy = new Set(used.map(({ uid }) => uid));
  for (let step = 1; step <= OWN_UIDS; step++) {
    const uid = FIRST_OWN_UID + ((table.last - FIRST_OWN_UID + step) % OWN_UIDS);
    if (busy.has(uid) || taken(uid)) continue;
    return { uid, table: { last: uid, used: [...used, { uid, launchId, endedAtMs: null }] } };
  }
  return undefined;
}

/** The table after a launch has ended: its uid rests from now on. */
export const restUid = (table: OwnUids, launchId: string, nowMs: number): OwnUids => ({
  ...table,
  used: table.used.map((entry) => (entry.launchId === launchId && entry.endedAtMs === null ? { ...entry, endedAtMs: nowMs } : entry)),
});

/** The reverse of JSON.stringify; undefined where the text is no such table, which nobody may then give uids from. */
export function readOwnUids(text: string): OwnUids | undefined {
  try {
    const { last, used } = JSON.parse(text) as { readonly last: unknown; readonly used: unknown };
    if (typeof last !== 'number' || !isOwnUid(last) || !Array.isArray(used) || !used.every(isUsed)) return undefined;
    return { last, used };
  } catch {
    return undefined;
  }
}

function isUsed(entry: unknown): entry is UsedUid {
  if (typeof entry !== 'object' || entry === null) return false;
  const { uid, launchId, endedAtMs } = entry as Record<string, unknown>;
  return typeof uid === 'number' && isOwnUid(uid) && typeof launchId === 'string' && (endedAtMs === null || typeof endedAtMs === 'number');
}
