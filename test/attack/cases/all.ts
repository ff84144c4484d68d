import type { AttackCase } from '../attack-case';
import { administering, down } from './administering';
import { apart } from './apart';
import { claims } from './claims';
import { execSwap } from './exec-swap';
import { hashing } from './hashing';
import { injection } from './injection';
import { issuer } from './issuer';
import { leaving } from './leaving';
import { lookAlikes } from './look-alikes';
import { nodeLink } from './node-link';
import { connectionsPassedOn } from './passed-on';
import { pidReuse } from './pid-reuse';
import { sameProgram } from './same-program';
import { soleHolder } from './sole-holder';
import { theft } from './theft';
import { zombie } from './zombie';

/** Every case, in the order that they are run in. */
export const CASES: readonly AttackCase[] = [
  ...pidReuse,
  ...execSwap,
  ...sameProgram,
  ...connectionsPassedOn,
  ...soleHolder,
  zombie,
  ...lookAlikes,
  ...injection,
  ...theft,
  ...apart,
  ...claims,
  ...hashing,
  nodeLink,
  ...leaving,
  ...issuer,
  ...administering,
  down,
];
