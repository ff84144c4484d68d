-- A JWT authority that signs with RS256; `jwt` goes on with ES256.
ALTER TABLE "authority" DROP CONSTRAINT "authority_kind_check";
ALTER TABLE "authority" ADD CONSTRAINT "authority_kind_check"
    CHECK ("kind" IN ('x509', 'jwt', 'jwt-rs256'));
