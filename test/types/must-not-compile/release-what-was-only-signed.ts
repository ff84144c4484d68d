// TS2345: is not assignable to parameter of type 'Recorded<
import * as issuance from '../../../src/domain/issuance';

export const released = (signed: issuance.Signed<issuance.X509Plan>) => issuance.release(signed);
