// TS2322: Type 'undefined' is not assignable to type 'Promise<void>'
import * as issuance from '../../../src/domain/issuance';
import * as given from '../given/issuance';

export const recorded = (checked: issuance.Checked<issuance.X509Plan>) => issuance.record(checked, given.entry, () => undefined);
