import type { Hop, Trace } from '../domain/trace';
import { safe } from './safe';
import type { Style } from './style';
import { pad, width } from './table';
import { duration, instant, left, preciseInstant } from './times';

/** A trace for people: the human first, then inwards to the credential; what is weak is said where it is weak. */
export function traceText(trace: Trace, nowMs: number, style: Style): string {
  const { credential } = trace;
  const head = `${style.bold(`${title(credential.kind)} ${safe(credential.serial)}`)}   ${stateText(trace, nowMs, style)}\n  ${safe(credential.spiffeId)}\n\n`;
  return `${head}${chainText(trace, nowMs, style)}\n${conclusion(trace, style)}\n`;
}

interface Line {
  readonly label: string;
  readonly name: string;
  readonly detail: string;
  readonly assurance: string;
}

function chainText(trace: Trace, nowMs: number, style: Style): string {
  // The issuer is no step between agent and human; the conclusion says what it means for the chain.
  const hops = [...trace.hops].reverse().filter((hop) => hop.kind !== 'issuer');
  // An agent takes what is around it along: its end is said once.
  const agentEnded = hops.some((hop) => hop.kind === 'agent' && typeof hop.attributes['endedAt'] === 'string');
  const endOf = (hop: Hop) => (agentEnded && hop.kind !== 'agent' ? '' : endText(hop, nowMs, style));
  const lines = [...stopLine(trace), ...hops.map((hop) => hopLine(hop, endOf(hop), nowMs, style)), credentialLine(trace, nowMs, style)];
  const rows = lines.map((line, depth) => {
    const branch = depth === 0 ? '' : `${'   '.repeat(depth - 1)}└─ `;
    return { left: `${branch}${pad(line.label, 11)} ${pad(line.name, 16)} ${line.detail}`, assurance: line.assurance };
  });
  const widest = Math.max(...rows.filter((row) => row.assurance !== '').map((row) => width(row.left)), 0);
  return rows
    .map((row) => `  ${row.assurance === '' ? row.left : `${pad(row.left, widest)}  ${style.dim(row.assurance)}`}`.trimEnd() + '\n')
    .join('');
}

/** Where no human stands at the top, the place is not left empty. */
function stopLine(trace: Trace): Line[] {
  if (trace.stopsAt === null) return [];
  const { kind, reason, code } = trace.stopsAt;
  return [{ label: '✗ stops', name: `at ${kind}`, detail: `${safe(reason)} (${safe(code)})`, assurance: '' }];
}

function hopLine(hop: Hop, end: string, nowMs: number, style: Style): Line {
  const { name, detail } = shown(hop, nowMs, style);
  return { label: hop.kind, name, detail: `${detail}${end}`, assurance: safe(hop.assurance) };
}

function shown(hop: Hop, nowMs: number, style: Style): { readonly name: string; readonly detail: string } {
  const text = (attribute: string): string => safe(String(hop.attributes[attribute] ?? '–'));
  switch (hop.kind) {
    case 'delegator':
      return { name: text('name'), detail: `uid ${text('uid')}` };
    case 'device':
      return { name: text('name'), detail: `machine-id ${short(text('machineId'))}, ${text('os')}` };
    case 'delegation':
      return { name: short(safe(hop.id)), detail: `until ${instant(text('endsAt'), nowMs, style)}` };
    case 'launch':
      return {
        name: text('name'),
        detail: `${text('path')} at ${instant(text('openedAt'), nowMs, style)}${task(hop)}${unconfined(hop)}${measured(hop)}`,
      };
    case 'agent':
      return { name: text('name'), detail: `since ${instant(text('startedAt'), nowMs, style)}` };
    case 'process':
      if (hop.attributes['delivery'] === 'files')
        return { name: `pid ${text('pid')}`, detail: 'writes it into files, for whoever of its user reads them' };
      return {
        name: `pid ${text('pid')}`,
        detail: `sha256 ${short(text('sha256'))} ${text('path')}${knownBy(hop)}${apart(hop)}${drift(hop, nowMs, style)}`,
      };
    case 'issuer':
      return { name: short(safe(hop.id)), detail: '' };
  }
}

/** The launched process needs no word: that it was pinned is what the launch says. */
const knownBy = (hop: Hop): string => {
  const { membership } = hop.attributes;
  if (membership === 'cgroup') return ', in the control group of its launch';
  return membership === 'ancestor' ? ', below a member of its launch' : '';
};

/** The script that was launched; or what turned out to be another, as it does where a program starts another in its place. */
function measured({ attributes }: Hop): string {
  const { scriptSha256, changed } = attributes;
  if (typeof changed === 'string' && changed !== '') return `, then another ${safe(changed.replaceAll(' ', ' and '))}`;
  return typeof scriptSha256 === 'string' ? `, script ${short(scriptSha256)}` : '';
}

/** From then on the digest of its configuration counts for no rule. */
function drift({ attributes }: Hop, nowMs: number, style: Style): string {
  const { configurationChangedAt: changedAt } = attributes;
  return typeof changedAt === 'string' ? `, its configuration changed ${instant(changedAt, nowMs, style)}` : '';
}

const apart = ({ attributes }: Hop): string =>
  attributes['apart'] === true ? `, under a uid of its launch alone (${safe(String(attributes['uid']))})` : '';

const task = (hop: Hop): string => {
  const declared = hop.attributes['task'];
  return typeof declared === 'string' && declared !== '' ? `, task "${safe(declared)}" (declared)` : '';
};

/** What is weak is said where it is weak; a domain is the launcher's word, and adds no strength. */
const unconfined = ({ attributes }: Hop): string => {
  if (attributes['confinement'] === 'none') return ', not confined';
  return attributes['confinement'] === 'contradicted' ? ', not confined though its launcher said so' : '';
};

function endText(hop: Hop, nowMs: number, style: Style): string {
  const { endedAt, endReason } = hop.attributes;
  if (typeof endedAt !== 'string') return '';
  return `, ended ${instant(endedAt, nowMs, style)} (${safe(String(endReason ?? 'no reason recorded'))})`;
}

function credentialLine({ credential }: Trace, nowMs: number, style: Style): Line {
  const rule = credential.rule === null ? '' : `rule ${safe(credential.rule.name)} v${credential.rule.version}, `;
  const audience = credential.audience.length === 0 ? '' : `for ${credential.audience.map(safe).join(' ')}, `;
  const recorded = `recorded ${preciseInstant(credential.recordedAt, nowMs, style)}`;
  return { label: 'credential', name: short(credential.serial), detail: `${rule}${audience}${recorded}`, assurance: '' };
}

function stateText({ credential }: Trace, nowMs: number, style: Style): string {
  switch (credential.state) {
    case 'valid':
      return `${style.good('valid')}, ${left(credential.notAfter, nowMs, style)}`;
    case 'not-yet-valid':
      return `not yet valid, from ${instant(credential.notBefore, nowMs, style)}`;
    case 'expired':
      return left(credential.notAfter, nowMs, style);
    case 'ended':
      return `${style.warn('ended')}: what it rests on has ended; its last use by ${leftText(credential.notAfter, nowMs, style)}`;
  }
}

const leftText = (notAfter: string, nowMs: number, style: Style): string =>
  style.person ? `${instant(notAfter, nowMs, style)} (in ${duration(Date.parse(notAfter) - nowMs)})` : instant(notAfter, nowMs, style);

function conclusion(trace: Trace, style: Style): string {
  const weakest = Object.entries(trace.weakest)
    .filter(([, word]) => word !== null)
    .map(([ladder, word]) => `${ladder} ${word}`);
  return [
    trace.complete ? style.good('complete') : style.bad('not complete'),
    ...(weakest.length === 0 ? [] : [`weakest: ${weakest.join(', ')}`]),
    ...(trace.separated ? [] : [style.warn(`issuer not separated from its agents${reasons(trace)}, so observed at most`)]),
  ].join(' · ');
}

/** As an ordinary user everything shares one uid, which `up` and `status` say; any other reason is one of this chain. */
function reasons({ notSeparatedBy }: Trace): string {
  const told = notSeparatedBy.filter((reason) => reason !== 'own-user').map(safe);
  return told.length === 0 ? '' : ` (${told.join(', ')})`;
}

const title = (kind: Trace['credential']['kind']): string =>
  ({ 'x509-svid': 'X509-SVID', 'jwt-svid': 'JWT-SVID', 'server-tls': 'server certificate' })[kind];

/** Long ids and digests by their ends. */
const short = (text: string): string => (text.length <= 12 ? text : `${text.slice(0, 4)}…${text.slice(-4)}`);
