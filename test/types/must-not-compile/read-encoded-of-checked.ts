// TS2576: Property 'encoded' does not exist on type 'Checked<
import type * as issuance from '../../../src/domain/issuance';

export const bytes = (stage: issuance.Checked<issuance.X509Plan>) => stage.encoded;
