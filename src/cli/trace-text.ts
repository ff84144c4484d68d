import { safe, safeOr } from './safe';
import type { Style } from './style';
import { pad } from './table';
import { left } from './times';

/** The document of `trace -o json` as far as it is shown. */
export interface TraceAnswer {
  readonly credential: { readonly kind: string; readonly serial: string; readonly spiffeId: string; readonly notAfter: string };
  /** Outermost last. */
  readonly hops: readonly { readonly kind: string; readonly id: string; readonly assurance: string; readonly source: string }[];
  readonly delegator: { readonly name: string; readonly uid: number; readonly assurance: string; readonly given: string } | null;
  readonly complete: boolean;
  readonly stopsAt?: { readonly kind: string; readonly reason: string; readonly code: string };
}

/** A trace for people: the human first, then inwards to the credential; what is weak is said where it is weak. */
export function traceText(trace: TraceAnswer, nowMs: number, style: Style): string {
  const { credential } = trace;
  const head = `${style.bold(`${credential.kind} ${safe(credential.serial)}`)}   ${left(credential.notAfter, nowMs, style)}\n  ${safe(credential.spiffeId)}\n\n`;
  const hops = [...trace.hops].reverse().map((hop, depth) => {
    const branch = depth === 0 ? '' : `${'   '.repeat(depth - 1)}└─ `;
    return `  ${pad(branch + hop.kind, 28)} ${pad(safe(hop.id), 20)} ${pad(safe(hop.source), 34)} ${style.dim(safe(hop.assurance))}\n`;
  });
  return head + hops.join('') + `\n${conclusion(trace, style)}\n`;
}

function conclusion(trace: TraceAnswer, style: Style): string {
  if (trace.complete) return style.good('complete');
  const stop = trace.stopsAt;
  return style.bad(`stops at ${safeOr(stop?.kind)}: ${safeOr(stop?.reason)} (${safeOr(stop?.code)})`);
}
