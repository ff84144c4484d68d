// TS2345: is not assignable to parameter of type 'Checked<
import * as issuance from '../../../src/domain/issuance';
import * as given from '../given/issuance';

export const again = (recorded: issuance.Recorded<issuance.X509Plan>) => issuance.record(recorded, given.entry, given.append);
