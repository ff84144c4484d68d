// TS2345: is not assignable to parameter of type 'Recorded<
import * as issuance from '../../../src/domain/issuance';
import * as given from '../given/issuance';

export const released = issuance
  .sign(issuance.plan(given.x509Plan), given.x509Signer)
  .then((signed) => issuance.release(issuance.selfCheck(signed, given.x509Check)));
