// TS2345: is not assignable to parameter of type 'Checked<
import * as issuance from '../../../src/domain/issuance';
import * as given from '../given/issuance';

export const recorded = issuance
  .sign(issuance.plan(given.x509Plan), given.x509Signer)
  .then((signed) => issuance.record(signed, given.entry, given.append));
