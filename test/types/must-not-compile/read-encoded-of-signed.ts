// TS2576: Property 'encoded' does not exist on type 'Signed<
import type * as issuance from '../../../src/domain/issuance';

export const bytes = (stage: issuance.Signed<issuance.X509Plan>) => stage.encoded;
