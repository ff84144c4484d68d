// TS2345: is not assignable to parameter of type 'Recorded<
import * as issuance from '../../../src/domain/issuance';
import * as given from '../given/issuance';

export const released = issuance.release({ plan: given.x509Plan });
