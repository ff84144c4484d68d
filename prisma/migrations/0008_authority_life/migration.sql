-- An authority that is not trusted any more: tainted (signs nothing, what it signed is being replaced), then revoked (out of the bundle).
ALTER TABLE "authority" DROP CONSTRAINT "authority_stage_check";
ALTER TABLE "authority" ADD CONSTRAINT "authority_stage_check"
    CHECK ("stage" IN ('prepared', 'active', 'retired', 'tainted', 'revoked'));
ALTER TABLE "authority" ADD COLUMN "tainted_at" TIMESTAMPTZ(3);
ALTER TABLE "authority" ADD COLUMN "revoked_at" TIMESTAMPTZ(3);
-- An administrator wants it to take over as soon as it has been published for long enough.
ALTER TABLE "authority" ADD COLUMN "early" BOOLEAN NOT NULL DEFAULT false;
