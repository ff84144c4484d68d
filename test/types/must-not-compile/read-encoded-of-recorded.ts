// TS2576: Property 'encoded' does not exist on type 'Recorded<
import type * as issuance from '../../../src/domain/issuance';

export const bytes = (stage: issuance.Recorded<issuance.X509Plan>) => stage.encoded;
