// TS2345: is not assignable to parameter of type 'Signed<
import * as issuance from '../../../src/domain/issuance';
import * as given from '../given/issuance';

export const checked = issuance.selfCheck(issuance.plan(given.x509Plan), given.x509Check);
