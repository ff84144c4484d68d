import type { MessageInitShape } from '@bufbuild/protobuf';
import { MandateError } from '../domain/errors';
import type { Entitled } from '../domain/match';
import type { NodeMessage, ServerMessageSchema } from '../generated/proto/mandate/v1/node_link_pb';
import type { DeviceSession } from './device-session';

/** What the server says to its node in one message. */
export type ServerBody = NonNullable<MessageInitShape<typeof ServerMessageSchema>['body']>;

/** Carries out one request of the node and puts the answer into its message; undefined where none is expected. */
export async function answerNode(session: DeviceSession, { body }: NodeMessage): Promise<ServerBody | undefined> {
  switch (body.case) {
    case 'entitlement': {
      const { agent, identities } = await session.entitlement(await session.attested(body.value.evidence));
      return {
        case: 'entitlement',
        value: { agentId: agent.row.id, agentName: agent.row.name, identities: identities.map(wireIdentity) },
      };
    }
    case 'x509': {
      const process = await session.attested(body.value.evidence);
      const { released, identity, identities, agent } = await session.issuer.x509(
        process,
        Buffer.from(body.value.publicKey),
        body.value.spiffeId,
      );
      const { plan } = released;
      return {
        case: 'x509',
        value: {
          spiffeId: plan.spiffeId,
          hint: identity.hint,
          chain: released.encoded,
          serial: plan.serial,
          issuedAtMs: BigInt(plan.issuedAtMs),
          notBeforeMs: BigInt(plan.notBeforeMs),
          notAfterMs: BigInt(plan.notAfterMs),
          identities: identities.map(wireIdentity),
          agentId: agent.row.id,
          agentName: agent.row.name,
          authorityKeyId: plan.authorityKeyId,
        },
      };
    }
    case 'jwt': {
      const issued = await session.issuer.jwt(await session.attested(body.value.evidence), body.value.audience, body.value.spiffeId);
      return {
        case: 'jwt',
        value: {
          svids: issued.map(({ released, identity }) => ({
            spiffeId: released.plan.spiffeId,
            token: released.encoded.toString('latin1'),
            hint: identity.hint,
            jti: released.plan.serial,
            notAfterMs: BigInt(released.plan.notAfterMs),
            sole: sole(identity),
          })),
        },
      };
    }
    case 'launchBegin': {
      const process = await session.attested(body.value.evidence);
      const launcher = body.value.launcher ? await session.attested(body.value.launcher) : process;
      const { agent, identities, joined } = await session.openLaunch(process, launcher, body.value);
      return {
        case: 'launchOpened',
        value: {
          launchId: agent.launch?.id ?? '',
          agentId: agent.row.id,
          agentName: agent.row.name,
          delegationId: agent.delegation.id,
          given: joined ? '' : agent.delegation.given,
          identities: identities.map(wireIdentity),
          joined,
        },
      };
    }
    case 'launchReserve':
      return { case: 'launchReserved', value: { launchId: session.reserveLaunch() } };
    case 'launchEnded':
      await session.launchEnded(body.value.launchId, body.value.reason);
      return undefined;
    case 'processEnded':
      await session.processEnded(body.value.processKey, body.value.reason);
      return undefined;
    case 'refusal':
      await session.nodeRefused(body.value);
      return undefined;
    case 'hello':
    case 'caller':
    case 'agentStopped':
    case 'figures':
    case undefined:
      throw new MandateError('E_REQUEST', { why: 'unknown message' });
  }
}

const wireIdentity = (entitled: Entitled) => ({
  spiffeId: entitled.spiffeId,
  rule: entitled.rule.rule.name,
  ruleVersion: entitled.rule.version,
  hint: entitled.hint,
  jwt: entitled.audiences.length > 0,
  sole: sole(entitled),
  federatesWith: [...entitled.federatesWith],
});

const sole = ({ rule }: Entitled): boolean => rule.rule.require.connection === 'sole';
