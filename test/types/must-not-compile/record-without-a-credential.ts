// TS2379: Property 'credential' is missing in type
import * as issuance from '../../../src/domain/issuance';
import * as given from '../given/issuance';

export const recorded = (checked: issuance.Checked<issuance.X509Plan>) => issuance.record(checked, given.refusal, given.append);
