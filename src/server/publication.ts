import type { Bundle } from '../domain/bundle';
import type { Config } from '../domain/config';
import type { MandateError } from '../domain/errors';
import { atMostPerSecond } from '../domain/per-second';
import type { Clock, LineageWriter, Log, Random } from '../domain/ports';
import { readTlsFiles } from '../system/tls-files';
import { serveDocuments } from './documents';
import { Endpoint, type EndpointAuthority } from './endpoint';
import type { Metrics } from './metrics';
import { publishedDocuments } from './published';
import { WebEndpoint } from './web-endpoint';

/** How an endpoint is checked by who asks it (SPIFFE Federation §5.2). */
export type Profile = 'https_spiffe' | 'https_web';

export interface PublicationParts {
  readonly config: Pick<Config, 'publish' | 'web' | 'oidc'>;
  readonly httpsPort: number;
  readonly hostname: string;
  readonly authorities: { x509(): EndpointAuthority; bundle(): Bundle };
  readonly lineage: LineageWriter;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly metrics: Pick<Metrics, 'served'>;
}

/**
 * Browsers and libraries that keep it come back by https only. The other endpoint does not send it: its certificate is one that they do
 * not accept, and `localhost` is not ours to bind.
 */
const WEB_HEADERS = { 'strict-transport-security': 'max-age=31536000' };

/** Readings that are logged in a second; the metrics count them all. */
const LOGGED_PER_SECOND = 10;

/** The public documents, on the endpoints of both profiles. */
export class Publication {
  private constructor(
    private readonly endpoint: Endpoint,
    private readonly web: WebEndpoint | undefined,
  ) {}

  /** Throws E_PORT_IN_USE and E_CONFIG for the `https_spiffe` endpoint; the other one says what it lacks and goes on. */
  static async open(parts: PublicationParts): Promise<Publication> {
    const { config, authorities, metrics } = parts;
    const documents = publishedDocuments(() => authorities.bundle(), config.oidc.issuer);
    const mayLog = atMostPerSecond(parts.clock, LOGGED_PER_SECOND);
    const answer = (profile: Profile, headers: Readonly<Record<string, string>>) =>
      serveDocuments({
        documents,
        headers,
        served: (document, status, from) => {
          metrics.served(profile, document, status);
          if (mayLog()) parts.log.info({ profile, document, status, from }, 'a public document was read');
        },
      });
    const endpoint = await Endpoint.open({
      ...parts,
      address: config.publish.address,
      port: parts.httpsPort,
      authority: () => authorities.x509(),
      answer: answer('https_spiffe', {}),
    });
    const { web } = config;
    const opened = web && (await WebEndpoint.open({ ...parts, web, readFiles: readTlsFiles, answer: answer('https_web', WEB_HEADERS) }));
    return new Publication(endpoint, opened ?? undefined);
  }

  /** When the certificates that are shown end. */
  get endsAtMs(): Readonly<Record<Profile, number | undefined>> {
    return { https_spiffe: this.endpoint.notAfterMs, https_web: this.web?.notAfterMs };
  }

  /** What the web endpoint lacks; undefined where it lacks nothing, or is not wanted. */
  get webFault(): MandateError | undefined {
    return this.web?.fault;
  }

  get hasWeb(): boolean {
    return this.web !== undefined;
  }

  /** The authorities changed: the SVID of the endpoint is to be one of those that sign now. */
  renew(): Promise<void> {
    return this.endpoint.renew();
  }

  /** Renews what is due, and takes up what others renewed in files. */
  async look(): Promise<void> {
    await this.endpoint.renewIfDue();
    await this.web?.look();
  }

  async close(): Promise<void> {
    await Promise.all([this.endpoint.close(), this.web?.close()]);
  }
}
