import { Counter, Gauge, Histogram, Registry } from 'prom-client';
import { AUTHORITY_KINDS } from '../domain/authority-life';
import { type ErrorCode, isErrorCode } from '../domain/errors';
import type { AuthorityKind } from '../domain/authority-row';
import type { CommitMeter } from '../domain/ports';
import type { Figures } from './figures';
import type { Profile } from './publication';

export type IssuedKind = 'x509-svid' | 'jwt-svid';
/** Who refused: the rules, the node by itself, a socket of the server, or a verb. */
export type Refuser = 'rules' | 'node' | 'socket' | 'verb';

/** From the fastest commit on a disk of this kind to the patience of a caller. */
const COMMIT_SECONDS = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5];

/**
 * Counts what the server does. No label holds an identifier: neither who asks nor who is asked about can choose a value, and the
 * number of series is fixed (test/server/metrics.test.ts lists every one).
 */
export class Metrics {
  readonly #registry = new Registry();
  readonly #issuances = this.#counter('issuances_total', 'SVIDs asked for, by outcome: issued, or the code of the refusal or failure.', [
    'kind',
    'outcome',
  ]);
  readonly #refusals = this.#counter('refusals_total', 'Refusals by who decided them, and code.', ['by', 'code']);
  readonly #authorityChanges = this.#counter('authority_changes_total', 'Changes of stage of authorities.', ['authority', 'change']);
  readonly #requests = this.#counter('https_requests_total', 'Requests to the published documents.', ['profile', 'document', 'status']);
  readonly #commitFailures = this.#counter('database_commit_failures_total', 'Commits that failed, or whose answer was lost.', []);
  readonly #commits = new Histogram({
    name: 'mandate_database_commit_seconds',
    help: 'Time from sending a batch of records to its commit.',
    buckets: COMMIT_SECONDS,
    registers: [this.#registry],
  });
  readonly #gauges = new Map<string, Gauge>();

  constructor(version: string) {
    this.#gauge('info', 'The version that runs.', { version }, 1);
  }

  issued(kind: IssuedKind, count: number): void {
    this.#issuances.inc({ kind, outcome: 'issued' }, count);
  }

  notIssued(kind: IssuedKind, code: ErrorCode): void {
    this.#issuances.inc({ kind, outcome: code });
  }

  /** A code that is none of ours is counted as `other`: a node says which one it was. */
  refused(by: Refuser, code: string): void {
    this.#refusals.inc({ by, code: isErrorCode(code) ? code : 'other' });
  }

  authorityChanged(authority: AuthorityKind, change: 'prepared' | 'activated' | 'retired' | 'tainted' | 'revoked'): void {
    this.#authorityChanges.inc({ authority, change });
  }

  served(profile: Profile, document: string, status: number): void {
    this.#requests.inc({ profile, document, status });
  }

  readonly commits: CommitMeter = {
    committed: (ms) => this.#commits.observe(ms / 1000),
    failed: () => this.#commitFailures.inc(),
  };

  /** Everything counted so far and these figures, in the Prometheus text format. */
  async expose(figures: Figures): Promise<{ readonly contentType: string; readonly text: string }> {
    this.#set(figures);
    return { contentType: this.#registry.contentType, text: await this.#registry.metrics() };
  }

  #set(figures: Figures): void {
    // What ended since the last time has no value any more.
    for (const gauge of this.#gauges.values()) if (gauge !== this.#gauges.get('info')) gauge.reset();
    for (const { authority, stage, seconds } of figures.authorities)
      this.#gauge('authority_remaining_seconds', 'Time until the last authority of this stage ends.', { authority, stage }, seconds);
    for (const { profile, seconds } of figures.certificates)
      this.#gauge('endpoint_certificate_remaining_seconds', 'Time until the served certificate ends.', { profile }, seconds);
    this.#gauge('bundle_sequence', 'Sequence number of the published bundle.', {}, figures.bundle.sequence);
    for (const authority of AUTHORITY_KINDS)
      this.#gauge('bundle_keys', 'Keys in the published bundle.', { authority }, figures.bundle.keys[authority]);
    if (figures.webFaulty !== undefined)
      this.#gauge('web_endpoint_faulty', '1 while the files of the web endpoint cannot be used.', {}, Number(figures.webFaulty));
    this.#gauge('queue_length', 'What waits for its turn.', { queue: 'records' }, figures.queues.records);
    this.#gauge('queue_length', '', { queue: 'node_requests' }, figures.queues.nodeRequests);
    this.#gauge('node_linked', '1 while the node is linked.', {}, Number(figures.nodeLinked));
    for (const [what, count] of Object.entries(figures.living)) this.#gauge('living', 'What lives on the linked device.', { what }, count);
    for (const [of, delay] of Object.entries(figures.loopDelay))
      for (const [quantile, seconds] of [
        ['0.5', delay.median],
        ['0.99', delay.p99],
        ['1', delay.most],
      ] as const)
        this.#gauge('event_loop_delay_seconds', 'How late the event loop was since the last scrape.', { part: of, quantile }, seconds);
    for (const [of, bytes] of Object.entries(figures.residentBytes))
      this.#gauge('resident_memory_bytes', 'Memory of a process.', { part: of }, bytes);
    for (const [of, seconds] of Object.entries(figures.cpuSeconds))
      this.#gauge('cpu_seconds', 'Processor time of a process since it started.', { part: of }, seconds);
  }

  #counter(name: string, help: string, labelNames: string[]): Counter {
    return new Counter({ name: `mandate_${name}`, help, labelNames, registers: [this.#registry] });
  }

  #gauge(name: string, help: string, labels: Readonly<Record<string, string>>, value: number): void {
    let gauge = this.#gauges.get(name);
    if (!gauge) {
      gauge = new Gauge({ name: `mandate_${name}`, help, labelNames: Object.keys(labels), registers: [this.#registry] });
      this.#gauges.set(name, gauge);
    }
    gauge.set({ ...labels }, value);
  }
}
