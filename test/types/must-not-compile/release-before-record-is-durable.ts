// TS2345: is not assignable to parameter of type 'Recorded<
import * as issuance from '../../../src/domain/issuance';
import * as given from '../given/issuance';

export const released = (checked: issuance.Checked<issuance.X509Plan>) =>
  issuance.release(issuance.record(checked, given.entry, given.append));
